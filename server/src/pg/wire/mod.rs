//! The protocol on the wire: frames and messages, how a connection starts, and TLS. It knows nothing of sessions.

pub mod framing;
pub mod frontend;
pub mod startup;
pub mod tls;
