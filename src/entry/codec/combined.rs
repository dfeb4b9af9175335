//! Combined Log Format. The signs for what is not there are those that both GoAccess and lnav take.

use std::net::{IpAddr, Ipv4Addr};

use super::{Encoder, escape, number};
use crate::entry::agent::Agent;
use crate::entry::text::Limit;
use crate::entry::{Entry, Host, Kept};
use crate::policy::Field;

/// Appends `entry` as a line.
pub(super) fn encode(encoder: &mut Encoder, entry: &Entry, out: &mut Vec<u8>) {
    let kept = &*entry.kept;
    super::address::write(out, kept.client_address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    out.extend_from_slice(b" - ");
    escape::bare(out, kept.auth_user.as_deref().unwrap_or(b"-"), Limit::User);
    out.extend_from_slice(b" [");
    arrived(encoder, entry, out);
    out.extend_from_slice(b"] \"");
    request_line(kept, out);
    out.extend_from_slice(b"\" ");
    match kept.status {
        Some(status) => number(out, status.as_u16()),
        None => out.extend_from_slice(b"000"),
    }
    out.push(b' ');
    match kept.bytes {
        Some(bytes) => number(out, bytes),
        None => out.push(b'-'),
    }
    out.extend_from_slice(b" \"");
    let referrer = kept.external_referrer.as_deref().or(kept.internal_referrer.as_deref());
    escape::quoted(out, referrer.unwrap_or(b"-"), Limit::Url);
    out.extend_from_slice(b"\" \"");
    match &kept.user_agent {
        None => out.push(b'-'),
        Some(Agent::Whole(text)) if text.is_empty() => out.push(b'-'),
        Some(Agent::Whole(text)) => escape::quoted(out, text, Limit::Agent),
        Some(Agent::Family(family)) => family.write(out),
    }
    out.push(b'"');
    for field in Field::ALL {
        further(field, encoder, kept, out);
    }
    out.push(b'\n');
}

fn arrived(encoder: &mut Encoder, entry: &Entry, out: &mut Vec<u8>) {
    let mut time = entry.arrived;
    if !entry.kept.arrived {
        const DAY: i64 = 86_400;
        let midnight = time.as_second().div_euclid(DAY) * DAY;
        time = jiff::Timestamp::from_second(midnight).unwrap_or(jiff::Timestamp::MIN);
    }
    encoder.arrived_combined.write(out, time);
}

fn request_line(kept: &Kept, out: &mut Vec<u8>) {
    let target = kept.url.as_ref().and_then(|url| url.parts());
    if kept.method.is_none() && kept.protocol.is_none() && target.is_none() {
        return out.push(b'-');
    }
    let method = kept
        .method
        .as_ref()
        .map_or("_", |method| word(method.as_str()).unwrap_or("_OTHER"));
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    match target {
        Some((path, query)) => {
            escape::quoted(out, path, Limit::Url);
            if let Some(query) = query {
                out.push(b'?');
                escape::quoted(out, query, Limit::Url);
            }
        }
        None => out.push(b'-'),
    }
    match kept.protocol {
        Some(version) => {
            out.extend_from_slice(b" HTTP/");
            out.extend_from_slice(
                if version == http::Version::HTTP_2 {
                    "2.0"
                } else {
                    super::version(version)
                }
                .as_bytes(),
            );
        }
        None => out.extend_from_slice(b" _"),
    }
}

/// A short method of letters, digits and underscores, which is what lnav expects.
fn word(method: &str) -> Option<&str> {
    method
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        .then_some(method)
}

/// What has no place in the format.
fn further(field: Field, encoder: &mut Encoder, kept: &Kept, out: &mut Vec<u8>) {
    let mut name = |name: &str| {
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
    };
    match field {
        Field::Sent => {
            if let Some(sent) = kept.sent {
                name(field.key());
                encoder.sent.write(out, sent);
            }
        }
        Field::ClientHost => {
            if let Some(Host { status, name: host }) = &kept.client_host {
                name("client_host_status");
                out.extend_from_slice(status.as_bytes());
                if let Some(host) = host {
                    out.extend_from_slice(b" client_host=");
                    escape::bare(out, host.as_bytes(), Limit::Host);
                }
            }
        }
        Field::Method => {
            if let Some(method) = kept.method.as_ref().filter(|method| word(method.as_str()).is_none()) {
                name(field.key());
                escape::bare(out, method.as_str().as_bytes(), Limit::Method);
            }
        }
        Field::Error => {
            if let Some(error) = kept.error {
                name(field.key());
                out.extend_from_slice(error.as_bytes());
            }
        }
        Field::PolicyVersion => {
            if let Some(version) = &kept.policy_version {
                name(field.key());
                escape::bare(out, version.as_bytes(), Limit::Host);
            }
        }
        Field::Arrived
        | Field::ClientAddress
        | Field::Url
        | Field::Protocol
        | Field::Status
        | Field::Bytes
        | Field::ExternalReferrer
        | Field::InternalReferrer
        | Field::UserAgent
        | Field::AuthUser => {}
    }
}
