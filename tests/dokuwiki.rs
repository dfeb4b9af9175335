//! A real CMS: Debian's DokuWiki, run by a real PHP. Somebody opens the wiki, logs in with 'remember me', edits a page
//! and logs out; first straight at DokuWiki, so that we know what it does by itself, then through townclerk.

mod browser;
mod wiki;

use std::collections::BTreeSet;

pub use self::browser::Browser;
use self::wiki::{DokuWiki, NAME, PASSWORD};
pub use self::wiki::{configure, is_installed};
use crate::init::{drafts_work, found};
use crate::skip::{skip, without};
use crate::town::Town;

#[test]
fn a_visit_to_dokuwiki_leaves_no_lasting_cookie_and_one_entry_for_every_request() {
    if !is_installed() {
        return skip("dokuwiki", "the package dokuwiki is not installed");
    }
    if without("php", "-v", "dokuwiki") {
        return;
    }

    // What DokuWiki does by itself. If it did not want to be remembered, the rest would prove nothing.
    let alone = DokuWiki::start();
    let visit = Browser::to(alone.address()).visit();
    visit.went_well();
    let lasting: Vec<&str> = visit.lasting.iter().map(|name| kind(name)).collect();
    assert_eq!(
        lasting,
        ["DOKU_PREFS", "DW<md5>"],
        "DokuWiki's own cookies that outlive the browser"
    );
    drop(alone);

    let wiki = DokuWiki::start();
    let town = Town::before_address(wiki.address())
        .policy("\"PHPSESSID\"", "\"DokuWiki\"")
        .policy("\"zapamietaj\"", "\"DW<hex32>\"")
        .open();
    let visit = Browser::to(town.http()).visit();
    visit.went_well();
    assert_eq!(visit.lasting, BTreeSet::new(), "cookies that outlive the browser");
    let passed: Vec<&str> = visit.in_the_session.iter().map(|name| kind(name)).collect();
    assert_eq!(passed, ["DW<md5>", "DokuWiki"], "cookies of the logged-in visitor");

    let kept = town.close();
    let entries: Vec<(&str, &str)> = kept
        .entries
        .iter()
        .map(|entry| (&entry["http.request.method"], &entry["url.path"]))
        .map(|(method, path)| (method.as_str().unwrap_or_default(), path.as_str().unwrap_or_default()))
        .collect();
    let asked: Vec<(&str, &str)> = visit
        .asked
        .iter()
        .map(|(method, path)| (*method, path.as_str()))
        .collect();
    assert_eq!(entries, asked, "an entry for every request, in order");
    assert!(visit.values.len() >= 2, "the session and the login");
    for value in visit.values.iter().map(String::as_str).chain([PASSWORD, NAME]) {
        assert!(!kept.holds(value), "the journal holds {value}");
    }
}

#[test]
fn a_visit_to_dokuwiki_goes_as_well_with_sessions_that_end_by_themselves() {
    if !is_installed() {
        return skip("dokuwiki", "the package dokuwiki is not installed");
    }
    if without("php", "-v", "dokuwiki") {
        return;
    }
    let wiki = DokuWiki::start();
    let limits = "idle = \"30 min\"\nabsolute = \"8 h\"\nends_when_leaving = true";
    let mode = "mode = \"enforce\"";
    let town = Town::before_address(wiki.address())
        .policy(mode, &format!("{mode}\npresets = [\"dokuwiki\"]\n{limits}"))
        .sealing()
        .open();
    let visit = Browser::to(town.http()).visit();
    visit.went_well();
    assert_eq!(visit.lasting, BTreeSet::new(), "cookies that outlive the browser");
    let kept = town.close();
    let seen = kept.events.iter().find(|event| event["event.name"] == "cookies.seen");
    let cookies = &seen.expect("an event of the cookies")["cookies"];
    for name in ["DokuWiki", "DW<hex32>"] {
        let sent = cookies[name]["sent"].as_object().expect("it was sent");
        assert!(sent.contains_key("passed") && sent.len() == 1, "{name}: {sent:?}");
    }
}

#[test]
fn init_recognises_dokuwiki_and_drafts_what_works() {
    if !wiki::is_installed() {
        return skip("dokuwiki", "the package dokuwiki is not installed");
    }
    if without("php", "-v", "dokuwiki") {
        return;
    }
    let wiki = DokuWiki::start();
    let folder = tempfile::tempdir().expect("a folder");
    let found = found(&format!("http://{}", wiki.address()), folder.path());
    assert_eq!(found["made_with"]["preset"], "dokuwiki", "{found:#}");
    assert_eq!(found["log_in"][0], "/doku.php", "{found:#}");
    let cookies = found["cookies"].as_array().expect("a list");
    let listed = |name: &str| {
        let cookie = cookies.iter().find(|cookie| cookie["name"] == name);
        cookie.is_some_and(|cookie| cookie["preset"] == "dokuwiki")
    };
    assert!(listed("DokuWiki") && listed("DW<hex32>"), "{cookies:?}");
    drafts_work(folder.path(), "/doku.php");
}

/// A cookie's name without what differs between two installations.
fn kind(name: &str) -> &str {
    match name.strip_prefix("DW") {
        Some(hash) if hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()) => "DW<md5>",
        _ => name,
    }
}
