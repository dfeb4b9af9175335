//! `townclerk.toml` as written, and what it means.
//!
//! [`Config::load`] reads it with every policy it names. `config/townclerk.toml` shows every setting, its unit and its
//! default; paths are relative to the folder of the file that names them.

mod defaults;
mod host;
mod listen;
mod load;
mod site;
#[cfg(test)]
mod tests;
mod upstream;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;

use crate::journal;
use crate::policy::Policy;
use crate::reader::Faults;

/// What will run: every file read, every value checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Where plain HTTP is spoken.
    pub http: Vec<SocketAddr>,
    /// Where HTTP over TLS is spoken.
    pub https: Vec<SocketAddr>,
    /// The certificates for `https`, each for the host names that stand in it; the first for all others.
    pub tls: Vec<Tls>,
    /// Threads that serve, each with its own listeners and upstream connections. Default: one a core.
    pub workers: usize,
    /// Whose `X-Forwarded-*` and `Forwarded` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Of `http` and `https` those that only trusted proxies connect to, and where each connection begins with a header
    /// of the PROXY protocol, version 1 or 2. Default: none.
    pub proxy_protocol: Vec<SocketAddr>,
    /// What a client may hold or send.
    pub limits: Limits,
    /// How host names of clients are looked up.
    pub resolver: Resolver,
    /// At least one; the first also records what belongs to none.
    pub sites: Vec<Site>,
}

impl Config {
    /// Reads `townclerk.toml` and every file it names. Opens no port and no journal.
    ///
    /// # Errors
    ///
    /// Everything that is wrong in any of the files.
    pub fn load(path: &Path) -> Result<Self, Faults> {
        load::load(path, &load::read_file)
    }
}

/// A certificate and its key, PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tls {
    /// The chain, the site's own certificate first.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// One site: its names, the CMS behind it, what is promised there, and where its journal is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its host names in lower case, without port; IPv6 addresses without brackets, in their canonical form.
    pub hosts: Vec<Box<str>>,
    /// The CMS.
    pub upstream: Upstream,
    /// Where the policy was read from.
    pub policy_file: PathBuf,
    /// The policy as it is written, to be kept beside the journal.
    pub policy_text: String,
    /// The policy.
    pub policy: Policy,
    /// The journal.
    pub journal: journal::Settings,
}

/// An HTTP/1.1 server, at one place or at several that are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// At least one.
    pub origins: Vec<Origin>,
    /// The authority that vouches for it over https, a PEM file. Default: those of the system.
    pub ca: Option<PathBuf>,
    /// To connect to one address; the TLS handshake and, for the first, the name look-up included. Default 5 s.
    pub connect_timeout: Duration,
    /// From the last byte of the request to the first of the answer. Default 60 s.
    pub answer_timeout: Duration,
    /// An idle connection is not used again after this; below the CMS's own limit (Apache, Node: 5 s). Default 4 s.
    pub idle_timeout: Duration,
}

/// Where a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// `http://host[:port]`.
    Http {
        /// A name or an address, without brackets.
        host: String,
        /// Default 80.
        port: u16,
    },
    /// `https://host[:port]`. Its certificate must be for this host.
    Https {
        /// A name or an address, without brackets.
        host: String,
        /// Default 443.
        port: u16,
    },
    /// `unix:/path`: a socket in the file system.
    Unix(PathBuf),
}

/// What a client may hold or send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Open connections, all workers together. Default 10,000.
    pub connections: usize,
    /// A request's head, in bytes: 8 KiB to 1 MiB. Default 64 KiB.
    pub head_bytes: usize,
    /// Fields of a head. Default 100.
    pub head_fields: usize,
    /// A request's body, in bytes. Default 100 MiB.
    pub body_bytes: u64,
    /// For a TLS handshake, and for a head from its first byte to its last. Default 10 s.
    pub head_time: Duration,
    /// For a connection between requests, and a tunnel without traffic is given ten times as long. Default 75 s.
    pub idle_time: Duration,
    /// Without a byte moving in a body, either way. Default 30 s.
    pub stall_time: Duration,
    /// For a whole exchange, tunnels apart. Default 1 h.
    pub exchange_time: Duration,
    /// For open exchanges to end when townclerk stops; docker kills after ten seconds. Default 8 s.
    pub drain_time: Duration,
}

/// How host names of clients are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolver {
    /// Name servers; empty: the system's. They learn the visitors' addresses, so they should be the office's own.
    pub servers: Vec<SocketAddr>,
    /// An entry waits at most this long for a name; the exchange never does. Default 1 s.
    pub deadline: Duration,
    /// Names remembered, per worker. Default 4,096.
    pub cache: usize,
    /// Look-ups at a time, per worker; beyond them the status is `timeout`. Default 64.
    pub at_once: usize,
}
