//! What a line holds.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::decode::{self, Undecodable};
use crate::entry::{Entry, Host, Url, Visitor, agent};
use crate::journal::Format;

/// What a line of a journal holds. It is read, never written: a journal takes entries only, and a record is none.
///
/// Every accessor is named after the line's member, see [`Encoder`](super::Encoder), and is `None` or `false` where the
/// line does not say. Texts are bytes as they were sent, redacted, perhaps ending in `[cut]`. It has no `Debug` and no
/// `Display`: it cannot be printed by accident.
///
/// ```compile_fail,E0277
/// fn print(record: townclerk::entry::Record<'_>) {
///     println!("{record:?}");
/// }
/// ```
pub struct Record<'a> {
    pub(super) timestamp: Option<Timestamp>,
    /// A time on the day of its arrival.
    pub(super) day: Timestamp,
    pub(super) sent: Option<Timestamp>,
    pub(super) client_address: Option<IpAddr>,
    pub(super) client_host: Option<Cow<'a, [u8]>>,
    pub(super) client_host_status: Option<Cow<'a, str>>,
    pub(super) method: Option<Cow<'a, str>>,
    /// `Some(None)` where targets are kept and there was none.
    pub(super) target: Option<Option<Target<'a>>>,
    pub(super) protocol: Option<&'static str>,
    pub(super) status: Option<u16>,
    pub(super) bytes: Option<u64>,
    pub(super) error: Option<Cow<'a, str>>,
    pub(super) external_referrer: Option<Cow<'a, [u8]>>,
    pub(super) internal_referrer: Option<Cow<'a, [u8]>>,
    pub(super) user_agent: Option<Agent<'a>>,
    pub(super) auth_user: Option<Cow<'a, [u8]>>,
    pub(super) first_page: bool,
    pub(super) policy_version: Option<Cow<'a, [u8]>>,
    pub(super) arrival: Option<u64>,
}

/// A path and perhaps a query.
pub(super) struct Target<'a> {
    pub(super) path: Cow<'a, [u8]>,
    pub(super) query: Option<Cow<'a, [u8]>>,
}

/// What is kept of an agent.
pub(super) enum Agent<'a> {
    /// As it was sent.
    Original(Cow<'a, [u8]>),
    /// Its family.
    Name(Cow<'a, [u8]>),
}

impl<'a> Record<'a> {
    /// Reads a line, without its `\n`, of a segment that was begun on `day`.
    ///
    /// What Combined Log Format has no sign for of its own is read as it stands: an arrival that was not kept as
    /// midnight, the family of a browser as what the browser said.
    ///
    /// # Errors
    ///
    /// When the line is not one that an [`Encoder`](super::Encoder) of this format writes. Members may be absent, but
    /// none may be unknown, doubled or of another shape.
    pub fn decode(line: &'a [u8], format: Format, day: Date) -> Result<Self, Undecodable> {
        let midnight = Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).map_err(|_| Undecodable)?;
        decode::decode(line, format, Self::empty(midnight)).ok_or(Undecodable)
    }

    /// What an entry's line will hold.
    pub(super) fn of(entry: &'a Entry) -> Self {
        let kept = &*entry.kept;
        Self {
            timestamp: kept.arrived.then_some(entry.arrived),
            sent: kept.sent,
            method: kept.method.as_ref().map(|method| method.as_str().into()),
            target: kept.url.as_ref().map(Target::of),
            protocol: kept.protocol.map(super::version),
            status: kept.status.map(|status| status.as_u16()),
            bytes: kept.bytes,
            error: kept.error.map(Cow::Borrowed),
            external_referrer: kept.external_referrer.as_deref().map(Cow::Borrowed),
            internal_referrer: kept.internal_referrer.as_deref().map(Cow::Borrowed),
            first_page: kept.first_page,
            policy_version: kept
                .policy_version
                .as_deref()
                .map(|version| Cow::Borrowed(version.as_bytes())),
            ..Self::of_visitor(&kept.visitor, entry.arrived)
        }
    }

    /// What its line in the log of addresses will hold.
    pub(super) fn of_addresses(entry: &'a Entry) -> Self {
        match &entry.kept.apart {
            Some(visitor) => Self::of_visitor(visitor, entry.arrived),
            None => Self::empty(entry.arrived),
        }
    }

    fn of_visitor(visitor: &'a Visitor, day: Timestamp) -> Self {
        let Visitor {
            client_address,
            client_host,
            user_agent,
            auth_user,
        } = visitor;
        let (status, name) = match client_host {
            Some(Host { status, name }) => (Some(Cow::Borrowed(*status)), name.as_deref()),
            None => (None, None),
        };
        Self {
            client_address: *client_address,
            client_host: name.map(|name| Cow::Borrowed(name.as_bytes())),
            client_host_status: status,
            user_agent: user_agent.as_ref().map(Agent::of),
            auth_user: auth_user.as_deref().map(Cow::Borrowed),
            ..Self::empty(day)
        }
    }

    /// Adds what the log of addresses holds about the same exchange.
    pub(crate) fn join(&mut self, addresses: Self) {
        let Self {
            client_address,
            client_host,
            client_host_status,
            user_agent,
            auth_user,
            ..
        } = addresses;
        self.client_address = self.client_address.or(client_address);
        self.client_host = self.client_host.take().or(client_host);
        self.client_host_status = self.client_host_status.take().or(client_host_status);
        self.user_agent = self.user_agent.take().or(user_agent);
        self.auth_user = self.auth_user.take().or(auth_user);
    }

    fn empty(day: Timestamp) -> Self {
        Self {
            timestamp: None,
            day,
            sent: None,
            client_address: None,
            client_host: None,
            client_host_status: None,
            method: None,
            target: None,
            protocol: None,
            status: None,
            bytes: None,
            error: None,
            external_referrer: None,
            internal_referrer: None,
            user_agent: None,
            auth_user: None,
            first_page: false,
            policy_version: None,
            arrival: None,
        }
    }

    /// `timestamp`: arrival, to the millisecond in JSON Lines, to the second in Combined Log Format.
    pub fn timestamp(&self) -> Option<Timestamp> {
        self.timestamp
    }

    /// Arrival; where it is not kept, midnight of the day on which the segment was begun.
    pub fn timestamp_or_midnight(&self) -> Timestamp {
        const DAY: i64 = 86_400;
        self.timestamp.unwrap_or_else(|| {
            let midnight = self.day.as_second().div_euclid(DAY) * DAY;
            Timestamp::from_second(midnight).unwrap_or(Timestamp::MIN)
        })
    }

    /// `townclerk.sent`: when the last byte of the answer was handed over.
    pub fn sent(&self) -> Option<Timestamp> {
        self.sent
    }

    /// `client.address`, whole or shortened.
    pub fn client_address(&self) -> Option<IpAddr> {
        self.client_address
    }

    /// `townclerk.client.host`: the confirmed host name.
    pub fn client_host(&self) -> Option<&[u8]> {
        self.client_host.as_deref()
    }

    /// `townclerk.client.host_status`: how the look-up of the host name ended.
    pub fn client_host_status(&self) -> Option<&str> {
        self.client_host_status.as_deref()
    }

    /// `http.request.method` or `method_original`.
    pub fn http_request_method(&self) -> Option<&str> {
        self.method.as_deref()
    }

    /// `url.path`.
    pub fn url_path(&self) -> Option<&[u8]> {
        Some(&self.target.as_ref()?.as_ref()?.path)
    }

    /// `url.query`.
    pub fn url_query(&self) -> Option<&[u8]> {
        self.target.as_ref()?.as_ref()?.query.as_deref()
    }

    /// `network.protocol.version`: `0.9`, `1.0`, `1.1`, `2` or `3`.
    pub fn network_protocol_version(&self) -> Option<&'static str> {
        self.protocol
    }

    /// `http.response.status_code`, from 100 to 999.
    pub fn http_response_status_code(&self) -> Option<u16> {
        self.status
    }

    /// `http.response.body.size`, in bytes.
    pub fn http_response_body_size(&self) -> Option<u64> {
        self.bytes
    }

    /// `error.type`, see [`Outcome::error`](crate::entry::Outcome::error).
    pub fn error_type(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// `http.request.header.referer`: the page of another site.
    pub fn external_referrer(&self) -> Option<&[u8]> {
        self.external_referrer.as_deref()
    }

    /// `townclerk.referrer.internal`: the page of this site that holds a broken link.
    pub fn internal_referrer(&self) -> Option<&[u8]> {
        self.internal_referrer.as_deref()
    }

    /// `user_agent.original`: what the browser said of itself.
    pub fn user_agent_original(&self) -> Option<&[u8]> {
        match &self.user_agent {
            Some(Agent::Original(text)) => Some(text),
            _ => None,
        }
    }

    /// `user_agent.name`: its family.
    pub fn user_agent_name(&self) -> Option<&[u8]> {
        match &self.user_agent {
            Some(Agent::Name(name)) => Some(name),
            _ => None,
        }
    }

    /// `user.name`, of HTTP authentication.
    pub fn user_name(&self) -> Option<&[u8]> {
        self.auth_user.as_deref()
    }

    /// `townclerk.visit.first_page`: whether the line says that the page was the first one of the visit.
    pub fn is_first_page(&self) -> bool {
        self.first_page
    }

    /// `townclerk.arrival`: the index in the log of arrivals of what was known of the exchange before it was answered.
    pub fn arrival(&self) -> Option<u64> {
        self.arrival
    }

    /// `townclerk.policy.version`.
    pub fn policy_version(&self) -> Option<&[u8]> {
        self.policy_version.as_deref()
    }
}

impl<'a> Target<'a> {
    fn of(url: &'a Url) -> Option<Self> {
        let (path, query) = url.parts()?;
        Some(Self {
            path: path.into(),
            query: query.map(Cow::Borrowed),
        })
    }
}

impl<'a> Agent<'a> {
    fn of(agent: &'a agent::Agent) -> Self {
        match agent {
            agent::Agent::Whole(text) => Self::Original(Cow::Borrowed(text)),
            agent::Agent::Family(family) => {
                let mut name = Vec::with_capacity(32);
                family.write(&mut name);
                Self::Name(name.into())
            }
        }
    }
}
