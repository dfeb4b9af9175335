//! Manners: where words go, and what a program that calls us can rely on.

use std::io;
use std::process::ExitCode;

use super::diagnostics;
use crate::reader::Faults;

/// The answer is no.
pub(super) const NO: u8 = 1;

/// There is no answer: it could not be found out.
pub(super) const COULD_NOT: u8 = 2;

/// What a command comes to.
pub(super) type Done = Result<ExitCode, Problem>;

/// Why a command gave up.
#[derive(Debug)]
pub(super) enum Problem {
    /// Said already, fault by fault.
    Said,
    /// To be said.
    Is {
        /// What is wrong, with its place.
        what: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The reader of our output has closed the pipe: it has what it wanted.
    NobodyListens,
}

impl Problem {
    pub(super) fn new(what: impl ToString) -> Self {
        Self::Is {
            what: what.to_string(),
            hint: None,
        }
    }

    pub(super) fn with_hint(what: impl ToString, hint: impl Into<String>) -> Self {
        Self::Is {
            what: what.to_string(),
            hint: Some(hint.into()),
        }
    }

    /// Says it on stderr, and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        self.say();
        match self {
            Self::NobodyListens => ExitCode::SUCCESS,
            Self::Said | Self::Is { .. } => ExitCode::from(COULD_NOT),
        }
    }

    /// Says it on stderr.
    pub(super) fn say(&self) {
        if let Self::Is { what, hint } = self {
            remark(what);
            if let Some(hint) = hint {
                self::hint(hint);
            }
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::NobodyListens,
            _ => Self::new(format!("cannot write: {error}")),
        }
    }
}

/// Every fault with its place and remedy.
pub(super) fn say_faults(faults: &Faults) {
    diagnostics::tell(&faults.to_string());
    let count = faults.len();
    remark(&format!(
        "{count} {} to mend",
        if count == 1 { "fault" } else { "faults" }
    ));
}

/// A remark to the person at the terminal.
pub(super) fn remark(what: &str) {
    diagnostics::tell(&format!("townclerk: {what}"));
}

/// What to do about it.
pub(super) fn hint(what: &str) {
    diagnostics::tell(&format!("  hint: {what}"));
}
