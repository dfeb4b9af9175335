//! A door for `fuzz/`, which is another crate; in no other build.

use std::net::IpAddr;

use super::proxy_protocol;

/// What the first bytes of a connection are to the PROXY protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// A header of this length, and whose connection it is.
    Whole(usize, Option<IpAddr>),
    /// The beginning of one.
    Incomplete,
    /// None.
    Malformed,
}

/// Reads them.
pub fn proxy_header(bytes: &[u8]) -> Header {
    match proxy_protocol::parse(bytes) {
        proxy_protocol::Header::Whole { length, client } => Header::Whole(length, client),
        proxy_protocol::Header::Incomplete => Header::Incomplete,
        proxy_protocol::Header::Malformed => Header::Malformed,
    }
}
