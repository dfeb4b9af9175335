//! Tiles of 256 hashes, eight levels of the tree each (C2SP, tlog-tiles): where they lie in the level files, what they
//! are called, and which may go.

use std::fmt;
use std::ops::Range;

use super::{EntryIndex, Hash, TreeSize, decimal};

/// The levels of the tree from one level of tiles to the next.
pub(super) const HEIGHT: u8 = 8;

/// The hashes of a full tile.
const WIDTH: u64 = 1 << HEIGHT;

/// The highest level of tiles that a tree of 2^63 records has: 63 / 8.
const TOP: u8 = 7;

/// Which level of tiles a level of the tree is: level 8 is 1; those between have none.
pub fn tile_level(level: u8) -> Option<u8> {
    level.is_multiple_of(HEIGHT).then_some(level / HEIGHT)
}

/// A run of hashes of one level, 256, or fewer at the right edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tile {
    /// Its level among tiles; its hashes are of level 8·`level` of the tree.
    pub level: u8,
    /// Its position in its level.
    pub index: u64,
    /// How many hashes it has, 1 to 256.
    pub width: u16,
}

impl Tile {
    /// The tiles of a tree that has grown, lowest level first: those that a smaller tree did not have, or had with
    /// fewer hashes. From size 0: all.
    pub fn grown(old: TreeSize, new: TreeSize) -> impl Iterator<Item = Self> {
        (0..=TOP).flat_map(move |level| {
            let hashes = move |size: TreeSize| size.0 >> (HEIGHT * level);
            let first = if hashes(old) < hashes(new) {
                hashes(old) / WIDTH
            } else {
                hashes(new).div_ceil(WIDTH)
            };
            (first..hashes(new).div_ceil(WIDTH)).map(move |index| Self {
                level,
                index,
                width: (hashes(new) - index * WIDTH).min(WIDTH) as u16,
            })
        })
    }

    /// The bytes of its level's file that it consists of.
    pub fn bytes(&self) -> Range<u64> {
        let start = self.index * WIDTH * Hash::LENGTH as u64;
        start..start + u64::from(self.width) * Hash::LENGTH as u64
    }

    /// Reads its path, as [`Tile`] is written. `None` for all others, those too that no tree up to
    /// [`TreeSize::MAX`] has.
    pub fn parse(path: &str) -> Option<Self> {
        let (level, place) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = u8::try_from(decimal(level)?).ok().filter(|level| *level <= TOP)?;
        let (place, width) = match place.split_once(".p/") {
            Some((place, width)) => (place, decimal(width).filter(|width| (1..WIDTH).contains(width))?),
            None => (place, WIDTH),
        };
        let mut index = 0u64;
        for element in place.split('/') {
            let digits = element.strip_prefix('x').unwrap_or(element);
            let three = digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit());
            index = index
                .checked_mul(1000)?
                .checked_add(digits.parse().ok().filter(|_| three)?)?;
        }
        let tile = Self {
            level,
            index,
            width: width as u16,
        };
        let last = index.checked_mul(WIDTH)?.checked_add(width)?;
        let exists = last <= TreeSize::MAX.0 >> (HEIGHT * level);
        (exists && tile.to_string() == path).then_some(tile) // one path for each tile: no zeros or x that need not be
    }
}

/// `tile/<level>/<index>` under the log's URL, and `.p/<width>` behind it if it is not full. The index is in groups of
/// three digits, each but the last after an `x`: 1234067 is `x001/x234/067`.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tile/{}/", self.level)?;
        let mut group = 1000u64.pow(self.index.checked_ilog(1000).unwrap_or(0));
        while group > 1 {
            write!(f, "x{:03}/", self.index / group % 1000)?;
            group /= 1000;
        }
        write!(f, "{:03}", self.index % 1000)?;
        if u64::from(self.width) < WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// The first hash of a level of tiles that must stay when the records below `minimum` are gone. A tile may go once its
/// last record is below, a whole tile at a time; then every root and proof from `minimum` on can still be made.
///
/// For level 0 it is the first leaf hash that must stay: at most 255 of records that are gone, and without their salt
/// these say nothing.
pub fn first_kept(tile_level: u8, minimum: EntryIndex) -> u64 {
    let tiles = minimum.0.checked_shr(u32::from(HEIGHT) * (u32::from(tile_level) + 1));
    tiles.unwrap_or(0) * WIDTH
}

/// The first of the hashes that lie `levels` below one. `None` where there can be no such tree.
pub(super) fn below(index: u64, levels: u8) -> Option<u64> {
    index.checked_mul(1 << levels)
}
