//! What was seen, cut down to what is kept.
//!
//! An [`Observation`] lives in memory for as long as its exchange. [`Observation::redact`] is the only maker of an
//! [`Entry`], and a journal takes nothing but entries: what the policy does not name cannot reach the disk. An
//! [`Encoder`] writes entries as lines, and a [`Record`] is what such a line says. Where the policy has a log of
//! addresses an entry has two lines, one for each log.

mod address;
mod agent;
mod codec;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod outcome;
mod referrer;
#[cfg(test)]
mod tests;
mod text;
mod url;
mod user;

pub(crate) use agent::Family;
pub use codec::{Encoder, Record, Undecodable};
pub use outcome::{NotARequest, Outcome, Refusal, UpstreamFailure, Who};
pub(crate) use referrer::{foreign_host, own_path, referring_host};
pub(crate) use url::without_personal_data;

use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, Uri, Version};
use jiff::Timestamp;

use self::agent::Agent;
use self::referrer::Referrer;
use crate::policy::{Fields, Log, Policy, ReferrerRule};

/// All that was seen of an exchange. It has no `Debug` and no `Display`: it cannot be printed.
///
/// ```compile_fail,E0277
/// fn print(seen: townclerk::entry::Observation) {
///     println!("{seen:?}");
/// }
/// ```
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
    /// Whether the answer marked its page as the first one of the visit.
    pub first_page: bool,
    /// How it ended.
    pub outcome: Outcome,
}

/// What an entry may need of a request's head.
#[derive(Clone)]
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
    Confirmed(Arc<str>),
    /// The address claims this name, and the name does not have the address.
    Unconfirmed(Arc<str>),
    /// The address has no name.
    None,
    /// The answer did not come in time, or too many were asked.
    Timeout,
    /// The resolver failed.
    Failed,
}

/// What is kept of an exchange, and nothing else. Its only maker is [`Observation::redact`]:
///
/// ```compile_fail,E0451
/// let entry = townclerk::entry::Entry { arrived: jiff::Timestamp::UNIX_EPOCH, kept: Box::default() };
/// ```
///
/// It is three words long, so that a queue of entries is small, and it can be sent to another thread.
pub struct Entry {
    /// By which journals order and date segments; written out only if the policy keeps it.
    pub(crate) arrived: Timestamp,
    kept: Box<Kept>,
}

/// One member for each [`Field`](crate::policy::Field); what is not kept, or was not there, is `None` or `false`.
struct Kept {
    arrived: bool,
    sent: Option<Timestamp>,
    visitor: Visitor,
    /// What goes to the log of addresses; `None` where the policy has none.
    apart: Option<Box<Visitor>>,
    method: Option<Method>,
    url: Option<Url>,
    protocol: Option<Version>,
    status: Option<StatusCode>,
    bytes: Option<u64>,
    error: Option<&'static str>,
    external_referrer: Option<Box<[u8]>>,
    internal_referrer: Option<Box<[u8]>>,
    first_page: bool,
    policy_version: Option<Box<str>>,
}

/// What tells who the visitor is: [`Field::OF_A_VISITOR`](crate::policy::Field::OF_A_VISITOR).
#[derive(Default)]
struct Visitor {
    client_address: Option<IpAddr>,
    client_host: Option<Host>,
    user_agent: Option<Agent>,
    auth_user: Option<Box<[u8]>>,
}

/// The client's host name: how the look-up ended, and the name if it was confirmed. A name that is only claimed is not
/// kept: whoever holds an address can claim any.
struct Host {
    status: &'static str,
    name: Option<Arc<str>>,
}

/// The path and query.
enum Url {
    /// The exchange had none.
    None,
    /// What was left of them.
    Left(Box<[u8]>),
}

impl Observation {
    /// Cuts what was seen down to what the policy keeps. `own_hosts` are the site's host names, in lower case: a
    /// referrer that names one of them is internal.
    pub fn redact(self, policy: &Policy, own_hosts: &[Box<str>]) -> Entry {
        let fields = &policy.access.fields;
        let failed = self.outcome.error().is_some() || self.status.is_none_or(|status| status.as_u16() >= 400);
        let mut kept = Kept {
            arrived: fields.arrived,
            sent: self.sent.filter(|_| fields.sent),
            visitor: self.visitor(fields),
            apart: policy.addresses.as_ref().map(|log| Box::new(self.visitor(&log.fields))),
            method: None,
            url: fields.url.then_some(Url::None),
            protocol: None,
            status: self.status.filter(|_| fields.status),
            // Readers' integers have 63 bits.
            bytes: fields.bytes.then_some(self.bytes.min(i64::MAX as u64)),
            error: self.outcome.error().filter(|_| fields.error),
            external_referrer: None,
            internal_referrer: None,
            first_page: fields.first_page && self.first_page,
            policy_version: fields.policy_version.then(|| policy.version.as_str().into()),
        };
        if let Some(request) = self.request {
            kept.add(request, &policy.access, failed, own_hosts);
        }
        Entry {
            arrived: self.arrived,
            kept: Box::new(kept),
        }
    }

    /// What may be kept of it when it has just arrived: what the policy keeps of a request, whatever becomes of it.
    /// What depends on its end, or goes to the log of addresses, is not there.
    pub fn arrival(&self, policy: &Policy, own_hosts: &[Box<str>]) -> Entry {
        let arrived = Self {
            arrived: self.arrived,
            sent: None,
            client: self.client,
            client_host: ClientHost::NotAsked,
            request: self.request.clone(),
            status: Some(StatusCode::OK), // nothing is kept because it failed
            bytes: 0,
            first_page: false,
            outcome: Outcome::Completed,
        };
        let mut entry = arrived.redact(policy, own_hosts);
        (entry.kept.status, entry.kept.bytes, entry.kept.apart) = (None, None, None);
        entry
    }

    fn visitor(&self, fields: &Fields) -> Visitor {
        let request = self.request.as_ref();
        let agent = request.and_then(|request| request.agent.as_ref());
        let authorization = request.and_then(|request| request.authorization.as_ref());
        Visitor {
            client_address: address::redact(self.client, fields.client_address),
            client_host: self.client_host.kept().filter(|_| fields.client_host),
            user_agent: agent.and_then(|agent| agent::redact(agent, fields.user_agent)),
            auth_user: authorization
                .filter(|_| fields.auth_user)
                .and_then(|authorization| user::name(authorization.as_bytes())),
        }
    }
}

impl Kept {
    fn add(&mut self, request: RequestHead, log: &Log, failed: bool, own_hosts: &[Box<str>]) {
        let (fields, redact) = (&log.fields, &log.redact);
        self.protocol = fields.protocol.then_some(request.version);
        self.method = if fields.method {
            text::bounded(request.method)
        } else {
            None
        };
        if fields.url
            && let Some(url) = request.target.path_and_query()
        {
            let url = url.as_str().as_bytes();
            self.url = Some(Url::Left(text::copy_url(
                url::redact(url, redact).as_deref().unwrap_or(url),
            )));
        }
        let internal = fields.internal_referrer_on_errors && failed;
        if internal || fields.external_referrer != ReferrerRule::Omitted {
            match request
                .referrer
                .as_ref()
                .and_then(|value| Referrer::read(value, own_hosts))
            {
                Some(Referrer::External(page)) => {
                    self.external_referrer = page.external(fields.external_referrer, redact)
                }
                Some(Referrer::Internal(page)) if internal => self.internal_referrer = Some(page.internal(redact)),
                Some(Referrer::Internal(_)) | None => {}
            }
        }
    }
}

impl Url {
    /// The path, and the query if there is one; `None` if the exchange had no target.
    fn parts(&self) -> Option<(&[u8], Option<&[u8]>)> {
        match self {
            Self::None => None,
            Self::Left(url) => Some(match memchr::memchr(b'?', url) {
                Some(mark) => (&url[..mark], Some(&url[mark + 1..])),
                None => (url, None),
            }),
        }
    }
}

impl ClientHost {
    fn kept(&self) -> Option<Host> {
        let (status, name) = match self {
            Self::NotAsked => return None,
            Self::Confirmed(name) => ("confirmed", Some(Arc::clone(name))),
            Self::Unconfirmed(_) => ("unconfirmed", None),
            Self::None => ("none", None),
            Self::Timeout => ("timeout", None),
            Self::Failed => ("failed", None),
        };
        Some(Host { status, name })
    }
}
