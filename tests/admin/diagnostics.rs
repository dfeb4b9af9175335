//! Diagnostics in the form that suits where they go.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::drain::until;
use crate::serve::program::run_with;
use crate::town::{Cms, Town};

/// What the program says on a stderr that is a file, from its start to its end, with a faulty reload in between.
/// `set` changes the command; it gets the file too.
fn said(set: impl Fn(&mut Command, &File)) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, _) = Town::before(&Cms::page("a")).write(folder.path());
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    let path = folder.path().join("said");
    let file = File::create(&path).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_townclerk"));
    command.args(["serve", "--config"]).arg(&config).stdin(Stdio::null());
    set(&mut command, &file);
    let mut child = command.stderr(file).spawn().expect("it starts");
    let wait_for = |words: &str| until(|| read(&path).contains(words));
    wait_for(", journal in ");
    let right = fs::read_to_string(&config).expect("text");
    fs::write(&config, right.replace("workers = 2", "workers = 0\nother = 1")).expect("a file");
    signal(child.id(), "HUP");
    wait_for("everything stays as it was");
    signal(child.id(), "TERM");
    assert!(child.wait().expect("it ends").success());
    read(&path)
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn signal(id: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &id.to_string()])
        .status();
    assert!(sent.expect("kill runs").success());
}

#[test]
fn the_first_ten_lines_tell_build_policy_history_and_listeners() {
    let said = said(|_, _| {});
    let first: Vec<_> = said.lines().take(10).collect();
    let first = first.join("\n");
    for what in [
        concat!("townclerk ", env!("CARGO_PKG_VERSION")),
        "listening on http://127.0.0.1:",
        "policy 1 of 2026-11-21",
        "with 0 entries",
    ] {
        assert!(first.contains(what), "{what} is not in {first}");
    }
    assert!(!said.contains('\u{1b}'), "colour, where nobody sees it: {said}");
}

#[test]
fn in_json_every_line_is_an_object() {
    let said = said(|command, _| {
        command.args(["--diagnostics", "json"]);
    });
    let lines: Vec<Value> = said
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        assert!(
            line["timestamp"].is_string() && line["level"].is_string() && line["message"].is_string(),
            "{line}"
        );
    }
    let has = |level: &str, words: &str| {
        let says = |line: &Value| line["message"].as_str().is_some_and(|message| message.contains(words));
        lines.iter().any(|line| line["level"] == level && says(line))
    };
    assert!(
        has("INFO", "listening on http://") && has("ERROR", "unknown key other"),
        "{said}"
    );
}

#[test]
fn journald_is_told_priorities_and_no_times() {
    let said = said(|command, file| {
        let file = file.metadata().expect("a file");
        command.env("JOURNAL_STREAM", format!("{}:{}", file.dev(), file.ino()));
    });
    for line in said.lines() {
        let priority = line.get(..3).unwrap_or_default();
        assert!(["<3>", "<4>", "<6>"].contains(&priority), "{line}");
    }
    assert!(said.contains("<6>listening on http://"), "{said}");
    assert!(
        said.contains("<3>  hint: ") && said.contains("unknown key other"),
        "{said}"
    );
}

#[test]
fn a_stderr_that_was_redirected_is_not_journalds() {
    let said = said(|command, _| {
        command.env("JOURNAL_STREAM", "1:1");
    });
    assert!(!said.lines().any(|line| line.starts_with('<')), "{said}");
}
