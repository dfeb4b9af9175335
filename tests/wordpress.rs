//! A real CMS in a real browser: Debian's WordPress with its block editor, in Chromium. First straight at WordPress, so
//! that we know what it does by itself, then through townclerk: with every cookie limited, with the preset and nothing
//! else, and with sessions that end by themselves.

mod chromium;
mod site;
mod visit;

use std::collections::BTreeSet;
use std::fs;

use jiff::ToSpan;
use townclerk::clock::Clock;

use self::chromium::Chromium;
use self::site::WordPress;
pub use self::site::{FILES, LOGIN, PASSWORD, is_missing};
use self::visit::{at, day, is_asked_to_log_in, is_at_the_dashboard, log_in, names};
use crate::init::{drafts_work, found};
use crate::town::{Kept, Plan, Town};

const LOG_IN: [&str; 3] = ["wordpress_<md5>", "wordpress_logged_in_<md5>", "wordpress_test_cookie"];
const COMMENTER: &str = "comment_author_<md5>";

#[test]
fn a_day_at_wordpress_leaves_no_lasting_cookie_and_breaks_nothing() {
    if site::is_missing() {
        return;
    }
    let wordpress = WordPress::start();
    let mut chromium = Chromium::start();

    // What WordPress does by itself. If it did not want to be remembered, the rest would prove nothing.
    let alone = day(&mut chromium, wordpress.address());
    let lasting = alone.lasting();
    for name in [
        "wordpress_<md5>",
        "wordpress_logged_in_<md5>",
        "wp-settings-time-1",
        COMMENTER,
    ] {
        assert!(lasting.contains(name), "{name} lasts by itself: {lasting:?}");
    }
    assert!(alone.is_known_again);

    init_knows_it(&wordpress);

    // What nobody listed is limited: all of it works, until the browser is closed.
    let town = before(&wordpress)
        .policy("unlisted = \"strip\"", "unlisted = \"limit\"")
        .open();
    let begun = wordpress.asked().len();
    let limited = day(&mut chromium, town.http());
    assert_eq!(limited.lasting(), BTreeSet::new(), "cookies that outlive the browser");
    assert!(limited.is_known_again, "for the session");
    every_exchange_is_kept_once(&wordpress, begun, &town.close());

    // Only what the preset lists: the commenter is not known again, and nothing else is missing.
    let town = before(&wordpress)
        .policy("mode = \"enforce\"", "mode = \"enforce\"\npresets = [\"wordpress\"]")
        .open();
    let begun = wordpress.asked().len();
    let strict = day(&mut chromium, town.http());
    assert_eq!(strict.lasting(), BTreeSet::new(), "cookies that outlive the browser");
    assert!(
        names(&strict.logged_in).is_superset(&LOG_IN.map(str::to_owned).into()),
        "{:?}",
        strict.logged_in
    );
    assert!(!names(&strict.commented).contains(COMMENTER) && !strict.is_known_again);
    for logged_out in [&alone.logged_out, &strict.logged_out] {
        assert!(names(logged_out).is_disjoint(&LOG_IN[..2].iter().map(ToString::to_string).collect()));
    }
    every_exchange_is_kept_once(&wordpress, begun, &town.close());
}

#[test]
fn a_day_at_wordpress_goes_as_well_with_sessions_that_end_by_themselves() {
    if site::is_missing() {
        return;
    }
    let wordpress = WordPress::start();
    let mut chromium = Chromium::start();
    let start = Clock::system().now();
    let clock = Clock::set_to(start);
    let limits = "mode = \"enforce\"\npresets = [\"wordpress\"]\nidle = \"30 min\"\nabsolute = \"8 h\"\n\
                  ends_when_leaving = true";
    let town = before(&wordpress)
        .policy("mode = \"enforce\"", limits)
        .sealing()
        .clock(&clock)
        .open();
    let begun = wordpress.asked().len();
    let sealed = day(&mut chromium, town.http());
    assert_eq!(sealed.lasting(), BTreeSet::new(), "cookies that outlive the browser");

    log_in(&mut chromium, town.http());
    let dashboard = at(town.http(), "/wp-admin/");
    for minutes in [29, 58] {
        clock.set(start + minutes.minutes());
        chromium.open(&dashboard);
        assert!(is_at_the_dashboard(&mut chromium), "who works stays logged in");
    }
    clock.set(start + 89.minutes());
    chromium.open(&dashboard);
    assert!(
        is_asked_to_log_in(&mut chromium),
        "who was away for half an hour is not"
    );
    let left = names(&chromium.jar());
    assert!(
        left.is_disjoint(&LOG_IN[..2].iter().map(ToString::to_string).collect()),
        "{left:?}"
    );

    let kept = town.close();
    every_exchange_is_kept_once(&wordpress, begun, &kept);
    let seen = kept.events.iter().find(|event| event["event.name"] == "cookies.seen");
    let cookies = &seen.expect("an event of the cookies")["cookies"];
    assert!(
        cookies["wordpress_logged_in_<hex32>"]["sent"]["ended"].as_u64() > Some(0),
        "{cookies}"
    );
}

/// townclerk before WordPress, keeping paths as they are, so that they can be compared.
fn before(wordpress: &WordPress) -> Plan {
    Town::before_address(wordpress.address()).policy("tokens = 20", "tokens = false")
}

/// What reached WordPress has one entry each. What has an entry and did not reach it went wrong before, and says so:
/// a browser that goes on to another page leaves requests behind.
fn every_exchange_is_kept_once(wordpress: &WordPress, begun: usize, kept: &Kept) {
    let mut left: Vec<_> = kept
        .entries
        .iter()
        .map(|entry| {
            let text = |name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            ((text("http.request.method"), text("url.path")), text("error.type"))
        })
        .collect();
    left.sort_by_key(|(_, error)| !error.is_empty()); // of two that are the same the whole one is looked for first
    let asked = wordpress.asked().split_off(begun);
    assert!(asked.len() > 100, "a day is many requests: {}", asked.len());
    for request in asked {
        let entry = left.iter().position(|(entry, _)| *entry == request);
        left.remove(entry.unwrap_or_else(|| panic!("{request:?} has no entry")));
    }
    left.retain(|(_, error)| error.is_empty());
    assert_eq!(left, [], "entries of what never was");
}

/// `townclerk init` recognises it, and drafts what works.
fn init_knows_it(wordpress: &WordPress) {
    let folder = tempfile::tempdir().expect("a folder");
    let found = found(&format!("http://{}", wordpress.address()), folder.path());
    assert_eq!(found["made_with"]["preset"], "wordpress", "{found:#}");
    assert_eq!(found["log_in"][0], "/wp-login.php");
    let cookies = found["cookies"].as_array().expect("a list");
    let test = cookies
        .iter()
        .find(|cookie| cookie["name"] == "wordpress_test_cookie")
        .expect("it is set");
    assert_eq!(
        (&test["lasts"], &test["preset"]),
        (&"session".into(), &"wordpress".into())
    );
    let foreign = found["foreign"].as_array().expect("a list");
    assert!(
        foreign.iter().any(|host| host["host"] == "s.w.org"),
        "pictures of smileys: {foreign:?}"
    );
    let policy = fs::read_to_string(folder.path().join("policy.toml")).expect("a draft");
    assert!(
        policy.contains("\npresets = [\"wordpress\"]\n") && policy.contains("\nmode = \"observe\"\n"),
        "{policy}"
    );
    drafts_work(folder.path(), "/wp-login.php");
}
