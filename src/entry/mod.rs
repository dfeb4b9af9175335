//! What was seen, cut down to what is kept.
//!
//! An [`Observation`] lives in memory for as long as its exchange. [`Observation::redact`] is the only maker of an
//! [`Entry`], and a journal takes nothing but entries: what the policy does not name cannot reach the disk.

mod outcome;

pub use outcome::{NotARequest, Outcome, Refusal, UpstreamFailure, Who};

use std::net::IpAddr;

use http::{HeaderValue, Method, StatusCode, Uri, Version};
use jiff::Timestamp;

/// All that was seen of an exchange. It has no `Debug` and no `Display`: it cannot be printed.
pub struct Observation {
    /// When the first byte of the request was read.
    pub arrived: Timestamp,
    /// When the last byte of the answer was handed to the connection; `None` if none was sent.
    pub sent: Option<Timestamp>,
    /// The client's address, as far as trusted proxies tell it.
    pub client: IpAddr,
    /// What reverse DNS said of it.
    pub client_host: ClientHost,
    /// The head of the request; `None` for bytes that never became one.
    pub request: Option<RequestHead>,
    /// The status of the answer; `None` if none was sent.
    pub status: Option<StatusCode>,
    /// The bytes of the answer's body that were handed to the connection.
    pub bytes: u64,
    /// How it ended.
    pub outcome: Outcome,
}

/// What an entry may need of a request's head.
pub struct RequestHead {
    /// The method.
    pub method: Method,
    /// The target, origin-form or not, as it was sent.
    pub target: Uri,
    /// The protocol's version.
    pub version: Version,
    /// `Referer`, if it was sent once.
    pub referrer: Option<HeaderValue>,
    /// `User-Agent`.
    pub agent: Option<HeaderValue>,
    /// `Authorization`: only ever read for its user name, and only where the policy keeps that.
    pub authorization: Option<HeaderValue>,
}

/// What reverse DNS, confirmed forward, said of an address.
#[derive(Clone, PartialEq, Eq)]
pub enum ClientHost {
    /// Nobody asked: the policy does not keep it.
    NotAsked,
    /// The address has this name, and the name has this address.
    Confirmed(std::sync::Arc<str>),
    /// The address claims this name, and the name does not have the address.
    Unconfirmed(std::sync::Arc<str>),
    /// The address has no name.
    None,
    /// The answer did not come in time, or too many were asked.
    Timeout,
    /// The resolver failed.
    Failed,
}

/// What is kept of an exchange, and nothing else. Its only maker is [`Observation::redact`].
pub struct Entry {
    /// By which journals order and date segments; written out only if the policy keeps it.
    pub(crate) arrived: Timestamp,
}

impl Observation {
    /// Cuts what was seen down to what the policy keeps. `own_hosts` are the site's host names, in lower case: a referrer
    /// that names one of them is internal.
    pub fn redact(self, _policy: &crate::policy::Policy, _own_hosts: &[Box<str>]) -> Entry {
        Entry { arrived: self.arrived }
    }
}
