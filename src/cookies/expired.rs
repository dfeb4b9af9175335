//! Unlisted cookies that a browser still holds, mostly set by scripts: what is answered so that it lets go of them.

use bytes::Bytes;
use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};

use super::name::{Prefix, Standing};
use super::{JudgedCrumb, NAME_BYTES_MAX, Site};

/// Lines in one answer: servers before us allow a head of few kilobytes. What is left over goes with the next answer.
const LINES_MAX: usize = 20;

/// The names that a request brought and that its answer deletes; made by [`inbound`](super::inbound).
#[derive(Default)]
pub struct Expired(Vec<Box<[u8]>>);

impl Expired {
    /// Whether there is nothing to delete.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a stripped crumb, if a `Set-Cookie` line can name it.
    pub(super) fn note(&mut self, crumb: &JudgedCrumb<'_>) {
        let name = crumb.name;
        let can_be_named = crumb.standing == Standing::Unlisted && (1..=NAME_BYTES_MAX).contains(&name.len());
        if can_be_named && self.0.len() < LINES_MAX && !self.0.iter().any(|noted| **noted == *name) {
            self.0.push(name.into());
        }
    }

    /// Appends the deletions: for the host alone, and for its domain. Never for the domain above it: a cookie there
    /// belongs to sibling departments too.
    pub(super) fn append_to(&self, headers: &mut HeaderMap, site: &Site<'_>) {
        let domain = domain(site.host);
        let lines = self.0.iter().flat_map(|name| deletions(name, site.secure, domain));
        for line in lines.take(LINES_MAX) {
            // Names are tokens and the domain is a host name, so the line is a valid value; and a full map needs no
            // more.
            if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(line)) {
                let _ = headers.try_append(SET_COOKIE, value);
            }
        }
    }
}

/// The deletions of a name. Browsers ask of a deletion what they ask of the cookie: a prefixed name keeps its rules,
/// and without TLS no browser can have sent it.
fn deletions(name: &[u8], secure: bool, domain: Option<&str>) -> impl Iterator<Item = Vec<u8>> {
    let prefix = Prefix::of(name);
    let flags: &[u8] = match prefix {
        None => b"",
        Some(Prefix::Host | Prefix::Secure) => b"; Secure",
        Some(Prefix::HostHttp | Prefix::Http) => b"; Secure; HttpOnly",
    };
    let possible = prefix.is_none() || secure;
    let of_host_only = matches!(prefix, Some(Prefix::Host | Prefix::HostHttp));

    let host_form = possible.then(|| [name, b"=; Max-Age=0; Path=/", flags].concat());
    let domain_form = domain
        .filter(|_| possible && !of_host_only)
        .map(|domain| [name, b"=; Max-Age=0; Path=/; Domain=", domain.as_bytes(), flags].concat());
    host_form.into_iter().chain(domain_form)
}

/// The host as a `Domain`, if it can be one: addresses and single labels cannot.
fn domain(host: &str) -> Option<&str> {
    let of_labels = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'));
    let (above, last) = host.rsplit_once('.')?;
    // A host whose last label is a number is an IPv4 address (URL Standard, section 3.5).
    let is_name = !above.is_empty() && !last.bytes().all(|byte| byte.is_ascii_digit());
    (of_labels && is_name).then_some(host)
}
