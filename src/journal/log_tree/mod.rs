//! The Merkle tree of one log on disk, and the checkpoints that are signed over it.
//!
//! It is made of durable lines only, so nothing in it is ever taken back. Its files are written together with a
//! checkpoint and kept in memory until then: whatever a crash leaves behind the last checkpoint is made again from the
//! lines.

mod load;
mod thin;

pub(crate) use load::{Unproven, load};

use std::io;
use std::sync::Arc;

use super::checkpoint::{Checkpoint, Signed};
use super::disk::Disk;
use super::growing::Growing;
use super::note::{Signer, VerifierKey};
use super::segment::{Beside, Name};
use super::tree::{EntryIndex, Frontier, Hash, Salt, TreeSize, tile_level};
use super::{Log, layout};

/// The newest checkpoint.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// The checkpoints before it, thinned.
pub(crate) const HISTORY: &str = "checkpoints";
/// The folder of the levels above the leaves.
pub(crate) const LEVELS: &str = "tree";

/// So many records are signed before their time, for their hashes wait in memory.
pub(crate) const EARLY: u64 = 100_000;

/// The tree of a log that is open for writing.
pub(crate) struct LogTree {
    disk: Arc<dyn Disk>,
    log: Log,
    signer: Signer,
    frontier: Frontier,
    /// That of the open segment.
    salt: Option<Salt>,
    /// Those of the segments since the last checkpoint; the open one's is the last.
    leaves: Vec<(Name, Growing)>,
    /// By their tile level less one.
    levels: Vec<Growing>,
    history: Growing,
    /// How long the history was when it was last looked through, in bytes.
    thinned: u64,
    /// The size in the last note that `history` has taken.
    noted: Option<TreeSize>,
    /// The size in the file `checkpoint`.
    signed: Option<TreeSize>,
}

impl LogTree {
    /// Begins the tree of a new log, whose folders are there, with a checkpoint that says that it is empty.
    pub(crate) fn init(disk: Arc<dyn Disk>, log: Log, signer: Signer) -> io::Result<()> {
        Self::new(disk, log, signer).sign()
    }

    /// The tree of a log of which there is nothing yet.
    pub(crate) fn new(disk: Arc<dyn Disk>, log: Log, signer: Signer) -> Self {
        Self {
            frontier: Frontier::new(),
            salt: None,
            leaves: Vec::new(),
            levels: Vec::new(),
            history: Growing::new(path(log, HISTORY)),
            thinned: 0,
            noted: None,
            signed: None,
            disk,
            log,
            signer,
        }
    }

    /// Makes the secret of a segment, durably; to be called before the segment itself is there.
    pub(crate) fn begin(&mut self, segment: Name) -> io::Result<()> {
        let salt = Salt::generate()?;
        layout::replace(
            &*self.disk,
            self.log.folder(),
            &segment.beside(Beside::Salt),
            salt.bytes(),
        )?;
        self.salt = Some(salt);
        // One that failed before anything in it was durable may have had the same place.
        self.leaves.retain(|(name, _)| name.first < segment.first);
        self.leaves
            .push((segment, Growing::new(path(self.log, &segment.beside(Beside::Leaves)))));
        Ok(())
    }

    /// Takes lines of the open segment, each with its `\n`, which have become durable.
    pub(crate) fn take(&mut self, lines: &[u8]) {
        let Some(salt) = &self.salt else { return }; // lines are written after a segment was begun
        let mut begin = 0;
        for end in memchr::memchr_iter(b'\n', lines) {
            let leaf = salt.leaf(EntryIndex(self.frontier.size().0), &lines[begin..end]);
            begin = end + 1;
            let (log, leaves, levels) = (self.log, &mut self.leaves, &mut self.levels);
            self.frontier
                .append(leaf, |level, hash| settle(log, leaves, levels, level, hash));
        }
    }

    /// How many records it is over.
    pub(crate) fn size(&self) -> TreeSize {
        self.frontier.size()
    }

    /// What its checkpoints are verified with.
    pub(crate) fn verifier(&self) -> &VerifierKey {
        self.signer.verifier()
    }

    /// The checkpoint over what it is over, as it is noted in the history. A key signs the same text in the same way.
    pub(crate) fn noted(&self) -> io::Result<Signed> {
        let checkpoint = Checkpoint::new(self.verifier().name(), self.size(), self.frontier.root());
        checkpoint.sign(&self.signer).map_err(io::Error::other)
    }

    /// Whether there is something to sign or to write.
    pub(crate) fn is_behind(&self) -> bool {
        self.signed != Some(self.frontier.size())
            || self.leaves.iter().any(|(_, leaves)| leaves.is_behind())
            || self.levels.iter().any(Growing::is_behind)
            || self.history.is_behind()
    }

    /// Signs the tree as it is, after everything that it is made of has become durable. To be called again after an
    /// error; a file that failed is not written again.
    pub(crate) fn sign(&mut self) -> io::Result<()> {
        if !self.is_behind() {
            return Ok(());
        }
        let disk = &*self.disk;
        for leaves in self.leaves.iter_mut().map(|(_, leaves)| leaves).chain(&mut self.levels) {
            leaves.write(disk)?;
        }
        let size = self.frontier.size();
        let note = self.noted()?.note().to_string();
        if self.noted != Some(size) {
            self.history.push(note.as_bytes());
            self.noted = Some(size);
        }
        self.history.write(disk)?;
        layout::replace(disk, self.log.folder(), CHECKPOINT, &note)?;
        self.signed = Some(size);
        self.leaves.drain(..self.leaves.len().saturating_sub(1));
        self.thin_if_grown()
    }
}

#[cfg(test)]
impl LogTree {
    pub(crate) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    pub(crate) fn signed(&self) -> Option<TreeSize> {
        self.signed
    }
}

/// Puts a hash at the end of its file, if its level is one of tiles.
fn settle(log: Log, leaves: &mut [(Name, Growing)], levels: &mut Vec<Growing>, level: u8, hash: &Hash) {
    match tile_level(level).map(usize::from) {
        Some(0) => {
            if let Some((_, leaves)) = leaves.last_mut() {
                leaves.push(&hash.0);
            }
        }
        Some(level) => {
            while levels.len() < level {
                levels.push(Growing::new(level_path(log, levels.len() + 1)));
            }
            levels[level - 1].push(&hash.0);
        }
        None => {} // made again from the tiles when it is needed
    }
}

fn path(log: Log, name: &str) -> String {
    format!("{}/{name}", log.folder())
}

fn level_path(log: Log, tile_level: usize) -> String {
    format!("{}/{LEVELS}/{tile_level}", log.folder())
}
