//! `townclerk init`: a look at a site, and two files that work.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::serve::program::{Ended, Serving, run, run_with};
use crate::town::cms::ok;
use crate::town::{Cms, HOST, Visitor};
use crate::upstreams::secure_cms;

/// A site with a log-in, a statistics cookie for a year, and a font from elsewhere.
fn site() -> Cms {
    Cms::new(|request| match request.target() {
        "/" => ok(
            &["Content-Type: text/html", "Set-Cookie: licznik=1; Max-Age=31536000"],
            "<link rel=stylesheet href=//fonts.example/a.css><a href=/zaloguj>Zaloguj</a>",
        ),
        "/zaloguj" => ok(
            &["Content-Type: text/html", "Set-Cookie: PHPSESSID=a; path=/"],
            "<form method=post><input type=password></form>",
        ),
        _ => b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n".to_vec(),
    })
}

fn init(url: &str, out: &Path, further: &[&str]) -> Ended {
    let mut arguments = vec!["init", "--upstream", url, "--out", out.to_str().expect("text")];
    arguments.extend(further);
    run(&arguments)
}

/// What `init` found out, as JSON.
pub fn found(url: &str, out: &Path) -> Value {
    let said = init(url, out, &["--host", HOST, "--format", "json"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    serde_json::from_str(&said.out).expect("JSON")
}

/// The drafts are right, a journal is made for them, they serve, and change nothing.
pub fn drafts_work(out: &Path, path: &str) {
    let config = out.join("townclerk.toml");
    let checked = run_with(&["check"], &config);
    assert_eq!(checked.code, Some(0), "{}{}", checked.out, checked.err);
    assert!(
        checked.out.contains("policy.toml: ??? stands in lines"),
        "{}",
        checked.out
    );
    assert!(checked.out.contains("observed: nothing is changed"), "{}", checked.out);
    let made = run_with(&["journal", "init"], &config);
    assert_eq!(made.code, Some(0), "{}", made.err);
    let text = fs::read_to_string(&config).expect("a draft");
    fs::write(&config, text.replace("\"127.0.0.1:8080\"", "\"127.0.0.1:0\"")).expect("a file");
    let serving = Serving::start(&config);
    let mut visitor = Visitor::to(serving.address);
    visitor.send(format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    ));
    let answer = visitor.answer();
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(!answer.all("set-cookie").is_empty(), "{answer:?}");
    assert_eq!(serving.stop().code, Some(0));
    assert!(out.join("journal/access").exists() && out.join("journal.key").exists());
}

#[test]
fn what_it_drafts_is_right_at_once_and_serves() {
    let (cms, folder) = (site(), tempfile::tempdir().expect("a folder"));
    let out = folder.path().join("new/config");
    let found = found(&format!("http://{}", cms.address()), &out);
    assert_eq!(found["log_in"], serde_json::json!(["/zaloguj"]));
    assert_eq!(found["made_with"]["preset"], "php", "a cookie of PHP's, and no CMS");
    let cookies = found["cookies"].as_array().expect("a list");
    let told: Vec<_> = cookies
        .iter()
        .map(|cookie| (&cookie["name"], &cookie["seconds"], &cookie["preset"]))
        .collect();
    assert_eq!(
        told,
        [
            (&"PHPSESSID".into(), &Value::Null, &"php".into()),
            (&"licznik".into(), &31_536_000.into(), &Value::Null),
        ]
    );
    assert_eq!(found["foreign"][0]["host"], "fonts.example");
    drafts_work(&out, "/");
    let agents = cms.received();
    let ours = agents.iter().filter_map(|request| request.field("user-agent"));
    assert!(ours.filter(|agent| agent.starts_with("townclerk/")).count() >= 2);
}

#[test]
fn it_speaks_polish_and_english_and_says_what_to_do_next() {
    let (cms, folder) = (site(), tempfile::tempdir().expect("a folder"));
    let url = format!("http://{}", cms.address());
    for (lang, says) in [
        (
            "pl",
            ["licznik     1 rok", "arkusz stylów", "Co dalej", "??? w wierszach"],
        ),
        (
            "en",
            ["licznik    1 year", "style sheet", "What to do next", "??? in lines"],
        ),
    ] {
        let said = init(&url, &folder.path().join(lang), &["--lang", lang]);
        assert_eq!(said.code, Some(0), "{}", said.err);
        for words in says {
            assert!(said.out.contains(words), "{words}: {}", said.out);
        }
        assert!(said.out.contains("fonts.example") && said.out.contains("townclerk journal init --config "));
    }
}

#[test]
fn no_file_is_ever_overwritten_and_none_is_left_alone() {
    let (cms, folder) = (site(), tempfile::tempdir().expect("a folder"));
    let url = format!("http://{}", cms.address());
    fs::write(folder.path().join("policy.toml"), "mine").expect("a file");
    let said = init(&url, folder.path(), &[]);
    assert_eq!(said.code, Some(2));
    assert!(
        said.err.contains("policy.toml is there already") && said.err.contains("hint: "),
        "{}",
        said.err
    );
    assert_eq!(
        fs::read_to_string(folder.path().join("policy.toml")).expect("a file"),
        "mine"
    );
    assert!(!folder.path().join("townclerk.toml").exists());
    assert!(cms.received().is_empty(), "nobody was asked for nothing");
}

#[test]
fn a_site_that_cannot_be_seen_leaves_no_file_and_a_remedy() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("out");
    let text = Cms::new(|_| ok(&["Content-Type: text/plain"], "ok"));
    let moved =
        Cms::new(|_| b"HTTP/1.1 301 M\r\nLocation: https://www.example.org/\r\nContent-Length: 0\r\n\r\n".to_vec());
    let (text, moved) = (
        format!("http://{}", text.address()),
        format!("http://{}", moved.address()),
    );
    for (url, further, says) in [
        ("cms:80", &[][..], "--upstream:1:7: url = \"cms:80\""),
        ("http://127.0.0.1:1", &[], "http://127.0.0.1:1: it cannot be reached: "),
        (&text, &[], "its first page is text/plain, not HTML"),
        (
            &text,
            &["--host", "Um.Example.PL"],
            "--host Um.Example.PL has upper-case letters",
        ),
        (&moved, &["--host", HOST], "--host www.example.org"),
    ] {
        let said = init(url, &out, further);
        assert_eq!(said.code, Some(2), "{url}");
        assert!(
            said.err.contains(says) && said.err.contains("hint: "),
            "{url}: {}",
            said.err
        );
        assert!(!out.exists(), "{url}");
    }
}

#[test]
fn a_cms_behind_https_is_believed_by_its_own_authority() {
    let (address, pem) = secure_cms(&["127.0.0.1"]);
    let folder = tempfile::tempdir().expect("a folder");
    let (ca, out) = (folder.path().join("ca.pem"), folder.path().join("out"));
    fs::write(&ca, pem).expect("a file");
    let url = format!("https://{address}");
    let said = init(&url, &out, &["--host", HOST]);
    assert!(
        said.err.contains("TLS failed: ") && said.err.contains("--ca FILE"),
        "{}",
        said.err
    );
    let said = init(&url, &out, &["--host", HOST, "--ca", ca.to_str().expect("text")]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    let text = fs::read_to_string(out.join("townclerk.toml")).expect("a draft");
    assert!(text.contains(&format!("\nca = \"{}\"\n", ca.display())), "{text}");
    assert_eq!(run_with(&["check"], &out.join("townclerk.toml")).code, Some(0));
}
