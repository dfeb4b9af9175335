//! `journal init`, killed before each of its system calls: the next one makes the journal all the same.

use std::path::Path;
use std::process::Command;

use townclerk::journal::Log;
use townclerk::journal::key::Key;

use super::is_whole;
use super::sweep::{can_trace, inject};
use crate::serve::program::{Serving, run_with};
use crate::town::{Cms, Town};

/// What changes a disk.
const CALLS: [&str; 9] = [
    "mkdir",
    "openat",
    "write",
    "fsync",
    "fdatasync",
    "rename",
    "unlink",
    "flock",
    "chmod",
];

#[test]
fn a_making_that_was_killed_anywhere_is_taken_up_again() {
    if !can_trace("killing `journal init` call by call") {
        return;
    }
    let cms = Cms::page("x");
    for call in CALLS {
        for nth in 1.. {
            let folder = tempfile::tempdir().expect("a folder");
            let (config, journal) = Town::before(&cms).write(folder.path());
            let first = killed_at(call, nth, &config);
            let again = run_with(&["journal", "init"], &config);
            assert_eq!(again.code, Some(0), "killed at {call} {nth}: {again:?}");
            let key = Key::load(&folder.path().join("journal.key")).expect("a key");
            let keys = Log::ALL.map(|log| key.verifier(log).clone());
            is_whole(&journal, &keys, "");
            if nth == 1 {
                assert_eq!(Serving::start(&config).stop().code, Some(0));
            }
            if !first {
                break;
            }
        }
    }
}

/// Whether it was killed, and had not ended before.
fn killed_at(call: &str, nth: u32, config: &Path) -> bool {
    let status = Command::new("strace")
        .args(["-o", "/dev/null", "-e", &format!("trace={call}")])
        .args(["-e", &inject(call, "signal=KILL", &nth.to_string())])
        .arg(env!("CARGO_BIN_EXE_townclerk"))
        .args(["journal", "init", "--config"])
        .arg(config)
        .output()
        .expect("strace runs")
        .status;
    !status.success()
}
