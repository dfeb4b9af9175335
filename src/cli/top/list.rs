//! The list of names: which one is shown, and in which order.

use std::cmp::Reverse;

use super::super::journal::readable;
use super::ranks::{Ranks, Sums};
use super::tally::{Agent, Tally, Trouble};
use super::words::Words;

/// What is listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Panel {
    #[default]
    Paths,
    Addresses,
    Agents,
    Errors,
}

impl Panel {
    pub(super) const ALL: [Self; 4] = [Self::Paths, Self::Addresses, Self::Agents, Self::Errors];
}

/// By what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Order {
    #[default]
    Requests,
    Errors,
    Bytes,
    /// That all of its exchanges took together.
    Time,
}

impl Order {
    pub(super) const ALL: [Self; 4] = [Self::Requests, Self::Errors, Self::Bytes, Self::Time];

    fn key(self, sums: &Sums) -> u64 {
        match self {
            Self::Requests => sums.requests,
            Self::Errors => sums.errors,
            Self::Bytes => sums.bytes,
            Self::Time => sums.milliseconds,
        }
    }
}

/// A name as it is shown, and its sums.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) sums: Sums,
}

/// The first rows of a list, and what is left of all.
pub(super) struct List {
    pub(super) rows: Vec<Row>,
    pub(super) others: Sums,
}

impl List {
    pub(super) fn of(tally: &Tally, panel: Panel, order: Order, room: usize, words: &Words) -> Self {
        let text = |bytes: &[u8]| readable(&String::from_utf8_lossy(bytes));
        let unknown = || words.unknown.to_owned();
        match panel {
            Panel::Paths => Self::first(tally.ranks(|names| &names.paths), order, room, |path| {
                path.as_deref().map_or_else(unknown, text)
            }),
            Panel::Addresses => Self::first(tally.ranks(|names| &names.addresses), order, room, |address| {
                address.map_or_else(unknown, |address| address.to_string())
            }),
            Panel::Agents => Self::first(tally.ranks(|names| &names.agents), order, room, |agent| match agent {
                Agent::Browser(browser, None) => (*browser).to_owned(),
                Agent::Browser(browser, Some(system)) => (words.on)(browser, system),
                Agent::Robot(None) => words.robot.to_owned(),
                Agent::Robot(Some(name)) => format!("{} {}", words.robot, text(name)),
                Agent::Other => words.other_agent.to_owned(),
                Agent::Unknown => unknown(),
            }),
            Panel::Errors => Self::first(
                tally.ranks(|names| &names.errors),
                order,
                room,
                |trouble| match trouble {
                    Trouble::Error(error) => readable(error),
                    Trouble::Status(status) => status.to_string(),
                },
            ),
        }
    }

    /// Puts a row for all others in the place of the last one.
    pub(super) fn fold(&mut self, name: &str) {
        if let Some(last) = self.rows.pop() {
            self.others.add(&last.sums);
        }
        self.rows.push(Row {
            name: name.to_owned(),
            sums: self.others,
        });
    }

    fn first<K>(ranks: Ranks<K>, order: Order, room: usize, show: impl Fn(&K) -> String) -> Self
    where
        K: Clone + Eq + Ord + std::hash::Hash,
    {
        let mut all: Vec<_> = ranks.names().collect();
        all.sort_unstable_by_key(|(name, sums)| (Reverse(order.key(sums)), Reverse(sums.requests), *name));
        let mut others = *ranks.rest();
        for (_, sums) in all.iter().skip(room) {
            others.add(sums);
        }
        let rows = all.iter().take(room).map(|(name, sums)| Row {
            name: show(name),
            sums: **sums,
        });
        Self {
            rows: rows.collect(),
            others,
        }
    }
}
