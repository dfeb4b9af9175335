//! What the demo says of itself, looked up in what happened.

use super::jar::Held;
use super::site;
use super::tour::{STEPS, Verdict, Visit};
use super::words::Words;

/// A sentence, and whether it is true.
pub(super) struct Claim {
    pub(super) says: String,
    pub(super) holds: bool,
}

/// Every claim. `entries` is how many the journal has; `personal`, whether it holds something personal.
pub(super) fn of(visit: &Visit, entries: usize, personal: bool, words: &Words) -> [Claim; 6] {
    let claim = |says: &str, holds| Claim {
        says: says.to_owned(),
        holds,
    };
    let requests = visit.statuses.len();
    let wrong = visit.cookies.iter().any(|fate| fate.verdict == Verdict::Wrong);
    let of_login = |held: &Held| [site::SESSION, site::REMEMBER].contains(&held.name.as_str());
    [
        Claim {
            says: (words.all_recorded)(requests, entries),
            holds: entries == requests,
        },
        claim(
            words.site_works,
            visit
                .statuses
                .iter()
                .copied()
                .eq(STEPS.iter().map(|step| step.expected)),
        ),
        claim(
            words.nothing_persistent,
            !wrong && !visit.held.iter().any(Held::is_persistent),
        ),
        claim(words.logged_out, !visit.held.iter().any(of_login)),
        claim(words.nothing_leaked, !visit.leaked),
        claim(words.nothing_personal, !personal),
    ]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::jar::{Jar, Lasts};
    use super::super::tour::Fate;
    use super::*;
    use crate::policy::Lang;

    fn visit(lines: &[&str]) -> Visit {
        let mut jar = Jar::of("127.0.0.1");
        lines.iter().for_each(|line| jar.obey(line, "/", Timestamp::UNIX_EPOCH));
        Visit {
            statuses: STEPS.iter().map(|step| step.expected).collect(),
            cookies: Vec::new(),
            held: jar.held().to_vec(),
            leaked: false,
        }
    }

    fn told(visit: &Visit, entries: usize, personal: bool) -> [bool; 6] {
        of(visit, entries, personal, Words::of(Lang::En)).map(|claim| claim.holds)
    }

    #[test]
    fn each_claim_can_be_untrue_by_itself() {
        let all = STEPS.len();
        assert_eq!(told(&visit(&["kontrast=1"]), all, false), [true; 6]);
        assert_eq!(told(&visit(&[]), all - 1, false), [false, true, true, true, true, true]);
        let mut broken = visit(&[]);
        broken.statuses[0] = 502;
        assert_eq!(told(&broken, all, false), [true, false, true, true, true, true]);
        assert_eq!(
            told(&visit(&["a=1; Max-Age=9"]), all, false),
            [true, true, false, true, true, true]
        );
        assert_eq!(
            told(&visit(&["zapamietaj=1"]), all, false),
            [true, true, true, false, true, true]
        );
        let leaked = Visit {
            leaked: true,
            ..visit(&[])
        };
        assert_eq!(told(&leaked, all, false), [true, true, true, true, false, true]);
        assert_eq!(told(&visit(&[]), all, true), [true, true, true, true, true, false]);
    }

    #[test]
    fn what_reached_the_browser_counts_even_if_it_is_gone() {
        let fate = Fate {
            name: "a".into(),
            sent: None,
            got: Some(Lasts::Session),
            verdict: Verdict::Wrong,
        };
        let seen = Visit {
            cookies: vec![fate],
            ..visit(&[])
        };
        assert_eq!(told(&seen, STEPS.len(), false), [true, true, false, true, true, true]);
    }
}
