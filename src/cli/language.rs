//! The language in which the program speaks.

use std::env;

use clap::ValueEnum;

use crate::policy::Lang;

/// A language of the statement, and of what is said to administrators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Language {
    /// Polish.
    #[default]
    Pl,
    /// English.
    En,
}

impl Language {
    /// That of LC_ALL or LANG, otherwise English.
    pub(super) fn of_environment() -> Self {
        of(|name| env::var(name).ok())
    }
}

impl From<Language> for Lang {
    fn from(language: Language) -> Self {
        match language {
            Language::Pl => Self::Pl,
            Language::En => Self::En,
        }
    }
}

/// The language of an environment (POSIX, section 8.2: the first of these that says anything).
fn of(variable: impl Fn(&str) -> Option<String>) -> Language {
    let mut said = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(variable)
        .filter(|value| !value.is_empty());
    match said.next() {
        Some(locale) if locale.starts_with("pl") => Language::Pl,
        _ => Language::En,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_that_of_the_first_variable_that_says_anything() {
        let of = |set: &[(&str, &str)]| {
            super::of(|name| {
                set.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        assert_eq!(of(&[]), Language::En);
        assert_eq!(of(&[("LANG", "pl_PL.UTF-8")]), Language::Pl);
        assert_eq!(of(&[("LC_ALL", "C"), ("LANG", "pl_PL.UTF-8")]), Language::En);
        assert_eq!(of(&[("LC_ALL", ""), ("LANG", "pl")]), Language::Pl);
    }
}
