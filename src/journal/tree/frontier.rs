//! The right edge of a tree: all that appending needs to know of it.

use std::io;

use super::{Hash, Hashes, TreeSize};

/// The roots of the complete subtrees that a tree consists of, the largest first: one for each bit that is set in its
/// size, so 63 at most. It is all that is needed to append, and it gives the root at any moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: TreeSize,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// That of a tree without records.
    pub fn new() -> Self {
        Self::default()
    }

    /// One that was kept. `None` if that many hashes do not belong to that size, or the size is above
    /// [`TreeSize::MAX`]. Whether they are the right ones, only [`Frontier::root`] can tell.
    pub fn from_hashes(size: TreeSize, hashes: Vec<Hash>) -> Option<Self> {
        let fits = size <= TreeSize::MAX && hashes.len() == size.0.count_ones() as usize;
        fits.then_some(Self { size, hashes })
    }

    /// That of the first `size` records of a tree whose hashes are at hand.
    ///
    /// # Errors
    ///
    /// A hash cannot be read, or the size is above [`TreeSize::MAX`].
    pub fn read(hashes: &impl Hashes, size: TreeSize) -> io::Result<Self> {
        let roots = complete_subtrees(hashes, 0, size.0)?;
        Self::from_hashes(size, roots).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
    }

    /// How many records it stands for.
    pub fn size(&self) -> TreeSize {
        self.size
    }

    /// Its hashes, the largest subtree's first.
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// The root of the tree.
    pub fn root(&self) -> Hash {
        fold(&self.hashes)
    }

    /// Takes in one more record, and hands out each hash that is now settled with its level, from the leaf itself up:
    /// per level in the order of the level's file. Two on average.
    pub fn append(&mut self, leaf: Hash, mut settled: impl FnMut(u8, &Hash)) {
        settled(0, &leaf);
        let mut hash = leaf;
        // Adding 1 to the size carries over its lowest set bits: each of those subtrees finds its sister.
        for level in 1..=self.size.0.trailing_ones() as u8 {
            if let Some(left) = self.hashes.pop() {
                hash = Hash::above(&left, &hash);
                settled(level, &hash);
            }
        }
        self.hashes.push(hash);
        self.size.0 += 1; // far from the end of u64: a size to start from is at most half of it
    }
}

/// The root of the records from `first` to before `end`, where `first` is a multiple of a power of two that is no
/// smaller than their number: so every subtree of a tree begins.
pub(super) fn root(hashes: &impl Hashes, first: u64, end: u64) -> io::Result<Hash> {
    Ok(fold(&complete_subtrees(hashes, first, end)?))
}

fn complete_subtrees(hashes: &impl Hashes, first: u64, end: u64) -> io::Result<Vec<Hash>> {
    let mut roots = Vec::new();
    let mut at = first;
    while let Some(level) = end.saturating_sub(at).checked_ilog2() {
        roots.push(hashes.hash(level as u8, at >> level)?);
        at += 1 << level;
    }
    Ok(roots)
}

fn fold(roots: &[Hash]) -> Hash {
    let mut roots = roots.iter().rev();
    let Some(last) = roots.next() else {
        return Hash::of_nothing();
    };
    roots.fold(*last, |right, left| Hash::above(left, &right))
}
