//! Links to what is not there, told only as far as it is known.

use std::collections::{BTreeMap, BTreeSet};

use super::super::count::{Cells, Group, folder};
use super::fold::{Item, Rule};
use super::published::{Published, Table};
use super::{FEW, of_cells};

pub(super) fn links(rule: &Rule, links: Cells, seen: &[Item], before: Option<&Published>) -> Table {
    let known = Paths::of(seen, before);
    let (items, rest) = of_cells(links);
    let mut groups: BTreeMap<(String, String), Group> = BTreeMap::new();
    for Item { name, group, .. } in items {
        let (holder, target) = name.split_once('\n').unwrap_or((&name, ""));
        groups
            .entry((known.told(holder), known.told(target)))
            .or_default()
            .merge(&group);
    }
    let items = groups.into_iter().map(|((holder, target), group)| Item {
        on: Some(holder),
        ..Item::new(target, group)
    });
    rule.ranked(items.collect(), rest, FEW)
}

/// Paths that may be told, and the folders in which they are.
struct Paths(BTreeSet<String>);

impl Paths {
    fn of(seen: &[Item], before: Option<&Published>) -> Self {
        let now = seen.iter().map(|item| item.name.as_str());
        let then = before
            .into_iter()
            .flat_map(|before| before.pages.rows())
            .map(|row| row.name.as_str());
        let mut paths = BTreeSet::new();
        for path in now.chain(then) {
            let mut above = Some(path.to_owned());
            while let Some(path) = above {
                above = folder(&path);
                paths.insert(path);
            }
        }
        Self(paths)
    }

    /// What of a path may be told: itself, or the deepest folder above it that is known.
    fn told(&self, path: &str) -> String {
        let mut told = path.to_owned();
        while !self.0.contains(&told) {
            match folder(&told) {
                Some(above) => told = above,
                None => break,
            }
        }
        told
    }
}
