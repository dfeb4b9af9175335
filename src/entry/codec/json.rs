//! JSON Lines.
//!
//! OpenTelemetry's names hold dots; here they are nested, `{"http":{"response":{"status_code":200}}}`, because GoAccess
//! and lnav, like jq, walk objects and trip over dots.

use super::{Encoder, escape, number};
use crate::entry::agent::Agent;
use crate::entry::text::Limit;
use crate::entry::{Entry, Host};
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

/// Appends `entry` as an object, and a newline.
pub(super) fn encode(encoder: &mut Encoder, entry: &Entry, out: &mut Vec<u8>) {
    let mut line = Line { out, open: &[] };
    line.out.push(b'{');
    for field in ORDER {
        line.field(field, encoder, entry);
    }
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
    fn field(&mut self, field: Field, encoder: &mut Encoder, entry: &Entry) {
        let kept = &*entry.kept;
        match field {
            Field::Arrived if kept.arrived => {
                self.key(&["timestamp"]);
                self.quoted(|out| encoder.arrived.write(out, entry.arrived));
            }
            Field::Arrived => {}
            Field::Sent => {
                if let Some(sent) = kept.sent {
                    self.key(&["townclerk", "sent"]);
                    self.quoted(|out| encoder.sent.write(out, sent));
                }
            }
            Field::ClientAddress => {
                if let Some(address) = kept.client_address {
                    self.key(&["client", "address"]);
                    self.quoted(|out| super::address::write(out, address));
                }
            }
            Field::ClientHost => {
                if let Some(Host { status, name }) = &kept.client_host {
                    self.text(&["townclerk", "client", "host"], name.as_deref(), Limit::Host);
                    self.text(&["townclerk", "client", "host_status"], Some(status), Limit::Host);
                }
            }
            Field::Method => self.method(kept.method.as_ref()),
            Field::Url => {
                if let Some(url) = &kept.url {
                    self.url(url.parts());
                }
            }
            Field::Protocol => self.text(
                &["network", "protocol", "version"],
                kept.protocol.map(super::version),
                Limit::Host,
            ),
            Field::Status => self.number(
                &["http", "response", "status_code"],
                kept.status.map(|s| s.as_u16().into()),
            ),
            Field::Bytes => self.number(&["http", "response", "body", "size"], kept.bytes),
            Field::Error => self.text(&["error", "type"], kept.error, Limit::Host),
            Field::ExternalReferrer => {
                self.text(
                    &["http", "request", "header", "referer"],
                    kept.external_referrer.as_deref(),
                    Limit::Url,
                );
            }
            Field::InternalReferrer => {
                self.text(
                    &["townclerk", "referrer", "internal"],
                    kept.internal_referrer.as_deref(),
                    Limit::Url,
                );
            }
            Field::UserAgent => match &kept.user_agent {
                Some(Agent::Whole(text)) => self.text(&["user_agent", "original"], Some(text), Limit::Agent),
                Some(Agent::Family(family)) => {
                    self.key(&["user_agent", "name"]);
                    self.quoted(|out| family.write(out));
                }
                None => {}
            },
            Field::AuthUser => self.text(&["user", "name"], kept.auth_user.as_deref(), Limit::User),
            Field::PolicyVersion => self.text(
                &["townclerk", "policy", "version"],
                kept.policy_version.as_deref(),
                Limit::Host,
            ),
        }
    }

    /// OpenTelemetry calls a method that is not a common one `_OTHER` and keeps its name as `method_original`. Only the
    /// latter is written: GoAccess refuses a line with a `method` that it does not know.
    fn method(&mut self, method: Option<&http::Method>) {
        let Some(method) = method else { return };
        let name = method.as_str();
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
    fn url(&mut self, parts: Option<(&[u8], Option<&[u8]>)>) {
        self.key(&["url", "path"]);
        let Some((path, query)) = parts else {
            return self.out.extend_from_slice(b"null");
        };
        self.quoted(|out| {
            if memchr::memchr(b'\\', path).is_none() {
                return escape::json(out, path, Limit::Url);
            }
            let pieces: Vec<&[u8]> = path.split(|&byte| byte == b'\\').collect();
            escape::json(out, &pieces.join(&b"%5C"[..]), Limit::Url);
        });
        self.text(&["url", "query"], query, Limit::Url);
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
