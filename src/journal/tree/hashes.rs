//! Where the hashes of a tree come from.

use std::io;

use super::Hash;
use super::tile::{HEIGHT, below};

/// The hashes of a tree by level and position; whoever has them can make any proof.
pub trait Hashes {
    /// Hash `index` of a level: the root of the 2^`level` records from `index`·2^`level` on.
    ///
    /// # Errors
    ///
    /// It is not there (any more), or cannot be read.
    fn hash(&self, level: u8, index: u64) -> io::Result<Hash>;

    /// `count` of them, one after the other. Worth a reading of its own where they are in a file.
    ///
    /// # Errors
    ///
    /// As [`Hashes::hash`].
    fn hashes(&self, level: u8, first: u64, count: u64) -> io::Result<Vec<Hash>> {
        (0..count)
            .map(|nth| self.hash(level, first.saturating_add(nth)))
            .collect()
    }
}

impl<H: Hashes> Hashes for &H {
    fn hash(&self, level: u8, index: u64) -> io::Result<Hash> {
        (**self).hash(level, index)
    }

    fn hashes(&self, level: u8, first: u64, count: u64) -> io::Result<Vec<Hash>> {
        (**self).hashes(level, first, count)
    }
}

/// Every level, in memory.
#[derive(Clone, Debug, Default)]
pub struct Levels(Vec<Vec<Hash>>);

impl Levels {
    /// Puts a hash at the end of its level; made for what [`Frontier::append`](super::Frontier::append) hands out.
    pub fn push(&mut self, level: u8, hash: &Hash) {
        let level = usize::from(level);
        if self.0.len() <= level {
            self.0.resize_with(level + 1, Vec::new);
        }
        self.0[level].push(*hash);
    }
}

impl Hashes for Levels {
    fn hash(&self, level: u8, index: u64) -> io::Result<Hash> {
        let level = self.0.get(usize::from(level));
        let found = level.and_then(|level| level.get(usize::try_from(index).ok()?));
        found.copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// Every level, from one that has the levels 0, 8, 16 … only: a hash between them is that of at most 128 below it.
#[derive(Clone, Debug)]
pub struct TileLevels<H>(pub H);

impl<H: Hashes> Hashes for TileLevels<H> {
    fn hash(&self, level: u8, index: u64) -> io::Result<Hash> {
        let above = level % HEIGHT;
        if above == 0 {
            return self.0.hash(level, index);
        }
        let first = below(index, above).ok_or(io::ErrorKind::InvalidInput)?;
        let mut row = self.0.hashes(level - above, first, 1 << above)?;
        while row.len() > 1 {
            row = row
                .chunks_exact(2)
                .map(|pair| Hash::above(&pair[0], &pair[1]))
                .collect();
        }
        row.pop().ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
    }
}
