//! What the live view says. A word that is missing in a language does not compile.

mod english;
mod polish;

use crate::policy::Lang;

/// Every word, in one language.
pub(super) struct Words {
    pub(super) lang: Lang,
    pub(super) live: &'static str,
    pub(super) paused: &'static str,
    /// How much is still to be read.
    pub(super) reading: fn(&str) -> String,

    /// The heads of its lines.
    pub(super) rates: &'static str,
    pub(super) most: fn(&str) -> String,
    pub(super) ago: &'static str,
    pub(super) answers: &'static str,
    pub(super) load: &'static str,
    pub(super) time: &'static str,
    pub(super) journal: &'static str,
    pub(super) event: &'static str,
    pub(super) trouble: &'static str,

    /// Requests a second: now, in a minute, in a quarter of an hour.
    pub(super) spans: [&'static str; 3],
    pub(super) unanswered: &'static str,
    pub(super) requests: &'static str,
    pub(super) robots: &'static str,
    pub(super) half: &'static str,
    pub(super) most_of_them: &'static str,
    pub(super) longest: &'static str,
    pub(super) no_times: &'static str,
    pub(super) records: &'static str,
    pub(super) unsigned: fn(&str) -> String,
    pub(super) signed: fn(&str) -> String,
    pub(super) disk: fn(&str) -> String,
    pub(super) in_segment: fn(&str) -> String,
    pub(super) silence: &'static str,

    /// By [`Panel`](super::Panel).
    pub(super) panels: [&'static str; 4],
    /// By [`Order`](super::Order).
    pub(super) orders: [&'static str; 4],
    /// Requests, errors, bytes, mean time, longest time.
    pub(super) columns: [&'static str; 5],
    /// What has no name any more.
    pub(super) others: &'static str,
    pub(super) nothing: &'static str,
    pub(super) robot: &'static str,
    pub(super) other_agent: &'static str,
    pub(super) unknown: &'static str,
    /// A browser and its system.
    pub(super) on: fn(&str, &str) -> String,

    pub(super) keys: &'static str,
    pub(super) help: &'static [&'static str],
}

impl Words {
    /// Those of a language.
    pub(super) fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Pl => &polish::WORDS,
            Lang::En => &english::WORDS,
        }
    }

    /// A small number, to a tenth.
    pub(super) fn decimal(&self, number: f64) -> String {
        let text = format!("{number:.1}");
        match self.lang {
            Lang::Pl => text.replace('.', ","),
            Lang::En => text,
        }
    }
}
