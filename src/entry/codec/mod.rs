//! An entry as a line of text, and a line of text as a record.
//!
//! A line can neither be broken nor forged by what was sent: it ends in the only newline, and holds no control
//! character and no quote that is not the format's own.

mod address;
mod combined;
mod decode;
mod escape;
mod json;
mod record;
mod time;

pub use decode::Undecodable;
pub use record::Record;
pub(super) use record::{Agent, Target};

use super::Entry;
use crate::journal::Format;

/// Writes entries as lines of one format. It remembers the text of the current second, so keep one a journal.
///
/// # JSON Lines
///
/// An object a line (RFC 8259), UTF-8. Its members have OpenTelemetry's names where it has them, nested at their dots.
/// Times are RFC 3339 in UTC with milliseconds. A field that is not kept, or was not there, is absent.
///
/// | member | |
/// |---|---|
/// | `timestamp` | arrival |
/// | `client.address` | whole or shortened |
/// | `url.path`, `url.query` | redacted; `path` is `null` where it is kept and there was none |
/// | `network.protocol.version` | `1.1` |
/// | `http.request.method`, or `method_original` | the latter if the method is not a common one |
/// | `http.request.header.referer` | the page of another site |
/// | `http.response.status_code`, `http.response.body.size` | numbers |
/// | `error.type` | see [`Outcome::error`](super::Outcome::error) |
/// | `user_agent.original`, or `user_agent.name` | whole, or its family |
/// | `user.name` | of HTTP authentication |
/// | `townclerk.client.host`, `.host_status` | the name if it is `confirmed`; else `unconfirmed`, `none`, `timeout`, `failed` |
/// | `townclerk.referrer.internal` | path and query of the page of this site that holds a broken link |
/// | `townclerk.visit.first_page` | `true` for the first page of a visit, otherwise absent |
/// | `townclerk.sent` | when the last byte of the answer was handed over |
/// | `townclerk.policy.version` | |
/// | `townclerk.arrival` | the index in the log of arrivals, where there was one: the journal's own, not the policy's |
///
/// What is not UTF-8 becomes U+FFFD; controls, line separators and signs that turn the direction of text are `\uhhhh`.
///
/// # Combined Log Format
///
/// Apache's `%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`, and behind it ` name=value` for what else is
/// kept, named as in `policy.toml`. All but printable ASCII, quotes and backslashes are `\xhh`; outside of quotes
/// spaces and brackets are too. A referrer that begins with `/` is a page of this site. A method that is not a word is
/// `_OTHER`, and ` method=…` follows. Programs that read the format want every place filled, so what is not kept, or
/// was not there, has a sign:
///
/// | place | sign |
/// |---|---|
/// | address | `0.0.0.0` |
/// | user, bytes, referrer, agent | `-` |
/// | arrival | its day, at midnight |
/// | request line | `-` if all of it is missing; in it `_` for the method, `-` for the URL, `_` for the protocol |
/// | status | `000` |
#[derive(Debug)]
pub struct Encoder {
    format: Format,
    arrived: time::Rfc3339,
    arrived_combined: time::Combined,
    sent: time::Rfc3339,
}

impl Encoder {
    /// An encoder of this format.
    pub fn new(format: Format) -> Self {
        Self {
            format,
            arrived: time::Rfc3339::default(),
            arrived_combined: time::Combined::default(),
            sent: time::Rfc3339::default(),
        }
    }

    /// Appends `entry` to `out` as exactly one line that ends in `\n`, of 4,095 bytes at most: longer texts end in
    /// `[cut]`.
    /// `arrival` is the index of its arrival, if that has a line.
    pub fn encode(&mut self, entry: &Entry<'_>, arrival: Option<u64>, out: &mut Vec<u8>) {
        self.begin(entry, out).end(arrival, out);
    }

    /// Appends that line up to where its arrival is named: its index may not be known yet.
    pub(crate) fn begin(&mut self, entry: &Entry<'_>, out: &mut Vec<u8>) -> Begun {
        self.begin_record(&entry.access, out)
    }

    /// Appends the line for the log of arrivals, JSON Lines whatever the format, of what was known of an exchange when
    /// it arrived.
    pub fn encode_arrival(&mut self, entry: &Entry<'_>, out: &mut Vec<u8>) {
        Begun::JsonLines(json::begin(self, &entry.access, out)).end(None, out);
    }

    /// Appends the line for the log of addresses, JSON Lines whatever the format, with the members that tell who the
    /// visitor is and no others: none at all, `{}`, for an entry made under a policy that has no such log.
    pub fn encode_addresses(&mut self, entry: &Entry<'_>, out: &mut Vec<u8>) {
        match &entry.addresses {
            Some(record) => Begun::JsonLines(json::begin(self, record, out)).end(None, out),
            None => out.extend_from_slice(b"{}\n"),
        }
    }

    /// As [`Encoder::encode`], of a record that was read from a line. In the format of that line it is that line again.
    pub fn encode_record(&mut self, record: &Record<'_>, out: &mut Vec<u8>) {
        self.begin_record(record, out).end(record.arrival, out);
    }

    fn begin_record(&mut self, record: &Record<'_>, out: &mut Vec<u8>) -> Begun {
        match self.format {
            Format::JsonLines => Begun::JsonLines(json::begin(self, record, out)),
            Format::Combined => {
                combined::begin(self, record, out);
                Begun::Combined
            }
        }
    }
}

/// A line without its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "the line has no end"]
pub(crate) enum Begun {
    JsonLines(json::Last),
    Combined,
}

impl Begun {
    /// Appends the index of its arrival, if that has a line, and the end.
    pub(crate) fn end(self, arrival: Option<u64>, out: &mut Vec<u8>) {
        match self {
            Self::JsonLines(last) => json::end(last, arrival, out),
            Self::Combined => combined::end(arrival, out),
        }
    }
}

fn number(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The version's number (OpenTelemetry, `network.protocol.version`).
pub(super) fn version(version: http::Version) -> &'static str {
    match version {
        http::Version::HTTP_09 => "0.9",
        http::Version::HTTP_10 => "1.0",
        http::Version::HTTP_2 => "2",
        http::Version::HTTP_3 => "3",
        _ => "1.1",
    }
}
