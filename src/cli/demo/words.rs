//! What the demo says. A sentence that is missing in a language does not compile.

mod english;
mod polish;

use crate::policy::Lang;

/// Every sentence, in one language.
pub(super) struct Words {
    pub(super) title: &'static str,
    pub(super) open: &'static str,

    pub(super) visit: &'static str,
    pub(super) arrives: &'static str,
    pub(super) asks_contact: &'static str,
    pub(super) wants_contrast: &'static str,
    pub(super) goes_home: &'static str,
    pub(super) reads_budget: &'static str,
    pub(super) searches: &'static str,
    pub(super) opens_forms: &'static str,
    pub(super) follows_broken_link: &'static str,
    pub(super) opens_login: &'static str,
    pub(super) logs_in: &'static str,
    pub(super) sees_cases: &'static str,
    pub(super) logs_out: &'static str,
    pub(super) tries_cases_again: &'static str,

    pub(super) cookies: &'static str,
    /// The heads of its columns: name, sent, got, verdict, held at the end.
    pub(super) cookie_heads: [&'static str; 5],
    pub(super) nothing: &'static str,
    pub(super) from_before: &'static str,
    pub(super) session: &'static str,
    pub(super) ended: &'static str,
    /// A lifetime in seconds.
    pub(super) lasts: fn(i64) -> String,
    pub(super) passed: &'static str,
    pub(super) limited: &'static str,
    pub(super) changed: &'static str,
    pub(super) deletion: &'static str,
    pub(super) stripped: &'static str,
    pub(super) withheld: &'static str,
    pub(super) wrong: &'static str,
    pub(super) held_for_session: &'static str,
    pub(super) held_longer: &'static str,
    pub(super) held_as_before: &'static str,
    pub(super) not_held: &'static str,

    pub(super) entries: &'static str,
    /// The heads of its columns: time, request, status, referrer.
    pub(super) entry_heads: [&'static str; 4],
    pub(super) whole_entry: &'static str,
    pub(super) redacted: &'static str,
    pub(super) asked: &'static str,
    pub(super) kept: &'static str,

    pub(super) checked: &'static str,
    /// Requests made, entries found.
    pub(super) all_recorded: fn(usize, usize) -> String,
    pub(super) site_works: &'static str,
    pub(super) nothing_persistent: &'static str,
    pub(super) logged_out: &'static str,
    pub(super) nothing_leaked: &'static str,
    pub(super) no_other_site: &'static str,
    pub(super) nothing_personal: &'static str,
    pub(super) untrue: &'static str,

    pub(super) next: &'static str,
    pub(super) files: &'static str,
    pub(super) look: &'static str,
    pub(super) try_next: &'static str,
    pub(super) browse: &'static str,
    pub(super) end: &'static str,
    pub(super) later: &'static str,
    pub(super) once: &'static str,
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

/// A lifetime in the largest unit that says it well.
enum Span {
    Years(i64),
    Months(i64),
    Days(i64),
    Minutes(i64),
    Seconds(i64),
}

impl Span {
    fn of(seconds: i64) -> Self {
        const DAY: i64 = 86_400;
        match seconds / DAY {
            0 if seconds < 60 => Self::Seconds(seconds),
            0 => Self::Minutes(seconds / 60),
            days if days % 365 == 0 => Self::Years(days / 365),
            days if days >= 60 => Self::Months((days * 12 + 182) / 365),
            days => Self::Days(days),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_said_as_people_say_them() {
        const DAY: i64 = 86_400;
        for (seconds, en, pl) in [
            (365 * DAY, "1 year", "1 rok"),
            (730 * DAY, "2 years", "2 lata"),
            (5 * 365 * DAY, "5 years", "5 lat"),
            (393 * DAY, "13 months", "13 miesięcy"),
            (91 * DAY, "3 months", "3 miesiące"),
            (22 * 365 * DAY, "22 years", "22 lata"),
            (12 * 365 * DAY, "12 years", "12 lat"),
            (DAY, "1 day", "1 dzień"),
            (30 * DAY, "30 days", "30 dni"),
            (1, "1 second", "1 sekunda"),
            (10, "10 seconds", "10 sekund"),
            (60, "1 minute", "1 minuta"),
            (180, "3 minutes", "3 minuty"),
            (3600, "60 minutes", "60 minut"),
        ] {
            assert_eq!((Words::of(Lang::En).lasts)(seconds), en);
            assert_eq!((Words::of(Lang::Pl).lasts)(seconds), pl);
        }
    }
}
