//! Lines of `access` with what the log of addresses holds about the same exchanges, as though they were one log.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::age::Identities;
use super::disk::{Disk, Folder};
use super::segment::Name;
use super::{Format, Line, Lines, Log};
use crate::entry::{Encoder, Record};

/// The log of addresses, from which lines of `access` are completed. It is fastest where they are asked for in their
/// order. The journal may be written and segments may be removed meanwhile.
pub struct Addresses {
    disk: Arc<dyn Disk>,
    events: Lines,
    steps: Steps,
    /// The segment of `access` in which the line stood that was asked for last.
    segment: Option<Name>,
    open: Option<Open>,
    unreadable: Vec<Name>,
    joined: Vec<u8>,
    json: Encoder,
    combined: Encoder,
}

/// Where the two logs go in step.
#[derive(Debug, Default)]
struct Steps(Vec<Step>);

/// From a record of `access` on, up to the next step.
#[derive(Debug)]
struct Step {
    access: u64,
    /// What belongs to that record; `None` if nothing belongs to any.
    addresses: Option<u64>,
    /// From here on what is in `addresses` belongs to later records.
    end: u64,
}

/// A place in `addresses`.
struct Open {
    lines: Lines,
    /// What was asked for last.
    wanted: u64,
    /// What was read last.
    read: Option<Belonging>,
    /// Whether there was nothing more.
    dry: bool,
}

/// A record of `addresses`.
#[derive(Clone)]
pub struct Belonging {
    /// Its position in its log.
    pub index: u64,
    /// Where it stands.
    pub segment: Name,
    /// Its text, without the `\n`. It is about a visitor.
    pub text: Vec<u8>,
}

impl fmt::Debug for Addresses {
    /// Without what was read.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Addresses").finish_non_exhaustive()
    }
}

impl Addresses {
    /// Those of the journal in `folder`, which need not have any. What is encrypted, and what none of the identities
    /// opens, is not there.
    ///
    /// # Errors
    ///
    /// When the events cannot be read.
    pub fn of(folder: &Path, identities: &Identities) -> io::Result<Self> {
        Self::on(Arc::new(Folder::with(folder, identities)))
    }

    pub(crate) fn on(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let mut addresses = Self {
            events: Lines::on(Arc::clone(&disk), Log::Events)?,
            disk,
            steps: Steps::default(),
            segment: None,
            open: None,
            unreadable: Vec::new(),
            joined: Vec::new(),
            json: Encoder::new(Format::JsonLines),
            combined: Encoder::new(Format::Combined),
        };
        addresses.steps.read(&mut addresses.events)?;
        Ok(addresses)
    }

    /// A line of `access` with what the log of addresses holds about it, in its own format. It stays as it is where
    /// there is nothing, or nothing any more.
    ///
    /// # Errors
    ///
    /// When a segment cannot be read.
    pub fn join<'a>(&'a mut self, line: Line<'a>) -> io::Result<Line<'a>> {
        let Name { day, format, .. } = line.segment;
        let Some(Belonging { text: address, .. }) = self.find(line.segment, line.index)? else {
            return Ok(line);
        };
        let access = Record::decode(line.text, format, day);
        let (Ok(mut record), Ok(address)) = (access, Record::decode(&address, Format::JsonLines, day)) else {
            return Ok(line); // whoever shows it says that it is no record
        };
        record.join(address);
        let encoder = match format {
            Format::JsonLines => &mut self.json,
            Format::Combined => &mut self.combined,
        };
        self.joined.clear();
        encoder.encode_record(&record, &mut self.joined);
        Ok(Line {
            text: self.joined.strip_suffix(b"\n").unwrap_or(&self.joined),
            ..line
        })
    }

    /// The segments of addresses that were asked for and passed over because they are encrypted, and no identity opens
    /// them.
    pub fn unreadable(&self) -> &[Name] {
        &self.unreadable
    }

    /// What belongs to a line of a segment of `access`, as it stands in `addresses`.
    ///
    /// # Errors
    ///
    /// When a segment cannot be read.
    pub fn find(&mut self, segment: Name, index: u64) -> io::Result<Option<Belonging>> {
        if self.segment != Some(segment) {
            self.segment = Some(segment);
            self.events.look()?;
            self.steps.read(&mut self.events)?;
            if let Some(open) = &mut self.open {
                open.dry = false;
            }
        }
        let Some(wanted) = self.steps.of(index) else {
            return Ok(None);
        };
        if self.open.as_ref().is_none_or(|open| open.wanted > wanted) {
            self.open = Some(Open {
                lines: Lines::on(Arc::clone(&self.disk), Log::Addresses)?.from(wanted),
                wanted,
                read: None,
                dry: false,
            });
        }
        let Some(open) = &mut self.open else { return Ok(None) };
        open.wanted = wanted;
        open.read_to(wanted)?;
        for segment in open.lines.unreadable() {
            if !self.unreadable.contains(segment) {
                self.unreadable.push(*segment);
            }
        }
        let found = open
            .read
            .as_ref()
            .filter(|read| read.index == wanted && read.text != b"{}");
        Ok(found.cloned())
    }
}

impl Open {
    /// Reads up to a line, or to the next one if it is not there. Its line is written before that of `access`: where
    /// there is none, there is nothing to wait for.
    fn read_to(&mut self, wanted: u64) -> io::Result<()> {
        let mut looked = false;
        while !self.dry && self.read.as_ref().is_none_or(|read| read.index < wanted) {
            if let Some(line) = self.lines.next_line()? {
                let read = self.read.get_or_insert_with(|| Belonging {
                    index: line.index,
                    segment: line.segment,
                    text: Vec::new(),
                });
                (read.index, read.segment) = (line.index, line.segment);
                if line.index >= wanted {
                    read.text.clear();
                    read.text.extend_from_slice(line.text);
                }
            } else if looked {
                self.dry = true;
            } else {
                self.lines.look()?;
                looked = true;
            }
        }
        Ok(())
    }
}

impl Steps {
    fn read(&mut self, events: &mut Lines) -> io::Result<()> {
        let begins = memchr::memmem::Finder::new(b"\"event.name\":\"segment.begin\",\"log\":\"access\"");
        while let Some(line) = events.next_line()? {
            if begins.find(line.text).is_none() {
                continue;
            }
            let event: Value = serde_json::from_slice(line.text).unwrap_or_default(); // another's line tells nothing
            let segment = event.get("segment").and_then(Value::as_str).and_then(Name::parse);
            if let Some(segment) = segment {
                self.take(segment.first, event.get("addresses.first").and_then(Value::as_u64));
            }
        }
        Ok(())
    }

    /// From `access` on nothing that was said before counts, nor in the other log from `addresses` on.
    fn take(&mut self, access: u64, addresses: Option<u64>) {
        self.0.truncate(self.0.partition_point(|step| step.access < access));
        if let Some(first) = addresses {
            for step in self.0.iter_mut().rev().take_while(|step| step.end > first) {
                step.end = first;
            }
        }
        self.0.push(Step {
            access,
            addresses,
            end: u64::MAX,
        });
    }

    /// The index in `addresses` of what belongs to a record of `access`.
    fn of(&self, index: u64) -> Option<u64> {
        let after = self.0.partition_point(|step| step.access <= index);
        let step = self.0.get(after.checked_sub(1)?)?;
        let found = step.addresses?.checked_add(index - step.access)?;
        (found < step.end).then_some(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_belongs_to_what_the_last_word_says() {
        let mut steps = Steps::default();
        assert_eq!(steps.of(0), None);
        steps.take(0, None);
        steps.take(10, Some(0)); // ten records before there was a log of addresses
        assert_eq!((steps.of(9), steps.of(10), steps.of(14)), (None, Some(0), Some(4)));
        steps.take(15, Some(3)); // two addresses were lost with the power
        assert_eq!((steps.of(12), steps.of(13), steps.of(15)), (Some(2), None, Some(3)));
        steps.take(15, Some(8)); // five addresses are those of records that were lost
        assert_eq!((steps.of(12), steps.of(13), steps.of(15)), (Some(2), None, Some(8)));
        steps.take(20, None);
        assert_eq!((steps.of(19), steps.of(20)), (Some(12), None));
    }
}
