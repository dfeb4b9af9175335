//! What reads a journal and what holds its retention, as somebody at a terminal has it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use http::{Method, StatusCode, Version};
use jiff::Timestamp;
use serde_json::Value;
use townclerk::clock::Clock;
use townclerk::config::{Config, Site};
use townclerk::entry::{ClientHost, Observation, Outcome, RequestHead, Who};
use townclerk::journal::{self, Journal, OpenError};

use crate::drain::until;
use crate::serve::program::{Ended, Serving, run_with};
use crate::town::{Cms, HOST, Plan, Town, Visitor};

fn at(time: &str) -> Timestamp {
    time.parse().expect("a time")
}

/// A configuration, and the journal's settings and policy.
pub struct Desk {
    _folder: tempfile::TempDir,
    pub config: PathBuf,
    pub journal: PathBuf,
}

impl Desk {
    pub fn new(journal_key: &str, retention: &str) -> Self {
        let mut plan = Town::before_address("127.0.0.1:9".parse().expect("an address"))
            .policy("retention = \"unlimited\"", &format!("retention = \"{retention}\""));
        if !journal_key.is_empty() {
            plan = plan.journal(journal_key);
        }
        Self::of(plan)
    }

    pub fn of(plan: Plan) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (config, journal) = plan.write(folder.path());
        journal::init(&journal, &journal.with_extension("key"), HOST).expect("a journal");
        Self {
            _folder: folder,
            config,
            journal,
        }
    }

    /// Opens the journal under its configuration on one day, keeps these exchanges, and closes it.
    pub fn keep(&self, time: &str, exchanges: impl IntoIterator<Item = Observation>) {
        self.write(time, |journal, site| {
            for observation in exchanges {
                let slot = journal.reserve().expect("a place");
                slot.append(&observation.redact(&site.policy, &site.hosts));
            }
        });
    }

    /// Opens the journal under its configuration on one day, has somebody write to it, and closes it.
    pub fn write(&self, time: &str, work: impl FnOnce(&Journal, &Site)) {
        let config = Config::load(&self.config).unwrap_or_else(|faults| panic!("{faults}"));
        let site = &config.sites[0];
        let clock = Clock::set_to(at(time));
        // A program that another test starts has our files for a moment, the lock of the journal before among them.
        let open = || Journal::open(&site.journal, &site.policy, &site.policy_text, clock.clone());
        let mut journal = open();
        until(|| {
            if matches!(journal, Err(OpenError::Locked)) {
                journal = open();
            }
            !matches!(journal, Err(OpenError::Locked))
        });
        let journal = journal.expect("it opens");
        work(&journal, site);
        journal.close().expect("it closes");
    }

    pub fn run(&self, arguments: &[&str]) -> Ended {
        let all: Vec<&str> = ["journal"].iter().chain(arguments).copied().collect();
        run_with(&all, &self.config)
    }

    /// What a command that goes well says on stdout.
    pub fn says(&self, arguments: &[&str]) -> String {
        let ended = self.run(arguments);
        assert_eq!(
            (ended.code, ended.err.as_str()),
            (Some(0), ""),
            "{arguments:?}: {ended:?}"
        );
        ended.out
    }

    fn paths(&self, arguments: &[&str]) -> Vec<String> {
        let said = self.says(arguments);
        said.lines().map(path).collect()
    }

    /// The bytes of the segments of `access`, in order.
    pub fn segments(&self) -> Vec<(String, String)> {
        let mut found: Vec<_> = fs::read_dir(self.journal.join("access"))
            .expect("a folder")
            .flatten()
            .filter(|file| !file.path().is_symlink())
            .filter(|file| {
                file.path()
                    .extension()
                    .is_some_and(|end| end == "jsonl" || end == "log")
            })
            .map(|file| {
                let name = file.file_name().to_string_lossy().into_owned();
                (name, fs::read_to_string(file.path()).expect("text"))
            })
            .collect();
        found.sort();
        found
    }
}

fn path(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    line["url"]["path"].as_str().expect("a path").to_owned()
}

pub fn exchange(arrived: &str, path: &str, status: u16) -> Observation {
    Observation {
        arrived: at(arrived),
        sent: Some(at(arrived)),
        client: "203.0.113.7".parse().expect("an address"),
        client_host: ClientHost::NotAsked,
        request: Some(RequestHead {
            method: Method::GET,
            target: path.parse().expect("a target"),
            version: Version::HTTP_11,
            referrer: None,
            agent: None,
            authorization: None,
        }),
        status: Some(StatusCode::from_u16(status).expect("a status")),
        bytes: 5,
        first_page: false,
        outcome: Outcome::Completed,
    }
}

/// Three days in October and November 2026.
fn three_days(journal_key: &str) -> Desk {
    let desk = Desk::new(journal_key, "unlimited");
    let cut_off = Observation {
        client: "2001:db8::1".parse().expect("an address"),
        outcome: Outcome::CutOff(Who::Visitor),
        ..exchange("2026-11-01T10:00:00Z", "/druki/ż.pdf?rok=2026", 500)
    };
    desk.keep(
        "2026-10-31T12:00:00Z",
        [
            exchange("2026-10-31T10:00:00Z", "/", 200),
            exchange("2026-10-31T11:59:59.999Z", "/aktualności", 404),
        ],
    );
    desk.keep("2026-11-01T12:00:00Z", [cut_off]);
    desk.keep(
        "2026-11-02T12:00:00Z",
        [exchange("2026-11-02T10:00:00Z", "/kontakt", 403)],
    );
    desk
}

#[test]
fn a_journal_is_shown_as_it_stands_on_disk() {
    for (key, form) in [("", "json"), ("format = \"combined\"", "combined")] {
        let desk = three_days(key);
        let on_disk: String = desk.segments().into_iter().map(|(_, text)| text).collect();
        assert_eq!(on_disk.lines().count(), 4);
        assert_eq!(desk.says(&["cat", "--format", form]), on_disk);
        assert_eq!(desk.says(&["tail", "-n", "4", "--format", form]), on_disk);
        assert_eq!(
            desk.says(&["cat", "--format", form, "--path", "/"]),
            on_disk,
            "records read and not changed"
        );
    }
}

#[test]
fn either_format_is_shown_as_the_other() {
    let (json, combined) = (three_days(""), three_days("format = \"combined\""));
    assert_eq!(
        json.says(&["cat", "--format", "combined"]),
        combined.says(&["cat", "--format", "combined"])
    );
    let without_fractions = json.says(&["cat"]).replace(
        "\"timestamp\":\"2026-10-31T11:59:59.999Z\"",
        "\"timestamp\":\"2026-10-31T11:59:59.000Z\"",
    );
    assert_eq!(combined.says(&["cat"]), without_fractions);
}

#[test]
fn a_table_has_columns_that_fit() {
    let desk = three_days("");
    let said = desk.says(&["cat", "--format", "table"]);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 5, "{said}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{said}");
    assert!(!said.contains('\u{1b}'), "no colours without a terminal");
    let column = lines[0].find("request").expect("a head");
    assert!(lines[1][column..].starts_with("GET /"), "{said}");
    assert!(
        lines[3].contains("2026-11-01 10:00:00  2001:db8::1  500     5      cut_off.visitor  GET /druki"),
        "{said}"
    );
    let events = desk.says(&["cat", "--log", "events", "--format", "table"]);
    assert!(
        events.contains("journal.start") && events.contains("version="),
        "{events}"
    );
}

#[test]
fn filters_choose_what_is_shown() {
    for key in ["", "format = \"combined\""] {
        let desk = three_days(key);
        let (start, news, form, contact) = ("/", "/aktualności", "/druki/ż.pdf", "/kontakt");
        for (filter, expected) in [
            (&["--from", "2026-11"][..], &[form, contact][..]),
            (&["--to", "2026-11"], &[start, news]),
            (
                &["--from", "2026-10-31T10:00:00Z", "--to", "2026-11-01T10:00:00Z"],
                &[start, news],
            ),
            (&["--from", "2026-11-01T11:00:00+01:00", "--to", "2026-11-02"], &[form]),
            (&["--from", "1000000h"], &[start, news, form, contact]),
            (&["--status", "4xx"], &[news, contact]),
            (&["--status", "404"], &[news]),
            (&["--status", "404..599"], &[news, form]),
            (&["--path", "/druki"], &[form]),
            (&["--path", "*ności"], &[news]),
            (&["--address", "203.0.113.0/24"], &[start, news, contact]),
            (&["--address", "2001:db8::1"], &[form]),
            (&["--error"], &[form]),
            (&["--error", "cut_off"], &[form]),
            (&["--error", "upstream"], &[]),
            (&["--status", "4xx", "--from", "2026-11-02"], &[contact]),
        ] {
            let cat: Vec<&str> = ["cat"].iter().chain(filter).copied().collect();
            assert_eq!(desk.paths(&cat), expected, "{filter:?}");
            let tail: Vec<&str> = ["tail", "-n", "1"].iter().chain(filter).copied().collect();
            assert_eq!(
                desk.paths(&tail),
                expected[expected.len().saturating_sub(1)..],
                "{filter:?}"
            );
        }
    }
}

#[test]
fn what_cannot_be_shown_is_said_with_its_place() {
    let desk = three_days("");
    for arguments in [
        &["cat", "--from", "soon"][..],
        &["cat", "--status", "ok"],
        &["cat", "--address", "here"],
        &["cat", "--site", "other.example"],
        &["cat", "--log", "events", "--status", "404"],
        &["cat", "--log", "events", "--format", "combined"],
    ] {
        let ended = desk.run(arguments);
        assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{arguments:?}");
    }
    let (name, text) = desk.segments().swap_remove(1);
    fs::write(
        desk.journal.join("access").join(&name),
        text.replace("\"status_code\":500", "\"status_code\":\"5\""),
    )
    .expect("a file");
    assert_eq!(desk.says(&["cat"]).lines().count(), 4, "as it is on disk");
    let ended = desk.run(&["cat", "--format", "combined"]);
    assert_eq!((ended.code, ended.out.lines().count()), (Some(2), 3), "{ended:?}");
    assert!(
        ended.err.contains(&format!("record 2, in {name}")) && ended.err.contains("hint: "),
        "{ended:?}"
    );
    assert!(!ended.err.contains("2001:db8"), "{ended:?}");
}

#[test]
fn a_journal_can_be_named_by_its_folder() {
    let desk = three_days("");
    let folder = desk.journal.display().to_string();
    let by_folder = crate::serve::program::run(&["journal", "cat", "--journal", &folder]);
    assert_eq!((by_folder.code, by_folder.out), (Some(0), desk.says(&["cat"])));
    let none = crate::serve::program::run(&["journal", "cat", "--journal", "/there-is-no/journal"]);
    assert_eq!(none.code, Some(2));
    assert!(
        none.err.contains("there is no journal here") && none.err.contains("hint: "),
        "{none:?}"
    );
}

#[test]
fn a_reader_who_has_enough_is_no_error() {
    let desk = Desk::new("", "unlimited");
    let many = (0..20_000).map(|number| exchange("2026-11-01T10:00:00Z", &format!("/{number}"), 200));
    desk.keep_many(many.collect());
    let mut child = follow(&["cat"], &desk.config);
    assert_eq!(path(&child.line()), "/0");
    assert_eq!(child.leave(), (Some(0), String::new()));
}

impl Desk {
    /// The same of more than the queue has places for.
    fn keep_many(&self, exchanges: Vec<Observation>) {
        let mut exchanges = exchanges.into_iter().peekable();
        while exchanges.peek().is_some() {
            self.keep("2026-11-01T12:00:00Z", exchanges.by_ref().take(10_000));
        }
    }
}

/// A command whose output is read as it comes.
pub struct Following {
    child: Child,
    out: BufReader<ChildStdout>,
}

pub fn follow(arguments: &[&str], config: &Path) -> Following {
    let mut child = Command::new(env!("CARGO_BIN_EXE_townclerk"))
        .arg("journal")
        .args(arguments)
        .arg("--config")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let out = BufReader::new(child.stdout.take().expect("piped"));
    Following { child, out }
}

impl Following {
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.out.read_line(&mut line).expect("text"), 0, "it goes on");
        line
    }

    /// Closes the pipe: its exit code, and what it said on stderr.
    pub fn leave(self) -> (Option<i32>, String) {
        drop(self.out);
        let ended = self.child.wait_with_output().expect("it ends");
        (ended.status.code(), String::from_utf8(ended.stderr).expect("text"))
    }
}

#[test]
fn a_journal_is_followed_while_a_server_writes_and_begins_new_segments() {
    let folder = tempfile::tempdir().expect("a folder");
    let cms = Cms::page("dzień dobry");
    let (config, journal) = Town::before(&cms)
        .journal("segment_bytes = \"1 MiB\"")
        .write(folder.path());
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    let serving = Serving::start(&config);
    let ask = |serving: &Serving, path: &str| {
        let mut visitor = Visitor::to(serving.address);
        visitor.send(format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
        ));
        assert_eq!(visitor.answer().status, 200);
    };
    ask(&serving, "/1");
    until(|| run_with(&["journal", "tail"], &config).out.lines().count() == 1);
    let mut following = follow(&["tail", "-f"], &config);
    let mut chosen = follow(&["tail", "-n", "0", "-f", "--path", "*5"], &config);
    assert_eq!(path(&following.line()), "/1");
    for number in 2..=4 {
        ask(&serving, &format!("/{number}"));
        assert_eq!(path(&following.line()), format!("/{number}"));
    }
    // Another process, another segment.
    assert_eq!(serving.stop().code, Some(0));
    let serving = Serving::start(&config);
    for number in 5..=7 {
        ask(&serving, &format!("/{number}"));
        assert_eq!(path(&following.line()), format!("/{number}"));
    }
    assert_eq!(path(&chosen.line()), "/5");
    let segments = fs::read_dir(journal.join("access")).expect("a folder").flatten();
    let segments = segments.filter(|file| file.path().extension().is_some_and(|end| end == "jsonl"));
    assert_eq!(segments.count(), 2);

    assert_eq!(
        following.leave(),
        (Some(0), String::new()),
        "it notices that nobody listens"
    );
    let interrupted = Command::new("kill")
        .args(["-INT", &chosen.child.id().to_string()])
        .status();
    assert!(interrupted.expect("kill runs").success());
    assert_eq!(chosen.child.wait().expect("it ends").code(), Some(0));
    assert_eq!(serving.stop().code, Some(0));
}

#[test]
fn a_hold_keeps_what_its_case_needs_and_a_release_lets_it_go() {
    let desk = Desk::new("", "30 days");
    for day in 1..=9 {
        let time = format!("2020-03-0{day}T10:00:00Z");
        // Each under a clock of its day, at which nothing is too old.
        desk.keep(&time, [exchange(&time, &format!("/{day}"), 200)]);
    }
    assert_eq!(desk.segments().len(), 9);
    let would = desk.says(&["retention", "--dry-run"]);
    assert_eq!(would.matches("would remove").count(), 9, "{would}");
    assert_eq!(desk.says(&["holds"]), "no case holds anything\n");

    let hold = [
        "hold",
        "--case",
        "RPD-12.2026",
        "--from",
        "2020-03-04",
        "--to",
        "2020-03-05",
        "--reason",
        "pismo RPD",
    ];
    let said = desk.says(&hold);
    assert!(
        said.contains("RPD-12.2026: held from 2020-03-04T00:00:00Z to 2020-03-05T00:00:00Z"),
        "{said}"
    );
    assert!(said.contains("there now: 3, from 2020-03-03 on"), "{said}");
    assert_eq!(desk.run(&hold).code, Some(1), "once a case");
    for (path, mode) in [("holds", 0o700), ("holds/RPD-12.2026.toml", 0o600)] {
        let permissions = fs::metadata(desk.journal.join(path))
            .expect("it is there")
            .permissions();
        assert_eq!(permissions.mode() & 0o777, mode, "{path}");
    }
    let listed = desk.says(&["holds"]);
    assert!(
        listed.contains("RPD-12.2026") && listed.contains("pismo RPD"),
        "{listed}"
    );
    let would = desk.says(&["retention", "--dry-run"]);
    assert_eq!(
        (
            would.matches("would remove").count(),
            would.matches(", for RPD-12.2026").count()
        ),
        (6, 3),
        "{would}"
    );
    assert_eq!(desk.segments().len(), 9, "nothing has changed");

    desk.keep("2026-11-21T10:00:00Z", []);
    assert_eq!(desk.segments().len(), 9, "a clock that leapt is doubted for a day");
    desk.keep("2026-11-22T11:00:00Z", []);
    assert_eq!(desk.paths(&["cat"]), ["/3", "/4", "/5"]);
    assert!(desk.says(&["retention", "--dry-run"]).matches("would remove").count() == 0);
    desk.says(&["release", "--case", "RPD-12.2026"]);
    assert_eq!(desk.run(&["release", "--case", "RPD-12.2026"]).code, Some(1), "once");
    desk.keep("2026-11-22T12:00:00Z", []);
    assert!(desk.paths(&["cat"]).is_empty());

    let events = desk.says(&["cat", "--log", "events"]);
    let told: Vec<Value> = events
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    let named = |name: &str| {
        told.iter()
            .filter(|event| event["event.name"] == name)
            .collect::<Vec<_>>()
    };
    assert_eq!((named("hold.set").len(), named("hold.release").len()), (1, 1));
    assert_eq!(named("hold.set")[0]["case"], "RPD-12.2026");
    assert!(!events.contains("pismo"), "the reason stays in its file");
    let removed = named("retention.remove");
    assert!(
        removed.iter().all(|event| event["policy.version"] == "1"),
        "{removed:?}"
    );
    let ranges: Vec<_> = removed
        .iter()
        .map(|event| {
            (
                event["first"].as_u64().expect("a number"),
                event["next"].as_u64().expect("a number"),
            )
        })
        .collect();
    assert_eq!(ranges, [(0, 2), (5, 9), (2, 9)]);
}

#[test]
fn what_is_no_hold_is_refused_with_a_remedy() {
    let desk = Desk::new("", "30 days");
    let folder = desk.journal.display().to_string();
    for (arguments, word) in [
        (&["hold", "--case", "../x", "--from", "2020", "--to", "2021"][..], "RPD"),
        (
            &["hold", "--case", "a", "--from", "2020-03-05", "--to", "2020-03-04"],
            "later",
        ),
        (&["hold", "--case", "a", "--from", "2020-03-05"], "--to"),
        (&["retention"], "--dry-run"),
    ] {
        let ended = desk.run(arguments);
        assert_eq!((ended.code, ended.err.contains(word)), (Some(2), true), "{ended:?}");
    }
    fs::create_dir(desk.journal.join("holds")).expect("a folder");
    fs::write(desk.journal.join("holds/a.toml"), "torn").expect("a file");
    let damaged = desk.run(&["retention", "--dry-run"]);
    assert_eq!(damaged.code, Some(2));
    assert!(
        damaged.err.contains(&folder) && damaged.err.contains("hint: nothing is removed"),
        "{damaged:?}"
    );
}
