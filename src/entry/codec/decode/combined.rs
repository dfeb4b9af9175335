//! Combined Log Format, and the names and values behind it.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr};

use super::super::record::{Agent, Record, Target};
use super::super::time;
use super::{all, hexadecimal, number, protocol, set, status};

pub(super) fn decode<'a>(line: &'a [u8], record: &mut Record<'a>) -> Option<()> {
    if !all(line, |byte| (0x20..0x7f).contains(&byte)) {
        return None;
    }
    let escapes = Escapes::of(line);
    let (address, rest) = split_near(line, b" - ")?;
    let (user, rest) = split_near(rest, b" [")?;
    let (arrived, rest) = split(rest, b"] \"")?;
    let (request, rest) = split(rest, b"\" ")?;
    let (code, rest) = split_near(rest, b" ")?;
    let (bytes, rest) = split_near(rest, b" \"")?;
    let (referrer, rest) = split(rest, b"\" \"")?;
    let (agent, further) = split(rest, b"\"")?;

    let address: IpAddr = std::str::from_utf8(address).ok()?.parse().ok()?;
    let address = address.to_canonical();
    record.client_address = (address != IpAddr::V4(Ipv4Addr::UNSPECIFIED)).then_some(address);
    if let Some(user) = there(user) {
        record.auth_user = Some(escapes.undone(user)?);
    }
    record.timestamp = Some(time::read_combined(arrived)?);
    if code != b"000" {
        record.status = Some(status(number(code)?)?);
    }
    if let Some(bytes) = there(bytes) {
        record.bytes = Some(number(bytes)?);
    }
    match there(referrer) {
        Some(page) if page.starts_with(b"/") => record.internal_referrer = Some(escapes.undone(page)?),
        Some(page) => record.external_referrer = Some(escapes.undone(page)?),
        None => {}
    }
    if let Some(agent) = there(agent) {
        record.user_agent = Some(Agent::Original(escapes.undone(agent)?));
    }
    let other = read_further(further, escapes, record)?;
    read_request(request, other, escapes, record)
}

/// What stands before the first such mark, and behind it.
fn split<'a>(text: &'a [u8], mark: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (first, others) = mark.split_first()?;
    let at = memchr::memchr_iter(*first, text).find(|at| text[at + 1..].starts_with(others))?;
    Some((&text[..at], &text[at + mark.len()..]))
}

/// The same for a mark that is near: a search made for long texts takes longer to begin.
fn split_near<'a, const LENGTH: usize>(text: &'a [u8], mark: &[u8; LENGTH]) -> Option<(&'a [u8], &'a [u8])> {
    let at = text.windows(LENGTH).position(|window| window == mark)?;
    Some((&text[..at], &text[at + LENGTH..]))
}

/// `GET /a?b HTTP/1.1`, where `other` is the method that has no place in it.
fn read_request<'a>(
    line: &'a [u8],
    other: Option<Cow<'a, str>>,
    escapes: Escapes,
    record: &mut Record<'a>,
) -> Option<()> {
    let Some(line) = there(line) else {
        return other.is_none().then_some(());
    };
    let (method, rest) = split_near(line, b" ")?;
    let end = memchr::memrchr(b' ', rest)?;
    let (target, version) = (&rest[..end], &rest[end + 1..]);
    record.method = match (method, other) {
        (b"_OTHER", Some(other)) => Some(other),
        (_, Some(_)) => return None,
        (b"_", None) => None,
        (method, None) => Some(escapes.text(method)?),
    };
    if let Some(target) = there(target) {
        let (path, query) = split(target, b"?").map_or((target, None), |(path, query)| (path, Some(query)));
        let query = match query {
            Some(query) => Some(escapes.undone(query)?),
            None => None,
        };
        let path = escapes.undone(path)?;
        record.target = Some(Some(Target { path, query }));
    }
    record.protocol = match version {
        b"_" => None,
        b"HTTP/2.0" => Some("2"),
        b"HTTP/2" => return None,
        version => Some(protocol(version.strip_prefix(b"HTTP/")?)?),
    };
    Some(())
}

/// ` name=value`, again and again. A method that is not a word is returned.
fn read_further<'a>(mut rest: &'a [u8], escapes: Escapes, record: &mut Record<'a>) -> Option<Option<Cow<'a, str>>> {
    let mut method = None;
    while let Some(after) = rest.strip_prefix(b" ") {
        let (pair, others) = after.split_at(memchr::memchr(b' ', after).unwrap_or(after.len()));
        rest = others;
        let (name, value) = split_near(pair, b"=")?;
        match name {
            b"sent" => set(&mut record.sent, time::read_rfc3339(value)?)?,
            b"client_host_status" => set(&mut record.client_host_status, escapes.text(value)?)?,
            b"client_host" => set(&mut record.client_host, escapes.undone(value)?)?,
            b"method" => set(&mut method, escapes.text(value)?)?,
            b"error" => set(&mut record.error, escapes.text(value)?)?,
            b"first_page" if value == b"true" && !record.first_page => record.first_page = true,
            b"policy_version" => set(&mut record.policy_version, escapes.undone(value)?)?,
            b"arrival" => set(&mut record.arrival, number(value)?)?,
            _ => return None,
        }
    }
    rest.is_empty().then_some(method)
}

/// What stands in a place, unless it is the sign for nothing.
fn there(place: &[u8]) -> Option<&[u8]> {
    (place != b"-").then_some(place)
}

/// `\xhh`, the only escape.
#[derive(Clone, Copy)]
struct Escapes {
    /// Whether the line has any. Few do, and then none of its places is searched.
    any: bool,
}

impl Escapes {
    fn of(line: &[u8]) -> Self {
        let any = memchr::memchr(b'\\', line).is_some();
        Self { any }
    }

    fn undone(self, text: &[u8]) -> Option<Cow<'_, [u8]>> {
        if !self.any {
            return Some(text.into());
        }
        let Some((plain, rest)) = split(text, b"\\") else {
            return Some(text.into());
        };
        let mut bytes = plain.to_vec();
        for piece in rest.split(|byte| *byte == b'\\') {
            let (digits, plain) = piece.strip_prefix(b"x")?.split_at_checked(2)?;
            bytes.push(u8::try_from(hexadecimal(digits)?).ok()?);
            bytes.extend_from_slice(plain);
        }
        Some(bytes.into())
    }

    fn text(self, escaped: &[u8]) -> Option<Cow<'_, str>> {
        Some(match self.undone(escaped)? {
            Cow::Borrowed(bytes) => std::str::from_utf8(bytes).ok()?.into(),
            Cow::Owned(bytes) => String::from_utf8(bytes).ok()?.into(),
        })
    }
}
