//! JSON Lines: of JSON (RFC 8259) what the encoder writes, so no spaces, and no escapes but `\"`, `\\` and `\uhhhh`.

use std::borrow::Cow;
use std::net::IpAddr;

use jiff::Timestamp;

use super::super::record::{Agent, Record, Target};
use super::super::time;
use super::{all, hexadecimal, number, protocol, set, status};

pub(super) fn decode<'a>(line: &'a str, record: &mut Record<'a>) -> Option<()> {
    if !all(line.as_bytes(), |byte| byte >= b' ') {
        return None;
    }
    let mut cursor = Cursor { rest: line };
    cursor.object(|at, name| match name {
        "timestamp" => set(&mut record.timestamp, at.time()?),
        "client" => at.object(|at, name| match name {
            "address" => set(&mut record.client_address, at.address()?),
            _ => None,
        }),
        "url" => at.url(record),
        "network" => at.object(|at, name| match name {
            "protocol" => at.object(|at, name| match name {
                "version" => set(&mut record.protocol, protocol(at.string()?.as_bytes())?),
                _ => None,
            }),
            _ => None,
        }),
        "http" => at.object(|at, name| match name {
            "request" => at.request(record),
            "response" => at.response(record),
            _ => None,
        }),
        "error" => at.object(|at, name| match name {
            "type" => set(&mut record.error, at.string()?),
            _ => None,
        }),
        "user_agent" => at.object(|at, name| match name {
            "original" => set(&mut record.user_agent, Agent::Original(at.bytes()?)),
            "name" => set(&mut record.user_agent, Agent::Name(at.bytes()?)),
            _ => None,
        }),
        "user" => at.object(|at, name| match name {
            "name" => set(&mut record.auth_user, at.bytes()?),
            _ => None,
        }),
        "townclerk" => at.townclerk(record),
        _ => None,
    })?;
    cursor.rest.is_empty().then_some(())
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn url(&mut self, record: &mut Record<'a>) -> Option<()> {
        let (mut path, mut query) = (None, None);
        self.object(|at, name| match name {
            "path" if at.take("null").is_some() => set(&mut path, None),
            "path" => set(&mut path, Some(at.bytes()?)),
            "query" => set(&mut query, at.bytes()?),
            _ => None,
        })?;
        let target = match (path?, query) {
            (Some(path), query) => Some(Target { path, query }),
            (None, None) => None,
            (None, Some(_)) => return None,
        };
        set(&mut record.target, target)
    }

    fn request(&mut self, record: &mut Record<'a>) -> Option<()> {
        self.object(|at, name| match name {
            "method" | "method_original" => set(&mut record.method, at.string()?),
            "header" => at.object(|at, name| match name {
                "referer" => set(&mut record.external_referrer, at.bytes()?),
                _ => None,
            }),
            _ => None,
        })
    }

    fn response(&mut self, record: &mut Record<'a>) -> Option<()> {
        self.object(|at, name| match name {
            "status_code" => set(&mut record.status, status(at.number()?)?),
            "body" => at.object(|at, name| match name {
                "size" => set(&mut record.bytes, at.number()?),
                _ => None,
            }),
            _ => None,
        })
    }

    fn townclerk(&mut self, record: &mut Record<'a>) -> Option<()> {
        self.object(|at, name| match name {
            "client" => at.object(|at, name| match name {
                "host" => set(&mut record.client_host, at.bytes()?),
                "host_status" => set(&mut record.client_host_status, at.string()?),
                _ => None,
            }),
            "referrer" => at.object(|at, name| match name {
                "internal" => set(&mut record.internal_referrer, at.bytes()?),
                _ => None,
            }),
            "visit" => at.object(|at, name| match name {
                "first_page" if !record.first_page => {
                    record.first_page = true;
                    at.take("true")
                }
                _ => None,
            }),
            "sent" => set(&mut record.sent, at.time()?),
            "policy" => at.object(|at, name| match name {
                "version" => set(&mut record.policy_version, at.bytes()?),
                _ => None,
            }),
            "arrival" => set(&mut record.arrival, at.number()?),
            _ => None,
        })
    }

    /// Calls `member` at the value of each member.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.take("{")?;
        if self.take("}").is_some() {
            return Some(());
        }
        loop {
            let name = self.string()?;
            self.take(":")?;
            member(self, &name)?;
            if self.take(",").is_none() {
                return self.take("}");
            }
        }
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        self.take("\"")?;
        let text = self.rest;
        let mut start = 0;
        let mut unescaped = String::new();
        loop {
            let at = start + memchr::memchr2(b'"', b'\\', text.as_bytes().get(start..)?)?;
            let plain = text.get(start..at)?;
            if text.as_bytes().get(at) == Some(&b'"') {
                self.rest = text.get(at + 1..)?;
                if unescaped.is_empty() {
                    return Some(plain.into());
                }
                unescaped.push_str(plain);
                return Some(unescaped.into());
            }
            unescaped.push_str(plain);
            let (sign, length) = match *text.as_bytes().get(at + 1)? {
                sign @ (b'"' | b'\\') => (char::from(sign), 2),
                b'u' => {
                    let digits = text.as_bytes().get(at + 2..at + 6)?;
                    (char::from_u32(hexadecimal(digits)?.into())?, 6)
                }
                _ => return None,
            };
            unescaped.push(sign);
            start = at + length;
        }
    }

    fn bytes(&mut self) -> Option<Cow<'a, [u8]>> {
        Some(match self.string()? {
            Cow::Borrowed(text) => text.as_bytes().into(),
            Cow::Owned(text) => text.into_bytes().into(),
        })
    }

    fn number(&mut self) -> Option<u64> {
        let end = self.rest.bytes().position(|byte| !byte.is_ascii_digit())?;
        let (digits, rest) = self.rest.split_at(end);
        self.rest = rest;
        number(digits.as_bytes())
    }

    fn time(&mut self) -> Option<Timestamp> {
        time::read_rfc3339(self.string()?.as_bytes())
    }

    fn address(&mut self) -> Option<IpAddr> {
        Some(self.string()?.parse::<IpAddr>().ok()?.to_canonical())
    }

    fn take(&mut self, sign: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(sign)?;
        Some(())
    }
}
