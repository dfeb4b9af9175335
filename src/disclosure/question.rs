//! What is asked of a journal, and one reading of it for the answer.

use std::io;
use std::ops::ControlFlow;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::Offset;

use super::DisclosureError;
use crate::entry::Record;
use crate::journal::age::Identities;
use crate::journal::{Addresses, Belonging, Line, Lines, Log, Name, Unmatched};

/// What is asked.
#[derive(Clone, Copy)]
pub struct Question<'a> {
    /// The journal's folder.
    pub folder: &'a Path,
    /// What opens encrypted segments.
    pub identities: &'a Identities,
    /// Arrived at this time or later.
    pub from: Timestamp,
    /// Arrived before this time.
    pub to: Timestamp,
    /// What the filter is by, and its value: `("path", "/urlop")`.
    pub narrowed: &'a [(&'static str, String)],
    /// The filter, apart from the time. A record has its address, wherever the policy keeps it.
    pub takes: &'a dyn Fn(&Record<'_>) -> bool,
    /// Whether what the log of addresses holds about the requests is asked for too.
    pub addresses: bool,
}

/// A record that is asked for, as it stands in its log.
pub struct Found<'a> {
    /// In which log: `access`, or `arrivals` if its exchange has no entry.
    pub log: Log,
    /// Its position there.
    pub index: u64,
    /// Where it stands.
    pub segment: Name,
    /// Its line, without the `\n`.
    pub text: &'a [u8],
    /// What the log of addresses holds about the same exchange, if the question was by address or asked for it.
    pub address: Option<Belonging>,
    /// The line with its address, in the same format.
    pub joined: &'a [u8],
}

/// How much of a log was read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Records that were read.
    pub scanned: u64,
    /// Of those, of that time.
    pub of_that_time: u64,
    /// Of those, the ones that the filter takes.
    pub matched: u64,
    /// Lines that are not as townclerk writes them.
    pub not_understood: u64,
    /// The last one that the filter takes.
    pub last: Option<u64>,
}

/// What a reading came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Read {
    /// Of requests.
    pub access: Counts,
    /// Of those, the ones about whose visitor the log of addresses holds something; counted if that was asked for.
    pub with_address: u64,
    /// The last of these records in its log.
    pub last_address: Option<u64>,
    /// Of arrivals whose exchange has no entry.
    pub arrivals: Counts,
    /// Indices that were skipped: their first, and the first after them.
    pub missing: Vec<(Log, u64, u64)>,
}

impl Question<'_> {
    /// Reads the journal, and hands out what is asked for, in its order. `progress` is told how many bytes were read,
    /// of how many.
    ///
    /// # Errors
    ///
    /// [`DisclosureError::Sealed`], [`DisclosureError::Journal`]; and those of `hand_out`.
    pub fn read(
        &self,
        progress: &mut dyn FnMut(u64, u64),
        hand_out: &mut dyn FnMut(Found<'_>) -> Result<(), DisclosureError>,
    ) -> Result<Read, DisclosureError> {
        let mut read = Read::default();
        self.access(&mut read, progress, hand_out)?;
        if self.lines(Log::Arrivals)?.ahead().map_err(DisclosureError::Journal)?.0 > 0 {
            self.arrivals(&mut read, hand_out)?;
        }
        Ok(read)
    }

    fn lines(&self, log: Log) -> Result<Lines, DisclosureError> {
        let lines = Lines::of(self.folder, log, self.identities).map_err(DisclosureError::Journal)?;
        Ok(lines.since(Offset::UTC.to_datetime(self.from).date()))
    }

    fn access(
        &self,
        read: &mut Read,
        progress: &mut dyn FnMut(u64, u64),
        hand_out: &mut dyn FnMut(Found<'_>) -> Result<(), DisclosureError>,
    ) -> Result<(), DisclosureError> {
        let by_address = self.narrowed.iter().any(|(by, _)| *by == "address");
        let mut addresses = match by_address || self.addresses {
            true => Some(Addresses::of(self.folder, self.identities).map_err(DisclosureError::Journal)?),
            false => None,
        };
        let mut lines = self.lines(Log::Access)?;
        let total = lines.ahead().map_err(DisclosureError::Journal)?.1;
        let mut next = None;
        loop {
            progress(lines.bytes_read(), total);
            let Some(line) = lines.next_line().map_err(DisclosureError::Journal)? else {
                break;
            };
            let Line { index, segment, text } = line;
            read.missing
                .extend(next.filter(|next| *next < index).map(|next| (Log::Access, next, index)));
            next = Some(index + 1);
            if self.is_of_that_time(text, segment, &mut read.access).is_break() {
                continue;
            }
            let address = match &mut addresses {
                Some(addresses) => addresses.find(segment, index).map_err(DisclosureError::Journal)?,
                None => None,
            };
            let joined = match &mut addresses {
                Some(addresses) => {
                    addresses
                        .join(Line { index, segment, text })
                        .map_err(DisclosureError::Journal)?
                        .text
                }
                None => text,
            };
            let record = Record::decode(joined, segment.format, segment.day);
            if !record.is_ok_and(|record| (self.takes)(&record)) {
                continue;
            }
            read.access.matched += 1;
            read.access.last = Some(index);
            if let Some(address) = &address {
                read.with_address += 1;
                read.last_address = read.last_address.max(Some(address.index));
            }
            hand_out(Found {
                log: Log::Access,
                index,
                segment,
                text,
                address,
                joined,
            })?;
        }
        sealed(Log::Access, lines.unreadable())?;
        sealed(
            Log::Addresses,
            addresses.as_ref().map_or(&[], |addresses| addresses.unreadable()),
        )
    }

    /// Requests that a crash kept from getting their entry, or that are still open.
    fn arrivals(
        &self,
        read: &mut Read,
        hand_out: &mut dyn FnMut(Found<'_>) -> Result<(), DisclosureError>,
    ) -> Result<(), DisclosureError> {
        let unmatched = Unmatched::of(self.folder, self.identities).map_err(DisclosureError::Journal)?;
        // An entry comes after its arrival: where segments that ended before are encrypted, nothing is missed.
        let day = Offset::UTC.to_datetime(self.from).date();
        let since = day.yesterday().unwrap_or(day);
        let of_that_time = unmatched
            .unreadable()
            .iter()
            .copied()
            .filter(|segment| segment.day >= since);
        sealed(Log::Access, &of_that_time.collect::<Vec<_>>())?;
        let mut lines = self.lines(Log::Arrivals)?;
        while let Some(line) = lines.next_line().map_err(DisclosureError::Journal)? {
            let Line { index, segment, text } = line;
            if !unmatched.has(index) || self.is_of_that_time(text, segment, &mut read.arrivals).is_break() {
                continue;
            }
            let record = Record::decode(text, segment.format, segment.day);
            if record.is_ok_and(|record| (self.takes)(&record)) {
                read.arrivals.matched += 1;
                read.arrivals.last = Some(index);
                let (log, address) = (Log::Arrivals, None);
                hand_out(Found {
                    log,
                    index,
                    segment,
                    text,
                    address,
                    joined: text,
                })?;
            }
        }
        sealed(Log::Arrivals, lines.unreadable())
    }

    fn is_of_that_time(&self, text: &[u8], segment: Name, counts: &mut Counts) -> ControlFlow<()> {
        counts.scanned += 1;
        let Ok(record) = Record::decode(text, segment.format, segment.day) else {
            counts.not_understood += 1;
            return ControlFlow::Break(());
        };
        let time = record.timestamp_or_midnight();
        if time < self.from || time >= self.to {
            return ControlFlow::Break(());
        }
        counts.of_that_time += 1;
        ControlFlow::Continue(())
    }
}

fn sealed(log: Log, unreadable: &[Name]) -> Result<(), DisclosureError> {
    match unreadable.first() {
        Some(&segment) => Err(DisclosureError::Sealed { log, segment }),
        None => Ok(()),
    }
}

impl From<io::ErrorKind> for DisclosureError {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Bundle(kind.into())
    }
}
