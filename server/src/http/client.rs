//! The client of an HTTP connection: where it is, and whether others can read along.

use std::net::IpAddr;

use crate::pg::Peer;

/// The other end of a connection; every request of it carries this.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    /// Where it is.
    pub address: IpAddr,
    /// Whether what it sends and gets is encrypted.
    pub encrypted: bool,
}

impl Client {
    /// As the endpoint tells of clients.
    pub fn peer(self) -> Peer {
        Peer {
            address: Some(self.address),
            encrypted: self.encrypted,
        }
    }
}
