//! What a served journal proves: the built program verifies what the real server wrote, and finds what somebody
//! changed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use townclerk::journal::Log;
use townclerk::journal::key::Key;

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

fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").arg(from).arg(to).status();
    assert!(copied.is_ok_and(|status| status.success()));
}
