//! Retention is an upper bound: a segment goes, whole, before its oldest entry is older than the policy allows.
//!
//! A segment of day D holds exchanges that ended on D, so they may have arrived somewhat earlier. It is due two hours
//! before D's first second is too old: one hour for exchanges that last long, one because rounds are an hour apart.
//! What lasts longer still, a tunnel, counts from its end.

use std::io;

use jiff::{SignedDuration, Timestamp};

use super::Log;
use super::event::Event;
use super::fault::{Fault, Step};
use super::segment::{self, Name};
use super::writer::{Goal, Writer};
use crate::policy::Retention;

const AHEAD: SignedDuration = SignedDuration::from_hours(2);

impl Writer {
    /// Removes the segments of `access` that are due: told first, durably, and the oldest first, so that what is left
    /// at any moment is one run of records. The events of a journal hold nothing about a visitor and stay.
    pub(crate) fn retire(&mut self) -> Result<(), Fault> {
        let now = self.clock.now();
        let mut names = self.segments()?;
        // The last segment is followed by an empty one before it goes: the index must outlive the records.
        if let Some(last) = names
            .last()
            .filter(|_| due(&names, self.policy.retention, now) == names.len())
            && self.disk.status(&last.path(Log::Access)).map_err(fault())?.length > 0
        {
            self.settle(Goal::Ended);
            self.mark()?;
            names = self.segments()?;
        }
        let due = due(&names, self.policy.retention, now).min(names.len().saturating_sub(1));
        let (Some(first), Some(next)) = (names.first().filter(|_| due > 0), names.get(due)) else {
            return Ok(());
        };
        let segments = due as u64;
        self.events.push(&Event::Retention {
            log: Log::Access,
            segments,
            first: first.first,
            next: next.first,
        });
        self.sync_events()?;
        for name in names.iter().take(due) {
            self.disk.remove(&name.path(Log::Access)).map_err(fault())?;
            self.disk.sync_folder(Log::Access.folder()).map_err(fault())?;
        }
        tracing::info!(segments, "segments removed as the policy asks");
        Ok(())
    }

    fn segments(&self) -> Result<Vec<Name>, Fault> {
        segment::list(&*self.disk, Log::Access).map_err(fault())
    }
}

fn fault() -> impl FnOnce(io::Error) -> Fault {
    Fault::at(Log::Access, None, Step::Remove)
}

/// How many segments, from the oldest on, are due. What stands before one that is due is older, whatever a clock that
/// was wrong named it.
fn due(names: &[Name], retention: Retention, now: Timestamp) -> usize {
    let Retention::Days(days) = retention else { return 0 };
    let kept = SignedDuration::from_hours(24 * i64::from(days)) - AHEAD;
    let is_due = |name: &Name| {
        let begun = jiff::tz::Offset::UTC.to_timestamp(name.day.at(0, 0, 0, 0));
        begun.is_ok_and(|begun| now.duration_since(begun) >= kept)
    };
    names.iter().rposition(is_due).map_or(0, |last| last + 1)
}

#[cfg(test)]
mod tests {
    use jiff::civil::Date;

    use super::*;
    use crate::journal::Format;

    fn begun(day: i8, first: u64) -> Name {
        Name {
            day: Date::constant(2026, 11, day),
            first,
            format: Format::JsonLines,
        }
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    #[test]
    fn a_segment_is_due_two_hours_before_its_first_second_is_too_old() {
        let names = [begun(1, 0), begun(2, 10)];
        assert_eq!(due(&names, Retention::Days(2), at("2026-11-02T21:59:59Z")), 0);
        assert_eq!(due(&names, Retention::Days(2), at("2026-11-02T22:00:00Z")), 1);
        assert_eq!(due(&names, Retention::Unlimited, at("2036-11-02T22:00:00Z")), 0);
    }

    #[test]
    fn a_name_from_the_future_does_not_outlive_its_successors() {
        let names = [begun(1, 0), begun(30, 5), begun(2, 10), begun(9, 20)];
        assert_eq!(due(&names, Retention::Days(2), at("2026-11-04T00:00:00Z")), 3);
    }
}
