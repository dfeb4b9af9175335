//! Tests that need a program from Debian's packages do without it where it is not installed, and say so.

use std::io::{Write, stderr};
use std::process::{Command, Stdio};

/// Set where everything is installed, as in `.ci/run`: there a test that would be skipped fails.
const NOTHING: &str = "TOWNCLERK_SKIP_NOTHING";

/// Whether a program can be run; says what is skipped where it cannot.
pub fn without(program: &str, version: &str, what: &str) -> bool {
    let ran = Command::new(program)
        .arg(version)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    let missing = !ran.is_ok_and(|status| status.success());
    if missing {
        skip(what, &format!("{program} is not installed"));
    }
    missing
}

/// Says that something is not tested for want of a package.
pub fn skip(what: &str, why: &str) {
    assert!(std::env::var_os(NOTHING).is_none(), "{what}: {why}");
    cannot(what, why);
}

/// Says that something is not tested because the machine does not allow it, which no package mends.
pub fn cannot(what: &str, why: &str) {
    let _ = writeln!(stderr(), "skipped {what}: {why}"); // eprintln would be captured, and so not seen
}
