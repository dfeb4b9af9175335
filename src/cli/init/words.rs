//! What `init` says. A sentence that is missing in a language does not compile.

mod english;
mod polish;

use crate::policy::Lang;
use crate::survey::{Bound, Use};

/// Every sentence, in one language.
pub(super) struct Words {
    /// How many pages were read.
    pub(super) read: fn(usize) -> String,
    pub(super) of_host: &'static str,
    pub(super) made_with: &'static str,
    pub(super) unknown: &'static str,
    pub(super) signs: &'static str,
    pub(super) log_in: &'static str,
    pub(super) no_log_in: &'static str,
    pub(super) bound: fn(Bound) -> &'static str,
    /// How many pages were not answered, or not whole.
    pub(super) unread: fn(usize) -> String,

    pub(super) cookies: &'static str,
    /// The heads of its columns: name, lifetime, where, preset.
    pub(super) cookie_heads: [&'static str; 4],
    pub(super) no_cookies: &'static str,
    pub(super) session: &'static str,
    pub(super) deleted: &'static str,
    pub(super) unlisted: &'static str,
    pub(super) no_name: &'static str,

    pub(super) foreign: &'static str,
    /// The heads of its columns: host, what for, where.
    pub(super) foreign_heads: [&'static str; 3],
    pub(super) no_foreign: &'static str,
    pub(super) uses: fn(Use) -> &'static str,

    pub(super) written: &'static str,
    /// How many lines are open in a file, and which.
    pub(super) open: fn(&[usize]) -> String,

    pub(super) next: &'static str,
    pub(super) fill_in: &'static str,
    pub(super) check: &'static str,
    pub(super) make_journal: &'static str,
    pub(super) serve: &'static str,
    pub(super) look: &'static str,
    pub(super) enforce: &'static str,
}

impl Words {
    /// The sentences of a language.
    pub(super) fn of(lang: Lang) -> &'static Self {
        match lang {
            Lang::Pl => &polish::WORDS,
            Lang::En => &english::WORDS,
        }
    }
}
