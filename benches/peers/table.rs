//! The table: medians, and medians of the ratios within a round, in Markdown.

use std::collections::{BTreeMap, BTreeSet};

use crate::contestant::Contestant;
use crate::measure::Figure;

/// What was measured, by round.
#[derive(Default)]
pub struct Results(BTreeMap<Figure, Vec<Measured>>);

struct Measured {
    contestant: Contestant,
    round: u32,
    value: f64,
}

impl Results {
    pub fn add(&mut self, contestant: Contestant, round: u32, figure: Figure, value: f64) {
        let measured = Measured {
            contestant,
            round,
            value,
        };
        self.0.entry(figure).or_default().push(measured);
    }

    /// A row for each figure; a column for each contestant, and for each comparison that can be made.
    pub fn markdown(&self, contestants: &[Contestant]) -> String {
        let comparisons = [
            (Contestant::Townclerk, Contestant::Nginx, "× nginx"),
            (Contestant::Townclerk, Contestant::Haproxy, "× HAProxy"),
        ];
        let comparisons: Vec<_> = comparisons
            .into_iter()
            .filter(|(one, other, _)| contestants.contains(one) && contestants.contains(other))
            .collect();
        let has_policy_cost = [Contestant::Townclerk, Contestant::NothingKept]
            .iter()
            .all(|one| contestants.contains(one));

        let mut heads = vec![String::new()];
        heads.extend(contestants.iter().map(|one| one.title().to_owned()));
        heads.extend(comparisons.iter().map(|(_, _, title)| (*title).to_owned()));
        heads.extend(has_policy_cost.then(|| "the policy's cost".to_owned()));
        let rows = self.0.iter().map(|(figure, all)| {
            let mut row = vec![figure.title().to_owned()];
            for one in contestants {
                row.push(cell(values(all, *one).into_values().collect(), rounded));
            }
            for (one, other, _) in &comparisons {
                row.push(cell(
                    within_rounds(all, *one, *other, |one, other| one / other),
                    |ratio| format!("{ratio:.2}"),
                ));
            }
            if has_policy_cost {
                let with_and_without = |with: f64, without: f64| with - without;
                let costs = within_rounds(all, Contestant::Townclerk, Contestant::NothingKept, with_and_without);
                let costs = if figure.is_cpu() { costs } else { Vec::new() };
                row.push(cell(costs, |cost| format!("{cost:.1}")));
            }
            row
        });
        aligned(&heads, &rows.collect::<Vec<_>>())
    }
}

fn values(all: &[Measured], contestant: Contestant) -> BTreeMap<u32, f64> {
    let of_it = all.iter().filter(|measured| measured.contestant == contestant);
    of_it.map(|measured| (measured.round, measured.value)).collect()
}

/// Compares two contestants in every round in which both were measured.
fn within_rounds(all: &[Measured], one: Contestant, other: Contestant, compare: fn(f64, f64) -> f64) -> Vec<f64> {
    let (one, other) = (values(all, one), values(all, other));
    let rounds: BTreeSet<u32> = one.keys().copied().collect();
    rounds
        .into_iter()
        .filter_map(|round| Some(compare(*one.get(&round)?, *other.get(&round)?)))
        .collect()
}

fn cell(values: Vec<f64>, write: fn(f64) -> String) -> String {
    median(values).map_or_else(|| "–".to_owned(), write)
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

/// Three digits that count.
pub fn rounded(value: f64) -> String {
    match value {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// Columns of numbers stand right, what they are stands left.
fn aligned(heads: &[String], rows: &[Vec<String>]) -> String {
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| {
            let cells = rows.iter().map(|row| &row[column]).chain([&heads[column]]);
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0).max(3)
        })
        .collect();
    let line = |cells: &[String]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .enumerate()
            .map(|(column, (cell, &width))| match column {
                0 => format!(" {cell:<width$} "),
                _ => format!(" {cell:>width$} "),
            });
        format!("|{}|\n", padded.collect::<Vec<_>>().join("|"))
    };
    let rule = widths.iter().enumerate().map(|(column, &width)| match column {
        0 => "-".repeat(width + 2),
        _ => format!("{}:", "-".repeat(width + 1)),
    });
    let rule = format!("|{}|\n", rule.collect::<Vec<_>>().join("|"));
    let rows: String = rows.iter().map(|row| line(row)).collect();
    line(heads) + &rule + &rows
}
