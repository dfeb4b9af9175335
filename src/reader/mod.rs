//! Reads TOML and names every fault with its place and remedy.
//!
//! A [`Document`] is one file. Its [`Section`]s are asked for the keys they may hold, and each [`Value`] for what it
//! means; what does not fit becomes a [`Fault`] and reading goes on, so that nobody has to mend a file seven times.
//!
//! ```text
//! Document ─▶ Section ─▶ Value ─▶ text, number, duration, size, date …
//!     │          │         │
//!     └──────────┴─────────┴────▶ Faults: policy.toml:14:13: retention = "90" has no unit
//!                                           hint: write "90 days"
//! ```
//!
//! Faults quote what was written, except values whose key is named like a secret.

mod address;
mod document;
mod fault;
pub(crate) mod host;
mod section;
#[cfg(test)]
pub(crate) mod table;
mod unit;
mod value;

pub use document::Document;
pub use fault::{Fault, Faults, Place};
pub use section::Section;
pub use unit::{Bytes, Span};
pub use value::Value;

/// The nearest of `words` to a misspelt one, if any is near.
pub fn nearest<'w>(written: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let plain = |word: &str| word.to_ascii_lowercase().replace('-', "_");
    let written = plain(written);
    words
        .into_iter()
        .map(|word| (strsim::jaro_winkler(&written, &plain(word)), word))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_a_strange_one_is_not() {
        let words = ["client_address", "client_host", "user_agent"];
        assert_eq!(nearest("client_adress", words), Some("client_address"));
        assert_eq!(nearest("User-Agent", words), Some("user_agent"));
        assert_eq!(nearest("cookies", words), None);
    }
}
