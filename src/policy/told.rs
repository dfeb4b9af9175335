//! What a visitor is told, in both languages, key by key of `policy.toml`. Each sentence says what is enforced and no
//! more. The statement is made of them, and two versions of a policy differ where they do.

use std::cmp::Ordering;
use std::fmt;
use std::time::Duration;

use super::{
    Addresses, Allowed, AllowedHost, Controller, Cookies, Ends, Field, FirstPage, Lang, LegalBasis, Log, Mode, Policy,
    Redact, Retention, Text, ThirdParties, Unlisted,
};

/// One thing that a policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// Its key in `policy.toml`: `log.access.retention`, `cookies.allow PHPSESSID`.
    pub key: String,
    /// What it is about, and how much of it there is.
    pub about: About,
    /// What a visitor is told of it.
    pub text: Text,
}

/// What a thing that is told is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// Something that is kept about a request, and the days after which it goes if that is sooner than the rest.
    Kept(Treatment, Option<u32>),
    /// Something that is taken out of URLs; of tokens those of this length or more.
    TakenOut(Option<u16>),
    /// How long it is kept.
    Retention(Retention),
    /// A cookie that may pass.
    Cookie,
    /// Cookies in general.
    Cookies,
    /// Another site that pages may call.
    Host,
    /// Other sites in general.
    ThirdParties,
    /// The office, and what it declares.
    Office,
}

/// That nobody discloses alone.
pub(super) fn two_people_sentence(lang: Lang) -> String {
    match lang {
        Lang::Pl => {
            "O każdym udostępnieniu decydują dwie osoby: jedna wpisuje żądanie, druga je zatwierdza.".to_owned()
        }
        Lang::En => "Every disclosure takes two people: one enters the demand, another approves it.".to_owned(),
    }
}

impl Policy {
    /// Everything that it says but for its version and date, in the order of the file. What is not kept is not told.
    pub fn told(&self) -> Vec<Told> {
        // Taken apart without `..`, here and below: a new part of a policy does not compile until it is told.
        let Policy {
            version: _,
            effective: _,
            controller,
            legal_basis,
            access,
            addresses,
            cookies,
            third_parties,
            smallest_group,
            correspondence,
            disclosure,
            two_people,
        } = self;
        let mut told = Vec::new();
        let mut tell = |key: &str, about, text| {
            told.push(Told {
                key: key.to_owned(),
                about,
                text,
            });
        };
        let Controller { name, address, contact } = controller;
        for (key, text) in [("name", name), ("address", address), ("contact", contact)] {
            tell(&format!("controller.{key}"), About::Office, Text::of(|_| text.clone()));
        }
        if let Some(basis) = legal_basis {
            tell("legal_basis", About::Office, Text::of(|lang| basis.sentence(lang)));
        }
        let Log {
            purpose,
            retention,
            fields: _,
            redact,
        } = access;
        tell("log.access.purpose", About::Office, purpose.clone());
        let time = About::Retention(*retention);
        tell("log.access.retention", time, Text::of(|lang| retention.sentence(lang)));
        if let Some(addresses) = addresses {
            let Addresses {
                purpose,
                days,
                fields: _,
            } = addresses;
            tell("log.addresses.purpose", About::Office, purpose.clone());
            let time = About::Retention(Retention::Days(*days));
            tell(
                "log.addresses.retention",
                time,
                Text::of(|lang| addresses.sentence(lang)),
            );
        }
        for kept in self.kept() {
            let key = format!("log.access.fields.{}", kept.field.key()); // in whichever log it stands
            let about = About::Kept(kept.treatment, kept.days);
            tell(&key, about, Text::of(|lang| kept.sentence(lang)));
        }
        for (key, text) in redact.parts() {
            let length = redact.tokens.filter(|_| key == "tokens");
            let key = format!("log.access.redact.{key}");
            let sentence = Text::of(|lang| Redact::sentence_of(text.get(lang), lang));
            tell(&key, About::TakenOut(length), sentence);
        }
        let Cookies {
            mode: _,
            unlisted: _,
            expire_unlisted: _,
            login_hosts: _, // in the sentences of the cookies that end when the visitor leaves
            first_page,
            allowed,
        } = cookies;
        for (key, sentence) in cookies.rules() {
            tell(&format!("cookies.{key}"), About::Cookies, sentence);
        }
        for cookie in allowed {
            let Allowed { name, purpose, ends } = cookie;
            let text = |lang| format!("{name}: {} {}", purpose.get(lang), cookies.ends_sentence(ends, lang));
            tell(&format!("cookies.allow {name}"), About::Cookie, Text::of(text));
        }
        if let Some(FirstPage { name, purpose }) = first_page {
            let ends = |lang| cookies.ends_sentence(&Ends::default(), lang);
            let text = |lang| format!("{name}: {} {}", purpose.get(lang), ends(lang));
            tell("cookies.first_page", About::Cookie, Text::of(text));
        }
        if let Some(third_parties) = third_parties {
            let ThirdParties {
                mode: _,
                referrer: _,
                allowed,
            } = third_parties;
            for (key, sentence) in third_parties.rules() {
                tell(&format!("third_parties.{key}"), About::ThirdParties, sentence);
            }
            for site in allowed {
                let AllowedHost { host, purpose: _ } = site;
                let sentence = Text::of(|lang| site.sentence(lang));
                tell(&format!("third_parties.allow {host}"), About::Host, sentence);
            }
        }
        let group = Text::of(|lang| smallest_group_sentence(*smallest_group, lang));
        tell("statistics.smallest_group", About::Office, group);
        for (key, text) in [("correspondence", correspondence), ("disclosure", disclosure)] {
            if let Some(text) = text {
                tell(key, About::Office, text.clone());
            }
        }
        if *two_people {
            tell("disclosure.two_people", About::Office, Text::of(two_people_sentence));
        }
        told
    }

    /// What is kept about a request, in the order in which an entry holds it.
    pub fn kept(&self) -> impl Iterator<Item = Kept> + '_ {
        Field::ALL.into_iter().filter_map(|field| {
            if let Some(addresses) = &self.addresses
                && let Some(treatment) = field.of(&addresses.fields)
            {
                let days = Some(addresses.days);
                return Some(Kept { field, treatment, days });
            }
            let treatment = field.of(&self.access.fields)?;
            let is_url = matches!(field, Field::Url | Field::ExternalReferrer | Field::InternalReferrer);
            let redacted = is_url && treatment == Treatment::Whole && self.access.redact.takes_something();
            Some(Kept {
                field,
                treatment: if redacted { Treatment::Redacted } else { treatment },
                days: None,
            })
        })
    }

    /// Whether anything is kept of a field, in whichever log.
    pub fn keeps(&self, field: Field) -> bool {
        let apart = self
            .addresses
            .as_ref()
            .and_then(|addresses| field.of(&addresses.fields));
        apart.or(field.of(&self.access.fields)).is_some()
    }
}

/// What is kept of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Which.
    pub field: Field,
    /// How much of it.
    pub treatment: Treatment,
    /// The days after which it goes, where that is sooner than the rest: it stands in the log of addresses.
    pub days: Option<u32>,
}

impl Kept {
    /// What a visitor is told of it.
    pub fn sentence(&self, lang: Lang) -> String {
        let mut told = self.field.sentence(lang).to_owned();
        let sooner = self.days.map(|days| match lang {
            Lang::Pl => format!("Usuwamy to wcześniej niż resztę zapisu, najpóźniej po {days} dniach."),
            Lang::En => format!("We remove it sooner than the rest of the record, after {days} days at the latest."),
        });
        for more in [self.treatment.sentence(lang), sooner].into_iter().flatten() {
            told.push(' ');
            told.push_str(&more);
        }
        told
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

/// More is greater. Nothing is said where more of one thing is less of another.
impl PartialOrd for Treatment {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        let rank = |treatment: &Self| match treatment {
            Self::Whole => 2,
            Self::Redacted => 1,
            Self::Shortened { .. } | Self::Host | Self::Family => 0,
        };
        match (self, other) {
            (Self::Shortened { ipv4, ipv6 }, Self::Shortened { ipv4: v4, ipv6: v6 }) => {
                match (ipv4.cmp(v4), ipv6.cmp(v6)) {
                    (one, other) if one == other => Some(one),
                    (one, Ordering::Equal) | (Ordering::Equal, one) => Some(one),
                    _ => None,
                }
            }
            _ if self == other => Some(Ordering::Equal),
            _ => Some(rank(self).cmp(&rank(other))).filter(|order| order.is_ne()),
        }
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
        let parts: Vec<_> = self.parts().into_iter().map(|(_, text)| text).collect();
        let parts: Vec<_> = parts.iter().map(|text| text.get(lang)).collect();
        (!parts.is_empty()).then(|| Self::sentence_of(&parts.join("; "), lang))
    }

    /// What is taken out, by its key.
    pub fn parts(&self) -> Vec<(&'static str, Text)> {
        let Redact {
            query_values,
            emails,
            pesel,
            tokens,
            parameters,
        } = self;
        let mut parts = Vec::new();
        if *query_values {
            parts.push((
                "query_values",
                Text::new(
                    "wszystkie wartości po znaku zapytania",
                    "all values behind the question mark",
                ),
            ));
        }
        if *emails {
            parts.push(("emails", Text::new("adresy e-mail", "e-mail addresses")));
        }
        if *pesel {
            parts.push(("pesel", Text::new("numery PESEL", "PESEL numbers")));
        }
        if let Some(length) = tokens {
            parts.push((
                "tokens",
                Text::new(
                    format!("ciągi co najmniej {length} liter i cyfr zawierające cyfrę, a także identyfikatory UUID"),
                    format!("strings of {length} or more letters and digits with a digit among them, and UUIDs"),
                ),
            ));
        }
        if !parameters.is_empty() {
            let names = parameters.join(", ");
            parts.push((
                "parameters",
                Text::new(
                    format!("wartości parametrów {names}"),
                    format!("the values of the parameters {names}"),
                ),
            ));
        }
        parts
    }

    fn sentence_of(parts: &str, lang: Lang) -> String {
        match lang {
            Lang::Pl => format!("Zanim zapiszemy adres URL, usuwamy z niego: {parts}."),
            Lang::En => format!("Before a URL is recorded, we take out of it: {parts}."),
        }
    }

    fn takes_something(&self) -> bool {
        !self.parts().is_empty()
    }
}

impl LegalBasis {
    /// What a visitor is told of it.
    pub fn sentence(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::PublicTask, Lang::Pl) => "Podstawą prawną jest art. 6 ust. 1 lit. e RODO: przetwarzanie jest niezbędne \
                do wykonania zadania realizowanego w interesie publicznym."
                .into(),
            (Self::PublicTask, Lang::En) => "The legal basis is Article 6(1)(e) of the GDPR: the processing is necessary \
                for the performance of a task carried out in the public interest."
                .into(),
            (Self::LegitimateInterest, Lang::Pl) => "Podstawą prawną jest art. 6 ust. 1 lit. f RODO: przetwarzanie jest \
                niezbędne ze względu na prawnie uzasadniony interes, którym jest sprawne i bezpieczne działanie serwisu."
                .into(),
            (Self::LegitimateInterest, Lang::En) => "The legal basis is Article 6(1)(f) of the GDPR: the processing is \
                necessary for a legitimate interest, which is that the site works, and works safely."
                .into(),
            (Self::Other(text), lang) => text.get(lang).to_owned(),
        }
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

impl Addresses {
    /// What a visitor is told of how long they are kept.
    pub fn sentence(&self, lang: Lang) -> String {
        let days = self.days;
        match lang {
            Lang::Pl => format!("To, po czym można poznać odwiedzającego, przechowujemy nie dłużej niż {days} dni."),
            Lang::En => format!("What could tell who a visitor is, we keep for no longer than {days} days."),
        }
    }
}

impl Cookies {
    /// What a visitor is told of when a cookie ends. 'Session' alone is no promise: browsers restore it for weeks.
    pub fn ends_sentence(&self, ends: &Ends, lang: Lang) -> String {
        let say = |pl: &str, en: &str| match lang {
            Lang::Pl => pl.to_owned(),
            Lang::En => en.to_owned(),
        };
        if self.mode == Mode::Observe {
            return say(
                "Jego trwałości na razie nie ograniczamy.",
                "How long it lasts is not limited yet.",
            );
        }
        if !ends.are_enforced() {
            return say(
                "Wygasa, gdy przeglądarka kończy sesję, a w niektórych przeglądarkach może ona trwać tygodniami.",
                "It ends when the browser ends its session, which some browsers make last for weeks.",
            );
        }
        let hosts = self.login_hosts.join(", ");
        let parts = [
            ends.idle.map(|time| match lang {
                Lang::Pl => format!("po {} bez żadnego zapytania", after(time, lang)),
                Lang::En => format!("{} after the last request", after(time, lang)),
            }),
            ends.absolute.map(|time| match lang {
                Lang::Pl => format!("po {} od początku sesji", after(time, lang)),
                Lang::En => format!("{} after the session began", after(time, lang)),
            }),
            (ends.when_leaving && hosts.is_empty()).then(|| {
                say(
                    "przy wejściu do serwisu z zewnątrz",
                    "when the site is entered from elsewhere",
                )
            }),
            (ends.when_leaving && !hosts.is_empty()).then(|| match lang {
                Lang::Pl => format!("przy wejściu do serwisu z zewnątrz (poza powrotem z {hosts})"),
                Lang::En => format!("when the site is entered from elsewhere (other than coming back from {hosts})"),
            }),
        ];
        let parts = parts.into_iter().flatten().collect::<Vec<_>>().join("; ");
        match lang {
            Lang::Pl => format!(
                "Wygasa z końcem sesji przeglądarki, a najpóźniej: {parts}. Potem nie jest już przyjmowany i zostaje \
                 usunięty przy następnym zapytaniu."
            ),
            Lang::En => format!(
                "It ends with the session of the browser, and at the latest: {parts}. After that it is not accepted any \
                 more, and deleted with the next request."
            ),
        }
    }

    /// What a visitor is told of cookies that are not listed, by the keys that say so.
    pub fn rules(&self) -> Vec<(&'static str, Text)> {
        if self.mode == Mode::Observe {
            return vec![(
                "mode",
                Text::new(
                    "Na razie przepuszczamy wszystkie ciasteczka bez zmian i tylko sprawdzamy, jakie mają nazwy.",
                    "For the time being all cookies pass unchanged, and we only look at their names.",
                ),
            )];
        }
        let mut rules = vec![(
            "unlisted",
            match self.unlisted {
                Unlisted::Strip => Text::new(
                    "Innych ciasteczek serwer nie zapisuje w przeglądarce, a jeśli przeglądarka takie przyśle, nie \
                     docierają one do serwisu.",
                    "The server puts no other cookies into the browser, and if the browser sends any, they do not \
                     reach the site.",
                ),
                Unlisted::Limit => Text::new(
                    "Inne ciasteczka serwer zapisuje w przeglądarce również, ale tylko do końca jej sesji.",
                    "The server puts other cookies into the browser as well, but only until the end of its session.",
                ),
            },
        )];
        if self.expire_unlisted {
            rules.push((
                "expire_unlisted",
                Text::new(
                    "Jeśli przeglądarka przyśle inne ciasteczko, prosimy ją o jego usunięcie.",
                    "If the browser sends another cookie, we ask it to delete that one.",
                ),
            ));
        }
        rules
    }
}

/// What a visitor is told of the smallest group that a statistic may show.
pub(super) fn smallest_group_sentence(group: u32, lang: Lang) -> String {
    match lang {
        Lang::Pl => format!("W statystykach nie pokazujemy grup, które liczą mniej niż {group} odwiedzających."),
        Lang::En => format!("Statistics show no group of fewer than {group} visitors."),
    }
}

/// A length of time as it stands behind `after` or `po`, in the largest unit that it is a whole number of.
fn after(time: Duration, lang: Lang) -> String {
    const UNITS: [(u64, [&str; 2], [&str; 2]); 4] = [
        (86_400, ["dniu", "dniach"], ["day", "days"]),
        (3_600, ["godzinie", "godzinach"], ["hour", "hours"]),
        (60, ["minucie", "minutach"], ["minute", "minutes"]),
        (1, ["sekundzie", "sekundach"], ["second", "seconds"]),
    ];
    let seconds = time.as_secs();
    let (unit, pl, en) = UNITS
        .into_iter()
        .find(|(unit, ..)| seconds.is_multiple_of(*unit))
        .unwrap_or(UNITS[3]);
    let (number, [one, many]) = (seconds / unit, if lang == Lang::Pl { pl } else { en });
    format!("{number} {}", if number == 1 { one } else { many })
}
