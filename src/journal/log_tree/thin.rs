//! The history of checkpoints, thinned: of the older notes a sample is kept, and the last of each segment.
//!
//! A note says nothing about when it was signed, and what is kept of it must not depend on how often it was looked at.
//! So the sample goes by the root: one in 256 begins with a zero byte, about one in 43 minutes where there is something
//! to sign all the time. Nobody chooses a root; it is a hash of salted hashes.

use std::collections::HashSet;
use std::io;

use super::{HISTORY, LogTree, path};
use crate::journal::checkpoint::Checkpoint;
use crate::journal::note::Note;
use crate::journal::segment;
use crate::journal::verify::history::Notes;

/// So many of the newest notes are kept, whatever they are: two days of one in 10 s, and more.
const NEWEST: u64 = 20_000;
/// The history is looked through when it has grown by so many bytes.
const GROWN: u64 = 4 * 1024 * 1024;

impl LogTree {
    /// Thins the history if it has grown. To be called when all of it is durable.
    pub(super) fn thin_if_grown(&mut self) -> io::Result<()> {
        if self.history.durable() < self.thinned + GROWN {
            return Ok(());
        }
        self.thin(NEWEST)
    }

    /// Puts another history in the place of this one, by a rename, unless it would be the same.
    pub(crate) fn thin(&mut self, newest: u64) -> io::Result<()> {
        let file = path(self.log, HISTORY);
        let notes = || Ok::<_, io::Error>(Notes::new(self.disk.open(&file)?));
        let names = segment::list(&*self.disk, self.log)?;
        let ends: HashSet<u64> = names.iter().map(|name| name.first).collect();
        let mut count = 0;
        let mut all = notes()?;
        while all.next_note()?.is_some() {
            count += 1;
        }
        let mut kept = Vec::new();
        let mut all = notes()?;
        while let Some(found) = all.next_note()? {
            let bytes = found.bytes();
            let is_kept = |checkpoint: Checkpoint| {
                checkpoint.root().0[0] == 0 || ends.contains(&checkpoint.size().0) || checkpoint.size().0 == 0
            };
            let checkpoint = Note::parse(bytes).ok().and_then(|note| note.text().parse().ok());
            if found.note + newest >= count || checkpoint.is_none_or(is_kept) {
                kept.extend_from_slice(bytes);
            }
        }
        if (kept.len() as u64) < self.history.durable() {
            self.history.replace(&*self.disk, &kept)?;
        }
        self.thinned = kept.len() as u64;
        Ok(())
    }
}
