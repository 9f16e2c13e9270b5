//! The client of an HTTP connection: its address, and whether the connection is encrypted.

use std::net::IpAddr;

use crate::pg::Peer;

/// Describes the client of a connection; every request carries it as an extension.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// The client's address.
    pub address: IpAddr,
    /// Whether the connection is encrypted.
    pub encrypted: bool,
}

impl Client {
    /// Converts to the form that sessions of the Postgres endpoint have.
    pub fn peer(self) -> Peer {
        Peer {
            address: Some(self.address),
            encrypted: self.encrypted,
        }
    }
}
