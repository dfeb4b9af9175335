//! What a served journal proves: the built program verifies what the real server wrote, and finds what somebody
//! changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use townclerk::journal::Log;
use townclerk::journal::key::Key;

use crate::journal_cli::{Desk, exchange};
use crate::town::{Cms, HOST, Town};

/// A journal that a server wrote and closed, with the public keys that were kept elsewhere.
pub struct Served {
    folder: tempfile::TempDir,
    /// Those of the logs, in the order of [`Log::ALL`].
    pub keys: Vec<String>,
}

impl Served {
    pub fn of(exchanges: usize) -> Self {
        let town = Town::before(&Cms::page("x")).open();
        let mut visitor = town.visitor();
        for number in 0..exchanges {
            visitor.send(format!("GET /{number} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
            assert_eq!(visitor.answer().status, 200);
        }
        drop(visitor);
        let folder = town.leave();
        let key = Key::load(&folder.path().join("journal.key")).expect("a key");
        let keys = Log::ALL.map(|log| key.verifier(log).to_string()).to_vec();
        Self { folder, keys }
    }

    pub fn journal(&self) -> PathBuf {
        self.folder.path().join("journal")
    }

    pub fn segment(&self) -> PathBuf {
        let files = fs::read_dir(self.journal().join("access")).expect("a log").flatten();
        let mut segments = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|end| end == "jsonl"));
        segments.next().expect("a segment")
    }

    fn verify(&self, more: &[&str]) -> (Option<i32>, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_townclerk"));
        command.args(["journal", "verify", "--journal"]).arg(self.journal());
        for key in &self.keys {
            command.args(["--key", key]);
        }
        let Output { status, stdout, .. } = command.args(more).output().expect("it runs");
        (status.code(), String::from_utf8(stdout).expect("text"))
    }
}

#[test]
fn what_was_served_is_whole() {
    let (code, said) = Served::of(25).verify(&[]);
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("25 records, of 25 that are signed"), "{said}");
}

#[test]
fn a_changed_line_is_named_with_its_place() {
    let served = Served::of(25);
    let text = fs::read_to_string(served.segment()).expect("text");
    fs::write(served.segment(), text.replacen("\"/7\"", "\"/8\"", 1)).expect("root or owner");
    let (code, said) = served.verify(&[]);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("record 7 (") && said.contains("line 8,"), "{said}");
}

#[test]
fn a_key_of_somebody_else_proves_nothing() {
    let (mine, other) = (Served::of(3), Served::of(3));
    let mixed = Served {
        folder: mine.folder,
        keys: other.keys,
    };
    let (code, said) = mixed.verify(&[]);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn an_older_state_is_found_out_by_a_checkpoint_that_was_kept_elsewhere() {
    let Served { folder, keys } = Served::of(5);
    let older = folder.path().join("older");
    copy(&folder.path().join("journal"), &older);
    let town = Town::before(&Cms::page("x")).open_in(folder);
    assert_eq!(town.get("/more").status, 200);
    let folder = town.leave();
    let served = Served { folder, keys };
    let kept = served.folder.path().join("kept.note");
    fs::copy(served.journal().join("access/checkpoint"), &kept).expect("a copy");
    let kept = kept.to_str().expect("a path");
    assert_eq!(served.verify(&["--checkpoint", kept]).0, Some(0));

    fs::remove_dir_all(served.journal()).expect("gone");
    fs::rename(&older, served.journal()).expect("back");
    assert_eq!(served.verify(&[]).0, Some(0), "by itself it looks whole");
    let (code, said) = served.verify(&["--checkpoint", kept]);
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn a_journal_whose_signed_lines_are_gone_is_not_continued() {
    let served = Served::of(5);
    fs::write(served.segment(), "").expect("root or owner");
    let config = served.folder.path().join("townclerk.toml");
    let refused = Command::new(env!("CARGO_BIN_EXE_townclerk"))
        .args(["serve", "--config"])
        .arg(config)
        .output()
        .expect("it runs");
    assert_eq!(refused.status.code(), Some(2));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("signed") && said.contains("hint:"), "{said}");
}

/// The options with the public keys of a journal.
fn pinned(desk: &Desk) -> Vec<String> {
    let key = Key::load(&desk.journal.with_extension("key")).expect("a key");
    let keys = Log::ALL.map(|log| ["--key".to_owned(), key.verifier(log).to_string()]);
    keys.into_iter().flatten().collect()
}

#[test]
fn what_was_removed_and_what_has_a_gap_is_said_in_words_and_the_rest_by_the_exit_code() {
    let desk = Desk::new("", "30 days");
    desk.keep("2020-03-01T12:00:00Z", [exchange("2020-03-01T12:00:00Z", "/gone", 200)]);
    desk.write("2020-03-15T12:00:00Z", |journal, site| {
        let kept = exchange("2020-03-15T12:00:00Z", "/kept", 200);
        let slot = journal.reserve().expect("a place");
        slot.append(&kept.redact(&site.policy, &site.hosts));
        std::mem::forget(journal.reserve().expect("a place")); // an exchange that never ends
    });
    desk.keep("2020-04-02T12:00:00Z", []); // a clock that leapt is doubted for a day
    desk.keep("2020-04-04T12:00:00Z", []);
    let keys = pinned(&desk);
    let verify = || {
        let all = ["verify"].into_iter().chain(keys.iter().map(String::as_str));
        desk.run(&all.collect::<Vec<_>>())
    };
    let ended = verify();
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{}", ended.out);
    let told = |head: &str, words: &str| {
        let mut lines = ended.out.lines().filter(|line| line.starts_with(head));
        assert!(lines.any(|line| line.contains(words)), "{head} {words}: {}", ended.out);
    };
    told("verdict", "whole: all that was signed is there");
    told("checked", "1 record, of 2 that are signed");
    told("removed", "records 0 to 0, by retention: event ");
    told("removed", ", policy 1");
    told("gap", "1 served without an entry");
    told("trust", "who holds the key could have changed everything: 2 records");

    let salt = desk.journal.join("access/20200401-00000000000000000009.salt");
    fs::write(&salt, [7; 32]).expect("a file");
    assert_eq!(verify().code, Some(3), "a warning");
    fs::remove_file(salt).expect("it goes");
    let without_keys = desk.run(&["verify"]);
    assert_eq!(
        (without_keys.code, without_keys.out.as_str()),
        (Some(2), ""),
        "{without_keys:?}"
    );
    let (name, text) = desk.segments().swap_remove(0);
    fs::write(desk.journal.join("access").join(name), text.replace("/kept", "/text")).expect("a file");
    assert_eq!(verify().code, Some(1));
}

/// The most memory that a process has had so far, in bytes; 0 when it is gone.
fn most_resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = most.and_then(|most| most.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() * 1024
}

#[test]
fn a_large_journal_is_verified_in_the_memory_that_a_small_one_takes() {
    let time = "2026-11-01T12:00:00Z";
    let path = format!("/{}", "a".repeat(500));
    let most = |records: usize| {
        let desk = Desk::new("", "unlimited");
        desk.keep(time, (0..records).map(|_| exchange(time, &path, 200)));
        let mut program = Command::new(env!("CARGO_BIN_EXE_townclerk"))
            .args(["journal", "verify", "--journal"])
            .arg(&desk.journal)
            .args(pinned(&desk))
            .stdout(Stdio::null())
            .spawn()
            .expect("it starts");
        let mut most = 0;
        let status = loop {
            most = most.max(most_resident(program.id()));
            if let Some(status) = program.try_wait().expect("it runs") {
                break status;
            }
            thread::sleep(Duration::from_millis(1));
        };
        assert_eq!(status.code(), Some(0));
        most
    };
    let (small, large) = (most(2_000), most(60_000));
    // The other 58,000 records are 45 MB, and their hashes 2 MB.
    assert!(small > 0 && large < small + (1 << 20), "{small}, {large}");
}

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()));
}
