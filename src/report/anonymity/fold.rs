//! Small groups, folded together until nobody can be seen in what is left: not in a row, not in what is in no row, and
//! not in the difference between them and the sum.

use std::collections::BTreeMap;

use super::super::count::{Group, Measure, Times, folder};
use super::published::{Row, Table};

/// What decides whether a group may be seen.
#[derive(Clone, Copy)]
pub(super) struct Rule {
    pub(super) smallest: u32,
    pub(super) measure: Measure,
}

/// Above all folders: what is in it is in no row.
const ROOT: &str = "/*";

/// Groups that are hidden: how many, and all of them together.
#[derive(Default)]
struct Rest {
    groups: usize,
    together: Group,
}

impl Rest {
    fn of(group: Group) -> Self {
        Self {
            groups: usize::from(group.requests() > 0),
            together: group,
        }
    }

    fn merge(&mut self, other: &Self) {
        self.groups += other.groups;
        self.together.merge(&other.together);
    }
}

/// Puts what is hidden under `name` in the folder above it, the deepest of which come last; or in none.
fn put(folders: &mut BTreeMap<(usize, String), Rest>, none: &mut Rest, name: &str, hidden: &Rest) {
    match folder(name).filter(|above| above != ROOT) {
        Some(above) => folders.entry((above.matches('/').count(), above)).or_default(),
        None => none,
    }
    .merge(hidden);
}

/// A group on its way to a row.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) on: Option<String>,
    pub(super) group: Group,
    pub(super) times: Option<Box<Times>>,
}

impl Item {
    pub(super) fn new(name: impl Into<String>, group: Group) -> Self {
        Self {
            name: name.into(),
            on: None,
            group,
            times: None,
        }
    }
}

impl Rule {
    pub(super) fn is_large(&self, group: &Group) -> bool {
        group.is_large(self.smallest, self.measure)
    }

    /// Every number is told as a multiple of this.
    pub(super) fn step(&self) -> u64 {
        if self.smallest <= 20 { 5 } else { 10 }
    }

    pub(super) fn rounded(&self, number: u64) -> u64 {
        (number + self.step() / 2) / self.step() * self.step()
    }

    /// The number of requests in a group, if it may be told.
    pub(super) fn count(&self, group: &Group) -> Option<u64> {
        self.is_large(group).then(|| self.rounded(group.requests()))
    }

    /// Robots are nobody; but what is taken for one may be somebody, and is counted with others only.
    pub(super) fn count_of_robots(&self, group: &Group) -> Option<u64> {
        let many = match self.measure {
            Measure::Visitors => group.visitors() >= u64::from(self.smallest),
            Measure::Requests => self.is_large(group),
        };
        many.then(|| self.rounded(group.requests()))
    }

    pub(super) fn visitors(&self, group: &Group) -> Option<u64> {
        let told = self.is_large(group) && self.measure == Measure::Visitors;
        told.then(|| self.rounded(group.visitors()))
    }

    fn row(&self, name: &str, on: Option<String>, group: &Group) -> Row {
        Row {
            name: name.to_owned(),
            on,
            count: self.count(group),
            visitors: self.visitors(group),
            ..Row::default()
        }
    }

    /// Hides what is small, and of the rest the smallest for as long as what is hidden is small together, or would be
    /// one group alone. Gives what is seen, the largest first, and all that is hidden, which may be small only if
    /// nothing is seen.
    fn part(&self, items: Vec<Item>, rest: Rest) -> (Vec<Item>, Group) {
        let Rest {
            groups: mut hidden_groups,
            mut together,
        } = rest;
        let (mut seen, hidden): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| self.is_large(&item.group));
        for item in &hidden {
            hidden_groups += usize::from(item.group.requests() > 0);
            together.merge(&item.group);
        }
        seen.sort_by(|one, other| {
            let by_size = other.group.requests().cmp(&one.group.requests());
            by_size.then_with(|| (&one.name, &one.on).cmp(&(&other.name, &other.on)))
        });
        while hidden_groups > 0 && (hidden_groups == 1 || !self.is_large(&together)) {
            let Some(item) = seen.pop() else { break };
            together.merge(&item.group);
            hidden_groups += 1;
        }
        (seen, together)
    }

    /// The largest groups, at most so many, and the others together.
    pub(super) fn ranked(&self, items: Vec<Item>, rest: Group, most: usize) -> Table {
        let (mut seen, mut together) = self.part(items, Rest::of(rest));
        while seen.len() > most {
            if let Some(item) = seen.pop() {
                together.merge(&item.group);
            }
        }
        self.table(
            seen.iter()
                .map(|item| self.row(&item.name, item.on.clone(), &item.group))
                .collect(),
            &together,
        )
    }

    /// Groups in an order of their own: what may not be seen keeps its place and has no number.
    pub(super) fn in_order(&self, items: Vec<Item>) -> Table {
        let names: Vec<String> = items.iter().map(|item| item.name.clone()).collect();
        let (seen, together) = self.part(items, Rest::default());
        let seen: BTreeMap<_, _> = seen.iter().map(|item| (item.name.as_str(), &item.group)).collect();
        if seen.is_empty() {
            return Table::TooFew;
        }
        let unseen = Group::default();
        let row = |name: &String| self.row(name, None, seen.get(name.as_str()).unwrap_or(&&unseen));
        self.table(names.iter().map(row).collect(), &together)
    }

    /// Pages: those that are small go together in their folder, `/aktualnosci/*`, or in that above it, up to where they
    /// are many enough. Gives those that may be seen too, with their times.
    pub(super) fn tree(&self, items: Vec<Item>, rest: Group, most: usize) -> (Table, Vec<Item>) {
        let (large, small): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| self.is_large(&item.group));
        let mut seen: BTreeMap<String, Item> = large.into_iter().map(|item| (item.name.clone(), item)).collect();
        let mut folders: BTreeMap<(usize, String), Rest> = BTreeMap::new();
        let mut rest = Rest::of(rest);
        for item in small.into_iter().filter(|item| item.group.requests() > 0) {
            put(&mut folders, &mut rest, &item.name, &Rest::of(item.group));
        }
        while let Some(((_, name), inside)) = folders.pop_last() {
            if inside.groups > 1 && self.is_large(&inside.together) {
                let item = seen
                    .entry(name.clone())
                    .or_insert_with(|| Item::new(name, Group::default()));
                item.group.merge(&inside.together);
            } else {
                put(&mut folders, &mut rest, &name, &inside);
            }
        }
        let (seen, mut together) = self.part(seen.into_values().collect(), rest);
        seen.iter().skip(most).for_each(|item| together.merge(&item.group));
        let rows = seen.iter().take(most);
        let rows = rows.map(|item| self.row(&item.name, None, &item.group)).collect();
        (self.table(rows, &together), seen)
    }

    fn table(&self, rows: Vec<Row>, together: &Group) -> Table {
        if rows.is_empty() {
            return Table::TooFew;
        }
        let other = (together.requests() > 0).then(|| self.row("", None, together));
        Table::Shown { rows, other }
    }
}
