//! Diagnostics: what the program says while it runs, on stderr, for people or for programs.

use std::collections::HashMap;
use std::env;
use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::panic;
use std::sync::{Mutex, OnceLock, PoisonError};

use clap::ValueEnum;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tracing::callsite::Identifier;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{JsonFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;

use crate::OFTEN;
use crate::clock::Clock;

/// What may be said for every connection is said so often, for each place in the code, ...
const TIMES: u64 = 5;
/// ... in such a time.
const WINDOW: SignedDuration = SignedDuration::from_secs(60);

/// How diagnostics are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// As it suits where they go: `journald` where stderr leads there, otherwise `human`.
    #[default]
    Auto,
    /// Lines with the time, coloured on a terminal.
    Human,
    /// A JSON object a line.
    Json,
    /// Lines with their priority as <N> before them, for systemd, which knows the time itself.
    Journald,
}

impl Form {
    fn here(self) -> Self {
        match self {
            Self::Auto if leads_to_journald() => Self::Journald,
            Self::Auto => Self::Human,
            chosen => chosen,
        }
    }
}

/// systemd tells a service's device and inode, so that a redirected stderr is not taken for journald's.
fn leads_to_journald() -> bool {
    let Some(told) = env::var("JOURNAL_STREAM").ok() else {
        return false;
    };
    rustix::fs::fstat(io::stderr()).is_ok_and(|stderr| told == format!("{}:{}", stderr.st_dev, stderr.st_ino))
}

/// Once diagnostics have started.
static FORM: OnceLock<Form> = OnceLock::new();

/// Sends diagnostics to stderr: our own only, because a library's could name a visitor. A panic's text could too, so
/// only its place is told.
pub(super) fn start(level: LevelFilter, form: Form) {
    let form = *FORM.get_or_init(|| form.here());
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr);
    let plain = tracing_subscriber::fmt::format().with_target(false);
    let lines = match form {
        Form::Auto | Form::Human => lines
            .with_ansi(io::stderr().is_terminal())
            .event_format(Limited::new(plain))
            .boxed(),
        Form::Json => lines
            .fmt_fields(JsonFields::new())
            .event_format(Limited::new(
                plain
                    .json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false),
            ))
            .boxed(),
        Form::Journald => lines
            .with_ansi(false)
            .event_format(Limited::new(Prioritised(plain.without_time().with_level(false))))
            .boxed(),
    };
    let ours = Targets::new().with_target("townclerk", level);
    // A second call, in tests, keeps what is there.
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(
            target: OFTEN,
            place,
            "a fault in townclerk itself; the exchange was ended, please report it"
        );
    }));
}

/// Tells the person who called the program, in words of whatever number of lines: plain, unless diagnostics have begun
/// in another form.
pub(super) fn tell(words: &str) {
    let _ = match FORM.get() {
        Some(Form::Json) => {
            let time = Clock::system().now().to_string();
            let line = json!({ "timestamp": time, "level": "ERROR", "message": words });
            writeln!(io::stderr(), "{line}")
        }
        Some(Form::Journald) => {
            let lines: String = words.lines().map(|line| format!("<3>{line}\n")).collect();
            write!(io::stderr(), "{lines}")
        }
        Some(Form::Auto | Form::Human) | None => writeln!(io::stderr(), "{words}"),
    }; // without stderr there is nobody to tell
}

/// Lines with their priority before them (sd-daemon(3)).
struct Prioritised<F>(F);

impl<S, N, F> FormatEvent<S, N> for Prioritised<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let priority = match *event.metadata().level() {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        write!(writer, "<{priority}>")?;
        self.0.format_event(ctx, writer, event)
    }
}

/// Leaves out what repeats itself, of that which may be said for every connection.
struct Limited<F> {
    form: F,
    often: Mutex<HashMap<Identifier, Said>>,
}

/// How often something was said, and since when that is counted.
#[derive(Clone, Copy, Debug)]
struct Said {
    since: Timestamp,
    times: u64,
}

/// What becomes of something that is to be said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Said,
    /// For the last time in its window.
    Last,
    LeftOut,
    /// After so many were left out.
    Again(u64),
}

impl Said {
    fn once_more(&mut self, now: Timestamp) -> Fate {
        let before = self.times;
        // A clock that was set back begins anew.
        if now.duration_since(self.since).abs() >= WINDOW {
            *self = Self { since: now, times: 1 };
            return match before.saturating_sub(TIMES) {
                0 => Fate::Said,
                left_out => Fate::Again(left_out),
            };
        }
        self.times += 1;
        match self.times {
            ..TIMES => Fate::Said,
            TIMES => Fate::Last,
            _ => Fate::LeftOut,
        }
    }
}

impl<F> Limited<F> {
    fn new(form: F) -> Self {
        let often = Mutex::default();
        Self { form, often }
    }

    fn fate(&self, event: &Event<'_>) -> Fate {
        if event.metadata().target() != OFTEN {
            return Fate::Said;
        }
        let now = Clock::system().now();
        let mut often = self.often.lock().unwrap_or_else(PoisonError::into_inner);
        let said = often.entry(event.metadata().callsite());
        said.or_insert(Said { since: now, times: 0 }).once_more(now)
    }
}

impl<S, N, F> FormatEvent<S, N> for Limited<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(&self, ctx: &FmtContext<'_, S, N>, writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let fate = self.fate(event);
        match fate {
            Fate::LeftOut => return Ok(()),
            Fate::Again(left_out) => tracing::warn!(left_out, "what follows was left out so many times"),
            Fate::Said | Fate::Last => {}
        }
        self.form.format_event(ctx, writer, event)?;
        if fate == Fate::Last {
            tracing::warn!("what follows now is left out for a minute, where it is the same at the same place");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_repeats_itself_is_left_out_and_counted() {
        let at = |second: i64| Timestamp::from_second(second).unwrap();
        let mut said = Said { since: at(0), times: 0 };
        let fates: Vec<_> = (0..8).map(|second| said.once_more(at(second))).collect();
        assert_eq!(fates[..3], [Fate::Said; 3]);
        assert_eq!(fates[3..5], [Fate::Said, Fate::Last]);
        assert_eq!(fates[5..], [Fate::LeftOut; 3]);
        assert_eq!(said.once_more(at(60)), Fate::Again(3));
        assert_eq!(said.once_more(at(61)), Fate::Said);
        assert_eq!(said.once_more(at(0)), Fate::Said, "a clock that was set back");
    }
}
