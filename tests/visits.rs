//! A visit: its first page, and how it ends.

use std::fs;

use jiff::{Timestamp, ToSpan};
use townclerk::clock::Clock;

use crate::town::{Answer, Cms, HOST, Plan, Town, cms};

/// A browser's request for a page, over plain HTTP.
const PAGE: &str = "Accept: text/html,*/*;q=0.8";

fn page() -> Cms {
    Cms::saying(cms::ok(
        &["Content-Type: text/html", "Cache-Control: public"],
        "<p>Urząd",
    ))
}

fn marking(cms: &Cms) -> Plan {
    Town::before(cms)
        .policy("policy_version = true", "policy_version = true\nfirst_page = true")
        .policy(
            "[statistics]",
            "[cookies.first_page]\nname = \"pierwsza\"\n\
             purpose = { pl = \"Czy to pierwsza strona.\", en = \"Whether it is the first page.\" }\n[statistics]",
        )
}

fn request(path: &str, fields: &[&str]) -> String {
    let fields: String = fields.iter().map(|field| format!("{field}\r\n")).collect();
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{fields}Connection: close\r\n\r\n")
}

#[test]
fn the_first_page_of_a_visit_is_known_without_an_identifier() {
    let cms = page();
    let town = marking(&cms).open();
    let first = town.ask(request("/", &[PAGE]));
    assert_eq!(first.all("set-cookie"), ["pierwsza=1; Path=/; HttpOnly; SameSite=Lax"]);
    assert_eq!(first.field("cache-control"), Some("private, public"));

    let second = town.ask(request("/kontakt", &[PAGE, "Cookie: PHPSESSID=a; pierwsza=1"]));
    assert_eq!(second.all("set-cookie"), [""; 0]);
    assert_eq!(second.field("cache-control"), Some("public"));
    let part = town.ask(request("/herb.png", &["Accept: image/png"]));
    assert_eq!(part.all("set-cookie"), [""; 0]);

    let cookies: Vec<_> = cms
        .received()
        .iter()
        .map(|request| request.all("cookie").join(""))
        .collect();
    assert_eq!(cookies, ["", "PHPSESSID=a", ""], "the mark never reaches the CMS");
    let kept = town.close();
    let first: Vec<_> = kept
        .entries
        .iter()
        .map(|entry| {
            (
                entry["url.path"].as_str().unwrap_or("-"),
                entry["townclerk.visit.first_page"].clone(),
            )
        })
        .collect();
    let yes = serde_json::Value::Bool(true);
    let absent = serde_json::Value::Null;
    assert_eq!(first, [("/", yes), ("/kontakt", absent.clone()), ("/herb.png", absent)]);
}

#[test]
fn over_tls_the_mark_is_secure() {
    let town = marking(&page()).tls().open();
    let mut visitor = crate::tls::trusting(&town);
    visitor.send(request(
        "/",
        &[
            "Sec-Fetch-Site: none",
            "Sec-Fetch-Mode: navigate",
            "Sec-Fetch-Dest: document",
        ],
    ));
    let line = "pierwsza=1; Path=/; HttpOnly; SameSite=Lax; Secure";
    assert_eq!(visitor.answer().all("set-cookie"), [line]);
}

#[test]
fn a_page_that_could_not_be_had_is_not_the_first() {
    let town = marking(&Cms::saying("nonsense")).open();
    assert_eq!(town.ask(request("/", &[PAGE])).all("set-cookie"), [""; 0]);
    assert!(town.close().entry().get("townclerk.visit.first_page").is_none());
}

/// A CMS that logs everybody in at once, for a year, and says who it takes the visitor for.
fn login() -> Cms {
    Cms::new(|request| {
        let cookie = request.all("cookie").join("; ");
        match request.target() {
            "/logowanie" => cms::ok(
                &["Set-Cookie: PHPSESSID=jan-kowalski; Max-Age=31536000; HttpOnly"],
                &cookie,
            ),
            "/wyloguj" => cms::ok(&["Set-Cookie: PHPSESSID=x; Max-Age=0"], &cookie),
            _ => cms::ok(&["Content-Type: text/html", "Cache-Control: public"], &cookie),
        }
    })
}

/// Before it a town whose session cookie ends so.
fn ending(cms: &Cms, ends: &str) -> Plan {
    let name = "name = \"PHPSESSID\"";
    Town::before(cms).policy(name, &format!("{name}\n{ends}")).sealing()
}

/// The cookie that a browser brings back after an answer.
fn brings(answer: &Answer) -> String {
    let line = answer.all("set-cookie").pop().expect("a cookie");
    format!("Cookie: {}", line.split(';').next().unwrap_or_default())
}

fn noon() -> (Clock, Timestamp) {
    let noon = "2026-11-21T12:00:00Z".parse().expect("a time");
    (Clock::set_to(noon), noon)
}

#[test]
fn a_session_ends_after_its_idle_time_and_at_the_latest_after_its_absolute_one() {
    let (clock, noon) = noon();
    let ends = "idle = \"30 min\"\nabsolute = \"8 h\"";
    let town = ending(&login(), ends).clock(&clock).open();
    let at = |minutes: i64| clock.set(noon + minutes.minutes());

    let answer = town.get("/logowanie");
    assert!(!answer.all("set-cookie")[0].contains("jan-kowalski"), "{answer:?}");
    assert!(
        answer.all("set-cookie")[0].ends_with("; HttpOnly; SameSite=Lax; Path=/"),
        "{answer:?}"
    );
    let mut cookie = brings(&answer);
    at(2);
    let soon = town.ask(request("/", &[PAGE, &cookie]));
    assert_eq!(soon.text(), "PHPSESSID=jan-kowalski", "the CMS sees its own value");
    assert_eq!(
        (soon.all("set-cookie"), soon.field("cache-control")),
        (vec![], Some("public"))
    );

    // In use all day, but not for longer.
    for minutes in (20..480).step_by(20) {
        at(minutes);
        let answer = town.ask(request("/", &[PAGE, &cookie]));
        assert_eq!(answer.text(), "PHPSESSID=jan-kowalski", "after {minutes} minutes");
        assert_eq!(answer.field("cache-control"), Some("private, public"));
        cookie = brings(&answer);
    }
    at(480);
    let over = town.ask(request("/", &[PAGE, &cookie]));
    assert_eq!(over.text(), "", "the CMS is told of nobody");
    assert_eq!(
        over.all("set-cookie"),
        ["PHPSESSID=; Max-Age=0; HttpOnly; SameSite=Lax; Path=/"]
    );

    // Left alone.
    let cookie = brings(&town.get("/logowanie"));
    at(480 + 30);
    assert_eq!(town.ask(request("/", &[PAGE, &cookie])).text(), "");

    let kept = town.close();
    let seen = kept.events.iter().find(|event| event["event.name"] == "cookies.seen");
    assert_eq!(seen.expect("an event")["cookies"]["PHPSESSID"]["sent"]["ended"], 2);
    assert!(!kept.holds("jan-kowalski"), "no value is in the journal");
}

#[test]
fn a_cookie_from_before_is_not_taken_and_goes() {
    let town = ending(&login(), "absolute = \"8 h\"").open();
    let answer = town.ask(request("/", &[PAGE, "Cookie: PHPSESSID=jan-kowalski; zapamietaj=1"]));
    assert_eq!(answer.text(), "zapamietaj=1");
    let deletions = [
        "PHPSESSID=; Max-Age=0; Path=/",
        "PHPSESSID=; Max-Age=0; Path=/; Domain=um.example.pl",
    ];
    assert_eq!(answer.all("set-cookie"), deletions);
    let cookie = brings(&town.get("/logowanie"));
    let answer = town.ask(request("/wyloguj", &[&cookie]));
    assert_eq!(
        answer.all("set-cookie"),
        ["PHPSESSID=x; Max-Age=0"],
        "logging out works as before"
    );
}

#[test]
fn entering_from_another_site_ends_the_session_and_coming_back_from_the_login_does_not() {
    let town = ending(&login(), "ends_when_leaving = true")
        .policy(
            "mode = \"enforce\"",
            "mode = \"enforce\"\nlogin_hosts = [\"login.example\"]",
        )
        .open();
    let cookie = brings(&town.get("/logowanie"));
    let opened = ["Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document", &cookie];
    let ask = |fields: &[&str]| town.ask(request("/", &[fields, &opened].concat()));
    for within in [
        &["Sec-Fetch-Site: same-origin"][..],
        &["Sec-Fetch-Site: cross-site", "Referer: https://login.example/"],
        &["Accept: text/html", "Referer: http://www.um.example.pl/a"],
        &["Accept: text/html"],
        &["Accept: image/png", "Referer: https://szukaj.example/"],
    ] {
        assert_eq!(ask(within).text(), "PHPSESSID=jan-kowalski", "{within:?}");
    }
    for entry in [
        &["Sec-Fetch-Site: cross-site", "Referer: https://szukaj.example/"][..],
        &["Sec-Fetch-Site: none"],
        &["Accept: text/html", "Referer: https://szukaj.example/"],
    ] {
        let answer = ask(entry);
        assert_eq!(answer.text(), "", "{entry:?}");
        assert_eq!(
            answer.all("set-cookie"),
            ["PHPSESSID=; Max-Age=0; HttpOnly; SameSite=Lax; Path=/"]
        );
    }
}

#[test]
fn a_key_is_changed_without_anybody_being_logged_out() {
    let mut town = ending(&login(), "absolute = \"8 h\"").open();
    let cookie = brings(&town.get("/logowanie"));
    let keys = town.folder().join("cookies.key");
    let old = fs::read_to_string(&keys).expect("keys");
    fs::remove_file(&keys).expect("it is there");
    townclerk::cookies::Keys::create(&keys).expect("a key");
    let new = fs::read_to_string(&keys).expect("keys");
    fs::write(&keys, new.clone() + &old).expect("a file");
    let changed = town.reload().expect("a reload").changed;
    assert_eq!(changed, ["um.example.pl, www.um.example.pl: the keys for its cookies"]);
    let after = brings(&town.get("/logowanie"));
    for cookie in [&cookie, &after] {
        assert_eq!(town.ask(request("/", &[cookie])).text(), "PHPSESSID=jan-kowalski");
    }
    // And when the old one is taken out, what it sealed is over.
    fs::write(&keys, new).expect("a file");
    town.reload().expect("a reload");
    assert_eq!(town.ask(request("/", &[&cookie])).text(), "");
    assert_eq!(town.ask(request("/", &[&after])).text(), "PHPSESSID=jan-kowalski");
    // A key that is not there changes nothing.
    fs::remove_file(&keys).expect("it is there");
    let refused = town.reload().expect_err("a fault");
    assert!(refused.contains("there is no key to seal cookies with"), "{refused}");
    assert_eq!(town.ask(request("/", &[&after])).text(), "PHPSESSID=jan-kowalski");
}

#[test]
fn two_towns_with_one_key_share_their_sessions() {
    let (one, other) = (ending(&login(), "idle = \"1 h\""), ending(&login(), "idle = \"1 h\""));
    let folder = tempfile::tempdir().expect("a folder");
    let one = one.open();
    fs::copy(one.folder().join("cookies.key"), folder.path().join("cookies.key")).expect("a copy");
    let other = other.open_in(folder);
    let cookie = brings(&one.get("/logowanie"));
    assert_eq!(other.ask(request("/", &[&cookie])).text(), "PHPSESSID=jan-kowalski");
}
