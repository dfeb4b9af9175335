//! What an authority gets, and what the register says of it: with the built program, on a journal that somebody wrote
//! before or is writing just now.

mod by_hand;
mod changed;
mod cut_short;
mod gaps;
mod witnessed;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use townclerk::entry::Observation;
use townclerk::journal::Log;
use townclerk::journal::key::Key;

use crate::drain::until;
use crate::journal_cli::{Desk, exchange};
use crate::serve::program::{Ended, run_with};
use crate::skip::without;
use crate::town::{Cms, Kept, Plan, Town};

const ADDRESS: &str = "203.0.113.7";
/// A pair of age-keygen's.
const PRIVATE: &str = "AGE-SECRET-KEY-1XZ4CZQRMXEYDP6LYV0MU5XJRF6PGR42ULG29JQLL4ZMAXMXSD6PQLYHN7N";
const PUBLIC: &str = "age1wchucxr070262prctjwd0cmhum99efur4msmfjluwvf3se65mp7qp0d9u3";

/// An office with a journal, and a folder for what leaves it.
struct Office {
    desk: Desk,
    out: TempDir,
}

impl Office {
    fn of(plan: Plan) -> Self {
        Self {
            desk: Desk::of(plan),
            out: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Two days, six requests.
    fn of_two_days(plan: Plan) -> Self {
        let office = Self::of(plan);
        for day in ["2026-11-01", "2026-11-02"] {
            let time = format!("{day}T12:00:00Z");
            let paths = ["/urlop", "/druki", "/urlop"];
            office.desk.keep(&time, paths.map(|path| exchange(&time, path, 200)));
        }
        office
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run_with(arguments, &self.desk.config)
    }

    fn out(&self) -> &str {
        self.out.path().to_str().expect("text")
    }

    /// A demand about both days.
    fn demand(&self, more: &[&str]) -> Ended {
        self.demand_of("2026-11-01", "2026-11-03", more)
    }

    fn demand_of(&self, from: &str, to: &str, more: &[&str]) -> Ended {
        let demand = [
            "disclose",
            "--case",
            "RPD-12.2026",
            "--authority",
            "Komenda Powiatowa Policji",
            "--basis",
            "art. 15 § 3 k.p.k.",
            "--from",
            from,
            "--to",
            to,
        ];
        self.run(&[&demand, more].concat())
    }

    /// What is disclosed of both days: the bundle's folder.
    fn discloses(&self, more: &[&str]) -> PathBuf {
        let ended = self.demand(&[&["--by", "Anna Nowak", "--out", self.out()], more].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        bundle_of(&ended)
    }

    /// The same of another time, with all that there is of it.
    fn discloses_all(&self, from: &str, to: &str) -> PathBuf {
        let ended = self.demand_of(from, to, &["--by", "Anna Nowak", "--out", self.out()]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        bundle_of(&ended)
    }

    /// The public keys, in a file.
    fn keys(&self) -> PathBuf {
        let key = Key::load(&self.desk.journal.with_extension("key")).expect("a key");
        let keys = Log::ALL.map(|log| format!("{}\n", key.verifier(log))).concat();
        let file = self.out.path().join("KEYS");
        fs::write(&file, keys).expect("a file");
        file
    }

    fn verifies(&self, bundle: &Path) -> Ended {
        let keys = self.keys();
        let program = Command::new(env!("CARGO_BIN_EXE_townclerk"))
            .args(["disclose", "verify", "--key"])
            .args([&keys, bundle])
            .output()
            .expect("it runs");
        Ended {
            code: program.status.code(),
            out: String::from_utf8(program.stdout).expect("text"),
            err: String::from_utf8(program.stderr).expect("text"),
        }
    }

    fn register(&self) -> Vec<Value> {
        let listed = self.run(&["disclose", "register", "--format", "json"]);
        assert_eq!(listed.code, Some(0), "{listed:?}");
        let lines = listed.out.lines();
        lines.map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

fn bundle_of(ended: &Ended) -> PathBuf {
    PathBuf::from(ended.out.lines().nth(1).expect("a path"))
}

fn plain() -> Plan {
    Town::before_address("127.0.0.1:9".parse().expect("an address"))
}

/// With the addresses in a log of their own.
fn apart() -> Plan {
    plain()
        .policy("retention = \"unlimited\"", "retention = \"9000 days\"")
        .policy("client_address = \"whole\"\n", "")
        .policy(
            "[log.access.redact]",
            "[log.addresses]\npurpose = { pl = \"Nadużycia.\", en = \"Abuse.\" }\nretention = \"8000 days\"\n\
             [log.addresses.fields]\nclient_address = \"whole\"\n[log.access.redact]",
        )
}

fn json(file: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(file).expect("a file")).expect("JSON")
}

fn text(file: PathBuf) -> String {
    fs::read_to_string(file).expect("a text")
}

#[test]
fn a_bundle_holds_what_was_asked_for_and_verifies_alone() {
    let office = Office::of_two_days(plain());
    let preview = office.demand(&["--path", "/urlop", "--preview"]);
    assert_eq!(preview.code, Some(0), "{preview:?}");
    assert!(
        preview.out.contains("6 read, 6 of that time, 4 would be disclosed"),
        "{}",
        preview.out
    );
    assert!(!preview.out.contains("/urlop"), "counts, no records: {}", preview.out);
    assert!(office.register().is_empty(), "a preview is no disclosure");

    let bundle = office.discloses(&["--path", "/urlop"]);
    assert_eq!(
        fs::metadata(&bundle).expect("a folder").permissions().mode() & 0o777,
        0o700
    );
    let on_disk: String = office.desk.segments().into_iter().map(|(_, text)| text).collect();
    let asked_for: String = on_disk
        .split_inclusive('\n')
        .filter(|line| line.contains("/urlop"))
        .collect();
    assert_eq!(
        text(bundle.join("data/access/records.jsonl")),
        asked_for,
        "byte for byte"
    );
    assert!(!bundle.join("data/addresses").exists(), "there is none");
    let query = json(bundle.join("data/query.json"));
    assert_eq!(
        (&query["scanned"], &query["matched"], &query["disclosed"]),
        (&6.into(), &4.into(), &4.into())
    );
    assert_eq!(query["narrowed"]["path"], "/urlop");
    assert_eq!(json(bundle.join("data/order.json"))["by"], "Anna Nowak");
    assert!(text(bundle.join("data/policies/1.toml")).contains("Urząd Miasta"));
    for statement in ["data/statement.pl.md", "data/statement.en.md"] {
        let said = text(bundle.join(statement));
        assert!(
            said.contains("RPD-12.2026") && said.contains("Komenda Powiatowa Policji"),
            "{said}"
        );
    }
    let ended = office.verifies(&bundle);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(
        ended
            .out
            .contains("proved   4 of the 6 records of um.example.pl/townclerk/access"),
        "{}",
        ended.out
    );

    // By its own keys it is of one piece, and nobody can say whose; by somebody else's it is not.
    let alone = crate::serve::program::run(&["disclose", "verify", bundle.to_str().expect("text")]);
    assert_eq!(alone.code, Some(3), "{alone:?}");
    let other = Office::of_two_days(plain()).verifies(&bundle);
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(
        other.out.contains("data/access/key: is not a key that was given"),
        "{}",
        other.out
    );
}

#[test]
fn the_register_knows_of_it_and_not_whom_it_is_about() {
    let office = Office::of_two_days(plain());
    let bundle = office.discloses(&["--address", ADDRESS]);
    let register = office.register();
    assert_eq!(register.len(), 1);
    let line = &register[0];
    assert_eq!(line["event.name"], "disclosure.made");
    assert_eq!(
        (&line["narrowed_by"][0], &line["disclosed"]),
        (&"address".into(), &6.into())
    );
    assert!(!Kept::bytes_of(&office.desk.journal.join("disclosures")).is_empty());
    let bytes = Kept::bytes_of(&office.desk.journal.join("disclosures"));
    let holds = |what: &str| bytes.windows(what.len()).any(|window| window == what.as_bytes());
    assert!(holds("RPD-12.2026") && !holds(ADDRESS));
    assert_eq!(
        json(bundle.join("data/query.json"))["narrowed"]["address"],
        "203.0.113.7/32"
    );

    let refused = office.run(&[
        "disclose",
        "refuse",
        "--case",
        "RPD-13.2026",
        "--authority",
        "Straż Miejska",
        "--basis",
        "brak",
        "--by",
        "Anna Nowak",
        "--reason",
        "Nie podano podstawy prawnej.",
    ]);
    assert_eq!(refused.code, Some(0), "{refused:?}");
    let listed = office.run(&["disclose", "register"]);
    assert!(
        listed.out.contains("disclosed") && listed.out.contains("refused"),
        "{}",
        listed.out
    );
    let public = office.run(&["disclose", "register", "--public", "--format", "json"]);
    let counts: Value = serde_json::from_str(&public.out).expect("JSON");
    let year = counts.as_object().expect("years").values().next().expect("a year");
    assert_eq!(
        (&year["demands"], &year["disclosed"], &year["refused"]),
        (&2.into(), &1.into(), &1.into())
    );
    for lang in ["pl", "en"] {
        let told = office.run(&["disclose", "register", "--public", "--lang", lang]).out;
        assert!(!told.contains("Policji") && !told.contains("RPD"), "{told}");
    }
    // All of it is covered by the journal's verification, and shown as events are.
    let keys = office.keys();
    let verified = office.run(&["journal", "verify", "--key", keys.to_str().expect("text")]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.out.contains("\ndisclosures\n"), "{}", verified.out);
    let shown = office.run(&["journal", "cat", "--log", "disclosures", "--format", "table"]);
    assert!(shown.out.contains("disclosure.refused"), "{shown:?}");
}

#[test]
fn addresses_are_disclosed_only_where_they_are_asked_for() {
    let office = Office::of_two_days(apart());
    let without = office.discloses(&["--address", ADDRESS, "--path", "/druki"]);
    assert_eq!(json(without.join("data/query.json"))["disclosed"], 2);
    assert!(!without.join("data/addresses").exists());
    let records = text(without.join("data/access/records.jsonl"));
    assert!(!records.contains(ADDRESS), "{records}");
    let with = office.discloses(&["--address", ADDRESS, "--path", "/druki", "--addresses"]);
    let records = text(with.join("data/addresses/records.jsonl"));
    assert_eq!(records.lines().count(), 2, "of the two requests, and of no others");
    assert!(records.lines().all(|line| line.contains(ADDRESS)), "{records}");
    let events = text(with.join("data/events/records.jsonl"));
    assert!(
        events.contains("addresses.first"),
        "what belongs to what is proved too: {events}"
    );
    for bundle in [without, with] {
        let ended = office.verifies(&bundle);
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[test]
fn where_the_policy_wants_two_people_one_alone_discloses_nothing() {
    let two = "[disclosure]\ntwo_people = true\npl = \"Tylko organom.\"\nen = \"Authorities only.\"\n[statistics]";
    let office = Office::of_two_days(plain().policy("[statistics]", two));
    let first = office.demand(&["--by", "Anna Nowak", "--out", office.out()]);
    assert_eq!(first.code, Some(0), "{first:?}");
    assert_eq!(office.register()[0]["event.name"], "disclosure.requested");
    assert_eq!(fs::read_dir(office.out.path()).expect("a folder").count(), 0);
    let id = office.register()[0]["id"].as_str().expect("a name").to_owned();
    let second = |more: &[&str]| office.demand(&[&["--out", office.out(), "--request", &id], more].concat());
    let same = second(&["--by", "ANNA NOWAK"]);
    assert_eq!(same.code, Some(1), "{same:?}");
    let other_question = second(&["--by", "Jan Kowalski", "--path", "/"]);
    assert_eq!(other_question.code, Some(1), "{other_question:?}");
    assert_eq!(office.register().len(), 1);
    let ended = second(&["--by", "Jan Kowalski"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let line = &office.register()[1];
    assert_eq!(
        (&line["id"], &line["by"], &line["requested_by"]),
        (&id.as_str().into(), &"Jan Kowalski".into(), &"Anna Nowak".into())
    );
    assert_eq!(office.verifies(&bundle_of(&ended)).code, Some(0));
    assert_eq!(second(&["--by", "Jan Kowalski"]).code, Some(1), "once");
}

#[test]
fn an_encrypted_bundle_is_opened_by_age_and_tar_and_leaves_nothing_readable() {
    let office = Office::of_two_days(plain());
    let file = office.discloses(&["--encrypt-to", PUBLIC]);
    assert!(file.to_str().expect("text").ends_with(".tar.age"), "{file:?}");
    assert_eq!(fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(office.out.path()).expect("a folder").count(), 1);
    assert_eq!(office.verifies(&file).code, Some(2), "it must be opened first");
    if without("age", "--version", "age -d of an encrypted bundle") {
        return;
    }
    let identity = office.out.path().join("identity");
    fs::write(&identity, format!("{PRIVATE}\n")).expect("a file");
    let opened = Command::new("sh")
        .args(["-e", "-c", "age -d -i identity \"$0\" | tar -x"])
        .arg(&file)
        .current_dir(&office.out)
        .output()
        .expect("it runs");
    assert!(opened.status.success(), "{opened:?}");
    let bundle = file.with_extension("").with_extension("");
    assert_eq!(office.verifies(&bundle).code, Some(0));
}

#[test]
fn while_a_server_writes_what_is_signed_is_disclosed_and_the_rest_is_counted() {
    let cms = Cms::page("x");
    let town = Town::before(&cms).open();
    let config = town.folder().join("townclerk.toml");
    let out = tempfile::tempdir().expect("a folder");
    for _ in 0..3 {
        assert_eq!(town.get("/urlop").status, 200);
    }
    let checkpoint = town.folder().join("journal/access/checkpoint");
    until(|| fs::read_to_string(&checkpoint).is_ok_and(|text| text.lines().nth(1) == Some("3")));
    assert_eq!(town.get("/urlop").status, 200);
    until(|| town.entries() == 4);
    let disclose = |out: &Path| {
        let arguments = [
            "disclose",
            "--case",
            "A-1",
            "--authority",
            "Sąd Rejonowy",
            "--basis",
            "art. 218 k.p.k.",
            "--by",
            "Anna Nowak",
            "--from",
            "2026-01",
            "--to",
            "9999-01",
            "--hold",
            "--out",
        ];
        run_with(&[&arguments[..], &[out.to_str().expect("text")]].concat(), &config)
    };
    let ended = disclose(out.path());
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let query = json(bundle_of(&ended).join("data/query.json"));
    let (disclosed, unsigned) = (query["disclosed"].as_u64(), query["not_signed_yet"].as_u64());
    assert_eq!(
        disclosed.zip(unsigned).map(|(some, others)| some + others),
        Some(4),
        "{query}"
    );
    assert!(disclosed >= Some(3));
    assert!(town.folder().join("journal/holds/A-1.toml").exists());
    let report = townclerk::disclosure::verify::verify(&bundle_of(&ended), &[]).expect("it can be read");
    assert_eq!(report.findings, []);
    assert_eq!(town.get("/urlop").status, 200, "nothing waits for it");
    let kept = town.close();
    assert_eq!(kept.entries.len(), 5);
}

#[test]
fn what_cannot_be_read_is_not_disclosed_in_part() {
    let office = Office::of_two_days(plain());
    let journal = &office.desk.journal;
    let config = text(office.desk.config.clone());
    let closed = format!("folder = \"journal\", closed = {{ after = \"0 s\", encrypt_to = [\"{PUBLIC}\"] }}");
    fs::write(&office.desk.config, config.replace("folder = \"journal\"", &closed)).expect("a file");
    let serving = crate::serve::program::Serving::start(&office.desk.config);
    until(|| {
        let mut names = fs::read_dir(journal.join("access")).expect("a log").flatten();
        names.any(|file| file.file_name().to_string_lossy().ends_with(".jsonl.zst.age"))
    });
    assert_eq!(serving.stop().code, Some(0));
    let ended = office.demand(&["--by", "Anna Nowak", "--out", office.out()]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("is encrypted") && ended.err.contains("--identity"),
        "{}",
        ended.err
    );
    assert!(office.register().is_empty());
    assert_eq!(fs::read_dir(office.out.path()).expect("a folder").count(), 0);
    let identity = office.out.path().join("identity");
    fs::write(&identity, format!("{PRIVATE}\n")).expect("a file");
    let bundle = office.discloses(&["--identity", identity.to_str().expect("text")]);
    assert_eq!(json(bundle.join("data/query.json"))["disclosed"], 6);
    assert_eq!(office.verifies(&bundle).code, Some(0));
}

#[test]
fn a_request_whose_entry_a_crash_took_is_disclosed_by_its_arrival() {
    let office = Office::of(plain().journal("durability = \"strict\""));
    let time = "2026-11-01T12:00:00Z";
    office.desk.keep(time, [exchange(time, "/urlop", 200)]);
    office.desk.write(time, |journal, site| {
        let begun = Observation {
            sent: None,
            status: None,
            bytes: 0,
            ..exchange(time, "/urlop", 200)
        };
        let mut slot = journal.reserve().expect("a place");
        slot.arrive(&begun.redact(&site.policy, &site.hosts))
            .expect("an arrival");
    });
    let bundle = office.discloses(&["--path", "/urlop"]);
    let query = json(bundle.join("data/query.json"));
    assert_eq!(
        (&query["disclosed"], &query["records"]["arrivals"]),
        (&2.into(), &1.into())
    );
    assert_eq!(json(bundle.join("data/gaps.json"))["requests_without_an_entry"], 1);
    assert!(text(bundle.join("data/arrivals/records.jsonl")).contains("/urlop"));
    let ended = office.verifies(&bundle);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn lines_of_both_formats_stay_as_they_are() {
    let office = Office::of_two_days(plain());
    let config = text(office.desk.config.clone());
    let combined = config.replace("folder = \"journal\"", "folder = \"journal\", format = \"combined\"");
    fs::write(&office.desk.config, combined).expect("a file");
    let time = "2026-11-02T13:00:00Z";
    office.desk.keep(time, [exchange(time, "/urlop", 200)]);
    let bundle = office.discloses(&["--path", "/urlop"]);
    assert_eq!(text(bundle.join("data/access/records.jsonl")).lines().count(), 4);
    assert!(text(bundle.join("data/access/records.log")).starts_with("203.0.113.7 - - [02/Nov/2026:13:00:00"));
    let ended = office.verifies(&bundle);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn a_person_is_told_what_is_kept_and_the_register_only_that_somebody_asked() {
    let office = Office::of_two_days(apart());
    let find = |more: &[&str]| office.run(&[&["find", "--address", ADDRESS, "--by", "Anna Nowak"], more].concat());
    let told = find(&["--lang", "pl"]);
    assert_eq!(told.code, Some(0), "{told:?}");
    assert!(
        told.out.contains("Znalezione zapisy: 6") && told.out.contains("/druki"),
        "{}",
        told.out
    );
    assert!(
        told.out.contains(ADDRESS),
        "what the log of addresses holds belongs to it: {}",
        told.out
    );
    let told: Value = serde_json::from_str(&find(&["--format", "json"]).out).expect("JSON");
    assert_eq!(
        (&told["found"], told["records"].as_array().map(Vec::len)),
        (&6.into(), Some(6))
    );
    assert_eq!(told["records"][0]["client"]["address"], ADDRESS);
    let nobody = office.run(&[
        "find",
        "--address",
        "198.51.100.1",
        "--by",
        "Anna Nowak",
        "--lang",
        "en",
    ]);
    assert!(nobody.out.contains("Records found: 0"), "{nobody:?}");
    assert_eq!(office.run(&["find", "--by", "Anna Nowak"]).code, Some(2), "about whom?");
    let register = office.register();
    assert_eq!(register.len(), 3);
    assert!(register.iter().all(|line| line["event.name"] == "find.answered"));
    let bytes = Kept::bytes_of(&office.desk.journal.join("disclosures"));
    for secret in [ADDRESS, "198.51.100.1"] {
        assert!(
            !bytes.windows(secret.len()).any(|window| window == secret.as_bytes()),
            "{secret}"
        );
    }
}

#[test]
fn what_is_missing_of_a_demand_is_said_and_nothing_is_entered() {
    let office = Office::of_two_days(plain());
    for (arguments, said) in [
        (&["disclose", "--to", "2026-11-03"][..], "--from is missing"),
        (
            &["disclose", "--from", "2026-11-01", "--to", "2026-11-03"],
            "--case is missing",
        ),
        (
            &["disclose", "--from", "2026-11-03", "--to", "2026-11-01"],
            "the time is empty",
        ),
    ] {
        let ended = office.run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.err.contains(said) && ended.err.contains("hint:"), "{}", ended.err);
    }
    let nowhere = office.demand(&["--by", "Anna Nowak", "--out", "/nowhere/at/all"]);
    assert_eq!(nowhere.code, Some(2), "{nowhere:?}");
    assert!(nowhere.err.contains("/nowhere/at/all"), "{}", nowhere.err);
    let about = office.demand(&["--by", "Anna Nowak", "--out", "/nowhere/at/all", "--address", ADDRESS]);
    assert!(!about.err.contains(ADDRESS), "{}", about.err);
    assert!(office.register().is_empty());
}
