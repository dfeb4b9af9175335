//! Cookies that a browser holds and should not, set by scripts or from before: what is answered so that it lets go of
//! them.
//!
//! Browsers do not say for which path and domain they hold a cookie, and a deletion must name both. The path is `/` or
//! one of those above what was asked for, so each is tried, the likeliest first. The domain is the host, or one above
//! it: that one belongs to sibling departments too, so it is left alone. A cookie there stays in the browser; it is
//! kept from the CMS and counted like the others.

use super::name::{Prefix, Standing};
use super::set_cookie::ATTRIBUTE_BYTES_MAX;
use super::{Exchange, JudgedCrumb, LINES_MAX, NAME_BYTES_MAX};

/// The names that a request brought and that its answer deletes.
#[derive(Default)]
pub(super) struct Expired(Vec<Box<[u8]>>);

impl Expired {
    /// Whether there is nothing to delete.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes a crumb, if a `Set-Cookie` line can name it.
    pub(super) fn note(&mut self, crumb: &JudgedCrumb<'_>) {
        let name = crumb.name;
        let is_known = matches!(crumb.standing, Standing::Unlisted | Standing::Listed { .. });
        let can_be_named = is_known && (1..=NAME_BYTES_MAX).contains(&name.len());
        if can_be_named && self.0.len() < LINES_MAX && !self.0.iter().any(|noted| **noted == *name) {
            self.0.push(name.into());
        }
    }

    /// The deletions, for the host alone and for its domain.
    pub(super) fn deletions(&self, exchange: &Exchange<'_>) -> impl Iterator<Item = Vec<u8>> {
        let (secure, domain) = (exchange.secure, domain(exchange.host));
        let of_all = move |path| {
            self.0
                .iter()
                .flat_map(move |name| deletions(name, path, secure, domain))
        };
        paths(exchange.path).flat_map(of_all)
    }
}

/// The paths of the cookies that browsers send with a request for this path (RFC 6265bis, section 5.1.4), as far as an
/// attribute can say them.
fn paths(asked: &str) -> impl Iterator<Item = &str> {
    let folders = memchr::memchr_iter(b'/', asked.as_bytes()).skip(1);
    let above = folders.flat_map(|end| [&asked[..end], &asked[..=end]]);
    let whole = std::iter::once(asked).filter(|asked| asked.starts_with('/') && !asked.ends_with('/'));
    let fit = |path: &&str| path.len() <= ATTRIBUTE_BYTES_MAX && !path.contains(';');
    std::iter::once("/").chain(above.chain(whole).filter(fit))
}

/// The deletions of a name at a path. Browsers ask of a deletion what they ask of the cookie: a prefixed name keeps its
/// rules, and without TLS no browser can have sent it.
fn deletions(name: &[u8], path: &str, secure: bool, domain: Option<&str>) -> impl Iterator<Item = Vec<u8>> {
    let prefix = Prefix::of(name);
    let flags: &[u8] = match prefix {
        None => b"",
        Some(Prefix::Host | Prefix::Secure) => b"; Secure",
        Some(Prefix::HostHttp | Prefix::Http) => b"; Secure; HttpOnly",
    };
    let of_host_only = matches!(prefix, Some(Prefix::Host | Prefix::HostHttp));
    let possible = (prefix.is_none() || secure) && (!of_host_only || path == "/");
    let start = [name, b"=; Max-Age=0; Path=", path.as_bytes()].concat();

    let domain_form = domain
        .filter(|_| possible && !of_host_only)
        .map(|domain| [&start, &b"; Domain="[..], domain.as_bytes(), flags].concat());
    let host_form = possible.then(|| [&start, flags].concat());
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
