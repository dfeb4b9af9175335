//! What was published of several months, put together. Nothing is counted here, so nothing more can be seen.

use std::collections::BTreeMap;

use super::super::Period;
use super::published::{MeasuredBy, Published, Row, Table, Told, Totals};
use super::{FEW, OTHERS, PAGES};

/// How the rows of a table stand.
#[derive(Clone, Copy)]
enum Order {
    Ranked(usize),
    Own,
}

impl Published {
    /// One publication for all the months of a period; the only one as it is. `None` if there is none. Visitors are not
    /// told apart between months, so their number is known of each month only.
    pub fn together(period: Period, mut months: Vec<Self>) -> Option<Self> {
        if months.len() == 1 && months.first()?.period == period {
            return months.pop();
        }
        let newest = months.last()?.clone();
        let all = |table: fn(&Told) -> &Table, order| tables(months.iter().map(|month| table(month)), order);
        let ranked = |table, most| all(table, Order::Ranked(most));
        let sum = |total: fn(&Totals) -> Option<u64>| {
            months
                .iter()
                .filter_map(|month| total(&month.totals))
                .reduce(|a, b| a + b)
        };
        let first = months
            .iter()
            .map(|month| month.entries_begin.unwrap_or(month.period.first()))
            .min()?;
        let told = Told {
            period,
            smallest_group: months.iter().map(|month| month.smallest_group).min()?,
            rounded_to: months.iter().map(|month| month.rounded_to).min()?,
            measured_by: match months.iter().all(|month| month.measured_by == MeasuredBy::Visitors) {
                true => MeasuredBy::Visitors,
                false => MeasuredBy::Requests,
            },
            entries_begin: (first > period.first()).then_some(first),
            unreadable: months.iter().map(|month| month.unreadable).sum(),
            robots_apart: months.iter().all(|month| month.robots_apart),
            pages_apart: months.iter().all(|month| month.pages_apart),
            totals: Totals {
                views: sum(|totals| totals.views),
                visits: sum(|totals| totals.visits),
                visitors: None,
                requests: sum(|totals| totals.requests),
                bytes: sum(|totals| totals.bytes),
                robots: sum(|totals| totals.robots),
                counts_visits: months.iter().any(|month| month.totals.counts_visits),
            },
            days: by_month(period, &months),
            hours: all(|told| &told.hours, Order::Own),
            weekdays: all(|told| &told.weekdays, Order::Own),
            things: ranked(|told| &told.things, OTHERS),
            pages: ranked(|told| &told.pages, PAGES),
            entries: ranked(|told| &told.entries, OTHERS),
            files: ranked(|told| &told.files, OTHERS),
            sites: ranked(|told| &told.sites, OTHERS),
            browsers: ranked(|told| &told.browsers, OTHERS),
            systems: ranked(|told| &told.systems, OTHERS),
            statuses: ranked(|told| &told.statuses, OTHERS),
            errors: ranked(|told| &told.errors, OTHERS),
            broken: ranked(|told| &told.broken, FEW),
            slow: ranked(|told| &told.slow, FEW),
            ..(*newest).clone()
        };
        Some(Self::vouch(told))
    }
}

fn by_month(period: Period, months: &[Published]) -> Table {
    let row = |month: Period| {
        let totals = months
            .iter()
            .find(|published| published.period == month)
            .map(|month| &month.totals);
        Row {
            name: month.to_string(),
            count: totals.and_then(|totals| totals.views),
            visitors: totals.and_then(|totals| totals.visitors),
            ..Row::default()
        }
    };
    let rows: Vec<_> = period.parts().into_iter().map(row).collect();
    if rows.iter().all(|row| row.count.is_none()) {
        return Table::TooFew;
    }
    Table::Shown { rows, other: None }
}

fn tables<'a>(tables: impl Iterator<Item = &'a Table> + Clone, order: Order) -> Table {
    let mut places: BTreeMap<(&str, Option<&str>), usize> = BTreeMap::new();
    let mut rows: Vec<Row> = Vec::new();
    let mut other = None;
    for table in tables.clone() {
        for row in table.rows() {
            let place = *places.entry((&row.name, row.on.as_deref())).or_insert(rows.len());
            match rows.get_mut(place) {
                Some(sum) => add(sum, row),
                None => rows.push(Row {
                    visitors: None,
                    ..row.clone()
                }),
            }
        }
        if let Some(row) = table.other() {
            add(other.get_or_insert_default(), row);
        }
    }
    if rows.is_empty() {
        let any_kept = tables.into_iter().any(|table| *table != Table::NotKept);
        return if any_kept { Table::TooFew } else { Table::NotKept };
    }
    if let Order::Ranked(most) = order {
        rows.sort_by(|one, other| {
            let by_size = (other.count, other.slow_ms).cmp(&(one.count, one.slow_ms));
            by_size.then_with(|| (&one.name, &one.on).cmp(&(&other.name, &other.on)))
        });
        for row in rows.drain(most.min(rows.len())..).filter(|row| row.count.is_some()) {
            add(other.get_or_insert_default(), &row);
        }
    }
    Table::Shown { rows, other }
}

/// Numbers are added, as far as they are told; of times the longest counts.
fn add(sum: &mut Row, row: &Row) {
    sum.count = match (sum.count, row.count) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    };
    sum.typical_ms = sum.typical_ms.max(row.typical_ms);
    sum.slow_ms = sum.slow_ms.max(row.slow_ms);
}
