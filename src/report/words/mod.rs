//! What statistics are called and how they are explained, in Polish and English.

mod method;
mod names;
mod numbers;
mod sections;

pub(super) use method::method;
pub(super) use numbers::change;
pub(crate) use numbers::{number, share, size, time};
pub(super) use sections::{Look, SECTIONS, Section};

use jiff::civil::Date;

use super::{Kind, Period};
use crate::policy::Lang;

/// Polish, English.
pub(super) type Both = [&'static str; 2];

pub(super) fn say(lang: Lang, [pl, en]: Both) -> &'static str {
    match lang {
        Lang::Pl => pl,
        Lang::En => en,
    }
}

/// A day as people write it.
pub(super) fn day(date: Date, lang: Lang) -> String {
    crate::policy::statement::day(date, lang)
}

/// What a period is called.
pub(super) fn period(period: Period, lang: Lang) -> String {
    let (first, last) = (period.first(), period.last());
    match period.kind() {
        Kind::Year => match lang {
            Lang::Pl => format!("rok {}", first.year()),
            Lang::En => format!("the year {}", first.year()),
        },
        Kind::Month => names::when(&period.to_string(), lang),
        Kind::Week | Kind::Days if first == last => day(first, lang),
        Kind::Week | Kind::Days => format!("{} – {}", day(first, lang), day(last, lang)),
    }
}
