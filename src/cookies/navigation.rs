//! Where a request stands in a visit: whether it opens a page, and whether the visitor enters with it from elsewhere.
//!
//! Browsers say so themselves over TLS (Fetch Metadata, `Sec-Fetch-*`). Over plain HTTP they do not; there the page
//! that led here tells, if it is told. What nobody knows is not external.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use crate::entry::referring_host;

const SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
const DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Where a request stands in a visit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Navigation {
    /// It opens no page: an image, a script's request, a frame, a program.
    None,
    /// It opens a page, from a page of this site or of a login host, or nobody knows from where.
    Within,
    /// It opens a page, and the visitor was not on this site: a link elsewhere, a bookmark, an address typed in.
    Entry,
}

impl Navigation {
    /// Reads it off a request. `hosts` are the site's host names, `login_hosts` those of other sites from which a
    /// visitor comes back rather than enters; both in lower case, without port.
    ///
    /// A link from a sibling, which browsers call `same-site`, is judged by its host like any other: a sibling is
    /// another site, with a policy of its own.
    pub fn of(method: &Method, headers: &HeaderMap, hosts: &[Box<str>], login_hosts: &[Box<str>]) -> Self {
        let site = headers.get(SITE).map(HeaderValue::as_bytes);
        if !opens_a_page(method, headers, site.is_some()) {
            return Self::None;
        }
        let from = headers.get(header::REFERER).and_then(referring_host);
        let is_one_of = |hosts: &[Box<str>]| {
            from.is_some_and(|from| hosts.iter().any(|host| from.eq_ignore_ascii_case(host.as_bytes())))
        };
        // Another site's redirect makes a way `cross-site` that began on a page of ours, which the visitor never left.
        let came_from_here = is_one_of(hosts) || is_one_of(login_hosts);
        let entered = match site {
            Some(b"same-origin") => false,
            Some(b"cross-site" | b"none") => !came_from_here,
            Some(_) | None => from.is_some() && !came_from_here,
        };
        if entered { Self::Entry } else { Self::Within }
    }
}

/// Whether a request opens a page in a window or tab.
fn opens_a_page(method: &Method, headers: &HeaderMap, says_so: bool) -> bool {
    if says_so {
        let is = |name, value: &str| headers.get(name).is_some_and(|field: &HeaderValue| field == value);
        return is(MODE, "navigate") && is(DEST, "document");
    }
    // For a page browsers ask by name, for its parts by kind or for anything.
    let accepts_html = |field: &HeaderValue| memchr::memmem::find(field.as_bytes(), b"text/html").is_some();
    matches!(*method, Method::GET | Method::POST) && headers.get(header::ACCEPT).is_some_and(accepts_html)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "text/html,application/xhtml+xml,*/*;q=0.8";

    fn of(fields: &[(HeaderName, &'static str)]) -> Navigation {
        let headers = fields
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_static(value)));
        let hosts = ["um.example.pl".into(), "www.um.example.pl".into(), "2001:db8::1".into()];
        Navigation::of(&Method::GET, &headers.collect(), &hosts, &["login.example".into()])
    }

    #[test]
    fn a_browser_says_where_its_visitor_comes_from() {
        use Navigation::{Entry, None, Within};
        for (site, mode, dest, referrer, expected) in [
            ("cross-site", "navigate", "document", "", Entry),
            ("cross-site", "navigate", "document", "https://szukaj.example/", Entry),
            ("none", "navigate", "document", "", Entry),
            ("same-origin", "navigate", "document", "", Within),
            ("same-origin", "navigate", "document", "https://um.example.pl/a", Within),
            // A page of ours, by way of another site's redirect, and the way back from the login.
            ("cross-site", "navigate", "document", "https://um.example.pl/", Within),
            ("cross-site", "navigate", "document", "https://login.example/", Within),
            (
                "cross-site",
                "navigate",
                "document",
                "https://LOGIN.example.:8443/x",
                Within,
            ),
            ("cross-site", "navigate", "document", "https://notlogin.example/", Entry),
            (
                "cross-site",
                "navigate",
                "document",
                "https://login.example.evil.example/",
                Entry,
            ),
            // Siblings: our own other name, another department, and one that does not say.
            (
                "same-site",
                "navigate",
                "document",
                "https://www.um.example.pl/",
                Within,
            ),
            ("same-site", "navigate", "document", "https://bip.example.pl/", Entry),
            ("same-site", "navigate", "document", "", Within),
            // Parts of pages.
            ("cross-site", "navigate", "iframe", "https://szukaj.example/", None),
            ("cross-site", "no-cors", "image", "https://szukaj.example/", None),
            ("none", "no-cors", "image", "", None),
            ("cross-site", "cors", "empty", "https://szukaj.example/", None),
            ("cross-site", "navigate", "", "https://szukaj.example/", None),
            ("cross-site", "websocket", "document", "", None),
            // Words that are not among today's.
            ("next-door", "navigate", "document", "", Within),
            ("next-door", "navigate", "document", "https://szukaj.example/", Entry),
        ] {
            let mut fields = vec![(SITE, site), (MODE, mode), (header::ACCEPT, PAGE)];
            fields.extend((!dest.is_empty()).then_some((DEST, dest)));
            fields.extend((!referrer.is_empty()).then_some((header::REFERER, referrer)));
            assert_eq!(of(&fields), expected, "{site} {mode} {dest} {referrer}");
        }
    }

    #[test]
    fn where_the_browser_does_not_say_the_referring_page_does() {
        use Navigation::{Entry, None, Within};
        for (accept, referrer, expected) in [
            (PAGE, "", Within),
            (PAGE, "http://um.example.pl/a", Within),
            (PAGE, "http://WWW.um.example.pl:8080", Within),
            (PAGE, "http://[2001:db8::1]/", Within),
            (PAGE, "https://login.example/oauth", Within),
            (PAGE, "https://szukaj.example/", Entry),
            (PAGE, "https://um.example.pl@szukaj.example/", Entry),
            // No page that we can read: unknown is not external.
            (PAGE, "android-app://com.example/", Within),
            (PAGE, "about:client", Within),
            (PAGE, "https://szukaj.example\\@um.example.pl/", Within),
            ("image/avif,image/webp,*/*;q=0.8", "https://szukaj.example/", None),
            ("*/*", "https://szukaj.example/", None),
            ("", "https://szukaj.example/", None),
        ] {
            let mut fields = vec![(header::ACCEPT, accept)];
            fields.extend((!referrer.is_empty()).then_some((header::REFERER, referrer)));
            assert_eq!(of(&fields), expected, "{accept} {referrer}");
        }
        assert_eq!(of(&[]), None);
        // Only fields of Fetch Metadata that begin with its site count.
        assert_eq!(of(&[(MODE, "navigate"), (DEST, "document")]), None);
    }
}
