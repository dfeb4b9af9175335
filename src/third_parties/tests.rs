//! What goes out with an answer, what is read of a report, and that strangers cannot make it hold more than it should.

use http::HeaderName;
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY, CONTENT_TYPE, REFERRER_POLICY};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::policy;
use crate::reader::Faults;

const EXAMPLE: &str = include_str!("../../config/policy.toml");
const MAP: &str = "[[third_parties.allow]]\nhost = \"*.mapy.example\"\npurpose = { pl = \"Mapa.\", en = \"A map.\" }\n";

fn policy(changes: &[(&str, &str)]) -> Policy {
    let mut text = EXAMPLE.replace("[statistics]", &format!("{MAP}[statistics]"));
    for (from, to) in changes {
        assert!(text.contains(from), "the example has no {from}");
        text = text.replace(from, to);
    }
    let mut faults = Faults::new();
    policy::parse("policy.toml", &text, &mut faults).unwrap_or_else(|| panic!("{faults}"))
}

fn enforced() -> Policy {
    policy(&[])
}

fn observed() -> Policy {
    policy(&[(
        "mode = \"enforce\"\n# What other sites",
        "mode = \"observe\"\n# What other sites",
    )])
}

fn hosts() -> Vec<Box<str>> {
    vec!["um.example.pl".into(), "www.um.example.pl".into(), "2001:db8::7".into()]
}

fn out(policy: &Policy, status: u16, fields: &[(HeaderName, &'static str)], secure: bool) -> HeaderMap {
    let guard = Guard::new(policy, &hosts(), "/reports").expect("the policy says something");
    let fields = fields.iter().cloned();
    let mut headers: HeaderMap = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name, HeaderValue::from_static(value));
    }
    guard.outbound(StatusCode::from_u16(status).expect("a status"), &mut headers, secure);
    headers
}

fn all(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    let values = headers.get_all(name).iter();
    values.map(|value| value.to_str().expect("text").to_owned()).collect()
}

const SAYS: &str = "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob: um.example.pl:* wss://um.example.pl:* \
    www.um.example.pl:* wss://www.um.example.pl:* *.mapy.example:* wss://*.mapy.example:*; form-action 'self' data: \
    blob: javascript: mailto: um.example.pl:* wss://um.example.pl:* www.um.example.pl:* wss://www.um.example.pl:* \
    *.mapy.example:* wss://*.mapy.example:*; report-uri /reports";

#[test]
fn a_page_says_what_may_be_called_and_how_much_a_call_tells() {
    let page = (CONTENT_TYPE, "text/html");
    let headers = out(&enforced(), 200, std::slice::from_ref(&page), false);
    assert_eq!(all(&headers, &CONTENT_SECURITY_POLICY), [SAYS]);
    assert_eq!(all(&headers, &REFERRER_POLICY), ["same-origin"]);
    assert!(
        !headers.contains_key(REPORTING_ENDPOINTS),
        "over plain HTTP browsers know none"
    );
    let headers = out(&enforced(), 200, &[page], true);
    assert_eq!(
        all(&headers, &CONTENT_SECURITY_POLICY),
        [format!("{SAYS}; report-to townclerk")]
    );
    assert_eq!(all(&headers, &REPORTING_ENDPOINTS), ["townclerk=\"/reports\""]);
}

#[test]
fn what_the_cms_says_of_itself_stays_and_goes_before_ours() {
    let theirs = "script-src 'none'; report-to theirs";
    let fields = [
        (CONTENT_TYPE, "text/html"),
        (CONTENT_SECURITY_POLICY, theirs),
        (REPORTING_ENDPOINTS, "theirs=\"/csp\""),
        (REFERRER_POLICY, "unsafe-url"),
        (REFERRER_POLICY, "no-referrer, of-the-future"),
    ];
    let headers = out(&enforced(), 200, &fields, true);
    assert_eq!(all(&headers, &CONTENT_SECURITY_POLICY)[0], theirs);
    assert_eq!(all(&headers, &CONTENT_SECURITY_POLICY).len(), 2);
    assert_eq!(all(&headers, &REPORTING_ENDPOINTS)[0], "theirs=\"/csp\"");
    assert_eq!(all(&headers, &REFERRER_POLICY), ["no-referrer"], "theirs is stricter");
}

#[test]
fn what_is_only_observed_changes_nothing() {
    let observed = observed();
    let headers = out(
        &observed,
        200,
        &[(CONTENT_TYPE, "text/html"), (REFERRER_POLICY, "unsafe-url")],
        false,
    );
    assert_eq!(all(&headers, &CONTENT_SECURITY_POLICY_REPORT_ONLY), [SAYS]);
    assert_eq!(all(&headers, &REFERRER_POLICY), ["unsafe-url"]);
    assert!(!headers.contains_key(CONTENT_SECURITY_POLICY));
}

#[test]
fn a_policy_that_says_nothing_of_third_parties_has_no_guard() {
    let mut silent = policy(&[]);
    silent.third_parties = None;
    assert!(Guard::new(&silent, &hosts(), "/reports").is_none());
}

#[test]
fn it_goes_with_what_can_call_and_the_referrer_policy_with_everything() {
    for (status, kind, governed) in [
        (200, "text/html; charset=iso-8859-2", true),
        (404, "TEXT/HTML", true),
        (200, "application/xhtml+xml", true),
        (200, "image/svg+xml", true),
        (200, "text/xml", true),
        (200, "text/javascript", true),
        (200, "application/x-httpd-php", true),
        (200, "", true),
        (304, "", true),
        (200, "image/png", false),
        (200, "text/css", false),
        (200, "application/pdf", false),
        (302, "text/html", false),
        (204, "", false),
    ] {
        let kind_field = [(CONTENT_TYPE, kind)];
        let fields = if kind.is_empty() { &[][..] } else { &kind_field };
        let headers = out(&enforced(), status, fields, false);
        assert_eq!(
            headers.contains_key(CONTENT_SECURITY_POLICY),
            governed,
            "{status} {kind}"
        );
        assert_eq!(all(&headers, &REFERRER_POLICY), ["same-origin"], "{status} {kind}");
    }
}

#[test]
fn forms_may_be_sent_to_external_log_ins_and_more_may_not() {
    let policy = policy(&[(
        "expire_unlisted = false\n",
        "expire_unlisted = false\nlogin_hosts = [\"login.example\"]\n",
    )]);
    let headers = out(&policy, 200, &[(CONTENT_TYPE, "text/html")], false);
    let says = all(&headers, &CONTENT_SECURITY_POLICY).remove(0);
    let (default, forms) = says.split_once("; form-action").expect("two directives");
    assert!(
        forms.contains(" login.example:*") && !default.contains("login.example"),
        "{says}"
    );
}

fn one(policy: &Policy, document: &str, blocked: &str, directive: &str) -> Reports {
    let old = serde_json::json!({ "csp-report": {
        "document-uri": document, "blocked-uri": blocked, "violated-directive": directive,
        "referrer": "https://poczta.example/", "status-code": 200, "script-sample": "x" } });
    let new = serde_json::json!([{ "type": "csp-violation", "age": 3, "url": document, "user_agent": "a", "body": {
        "documentURL": document, "blockedURL": blocked, "effectiveDirective": directive, "disposition": "enforce" } }]);
    let read = |said: serde_json::Value, format| read(said.to_string().as_bytes(), format, policy, &hosts());
    let reports = read(old, Format::ReportUri);
    assert_eq!(reports, read(new, Format::ReportTo), "both say the same");
    reports
}

fn call(policy: &Policy, document: &str, blocked: &str, directive: &str) -> Option<(String, Kind, String)> {
    let reports = one(policy, document, blocked, directive);
    assert_eq!(reports.calls.len() as u64 + reports.others, 1);
    let call = reports.calls.into_iter().next()?;
    Some((call.host.into(), call.kind, call.page.into()))
}

#[test]
fn a_report_is_the_other_site_the_kind_and_the_page_and_nothing_else() {
    let policy = policy(&[]);
    let of = |document, blocked, directive| call(&policy, document, blocked, directive);
    let font = |page: &str| Some(("fonts.example".to_owned(), Kind::Font, page.to_owned()));
    let page = "https://www.um.example.pl/kontakt?od=jan@poczta.example#x";
    assert_eq!(
        of(page, "https://Fonts.example/a.woff2?k=1", "font-src"),
        font("/kontakt")
    );
    assert_eq!(
        of("http://um.example.pl:8080", "https://fonts.example", "font-src 'self'"),
        font("/")
    );
    let mail = "http://um.example.pl/do/jan@poczta.example/44051401359";
    assert_eq!(
        of(mail, "https://fonts.example", "font-src"),
        font("/do/[email]/[pesel]")
    );
    let long = format!("http://um.example.pl/{}", "a/".repeat(100));
    assert_eq!(of(&long, "https://fonts.example", "font-src"), font(""));
    let socket = of(page, "wss://chat.example:444/x", "connect-src").expect("a call");
    assert_eq!((&*socket.0, socket.1), ("chat.example", Kind::Connection));
    for address in ["http://192.0.2.9/p.gif", "https://[2001:db8::9]/p.gif"] {
        assert_eq!(of(page, address, "img-src").expect("a call").0, "[address]");
    }
    let key = "https://0123456789abcdef0123456789abcdef.errors.example/";
    assert_eq!(
        of(page, key, "connect-src").expect("a call").0,
        "[token].errors.example"
    );
}

#[test]
fn what_is_not_of_this_site_or_about_no_other_one_has_no_place() {
    let policy = policy(&[]);
    for (document, blocked) in [
        ("https://elsewhere.example/", "https://fonts.example/"),
        ("https://um.example.pl/", "https://www.um.example.pl/x"),
        ("https://um.example.pl/", "http://[2001:db8::7]/x"),
        ("https://um.example.pl/", "inline"),
        ("https://um.example.pl/", "data"),
        ("https://um.example.pl/", "chrome-extension://abc/x.js"),
        ("https://um.example.pl/", ""),
        ("about:blank", "https://fonts.example/"),
        ("https://um.example.pl/ą", "https://fonts.example/"),
    ] {
        assert_eq!(
            call(&policy, document, blocked, "script-src"),
            None,
            "{document} {blocked}"
        );
    }
    let nothing = |body: &str, format| read(body.as_bytes(), format, &policy, &hosts());
    for body in [
        "",
        "null",
        "{}",
        "[]",
        "\"csp-report\"",
        "{\"csp-report\":[]}",
        "{\"csp-report\":{\"document-uri\":7}}",
    ] {
        assert_eq!(nothing(body, Format::ReportUri).others, 1, "{body}");
        assert!(nothing(body, Format::ReportTo).others <= 1, "{body}");
    }
    let others = "[{\"type\":\"deprecation\",\"body\":{}},{\"type\":\"csp-violation\"},7]";
    assert_eq!(
        nothing(others, Format::ReportTo).others,
        1,
        "reports of other kinds are no business of ours"
    );
}

#[test]
fn where_no_urls_are_kept_no_page_is_told() {
    let policy = policy(&[("\nurl = true", "\nurl = false")]);
    let (_, _, page) = call(&policy, "https://um.example.pl/a", "https://b.example/", "img-src").expect("a call");
    assert_eq!(page, "");
}

#[test]
fn only_what_browsers_send_by_themselves_is_a_report() {
    let format = |kind: &'static str| Format::of(&HeaderValue::from_static(kind));
    assert_eq!(format("application/csp-report"), Some(Format::ReportUri));
    assert_eq!(
        format("Application/Reports+JSON; charset=utf-8"),
        Some(Format::ReportTo)
    );
    for kind in [
        "text/plain",
        "application/json",
        "application/x-www-form-urlencoded",
        "",
    ] {
        assert_eq!(format(kind), None, "{kind}");
    }
}

fn calls(host: &str, kind: Kind, page: &str, times: usize) -> Reports {
    let call = Call {
        host: host.into(),
        kind,
        page: page.into(),
    };
    Reports {
        calls: vec![call; times],
        others: 0,
    }
}

#[test]
fn strangers_cannot_make_it_hold_more_than_it_has_places() {
    let tally = Tally::new(&policy(&[]).third_parties.expect("there"));
    for host in 0..500 {
        for page in 0..10 {
            tally.count(calls(&format!("h{host}.example"), Kind::Image, &format!("/{page}"), 1));
        }
    }
    let snapshot = tally.snapshot();
    let found: Vec<_> = snapshot.called.iter().filter(|(_, called)| !called.declared).collect();
    assert_eq!(found.len(), 64);
    let places: usize = found.iter().map(|(_, called)| called.calls.len()).sum();
    assert!(places <= 256 + 64 * Kind::ALL.len(), "{places}");
    let sum: u64 = found.iter().map(|(_, called)| called.sum()).sum();
    assert_eq!(sum + snapshot.others, 5_000, "each is counted somewhere");
    // What has a place goes on being counted there.
    tally.count(calls("h0.example", Kind::Image, "/0", 3));
    assert_eq!(
        tally.snapshot().called["h0.example"].calls[&(Kind::Image, "/0".into())],
        4
    );
}

#[test]
fn the_sites_of_the_policy_are_told_of_before_anything_is_reported() {
    let tally = Tally::new(&policy(&[]).third_parties.expect("there"));
    let declared = Called {
        declared: true,
        ..Called::default()
    };
    assert_eq!(tally.snapshot().called["*.mapy.example"], declared);
    tally.count(calls("a.mapy.example", Kind::Form, "/", 1));
    tally.count(calls("mapy.example", Kind::Form, "/", 1));
    let called = tally.snapshot().called;
    assert!(called["a.mapy.example"].declared && !called["mapy.example"].declared);
}

#[test]
fn a_flood_of_reports_is_not_read() {
    let tally = Tally::new(&policy(&[]).third_parties.expect("there"));
    let second = |second| Timestamp::from_second(second).expect("a time");
    let admitted = (0..100).filter(|_| tally.admits(second(1))).count();
    assert_eq!((admitted, tally.snapshot().unread), (32, 68));
    assert!(tally.admits(second(2)));
}

proptest! {
    #[test]
    fn any_body_is_read_and_tells_no_more_than_hosts_and_paths(
        body in "\\PC{0,80}|[\\[\\]{}\":,a-z/.@]{0,80}",
        document in "https://(um\\.example\\.pl|elsewhere\\.example)[a-z0-9/?#@%.]{0,40}",
        blocked in "(https?|wss?|data|javascript)://[a-zA-Z0-9.:@\\[\\]-]{0,40}/[a-z?#]{0,9}|\\PC{0,20}",
        directive in "[a-z -]{0,20}",
    ) {
        let policy = policy(&[]);
        for format in [Format::ReportUri, Format::ReportTo] {
            let reports = read(body.as_bytes(), format, &policy, &hosts());
            prop_assert!(reports.calls.is_empty());
        }
        for call in one(&policy, &document, &blocked, &directive).calls {
            prop_assert!(call.host.len() <= 255 && !call.host.contains(['/', '@', '?', '#']));
            prop_assert!(!hosts().contains(&call.host));
            prop_assert!(call.host.parse::<std::net::IpAddr>().is_err());
            prop_assert!(call.page.len() <= 128 && !call.page.contains(['?', '#']));
            prop_assert!(call.page.is_empty() || call.page.starts_with('/'));
        }
    }
}
