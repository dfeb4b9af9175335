//! What becomes of a cookie between the CMS and the browser, told from both ends.

use jiff::Timestamp;

use crate::survey::jar::{Lasts, SetCookie};

/// What became of a cookie.
pub(super) struct Fate {
    pub(super) name: String,
    /// What the CMS sent; `None` if it sent nothing.
    pub(super) sent: Option<Lasts>,
    /// What the browser got; `None` if it got nothing.
    pub(super) got: Option<Lasts>,
    pub(super) verdict: Verdict,
}

/// What townclerk did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing.
    Passed,
    /// It cut the lifetime.
    Limited,
    /// It left the lifetime, and changed something else.
    Changed,
    /// It let a deletion pass.
    Deletion,
    /// It let nothing pass.
    Stripped,
    /// It kept from the CMS what the browser has from before.
    Withheld,
    /// It let something pass, or added something, that it should not.
    Wrong,
}

/// Brings together the `Set-Cookie` lines that the CMS sent and those that the browser got.
pub(super) fn fates(sent: &[String], got: &[String], now: Timestamp) -> Vec<Fate> {
    let read = |lines: &[String]| -> Vec<_> {
        lines
            .iter()
            .filter_map(|line| Some((line.clone(), SetCookie::read(line, now)?)))
            .collect()
    };
    let mut left = read(got);
    let mut fates = Vec::new();
    for (line, cookie) in read(sent) {
        let place = left.iter().position(|(_, other)| other.name == cookie.name);
        let got = place.map(|place| left.remove(place));
        let same = got.as_ref().is_some_and(|(other, _)| *other == line);
        let got = got.map(|(_, cookie)| cookie.lasts);
        let verdict = verdict(cookie.lasts, got, same);
        fates.push(Fate {
            name: cookie.name,
            sent: Some(cookie.lasts),
            got,
            verdict,
        });
    }
    for (_, cookie) in left {
        fates.push(Fate {
            name: cookie.name,
            sent: None,
            got: Some(cookie.lasts),
            verdict: Verdict::Wrong,
        });
    }
    fates
}

fn verdict(sent: Lasts, got: Option<Lasts>, same: bool) -> Verdict {
    match (sent, got) {
        (_, None) => Verdict::Stripped,
        (Lasts::Ended, Some(Lasts::Ended)) => Verdict::Deletion,
        (Lasts::For(_), Some(Lasts::Session)) => Verdict::Limited,
        (Lasts::Session, Some(Lasts::Session)) if same => Verdict::Passed,
        (Lasts::Session, Some(Lasts::Session)) => Verdict::Changed,
        _ => Verdict::Wrong,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_795_295_719, 0);

    fn told(sent: &[&str], got: &[&str]) -> Vec<(String, Verdict)> {
        let lines = |lines: &[&str]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        fates(&lines(sent), &lines(got), NOW)
            .into_iter()
            .map(|fate| (fate.name, fate.verdict))
            .collect()
    }

    #[test]
    fn each_verdict_is_told_from_both_ends() {
        for (sent, got, verdict) in [
            ("a=1", "a=1", Verdict::Passed),
            ("a=1", "a=1; SameSite=Lax", Verdict::Changed),
            ("a=1; Max-Age=9", "a=1", Verdict::Limited),
            ("a=1; Max-Age=9", "a=1; Max-Age=9", Verdict::Wrong),
            ("a=; Max-Age=0", "a=; Max-Age=0", Verdict::Deletion),
            ("a=; Max-Age=0", "a=", Verdict::Wrong),
        ] {
            assert_eq!(told(&[sent], &[got]), [("a".to_owned(), verdict)], "{sent} and {got}");
        }
        assert_eq!(told(&["a=1"], &[]), [("a".to_owned(), Verdict::Stripped)]);
        assert_eq!(told(&[], &["b=1"]), [("b".to_owned(), Verdict::Wrong)]);
    }

    #[test]
    fn lines_of_one_name_are_compared_in_order() {
        let sent = ["a=1", "b=1; Max-Age=9", "a=2"];
        let expected = [("a", Verdict::Passed), ("b", Verdict::Stripped), ("a", Verdict::Passed)];
        let expected = expected.map(|(name, verdict)| (name.to_owned(), verdict));
        assert_eq!(told(&sent, &["a=1", "a=2"]), expected);
    }
}
