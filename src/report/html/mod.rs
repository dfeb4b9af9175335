//! One page for everybody. Every text is escaped by maud, by its type; what a picture shows, a table beside it says.

mod columns;

use maud::{Markup, html};

use self::columns::columns;
use super::anonymity::Row;
use super::words::{self, Look, SECTIONS, Section, number, say};
use super::{Edition, Total};
use crate::policy::Lang;

/// The style of the page, for those who allow it by its hash.
pub const STYLE: &str = concat!(include_str!("../../page/base.css"), include_str!("page.css"));

pub(super) fn page(editions: &[Edition], lang: Lang) -> String {
    let statistics = say(lang, ["Statystyki", "Statistics"]);
    let sites: Vec<_> = editions.iter().map(|edition| edition.now.site.as_str()).collect();
    let period = editions
        .first()
        .map(|edition| words::period(edition.now.period, lang))
        .unwrap_or_default();
    let above = html! {
        p.office { (editions.first().map_or("", |edition| edition.now.office.as_str())) }
        p.what { (statistics) }
    };
    let content = html! {
        @for (at, edition) in editions.iter().enumerate() { (site(edition, at, lang)) }
    };
    let title = format!("{statistics} {} – {period}", sites.join(", "));
    crate::page::page(lang, &title, STYLE, &above, &content)
}

/// A site's part of the page, with its place for what has to be called differently in each.
fn site(edition: &Edition, at: usize, lang: Lang) -> Markup {
    let now = &edition.now;
    let id = |section: &str| match at {
        0 => section.to_owned(),
        _ => format!("{section}-{}", at + 1),
    };
    let how = say(lang, ["Jak powstały te liczby", "How these numbers were made"]);
    html! {
        article {
            h1 {
                span.host { (now.site) }
                " "
                span.period { (words::period(now.period, lang)) }
            }
            dl.totals {
                @for total in super::totals(edition) { (tile(&total, edition, lang)) }
            }
            nav aria-labelledby=(id("contents")) {
                h2 id=(id("contents")) { (say(lang, ["Spis treści", "Contents"])) }
                ul {
                    @for section in &SECTIONS {
                        li { a href={ "#" (id(section.id)) } { (section.title(now, lang)) } }
                    }
                    li { a href={ "#" (id("method")) } { (how) } }
                }
            }
            div.parts {
                @for section in &SECTIONS {
                    section.part.whole[is_wide(section)] aria-labelledby=(id(section.id)) {
                        h2 id=(id(section.id)) { (section.title(now, lang)) }
                        p.about { (section.about(now, lang)) }
                        (table(edition, section, &id(section.id), lang))
                    }
                }
                section.part.whole.method aria-labelledby=(id("method")) {
                    h2 id=(id("method")) { (how) }
                    ul { @for said in words::method(now, lang) { li { (said) } } }
                }
            }
        }
    }
}

fn is_wide(section: &Section) -> bool {
    matches!(section.id, "days" | "pages" | "sites" | "broken")
}

fn tile(total: &Total, edition: &Edition, lang: Lang) -> Markup {
    let change = total
        .now
        .zip(total.before)
        .and_then(|(now, before)| words::change(now, before, lang));
    html! {
        div {
            dt { (say(lang, total.name)) }
            dd {
                @match total.now {
                    Some(now) => span.number { (total.shown(now, lang)) },
                    None => span.number.none { (few(edition, lang)) },
                }
                @if let (Some(change), Some(before)) = (change, &edition.before) {
                    span.change {
                        strong { (change) } " "
                        (say(lang, ["wobec:", "from:"])) " " (words::period(before.period, lang))
                    }
                }
            }
        }
    }
}

/// What stands for a number that is not told.
fn few(edition: &Edition, lang: Lang) -> String {
    let few = say(lang, ["mniej niż", "fewer than"]);
    format!("{few} {}", edition.now.smallest_group)
}

fn table(edition: &Edition, section: &Section, id: &str, lang: Lang) -> Markup {
    let table = (section.table)(&edition.now);
    html! {
        @if table.rows().is_empty() {
            p.nothing { (section.nothing(table, lang)) }
        } @else {
            @match section.look {
                Look::Columns => {
                    (columns(edition, section, id, lang))
                    details {
                        summary { (say(lang, ["Te same liczby w tabeli", "The same numbers as a table"])) }
                        (rows(edition, section, lang))
                    }
                }
                Look::Times => (times(edition, section, lang)),
                Look::Bars | Look::Links => (rows(edition, section, lang)),
            }
        }
    }
}

/// What stands in the columns of a table of numbers.
struct Columns {
    visitors: bool,
    holder: bool,
    bars: bool,
    change: bool,
    largest: u64,
    whole: u64,
}

impl Columns {
    fn of(edition: &Edition, section: &Section) -> Self {
        let table = (section.table)(&edition.now);
        let counts = table.rows().iter().filter_map(|row| row.count);
        Self {
            visitors: is_wide(section) && table.rows().iter().any(|row| row.visitors.is_some()),
            holder: section.look == Look::Links,
            bars: section.look == Look::Bars,
            change: table
                .rows()
                .iter()
                .any(|row| edition.row_before(section, row).is_some()),
            largest: counts.clone().max().unwrap_or(1).max(1),
            whole: counts.chain(table.other().and_then(|row| row.count)).sum(),
        }
    }
}

fn rows(edition: &Edition, section: &Section, lang: Lang) -> Markup {
    let table = (section.table)(&edition.now);
    let columns = Columns::of(edition, section);
    let [name, count] = section.heads;
    html! {
        table {
            caption.unseen { (section.title(&edition.now, lang)) }
            thead {
                tr {
                    th scope="col" { (say(lang, name)) }
                    @if columns.holder { th scope="col" { (say(lang, ["Na stronie", "On the page"])) } }
                    th.figure scope="col" { (say(lang, count)) }
                    th.figure scope="col" { (say(lang, ["Część", "Share"])) }
                    @if columns.visitors { th.figure scope="col" { (say(lang, ["Odwiedzający", "Visitors"])) } }
                    @if columns.change { th.figure scope="col" { (say(lang, ["Zmiana", "Change"])) } }
                }
            }
            tbody {
                @for row in table.rows().iter().chain(table.other()) { (line(edition, section, row, &columns, lang)) }
            }
        }
    }
}

fn line(edition: &Edition, section: &Section, row: &Row, columns: &Columns, lang: Lang) -> Markup {
    let is_other = row.name.is_empty();
    let before = edition.row_before(section, row).and_then(|row| row.count);
    let change = row
        .count
        .zip(before)
        .and_then(|(now, before)| words::change(now, before, lang));
    let name = section.name(row, lang);
    html! {
        tr.others[is_other] {
            th scope="row" {
                @if section.is_of_paths() && !is_other { span.path { (name) } } @else { (name) }
                @if let (true, false, Some(count)) = (columns.bars, is_other, row.count) {
                    (bar(count, before, columns.largest))
                }
            }
            @if columns.holder { td { @if let Some(holder) = &row.on { span.path { (holder) } } } }
            td.figure {
                @match row.count {
                    Some(count) => (number(count, lang)),
                    None => span.none { (few(edition, lang)) },
                }
            }
            td.figure.quiet { @if let Some(count) = row.count { (words::share(count, columns.whole, lang)) } }
            @if columns.visitors {
                td.figure.quiet { @if let Some(visitors) = row.visitors { (number(visitors, lang)) } }
            }
            @if columns.change { td.figure.quiet { @if let Some(change) = change { (change) } } }
        }
    }
}

/// As long as its part of the largest, with a stroke where it was before. The numbers beside it say the same.
fn bar(count: u64, before: Option<u64>, largest: u64) -> Markup {
    let part = |count: u64| (count as f64 * 100.0 / largest as f64 * 10.0).round() / 10.0;
    html! {
        svg.bar viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect.track width="100" height="6" {}
            rect.value width=(part(count)) height="6" {}
            @if let Some(before) = before.filter(|before| *before <= largest) {
                rect.before x=((part(before) - 0.4).max(0.0)) width="0.4" height="6" {}
            }
        }
    }
}

fn times(edition: &Edition, section: &Section, lang: Lang) -> Markup {
    let table = (section.table)(&edition.now);
    let time = |time: Option<u64>| time.map(|time| words::time(time, lang));
    let largest = table
        .rows()
        .iter()
        .filter_map(|row| row.slow_ms)
        .max()
        .unwrap_or(1)
        .max(1);
    let [name, slow] = section.heads;
    html! {
        table {
            caption.unseen { (section.title(&edition.now, lang)) }
            thead {
                tr {
                    th scope="col" { (say(lang, name)) }
                    th.figure scope="col" { (say(lang, ["Połowa", "Half"])) }
                    th.figure scope="col" { (say(lang, slow)) }
                }
            }
            tbody {
                @for row in table.rows() {
                    tr {
                        th scope="row" {
                            span.path { (section.name(row, lang)) }
                            (bar(row.slow_ms.unwrap_or_default(), None, largest))
                        }
                        td.figure.quiet { @if let Some(time) = time(row.typical_ms) { (time) } }
                        td.figure { @if let Some(time) = time(row.slow_ms) { (time) } }
                    }
                }
            }
        }
    }
}
