//! `Referer` (RFC 9110, section 10.1.3): another site's page, or one of this site's.
//!
//! What cannot be read as an `http` or `https` URL is neither, and is not kept: unknown is not external.

use std::borrow::Cow;

use http::HeaderValue;

use super::text::{self, Limit};
use super::url;
use crate::policy::{Redact, ReferrerRule};

/// A page that a referrer names.
pub(super) enum Referrer<'a> {
    /// A page of another site.
    External(Page<'a>),
    /// A page of this one.
    Internal(Page<'a>),
}

/// An `http` or `https` URL, by its parts' places in the value.
pub(super) struct Page<'a> {
    value: &'a HeaderValue,
    /// Where the host begins, behind any user information.
    host: usize,
    /// Where the host ends.
    host_end: usize,
    /// Where the path begins.
    path: usize,
    /// Where the query ends; a fragment may follow.
    end: usize,
}

/// The host that a `Referer` names, without port, an IPv6 address without brackets; `None` if it names no page.
pub(crate) fn referring_host(value: &HeaderValue) -> Option<&[u8]> {
    Some(Page::read(value)?.host_name())
}

/// The host of a page of another site, like [`referring_host`], without what the policy takes out of URLs; `None` if it
/// is none of another's.
pub(crate) fn foreign_host(value: &HeaderValue, own_hosts: &[Box<str>], redact: &Redact) -> Option<Box<[u8]>> {
    match Referrer::read(value, own_hosts)? {
        Referrer::External(page) => {
            let host = page.host_name();
            Some(url::redact(host, redact).map_or_else(|| host.into(), Vec::into_boxed_slice))
        }
        Referrer::Internal(_) => None,
    }
}

/// The path of a page of this site, without its query and what the policy takes out of URLs; `None` if it is none of
/// this site's.
pub(crate) fn own_path(value: &HeaderValue, own_hosts: &[Box<str>], redact: &Redact) -> Option<Box<[u8]>> {
    match Referrer::read(value, own_hosts)? {
        Referrer::Internal(page) => Some(page.without_query().internal(redact).into()),
        Referrer::External(_) => None,
    }
}

impl<'a> Referrer<'a> {
    /// Reads a field's value; `None` if it names no page.
    pub(super) fn read(value: &'a HeaderValue, own_hosts: &[Box<str>]) -> Option<Self> {
        let page = Page::read(value)?;
        let host = page.host_name();
        let is_own = own_hosts.iter().any(|own| host.eq_ignore_ascii_case(own.as_bytes()));
        Some(if is_own {
            Self::Internal(page)
        } else {
            Self::External(page)
        })
    }
}

impl<'a> Page<'a> {
    fn read(value: &'a HeaderValue) -> Option<Self> {
        let text = value.as_bytes();
        let authority = scheme(text)?;
        let path =
            memchr::memchr3(b'/', b'?', b'#', &text[authority..]).map_or(text.len(), |length| authority + length);
        let end = memchr::memchr(b'#', &text[path..]).map_or(text.len(), |length| path + length);
        // Browsers take a backslash for a slash, other programs do not: with one, nobody knows the host.
        if memchr::memchr(b'\\', &text[authority..path]).is_some() {
            return None;
        }
        let host = memchr::memrchr(b'@', &text[authority..path]).map_or(authority, |at| authority + at + 1);
        let host_end = host + host_length(&text[host..path])?;
        Some(Self {
            host,
            host_end,
            path,
            end,
            value,
        })
    }

    /// As a site's host names are written: without the dot at its end, and without brackets.
    fn host_name(&self) -> &'a [u8] {
        match &self.value.as_bytes()[self.host..self.host_end] {
            [b'[', address @ .., b']'] => address,
            [name @ .., b'.'] | name => name,
        }
    }

    fn without_query(self) -> Self {
        let path = &self.value.as_bytes()[self.path..self.end];
        let end = memchr::memchr(b'?', path).map_or(self.end, |length| self.path + length);
        Self { end, ..self }
    }

    /// What `rule` keeps of a page of another site.
    pub(super) fn external(self, rule: ReferrerRule, redact: &Redact) -> Option<Cow<'a, [u8]>> {
        let value = self.value.as_bytes();
        let end = match rule {
            ReferrerRule::Omitted => return None,
            ReferrerRule::Host => self.host_end,
            ReferrerRule::Url => self.end,
        };
        let left = url::redact(&value[self.host..end], redact);
        let has_user = value[self.host - 1] == b'@';
        if rule == ReferrerRule::Url && left.is_none() && !has_user {
            return Some(text::short(&value[..end], Limit::Url).into());
        }
        let left = left.as_deref().unwrap_or(&value[self.host..end]);
        let scheme: &[u8] = if value[4] == b':' { b"http://" } else { b"https://" };
        let slash: &[u8] = if rule == ReferrerRule::Host { b"/" } else { b"" };
        Some(text::shorten([scheme, left, slash].concat(), Limit::Url).into())
    }

    /// The path and query of a page of this site.
    pub(super) fn internal(self, redact: &Redact) -> Cow<'a, [u8]> {
        let page = &self.value.as_bytes()[self.path..self.end];
        let left = url::redact(page, redact);
        let left = left.as_deref().unwrap_or(page);
        // An empty path is `/` (RFC 9110, section 4.2.3).
        let root: &[u8] = if left.first() == Some(&b'/') { b"" } else { b"/" };
        text::shorten([root, left].concat(), Limit::Url).into()
    }
}

/// Where the authority begins, behind `http://` or `https://`.
fn scheme(text: &[u8]) -> Option<usize> {
    let is = |scheme: &[u8]| {
        text.get(..scheme.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    if is(b"http://") {
        Some(7)
    } else if is(b"https://") {
        Some(8)
    } else {
        None
    }
}

/// The length of the host in `host[:port]`; `None` if it is not a name or an address.
fn host_length(text: &[u8]) -> Option<usize> {
    let length = match text {
        [b'[', ..] => memchr::memchr(b']', text)? + 1,
        _ => memchr::memchr(b':', text).unwrap_or(text.len()),
    };
    let is_host = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    let good = match &text[..length] {
        [] => false,
        [b'[', address @ .., b']'] => {
            std::str::from_utf8(address).is_ok_and(|a| a.parse::<std::net::Ipv6Addr>().is_ok())
        }
        name => name.len() <= 255 && name.iter().all(is_host),
    };
    let port = match &text[length..] {
        [] => true,
        [b':', port @ ..] => port.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    (good && port).then_some(length)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::Referrer;
    use crate::policy::{Redact, ReferrerRule};

    fn rules() -> Redact {
        Redact {
            query_values: false,
            emails: true,
            pesel: true,
            tokens: Some(20),
            parameters: vec!["token".into()],
        }
    }

    fn kept(value: &[u8], rule: ReferrerRule) -> Option<String> {
        let own = ["www.town.example".into(), "town.example".into(), "2001:db8::2".into()];
        let value = HeaderValue::from_bytes(value).unwrap();
        let (side, text) = match Referrer::read(&value, &own)? {
            Referrer::External(page) => ("", page.external(rule, &rules())?),
            Referrer::Internal(page) => ("internal ", page.internal(&rules())),
        };
        Some(format!("{side}{}", String::from_utf8_lossy(&text)))
    }

    #[test]
    fn a_page_of_another_site_is_kept_as_the_policy_says() {
        let page = b"https://jan:haslo@Search.example:8443/q?x=1&token=abc&m=a%40b.pl#part";
        let url = "https://Search.example:8443/q?x=1&token=[removed]&m=[email]";
        assert_eq!(kept(page, ReferrerRule::Url).unwrap(), url);
        assert_eq!(kept(page, ReferrerRule::Host).unwrap(), "https://Search.example/");
        assert_eq!(kept(page, ReferrerRule::Omitted), None);
        assert_eq!(
            kept(b"http://a.example/b#c", ReferrerRule::Url).unwrap(),
            "http://a.example/b"
        );
        assert_eq!(
            kept(b"http://jan@a.example", ReferrerRule::Url).unwrap(),
            "http://a.example"
        );
        assert_eq!(
            kept(b"http://44051401359.example/", ReferrerRule::Host).unwrap(),
            "http://[pesel].example/"
        );
    }

    #[test]
    fn this_sites_pages_are_known_by_host_alone() {
        for page in [
            "https://www.town.example/a?b=c",
            "HTTP://WWW.Town.Example:8080/a?b=c",
            "http://x:y@town.example./a?b=c#d",
        ] {
            assert_eq!(kept(page.as_bytes(), ReferrerRule::Url).unwrap(), "internal /a?b=c");
        }
        assert_eq!(kept(b"https://town.example", ReferrerRule::Url).unwrap(), "internal /");
        assert_eq!(
            kept(b"http://[2001:DB8::2]:80/a", ReferrerRule::Url).unwrap(),
            "internal /a"
        );
        assert_eq!(
            kept(b"https://town.example?token=a", ReferrerRule::Url).unwrap(),
            "internal /?token=[removed]"
        );
        assert!(
            kept(b"https://nottown.example/", ReferrerRule::Url)
                .unwrap()
                .starts_with("https")
        );
        assert!(
            kept(b"https://town.example@evil.example/", ReferrerRule::Url)
                .unwrap()
                .starts_with("https://evil")
        );
    }

    #[test]
    fn what_cannot_be_read_is_unknown() {
        for value in [
            "",
            "-",
            "/a",
            "about:blank",
            "android-app://com.example/",
            "ftp://a.example/",
            "https://",
            "https:///a",
            "https://a b/",
            "https://a.example:x/",
            "https://a.example\\@town.example/",
            "https://[::1/",
            "https://[x]/",
            "https://zażółć.example/",
        ] {
            assert_eq!(kept(value.as_bytes(), ReferrerRule::Url), None, "{value}");
        }
        assert!(kept(b"https://[2001:db8::1]:443/a", ReferrerRule::Host).unwrap() == "https://[2001:db8::1]/");
    }

    proptest::proptest! {
        #[test]
        fn no_value_panics_and_no_user_information_stays(
            user in "[a-z:]{8,12}", rest in proptest::collection::vec(0x20u8..=0x7e, 0..60),
        ) {
            let value = [b"https://", user.as_bytes(), b"@a.example/", &rest].concat();
            if let Some(text) = kept(&value, ReferrerRule::Url) {
                let with_user = format!("https://{user}");
                proptest::prop_assert!(!text.starts_with(&with_user));
            }
            kept(&rest, ReferrerRule::Url);
        }
    }
}
