//! Retention is an upper bound: a segment goes, whole, before its oldest entry is older than the policy allows, unless
//! a hold keeps it. Each log about visitors has its own; a policy without a log of addresses leaves the one that is
//! there the bound that it had last.
//!
//! A segment of day D holds exchanges that ended on D, so they may have arrived somewhat earlier. It is due two hours
//! before D's first second is too old: one hour for exchanges that last long, one because rounds are an hour apart.
//! What lasts longer still, a tunnel, counts from its end.
//!
//! A clock that is far ahead of what the journal knows is not believed at once ([`super::belief`]).
//!
//! With a segment goes its salt. Leaves stay until the tile that they are in is not needed any more, and the levels
//! above them for ever: what is kept can still be proven to stand where it stood. So do the leaves around the size that
//! a witness has signed last, from which the next proof goes on; it is older than the rest only if the witness is
//! silent.
//!
//! Behind a segment that is held the first of those that go leaves an empty one of its name: it still says up to which
//! index the lines before it count.

use std::io;
use std::ops::Range;
use std::path::Path;

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::belief::{Belief, Time};
use super::cosigning::kept;
use super::disk::{Disk, Folder};
use super::event::Event;
use super::fault::{Fault, Kind, Step};
use super::holds::{self, Case, Hold, HoldError, Holds};
use super::segment::{self, Beside, Form, Name, Packed};
use super::tree::{self, EntryIndex};
use super::writer::{Goal, Writer};
use super::{Log, PolicyInForce, layout, policies};
use crate::policy::{Policy, Retention};

const AHEAD: SignedDuration = SignedDuration::from_hours(2);

/// A segment that the policy keeps no longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// In which log.
    pub log: Log,
    /// Which.
    pub segment: Name,
    /// How long it is.
    pub bytes: u64,
    /// The cases whose holds keep it all the same; without one it is removed.
    pub held: Vec<Case>,
}

impl Due {
    /// What the next round would find in the journal in `folder`, the oldest first: those without records are left out.
    /// It changes nothing.
    ///
    /// # Errors
    ///
    /// [`HoldError::NotAJournal`]; [`HoldError::Damaged`], with which nothing is removed; [`HoldError::Disk`].
    pub fn now(folder: &Path, policy: &Policy, now: Timestamp) -> Result<Vec<Self>, HoldError> {
        let holds = Holds::of(folder)?.list()?;
        let disk = Folder::new(folder);
        let bounds = Bounds::under(&disk, &policy.into())?;
        let mut found = Vec::new();
        for log in Log::OF_VISITORS {
            let names = segment::list(&disk, log)?;
            for at in 0..due(&names, bounds.of(log), now) {
                let segment = names[at];
                let bytes = match segment::status(&disk, log, segment) {
                    Ok(status) => status.length,
                    Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                    Err(error) => return Err(error.into()),
                };
                if bytes > 0 {
                    let held = holds::keeping(&holds, &segment, names.get(at + 1)).cloned().collect();
                    let found_here = Self {
                        log,
                        segment,
                        bytes,
                        held,
                    };
                    found.push(found_here);
                }
            }
        }
        Ok(found)
    }
}

/// How long each log about visitors keeps what it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    access: Retention,
    addresses: Retention,
}

impl Bounds {
    /// Those of a policy. What it does not say of addresses, the newest one before it that did has said.
    pub(crate) fn under(disk: &dyn Disk, policy: &PolicyInForce) -> io::Result<Self> {
        let addresses = match policy.addresses {
            Some(addresses) => addresses,
            None => policies::retention_of_addresses(disk)?.unwrap_or(policy.retention),
        };
        Ok(Self {
            access: policy.retention,
            addresses,
        })
    }

    /// Goes over to another policy.
    pub(crate) fn follow(&mut self, policy: &PolicyInForce) {
        self.access = policy.retention;
        self.addresses = policy.addresses.unwrap_or(self.addresses);
    }

    pub(crate) fn of(self, log: Log) -> Retention {
        match log {
            Log::Access | Log::Arrivals => self.access,
            Log::Addresses => self.addresses,
            Log::Events | Log::Disclosures => Retention::Unlimited,
        }
    }
}

impl Writer {
    /// Tells which holds were set and released; then removes the segments about visitors that are due and not held:
    /// told first, durably, and the oldest first. The events of a journal hold nothing about a visitor and stay; only a
    /// salt goes whose segment a crash kept from coming.
    pub(crate) fn retire(&mut self) -> Result<(), Fault> {
        let now = self.believed_time()?;
        let holds = self.look_at_holds()?;
        for log in Log::OF_VISITORS {
            self.retire_from(log, now, &holds)?;
        }
        sweep(&*self.disk, Log::Events)
    }

    fn retire_from(&mut self, log: Log, now: Timestamp, holds: &[Hold]) -> Result<(), Fault> {
        let bound = self.bounds.of(log);
        let mut names = segments(&*self.disk, log)?;
        // The last segment is followed by an empty one before it goes: the index must outlive the records.
        if let Some(last) = names.last().filter(|_| due(&names, bound, now) == names.len())
            && holds::keeping(holds, last, None).next().is_none()
            && length(&*self.disk, log, last)? > 0
        {
            self.settle(Goal::Ended);
            self.mark(log)?;
            names = segments(&*self.disk, log)?;
        }
        let due = due(&names, bound, now).min(names.len().saturating_sub(1));
        for run in loose(&names, due, holds) {
            self.remove(log, &names, run)?;
        }
        sweep(&*self.disk, log)
    }

    /// Removes segments that stand next to each other.
    fn remove(&mut self, log: Log, names: &[Name], mut run: Range<usize>) -> Result<(), Fault> {
        // What an earlier round emptied behind a held segment stays until that one goes.
        let behind_held = run.start > 0;
        if behind_held
            && names
                .get(run.start)
                .map_or(Ok(0), |name| length(&*self.disk, log, name))?
                == 0
        {
            run.start += 1;
        }
        let (Some(going), Some(next)) = (names.get(run.clone()), names.get(run.end)) else {
            return Ok(());
        };
        let Some(first) = going.first() else {
            return Ok(());
        };
        let segments = going.len() as u64;
        self.events.push(&Event::Retention {
            log,
            segments,
            first: first.first,
            next: next.first,
            policy: self.policy.version.clone(),
        });
        self.sync_events()?;
        self.seal()?; // What goes was signed, and so is the event.
        let emptied = usize::from(behind_held && follows_held(&*self.disk, log, names, run.start)?);
        for name in going.iter().take(emptied) {
            layout::replace(&*self.disk, log.folder(), &name.to_string(), "").map_err(fault(log))?;
            for form in Form::ALL.into_iter().filter(|form| *form != Form::PLAIN) {
                let packed = Packed { name: *name, form };
                layout::remove(&*self.disk, &packed.path(log)).map_err(fault(log))?;
            }
        }
        for name in going.iter().skip(emptied) {
            segment::remove(&*self.disk, log, *name).map_err(fault(log))?;
            self.disk.sync_folder(log.folder()).map_err(fault(log))?;
        }
        tracing::info!(%log, segments, "segments removed as the policy asks");
        Ok(())
    }

    /// The time that a removal goes by: the clock's, or an earlier one while the clock is doubted, which is told.
    fn believed_time(&mut self) -> Result<Timestamp, Fault> {
        let belief = match &mut self.belief {
            Some(belief) => belief,
            None => self
                .belief
                .insert(Belief::read(&self.disk).map_err(fault(Log::Events))?),
        };
        let Time { now, is_news } = belief.hear(self.clock.now());
        let mut bounds = Log::OF_VISITORS.into_iter().map(|log| self.bounds.of(log));
        if is_news && bounds.any(|bound| bound != Retention::Unlimited) {
            belief.tell();
            tracing::warn!(sure = %now, "the clock is more than a week ahead; for a day nothing is removed by it");
            self.events.push(&Event::Doubt { sure: now });
            self.sync_events()?;
        }
        Ok(now)
    }

    /// The holds that are set, the changes told durably.
    fn look_at_holds(&mut self) -> Result<Vec<Hold>, Fault> {
        let fault = |error| Fault::at(Log::Access, None, Step::Hold)(error);
        let holds = holds::list(&*self.disk).map_err(|error| match error {
            HoldError::Disk(error) => fault(error),
            _ => Fault {
                log: Log::Access,
                segment: None,
                step: Step::Hold,
                kind: Kind::Other,
            },
        })?;
        let told = match &mut self.told {
            Some(told) => told,
            None => self.told.insert(holds::Told::read(&self.disk).map_err(fault)?),
        };
        let changes = told.changes(&holds);
        for change in &changes {
            self.events.push(change);
        }
        if !changes.is_empty() {
            self.sync_events()?;
        }
        Ok(holds)
    }
}

/// Removes what nobody needs any more beside the segments.
fn sweep(disk: &dyn Disk, log: Log) -> Result<(), Fault> {
    let names = segments(disk, log)?;
    let files = match disk.list(log.folder()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()), // the log was never made
        files => files.map_err(fault(log))?,
    };
    let mut going = needless_salts(disk, log, &names, &files)?;
    going.extend(needless_leaves(disk, log, &names, &files)?);
    for file in &going {
        layout::remove(disk, &format!("{}/{file}", log.folder())).map_err(fault(log))?;
    }
    if !going.is_empty() {
        disk.sync_folder(log.folder()).map_err(fault(log))?;
    }
    Ok(())
}

/// The salts of segments that are gone, were emptied or never came: the hashes made with them say nothing.
fn needless_salts(disk: &dyn Disk, log: Log, names: &[Name], files: &[String]) -> Result<Vec<String>, Fault> {
    let mut salted = Vec::new();
    for name in names {
        if names.last() == Some(name) || length(disk, log, name)? > 0 {
            salted.push(name.stem());
        }
    }
    let is_needless = |file: &&String| {
        let of = Beside::Salt.parse(file).or_else(|| Beside::SealedSalt.parse(file));
        of.is_some_and(|name| !salted.contains(&name.stem()))
    };
    Ok(files.iter().filter(is_needless).cloned().collect())
}

/// The leaves of tiles that lie wholly before the first record that is kept; nobody needs them for any proof.
fn needless_leaves(disk: &dyn Disk, log: Log, names: &[Name], files: &[String]) -> Result<Vec<String>, Fault> {
    let Some(first) = names.first() else {
        return Ok(Vec::new());
    };
    let mut leaves: Vec<_> = files.iter().filter_map(|file| Beside::Leaves.parse(file)).collect();
    leaves.sort_by_key(|name| (name.first, name.day));
    let kept = tree::first_kept(0, EntryIndex(first.first));
    let cosigned = kept::sizes(disk, log).map_err(fault(log))?;
    let is_needed = |[first, next]: [u64; 2]| {
        let tile = |size: u64| tree::first_kept(0, EntryIndex(size.saturating_sub(1)));
        next > kept
            || cosigned
                .iter()
                .any(|size| first < tile(*size) + 256 && tile(*size) < next)
    };
    let needless = leaves
        .windows(2)
        .filter(|pair| !is_needed([pair[0].first, pair[1].first]));
    Ok(needless.map(|pair| pair[0].beside(Beside::Leaves)).collect())
}

/// Whether the segment before this one has lines.
fn follows_held(disk: &dyn Disk, log: Log, names: &[Name], at: usize) -> Result<bool, Fault> {
    let before = at.checked_sub(1).and_then(|before| names.get(before));
    before.map_or(Ok(false), |before| Ok(length(disk, log, before)? > 0))
}

/// How long a segment is, in bytes.
fn length(disk: &dyn Disk, log: Log, name: &Name) -> Result<u64, Fault> {
    Ok(segment::status(disk, log, *name).map_err(fault(log))?.length)
}

fn segments(disk: &dyn Disk, log: Log) -> Result<Vec<Name>, Fault> {
    segment::list(disk, log).map_err(fault(log))
}

fn fault(log: Log) -> impl FnOnce(io::Error) -> Fault {
    Fault::at(log, None, Step::Remove)
}

/// How many segments, from the oldest on, are due. A clock that was wrong for a while has named segments out of order.
/// A name from days to come says nothing, and its segment goes with its successor. Behind a later name an earlier one
/// says nothing either: no segment is taken for older than one before it, so that none goes too early; after a clock
/// that was ahead some may go as many days late as it was.
fn due(names: &[Name], retention: Retention, now: Timestamp) -> usize {
    let Retention::Days(days) = retention else { return 0 };
    let kept = SignedDuration::from_hours(24 * i64::from(days)) - AHEAD;
    let is_due = |day: Date| {
        let begun = Offset::UTC.to_timestamp(day.at(0, 0, 0, 0));
        begun.is_ok_and(|begun| now.duration_since(begun) >= kept)
    };
    let today = Offset::UTC.to_datetime(now).date();
    let (mut newest, mut due) = (Date::MIN, 0);
    for (at, name) in names.iter().enumerate().filter(|(_, name)| name.day <= today) {
        newest = newest.max(name.day);
        if is_due(newest) {
            due = at + 1;
        }
    }
    due
}

/// The runs of segments among the first `due` that no hold keeps.
fn loose(names: &[Name], due: usize, holds: &[Hold]) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, name) in names.iter().enumerate().take(due) {
        if holds::keeping(holds, name, names.get(at + 1)).next().is_some() {
            continue;
        }
        match runs.last_mut().filter(|run| run.end == at) {
            Some(run) => run.end += 1,
            None => runs.push(at..at + 1),
        }
    }
    runs
}

#[cfg(test)]
mod tests {
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

    #[test]
    fn a_name_from_the_past_takes_nothing_with_it() {
        let names = [begun(20, 0), begun(21, 5), begun(1, 10), begun(21, 20)];
        assert_eq!(
            due(&names, Retention::Days(2), at("2026-11-21T22:00:00Z")),
            1,
            "the first is due by itself"
        );
        assert_eq!(due(&names, Retention::Days(9), at("2026-11-21T20:00:00Z")), 0);
        assert_eq!(
            due(&names[..3], Retention::Days(9), at("2026-11-21T20:00:00Z")),
            0,
            "nor before the next is begun"
        );
        assert_eq!(
            due(&names, Retention::Days(9), at("2026-11-29T22:00:00Z")),
            4,
            "it goes with its neighbours"
        );
    }
}
