//! Manners: where words go, and what a program that calls us can rely on.

use std::io::{self, IsTerminal, Write};
use std::panic;
use std::process::ExitCode;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

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
        match self {
            Self::NobodyListens => return ExitCode::SUCCESS,
            Self::Said => {}
            Self::Is { what, hint } => {
                remark(&what);
                if let Some(hint) = hint {
                    self::hint(&hint);
                }
            }
        }
        ExitCode::from(COULD_NOT)
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
    let _ = write!(io::stderr(), "{faults}"); // without stderr there is nobody to tell
    let count = faults.len();
    remark(&format!(
        "{count} {} to mend",
        if count == 1 { "fault" } else { "faults" }
    ));
}

/// A remark to the person at the terminal.
pub(super) fn remark(what: &str) {
    let _ = writeln!(io::stderr(), "townclerk: {what}"); // without stderr there is nobody to tell
}

/// What to do about it.
pub(super) fn hint(what: &str) {
    let _ = writeln!(io::stderr(), "  hint: {what}"); // without stderr there is nobody to tell
}

/// Sends diagnostics to stderr: our own only, because a library's could name a visitor. A panic's text could too, so
/// only its place is told.
pub(super) fn start_diagnostics(level: LevelFilter) {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    let ours = Targets::new().with_target("townclerk", level);
    // A second call, in tests, keeps what is there.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            place,
            "a fault in townclerk itself; the exchange was ended, please report it"
        );
    }));
}
