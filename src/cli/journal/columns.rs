//! Columns that fit the terminal, for any number of rows.
//!
//! The first rows are looked at before any is written, so that columns are as wide as they need to be. One that meets
//! a wider cell later is wider from there on.

use std::io::{self, Write};

use terminal_size::{Width, terminal_size_of};

use super::super::table::{Paint, short};
use super::form::Mark;

/// How many rows are looked at.
const LOOKED_AT: usize = 256;
/// Where there is no terminal.
const WIDTH: usize = 80;
/// What the last column has at least: for it the widest of the others gives way, but for the first, the time.
const LEAST: usize = 14;
/// No column gives way below this.
const NARROW: usize = 6;

/// Rows under their heads, two spaces between columns; what is cut ends in `…`.
pub(super) struct Columns {
    heads: &'static [&'static str],
    widths: Vec<usize>,
    waiting: Vec<(Vec<String>, Mark)>,
    begun: bool,
    width: usize,
    paint: Paint,
}

impl Columns {
    pub(super) fn new(heads: &'static [&'static str]) -> Self {
        let width = terminal_size_of(io::stdout()).map_or(WIDTH, |(Width(width), _)| width.into());
        Self::of_width(heads, width, Paint::of_stdout())
    }

    fn of_width(heads: &'static [&'static str], width: usize, paint: Paint) -> Self {
        Self {
            heads,
            widths: heads.iter().map(|head| head.chars().count()).collect(),
            waiting: Vec::new(),
            begun: false,
            width,
            paint,
        }
    }

    pub(super) fn row(&mut self, cells: Vec<String>, mark: Mark, out: &mut impl Write) -> io::Result<()> {
        for (width, cell) in self.widths.iter_mut().zip(&cells) {
            *width = (*width).max(cell.chars().count());
        }
        self.waiting.push((cells, mark));
        if self.begun || self.waiting.len() >= LOOKED_AT {
            self.flush(out)?;
        }
        Ok(())
    }

    /// Writes the rows that were looked at.
    pub(super) fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        if !std::mem::replace(&mut self.begun, true) {
            let heads = self.line(self.heads.iter().copied());
            writeln!(out, "{}", self.paint.quiet(&heads))?;
        }
        for (cells, mark) in std::mem::take(&mut self.waiting) {
            let line = self.line(cells.iter().map(String::as_str));
            match mark {
                Mark::None => writeln!(out, "{line}")?,
                Mark::Bad => writeln!(out, "{}", self.paint.bad(&line))?,
            }
        }
        Ok(())
    }

    fn line<'a>(&self, cells: impl Iterator<Item = &'a str>) -> String {
        let (widths, last) = self.fitting();
        let mut line = String::new();
        for (column, cell) in cells.enumerate() {
            match widths.get(column) {
                Some(&width) => line.push_str(&format!("{:width$}  ", short(cell, width))),
                None => line.push_str(&short(cell, last)),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }

    /// How wide each column is so that all fit, and the last one.
    fn fitting(&self) -> (Vec<usize>, usize) {
        let mut widths = self.widths.clone();
        widths.pop();
        let used = |widths: &[usize]| widths.iter().map(|width| width + 2).sum::<usize>();
        while used(&widths) + LEAST > self.width {
            match widths.iter_mut().skip(1).max().filter(|widest| **widest > NARROW) {
                Some(widest) => *widest -= 1,
                None => break,
            }
        }
        let last = self.width.saturating_sub(used(&widths)).max(1);
        (widths, last)
    }
}

/// A text that cannot steer a terminal: what does not print, or turns the direction of text, is escaped.
pub(in crate::cli) fn readable(text: &str) -> String {
    let odd = |sign: char| {
        sign.is_control()
            || matches!(sign, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    let mut clean = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            sign if odd(sign) => clean.extend(sign.escape_default()),
            sign => clean.push(sign),
        }
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(width: usize, rows: &[[&str; 3]]) -> Vec<String> {
        let mut columns = Columns::of_width(&["a", "status", "request"], width, Paint::none());
        let mut out = Vec::new();
        for row in rows {
            let cells = row.iter().map(|cell| (*cell).to_owned()).collect();
            columns.row(cells, Mark::Bad, &mut out).unwrap();
        }
        columns.flush(&mut out).unwrap();
        String::from_utf8(out).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn columns_are_aligned_and_end_at_the_edge() {
        let rows = [
            ["1", "200", "GET /żółw-i-inne"],
            ["12345", "404", "GET /"],
            ["1", "", ""],
        ];
        let expected = [
            "a      status  request",
            "1      200     GET /żółw-i-inne",
            "12345  404     GET /",
            "1",
        ];
        assert_eq!(table(80, &rows), expected);
        let long = ["1", "upstream.timeout", &"x".repeat(99)];
        assert_eq!(table(31, &[long])[1], "1  upstream.ti…  xxxxxxxxxxxxx…");
        for width in [0, 10, 31, 80] {
            assert!(
                table(width, &[long])
                    .iter()
                    .all(|line| line.chars().count() <= width.max(12))
            );
        }
    }

    #[test]
    fn without_rows_there_are_no_heads() {
        assert!(table(80, &[]).is_empty());
    }

    #[test]
    fn many_rows_are_written_as_they_come() {
        let rows = vec![["1", "2", "3"]; LOOKED_AT * 2 + 1];
        assert_eq!(table(80, &rows).len(), rows.len() + 1);
    }

    #[test]
    fn nothing_that_was_sent_steers_a_terminal() {
        assert_eq!(readable("a\u{1b}[31m\u{202e}ą\n"), "a\\u{1b}[31m\\u{202e}ą\\n");
    }
}
