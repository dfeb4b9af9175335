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
pub(crate) use codec::Begun;
pub use codec::{Encoder, Record, Undecodable};
pub use outcome::{NotARequest, Outcome, Refusal, UpstreamFailure, Who};
pub(crate) use referrer::{foreign_host, own_path, referring_host};
pub(crate) use url::without_personal_data;

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use http::{HeaderValue, Method, StatusCode, Uri, Version};
use jiff::Timestamp;

use self::codec::Target;
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
/// let entry = townclerk::entry::Entry { access: None.unwrap(), addresses: None };
/// ```
///
/// It is a view of what was seen, and nothing is copied before an [`Encoder`] makes a line of it.
pub struct Entry<'a> {
    access: Record<'a>,
    /// What goes to the log of addresses; `None` where the policy has none.
    addresses: Option<Box<Record<'a>>>,
}

impl Observation {
    /// Cuts what was seen down to what the policy keeps. `own_hosts` are the site's host names, in lower case: a
    /// referrer that names one of them is internal.
    pub fn redact<'a>(&'a self, policy: &'a Policy, own_hosts: &[Box<str>]) -> Entry<'a> {
        let fields = &policy.access.fields;
        let failed = self.outcome.error().is_some() || self.status.is_none_or(|status| status.as_u16() >= 400);
        let mut access = self.request(policy, own_hosts, failed);
        self.add_visitor(fields, &mut access);
        access.sent = self.sent.filter(|_| fields.sent);
        access.status = self.status.filter(|_| fields.status).map(|status| status.as_u16());
        // Readers' integers have 63 bits.
        access.bytes = fields.bytes.then_some(self.bytes.min(i64::MAX as u64));
        access.error = self.outcome.error().filter(|_| fields.error).map(Cow::Borrowed);
        access.first_page = fields.first_page && self.first_page;
        let addresses = policy.addresses.as_ref().map(|log| {
            let mut addresses = Box::new(Record::empty(self.arrived));
            self.add_visitor(&log.fields, &mut addresses);
            addresses
        });
        Entry { access, addresses }
    }

    /// What may be kept of it when it has just arrived: what the policy keeps of a request, whatever becomes of it.
    /// What depends on its end, or goes to the log of addresses, is not there.
    pub fn arrival<'a>(&'a self, policy: &'a Policy, own_hosts: &[Box<str>]) -> Entry<'a> {
        let mut access = self.request(policy, own_hosts, false);
        self.add_visitor(&policy.access.fields, &mut access);
        (access.client_host, access.client_host_status) = (None, None); // nobody has asked yet
        let addresses = None;
        Entry { access, addresses }
    }

    /// What is kept of the request. The page that led to it may be kept because it `failed`.
    fn request<'a>(&'a self, policy: &'a Policy, own_hosts: &[Box<str>], failed: bool) -> Record<'a> {
        let Log { fields, redact, .. } = &policy.access;
        let mut record = Record::empty(self.arrived);
        record.timestamp = fields.arrived.then_some(self.arrived);
        record.target = fields.url.then_some(None);
        record.policy_version = fields.policy_version.then(|| policy.version.as_bytes().into());
        let Some(request) = &self.request else { return record };
        record.protocol = fields.protocol.then(|| codec::version(request.version));
        record.method = fields.method.then(|| text::method(&request.method).into());
        if fields.url {
            let url = request.target.path_and_query().map(|url| url.as_str().as_bytes());
            record.target = Some(url.map(|url| Target::of(url::redact(url, redact).map_or(url.into(), Cow::from))));
        }
        let internal = fields.internal_referrer_on_errors && failed;
        if internal || fields.external_referrer != ReferrerRule::Omitted {
            match request
                .referrer
                .as_ref()
                .and_then(|value| Referrer::read(value, own_hosts))
            {
                Some(Referrer::External(page)) => {
                    record.external_referrer = page.external(fields.external_referrer, redact);
                }
                Some(Referrer::Internal(page)) if internal => record.internal_referrer = Some(page.internal(redact)),
                Some(Referrer::Internal(_)) | None => {}
            }
        }
        record
    }

    /// Adds what tells who the visitor is: [`Field::OF_A_VISITOR`](crate::policy::Field::OF_A_VISITOR).
    fn add_visitor<'a>(&'a self, fields: &Fields, record: &mut Record<'a>) {
        record.client_address = address::redact(self.client, fields.client_address);
        if fields.client_host {
            (record.client_host_status, record.client_host) = self.client_host.kept();
        }
        let Some(request) = &self.request else { return };
        record.user_agent = request
            .agent
            .as_ref()
            .and_then(|agent| agent::redact(agent, fields.user_agent));
        if fields.auth_user {
            record.auth_user = request
                .authorization
                .as_ref()
                .and_then(|authorization| user::name(authorization.as_bytes()));
        }
    }
}

impl ClientHost {
    /// How the look-up ended, and the name if it was confirmed. A name that is only claimed is not kept: whoever holds
    /// an address can claim any.
    fn kept(&self) -> (Option<Cow<'_, str>>, Option<Cow<'_, [u8]>>) {
        let (status, name) = match self {
            Self::NotAsked => return (None, None),
            Self::Confirmed(name) => ("confirmed", Some(name.as_bytes().into())),
            Self::Unconfirmed(_) => ("unconfirmed", None),
            Self::None => ("none", None),
            Self::Timeout => ("timeout", None),
            Self::Failed => ("failed", None),
        };
        (Some(status.into()), name)
    }
}
