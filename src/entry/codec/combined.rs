//! Combined Log Format. The signs for what is not there are those that both GoAccess and lnav take.

use std::net::{IpAddr, Ipv4Addr};

use super::record::{Agent, Record, Target};
use super::{Encoder, escape, number};
use crate::entry::text::Limit;
use crate::policy::Field;

/// Appends `record` up to where its arrival is named.
pub(super) fn begin(encoder: &mut Encoder, record: &Record<'_>, out: &mut Vec<u8>) {
    super::address::write(out, record.client_address.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)));
    out.extend_from_slice(b" - ");
    escape::bare(out, record.user_name().unwrap_or(b"-"), Limit::User);
    out.extend_from_slice(b" [");
    encoder.arrived_combined.write(out, record.timestamp_or_midnight());
    out.extend_from_slice(b"] \"");
    request_line(record, out);
    out.extend_from_slice(b"\" ");
    match record.status {
        Some(status) => number(out, status),
        None => out.extend_from_slice(b"000"),
    }
    out.push(b' ');
    match record.bytes {
        Some(bytes) => number(out, bytes),
        None => out.push(b'-'),
    }
    out.extend_from_slice(b" \"");
    let referrer = record.external_referrer().or(record.internal_referrer());
    escape::quoted(out, referrer.unwrap_or(b"-"), Limit::Url);
    out.extend_from_slice(b"\" \"");
    match &record.user_agent {
        Some(Agent::Original(text) | Agent::Name(text)) if !text.is_empty() => {
            escape::quoted(out, text, Limit::Agent);
        }
        _ => out.push(b'-'),
    }
    out.push(b'"');
    for field in Field::ALL {
        further(field, encoder, record, out);
    }
}

/// Appends what is left of the line.
pub(super) fn end(arrival: Option<u64>, out: &mut Vec<u8>) {
    if let Some(arrival) = arrival {
        out.extend_from_slice(b" arrival=");
        number(out, arrival);
    }
    out.push(b'\n');
}

fn request_line(record: &Record<'_>, out: &mut Vec<u8>) {
    let (method, protocol) = (record.http_request_method(), record.network_protocol_version());
    let target = record.target.as_ref().and_then(Option::as_ref);
    if method.is_none() && protocol.is_none() && target.is_none() {
        return out.push(b'-');
    }
    let method = method.map_or("_", |method| word(method).unwrap_or("_OTHER"));
    out.extend_from_slice(method.as_bytes());
    out.push(b' ');
    match target {
        Some(Target { path, query }) => {
            escape::quoted(out, path, Limit::Url);
            if let Some(query) = query {
                out.push(b'?');
                escape::quoted(out, query, Limit::Url);
            }
        }
        None => out.push(b'-'),
    }
    match protocol {
        Some(version) => {
            out.extend_from_slice(b" HTTP/");
            out.extend_from_slice(if version == "2" { "2.0" } else { version }.as_bytes());
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
fn further(field: Field, encoder: &mut Encoder, record: &Record<'_>, out: &mut Vec<u8>) {
    let mut name = |name: &str| {
        out.push(b' ');
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
    };
    match field {
        Field::Sent => {
            if let Some(sent) = record.sent {
                name(field.key());
                encoder.sent.write(out, sent);
            }
        }
        Field::ClientHost => {
            if let Some(status) = record.client_host_status() {
                name("client_host_status");
                escape::bare(out, status.as_bytes(), Limit::Host);
            }
            if let Some(host) = record.client_host() {
                out.extend_from_slice(b" client_host=");
                escape::bare(out, host, Limit::Host);
            }
        }
        Field::Method => {
            if let Some(method) = record.http_request_method().filter(|method| word(method).is_none()) {
                name(field.key());
                escape::bare(out, method.as_bytes(), Limit::Method);
            }
        }
        Field::Error => {
            if let Some(error) = record.error_type() {
                name(field.key());
                escape::bare(out, error.as_bytes(), Limit::Host);
            }
        }
        Field::FirstPage => {
            if record.is_first_page() {
                name(field.key());
                out.extend_from_slice(b"true");
            }
        }
        Field::PolicyVersion => {
            if let Some(version) = record.policy_version() {
                name(field.key());
                escape::bare(out, version, Limit::Host);
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
