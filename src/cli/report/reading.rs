//! Journals, read once from one end of a period to the other.

use std::io;
use std::path::Path;

use jiff::civil::Date;

use super::super::journal::progress::Progress;
use super::super::speech::Problem;
use crate::clock::Clock;
use crate::entry::Record;
use crate::journal::age::Identities;
use crate::journal::{Addresses, Format, Line, Lines, Log, Name};
use crate::report::{Counts, Period};

/// What was wrong with a journal, with its place.
#[derive(Default)]
pub(super) struct Damage {
    /// What is to be said of it.
    pub(super) told: Vec<String>,
    /// How many lines and segments are missing.
    pub(super) missing: u64,
    /// Whether there is something encrypted.
    pub(super) sealed: bool,
}

impl Damage {
    fn add(&mut self, told: String) {
        self.told.push(told);
        self.missing += 1;
    }
}

/// A site's journals, for one reading.
pub(super) struct Reading<'a> {
    pub(super) identities: &'a Identities,
    pub(super) clock: &'a Clock,
    pub(super) damage: Damage,
}

impl Reading<'_> {
    /// The lines that may be of a period.
    fn lines(&self, folder: &Path, period: Period) -> io::Result<Lines> {
        // What began on the last day may have ended on the next one.
        let end = period.last().tomorrow().unwrap_or(period.last());
        let lines = Lines::of(folder, Log::Access, self.identities)?;
        Ok(lines.since(period.first()).until(end))
    }

    /// The day on which what a journal has of a period begins; `None` if it has nothing.
    pub(super) fn begin(&self, folder: &Path, period: Period) -> Result<Option<Date>, Problem> {
        Ok(self.lines(folder, period).map_err(cannot_read(folder))?.begin())
    }

    /// Counts what a journal has of a period.
    pub(super) fn count(&mut self, folder: &Path, period: Period, counts: &mut Counts) -> Result<(), Problem> {
        let cannot_read = cannot_read(folder);
        let mut lines = self.lines(folder, period).map_err(&cannot_read)?;
        let mut addresses = Some(Addresses::of(folder, self.identities).map_err(&cannot_read)?);
        let mut progress = Progress::of(lines.ahead().map_err(&cannot_read)?.1, self.clock);
        let mut strange: Option<(u64, u64, Name)> = None;
        loop {
            progress.step(lines.bytes_read());
            let line = match lines.next_line() {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(error) => {
                    self.damage.add(error.to_string());
                    lines.give_up();
                    continue;
                }
            };
            let Line { index, segment, text } = line;
            let Ok(mut record) = Record::decode(text, segment.format, segment.day) else {
                strange.get_or_insert((0, index, segment)).0 += 1;
                continue;
            };
            let found = addresses.as_mut().map(|addresses| addresses.find(segment, index));
            let address = found.transpose().unwrap_or_else(|error| {
                self.damage.add(error.to_string());
                addresses = None;
                None
            });
            let address = address.flatten();
            if let Some(Ok(address)) = address
                .as_ref()
                .map(|line| Record::decode(&line.text, Format::JsonLines, segment.day))
            {
                record.join(address);
            }
            counts.take(&record, segment.format == Format::JsonLines);
        }
        drop(progress);
        if let Some((count, index, segment)) = strange {
            self.damage.missing += count;
            self.damage.told.push(format!(
                "{count} lines are not as townclerk writes them; the first is record {index}, in access/{segment}"
            ));
        }
        let sealed = lines.unreadable().iter().map(|segment| format!("access/{segment}"));
        let addresses = addresses.iter().flat_map(Addresses::unreadable);
        for segment in sealed.chain(addresses.map(|segment| format!("addresses/{segment}"))) {
            self.damage.sealed = true;
            self.damage.add(format!("{segment} is encrypted"));
        }
        Ok(())
    }
}

fn cannot_read(folder: &Path) -> impl Fn(io::Error) -> Problem {
    move |error| Problem::new(format!("{}: cannot read the journal: {error}", folder.display()))
}
