//! What a visitor is told about how much is kept and for how long, in both languages. Each sentence says what is
//! enforced and no more.

use std::fmt;

use super::{Field, Lang, Policy, Redact, Retention};

impl Policy {
    /// What is kept about a request, in the order in which an entry holds it, and how much of it.
    pub fn kept(&self) -> impl Iterator<Item = (Field, Treatment)> + '_ {
        Field::ALL.into_iter().filter_map(|field| {
            let treatment = field.of(&self.access.fields)?;
            let is_url = matches!(field, Field::Url | Field::ExternalReferrer | Field::InternalReferrer);
            let redacted = is_url && treatment == Treatment::Whole && self.access.redact.takes_something();
            Some((field, if redacted { Treatment::Redacted } else { treatment }))
        })
    }
}

/// How much of a field is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// All of it.
    Whole,
    /// A URL without what [`Redact`] takes out of it.
    Redacted,
    /// An address without its last bits.
    Shortened {
        /// Bits that stay of an IPv4 address.
        ipv4: u8,
        /// Bits that stay of an IPv6 address.
        ipv6: u8,
    },
    /// Scheme and host of a URL.
    Host,
    /// Family and system of a browser.
    Family,
}

impl Treatment {
    /// What a visitor is told besides [`Field::sentence`]; `None` if there is nothing to add.
    pub fn sentence(self, lang: Lang) -> Option<String> {
        Some(match (self, lang) {
            (Self::Whole | Self::Redacted, _) => return None,
            (Self::Shortened { ipv4, ipv6 }, Lang::Pl) => format!(
                "Adres skracamy: z adresu IPv4 zostaje początkowych {ipv4} z 32 bitów, z adresu IPv6 początkowych \
                 {ipv6} ze 128 bitów, a resztę zastępują zera."
            ),
            (Self::Shortened { ipv4, ipv6 }, Lang::En) => format!(
                "The address is shortened: the first {ipv4} of the 32 bits of an IPv4 address stay, the first {ipv6} \
                 of the 128 bits of an IPv6 address, and zeros replace the rest."
            ),
            (Self::Host, Lang::Pl) => "Zapisujemy tylko nazwę tego serwisu, bez adresu strony.".into(),
            (Self::Host, Lang::En) => "Only the name of that site is recorded, not the page.".into(),
            (Self::Family, Lang::Pl) => "Zapisujemy tylko rodzaj przeglądarki i systemu, bez ich wersji.".into(),
            (Self::Family, Lang::En) => "Only the kind of browser and system is recorded, not their versions.".into(),
        })
    }
}

/// In a few words, for a table: `first 24 bits of IPv4, 48 of IPv6`.
impl fmt::Display for Treatment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.pad("whole"),
            Self::Redacted => f.pad("redacted"),
            Self::Shortened { ipv4, ipv6 } => f.pad(&format!("first {ipv4} bits of IPv4, {ipv6} of IPv6")),
            Self::Host => f.pad("scheme and host"),
            Self::Family => f.pad("family and system"),
        }
    }
}

impl Redact {
    /// What a visitor is told of it; `None` if nothing is taken out.
    pub fn sentence(&self, lang: Lang) -> Option<String> {
        if !self.takes_something() {
            return None;
        }
        let Redact {
            query_values,
            emails,
            pesel,
            tokens,
            parameters,
        } = self;
        let say = |pl: &str, en: &str| match lang {
            Lang::Pl => pl.to_owned(),
            Lang::En => en.to_owned(),
        };
        let names = parameters.join(", ");
        let parts = [
            query_values.then(|| {
                say(
                    "wszystkie wartości po znaku zapytania",
                    "all values behind the question mark",
                )
            }),
            emails.then(|| say("adresy e-mail", "e-mail addresses")),
            pesel.then(|| say("numery PESEL", "PESEL numbers")),
            tokens.map(|length| match lang {
                Lang::Pl => {
                    format!("ciągi co najmniej {length} liter i cyfr zawierające cyfrę, a także identyfikatory UUID")
                }
                Lang::En => {
                    format!("strings of {length} or more letters and digits with a digit among them, and UUIDs")
                }
            }),
            (!names.is_empty()).then(|| match lang {
                Lang::Pl => format!("wartości parametrów {names}"),
                Lang::En => format!("the values of the parameters {names}"),
            }),
        ];
        let parts = parts.into_iter().flatten().collect::<Vec<_>>();
        let parts = parts.join("; ");
        Some(match lang {
            Lang::Pl => format!("Zanim zapiszemy adres URL, usuwamy z niego: {parts}."),
            Lang::En => format!("Before a URL is recorded, we take out of it: {parts}."),
        })
    }

    fn takes_something(&self) -> bool {
        let Self {
            query_values,
            emails,
            pesel,
            tokens,
            parameters,
        } = self;
        *query_values || *emails || *pesel || tokens.is_some() || !parameters.is_empty()
    }
}

impl Retention {
    /// What a visitor is told of it.
    pub fn sentence(self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Unlimited, Lang::Pl) => "Zapisy przechowujemy bezterminowo.".into(),
            (Self::Unlimited, Lang::En) => "Records are kept without a time limit.".into(),
            (Self::Days(days), Lang::Pl) => format!("Zapisy przechowujemy nie dłużej niż {days} dni."),
            (Self::Days(days), Lang::En) => format!("Records are kept for no longer than {days} days."),
        }
    }
}
