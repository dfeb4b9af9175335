//! The mark of the first page of a visit.

use http::header::CONTENT_TYPE;

use super::*;
use crate::policy::FirstPage;

fn marking() -> Cookies {
    Cookies {
        first_page: Some(FirstPage {
            name: "pierwsza".into(),
            purpose: rules().allowed[0].purpose.clone(),
        }),
        ..expiring()
    }
}

/// What the visitor gets for a request with these cookies, and whether that was the first page.
fn asked(navigation: Navigation, method: Method, cookies: &[&[u8]], status: u16, kind: &str) -> (HeaderMap, bool) {
    let rules = marking();
    let (tally, clock) = (Tally::new(&rules), clock());
    let exchange = Exchange {
        navigation,
        ..TLS.under(&rules, &tally, &clock)
    };
    let owed = exchange.inbound(&method, &mut fields(COOKIE, cookies));
    let mut headers = fields(CONTENT_TYPE, &[kind.as_bytes()]);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=60"));
    let first = exchange.outbound(StatusCode::from_u16(status).unwrap(), &mut headers, owed);
    (headers, first)
}

#[test]
fn the_page_that_opens_a_visit_sets_the_mark_and_stays_out_of_shared_caches() {
    for navigation in [Navigation::Within, Navigation::Entry] {
        let (headers, first) = asked(navigation, Method::GET, &[b"sid=1"], 200, "text/html; charset=utf-8");
        assert!(first);
        assert_eq!(
            strings(&headers, SET_COOKIE),
            ["pierwsza=1; Path=/; HttpOnly; SameSite=Lax; Secure"]
        );
        assert_eq!(headers[CACHE_CONTROL], "private, public, max-age=60");
    }
    assert_eq!(
        mark::line(&marking().first_page.unwrap(), false),
        b"pierwsza=1; Path=/; HttpOnly; SameSite=Lax"
    );
}

#[test]
fn later_pages_parts_of_pages_and_what_is_no_page_are_not_the_first() {
    let html = "text/html";
    for (navigation, method, cookies, status, kind, what) in [
        (
            Navigation::Entry,
            Method::GET,
            &b"sid=1; pierwsza=1"[..],
            200,
            html,
            "a later page",
        ),
        (
            Navigation::Entry,
            Method::GET,
            b"pierwsza=x",
            200,
            html,
            "a mark of any value",
        ),
        (Navigation::None, Method::GET, b"", 200, html, "a frame"),
        (
            Navigation::Within,
            Method::POST,
            b"",
            200,
            html,
            "a form, with which browsers keep the mark back",
        ),
        (Navigation::Within, Method::GET, b"", 302, html, "a redirect"),
        (Navigation::Within, Method::GET, b"", 404, html, "an error"),
        (Navigation::Within, Method::GET, b"", 200, "application/pdf", "a file"),
        (Navigation::Within, Method::GET, b"", 200, "", "nobody knows what"),
        (
            Navigation::Within,
            Method::GET,
            b"",
            304,
            "image/png",
            "an image of before",
        ),
    ] {
        let (headers, first) = asked(navigation, method, &[cookies], status, kind);
        assert!(!first && !headers.contains_key(SET_COOKIE), "{what}");
        assert_eq!(headers[CACHE_CONTROL], "public, max-age=60", "{what}");
    }
    assert!(
        asked(Navigation::Within, Method::GET, &[], 304, html).1,
        "a page that the browser still has"
    );
}

#[test]
fn the_mark_never_reaches_the_cms_and_is_never_taken_from_it() {
    let rules = marking();
    assert_eq!(request(&[b"sid=1; pierwsza=1", b"wp-a=2"], &rules), [b"sid=1; wp-a=2"]);
    assert_eq!(request(&[b"pierwsza=1"], &rules), nothing());
    for line in ["pierwsza=7; Max-Age=60", "pierwsza=; Max-Age=0", "pierwsza=1"] {
        let headers = answer(fields(SET_COOKIE, &[line.as_bytes()]), &rules, TLS);
        assert!(!headers.contains_key(SET_COOKIE), "{line}");
    }
    let limiting = Cookies {
        unlisted: Unlisted::Limit,
        ..marking()
    };
    assert_eq!(request(&[b"pierwsza=1; a=b"], &limiting), [b"a=b"]);
    assert_eq!(verdict("pierwsza=1", &limiting), Verdict::Stripped);
}

#[test]
fn the_mark_is_counted_by_its_name_and_not_deleted() {
    let rules = marking();
    let (tally, clock) = (Tally::new(&rules), clock());
    let exchange = TLS.under(&rules, &tally, &clock);
    let owed = exchange.inbound(&Method::GET, &mut fields(COOKIE, &[b"pierwsza=1; pierwsza=2"]));
    assert!(owed.is_nothing());
    let seen = tally.snapshot().seen.into_iter().find(|seen| seen.name == "pierwsza");
    let seen = seen.expect("a place of its own");
    assert!(seen.declared);
    assert_eq!(seen.traffic.sent.of(Verdict::Stripped), 2);
}

#[test]
fn where_the_policy_is_only_observed_no_mark_is_set() {
    let rules = Cookies {
        mode: Mode::Observe,
        ..marking()
    };
    let (tally, clock) = (Tally::new(&rules), clock());
    let exchange = Exchange {
        navigation: Navigation::Entry,
        ..TLS.under(&rules, &tally, &clock)
    };
    let owed = exchange.inbound(&Method::GET, &mut HeaderMap::new());
    let mut headers = fields(CONTENT_TYPE, &[b"text/html"]);
    assert!(!exchange.outbound(StatusCode::OK, &mut headers, owed));
    assert!(!headers.contains_key(SET_COOKIE));
}
