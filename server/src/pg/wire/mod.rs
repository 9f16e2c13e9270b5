//! The PostgreSQL protocol on the wire: frames, messages, the start of a connection, and TLS. Nothing here uses sessions.

pub mod framing;
pub mod frontend;
pub mod startup;
pub mod tls;
