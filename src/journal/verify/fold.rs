//! Leaves folded into the tree, and compared on the way with the levels on disk.

use std::io;

use super::finding::{Finding, Findings};
use super::hashes::{HashFile, LevelFiles, level_path};
use crate::journal::Log;
use crate::journal::disk::Disk;
use crate::journal::tree::{Frontier, Hash, TileLevels, TreeSize, tile_level};

/// Levels of tiles above the leaves: 1 to 7.
const LEVELS: u8 = 8;

/// Records in a tile of leaves.
const WIDTH: u64 = 256;

/// The tree as the lines say it is, and, once they have been caught at a difference, the tree as the hashes on disk say
/// it is: so one changed record is one finding, and all else can still be checked.
pub(super) struct Fold<'a> {
    disk: &'a dyn Disk,
    log: Log,
    files: &'a LevelFiles<'a>,
    /// As the lines say; behind records that are gone, as the levels say.
    lines: Frontier,
    /// As the hashes on disk say, if that is something else.
    kept: Option<Frontier>,
    levels: Vec<Option<HashFile>>,
    /// Of these levels a hash was missed already.
    short: [bool; LEVELS as usize],
    /// The index of the next leaf.
    next: u64,
    /// Up to this one leaves are passed over, because those before them are gone.
    blind: u64,
    /// The records that the log's checkpoint covers.
    signed: u64,
}

impl<'a> Fold<'a> {
    pub(super) fn new(disk: &'a dyn Disk, log: Log, files: &'a LevelFiles<'a>, signed: u64) -> io::Result<Self> {
        let mut fold = Self {
            disk,
            log,
            files,
            lines: Frontier::new(),
            kept: None,
            levels: Vec::new(),
            short: [false; LEVELS as usize],
            next: 0,
            blind: 0,
            signed,
        };
        fold.open_levels(0)?;
        Ok(fold)
    }

    /// Opens the levels at the first hashes that are settled behind so many records.
    fn open_levels(&mut self, size: u64) -> io::Result<()> {
        let open = |level| HashFile::open(self.disk, &level_path(self.log, level), size >> (8 * u32::from(level)));
        self.levels = (1..LEVELS).map(open).collect::<io::Result<_>>()?;
        Ok(())
    }

    /// Whether the next leaf is only passed over.
    pub(super) fn is_blind(&self) -> bool {
        self.next < self.blind
    }

    /// The roots of the tree so far: as the lines say, and as the hashes on disk say. None if leaves are missing.
    pub(super) fn roots(&self) -> Option<(Hash, Option<Hash>)> {
        (!self.is_blind()).then(|| (self.lines.root(), self.kept.as_ref().map(Frontier::root)))
    }

    /// Goes on at `index`; of those before it there are no leaf hashes. The next full tile's end is the first place
    /// from which on the tree is known again.
    pub(super) fn jump(&mut self, index: u64) -> io::Result<()> {
        self.next = index;
        self.kept = None;
        self.blind = index.div_ceil(WIDTH).saturating_mul(WIDTH);
        match Frontier::read(&TileLevels(self.files), TreeSize(self.blind)) {
            Ok(frontier) => {
                self.lines = frontier;
                self.open_levels(self.blind)
            }
            Err(error) if is_absence(&error) => {
                self.blind = u64::MAX;
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Takes in a leaf: as the line says, and as its hash on disk says.
    pub(super) fn append(&mut self, leaf: Hash, kept: Hash, findings: &mut Findings) -> io::Result<()> {
        self.next += 1;
        if self.next <= self.blind {
            return Ok(());
        }
        if leaf != kept && self.kept.is_none() {
            self.kept = Some(self.lines.clone());
        }
        let settled = append(&mut self.lines, leaf);
        let kept = self.kept.as_mut().map(|frontier| append(frontier, kept));
        if settled[1].is_none() || self.next > self.signed {
            return Ok(()); // what is not signed may be rewritten at the next start
        }
        let mut differs = false;
        for (level, hash) in settled.iter().enumerate().skip(1) {
            let Some(hash) = hash else { continue };
            let file = self.levels.get_mut(level - 1).and_then(Option::as_mut);
            let on_disk = file.map_or(Ok(None), HashFile::next_hash)?;
            let index = (self.next >> (8 * level)) - 1;
            match on_disk {
                Some(on_disk) if on_disk == *hash || differs => {}
                Some(on_disk) if kept.is_some_and(|kept| kept[level] == Some(on_disk)) => {}
                Some(_) => {
                    differs = true;
                    findings.push(Finding::NodeDiffers {
                        level: level as u8,
                        index,
                    });
                    match Frontier::read(&TileLevels(self.files), TreeSize(self.next)) {
                        Ok(frontier) => self.kept = Some(frontier),
                        Err(error) if is_absence(&error) => {}
                        Err(error) => return Err(error),
                    }
                }
                None if !self.short[level] => {
                    self.short[level] = true;
                    findings.push(Finding::NodesMissing {
                        level: level as u8,
                        index,
                    });
                }
                None => {}
            }
        }
        Ok(())
    }
}

/// What is settled by one more leaf, by level of tiles.
fn append(frontier: &mut Frontier, leaf: Hash) -> [Option<Hash>; LEVELS as usize] {
    let mut settled = [None; LEVELS as usize];
    frontier.append(leaf, |level, hash| {
        let place = tile_level(level).and_then(|level| settled.get_mut(usize::from(level)));
        if let Some(place) = place {
            *place = Some(*hash);
        }
    });
    settled
}

/// Whether it says that something is not there, rather than that the disk fails.
pub(super) fn is_absence(error: &io::Error) -> bool {
    use io::ErrorKind::{InvalidInput, NotFound, UnexpectedEof};
    matches!(error.kind(), NotFound | UnexpectedEof | InvalidInput)
}
