//! What a line holds.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;

use super::decode::{self, Undecodable};
use crate::entry::text::{self, Limit};
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
    pub(in crate::entry) timestamp: Option<Timestamp>,
    /// A time on the day of its arrival.
    pub(in crate::entry) day: Timestamp,
    pub(in crate::entry) sent: Option<Timestamp>,
    pub(in crate::entry) client_address: Option<IpAddr>,
    pub(in crate::entry) client_host: Option<Cow<'a, [u8]>>,
    pub(in crate::entry) client_host_status: Option<Cow<'a, str>>,
    pub(in crate::entry) method: Option<Cow<'a, str>>,
    /// `Some(None)` where targets are kept and there was none.
    pub(in crate::entry) target: Option<Option<Target<'a>>>,
    pub(in crate::entry) protocol: Option<&'static str>,
    pub(in crate::entry) status: Option<u16>,
    pub(in crate::entry) bytes: Option<u64>,
    pub(in crate::entry) error: Option<Cow<'a, str>>,
    pub(in crate::entry) external_referrer: Option<Cow<'a, [u8]>>,
    pub(in crate::entry) internal_referrer: Option<Cow<'a, [u8]>>,
    pub(in crate::entry) user_agent: Option<Agent<'a>>,
    pub(in crate::entry) auth_user: Option<Cow<'a, [u8]>>,
    pub(in crate::entry) first_page: bool,
    pub(in crate::entry) policy_version: Option<Cow<'a, [u8]>>,
    pub(in crate::entry) arrival: Option<u64>,
}

/// A path and perhaps a query.
pub(in crate::entry) struct Target<'a> {
    pub(in crate::entry) path: Cow<'a, [u8]>,
    pub(in crate::entry) query: Option<Cow<'a, [u8]>>,
}

/// What is kept of an agent.
pub(in crate::entry) enum Agent<'a> {
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
        let mut record = Self::empty(midnight);
        decode::decode(line, format, &mut record).ok_or(Undecodable)?;
        Ok(record)
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

    /// A record that says nothing, of this day.
    pub(in crate::entry) fn empty(day: Timestamp) -> Self {
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
    /// Each part as far as a line holds it.
    pub(in crate::entry) fn of(url: Cow<'a, [u8]>) -> Self {
        match url {
            Cow::Borrowed(url) => Self::split(url),
            Cow::Owned(url) => {
                let Target { path, query } = Target::split(&url);
                Self {
                    path: path.into_owned().into(),
                    query: query.map(|query| query.into_owned().into()),
                }
            }
        }
    }

    fn split(url: &'a [u8]) -> Self {
        let (path, query) = match memchr::memchr(b'?', url) {
            Some(mark) => (&url[..mark], Some(&url[mark + 1..])),
            None => (url, None),
        };
        Self {
            path: text::short(path, Limit::Url).into(),
            query: query.map(|query| text::short(query, Limit::Url).into()),
        }
    }
}
