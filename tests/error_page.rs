//! The page that visitors see while the CMS does not answer: the office's, or ours.

use std::fs;

use crate::serve::program::run_with;
use crate::town::{Answer, Cms, HOST, Plan, Town};

const PAGE: &str = "<!doctype html><title>Urząd</title><p>Zaraz wracamy.</p>";

/// A town before a CMS that answers nonsense.
fn broken() -> Plan {
    Town::before(&Cms::saying("nonsense\r\n\r\n"))
}

fn ask(town: &Town, head: &str) -> Answer {
    town.ask(format!("{head}\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"))
}

#[test]
fn ours_is_in_both_languages_and_says_nothing_internal() {
    let town = broken().open();
    for (preferred, first, second) in [("en", "en", "pl"), ("pl", "pl", "en"), ("de", "pl", "en")] {
        let answer = ask(&town, &format!("GET / HTTP/1.1\r\nAccept-Language: {preferred}"));
        assert_eq!(answer.status, 502);
        let text = answer.text();
        let of = |lang: &str| text.find(&format!("lang=\"{lang}\"")).expect("a language");
        assert!(of(first) < of(second), "{text}");
        assert!(!text.contains("127.0.0.1") && !text.contains("502"), "{text}");
        assert_eq!(answer.field("cache-control"), Some("no-store"));
        assert_eq!(answer.field("content-security-policy"), Some("default-src 'none'"));
    }
}

#[test]
fn the_offices_page_takes_its_place_where_the_site_is_not_there() {
    let town = broken()
        .site("error_page = \"error.html\"")
        .file("error.html", PAGE)
        .open();
    let answer = ask(&town, "GET / HTTP/1.1");
    assert_eq!((answer.status, answer.text().as_str()), (502, PAGE));
    assert_eq!(answer.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(answer.field("cache-control"), Some("no-store"));
    assert_eq!(answer.field("content-language"), None, "it is not ours to tell");
    let may = answer.field("content-security-policy").expect("what it may load");
    assert!(
        !may.contains("script-src") && !may.contains("http") && may.starts_with("default-src 'none'"),
        "{may}"
    );
    let mut visitor = town.visitor();
    visitor.send(format!("HEAD / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"));
    assert_eq!(visitor.answer_to("HEAD").status, 502);
    assert_eq!(visitor.rest(), b"");
    assert_eq!(town.close().errors(), ["upstream.malformed"; 2]);
}

#[test]
fn it_can_be_there_in_each_language() {
    let town = broken()
        .site("error_page = { pl = \"pl.html\", en = \"en.html\" }")
        .file("pl.html", PAGE)
        .file("en.html", "<p>Back soon.</p>")
        .open();
    for (preferred, lang, text) in [
        ("en-GB", "en", "<p>Back soon.</p>"),
        ("pl", "pl", PAGE),
        ("de", "pl", PAGE),
    ] {
        let answer = ask(&town, &format!("GET / HTTP/1.1\r\nAccept-Language: {preferred}"));
        assert_eq!(
            (answer.text().as_str(), answer.field("content-language")),
            (text, Some(lang))
        );
    }
}

#[test]
fn what_a_visitor_did_wrong_and_other_hosts_get_our_page() {
    let town = broken()
        .site("error_page = \"error.html\"")
        .file("error.html", PAGE)
        .open();
    let connect = ask(&town, "CONNECT / HTTP/1.1");
    let elsewhere = town.ask("GET / HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\n\r\n");
    assert_eq!((connect.status, elsewhere.status), (405, 421));
    assert!(!connect.text().contains(PAGE) && !elsewhere.text().contains(PAGE));
}

#[test]
fn a_new_page_is_in_use_after_a_reload_and_a_faulty_one_changes_nothing() {
    let mut town = broken()
        .site("error_page = \"error.html\"")
        .file("error.html", PAGE)
        .open();
    town.edit("error.html", "Zaraz", "Niebawem");
    assert_eq!(ask(&town, "GET / HTTP/1.1").text(), PAGE, "not before");
    let reloaded = town.reload().expect("it reloads");
    assert_eq!(reloaded.changed, [format!("{HOST}, www.{HOST}: its error page")]);
    let new = ask(&town, "GET / HTTP/1.1").text();
    assert!(new.contains("Niebawem"), "{new}");
    fs::remove_file(town.folder().join("error.html")).expect("a file");
    let faults = town.reload().expect_err("a fault");
    assert!(
        faults.contains("error_page") && faults.contains("does not exist"),
        "{faults}"
    );
    assert_eq!(ask(&town, "GET / HTTP/1.1").text(), new);
}

#[test]
fn a_page_that_is_none_is_a_fault_with_its_place() {
    for (text, wrong) in [
        ("Zaraz wracamy.".to_owned(), "holds no HTML"),
        (String::new(), "holds no HTML"),
        (format!("{PAGE}{}", " ".repeat(1 << 20)), "is longer than 1 MiB"),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let plan = broken().site("error_page = \"error.html\"").file("error.html", &text);
        let (config, _) = plan.write(folder.path());
        let checked = run_with(&["check"], &config);
        assert_eq!(checked.code, Some(1));
        assert!(
            checked.out.contains(wrong) && checked.out.contains("townclerk.toml:"),
            "{checked:?}"
        );
    }
}
