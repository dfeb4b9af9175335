//! `policy.toml`: one checked version of the office's privacy policy. It is the data protection officer's
//! file: what is promised, told and enforced are this one thing.
//!
//! [`parse`] reads it, [`history`] keeps the versions that were in force, [`statement`] is the page that visitors read,
//! [`Field`] is the one list of what can be kept about a request.

mod difference;
mod field;
pub mod history;
mod parse;
mod pattern;
mod presets;
mod recognise;
pub mod statement;
#[cfg(test)]
mod tests;
mod third_parties;
mod told;

pub use difference::{Change, Effect, summary};
pub use field::{Field, Lang};
pub use parse::parse;
pub use pattern::{NamePattern, PatternSlip};
pub use presets::{PRESETS, Preset, Signs};
pub use recognise::{Sign, Traces, recognise};
pub use third_parties::{AllowedHost, HostPattern, Referring, ThirdParties};
pub use told::{About, Kept, Told, Treatment};

use std::time::Duration;

use jiff::civil::Date;

/// One version of the policy, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Names this version: 1 to 32 of `A-Z a-z 0-9 . _ -`, not starting with a dot, so that it can name a file.
    pub version: String,
    /// The day from which it is in force.
    pub effective: Date,
    /// Who answers for the data (GDPR Art. 4(7)).
    pub controller: Controller,
    /// What allows the data to be processed (GDPR Art. 6(1)), if the policy says so.
    pub legal_basis: Option<LegalBasis>,
    /// The access log: what is kept about each request, why, and for how long.
    pub access: Log,
    /// The log of what tells who a visitor is, where that goes sooner than the rest.
    pub addresses: Option<Addresses>,
    /// The cookies that may pass.
    pub cookies: Cookies,
    /// What pages may call at other sites (P2), if the policy says anything of it.
    pub third_parties: Option<ThirdParties>,
    /// The smallest group of visitors that a statistic may show (P13).
    pub smallest_group: u32,
    /// What the office declares about letters and e-mail (P21); the proxy cannot enforce it.
    pub correspondence: Option<Text>,
    /// When, and to whom, confidentiality is lifted (P3).
    pub disclosure: Option<Text>,
    /// Whether a disclosure takes two people: one who enters the demand, another who discloses.
    pub two_people: bool,
}

/// A sentence in both languages of the statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Polish.
    pub pl: String,
    /// English.
    pub en: String,
}

impl Text {
    pub(crate) fn new(pl: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            pl: pl.into(),
            en: en.into(),
        }
    }

    /// What `sentence` gives in each language.
    pub(crate) fn of(sentence: impl Fn(Lang) -> String) -> Self {
        Self::new(sentence(Lang::Pl), sentence(Lang::En))
    }

    /// The sentence in one language.
    pub fn get(&self, lang: Lang) -> &str {
        match lang {
            Lang::Pl => &self.pl,
            Lang::En => &self.en,
        }
    }
}

/// What allows the data to be processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegalBasis {
    /// A task carried out in the public interest (GDPR Art. 6(1)(e)).
    PublicTask,
    /// A legitimate interest (GDPR Art. 6(1)(f)); not for what a public authority does as its task.
    LegitimateInterest,
    /// Something else, in the office's own words.
    Other(Text),
}

/// The office.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Its full name.
    pub name: String,
    /// Its postal address.
    pub address: String,
    /// Where a visitor can write to, usually the data protection officer's e-mail address.
    pub contact: String,
}

/// A retention class: what is kept, why, and until when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Why it is kept (P1).
    pub purpose: Text,
    /// For how long at most (P14).
    pub retention: Retention,
    /// What is kept.
    pub fields: Fields,
    /// What is taken out of URLs.
    pub redact: Redact,
}

/// A second log about each request, for fields that are kept for a shorter time than those of the first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// Why they are kept (P1).
    pub purpose: Text,
    /// For how many days at most, at least 2 and fewer than the access log's (P14).
    pub days: u32,
    /// What is kept: one of [`Field::OF_A_VISITOR`] at least, none of them in the access log too.
    pub fields: Fields,
}

impl Addresses {
    /// For how long at most.
    pub fn retention(&self) -> Retention {
        Retention::Days(self.days)
    }
}

/// An upper bound: nothing is kept longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retention {
    /// No bound.
    Unlimited,
    /// This many days, at least 2 (a segment holds up to a day).
    Days(u32),
}

/// What is kept about a request; the policy file names each by its [`Field`]'s key. Not named is not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fields {
    /// When the first byte of the request was read.
    pub arrived: bool,
    /// When the last byte of the answer was handed to the connection.
    pub sent: bool,
    /// The client's address.
    pub client_address: AddressRule,
    /// The client's host name by reverse DNS, with its status.
    pub client_host: bool,
    /// The request's method.
    pub method: bool,
    /// The path and query, redacted.
    pub url: bool,
    /// The protocol's version.
    pub protocol: bool,
    /// The status of the answer.
    pub status: bool,
    /// The size of the answer's body in bytes, as sent.
    pub bytes: bool,
    /// How the exchange failed, if it did.
    pub error: bool,
    /// The page of another site from which the visitor came.
    pub external_referrer: ReferrerRule,
    /// The page of this site that holds a broken link: kept when the status is 400 or above.
    pub internal_referrer_on_errors: bool,
    /// The browser.
    pub user_agent: AgentRule,
    /// The user name of HTTP authentication.
    pub auth_user: bool,
    /// Whether the page was the first one of the visit; only with [`Cookies::first_page`].
    pub first_page: bool,
    /// The version of the policy under which the entry was made.
    pub policy_version: bool,
}

/// How the client's address is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressRule {
    /// Not kept.
    #[default]
    Omitted,
    /// Shortened to these prefixes, in bits; the rest is zero.
    Shortened {
        /// 1 to 24.
        ipv4: u8,
        /// 1 to 48: a longer prefix identifies a household.
        ipv6: u8,
    },
    /// As it is.
    Whole,
}

/// How an external referrer is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReferrerRule {
    /// Not kept.
    #[default]
    Omitted,
    /// Scheme and host only.
    Host,
    /// The URL, redacted.
    Url,
}

/// How the browser is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AgentRule {
    /// Not kept.
    #[default]
    Omitted,
    /// Its family and system: `Firefox on Linux`.
    Family,
    /// As it was sent.
    Whole,
}

/// What is taken out of URLs, the request's and the referrers', wherever it stands: path, query, percent-encoded or
/// not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redact {
    /// Every value of the query; names of parameters stay.
    pub query_values: bool,
    /// E-mail addresses.
    pub emails: bool,
    /// PESEL numbers: 11 digits with a valid date and checksum.
    pub pesel: bool,
    /// Strings of letters and digits at least this long with a digit among them, and UUIDs. `None`: they stay.
    pub tokens: Option<u16>,
    /// The values of these parameters, names compared without case.
    pub parameters: Vec<String>,
}

/// The cookies that may pass, and what happens to the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cookies {
    /// Whether the rules are enforced, or only counted.
    pub mode: Mode,
    /// What happens to a cookie that is not listed.
    pub unlisted: Unlisted,
    /// Whether an unlisted cookie that a browser sends is answered with its deletion.
    pub expire_unlisted: bool,
    /// Hosts of other sites from which a visitor comes back rather than enters: those of external log-ins. In lower
    /// case, without port.
    pub login_hosts: Vec<Box<str>>,
    /// The mark by which the first page of a visit is known, if there is one.
    pub first_page: Option<FirstPage>,
    /// The listed ones, those of presets behind the others.
    pub allowed: Vec<Allowed>,
}

/// A cookie of townclerk's own that says no more than that a page of this site was seen. Its value is the same for
/// everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstPage {
    /// Its name: a token without a prefix that browsers know, and none that a listing covers.
    pub name: String,
    /// What it remembers.
    pub purpose: Text,
}

/// Whether rules are enforced: those for cookies, or those for third parties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// They are.
    Enforce,
    /// Nothing is changed; what would have been is counted.
    Observe,
}

/// What happens to a cookie that the policy does not list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unlisted {
    /// It reaches neither the browser nor the CMS.
    Strip,
    /// It passes, its lifetime cut to the session.
    Limit,
}

/// A listed cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed {
    /// Its name.
    pub name: NamePattern,
    /// What it remembers.
    pub purpose: Text,
    /// When it ends, besides with the session of the browser.
    pub ends: Ends,
}

/// When a cookie ends by itself. Whatever browsers say of their sessions, this is enforced: such cookies are sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    /// At the latest so long after the last request that brought it.
    pub idle: Option<Duration>,
    /// At the latest so long after its session began.
    pub absolute: Option<Duration>,
    /// When the visitor enters the site from elsewhere, [`Cookies::login_hosts`] apart.
    pub when_leaving: bool,
}

impl Ends {
    /// Whether it ends by itself at all.
    pub fn are_enforced(&self) -> bool {
        self.idle.is_some() || self.absolute.is_some() || self.when_leaving
    }
}

impl Cookies {
    /// Whether the rules depend on where a request stands in a visit.
    pub fn follow_visits(&self) -> bool {
        self.first_page.is_some() || self.seal()
    }

    /// Whether values are sealed, which takes a key.
    pub fn seal(&self) -> bool {
        self.allowed.iter().any(|listing| listing.ends.are_enforced())
    }
}
