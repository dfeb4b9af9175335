//! Groups by name, in a bounded space: when there are too many, the smaller half goes together.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use foldhash::quality::RandomState;

use super::group::Group;

/// Groups by name.
pub(in crate::report) struct Cells {
    most: usize,
    named: HashMap<u64, Cell, BuildHasherDefault<AsItIs>>,
    /// What went together, and so has no name any more.
    rest: Group,
}

/// A group with its name.
pub(in crate::report) struct Cell {
    pub(in crate::report) name: Box<str>,
    pub(in crate::report) group: Group,
    /// How long answers took, where that is of interest.
    pub(in crate::report) times: Option<Box<super::times::Times>>,
}

impl Cells {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            named: HashMap::default(),
            rest: Group::default(),
        }
    }

    /// The group that `key` has been given to, if it is still there.
    pub(super) fn get(&mut self, key: u64) -> Option<&mut Cell> {
        self.named.get_mut(&key)
    }

    /// The group of a name, which is made if it is not there.
    pub(super) fn at(&mut self, keys: &RandomState, name: &str) -> (u64, &mut Cell) {
        let key = keys.hash_one(name);
        (key, self.with(key, name))
    }

    /// The same, where the name's key is known.
    pub(super) fn with(&mut self, key: u64, name: &str) -> &mut Cell {
        if self.named.len() >= self.most && !self.named.contains_key(&key) {
            self.make_room();
        }
        self.named.entry(key).or_insert_with(|| Cell {
            name: name.into(),
            group: Group::default(),
            times: None,
        })
    }

    /// What has no name from the beginning.
    pub(super) fn nameless(&mut self) -> &mut Group {
        &mut self.rest
    }

    /// The smaller half loses its names.
    fn make_room(&mut self) {
        let mut sizes: Vec<u64> = self.named.values().map(|cell| cell.group.requests()).collect();
        let middle = sizes.len() / 2;
        let (_, &mut median, _) = sizes.select_nth_unstable(middle);
        let rest = &mut self.rest;
        self.named.retain(|_, cell| {
            let stays = cell.group.requests() > median;
            if !stays {
                rest.merge(&cell.group);
            }
            stays
        });
    }

    /// All of them, in the order of their names, and what has no name.
    pub(in crate::report) fn into_parts(self) -> (Vec<Cell>, Group) {
        let mut cells: Vec<_> = self.named.into_values().collect();
        cells.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        (cells, self.rest)
    }
}

/// For keys that are hashes already.
#[derive(Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.0 = self.0.rotate_left(8) ^ u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

/// What was found for a text; forgotten when there is too much.
pub(super) struct Remembered<T> {
    most: usize,
    found: HashMap<Box<[u8]>, T, foldhash::fast::RandomState>,
}

impl<T: Copy> Remembered<T> {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            found: HashMap::default(),
        }
    }

    pub(super) fn get(&mut self, text: &[u8], find: impl FnOnce() -> T) -> T {
        if let Some(found) = self.found.get(text) {
            return *found;
        }
        if self.found.len() >= self.most {
            self.found.clear();
        }
        let found = find();
        self.found.insert(text.into(), found);
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_often_stays_and_nothing_is_lost() {
        let (keys, mut cells) = (RandomState::default(), Cells::new(100));
        for number in 0..10_000u64 {
            cells
                .at(&keys, &format!("/rare/{number}"))
                .1
                .group
                .add(Some(number + 1), 0);
            for often in 0..5 {
                cells
                    .at(&keys, &format!("/often/{often}"))
                    .1
                    .group
                    .add(Some(number + 1), 0);
            }
        }
        assert!(cells.named.len() <= 100);
        let (named, rest) = cells.into_parts();
        let requests = |name: &str| {
            let cells = named.iter().filter(|cell| cell.name.starts_with(name));
            cells.map(|cell| cell.group.requests()).sum::<u64>()
        };
        assert_eq!(requests("/often/"), 50_000);
        assert_eq!(requests("/rare/") + rest.requests(), 10_000);
    }

    #[test]
    fn what_is_remembered_is_found_once_and_has_an_end() {
        let mut remembered = Remembered::new(100);
        for number in 0..1_000_u32 {
            let text = number.to_be_bytes();
            assert_eq!(remembered.get(&text, || number), number);
            assert_eq!(remembered.get(&text, || panic!("it was found already")), number);
            assert!(remembered.found.len() <= 100);
        }
    }
}
