//! That a record is in a tree (RFC 9162, section 2.1.3).

use std::io;

use super::frontier::root;
use super::{EntryIndex, Hash, Hashes, ProofError, TreeSize};

/// The hashes that lead from a record to the root of a tree, the leaf's sister first; 63 at most.
///
/// # Errors
///
/// The record is not in the tree, or a hash cannot be read.
pub fn prove(hashes: &impl Hashes, index: EntryIndex, size: TreeSize) -> io::Result<Vec<Hash>> {
    if index.0 >= size.0 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let (mut first, mut end) = (0, size.0);
    let mut path = Vec::new();
    while end - first > 1 {
        let middle = first + left_half(end - first);
        if index.0 < middle {
            path.push(root(hashes, middle, end)?);
            end = middle;
        } else {
            path.push(root(hashes, first, middle)?);
            first = middle;
        }
    }
    path.reverse();
    Ok(path)
}

/// Whether the path leads from the leaf to the root.
///
/// # Errors
///
/// It does not.
pub fn verify(path: &[Hash], index: EntryIndex, leaf: &Hash, size: TreeSize, root: &Hash) -> Result<(), ProofError> {
    if index.0 >= size.0 {
        return Err(ProofError::Outside);
    }
    // Where the path is in its level, and where the last node of the level is.
    let (mut at, mut last) = (index.0, size.0 - 1);
    let mut hash = *leaf;
    for sister in path {
        if last == 0 {
            return Err(ProofError::TooLong);
        }
        if at % 2 == 1 || at == last {
            hash = Hash::above(sister, &hash);
            // The last node has no sister in some levels, and is passed up as it is.
            let alone = at.trailing_zeros();
            at >>= alone;
            last >>= alone;
        } else {
            hash = Hash::above(&hash, sister);
        }
        at >>= 1;
        last >>= 1;
    }
    match (last, hash == *root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Differs),
        _ => Err(ProofError::TooShort),
    }
}

/// How many of `count` records, two or more, are under the left child of their root: the largest power of two that is
/// smaller.
pub(super) fn left_half(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}
