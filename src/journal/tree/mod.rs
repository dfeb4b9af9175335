//! The Merkle tree over a log's records (RFC 9162, section 2.1, which is RFC 6962's), by arithmetic alone.
//!
//! ```text
//! nonce(i) = HMAC-SHA256(the segment's salt, u64be(i)), its first 16 bytes
//! leaf(i)  = SHA-256(0x00 ‖ nonce(i) ‖ the line's bytes, without \n)
//! node     = SHA-256(0x01 ‖ left ‖ right)
//! root(0)  = SHA-256("")
//! ```
//!
//! For any program that knows RFC 6962, record `i` is therefore the bytes `nonce(i) ‖ line`. The salt is there because
//! a proof hands out its neighbours' hashes, and a line is short enough to be guessed. When the salt is gone, the
//! hashes say nothing any more about the records that they were made of.
//!
//! # Levels
//!
//! Hash `n` of level `L` is the root of the 2^`L` records from `n`·2^`L` on, once they are all there; level 0 is the
//! leaves. Written one after the other, a level is a file that only grows, with hash `n` at byte 32·`n`. Levels 0, 8,
//! 16 … are enough for every root and proof ([`TileLevels`] fills in the others), and slices of them are the tiles of
//! C2SP's tlog-tiles ([`Tile`]).

pub mod consistency;
mod frontier;
mod hashes;
pub mod inclusion;
mod leaf;
mod tile;

#[cfg(test)]
mod oracles;
#[cfg(test)]
mod tests;

pub use frontier::Frontier;
pub use hashes::{Hashes, Levels, TileLevels};
pub use leaf::{Nonce, Salt, leaf};
pub use tile::{Tile, first_kept, tile_level};

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};

/// SHA-256 of a leaf, of two nodes, or of nothing. Written as base64.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub [u8; Self::LENGTH]);

impl Hash {
    /// Its bytes.
    pub const LENGTH: usize = 32;

    /// The root of a tree without records.
    pub fn of_nothing() -> Self {
        Self(Sha256::digest([]).into())
    }

    /// The node above two others.
    pub fn above(left: &Self, right: &Self) -> Self {
        let mut bytes = [1; 1 + 2 * Self::LENGTH];
        bytes[1..=Self::LENGTH].copy_from_slice(&left.0);
        bytes[1 + Self::LENGTH..].copy_from_slice(&right.0);
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Hash {
    type Err = NotAHash;

    fn from_str(text: &str) -> Result<Self, NotAHash> {
        if text.len() != Self::LENGTH.div_ceil(3) * 4 {
            return Err(NotAHash);
        }
        let bytes = BASE64.decode(text).map_err(|_| NotAHash)?;
        Ok(Self(bytes.try_into().map_err(|_| NotAHash)?))
    }
}

/// A text that is not the base64 of 32 bytes, in its one canonical form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the base64 of a SHA-256 hash")]
pub struct NotAHash;

/// The position of a record in its log; the first is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryIndex(pub u64);

/// How many records a tree is over; they are those whose index is smaller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeSize(pub u64);

impl TreeSize {
    /// The largest that is read from a text or carried on with: Go's `sumdb/tlog` counts with an `int64`.
    pub const MAX: Self = Self(i64::MAX as u64);
}

impl fmt::Display for EntryIndex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for TreeSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A decimal number up to 2^63-1, as C2SP's texts have them: digits only, no zero in front.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let number = text.parse().ok().filter(|number| *number <= TreeSize::MAX.0);
    number.filter(|_| canonical)
}

/// What is wrong with a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The record, or the older tree, lies outside the tree.
    #[error("the tree of the proof does not reach that far")]
    Outside,
    /// There are fewer hashes than between these two places.
    #[error("the proof has too few hashes")]
    TooShort,
    /// There are more hashes than between these two places.
    #[error("the proof has too many hashes")]
    TooLong,
    /// The hashes lead elsewhere: the record, a root or the proof is not the one that was meant.
    #[error("the hashes of the proof do not lead to the root")]
    Differs,
}
