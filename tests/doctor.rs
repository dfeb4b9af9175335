//! The doctor finds what is wrong with a machine, says what to do, and tells nothing about a visitor.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};

use jiff::tz::TimeZone;
use serde_json::Value;
use townclerk::clock::Clock;
use townclerk::entry::Observation;

use crate::journal_cli::{Desk, exchange};
use crate::serve::program::{Ended, Serving, run, run_with};

/// A journal whose CMS takes connections for as long as the listener lives.
fn desk() -> (Desk, TcpListener) {
    let desk = Desk::new("", "unlimited");
    let cms = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = cms.local_addr().expect("an address").to_string();
    edit(&desk, "127.0.0.1:9", &address);
    let policy = desk.config.with_file_name("policy.toml");
    let text = fs::read_to_string(&policy).expect("text");
    let today = Clock::system().now().to_zoned(TimeZone::UTC).date();
    fs::write(
        policy,
        text.replace("effective = 2026-11-21", &format!("effective = {today}")),
    )
    .expect("a file");
    // Tests run where few files may be open.
    edit(&desk, "[[site]]", "[limits]\nconnections = 10\n[[site]]");
    (desk, cms)
}

fn edit(desk: &Desk, from: &str, to: &str) {
    let config = fs::read_to_string(&desk.config).expect("text");
    assert!(config.contains(from), "{config}");
    fs::write(&desk.config, config.replacen(from, to, 1)).expect("a file");
}

fn doctor(desk: &Desk) -> Ended {
    run_with(&["doctor"], &desk.config)
}

/// The state of a check, what was found, and the remedy; and the exit code.
fn check(desk: &Desk, what: &str) -> (String, String, String, Option<i32>) {
    let ended = run_with(&["doctor", "--format", "json"], &desk.config);
    let said: Value = serde_json::from_str(&ended.out).expect("JSON");
    let checks = said["checks"].as_array().expect("checks");
    let check = checks.iter().find(|check| check["check"] == what).expect(what);
    let text = |key: &str| check[key].as_str().unwrap_or_default().to_owned();
    (text("state"), text("found"), text("remedy"), ended.code)
}

#[test]
fn where_nothing_is_wrong_the_doctor_says_so_and_changes_nothing() {
    let (desk, _cms) = desk();
    desk.keep("2024-11-30T12:00:00Z", [exchange("2024-11-30T12:00:00Z", "/", 200)]);
    let files = |desk: &Desk| {
        let list = |folder: &str| fs::read_dir(desk.journal.join(folder)).expect("a folder").count();
        let lines = fs::read(desk.journal.join("access/current")).expect("lines");
        (list("access"), list("events"), lines)
    };
    let before = files(&desk);
    let ended = doctor(&desk);
    // Nobody else signs this journal; and a disk of the machine that runs this may be nearly full.
    let complaints = ended
        .out
        .lines()
        .filter(|line| line.starts_with("  warning") || line.starts_with("  problem"));
    let complaints: Vec<_> = complaints.filter(|line| !line.contains("% are left")).collect();
    assert_eq!(complaints.len(), 1, "{ended:?}");
    assert!(complaints[0].contains("witness") && ended.code != Some(0), "{ended:?}");
    assert!(!ended.out.contains("203.0.113.7"), "{ended:?}");
    assert_eq!(files(&desk), before);
    assert_eq!(check(&desk, "journal").0, "ok");
    assert_eq!(check(&desk, "upstream").0, "ok");
}

#[test]
fn a_journal_that_is_being_written_is_well_and_goes_on() {
    let (desk, _cms) = desk();
    let serving = Serving::start(&desk.config);
    assert_eq!(check(&desk, "journal").1, "is being written");
    assert_eq!(serving.stop().code, Some(0));
}

#[test]
fn a_missing_journal_an_exposed_key_and_a_silent_cms_are_problems_with_remedies() {
    let (desk, cms) = desk();
    let key = desk.journal.with_extension("key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).expect("a mode");
    let (state, found, remedy, code) = check(&desk, "key");
    assert_eq!((state.as_str(), code), ("problem", Some(1)));
    assert!(
        found.contains("others can read") && remedy.contains("chmod 600"),
        "{found} {remedy}"
    );
    drop(cms);
    assert_eq!(check(&desk, "upstream").0, "problem");
    fs::remove_dir_all(&desk.journal).expect("it goes");
    let (state, found, remedy, _) = check(&desk, "journal");
    assert_eq!(
        (state.as_str(), found.as_str()),
        ("problem", "there is no journal here")
    );
    assert!(remedy.contains("journal init"), "{remedy}");
}

#[test]
fn visitors_behind_one_private_address_and_records_of_tomorrow_are_noticed() {
    let (desk, _cms) = desk();
    let behind_docker = |_| Observation {
        client: "172.17.0.1".parse().expect("an address"),
        ..exchange("2024-11-30T12:00:00Z", "/", 200)
    };
    desk.keep("2024-11-30T12:00:00Z", (0..30).map(behind_docker));
    let (state, found, remedy, _) = check(&desk, "addresses");
    assert_eq!(state, "warning");
    assert!(remedy.contains("trusted_proxies"), "{remedy}");
    assert!(!found.contains("172.17"), "{found}");
    desk.keep("2099-11-30T12:00:00Z", [exchange("2099-11-30T12:00:00Z", "/", 200)]);
    let (state, found, _, code) = check(&desk, "clock");
    assert_eq!((state.as_str(), code), ("problem", Some(1)), "{found}");
}

#[test]
fn a_journal_that_others_can_read_is_a_problem() {
    let (desk, _cms) = desk();
    desk.keep("2024-11-30T12:00:00Z", [exchange("2024-11-30T12:00:00Z", "/", 200)]);
    fs::set_permissions(&desk.journal, fs::Permissions::from_mode(0o755)).expect("a mode");
    let (state, found, remedy, code) = check(&desk, "journal");
    assert_eq!((state.as_str(), code), ("problem", Some(1)), "{found}");
    assert!(remedy.contains("chmod -R go="), "{remedy}");
}

#[test]
fn a_witness_that_has_never_signed_is_a_warning() {
    let (desk, _cms) = desk();
    desk.keep("2024-11-30T12:00:00Z", [exchange("2024-11-30T12:00:00Z", "/", 200)]);
    assert!(check(&desk, "witness").1.contains("nobody else signs"));
    let state = desk.config.with_file_name("witness");
    let state = state.to_str().expect("text");
    let made = run(&["witness", "init", "--state", state, "--name", "town.example/witness"]);
    let key = made
        .out
        .lines()
        .find_map(|line| line.split_whitespace().find(|word| word.starts_with("town.example/")));
    let key = key.unwrap_or_else(|| panic!("a key: {made:?}"));
    let mut config = fs::read_to_string(&desk.config).expect("text");
    config = config.replace(
        "journal = {",
        &format!("journal = {{ witness = [{{ url = \"unix:/nowhere\", key = \"{key}\" }}],"),
    );
    fs::write(&desk.config, config).expect("a file");
    let (state, found, ..) = check(&desk, "witness");
    assert_eq!(state, "warning");
    assert!(
        found.contains("town.example/witness") && found.contains("it never has"),
        "{found}"
    );
}

#[test]
fn a_policy_that_nobody_has_looked_at_for_a_year_is_a_warning() {
    let (desk, _cms) = desk();
    assert_eq!(check(&desk, "policy").0, "ok");
    let policy = desk.config.with_file_name("policy.toml");
    let text = fs::read_to_string(&policy).expect("text");
    let dated = text.lines().map(|line| match line.starts_with("effective = ") {
        true => "effective = 2020-01-01\n".to_owned(),
        false => format!("{line}\n"),
    });
    fs::write(&policy, dated.collect::<String>()).expect("a file");
    let (state, found, ..) = check(&desk, "policy");
    assert_eq!(state, "warning", "{found}");
}

#[test]
fn what_retention_has_missed_is_a_problem() {
    let (desk, _cms) = desk();
    for day in ["2024-11-30", "2024-12-01"] {
        let time = format!("{day}T12:00:00Z");
        desk.keep(&time, [exchange(&time, "/", 200)]);
    }
    assert_eq!(check(&desk, "retention").0, "ok");
    let policy = desk.config.with_file_name("policy.toml");
    let text = fs::read_to_string(&policy).expect("text");
    fs::write(
        &policy,
        text.replace("retention = \"unlimited\"", "retention = \"30 days\""),
    )
    .expect("a file");
    let (state, found, ..) = check(&desk, "retention");
    assert_eq!(
        (state.as_str(), found.as_str()),
        ("problem", "2 files should have been removed")
    );
}

#[test]
fn guards_that_are_asked_for_and_missing_are_a_warning() {
    let (desk, _cms) = desk();
    desk.keep("2024-11-30T12:00:00Z", [exchange("2024-11-30T12:00:00Z", "/", 200)]);
    assert_eq!(check(&desk, "guards").0, "ok");
    edit(&desk, "journal = {", "journal = { immutable = true,");
    assert_eq!(check(&desk, "guards").0, "warning");
}

#[test]
fn records_that_are_not_signed_are_noticed() {
    let (desk, _cms) = desk();
    let checkpoint = desk.journal.join("access/checkpoint");
    let older = fs::read(&checkpoint).expect("a checkpoint");
    desk.keep("2024-11-30T12:00:00Z", [exchange("2024-11-30T12:00:00Z", "/", 200)]);
    assert_eq!(check(&desk, "checkpoint").0, "ok");
    fs::write(&checkpoint, older).expect("a file");
    assert_eq!(check(&desk, "checkpoint").0, "warning");
}

#[test]
fn files_of_another_user_are_noticed() {
    let (desk, _cms) = desk();
    assert_eq!(check(&desk, "owner").0, "ok");
    // Only root can give a file away.
    if chown(desk.journal.join("access/checkpoint"), Some(65_534), None).is_ok() {
        assert_eq!(check(&desk, "owner").0, "warning");
    }
}
