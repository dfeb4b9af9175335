//! The hashes of a log as they lie on disk: `.leaves` and `tree/`.

use std::io::{self, BufReader, Read};

use super::pieces::Piece;
use crate::journal::Log;
use crate::journal::disk::Disk;
use crate::journal::tree::{Hash, Hashes, tile_level};

const LENGTH: u64 = Hash::LENGTH as u64;

/// Where a level of tiles lies.
pub(super) fn level_path(log: Log, tile_level: u8) -> String {
    format!("{}/tree/{tile_level}", log.folder())
}

/// One file of hashes, read in order, as long as it is when it is opened.
pub(crate) struct HashFile {
    file: BufReader<Box<dyn Read + Send>>,
    left: u64,
}

impl HashFile {
    /// From hash `from` on. `None` if it is not there.
    pub(crate) fn open(disk: &dyn Disk, path: &str, from: u64) -> io::Result<Option<Self>> {
        let opened = disk
            .status(path)
            .and_then(|status| Ok((status.length / LENGTH, disk.open_at(path, from.saturating_mul(LENGTH))?)));
        match opened {
            Ok((hashes, file)) => Ok(Some(Self {
                file: BufReader::with_capacity(64 * 1024, file),
                left: hashes.saturating_sub(from),
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Passes over all behind the next `hashes`.
    pub(super) fn limit(&mut self, hashes: u64) {
        self.left = self.left.min(hashes);
    }

    pub(crate) fn next_hash(&mut self) -> io::Result<Option<Hash>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut hash = Hash([0; Hash::LENGTH]);
        self.file.read_exact(&mut hash.0)?;
        Ok(Some(hash))
    }
}

/// A log's hashes by level and position: of the leaves and of the levels of tiles above them.
pub(crate) struct LevelFiles<'a> {
    disk: &'a dyn Disk,
    log: Log,
    /// What has leaf hashes, and where the next piece begins.
    leaves: Vec<(Piece, u64)>,
}

impl<'a> LevelFiles<'a> {
    pub(crate) fn new(disk: &'a dyn Disk, log: Log, pieces: &[Piece]) -> Self {
        let ends = pieces.iter().skip(1).map(|piece| piece.first).chain([u64::MAX]);
        let leaves = pieces.iter().copied().zip(ends);
        Self {
            disk,
            log,
            leaves: leaves
                .filter(|(piece, end)| piece.leaves && piece.first < *end)
                .collect(),
        }
    }

    /// Whether there may be a hash of this leaf.
    pub(super) fn may_have_leaf(&self, index: u64) -> bool {
        self.piece(index).is_some()
    }

    fn piece(&self, index: u64) -> Option<&(Piece, u64)> {
        let after = self.leaves.partition_point(|(piece, _)| piece.first <= index);
        let found = after.checked_sub(1).and_then(|at| self.leaves.get(at));
        found.filter(|(_, end)| index < *end)
    }

    fn read(&self, path: &str, from: u64, count: u64, hashes: &mut Vec<Hash>) -> io::Result<()> {
        let place = from.checked_mul(LENGTH).ok_or(io::ErrorKind::InvalidInput)?;
        let mut file = self.disk.open_at(path, place)?.take(count.saturating_mul(LENGTH));
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let (whole, _) = bytes.as_chunks();
        if whole.len() as u64 != count {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        hashes.extend(whole.iter().map(|bytes| Hash(*bytes)));
        Ok(())
    }
}

impl Hashes for LevelFiles<'_> {
    fn hash(&self, level: u8, index: u64) -> io::Result<Hash> {
        let hash = self.hashes(level, index, 1)?.pop();
        hash.ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }

    fn hashes(&self, level: u8, first: u64, count: u64) -> io::Result<Vec<Hash>> {
        let mut hashes = Vec::new();
        match tile_level(level) {
            Some(0) => {
                let mut next = first;
                let end = first.saturating_add(count);
                while next < end {
                    let (piece, piece_end) = self.piece(next).ok_or(io::ErrorKind::NotFound)?;
                    let here = end.min(*piece_end) - next;
                    self.read(&piece.leaves_path(self.log), next - piece.first, here, &mut hashes)?;
                    next += here;
                }
            }
            Some(level) => self.read(&level_path(self.log, level), first, count, &mut hashes)?,
            None => return Err(io::ErrorKind::InvalidInput.into()), // between two levels of tiles
        }
        Ok(hashes)
    }
}
