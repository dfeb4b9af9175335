//! No persistent cookie reaches a visitor; logins and logouts work.

use crate::serve::program::{Serving, run_with};
use crate::town::{Cms, HOST, Town, Visitor, cms};

const LOGIN: [&str; 4] = [
    "Set-Cookie: PHPSESSID=abc; path=/; HttpOnly",
    "Set-Cookie: zapamietaj=1; Max-Age=31536000; Expires=Fri, 31 Dec 2038 23:59:59 GMT; Path=/; Priority=High",
    "Set-Cookie: _pk_id.1=x; Max-Age=33696000; Path=/",
    "Set-Cookie: stary=; Max-Age=0; Path=/",
];

#[test]
fn lifetimes_are_cut_unlisted_cookies_are_stripped_and_deletions_pass() {
    let town = Town::before(&Cms::saying(cms::ok(&LOGIN, ""))).open();
    let answer = town.get("/logowanie");
    assert_eq!(
        answer.all("set-cookie"),
        [
            "PHPSESSID=abc; path=/; HttpOnly; SameSite=Lax",
            "zapamietaj=1; Path=/; Priority=High; SameSite=Lax",
            "stary=; Max-Age=0; Path=/",
        ]
    );
}

#[test]
fn every_kind_of_answer_is_limited() {
    for status in [
        "404 Not Found",
        "302 Found",
        "500 Internal Server Error",
        "304 Not Modified",
    ] {
        let body = if status.starts_with("304") {
            ""
        } else {
            "Content-Length: 0\r\n"
        };
        let lasting = "Set-Cookie: PHPSESSID=a; Max-Age=99\r\nSet-Cookie: inny=b; Max-Age=99";
        let town = Town::before(&Cms::saying(format!("HTTP/1.1 {status}\r\n{lasting}\r\n{body}\r\n"))).open();
        assert_eq!(
            town.get("/").all("set-cookie"),
            ["PHPSESSID=a; SameSite=Lax"],
            "{status}"
        );
    }
}

#[test]
fn only_listed_cookies_reach_the_cms() {
    let cms = Cms::page("");
    let town = Town::before(&cms).open();
    town.ask(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: _ga=1; PHPSESSID=a\r\nCookie: zapamietaj=\"x\"; _ga=2\r\nConnection: close\r\n\r\n"
    ));
    town.ask(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: _ga=1\r\nConnection: close\r\n\r\n"
    ));
    let received = cms.received();
    assert_eq!(received[0].all("cookie"), ["PHPSESSID=a; zapamietaj=\"x\""]);
    assert_eq!(received[1].all("cookie"), [""; 0], "never an empty field");
}

#[test]
fn unlisted_cookies_can_be_limited_instead() {
    let town = Town::before(&Cms::saying(cms::ok(&LOGIN, "")))
        .policy("\"strip\"", "\"limit\"")
        .open();
    let passed = town.get("/");
    assert_eq!(passed.all("set-cookie").len(), 4);
    assert_eq!(passed.all("set-cookie")[2], "_pk_id.1=x; Path=/; SameSite=Lax");
}

#[test]
fn observing_changes_nothing_and_counts() {
    let cms = Cms::saying(cms::ok(&LOGIN, ""));
    let town = Town::before(&cms).policy("\"enforce\"", "\"observe\"").open();
    let answer = town.ask(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: _ga=1; PHPSESSID=a\r\nConnection: close\r\n\r\n"
    ));
    let sent: Vec<String> = answer
        .all("set-cookie")
        .iter()
        .map(|line| format!("Set-Cookie: {line}"))
        .collect();
    assert_eq!(sent, LOGIN);
    assert_eq!(cms.request().all("cookie"), ["_ga=1; PHPSESSID=a"]);

    let kept = town.close();
    let seen = kept
        .events
        .iter()
        .find(|event| event["event.name"] == "cookies.seen")
        .expect("an event of the cookies");
    assert_eq!(seen["mode"], "observe");
    assert_eq!(
        seen["cookies"]["_pk_id.1"],
        serde_json::json!({ "declared": false, "set": { "stripped": 1 } })
    );
    assert_eq!(
        seen["cookies"]["zapamietaj"],
        serde_json::json!({ "declared": true, "set": { "limited": 1 } })
    );
    assert_eq!(
        seen["cookies"]["_ga"],
        serde_json::json!({ "declared": false, "sent": { "stripped": 1 } })
    );
}

#[test]
fn the_inventory_names_what_was_seen_and_who_sets_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let cms = Cms::saying(cms::ok(&LOGIN, ""));
    let plan = Town::before(&cms).policy("\"enforce\"", "\"observe\"");
    let (config, _) = plan.write(folder.path());
    let init = run_with(&["journal", "init"], &config);
    assert_eq!(init.code, Some(0), "{init:?}");
    let told = |arguments: &[&str]| run_with(&[&["cookies"], arguments].concat(), &config);
    assert_eq!(told(&[]).out, "no cookie was told of in that time\n");

    for _ in 0..2 {
        let serving = Serving::start(&config);
        let mut visitor = Visitor::to(serving.address);
        visitor.send(format!(
            "GET / HTTP/1.1\r\nHost: {HOST}\r\nCookie: _ga=1; PHPSESSID=a\r\n\r\n"
        ));
        assert_eq!(visitor.answer().status, 200);
        assert_eq!(serving.stop().code, Some(0));
    }
    let seen = told(&[]);
    assert_eq!(seen.code, Some(1), "some are not in the policy: {seen:?}");
    let row = |name: &str| {
        let row = seen.out.lines().find(|line| line.trim_start().starts_with(name));
        row.unwrap_or_else(|| panic!("{name}: {}", seen.out)).to_owned()
    };
    for (name, cells) in [
        ("_ga", ["no", "a script, or earlier", "2 stripped"]),
        ("_pk_id.1", ["no", "the CMS", "2 stripped"]),
        ("zapamietaj", ["yes", "the CMS", "2 limited"]),
    ] {
        assert!(cells.iter().all(|cell| row(name).contains(cell)), "{}", row(name));
    }
    assert!(seen.out.contains("only observed"), "{}", seen.out);
    assert!(
        seen.err.contains("not in the policy") && seen.err.contains("hint"),
        "{}",
        seen.err
    );
    let json: serde_json::Value = serde_json::from_str(&told(&["--format", "json"]).out).expect("JSON");
    let cookies = json["cookies"].as_array().expect("a list");
    let ga = cookies.iter().find(|cookie| cookie["name"] == "_ga").expect("a cookie");
    assert_eq!(
        (&ga["declared"], &ga["sent"]["stripped"], &ga["new"]),
        (&false.into(), &2.into(), &false.into())
    );
    assert_eq!(told(&["--from", "2040-01-01"]).code, Some(0));

    let doctor = run_with(&["doctor"], &config).out;
    assert!(
        doctor.contains("the CMS sets what the policy does not list: _pk_id.1"),
        "{doctor}"
    );
    assert!(!doctor.contains("_ga"), "what browsers bring is not said: {doctor}");
}

#[test]
fn on_a_tls_site_cookies_become_secure_and_on_a_plain_one_they_do_not() {
    let cms = Cms::saying(cms::ok(&["Set-Cookie: PHPSESSID=a"], ""));
    let town = Town::before(&cms).tls().open();
    assert_eq!(town.get("/").all("set-cookie"), ["PHPSESSID=a; SameSite=Lax"]);
    let secure = crate::tls::get(&town, "/");
    let cookies = secure.all("set-cookie");
    assert_eq!(cookies.len(), 1);
    assert!(cookies[0].contains("Secure"), "{cookies:?}");
}
