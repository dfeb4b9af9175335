//! Statistics: what is kept, counted until nobody is seen in it any more (P12, P13).
//!
//! ```text
//! journal ─▶ count ─▶ anonymity ─▶ Published ─▶ text, json, csv, html ─▶ people
//!          (memory only)            (kept beside the journal, once for each period)
//! ```
//!
//! [`Counts`] are about visitors, live in memory and can be shown to nobody. [`Published`] is made of them by the step
//! of anonymity alone, and what writes takes nothing else: an [`Edition`] is one or two of them.

mod anonymity;
mod count;
mod csv;
mod html;
mod json;
mod period;
mod text;
mod words;

pub use anonymity::{About, MeasuredBy, Published, Row, Table, Told, Totals};
pub use count::Counts;
pub(crate) use count::Times as AnswerTimes;
pub use html::STYLE;
pub use period::{Kind, Period};
pub(crate) use words::{number, share, size, time};

use self::words::{Both, Section};
use crate::policy::Lang;

/// What is shown of a site: a period, and the one before it.
#[derive(Clone, Debug)]
pub struct Edition {
    /// The statistics of the period.
    pub now: Published,
    /// Those of the period before, to compare with.
    pub before: Option<Published>,
}

/// Editions for a terminal: lines of at most 80 letters. `colours`: whether it shows any.
pub fn text(editions: &[Edition], lang: Lang, colours: bool) -> String {
    text::text(editions, lang, colours)
}

/// Editions for programs.
pub fn json(editions: &[Edition]) -> String {
    json::text(editions)
}

/// Editions for spreadsheets.
pub fn csv(editions: &[Edition], lang: Lang) -> String {
    csv::text(editions, lang)
}

/// Editions as one page that needs no script and nothing from elsewhere.
pub fn html(editions: &[Edition], lang: Lang) -> String {
    html::page(editions, lang)
}

/// A sum, now and before.
struct Total {
    name: Both,
    now: Option<u64>,
    before: Option<u64>,
    is_size: bool,
}

impl Total {
    fn shown(&self, number: u64, lang: Lang) -> String {
        match self.is_size {
            true => words::size(number, lang),
            false => words::number(number, lang),
        }
    }
}

/// The sums that can be known at all, in their order.
fn totals(edition: &Edition) -> Vec<Total> {
    let visitors_known = |told: &Told| told.measured_by == MeasuredBy::Visitors && told.period.parts().len() == 1;
    let total = |name, is_size, of: fn(&Totals) -> Option<u64>| Total {
        name,
        now: of(&edition.now.totals),
        before: edition.before.as_ref().and_then(|before| of(&before.totals)),
        is_size,
    };
    let now = &edition.now;
    let all = [
        (
            true,
            total(["Odsłony stron", "Page views"], false, |totals| totals.views),
        ),
        (
            now.totals.counts_visits,
            total(["Wizyty", "Visits"], false, |totals| totals.visits),
        ),
        (
            visitors_known(now),
            total(["Odwiedzający", "Visitors"], false, |totals| totals.visitors),
        ),
        (
            true,
            total(["Wszystkie zapytania", "All requests"], false, |totals| totals.requests),
        ),
        (
            now.totals.bytes.is_some(),
            total(["Wysłano", "Sent"], true, |totals| totals.bytes),
        ),
        (
            now.robots_apart,
            total(["Zapytania robotów", "Requests of robots"], false, |totals| {
                totals.robots
            }),
        ),
    ];
    all.into_iter()
        .filter_map(|(is_known, total)| is_known.then_some(total))
        .collect()
}

impl Edition {
    /// What a row was in the period before. Days have no such row.
    fn row_before(&self, section: &Section, row: &Row) -> Option<&Row> {
        if section.id == "days" || row.name.is_empty() {
            return None;
        }
        let table = (section.table)(self.before.as_deref()?);
        table
            .rows()
            .iter()
            .find(|other| other.name == row.name && other.on == row.on)
    }
}
