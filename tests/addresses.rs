//! Addresses in a log of their own: seen with their requests while they are there, and gone from the disk in their own
//! time.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use townclerk::entry::Observation;
use townclerk::journal::{Log, key::Key};

use crate::drain::until;
use crate::journal_cli::{Desk, exchange, follow};
use crate::town::{Cms, Kept, Plan, Town};

const FIELDS: &str = "client_address = \"whole\"\n";
const REDACT: &str = "[log.access.redact]";

fn table(days: u32) -> String {
    format!(
        "[log.addresses]\npurpose = {{ pl = \"Nadużycia.\", en = \"Abuse.\" }}\nretention = \"{days} days\"\n\
         [log.addresses.fields]\n{FIELDS}{REDACT}"
    )
}

fn apart(plan: Plan) -> Plan {
    plan.policy("retention = \"unlimited\"", "retention = \"90 days\"")
        .policy(FIELDS, "")
        .policy(REDACT, &table(14))
}

fn desk(journal_key: &str) -> Desk {
    let plan = apart(Town::before_address("127.0.0.1:9".parse().expect("an address")));
    Desk::of(if journal_key.is_empty() {
        plan
    } else {
        plan.journal(journal_key)
    })
}

fn by(client: &str, arrived: &str, path: &str) -> Observation {
    Observation {
        client: client.parse().expect("an address"),
        ..exchange(arrived, path, 200)
    }
}

/// Who asked for what, as `journal cat` says.
fn clients(desk: &Desk, arguments: &[&str]) -> Vec<(String, String)> {
    let said = desk.says(&[&["cat"], arguments].concat());
    let read = said.lines().map(|line| {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let text = |pointer| line.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
        (text("/url/path"), text("/client/address"))
    });
    read.collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    let own = |(path, client): &(&str, &str)| ((*path).to_owned(), (*client).to_owned());
    expected.iter().map(own).collect()
}

fn verify(journal: &Path, key: &Path) -> (Option<i32>, String) {
    let key = Key::load(key).expect("a key");
    let mut command = Command::new(env!("CARGO_BIN_EXE_townclerk"));
    command.args(["journal", "verify", "--journal"]).arg(journal);
    for log in Log::ALL {
        command.args(["--key", &key.verifier(log).to_string()]);
    }
    let Output { status, stdout, .. } = command.output().expect("it runs");
    (status.code(), String::from_utf8(stdout).expect("text"))
}

#[test]
fn requests_are_shown_with_their_addresses_until_these_are_gone() {
    for journal_key in ["", "format = \"combined\""] {
        let desk = desk(journal_key);
        let first = [
            by("203.0.113.7", "2026-11-01T10:00:00Z", "/a"),
            by("2001:db8::9", "2026-11-01T10:00:01Z", "/b"),
        ];
        desk.keep("2026-11-01T10:00:05Z", first);
        desk.keep(
            "2026-11-08T10:00:05Z",
            [by("203.0.113.8", "2026-11-08T10:00:00Z", "/c")],
        );
        let all = [("/a", "203.0.113.7"), ("/b", "2001:db8::9"), ("/c", "203.0.113.8")];
        assert_eq!(clients(&desk, &[]), pairs(&all));
        assert_eq!(
            clients(&desk, &["--address", "203.0.113.0/24"]),
            pairs(&[all[0], all[2]])
        );
        assert_eq!(
            clients(&desk, &["--log", "addresses"]),
            pairs(&all.map(|(_, client)| ("-", client)))
        );
        assert!(desk.says(&["cat", "--format", "table"]).contains("2001:db8::9"));
        assert!(
            desk.says(&["tail", "-n", "1", "--format", "combined"])
                .starts_with("203.0.113.8 - ")
        );
        let in_access: String = desk.segments().into_iter().map(|(_, text)| text).collect();
        assert!(
            !in_access.contains("203.0.113.") && !in_access.contains("2001:db8"),
            "{in_access}"
        );

        let due = desk.says(&["retention", "--dry-run"]);
        assert!(due.contains("would remove  addresses/20261101-"), "{due}"); // the clock of the command is today's
        desk.keep(
            "2026-11-15T10:00:00Z",
            [by("203.0.113.9", "2026-11-15T10:00:00Z", "/d")],
        );
        let later = [("/a", "-"), ("/b", "-"), all[2], ("/d", "203.0.113.9")];
        assert_eq!(clients(&desk, &[]), pairs(&later));
        let kept = Kept::bytes_of(&desk.journal);
        let holds = |what: &str| kept.windows(what.len()).any(|window| window == what.as_bytes());
        assert!(!holds("203.0.113.7") && !holds("2001:db8::9") && holds("203.0.113.8"));
        let (code, said) = verify(&desk.journal, &desk.journal.with_extension("key"));
        assert_eq!(code, Some(0), "{said}");
        assert!(
            said.contains("\naddresses\n") && said.contains("records 0 to 1, by retention"),
            "{said}"
        );
    }
}

#[test]
fn an_address_can_be_proven_like_any_record() {
    let desk = desk("");
    desk.keep(
        "2026-11-01T10:00:05Z",
        [by("203.0.113.7", "2026-11-01T10:00:00Z", "/a")],
    );
    let key = Key::load(&desk.journal.with_extension("key")).expect("a key");
    let key = key.verifier(Log::Addresses).to_string();
    let [proof, record] = ["proof", "record"].map(|name| desk.journal.with_extension(name).display().to_string());
    let out = ["--out", &proof, "--record", &record, "--key", &key];
    desk.says(&[&["prove", "0", "--log", "addresses"][..], &out].concat());
    let check = Command::new(env!("CARGO_BIN_EXE_townclerk"))
        .args([
            "journal",
            "check-proof",
            "--record",
            &record,
            "--proof",
            &proof,
            "--key",
            &key,
        ])
        .output()
        .expect("it runs");
    assert!(check.status.success(), "{check:?}");
    let record = std::fs::read_to_string(record).expect("a record");
    assert_eq!(record, "{\"client\":{\"address\":\"203.0.113.7\"}}\n");
}

#[test]
fn what_has_no_times_and_no_requests_is_not_asked_for_any() {
    let desk = desk("");
    desk.keep(
        "2026-11-01T10:00:05Z",
        [by("203.0.113.7", "2026-11-01T10:00:00Z", "/a")],
    );
    for asked in [["--status", "404"], ["--from", "2026-11-01"], ["--format", "combined"]] {
        let ended = desk.run(&[&["cat", "--log", "addresses"][..], &asked].concat());
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains("leave out all but --address"), "{ended:?}");
    }
    assert_eq!(clients(&desk, &["--log", "addresses", "--address", "203.0.113.8"]), []);
}

#[test]
fn a_policy_with_addresses_comes_and_goes_while_serving() {
    let mut town = Town::before(&Cms::page("x")).open();
    assert_eq!(town.get("/whole").status, 200);
    let addresses = town.folder().join("journal/addresses");
    assert!(!addresses.exists());
    town.edit("policy.toml", "version = \"1\"", "version = \"2\"");
    town.edit("policy.toml", FIELDS, "");
    town.edit("policy.toml", REDACT, &table(14));
    town.reload().expect("it reloads");
    assert_eq!(town.get("/apart").status, 200);
    town.edit("policy.toml", "version = \"2\"", "version = \"3\"");
    town.edit("policy.toml", &table(14), REDACT);
    town.reload().expect("it reloads");
    assert_eq!(town.get("/neither").status, 200);
    let folder = town.leave();
    let kept = Kept::read(folder.path());
    let told: Vec<_> = kept
        .entries
        .iter()
        .map(|entry| (entry["url.path"].as_str(), entry["client.address"].as_str()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("/whole"), Some("127.0.0.1")),
            (Some("/apart"), None),
            (Some("/neither"), None)
        ]
    );
    let journal = folder.path().join("journal");
    let said = Command::new(env!("CARGO_BIN_EXE_townclerk"))
        .args(["journal", "cat", "--journal"])
        .arg(&journal)
        .output()
        .expect("it runs");
    let said = String::from_utf8(said.stdout).expect("text");
    let with: Vec<bool> = said.lines().map(|line| line.contains("127.0.0.1")).collect();
    assert_eq!(with, [true, true, false], "{said}");
    let (code, said) = verify(&journal, &folder.path().join("journal.key"));
    assert_eq!(code, Some(0), "{said}");
}

#[test]
fn who_is_followed_is_shown_with_the_address() {
    let town = apart(Town::before(&Cms::page("x"))).open();
    assert_eq!(town.get("/before").status, 200);
    until(|| town.entries() == 1);
    let mut following = follow(&["tail", "-f"], &town.folder().join("townclerk.toml"));
    for path in ["/before", "/after"] {
        let line = following.line();
        assert!(line.contains(path) && line.contains("127.0.0.1"), "{line}");
        assert_eq!(town.get("/after").status, 200);
    }
    assert_eq!(following.leave().0, Some(0));
}
