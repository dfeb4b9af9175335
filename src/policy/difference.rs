//! Where two versions of a policy differ, and what that means for a visitor.

use std::cmp::Ordering;

use super::told::{About, Told};
use super::{Lang, Policy, Retention, Text};

/// One thing that another version says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its key in `policy.toml`: `log.access.retention`, `cookies.allow PHPSESSID`.
    pub key: String,
    /// What it means for a visitor.
    pub effect: Effect,
    /// What a visitor was told; `None` if nothing was.
    pub before: Option<Text>,
    /// What a visitor is told from then on.
    pub after: Option<Text>,
}

/// What a change means for a visitor, in the order in which changes are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// Something more is kept, or more of it.
    KeptMore,
    /// Something is not kept any more, or less of it.
    KeptLess,
    /// Something is shortened in another way.
    KeptOtherwise,
    /// Records are kept for longer.
    KeptLonger,
    /// Records are kept for a shorter time.
    KeptShorter,
    /// A cookie may pass from then on.
    CookieComes,
    /// A cookie may no longer pass.
    CookieGoes,
    /// Something else about cookies.
    CookiesOtherwise,
    /// Pages may call another site from then on.
    HostComes,
    /// Pages may no longer call another site.
    HostGoes,
    /// Something else about other sites.
    ThirdPartiesOtherwise,
    /// The office says something else.
    Otherwise,
}

impl Policy {
    /// What the version `after` says otherwise than this one, their names and dates apart.
    pub fn changes(&self, after: &Policy) -> Vec<Change> {
        let (old, new) = (self.told(), after.told());
        let find = |told: &[Told], key: &str| told.iter().find(|one| one.key == key).cloned();
        let mut changes: Vec<Change> = Vec::new();
        for key in old.iter().chain(&new).map(|told| &told.key) {
            let (before, after) = (find(&old, key), find(&new, key));
            let same = before.as_ref().map(|told| &told.text) == after.as_ref().map(|told| &told.text);
            if !same && changes.iter().all(|known| known.key != *key) {
                changes.push(Change {
                    key: key.clone(),
                    effect: effect(before.as_ref(), after.as_ref()),
                    before: before.map(|told| told.text),
                    after: after.map(|told| told.text),
                });
            }
        }
        changes.sort_by_key(|change| change.effect);
        changes
    }

    /// The keys whose values differ, the version's own apart. Empty if both say the same.
    pub fn differences(&self, other: &Policy) -> Vec<String> {
        let mut keys = Vec::new();
        if self.effective != other.effective {
            keys.push("effective".to_owned());
        }
        keys.extend(self.changes(other).into_iter().map(|change| change.key));
        // What no sentence shows is a difference all the same.
        if keys.is_empty() && self.in_order() != other.in_order() {
            keys.push("its text".to_owned());
        }
        keys
    }

    /// Itself without what means nothing: the name, and the order of what is allowed.
    fn in_order(&self) -> Policy {
        let mut policy = self.clone();
        policy.version.clear();
        policy.cookies.allowed.sort_by_key(|cookie| cookie.name.to_string());
        if let Some(third_parties) = &mut policy.third_parties {
            third_parties.allowed.sort_by(|one, other| one.host.cmp(&other.host));
        }
        policy
    }
}

/// In one line, what changes mean for a visitor: `we keep less: user_agent; cookies that come: wp-*`.
pub fn summary(changes: &[Change], lang: Lang) -> String {
    let effects = changes.chunk_by(|one, other| one.effect == other.effect);
    let parts = effects.map(|changes| {
        let names: Vec<_> = changes.iter().map(Change::name).collect();
        let heading = changes[0].effect.heading(lang);
        let (first, rest) = heading.split_at(heading.chars().next().map_or(0, char::len_utf8));
        format!("{}{rest}: {}", first.to_lowercase(), names.join(", "))
    });
    let parts: Vec<_> = parts.collect();
    match (parts.is_empty(), lang) {
        (true, Lang::Pl) => "dla odwiedzających nic się nie zmienia".to_owned(),
        (true, Lang::En) => "nothing changes for a visitor".to_owned(),
        (false, _) => parts.join("; "),
    }
}

impl Change {
    /// The last part of its key: `retention`, or the name of a cookie or a site.
    fn name(&self) -> &str {
        let allowed = self.key.split_once(".allow ").map(|(_, name)| name);
        allowed.unwrap_or_else(|| self.key.rsplit('.').next().unwrap_or_default())
    }
}

/// What it means that one thing was told and another is; one of the two is there.
fn effect(before: Option<&Told>, after: Option<&Told>) -> Effect {
    let about = |told: Option<&Told>| told.map(|told| told.about);
    match (about(before), about(after)) {
        (None, Some(About::Kept(..))) | (Some(About::TakenOut(_)), None) => Effect::KeptMore,
        (Some(About::Kept(..)), None) | (None, Some(About::TakenOut(_))) => Effect::KeptLess,
        (Some(About::Kept(before, sooner)), Some(About::Kept(after, later))) => match before.partial_cmp(&after) {
            Some(Ordering::Less) => Effect::KeptMore,
            Some(Ordering::Greater) => Effect::KeptLess,
            Some(Ordering::Equal) if sooner.unwrap_or(u32::MAX) > later.unwrap_or(u32::MAX) => Effect::KeptShorter,
            Some(Ordering::Equal) if sooner != later => Effect::KeptLonger,
            _ => Effect::KeptOtherwise,
        },
        // Of tokens the longer ones only are taken out: a greater length takes out less.
        (Some(About::TakenOut(Some(before))), Some(About::TakenOut(Some(after)))) => match before.cmp(&after) {
            Ordering::Less => Effect::KeptMore,
            Ordering::Greater => Effect::KeptLess,
            Ordering::Equal => Effect::KeptOtherwise,
        },
        (Some(About::TakenOut(_)), _) => Effect::KeptOtherwise,
        (Some(About::Retention(before)), Some(About::Retention(after))) if days(before) > days(after) => {
            Effect::KeptShorter
        }
        (Some(About::Retention(_)), _) | (_, Some(About::Retention(_))) => Effect::KeptLonger,
        (None, Some(About::Cookie)) => Effect::CookieComes,
        (Some(About::Cookie), None) => Effect::CookieGoes,
        (Some(About::Cookie | About::Cookies), _) | (None, Some(About::Cookies)) => Effect::CookiesOtherwise,
        (None, Some(About::Host)) => Effect::HostComes,
        (Some(About::Host), None) => Effect::HostGoes,
        (Some(About::Host | About::ThirdParties), _) | (None, Some(About::ThirdParties)) => {
            Effect::ThirdPartiesOtherwise
        }
        _ => Effect::Otherwise,
    }
}

fn days(retention: Retention) -> u32 {
    match retention {
        Retention::Unlimited => u32::MAX,
        Retention::Days(days) => days,
    }
}

impl Effect {
    /// In a few words, over the changes of this effect.
    pub fn heading(self, lang: Lang) -> &'static str {
        let (pl, en) = match self {
            Self::KeptMore => ("Zapisujemy więcej", "We keep more"),
            Self::KeptLess => ("Zapisujemy mniej", "We keep less"),
            Self::KeptOtherwise => ("Skracamy inaczej", "We shorten differently"),
            Self::KeptLonger => ("Przechowujemy dłużej", "We keep it longer"),
            Self::KeptShorter => ("Przechowujemy krócej", "We keep it for a shorter time"),
            Self::CookieComes => ("Nowe ciasteczka", "Cookies that come"),
            Self::CookieGoes => ("Ciasteczka, których już nie będzie", "Cookies that go"),
            Self::CookiesOtherwise => ("Inne zasady dotyczące ciasteczek", "Other rules for cookies"),
            Self::HostComes => (
                "Serwisy, z którymi strony mogą się odtąd łączyć",
                "Other sites that pages may call",
            ),
            Self::HostGoes => (
                "Serwisy, z którymi strony już się nie połączą",
                "Other sites that pages may no longer call",
            ),
            Self::ThirdPartiesOtherwise => ("Inne zasady dotyczące obcych serwisów", "Other rules for other sites"),
            Self::Otherwise => ("Co urząd oświadcza inaczej", "What the office says otherwise"),
        };
        match lang {
            Lang::Pl => pl,
            Lang::En => en,
        }
    }

    /// Its name for programs: `kept_more`.
    pub fn key(self) -> &'static str {
        match self {
            Self::KeptMore => "kept_more",
            Self::KeptLess => "kept_less",
            Self::KeptOtherwise => "kept_otherwise",
            Self::KeptLonger => "kept_longer",
            Self::KeptShorter => "kept_shorter",
            Self::CookieComes => "cookie_comes",
            Self::CookieGoes => "cookie_goes",
            Self::CookiesOtherwise => "cookies_otherwise",
            Self::HostComes => "host_comes",
            Self::HostGoes => "host_goes",
            Self::ThirdPartiesOtherwise => "third_parties_otherwise",
            Self::Otherwise => "otherwise",
        }
    }
}
