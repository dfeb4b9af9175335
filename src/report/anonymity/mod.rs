//! From what was counted to what may be known to everybody. This is the only way out.
//!
//! Nobody is to be seen in what is published, whatever else somebody knows:
//!
//! - A row needs as many visitors as the policy says (`[statistics] smallest_group`); three of them on one day, so that
//!   one person with a new address each day is not taken for many; and none of them may have made three quarters of
//!   its requests. A visitor is an address, an IPv6 address by its first 56 bits. Where no addresses are kept a row
//!   needs as many requests on one day.
//! - What is smaller goes together: pages in their folder, all else in one row of others. What is together must be
//!   large enough by the same rule and hold two groups at least; if it is not, the smallest row goes there too. So no
//!   small group is the difference between the rows and their sum.
//! - Every number is rounded: to 5, or to 10 where the smallest group is larger than 20.
//! - Of URLs the path alone is told, as a template: what looks like a number of a person, an address or a token is `*`.
//!   What was not found is told only as far as it is known: a path of a page that was published, or the folder of one,
//!   so that nobody can write into a report by asking for something.
//! - What was published of a period is kept, and told again word for word. Periods that share days are not published
//!   both, nor one that is not over: who has two of such could subtract one from the other. A year, or any number of
//!   whole months, is therefore put together of its published months.

mod broken;
mod fold;
mod merge;
mod published;
#[cfg(test)]
mod tests;

pub use published::{MeasuredBy, Published, Row, Table, Told, Totals};

use jiff::civil::Date;

use self::fold::{Item, Rule};
use super::count::{Cells, Counts, Known, Measure};

/// The version of the form in which it is kept.
const FORM: u32 = 1;
/// The most rows of a table, by what it is about.
const PAGES: usize = 30;
const OTHERS: usize = 15;
const FEW: usize = 10;

/// What a publication says beside numbers.
#[derive(Clone, Debug)]
pub struct About {
    /// The site's first host name.
    pub site: String,
    /// Whose site it is.
    pub office: String,
    /// The day on which it is published.
    pub published: Date,
    /// The policy's version.
    pub policy: String,
    /// Its smallest group.
    pub smallest_group: u32,
    /// The day on which the entries begin, if that is later than the period.
    pub entries_begin: Option<Date>,
    /// Lines and segments that could not be read.
    pub unreadable: u64,
}

impl Published {
    /// What may be known of what was counted. `before` is what was published of the time before: what is not found now
    /// may have been a page then.
    pub fn of(counts: Counts, about: About, before: Option<&Self>) -> Self {
        let measure = counts.measure();
        let rule = Rule {
            smallest: about.smallest_group,
            measure,
        };
        let kept = counts.kept;
        let if_kept = |is_kept: bool, table: Table| if is_kept { table } else { Table::NotKept };
        let totals = Totals {
            views: rule.count(&counts.views),
            visits: rule.count(&counts.visits),
            visitors: rule.visitors(&counts.all),
            requests: rule.count(&counts.all),
            bytes: (kept.bytes && rule.is_large(&counts.all)).then(|| two_digits(counts.bytes)),
            robots: rule.count_of_robots(&counts.robots),
            counts_visits: kept.first_pages,
        };
        let day_names: Vec<_> = counts.period.days().map(|day| day.to_string()).collect();
        let numbers = |from: usize| (from..).map(|number| number.to_string());
        let (pages, seen) = tree(&rule, counts.pages, PAGES);
        let broken = broken::links(&rule, counts.broken, &seen, before);
        let slow = slow(&seen);
        let statuses = counts
            .statuses
            .into_iter()
            .map(|(status, group)| Item::new(status.to_string(), group));
        Self::vouch(Told {
            form: FORM,
            site: about.site,
            office: about.office,
            period: counts.period,
            published: about.published,
            policy: about.policy,
            smallest_group: about.smallest_group,
            measured_by: match measure {
                Measure::Visitors => MeasuredBy::Visitors,
                Measure::Requests => MeasuredBy::Requests,
            },
            rounded_to: rule.step(),
            entries_begin: about.entries_begin,
            unreadable: about.unreadable,
            robots_apart: kept.agents,
            pages_apart: kept.urls,
            totals,
            days: rule.in_order(items(day_names, counts.days)),
            hours: if_kept(kept.arrivals, rule.in_order(items(numbers(0), counts.hours))),
            weekdays: rule.in_order(items(numbers(1), counts.weekdays)),
            things: if_kept(kept.urls, rule.ranked(named(counts.things), Default::default(), OTHERS)),
            pages: if_kept(kept.urls, pages),
            entries: if_kept(kept.first_pages && kept.urls, tree(&rule, counts.entries, OTHERS).0),
            files: if_kept(kept.urls, tree(&rule, counts.files, OTHERS).0),
            sites: if_kept(kept.sites, ranked(&rule, counts.sites, OTHERS)),
            browsers: if_kept(kept.agents, known(&rule, counts.browsers)),
            systems: if_kept(kept.agents, known(&rule, counts.systems)),
            statuses: if_kept(
                kept.statuses,
                rule.ranked(statuses.collect(), Default::default(), OTHERS),
            ),
            errors: if_kept(kept.errors, ranked(&rule, counts.errors, OTHERS)),
            broken: if_kept(kept.holders && kept.urls && kept.statuses, broken),
            slow: if_kept(kept.times, slow),
        })
    }
}

fn items<G>(names: impl IntoIterator<Item = String>, groups: G) -> Vec<Item>
where
    G: IntoIterator<Item = super::count::Group>,
{
    names
        .into_iter()
        .zip(groups)
        .map(|(name, group)| Item::new(name, group))
        .collect()
}

fn named(groups: impl IntoIterator<Item = (&'static str, super::count::Group)>) -> Vec<Item> {
    groups.into_iter().map(|(name, group)| Item::new(name, group)).collect()
}

fn known(rule: &Rule, known: Known) -> Table {
    rule.ranked(named(known.named), known.rest, OTHERS)
}

fn of_cells(cells: Cells) -> (Vec<Item>, super::count::Group) {
    let (cells, rest) = cells.into_parts();
    let item = |cell: super::count::Cell| Item {
        times: cell.times,
        ..Item::new(cell.name, cell.group)
    };
    (cells.into_iter().map(item).collect(), rest)
}

fn ranked(rule: &Rule, cells: Cells, most: usize) -> Table {
    let (items, rest) = of_cells(cells);
    rule.ranked(items, rest, most)
}

fn tree(rule: &Rule, cells: Cells, most: usize) -> (Table, Vec<Item>) {
    let (items, rest) = of_cells(cells);
    rule.tree(items, rest, most)
}

/// Of the pages that may be seen those whose answers take longest.
fn slow(seen: &[Item]) -> Table {
    let mut rows: Vec<Row> = seen
        .iter()
        .filter_map(|item| {
            let times = item.times.as_ref()?;
            Some(Row {
                name: item.name.clone(),
                typical_ms: Some(times.within(0.5)),
                slow_ms: Some(times.within(0.95)),
                ..Row::default()
            })
        })
        .collect();
    rows.sort_by(|one, other| (other.slow_ms, &one.name).cmp(&(one.slow_ms, &other.name)));
    rows.truncate(FEW);
    if rows.is_empty() {
        return Table::TooFew;
    }
    Table::Shown { rows, other: None }
}

fn two_digits(number: u64) -> u64 {
    let mut scale = 1;
    while number / scale >= 100 {
        scale *= 10;
    }
    (number / scale + u64::from(number % scale >= scale.div_ceil(2) && scale > 1)) * scale
}
