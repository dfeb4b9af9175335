//! JSON Lines.
//!
//! OpenTelemetry's names hold dots; here they are nested, `{"http":{"response":{"status_code":200}}}`, because GoAccess
//! and lnav, like jq, walk objects and trip over dots.

use std::sync::LazyLock;

use super::record::{Agent, Record, Target};
use super::{Encoder, escape, number};
use crate::entry::text::Limit;
use crate::policy::Field;

/// Every field, those of one object together.
const ORDER: [Field; Field::ALL.len()] = [
    Field::Arrived,
    Field::ClientAddress,
    Field::Url,
    Field::Protocol,
    Field::Method,
    Field::ExternalReferrer,
    Field::Status,
    Field::Bytes,
    Field::Error,
    Field::UserAgent,
    Field::AuthUser,
    Field::ClientHost,
    Field::InternalReferrer,
    Field::FirstPage,
    Field::Sent,
    Field::PolicyVersion,
];

// A field that is missing above does not compile.
const _: () = {
    let mut seen = [false; Field::ALL.len()];
    let mut i = 0;
    while i < ORDER.len() {
        assert!(!seen[ORDER[i] as usize]);
        seen[ORDER[i] as usize] = true;
        i += 1;
    }
};

/// Appends `record` as an object, up to where its arrival is named.
pub(super) fn begin(encoder: &mut Encoder, record: &Record<'_>, out: &mut Vec<u8>) -> Last {
    let mut line = Line {
        out,
        last: Member::Begin,
        between: &BETWEEN,
    };
    for field in ORDER {
        line.field(field, encoder, record);
    }
    Last(line.last)
}

/// Appends what is left of the object, and a newline.
pub(super) fn end(Last(last): Last, arrival: Option<u64>, out: &mut Vec<u8>) {
    let mut line = Line {
        out,
        last,
        between: &BETWEEN,
    };
    line.number(Member::Arrival, arrival);
    line.key(Member::End);
}

/// The member behind which an object goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last(Member);

/// What a line holds, and its two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Member {
    Begin,
    End,
    Timestamp,
    Sent,
    ClientAddress,
    ClientHost,
    ClientHostStatus,
    Method,
    MethodOriginal,
    UrlPath,
    UrlQuery,
    Protocol,
    Status,
    Bytes,
    Error,
    ExternalReferrer,
    InternalReferrer,
    AgentOriginal,
    AgentName,
    UserName,
    FirstPage,
    PolicyVersion,
    Arrival,
}

/// The names of the objects around each member, and its own.
const PATHS: [(Member, &[&str]); Member::Arrival as usize + 1] = [
    (Member::Begin, &[]),
    (Member::End, &[]),
    (Member::Timestamp, &["timestamp"]),
    (Member::Sent, &["townclerk", "sent"]),
    (Member::ClientAddress, &["client", "address"]),
    (Member::ClientHost, &["townclerk", "client", "host"]),
    (Member::ClientHostStatus, &["townclerk", "client", "host_status"]),
    (Member::Method, &["http", "request", "method"]),
    (Member::MethodOriginal, &["http", "request", "method_original"]),
    (Member::UrlPath, &["url", "path"]),
    (Member::UrlQuery, &["url", "query"]),
    (Member::Protocol, &["network", "protocol", "version"]),
    (Member::Status, &["http", "response", "status_code"]),
    (Member::Bytes, &["http", "response", "body", "size"]),
    (Member::Error, &["error", "type"]),
    (Member::ExternalReferrer, &["http", "request", "header", "referer"]),
    (Member::InternalReferrer, &["townclerk", "referrer", "internal"]),
    (Member::AgentOriginal, &["user_agent", "original"]),
    (Member::AgentName, &["user_agent", "name"]),
    (Member::UserName, &["user", "name"]),
    (Member::FirstPage, &["townclerk", "visit", "first_page"]),
    (Member::PolicyVersion, &["townclerk", "policy", "version"]),
    (Member::Arrival, &["townclerk", "arrival"]),
];

// Each stands at its place.
const _: () = {
    let mut i = 0;
    while i < PATHS.len() {
        assert!(PATHS[i].0 as usize == i);
        i += 1;
    }
};

/// What stands between the value of one member and that of another: the objects that end and begin there, and the name.
/// Made once, for a line has sixteen of them.
type Between = [[Box<[u8]>; PATHS.len()]; PATHS.len()];

static BETWEEN: LazyLock<Between> = LazyLock::new(|| PATHS.map(|from| PATHS.map(|to| between(from, to).into())));

fn between((last, from): (Member, &[&str]), (next, to): (Member, &[&str])) -> Vec<u8> {
    let open = from.split_last().map_or(from, |(_, objects)| objects);
    let objects = to.split_last().map_or(to, |(_, objects)| objects);
    let shared = open.iter().zip(objects).take_while(|(a, b)| a == b).count();
    let mut text = "}".repeat(open.len() - shared);
    match (last, next) {
        (Member::Begin, Member::End) => text.push_str("{}\n"),
        (_, Member::End) => text.push_str("}\n"),
        (Member::Begin, _) => text.push('{'),
        _ => text.push(','),
    }
    for object in &objects[shared..] {
        text.extend(["\"", object, "\":{"]);
    }
    if let Some(name) = to.last() {
        text.extend(["\"", name, "\":"]);
    }
    text.into_bytes()
}

struct Line<'a> {
    out: &'a mut Vec<u8>,
    last: Member,
    between: &'static Between,
}

impl Line<'_> {
    fn field(&mut self, field: Field, encoder: &mut Encoder, record: &Record<'_>) {
        match field {
            Field::Arrived => {
                if let Some(arrived) = record.timestamp {
                    self.key(Member::Timestamp);
                    self.quoted(|out| encoder.arrived.write(out, arrived));
                }
            }
            Field::Sent => {
                if let Some(sent) = record.sent {
                    self.key(Member::Sent);
                    self.quoted(|out| encoder.sent.write(out, sent));
                }
            }
            Field::ClientAddress => {
                if let Some(address) = record.client_address {
                    self.key(Member::ClientAddress);
                    self.quoted(|out| super::address::write(out, address));
                }
            }
            Field::ClientHost => {
                self.text(Member::ClientHost, record.client_host(), Limit::Host);
                self.text(Member::ClientHostStatus, record.client_host_status(), Limit::Host);
            }
            Field::Method => self.method(record.http_request_method()),
            Field::Url => {
                if let Some(target) = &record.target {
                    self.url(target.as_ref());
                }
            }
            Field::Protocol => self.text(Member::Protocol, record.network_protocol_version(), Limit::Host),
            Field::Status => self.number(Member::Status, record.status.map(u64::from)),
            Field::Bytes => self.number(Member::Bytes, record.bytes),
            Field::Error => self.text(Member::Error, record.error_type(), Limit::Host),
            Field::ExternalReferrer => {
                self.text(Member::ExternalReferrer, record.external_referrer(), Limit::Url);
            }
            Field::InternalReferrer => {
                self.text(Member::InternalReferrer, record.internal_referrer(), Limit::Url);
            }
            Field::UserAgent => match &record.user_agent {
                Some(Agent::Original(text)) => self.text(Member::AgentOriginal, Some(text), Limit::Agent),
                Some(Agent::Name(name)) => self.text(Member::AgentName, Some(name), Limit::Agent),
                None => {}
            },
            Field::AuthUser => self.text(Member::UserName, record.user_name(), Limit::User),
            Field::FirstPage => {
                if record.is_first_page() {
                    self.key(Member::FirstPage);
                    self.out.extend_from_slice(b"true");
                }
            }
            Field::PolicyVersion => self.text(Member::PolicyVersion, record.policy_version(), Limit::Host),
        }
    }

    /// OpenTelemetry calls a method that is not a common one `_OTHER` and keeps its name as `method_original`. Only the
    /// latter is written: GoAccess refuses a line with a `method` that it does not know.
    fn method(&mut self, method: Option<&str>) {
        let Some(name) = method else { return };
        let member = match name {
            "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH" => Member::Method,
            _ => Member::MethodOriginal,
        };
        self.text(member, Some(name), Limit::Method);
    }

    /// A backslash, which no URL may hold (RFC 3986, section 2), is written as `%5C` in a path: GoAccess refuses a line
    /// whose path ends in one. A target that was not there is `null`, since GoAccess wants one.
    fn url(&mut self, target: Option<&Target<'_>>) {
        self.key(Member::UrlPath);
        let Some(Target { path, query }) = target else {
            return self.out.extend_from_slice(b"null");
        };
        self.quoted(|out| {
            if memchr::memchr(b'\\', path).is_none() {
                return escape::json(out, path, Limit::Url);
            }
            let pieces: Vec<&[u8]> = path.split(|&byte| byte == b'\\').collect();
            escape::json(out, &pieces.join(&b"%5C"[..]), Limit::Url);
        });
        self.text(Member::UrlQuery, query.as_ref(), Limit::Url);
    }

    fn text(&mut self, member: Member, value: Option<impl AsRef<[u8]>>, limit: Limit) {
        if let Some(value) = value {
            self.key(member);
            self.quoted(|out| escape::json(out, value.as_ref(), limit));
        }
    }

    fn number(&mut self, member: Member, value: Option<u64>) {
        if let Some(value) = value {
            self.key(member);
            number(self.out, value);
        }
    }

    fn quoted(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
    }

    /// Ends what is before, and names the next member.
    fn key(&mut self, member: Member) {
        self.out
            .extend_from_slice(&self.between[self.last as usize][member as usize]);
        self.last = member;
    }
}
