//! That a tree begins with all of an older one (RFC 9162, section 2.1.4).

use std::io;

use super::frontier::root;
use super::inclusion::left_half;
use super::{Hash, Hashes, ProofError, TreeSize};

/// The hashes that show the older tree in the newer one; none if the older one is empty, or they are as large.
///
/// # Errors
///
/// The old size is the larger one, or a hash cannot be read.
pub fn prove(hashes: &impl Hashes, old: TreeSize, new: TreeSize) -> io::Result<Vec<Hash>> {
    if old > new {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    if old.0 == 0 {
        return Ok(Vec::new());
    }
    let (mut first, mut end) = (0, new.0);
    let mut path = Vec::new();
    while old.0 < end {
        let middle = first + left_half(end - first);
        if old.0 <= middle {
            path.push(root(hashes, middle, end)?);
            end = middle;
        } else {
            path.push(root(hashes, first, middle)?);
            first = middle;
        }
    }
    if first > 0 {
        path.push(root(hashes, first, end)?); // else it is the old root, which the verifier has
    }
    path.reverse();
    Ok(path)
}

/// Whether the tree with the new root begins with all of the one with the old root.
///
/// # Errors
///
/// It does not, or the proof does not show it.
pub fn verify(path: &[Hash], old: TreeSize, old_root: &Hash, new: TreeSize, new_root: &Hash) -> Result<(), ProofError> {
    if old > new {
        return Err(ProofError::Outside);
    }
    if old.0 == 0 || old == new {
        let expected = if old == new { *new_root } else { Hash::of_nothing() };
        return match path {
            [] if *old_root == expected => Ok(()),
            [] => Err(ProofError::Differs),
            _ => Err(ProofError::TooLong),
        };
    }
    // An old tree of a power of two is itself a node on the way.
    let (start, path) = match path.split_first() {
        _ if old.0.is_power_of_two() => (old_root, path),
        Some(split) => split,
        None => return Err(ProofError::TooShort),
    };
    let complete = (old.0 - 1).trailing_ones();
    let (mut at, mut last) = ((old.0 - 1) >> complete, (new.0 - 1) >> complete);
    let (mut old_hash, mut new_hash) = (*start, *start);
    for sister in path {
        if last == 0 {
            return Err(ProofError::TooLong);
        }
        if at % 2 == 1 || at == last {
            old_hash = Hash::above(sister, &old_hash);
            new_hash = Hash::above(sister, &new_hash);
            let alone = at.trailing_zeros();
            at >>= alone;
            last >>= alone;
        } else {
            new_hash = Hash::above(&new_hash, sister);
        }
        at >>= 1;
        last >>= 1;
    }
    match (last, old_hash == *old_root && new_hash == *new_root) {
        (0, true) => Ok(()),
        (0, false) => Err(ProofError::Differs),
        _ => Err(ProofError::TooShort),
    }
}
