//! What bites whoever rewrites cookies, one test each; here are the words in which they are written.

mod answers;
mod crumbs;
mod first_page;
mod lines;
mod properties;
mod sessions;
mod tally;

use http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::*;
use crate::policy::{Allowed, Ends, NamePattern, Text, Unlisted};

fn rules() -> Cookies {
    let allowed = |name| Allowed {
        name,
        purpose: Text {
            pl: "Pamięta, kto jest zalogowany.".into(),
            en: "Remembers who is logged in.".into(),
        },
        ends: Ends::default(),
    };
    Cookies {
        mode: Mode::Enforce,
        unlisted: Unlisted::Strip,
        expire_unlisted: false,
        login_hosts: vec![],
        first_page: None,
        allowed: vec![
            allowed(NamePattern::Exact("sid".into())),
            allowed(NamePattern::Exact("__Host-sid".into())),
            allowed(NamePattern::Exact("__secure-sid".into())),
            allowed(NamePattern::Prefix("wp-".into())),
            allowed(NamePattern::Hex32("wordpress_logged_in_".into())),
        ],
    }
}

fn limiting() -> Cookies {
    Cookies {
        unlisted: Unlisted::Limit,
        ..rules()
    }
}

fn expiring() -> Cookies {
    Cookies {
        expire_unlisted: true,
        ..rules()
    }
}

fn clock() -> Clock {
    Clock::set_to("2026-11-21T12:00:00Z".parse().unwrap())
}

/// How the visitor reached the site.
#[derive(Clone, Copy)]
struct Site {
    secure: bool,
    host: &'static str,
}

impl Site {
    /// An exchange that opens no page.
    fn under<'a>(&self, rules: &'a Cookies, tally: &'a Tally, clock: &'a Clock) -> Exchange<'a> {
        Exchange {
            rules,
            tally,
            clock,
            secure: self.secure,
            host: self.host,
            navigation: Navigation::None,
            path: "/",
            site: "www.gmina.pl",
            keys: None,
        }
    }
}

const TLS: Site = Site {
    secure: true,
    host: "www.gmina.pl",
};
const PLAIN: Site = Site {
    secure: false,
    host: "www.gmina.pl",
};

/// What a browser gets over plain HTTP, where only the lifetime and SameSite can change.
fn plain(line: &str) -> Option<String> {
    text(judge(line.as_bytes(), &rules(), false, &clock()).line())
}

/// What a browser gets over TLS.
fn tls(line: &str) -> Option<String> {
    text(judge(line.as_bytes(), &rules(), true, &clock()).line())
}

fn text(line: Option<Cow<'_, [u8]>>) -> Option<String> {
    line.map(|line| String::from_utf8(line.into_owned()).unwrap())
}

fn verdict(line: &str, rules: &Cookies) -> Verdict {
    judge(line.as_bytes(), rules, false, &clock()).verdict
}

fn is_deletion(line: &str) -> bool {
    let line = format!("{line}; SameSite=Lax");
    let verdict = verdict(&line, &rules());
    assert_eq!(
        verdict == Verdict::Deletion,
        plain(&line).as_deref() == Some(&*line),
        "{line}"
    );
    verdict == Verdict::Deletion
}

fn fields(name: HeaderName, values: &[&[u8]]) -> HeaderMap {
    values
        .iter()
        .map(|value| (name.clone(), HeaderValue::from_bytes(value).unwrap()))
        .collect()
}

fn values(headers: &HeaderMap, name: HeaderName) -> Vec<Vec<u8>> {
    headers
        .get_all(name)
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

fn strings(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    values(headers, name)
        .into_iter()
        .map(|value| String::from_utf8(value).unwrap())
        .collect()
}

/// The Cookie fields that reach the CMS.
fn request(cookies: &[&[u8]], rules: &Cookies) -> Vec<Vec<u8>> {
    let mut headers = fields(COOKIE, cookies);
    PLAIN
        .under(rules, &Tally::new(rules), &clock())
        .inbound(&Method::GET, &mut headers);
    values(&headers, COOKIE)
}

fn nothing() -> Vec<Vec<u8>> {
    Vec::new()
}

/// An answer as the visitor gets it.
fn answer(mut headers: HeaderMap, rules: &Cookies, site: Site) -> HeaderMap {
    let (tally, clock) = (Tally::new(rules), clock());
    site.under(rules, &tally, &clock)
        .outbound(StatusCode::OK, &mut headers, Owed::default());
    headers
}

/// The deletions that answer a request.
fn deletions(cookies: &str, site: Site) -> Vec<String> {
    let (rules, mut headers) = (expiring(), fields(COOKIE, &[cookies.as_bytes()]));
    let (tally, clock) = (Tally::new(&rules), clock());
    let exchange = site.under(&rules, &tally, &clock);
    let owed = exchange.inbound(&Method::GET, &mut headers);
    let mut headers = HeaderMap::new();
    exchange.outbound(StatusCode::OK, &mut headers, owed);
    strings(&headers, SET_COOKIE)
}
