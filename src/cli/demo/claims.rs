//! What the demo says of itself, looked up in what happened.

use super::fate::{Fate, Verdict};
use super::kept::Kept;
use super::site;
use super::tour::{STEPS, Step, Visit};
use super::words::Words;
use crate::survey::jar::{Held, Lasts};

/// A sentence, and whether it is true.
pub(super) struct Claim {
    pub(super) says: String,
    pub(super) holds: bool,
}

/// Every claim. `entries` is what the journal has; `personal`, whether it holds something personal.
pub(super) fn of(visit: &Visit, entries: &[Kept], personal: bool, words: &Words) -> [Claim; 7] {
    let claim = |says: &str, holds| Claim {
        says: says.to_owned(),
        holds,
    };
    let wrong = visit.cookies.iter().any(|fate| fate.verdict == Verdict::Wrong);
    let outlives = |fate: &Fate| matches!(fate.got, Some(Lasts::For(_)));
    let of_login = |held: &Held| [site::SESSION, site::REMEMBER].contains(&held.name.as_str());
    [
        Claim {
            says: (words.all_recorded)(visit.statuses.len(), entries.len()),
            holds: all_recorded(&visit.statuses, entries),
        },
        claim(
            words.site_works,
            visit
                .statuses
                .iter()
                .copied()
                .eq(STEPS.iter().map(|step| step.expected)),
        ),
        claim(words.nothing_persistent, !wrong && !visit.cookies.iter().any(outlives)),
        claim(words.logged_out, !visit.held.iter().any(of_login)),
        claim(words.nothing_leaked, !visit.leaked),
        claim(
            words.no_other_site,
            visit.foreign.called.is_empty() && visit.foreign.kept_out == [site::PIXEL],
        ),
        claim(words.nothing_personal, !personal),
    ]
}

/// Whether the entries are those of the steps, each once. Their order is that in which exchanges ended.
fn all_recorded(statuses: &[u16], entries: &[Kept]) -> bool {
    let asked = |(step, status): (&Step, &u16)| format!("{} {} {status}", step.method, path(step.target));
    let mut asked: Vec<_> = STEPS.iter().zip(statuses).map(asked).collect();
    let kept = |entry: &Kept| format!("{} {}", path(&entry.request()), entry.status());
    let mut kept: Vec<_> = entries.iter().map(kept).collect();
    asked.sort_unstable();
    kept.sort_unstable();
    asked == kept
}

fn path(target: &str) -> &str {
    target.split('?').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::super::visitor::Foreign;
    use super::*;
    use crate::policy::Lang;
    use crate::survey::jar::Jar;

    fn visit(lines: &[&str]) -> Visit {
        let mut jar = Jar::of("127.0.0.1");
        lines.iter().for_each(|line| jar.obey(line, "/", Timestamp::UNIX_EPOCH));
        Visit {
            statuses: STEPS.iter().map(|step| step.expected).collect(),
            cookies: Vec::new(),
            held: jar.held().to_vec(),
            leaked: false,
            foreign: Foreign {
                called: Vec::new(),
                kept_out: vec![site::PIXEL.to_owned()],
            },
        }
    }

    fn entries(count: usize) -> Vec<Kept> {
        let entry = |(index, step): (usize, &Step)| {
            let (method, path, status) = (&step.method, path(step.target), step.expected);
            let line = format!(
                r#"{{"url":{{"path":"{path}"}},"http":{{"request":{{"method":"{method}"}},"response":{{"status_code":{status}}}}}}}"#
            );
            Kept::new(index as u64, line.as_bytes())
        };
        STEPS.iter().enumerate().map(entry).take(count).collect()
    }

    fn told(visit: &Visit, count: usize, personal: bool) -> [bool; 7] {
        of(visit, &entries(count), personal, Words::of(Lang::En)).map(|claim| claim.holds)
    }

    #[test]
    fn each_claim_can_be_untrue_by_itself() {
        let all = STEPS.len();
        assert_eq!(told(&visit(&["kontrast=1"]), all, false), [true; 7]);
        assert_eq!(
            told(&visit(&[]), all - 1, false),
            [false, true, true, true, true, true, true]
        );
        let mut broken = visit(&[]);
        broken.statuses[0] = 502;
        assert_eq!(told(&broken, all, false), [false, false, true, true, true, true, true]);
        assert_eq!(
            told(&visit(&["zapamietaj=1"]), all, false),
            [true, true, true, false, true, true, true]
        );
        let leaked = Visit {
            leaked: true,
            ..visit(&[])
        };
        assert_eq!(told(&leaked, all, false), [true, true, true, true, false, true, true]);
        let called = Visit {
            foreign: Foreign {
                called: vec![site::PIXEL.to_owned()],
                kept_out: Vec::new(),
            },
            ..visit(&[])
        };
        assert_eq!(told(&called, all, false), [true, true, true, true, true, false, true]);
        assert_eq!(
            told(&visit(&[]), all, true),
            [true, true, true, true, true, true, false]
        );
    }

    #[test]
    fn what_reached_the_browser_counts_even_if_it_is_gone() {
        let lasting = Lasts::For(SignedDuration::from_secs(9));
        for (got, verdict) in [(lasting, Verdict::Limited), (Lasts::Session, Verdict::Wrong)] {
            let fate = Fate {
                name: "a".into(),
                sent: None,
                got: Some(got),
                verdict,
            };
            let seen = Visit {
                cookies: vec![fate],
                ..visit(&[])
            };
            assert_eq!(
                told(&seen, STEPS.len(), false),
                [true, true, false, true, true, true, true]
            );
        }
    }
}
