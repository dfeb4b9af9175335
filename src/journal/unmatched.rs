//! Arrivals whose exchange never got its entry: a crash took it, or the exchange is still open.

use std::io;
use std::path::Path;
use std::sync::Arc;

use super::age::Identities;
use super::disk::{Disk, Folder};
use super::segment::{self, Name};
use super::{Lines, Log, recovery};
use crate::entry::Record;

/// Which arrivals no entry names. The journal may be written meanwhile: what arrives after this was made is not told.
#[derive(Debug)]
pub struct Unmatched {
    /// Those that were there.
    first: u64,
    next: u64,
    /// A bit for each of them: whether an entry names it.
    named: Vec<u64>,
    unreadable: Vec<Name>,
}

impl Unmatched {
    /// Those of the journal in `folder`, which need not have any.
    ///
    /// # Errors
    ///
    /// When the journal cannot be read.
    pub fn of(folder: &Path, identities: &Identities) -> io::Result<Self> {
        Self::on(Arc::new(Folder::with(folder, identities)))
    }

    pub(crate) fn on(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let first = segment::list(&*disk, Log::Arrivals)?
            .first()
            .map_or(0, |segment| segment.first);
        // Before the entries are read: those of later arrivals may come too late.
        let next = recovery::find(&*disk, Log::Arrivals)?.next;
        let words = usize::try_from(next.saturating_sub(first).div_ceil(64));
        let mut named = vec![0_u64; words.map_err(io::Error::other)?];
        let mut entries = Lines::on(disk, Log::Access)?;
        while let Some(line) = entries.next_line()? {
            let record = Record::decode(line.text, line.segment.format, line.segment.day);
            let arrival = record.ok().and_then(|record| record.arrival());
            if let Some(at) = arrival.and_then(|arrival| arrival.checked_sub(first))
                && let Some(word) = usize::try_from(at / 64).ok().and_then(|word| named.get_mut(word))
            {
                *word |= 1 << (at % 64);
            }
        }
        Ok(Self {
            first,
            next,
            named,
            unreadable: entries.unreadable().to_vec(),
        })
    }

    /// Whether there was an arrival of this index that no entry names.
    pub fn has(&self, index: u64) -> bool {
        let word = index
            .checked_sub(self.first)
            .filter(|_| index < self.next)
            .and_then(|at| Some((at, self.named.get(usize::try_from(at / 64).ok()?)?)));
        word.is_some_and(|(at, word)| word & (1 << (at % 64)) == 0)
    }

    /// Segments of entries that are encrypted, and that no identity opens: arrivals may be named there.
    pub fn unreadable(&self) -> &[Name] {
        &self.unreadable
    }
}
