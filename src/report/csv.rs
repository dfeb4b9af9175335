//! For spreadsheets: all tables below each other (RFC 4180), numbers plain, names in the language of the report.

use super::Edition;
use super::anonymity::Row;
use super::words::{SECTIONS, say};
use crate::policy::Lang;

const HEADS: [&str; 10] = [
    "site",
    "period",
    "table",
    "name",
    "on_page",
    "count",
    "visitors",
    "typical_ms",
    "slow_ms",
    "count_before",
];

pub(super) fn text(editions: &[Edition], lang: Lang) -> String {
    let mut text = line(&HEADS.map(str::to_owned));
    for edition in editions {
        let now = &edition.now;
        let mut put = |table: &str, name: String, row: &Row, before: Option<u64>| {
            let number = |number: Option<u64>| number.map_or_else(String::new, |number| number.to_string());
            text += &line(&[
                now.site.clone(),
                now.period.to_string(),
                table.to_owned(),
                name,
                row.on.clone().unwrap_or_default(),
                number(row.count),
                number(row.visitors),
                number(row.typical_ms),
                number(row.slow_ms),
                number(before),
            ]);
        };
        for total in super::totals(edition) {
            let row = Row {
                count: total.now,
                ..Row::default()
            };
            put("totals", say(lang, total.name).to_owned(), &row, total.before);
        }
        for section in &SECTIONS {
            let table = (section.table)(now);
            for row in table.rows().iter().chain(table.other()) {
                put(
                    section.id,
                    section.name(row, lang),
                    row,
                    edition.row_before(section, row).and_then(|row| row.count),
                );
            }
        }
    }
    text
}

fn line(cells: &[String]) -> String {
    let cells: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
    cells.join(",") + "\r\n"
}

/// What a spreadsheet would take for a formula is text all the same.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{cell}") } else { cell.to_owned() };
    match text.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_stays_one_cell_and_no_formula() {
        assert_eq!(quoted("/a"), "/a");
        assert_eq!(quoted("a, \"b\""), "\"a, \"\"b\"\"\"");
        assert_eq!(quoted("=1+1"), "'=1+1");
    }
}
