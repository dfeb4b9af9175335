//! How far a long work is, for somebody who waits at a terminal.

use std::io::{self, IsTerminal, Write};

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;

/// Work that lasts no longer is not talked about.
const PATIENCE: SignedDuration = SignedDuration::from_millis(1500);
/// The clock is looked at after so many steps.
const STEPS: u32 = 4096;

/// A line on stderr, while the work lasts.
pub(in crate::cli) struct Progress {
    clock: Clock,
    since: Timestamp,
    total: u64,
    steps: u32,
    shown: Option<u64>,
    wanted: bool,
}

/// The bar is so many letters long.
const BAR: u64 = 40;

impl Progress {
    /// Of `total` bytes.
    pub(in crate::cli) fn of(total: u64, clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            since: clock.now(),
            total: total.max(1),
            steps: 0,
            shown: None,
            wanted: io::stderr().is_terminal(),
        }
    }

    /// One step, `done` bytes from the beginning.
    pub(in crate::cli) fn step(&mut self, done: u64) {
        self.steps = self.steps.wrapping_add(1);
        if self.steps.is_multiple_of(STEPS) {
            self.at(done);
        }
    }

    /// Many steps at once, `done` bytes from the beginning.
    pub(in crate::cli) fn at(&mut self, done: u64) {
        if !self.wanted {
            return;
        }
        let percent = (u128::from(done.min(self.total)) * 100 / u128::from(self.total)) as u64; // at most 100
        if self.shown != Some(percent) && self.clock.now().duration_since(self.since) > PATIENCE {
            self.shown = Some(percent);
            let done = "━".repeat((percent * BAR / 100) as usize); // BAR at most
            let _ = write!(
                io::stderr(),
                "\rread {done:·<width$} {percent:>3} %",
                width = BAR as usize
            ); // without stderr nobody waits
        }
    }

    /// Takes the line back, before something else is said; whether there was one.
    pub(in crate::cli) fn clear(&mut self) -> bool {
        let shown = self.shown.take().is_some();
        if shown {
            let _ = write!(io::stderr(), "\r\x1b[K"); // without stderr nobody waits
        }
        shown
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}
