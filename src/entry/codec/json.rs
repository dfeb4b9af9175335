//! JSON Lines.
//!
//! OpenTelemetry's names hold dots; here they are nested, `{"http":{"response":{"status_code":200}}}`, because GoAccess
//! and lnav, like jq, walk objects and trip over dots.

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

/// Appends `record` as an object, and a newline.
pub(super) fn encode(encoder: &mut Encoder, record: &Record<'_>, out: &mut Vec<u8>) {
    let mut line = Line { out, open: &[] };
    line.out.push(b'{');
    for field in ORDER {
        line.field(field, encoder, record);
    }
    line.number(&["townclerk", "arrival"], record.arrival);
    for _ in line.open {
        line.out.push(b'}');
    }
    line.out.extend_from_slice(b"}\n");
}

/// The names of a member and of the objects around it.
type Path = &'static [&'static str];

struct Line<'a> {
    out: &'a mut Vec<u8>,
    /// The objects that are open inside the line's own.
    open: Path,
}

impl Line<'_> {
    fn field(&mut self, field: Field, encoder: &mut Encoder, record: &Record<'_>) {
        match field {
            Field::Arrived => {
                if let Some(arrived) = record.timestamp {
                    self.key(&["timestamp"]);
                    self.quoted(|out| encoder.arrived.write(out, arrived));
                }
            }
            Field::Sent => {
                if let Some(sent) = record.sent {
                    self.key(&["townclerk", "sent"]);
                    self.quoted(|out| encoder.sent.write(out, sent));
                }
            }
            Field::ClientAddress => {
                if let Some(address) = record.client_address {
                    self.key(&["client", "address"]);
                    self.quoted(|out| super::address::write(out, address));
                }
            }
            Field::ClientHost => {
                self.text(&["townclerk", "client", "host"], record.client_host(), Limit::Host);
                self.text(
                    &["townclerk", "client", "host_status"],
                    record.client_host_status(),
                    Limit::Host,
                );
            }
            Field::Method => self.method(record.http_request_method()),
            Field::Url => {
                if let Some(target) = &record.target {
                    self.url(target.as_ref());
                }
            }
            Field::Protocol => self.text(
                &["network", "protocol", "version"],
                record.network_protocol_version(),
                Limit::Host,
            ),
            Field::Status => self.number(&["http", "response", "status_code"], record.status.map(u64::from)),
            Field::Bytes => self.number(&["http", "response", "body", "size"], record.bytes),
            Field::Error => self.text(&["error", "type"], record.error_type(), Limit::Host),
            Field::ExternalReferrer => {
                self.text(
                    &["http", "request", "header", "referer"],
                    record.external_referrer(),
                    Limit::Url,
                );
            }
            Field::InternalReferrer => {
                self.text(
                    &["townclerk", "referrer", "internal"],
                    record.internal_referrer(),
                    Limit::Url,
                );
            }
            Field::UserAgent => match &record.user_agent {
                Some(Agent::Original(text)) => self.text(&["user_agent", "original"], Some(text), Limit::Agent),
                Some(Agent::Name(name)) => self.text(&["user_agent", "name"], Some(name), Limit::Agent),
                None => {}
            },
            Field::AuthUser => self.text(&["user", "name"], record.user_name(), Limit::User),
            Field::FirstPage => {
                if record.is_first_page() {
                    self.key(&["townclerk", "visit", "first_page"]);
                    self.out.extend_from_slice(b"true");
                }
            }
            Field::PolicyVersion => self.text(
                &["townclerk", "policy", "version"],
                record.policy_version(),
                Limit::Host,
            ),
        }
    }

    /// OpenTelemetry calls a method that is not a common one `_OTHER` and keeps its name as `method_original`. Only the
    /// latter is written: GoAccess refuses a line with a `method` that it does not know.
    fn method(&mut self, method: Option<&str>) {
        let Some(name) = method else { return };
        let path: Path = match name {
            "GET" | "HEAD" | "POST" | "PUT" | "DELETE" | "CONNECT" | "OPTIONS" | "TRACE" | "PATCH" => {
                &["http", "request", "method"]
            }
            _ => &["http", "request", "method_original"],
        };
        self.text(path, Some(name), Limit::Method);
    }

    /// A backslash, which no URL may hold (RFC 3986, section 2), is written as `%5C` in a path: GoAccess refuses a line
    /// whose path ends in one. A target that was not there is `null`, since GoAccess wants one.
    fn url(&mut self, target: Option<&Target<'_>>) {
        self.key(&["url", "path"]);
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
        self.text(&["url", "query"], query.as_ref(), Limit::Url);
    }

    fn text(&mut self, path: Path, value: Option<impl AsRef<[u8]>>, limit: Limit) {
        if let Some(value) = value {
            self.key(path);
            self.quoted(|out| escape::json(out, value.as_ref(), limit));
        }
    }

    fn number(&mut self, path: Path, value: Option<u64>) {
        if let Some(value) = value {
            self.key(path);
            number(self.out, value);
        }
    }

    fn quoted(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.out.push(b'"');
        write(self.out);
        self.out.push(b'"');
    }

    /// Closes and opens objects until a member at `path` can follow, and names it.
    fn key(&mut self, path: Path) {
        let Some((name, objects)) = path.split_last() else {
            return;
        };
        let shared = self.open.iter().zip(objects).take_while(|(a, b)| a == b).count();
        for _ in shared..self.open.len() {
            self.out.push(b'}');
        }
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        for object in &objects[shared..] {
            self.name(object);
            self.out.push(b'{');
        }
        self.name(name);
        self.open = objects;
    }

    fn name(&mut self, name: &str) {
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }
}
