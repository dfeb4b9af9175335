//! For a terminal of 80 columns.

use std::fmt::Write as _;

use super::anonymity::Row;
use super::words::{self, Look, SECTIONS, Section, number, say};
use super::{Edition, Total};
use crate::policy::Lang;

const WIDTH: usize = 80;
/// Of a table of bars: the name, the bar, the number, the share and the change.
const NAME: usize = 38;
const BAR: usize = 14;
const NUMBER: usize = 10;
const SHARE: usize = 7;
const CHANGE: usize = 7;

/// How it is written.
pub(super) struct Writer {
    lang: Lang,
    /// Whether there is a terminal that shows colours.
    colours: bool,
    text: String,
}

pub(super) fn text(editions: &[Edition], lang: Lang, colours: bool) -> String {
    let mut writer = Writer {
        lang,
        colours,
        text: String::new(),
    };
    for edition in editions {
        writer.edition(edition);
    }
    writer.text
}

impl Writer {
    fn edition(&mut self, edition: &Edition) {
        let lang = self.lang;
        let now = &edition.now;
        if !self.text.is_empty() {
            self.line("");
        }
        let title = format!("{}, {}", now.site, words::period(now.period, lang));
        let title = self.strong(&short(&title, WIDTH));
        self.line(&title);
        let office = self.quiet(&short(&now.office, WIDTH));
        self.line(&office);
        self.line("");
        self.totals(edition);
        for section in &SECTIONS {
            self.section(edition, section);
        }
        let how = say(lang, ["Jak powstały te liczby", "How these numbers were made"]);
        self.heading(how);
        for paragraph in words::method(now, lang) {
            for line in wrapped(&paragraph, WIDTH - 3) {
                self.line(&format!("   {line}"));
            }
        }
    }

    fn totals(&mut self, edition: &Edition) {
        for total in super::totals(edition) {
            let Total { now, before, .. } = total;
            let shown = match now {
                Some(now) => total.shown(now, self.lang),
                None => "–".to_owned(),
            };
            let change = now
                .zip(before)
                .and_then(|(now, before)| words::change(now, before, self.lang));
            let change = self.quiet(&format!("{:>9}", change.unwrap_or_default()));
            let line = format!("   {}{:>14}{change}", padded(say(self.lang, total.name), 34), shown);
            self.line(line.trim_end());
        }
        if let Some(before) = &edition.before {
            let said = say(self.lang, ["w porównaniu z okresem", "compared with"]);
            let line = format!("   {said}: {}", words::period(before.period, self.lang));
            let line = self.quiet(&short(&line, WIDTH));
            self.line(&line);
        }
    }

    fn section(&mut self, edition: &Edition, section: &Section) {
        let lang = self.lang;
        let table = (section.table)(&edition.now);
        self.heading(section.title(&edition.now, lang));
        if table.rows().is_empty() {
            let nothing = self.quiet(&format!("   {}", section.nothing(table, lang)));
            return self.line(&nothing);
        }
        let counts = table.rows().iter().filter_map(|row| row.count);
        let largest = counts.clone().max().unwrap_or_default();
        let whole: u64 = counts.chain(table.other().and_then(|row| row.count)).sum();
        for row in table.rows() {
            let before = edition.row_before(section, row).and_then(|row| row.count);
            match section.look {
                Look::Times => self.times(section, row),
                Look::Columns | Look::Bars => self.bar(section, row, largest, whole, before),
                Look::Links => {
                    self.bar(section, row, largest, whole, before);
                    let holder = row.on.as_deref().unwrap_or_default();
                    let line = format!("     {} {holder}", say(lang, ["na stronie", "on the page"]));
                    let line = self.quiet(&short(&line, WIDTH));
                    self.line(&line);
                }
            }
        }
        if let Some(other) = table.other() {
            self.bar(section, other, 0, whole, None);
        }
    }

    fn bar(&mut self, section: &Section, row: &Row, largest: u64, whole: u64, before: Option<u64>) {
        let lang = self.lang;
        let name = section.name(row, lang);
        let Some(count) = row.count else {
            let name = padded(&short(&name, NAME), NAME);
            let line = format!("   {name} {:>width$}", "–", width = BAR + NUMBER);
            let line = self.quiet(&line);
            return self.line(&line);
        };
        let change = before
            .and_then(|before| words::change(count, before, lang))
            .unwrap_or_default();
        let count_told = format!("{:>NUMBER$}", number(count, lang));
        let share = format!("{:>SHARE$}", words::share(count, whole, lang));
        let change = format!("{change:>CHANGE$}");
        // Large numbers take their room from the bar, and then from the name.
        let told = [&count_told, &share, &change].map(|told| told.chars().count());
        let left = WIDTH.saturating_sub(4 + told.iter().sum::<usize>());
        let bar_room = BAR.min(left.saturating_sub(NAME));
        let name_room = left - bar_room;
        let bar = padded(&bar(count, largest, bar_room), bar_room);
        let line = format!(
            "   {} {}{count_told}{}{}",
            padded(&short(&name, name_room), name_room),
            self.coloured(&bar),
            self.quiet(&share),
            self.quiet(&change),
        );
        self.line(line.trim_end());
    }

    fn times(&mut self, section: &Section, row: &Row) {
        let time = |time: Option<u64>| time.map_or_else(String::new, |time| words::time(time, self.lang));
        let name = padded(&short(&section.name(row, self.lang), 50), 50);
        let line = format!("   {name}{:>13}{:>13}", time(row.typical_ms), time(row.slow_ms));
        self.line(&line);
    }

    fn heading(&mut self, title: &str) {
        self.line("");
        let title = self.strong(title);
        self.line(&title);
    }

    fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "{line}"); // a String takes all
    }

    fn strong(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn quiet(&self, text: &str) -> String {
        self.with("2", text)
    }

    fn coloured(&self, text: &str) -> String {
        self.with("34", text)
    }

    fn with(&self, code: &str, text: &str) -> String {
        match self.colours {
            true => format!("\x1b[{code}m{text}\x1b[0m"),
            false => text.to_owned(),
        }
    }
}

/// A bar, to an eighth of a letter, where there is room for so many.
fn bar(count: u64, largest: u64, room: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    if largest == 0 || room == 0 {
        return String::new();
    }
    let eighths = (u128::from(count) * room as u128 * 8 / u128::from(largest)).max(1) as usize; // of a few letters
    "█".repeat((eighths / 8).min(room)) + EIGHTHS[if eighths / 8 < room { eighths % 8 } else { 0 }]
}

/// At least so wide, in letters.
fn padded(text: &str, width: usize) -> String {
    let blanks = width.saturating_sub(text.chars().count());
    format!("{text}{}", " ".repeat(blanks))
}

/// At most so wide: what is too long loses its middle, for the ends of addresses tell more.
fn short(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let (head, tail) = (width.div_ceil(2) - 1, width / 2);
    text.chars()
        .take(head)
        .chain(['…'])
        .chain(text.chars().skip(length - tail))
        .collect()
}

fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let fits = |line: &String| line.is_empty() || line.chars().count() + 1 + word.chars().count() <= width;
        if !lines.last().is_some_and(fits) {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_as_long_as_its_part_of_the_largest() {
        assert_eq!(bar(10, 10, BAR), "█".repeat(BAR));
        assert_eq!(bar(5, 10, BAR), "█".repeat(BAR / 2));
        assert_eq!(bar(1, 1_000_000, BAR), "▏");
        assert_eq!(bar(3, 0, BAR), "");
        assert_eq!(bar(3, 3, 0), "");
    }

    #[test]
    fn what_is_too_long_loses_its_middle() {
        assert_eq!(short("żółw", 4), "żółw");
        assert_eq!(short("/aktualności/budżet", 9), "/akt…dżet");
        assert_eq!(wrapped("a bb ccc", 4), ["a bb", "ccc"]);
    }
}
