//! Columns in the order of time: drawn as SVG that stretches, with letters beside it that do not.

use maud::{Markup, html};

use super::super::Edition;
use super::super::anonymity::Row;
use super::super::words::{Section, number};
use crate::policy::Lang;

/// The height of the drawing, in its own units.
const HEIGHT: f64 = 100.0;
/// A column has this width, and the space to the next one the rest of ten.
const WIDTH: f64 = 7.0;

pub(super) fn columns(edition: &Edition, section: &Section, id: &str, lang: Lang) -> Markup {
    let rows = (section.table)(&edition.now).rows();
    let largest = rows.iter().filter_map(|row| row.count).max().unwrap_or_default();
    let top = round_above(largest);
    let has_hidden = rows.iter().any(|row| row.count.is_none());
    let view = format!("0 0 {} {HEIGHT}", rows.len() * 10);
    let title = format!("{id}-picture");
    html! {
        figure.columns {
            div.plot {
                div.scale aria-hidden="true" {
                    @for line in [top, top / 2, 0] { span { (number(line, lang)) } }
                }
                svg viewBox=(view) preserveAspectRatio="none" role="img" aria-labelledby=(title) {
                    title id=(title) { (told(section, edition, rows, lang)) }
                    @for line in [0.0, HEIGHT / 2.0] {
                        line.grid x1="0" x2=(rows.len() * 10) y1=(line) y2=(line) {}
                    }
                    @for (at, row) in rows.iter().enumerate() { (column(at, row, top)) }
                    line.base x1="0" x2=(rows.len() * 10) y1=(HEIGHT) y2=(HEIGHT) {}
                }
            }
            div.marks aria-hidden="true" {
                @for (at, row) in rows.iter().enumerate() {
                    span.seldom[is_seldom(at, rows.len())] { (section.mark(row, lang)) }
                }
            }
            @if has_hidden {
                figcaption {
                    svg.sample viewBox="0 0 10 10" aria-hidden="true" focusable="false" {
                        rect.few y="4" width="10" height="3" {}
                    }
                    " " (super::few(edition, lang))
                }
            }
        }
    }
}

fn column(at: usize, row: &Row, top: u64) -> Markup {
    let x = at as f64 * 10.0 + (10.0 - WIDTH) / 2.0;
    html! {
        @match row.count {
            Some(count) => {
                @let height = (count as f64 / top.max(1) as f64 * HEIGHT * 10.0).round() / 10.0;
                rect.value x=(x) y=(HEIGHT - height) width=(WIDTH) height=(height) {}
            }
            None => rect.few x=(x) y=(HEIGHT - 3.0) width=(WIDTH) height="3" {},
        }
    }
}

/// What the picture shows, for who does not see it.
fn told(section: &Section, edition: &Edition, rows: &[Row], lang: Lang) -> String {
    let title = section.title(&edition.now, lang);
    let most = rows
        .iter()
        .filter(|row| row.count.is_some())
        .max_by_key(|row| row.count);
    let least = rows
        .iter()
        .filter(|row| row.count.is_some())
        .min_by_key(|row| row.count);
    let Some((most, least)) = most.zip(least) else {
        return title.to_owned();
    };
    let [most, least] = [most, least].map(|row| {
        let count = row.count.unwrap_or_default();
        format!("{} ({})", section.name(row, lang), number(count, lang))
    });
    match lang {
        Lang::Pl => format!("{title}: najwięcej {most}, najmniej {least}. Wszystkie liczby są w tabeli pod wykresem."),
        Lang::En => format!("{title}: most {most}, least {least}. All numbers are in the table below."),
    }
}

/// Of many marks a narrow screen shows some.
fn is_seldom(at: usize, count: usize) -> bool {
    count > 14 && !at.is_multiple_of(if count > 24 { 5 } else { 6 })
}

/// A round number at which the scale can end.
fn round_above(number: u64) -> u64 {
    let mut step = 10_u64;
    loop {
        for factor in [1, 2, 3, 4, 5, 6, 8] {
            if let Some(top) = step.checked_mul(factor).filter(|top| *top >= number) {
                return top;
            }
        }
        match step.checked_mul(10) {
            Some(next) => step = next,
            None => return number,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::round_above;

    #[test]
    fn scales_end_at_round_numbers() {
        for (number, top) in [
            (0, 10),
            (11, 20),
            (95, 100),
            (1_234, 2_000),
            (7_001, 8_000),
            (u64::MAX, u64::MAX),
        ] {
            assert_eq!(round_above(number), top);
        }
    }
}
