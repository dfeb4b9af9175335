//! `townclerk.toml` as written, and what it means.
//!
//! [`Config::load`] reads it with every policy it names. `config/townclerk.toml` shows every setting, its unit and its
//! default; paths are relative to the folder of the file that names them.

mod acme;
mod admin;
mod defaults;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod listen;
mod load;
mod site;
#[cfg(test)]
mod tests;
mod upstream;
mod witness;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use ipnet::IpNet;

pub use self::acme::{Acme, Challenge};
pub use self::admin::AdminPlace;
pub(crate) use self::load::{Unreadable, read_file};

use crate::journal;
use crate::policy::{Lang, Policy};
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
    /// The authority that certifies names of the sites by itself. Default: none is asked.
    pub acme: Option<Acme>,
    /// Threads that serve, each with its own listeners and upstream connections. Default: one a core.
    pub workers: usize,
    /// Whose `X-Forwarded-*` and `Forwarded` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Of `http` and `https` those that only trusted proxies connect to, and where each connection begins with a header
    /// of the PROXY protocol, version 1 or 2. Default: none.
    pub proxy_protocol: Vec<SocketAddr>,
    /// Where the administrator's programs are listened to. Default: nowhere.
    pub admin: Vec<AdminPlace>,
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
        load::load(path, &read_file)
    }

    /// The same, with every file read in this way.
    ///
    /// # Errors
    ///
    /// As above.
    pub(crate) fn load_by(path: &Path, read: &dyn Fn(&Path) -> Result<String, Unreadable>) -> Result<Self, Faults> {
        load::load(path, read)
    }

    /// The same with these texts for files that are not written yet.
    ///
    /// # Errors
    ///
    /// As above.
    pub(crate) fn load_drafts(path: &Path, drafts: &[(PathBuf, String)]) -> Result<Self, Faults> {
        load::load(path, &|file| match drafts.iter().find(|(draft, _)| draft == file) {
            Some((_, text)) => Ok(text.clone()),
            None => read_file(file),
        })
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
    /// What visitors see while it does not answer. Default: a page of ours.
    pub error_page: Option<ErrorPage>,
    /// Where the policy was read from.
    pub policy_file: PathBuf,
    /// The policy as it is written, to be kept beside the journal.
    pub policy_text: String,
    /// The policy.
    pub policy: Policy,
    /// The file of the keys that cookies are sealed with. Default: the journal's folder and `.cookies.key`, if the
    /// policy wants them sealed.
    pub cookie_keys: Option<PathBuf>,
    /// The path of the site at which the statement is served, `/polityka-prywatnosci`. Default: it is not served.
    pub statement: Option<Box<str>>,
    /// The path of the site at which browsers report calls to other sites, where the policy has `[third_parties]`.
    /// Default: `/townclerk-reports`.
    pub browser_reports: Box<str>,
    /// The journal.
    pub journal: journal::Settings,
}

/// A page of the office's own, for 502, 503 and 504. HTML as it was read, never empty, 1 MiB at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorPage {
    /// One for everybody.
    One(Bytes),
    /// One in each language, which visitors get as their browser prefers.
    Each {
        /// In Polish.
        pl: Bytes,
        /// In English.
        en: Bytes,
    },
}

impl ErrorPage {
    /// The page in this language, if it is there in several.
    pub fn get(&self, lang: Lang) -> &Bytes {
        match (self, lang) {
            (Self::One(page), _) => page,
            (Self::Each { pl, .. }, Lang::Pl) => pl,
            (Self::Each { en, .. }, Lang::En) => en,
        }
    }

    /// Whether it is there in several.
    pub fn has_languages(&self) -> bool {
        matches!(self, Self::Each { .. })
    }
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
    /// What it may get wrong. Default: nothing.
    pub lenient: Lenient,
}

/// Faults of old servers that are put up with; without these they end in 502.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lenient {
    /// A field that goes on in the next line, after a space (obs-fold; RFC 9112, section 5.2). It is joined.
    pub folded_fields: bool,
    /// Spaces between the name of a field and its colon (RFC 9112, section 5.1). They are taken out.
    pub space_before_colon: bool,
    /// Lines that are no field. They are left out.
    pub broken_fields: bool,
    /// It knows fields by names like `Content-Length` only, and not in small letters (RFC 9110, section 5.1).
    pub title_case: bool,
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
    /// Open exchanges, all workers and connections together; WebSockets among them. Default 10,000.
    pub exchanges: usize,
    /// A request's head, in bytes: 8 KiB to 1 MiB. Default 64 KiB.
    pub head_bytes: usize,
    /// Fields of a head. Default 100.
    pub head_fields: usize,
    /// A request's body, in bytes. Default 100 MiB.
    pub body_bytes: u64,
    /// For a TLS handshake, and for a head from its first byte to its last; for the first of a connection, and the
    /// preface of HTTP/2, from the connection's begin. Default 10 s.
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
