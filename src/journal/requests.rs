//! The writing end of the logs about requests: `access`, and where the policy asks for it `addresses`, which holds a
//! line for each of its lines.
//!
//! The two go in step: as long as one process writes under policies that ask for it, the index in `addresses` is ahead
//! of that in `access`, or behind it, by the same number. A segment of `access` says at its begin what belongs to its
//! first record, so neither crashes nor policies without addresses can have a line taken for another's.

use std::io;

use jiff::civil::Date;

use super::Log;
use super::appender::{Appender, Written};
use super::disk::Errand;
use super::fault::Fault;
use super::segment::Name;

/// What is told of a segment before it is there: its log, its name, and in `access` the index in `addresses` of what
/// belongs to its first record.
pub(crate) type Begin = (Log, Name, Option<u64>);

/// The writing end of both logs.
pub(crate) struct Requests {
    pub(crate) access: Appender,
    pub(crate) addresses: Appender,
    /// Whether the policy in force asks for addresses.
    wanted: bool,
    /// How far `addresses` is ahead, in the arithmetic of wrapping; `None` while the lines of `access` have none there.
    ahead: Option<u64>,
    under_way: UnderWay,
}

/// Which of them a sync is of that is under way.
#[derive(Clone, Copy, Debug, Default)]
struct UnderWay {
    access: bool,
    addresses: bool,
}

impl Requests {
    pub(crate) fn new(access: Appender, addresses: Appender, wanted: bool) -> Self {
        Self {
            access,
            addresses,
            wanted,
            ahead: None,
            under_way: UnderWay::default(),
        }
    }

    /// A policy comes into force that asks for addresses or does not; no sync may be under way. Where lines of the one
    /// before wait for a disk that failed, the next segment of `access` begins with them; when the log of addresses
    /// begins among them, there is nothing about them in it. Whether a segment was given up for that.
    pub(crate) fn follow(&mut self, wanted: bool) -> bool {
        self.wanted = wanted;
        if let Some(day) = self.access.waiting_since()
            && wanted
            && self.ahead.is_none()
        {
            self.ahead = Some(self.addresses.next().wrapping_sub(self.access.durable()));
            for _ in 0..self.access.unsynced() {
                self.addresses.push(day, |line| line.extend_from_slice(b"{}\n"));
            }
        }
        self.access.give_up()
    }

    /// Takes one line of each, in memory. An exchange that ends after its policy has none of its address kept.
    pub(crate) fn push(&mut self, today: Date, access: impl FnOnce(&mut Vec<u8>), addresses: &[u8]) {
        self.fall_into_step();
        if self.ahead.is_some() {
            self.addresses.push(today, |line| line.extend_from_slice(addresses));
        }
        self.access.push(today, access);
    }

    /// Where `access` begins a segment with lines that are yet to come.
    fn fall_into_step(&mut self) {
        if !self.access.is_open() && self.access.unsynced() == 0 {
            let ahead = || self.addresses.next().wrapping_sub(self.access.next());
            self.ahead = self.wanted.then(ahead);
        }
    }

    /// Whether a segment is to be begun before anything is written.
    pub(crate) fn must_begin(&self) -> bool {
        !self.access.is_open() || (self.addresses.unsynced() > 0 && !self.addresses.is_open())
    }

    /// Hands every line to the kernel: whoever sees one in `access` finds its address. What belongs to what is told
    /// before: a crash may have taken addresses that have the same index from earlier records.
    pub(crate) fn write(
        &mut self,
        today: Date,
        mut announce: impl FnMut(Begin) -> Result<(), Fault>,
    ) -> Result<Written, Fault> {
        let ahead = self.ahead;
        if self.access.waiting() > 0 {
            let day = self.access.waiting_since().unwrap_or(today);
            self.access.begin(day, |name| announce(begin_access(name, ahead)))?;
        }
        let addresses = self
            .addresses
            .write(today, |name| announce((Log::Addresses, name, None)))?;
        match addresses {
            Written::All => self.access.write(today, |name| announce(begin_access(name, ahead))),
            full @ Written::Full(_) => Ok(full),
        }
    }

    /// Begins an empty segment, so that the log's index outlives its segments.
    pub(crate) fn mark(
        &mut self,
        log: Log,
        today: Date,
        announce: impl FnOnce(Begin) -> Result<(), Fault>,
    ) -> Result<(), Fault> {
        match log {
            Log::Addresses => self.addresses.begin(today, |name| announce((log, name, None))),
            _ => {
                self.fall_into_step();
                let ahead = self.ahead;
                self.access.begin(today, |name| announce(begin_access(name, ahead)))
            }
        }
    }

    /// See [`Appender::begin_sync`].
    pub(crate) fn begin_sync(&mut self) -> Option<Errand> {
        let (addresses, access) = (self.addresses.begin_sync(), self.access.begin_sync());
        self.under_way = UnderWay {
            access: access.is_some(),
            addresses: addresses.is_some(),
        };
        match (addresses, access) {
            (None, errand) | (errand, None) => errand,
            (Some(addresses), Some(access)) => Some(Box::new(|| addresses().and_then(|()| access()))),
        }
    }

    /// Says how many lines of `access` have become durable, with their addresses.
    pub(crate) fn end_sync(&mut self, outcome: io::Result<()>) -> Result<u64, Fault> {
        let of = std::mem::take(&mut self.under_way);
        let (for_addresses, for_access) = both(outcome);
        // Which of them failed is not known: both begin anew at what is durable.
        let addresses = match of.addresses {
            true => self.addresses.end_sync(for_addresses),
            false => Ok(0),
        };
        let access = match of.access {
            true => self.access.end_sync(for_access),
            false => Ok(0),
        };
        addresses.and(access)
    }

    /// Makes durable what was written; see [`Appender::sync`].
    pub(crate) fn sync(&mut self) -> Result<u64, Fault> {
        self.addresses.sync()?;
        self.access.sync()
    }

    /// See [`Appender::begin_sign`].
    pub(crate) fn begin_sign(&mut self) -> Errand {
        let access = self.access.begin_sign();
        match self.addresses.unsigned() {
            Some(_) => {
                let addresses = self.addresses.begin_sign();
                Box::new(|| addresses().and_then(|()| access()))
            }
            None => access,
        }
    }

    pub(crate) fn end_sign(&mut self, outcome: io::Result<()>) -> Result<(), Fault> {
        let (for_addresses, for_access) = both(outcome);
        if self.addresses.unsigned().is_some() {
            self.addresses.end_sign(for_addresses)?;
        }
        self.access.end_sign(for_access)
    }

    /// Signs everything that is durable.
    pub(crate) fn sign(&mut self) -> Result<(), Fault> {
        self.addresses.sign()?;
        self.access.sign()
    }

    /// Durable lines that the newest checkpoint of their log does not cover, the more of both; `None` if it covers all.
    pub(crate) fn unsigned(&self) -> Option<u64> {
        self.access.unsigned().max(self.addresses.unsigned())
    }

    /// How many records of one of them its newest checkpoint covers.
    pub(crate) fn signed(&self, log: Log) -> u64 {
        let appender = match log {
            Log::Addresses => &self.addresses,
            _ => &self.access,
        };
        appender.signed()
    }

    /// Ends the open segments; what they hold must be durable.
    pub(crate) fn end(&mut self) {
        self.access.end();
        self.addresses.end();
    }

    /// The bytes of the longer of the open segments.
    pub(crate) fn bytes(&self) -> u64 {
        self.access.bytes().max(self.addresses.bytes())
    }

    /// Whether a segment is open that was begun on another day.
    pub(crate) fn is_of_another_day(&self, today: Date) -> bool {
        let days = [self.access.day(), self.addresses.day()];
        days.into_iter().flatten().any(|day| day != today)
    }
}

fn begin_access(name: Name, ahead: Option<u64>) -> Begin {
    (Log::Access, name, ahead.map(|ahead| name.first.wrapping_add(ahead)))
}

/// An outcome twice.
fn both(outcome: io::Result<()>) -> (io::Result<()>, io::Result<()>) {
    let again = match &outcome {
        Ok(()) => Ok(()),
        Err(error) => Err(match error.raw_os_error() {
            Some(number) => io::Error::from_raw_os_error(number),
            None => error.kind().into(),
        }),
    };
    (again, outcome)
}
