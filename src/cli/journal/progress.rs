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
    /// If somebody is there.
    terminal: Option<Box<dyn Write>>,
}

/// The bar is so many letters long.
const BAR: u64 = 40;

impl Progress {
    /// Of `total` bytes.
    pub(in crate::cli) fn of(total: u64, clock: &Clock) -> Self {
        let stderr = io::stderr();
        let terminal = stderr.is_terminal().then(|| Box::new(stderr) as _);
        Self::on(terminal, total, clock)
    }

    fn on(terminal: Option<Box<dyn Write>>, total: u64, clock: &Clock) -> Self {
        Self {
            clock: clock.clone(),
            since: clock.now(),
            total: total.max(1),
            steps: 0,
            shown: None,
            terminal,
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
        let Some(terminal) = &mut self.terminal else { return };
        let percent = (u128::from(done.min(self.total)) * 100 / u128::from(self.total)) as u64; // at most 100
        if self.shown != Some(percent) && self.clock.now().duration_since(self.since) > PATIENCE {
            self.shown = Some(percent);
            let done = "━".repeat((percent * BAR / 100) as usize); // BAR at most
            let _ = write!(terminal, "\rread {done:·<width$} {percent:>3} %", width = BAR as usize); // without it nobody waits
        }
    }

    /// Takes the line back, before something else is said; whether there was one.
    pub(in crate::cli) fn clear(&mut self) -> bool {
        let shown = self.shown.take().is_some();
        if let Some(terminal) = self.terminal.as_mut().filter(|_| shown) {
            let _ = write!(terminal, "\r\x1b[K"); // without it nobody waits
        }
        shown
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::rc::Rc;
    use std::time::Duration;

    use super::*;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Terminal(Rc<RefCell<String>>);

    impl Write for Terminal {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().push_str(std::str::from_utf8(bytes).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_waits_at_a_terminal_sees_how_far_it_is_and_no_trace_of_that_afterwards() {
        let start: Timestamp = "2026-11-21T20:00:00Z".parse().unwrap();
        let (clock, terminal) = (Clock::set_to(start), Terminal::default());
        let said = || terminal.0.take();
        let mut progress = Progress::on(Some(Box::new(terminal.clone())), 1_000, &clock);
        progress.at(100);
        assert_eq!(said(), "", "short work is not talked about");
        clock.set(start + Duration::from_secs(2));
        progress.at(250);
        let bar = "━".repeat(10) + &"·".repeat(30);
        assert_eq!(said(), format!("\rread {bar}  25 %"));
        progress.at(254);
        assert_eq!(said(), "", "the same percentage once");
        progress.at(9_999);
        assert_eq!(said(), format!("\rread {} 100 %", "━".repeat(40)));
        drop(progress);
        assert_eq!(said(), "\r\x1b[K");
        let mut silent = Progress::on(None, 1_000, &clock);
        clock.set(start + Duration::from_secs(9));
        silent.at(500);
        assert!(!silent.clear(), "a file is told nothing");
    }
}
