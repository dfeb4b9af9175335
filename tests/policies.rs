//! Versions of the policy, as the data protection officer compares them.

use std::fs;

use serde_json::Value;

use crate::serve::program::{Ended, run, run_with};
use crate::town::{Cms, POLICY, Town};

/// The second version: less is kept, for a shorter time, and one cookie comes for another.
fn second() -> String {
    POLICY
        .replace("version = \"1\"", "version = \"2\"")
        .replace("effective = 2026-11-21", "effective = 2026-11-22")
        .replace("user_agent = \"whole\"", "user_agent = \"omitted\"")
        .replace("\"unlimited\"", "\"90 days\"")
        .replace("name = \"zapamietaj\"", "name = \"kontrast\"")
}

/// What a command that goes well says.
fn said(ended: Ended) -> String {
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    ended.out
}

#[test]
fn the_officer_reads_what_a_draft_changes_for_a_visitor() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    };
    let (before, after) = (file("policy.toml", POLICY), file("draft.toml", &second()));
    let diff = ["policy", "diff", &before, &after];
    assert_eq!(
        said(run(&[&diff[..], &["--lang", "en"]].concat())),
        "What changes for a visitor between version 1 (2026-11-21) and version 2 (2026-11-22):\n\n\
         We keep less\n  - We record what the browser says about itself.\n\n\
         We keep it for a shorter time\n  - Records are kept without a time limit.\n  \
         + Records are kept for no longer than 90 days.\n\n\
         Cookies that come\n  + kontrast: The first login. It ends when the browser ends its session, which some \
         browsers make last for weeks.\n\n\
         Cookies that go\n  - zapamietaj: The first login. It ends when the browser ends its session, which some \
         browsers make last for weeks.\n"
    );
    let polish = said(run(&diff));
    assert!(
        polish.contains("Zapisujemy mniej\n") && polish.contains("Przechowujemy krócej\n"),
        "{polish}"
    );
    let json: Value = serde_json::from_str(&said(run(&[&diff[..], &["--format", "json"]].concat()))).expect("JSON");
    let effects: Vec<_> = json["changes"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|change| (&change["key"], &change["effect"]))
        .collect();
    assert_eq!(effects.len(), 4);
    assert_eq!(
        effects[0],
        (&"log.access.fields.user_agent".into(), &"kept_less".into())
    );
    assert_eq!(json["changes"][0]["after"], Value::Null);

    let same = said(run(&["policy", "diff", &before, &before, "--lang", "en"]));
    assert!(same.contains("nothing changes for a visitor"), "{same}");
}

#[test]
fn a_draft_that_keeps_its_version_is_told_to_need_a_new_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let (before, after) = (folder.path().join("a.toml"), folder.path().join("b.toml"));
    fs::write(&before, POLICY).expect("a file");
    fs::write(&after, POLICY.replace("\"unlimited\"", "\"90 days\"")).expect("a file");
    let path = |path: &std::path::Path| path.display().to_string();
    let ended = run(&["policy", "diff", &path(&before), &path(&after)]);
    assert_eq!(ended.code, Some(0));
    assert!(ended.err.contains("needs a new version"), "{}", ended.err);

    fs::write(&after, "version = 1").expect("a file");
    let ended = run(&["policy", "diff", &path(&before), &path(&after)]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""));
    assert!(
        ended.err.contains("b.toml:1:11: version = 1 is a number"),
        "{}",
        ended.err
    );
}

#[test]
fn every_version_that_was_in_force_can_be_listed_and_compared() {
    let mut town = Town::before(&Cms::page("a")).open();
    fs::write(town.folder().join("policy.toml"), second()).expect("a file");
    town.reload().expect("it reloads");
    let config = town.folder().join("townclerk.toml");

    let history = said(run_with(&["policy", "history", "--lang", "en"], &config));
    let lines: Vec<_> = history.lines().map(str::trim).collect();
    assert_eq!(lines[0], "um.example.pl, www.um.example.pl");
    assert_eq!(lines[1], "version  from        what it changed");
    assert_eq!(lines[2], "1        2026-11-21  the first version");
    assert_eq!(
        lines[3],
        "2        2026-11-22  we keep less: user_agent; we keep it for a shorter time: retention; cookies that come: \
         kontrast; cookies that go: zapamietaj"
    );
    let json = said(run_with(&["policy", "history", "--format", "json"], &config));
    let json: Value = serde_json::from_str(&json).expect("JSON");
    let versions = &json["sites"][0]["versions"];
    assert_eq!(
        (&versions[0]["version"], &versions[0]["changes"]),
        (&"1".into(), &Value::Null)
    );
    assert_eq!(versions[1]["changes"][0]["effect"], "kept_less");

    let diff = said(run_with(&["policy", "diff", "1", "2", "--lang", "en"], &config));
    assert!(diff.contains("- zapamietaj: The first login."), "{diff}");
    let ended = run_with(&["policy", "diff", "1", "3"], &config);
    assert_eq!(ended.code, Some(2));
    assert!(
        ended.err.contains("hint: kept beside the journal: 1, 2;"),
        "{}",
        ended.err
    );
    town.close();
}

#[test]
fn without_a_journal_there_is_no_history() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, _) = Town::before(&Cms::page("a")).write(folder.path());
    let ended = run_with(&["policy", "history"], &config);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("there is no journal\n  hint: "), "{}", ended.err);
}
