//! `[third_parties]`: which other sites the pages of this one may call (P2), and what a visitor is told of it.

use std::fmt;

use super::{Lang, Mode, Text};

/// What pages may call at other sites, and what these learn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ThirdParties {
    /// Whether browsers are told to keep to it, or only to report.
    pub mode: Mode,
    /// What another site learns of where a visitor comes from, where it is enforced.
    pub referrer: Referring,
    /// The sites that may be called, each once.
    pub allowed: Vec<AllowedHost>,
}

/// What another site learns of where a visitor comes from, by a link or by content that a page loads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Referring {
    /// Nothing.
    #[default]
    Omitted,
    /// Scheme and host of this site.
    Host,
}

/// A site that may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedHost {
    /// Its name.
    pub host: HostPattern,
    /// Why.
    pub purpose: Text,
}

/// A host name, or all names below one: `*.tiles.example`. In lower case, without port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPattern(Box<str>);

impl HostPattern {
    /// `written` has been checked.
    pub(super) fn new(written: &str) -> Self {
        Self(written.into())
    }

    /// Whether it means this host, in lower case.
    pub fn covers(&self, host: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(below) => host.strip_suffix(below).is_some_and(|name| !name.is_empty()),
            None => *self.0 == *host,
        }
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl ThirdParties {
    /// What a visitor is told of it, by the keys that say so; the sites themselves apart.
    pub fn rules(&self) -> Vec<(&'static str, Text)> {
        if self.mode == Mode::Observe {
            return vec![(
                "mode",
                Text::new(
                    "Na razie nie ograniczamy tego, co strony wczytują z innych serwisów, a tylko liczymy, z jakich.",
                    "For the time being we do not limit what pages load from other sites, and only count from which.",
                ),
            )];
        }
        let referrer = match self.referrer {
            Referring::Omitted => Text::new(
                "Nakazujemy też przeglądarce, aby nie podawała innym serwisom, z jakiej strony przychodzi odwiedzający.",
                "We also tell the browser not to let other sites know from which page a visitor comes.",
            ),
            Referring::Host => Text::new(
                "Nakazujemy też przeglądarce, aby podawała innym serwisom najwyżej nazwę naszego serwisu, a nie adres \
                 strony, z której przychodzi odwiedzający.",
                "We also tell the browser to let other sites know no more than the name of our site, and not the page \
                 from which a visitor comes.",
            ),
        };
        vec![
            (
                "mode",
                Text::new(
                    "Nakazujemy przeglądarce, aby niczego nie wczytywała z serwisów, których ta polityka nie wymienia, \
                     i nie wysyłała im formularzy.",
                    "We tell the browser to load nothing from sites that this policy does not list, and to send them no \
                     forms.",
                ),
            ),
            ("referrer", referrer),
        ]
    }
}

impl AllowedHost {
    /// What a visitor is told of it, in one line.
    pub fn sentence(&self, lang: Lang) -> String {
        format!("{}: {}", self.host, self.purpose.get(lang))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_covers_what_is_below_and_not_what_only_ends_alike() {
        let star = HostPattern::new("*.tiles.example");
        assert!(star.covers("a.tiles.example") && star.covers("a.b.tiles.example"));
        assert!(!star.covers("tiles.example") && !star.covers("mytiles.example") && !star.covers(".tiles.example"));
        let exact = HostPattern::new("tiles.example");
        assert!(exact.covers("tiles.example") && !exact.covers("a.tiles.example"));
    }
}
