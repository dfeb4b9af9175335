//! Combined Log Format, and the names and values behind it.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use super::super::record::{Agent, Record, Target};
use super::super::time;
use super::{hexadecimal, number, protocol, set, status};

pub(super) fn decode<'a>(line: &'a str, mut record: Record<'a>) -> Option<Record<'a>> {
    if !line.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return None;
    }
    let (address, rest) = line.split_once(" - ")?;
    let (user, rest) = rest.split_once(" [")?;
    let (arrived, rest) = rest.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let (code, rest) = rest.split_once(' ')?;
    let (bytes, rest) = rest.split_once(" \"")?;
    let (referrer, rest) = rest.split_once("\" \"")?;
    let (agent, further) = rest.split_once('"')?;

    let address = address.parse::<IpAddr>().ok()?.to_canonical();
    record.client_address = (address != IpAddr::V4(Ipv4Addr::UNSPECIFIED)).then_some(address);
    if let Some(user) = there(user) {
        record.auth_user = Some(unescaped(user)?);
    }
    record.timestamp = Some(time::read_combined(arrived)?);
    if code != "000" {
        record.status = Some(status(number(code)?)?);
    }
    if let Some(bytes) = there(bytes) {
        record.bytes = Some(number(bytes)?);
    }
    match there(referrer) {
        Some(page) if page.starts_with('/') => record.internal_referrer = Some(unescaped(page)?),
        Some(page) => record.external_referrer = Some(unescaped(page)?),
        None => {}
    }
    if let Some(agent) = there(agent) {
        record.user_agent = Some(Agent::Original(unescaped(agent)?));
    }
    let other = read_further(further, &mut record)?;
    read_request(request, other, &mut record)?;
    Some(record)
}

/// `GET /a?b HTTP/1.1`, where `other` is the method that has no place in it.
fn read_request<'a>(line: &'a str, other: Option<Cow<'a, str>>, record: &mut Record<'a>) -> Option<()> {
    let Some(line) = there(line) else {
        return other.is_none().then_some(());
    };
    let (method, rest) = line.split_once(' ')?;
    let (target, version) = rest.rsplit_once(' ')?;
    record.method = match (method, other) {
        ("_OTHER", Some(other)) => Some(other),
        (_, Some(_)) => return None,
        ("_", None) => None,
        (method, None) => Some(text(method)?),
    };
    if let Some(target) = there(target) {
        let (path, query) = target
            .split_once('?')
            .map_or((target, None), |(path, query)| (path, Some(query)));
        let query = match query {
            Some(query) => Some(unescaped(query)?),
            None => None,
        };
        let path = unescaped(path)?;
        record.target = Some(Some(Target { path, query }));
    }
    record.protocol = match version {
        "_" => None,
        "HTTP/2.0" => Some("2"),
        "HTTP/2" => return None,
        version => Some(protocol(version.strip_prefix("HTTP/")?)?),
    };
    Some(())
}

/// ` name=value`, again and again. A method that is not a word is returned.
fn read_further<'a>(mut rest: &'a str, record: &mut Record<'a>) -> Option<Option<Cow<'a, str>>> {
    let mut method = None;
    while let Some(after) = rest.strip_prefix(' ') {
        let (pair, others) = after.split_at(after.find(' ').unwrap_or(after.len()));
        rest = others;
        let (name, value) = pair.split_once('=')?;
        match name {
            "sent" => set(&mut record.sent, time::read_rfc3339(value)?)?,
            "client_host_status" => set(&mut record.client_host_status, text(value)?)?,
            "client_host" => set(&mut record.client_host, unescaped(value)?)?,
            "method" => set(&mut method, text(value)?)?,
            "error" => set(&mut record.error, text(value)?)?,
            "first_page" if value == "true" && !record.first_page => record.first_page = true,
            "policy_version" => set(&mut record.policy_version, unescaped(value)?)?,
            "arrival" => set(&mut record.arrival, number(value)?)?,
            _ => return None,
        }
    }
    rest.is_empty().then_some(method)
}

/// What stands in a place, unless it is the sign for nothing.
fn there(place: &str) -> Option<&str> {
    (place != "-").then_some(place)
}

fn text(escaped: &str) -> Option<Cow<'_, str>> {
    match unescaped(escaped)? {
        Cow::Borrowed(_) => Some(escaped.into()),
        Cow::Owned(bytes) => String::from_utf8(bytes).ok().map(Cow::Owned),
    }
}

/// Undoes `\xhh`, the only escape.
fn unescaped(text: &str) -> Option<Cow<'_, [u8]>> {
    let mut pieces = text.split('\\');
    let first = pieces.next()?;
    if first.len() == text.len() {
        return Some(text.as_bytes().into());
    }
    let mut bytes = first.as_bytes().to_vec();
    for piece in pieces {
        let (digits, plain) = piece.strip_prefix('x')?.as_bytes().split_at_checked(2)?;
        bytes.push(u8::try_from(hexadecimal(digits)?).ok()?);
        bytes.extend_from_slice(plain);
    }
    Some(bytes.into())
}
