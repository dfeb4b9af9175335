//! What is known to be missing leaves with what is there: crashes, what retention removed, and the policies of then.

use serde_json::Value;

use super::{Office, json, plain, text};
use crate::journal_cli::exchange;
use crate::serve::program::Serving;

/// The names of the events that a bundle tells of.
fn told(gaps: &Value) -> Vec<&str> {
    let events = gaps["events"].as_array().expect("events");
    events.iter().filter_map(|event| event["event.name"].as_str()).collect()
}

#[test]
fn a_start_after_a_crash_is_told() {
    let office = Office::of(plain());
    Serving::start(&office.desk.config).kill();
    assert_eq!(Serving::start(&office.desk.config).stop().code, Some(0));
    let bundle = office.discloses_all("2026-01", "9999-01");
    let gaps = json(bundle.join("data/gaps.json"));
    assert_eq!(gaps["starts_after_a_crash"], 1, "{gaps}");
    let told = told(&gaps);
    let stops = told.iter().filter(|name| **name == "journal.stop").count();
    let starts = told.iter().filter(|name| **name == "journal.start").count();
    assert_eq!((starts, stops), (2, 1), "{told:?}");
    assert!(text(bundle.join("data/statement.en.md")).contains("it started after a sudden end: 1."));
    assert!(
        text(bundle.join("data/events/records.jsonl")).contains("\"journal.stop\""),
        "and proved"
    );
    assert_eq!(office.verifies(&bundle).code, Some(0));
}

#[test]
fn what_retention_removed_is_told_and_so_is_each_policy_that_was_in_force() {
    let office = Office::of(
        plain()
            .policy("retention = \"unlimited\"", "retention = \"30 days\"")
            .policy("effective = 2026-11-21", "effective = 2020-02-01"),
    );
    let keep = |day: &str, paths: &[&str]| {
        let time = format!("{day}T12:00:00Z");
        office
            .desk
            .keep(&time, paths.iter().map(|path| exchange(&time, path, 200)));
    };
    keep("2020-03-01", &["/a", "/b"]);
    let policy = office.desk.config.with_file_name("policy.toml");
    let next = text(policy.clone())
        .replace("version = \"1\"", "version = \"2\"")
        .replace("effective = 2020-02-01", "effective = 2020-03-02");
    std::fs::write(policy, next).expect("a file");
    keep("2020-03-15", &["/c"]);
    keep("2020-04-02", &["/d"]); // the first day is due, but a clock that leapt is doubted for a day
    keep("2020-04-04", &[]);
    let bundle = office.discloses_all("2020-03-01", "2020-05-01");
    let gaps = json(bundle.join("data/gaps.json"));
    let events = gaps["events"].as_array().expect("events");
    let removed = events.iter().find(|event| event["event.name"] == "retention.remove");
    let removed = removed.unwrap_or_else(|| panic!("{gaps:#}"));
    assert_eq!(
        (&removed["log"], &removed["first"], &removed["next"]),
        (&"access".into(), &0.into(), &2.into())
    );
    assert_eq!(json(bundle.join("data/query.json"))["disclosed"], 2, "the rest");
    for version in ["1", "2"] {
        assert!(
            text(bundle.join(format!("data/policies/{version}.toml"))).contains(&format!("version = \"{version}\""))
        );
    }
    assert_eq!(office.verifies(&bundle).code, Some(0));
}
