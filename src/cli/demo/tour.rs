//! The scripted visit: what a resident does on an ordinary evening, and what became of it.

use std::sync::mpsc::Receiver;

use http::Method;
use jiff::Timestamp;

use super::cms::Seen;
use super::jar::{Held, Lasts, SetCookie};
use super::site;
use super::visitor::{Ask, VisitError, Visitor};
use super::words::Words;
use crate::clock::Clock;

/// A number that nobody has: its date of birth is the last day of 2099.
const PESEL: &str = "99323100009";
const EMAIL: &str = "anna.nowak@poczta.example";
const PASSWORD: &str = "Wiosna-2026";

/// What the visitor's browser still holds from before townclerk came: a tracker's number, for two years.
const OLD_COOKIE: &str = "_ga=GA1.2.1437282591.1763756100; Path=/; Max-Age=63072000";

/// Where a personal thing of the visitor is: it may be in no journal.
pub(super) const SECRETS: [&str; 9] = [
    PESEL,
    EMAIL,
    "anna.nowak",
    "anna.nowak%40poczta.example",
    PASSWORD,
    "1437282591",
    site::SESSION_VALUE,
    site::REMEMBER_VALUE,
    site::TRACKER_VALUE,
];

/// Something the visitor does: one request.
pub(super) struct Step {
    /// Says it.
    pub(super) what: fn(&Words) -> &'static str,
    method: Method,
    pub(super) target: &'static str,
    from: From,
    form: Option<&'static str>,
    /// What a CMS without townclerk would answer.
    pub(super) expected: u16,
}

/// Where the visitor comes from.
#[derive(Clone, Copy)]
enum From {
    /// A page of this site.
    Here(&'static str),
    /// Another site.
    Elsewhere(&'static str),
}

/// The one step that asks for something personal.
pub(super) const SEARCH: &str = "/szukaj?q=wniosek,99323100009,anna.nowak%40poczta.example";

pub(super) const STEPS: [Step; 13] = [
    get(
        |w| w.arrives,
        "/aktualnosci/odbior-odpadow",
        From::Elsewhere("https://powiat.example/wiadomosci/odpady"),
        200,
    ),
    get(
        |w| w.asks_contact,
        "/kontakt",
        From::Here("/aktualnosci/odbior-odpadow"),
        200,
    ),
    get(
        |w| w.wants_contrast,
        "/kontrast?tryb=wysoki",
        From::Here("/kontakt"),
        303,
    ),
    get(|w| w.goes_home, "/", From::Here("/kontakt"), 200),
    get(|w| w.reads_budget, "/budzet", From::Here("/"), 200),
    get(|w| w.searches, SEARCH, From::Here("/szukaj"), 200),
    get(|w| w.opens_forms, "/druki", From::Here(SEARCH), 200),
    get(
        |w| w.follows_broken_link,
        "/druki/wniosek-2019.pdf",
        From::Here("/druki"),
        404,
    ),
    get(|w| w.opens_login, "/logowanie", From::Here("/druki"), 200),
    post(
        |w| w.logs_in,
        "/logowanie",
        "login=anna.nowak&haslo=Wiosna-2026&pamietaj=1",
        "/logowanie",
    ),
    get(|w| w.sees_cases, "/moje-sprawy", From::Here("/logowanie"), 200),
    post(|w| w.logs_out, "/wyloguj", "", "/moje-sprawy"),
    get(|w| w.tries_cases_again, "/moje-sprawy", From::Here("/"), 303),
];

const fn get(what: fn(&Words) -> &'static str, target: &'static str, from: From, expected: u16) -> Step {
    Step {
        what,
        method: Method::GET,
        target,
        from,
        form: None,
        expected,
    }
}

const fn post(what: fn(&Words) -> &'static str, target: &'static str, form: &'static str, on: &'static str) -> Step {
    Step {
        what,
        method: Method::POST,
        target,
        from: From::Here(on),
        form: Some(form),
        expected: 303,
    }
}

/// What became of the visit.
pub(super) struct Visit {
    /// The status of each step's answer.
    pub(super) statuses: Vec<u16>,
    /// What became of each cookie, in the order in which they came.
    pub(super) cookies: Vec<Fate>,
    /// What the browser holds at the end.
    pub(super) held: Vec<Held>,
    /// Whether the CMS was sent a cookie that the policy does not list.
    pub(super) leaked: bool,
}

/// What became of a `Set-Cookie` line between the CMS and the browser.
pub(super) struct Fate {
    pub(super) name: String,
    /// What the CMS sent; `None` if it sent nothing.
    pub(super) sent: Option<Lasts>,
    /// What the browser got; `None` if it got nothing.
    pub(super) got: Option<Lasts>,
    pub(super) verdict: Verdict,
}

/// What townclerk did, told from both ends.
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
    /// It deleted what the CMS knows nothing of.
    Cleared,
    /// It let something pass, or added something, that it should not.
    Wrong,
}

/// Sends the visitor through the site.
///
/// # Errors
/// When a step has no answer at all.
pub(super) async fn run(mut visitor: Visitor, seen: Receiver<Seen>, clock: &Clock) -> Result<Visit, VisitError> {
    let now = clock.now();
    visitor.jar.obey(OLD_COOKIE, "/", now);
    let mut visit = Visit {
        statuses: Vec::new(),
        cookies: Vec::new(),
        held: Vec::new(),
        leaked: false,
    };
    for step in &STEPS {
        let referrer = match step.from {
            From::Here(page) => format!("http://{}{page}", visitor.site),
            From::Elsewhere(page) => page.to_owned(),
        };
        let ask = Ask {
            method: step.method.clone(),
            target: step.target,
            referrer: Some(referrer),
            form: step.form,
        };
        let got = visitor.ask(ask).await?;
        visit.statuses.push(got.status.as_u16());
        // The CMS tells before it answers, so what it saw of this step is here.
        let (sent, set): (Vec<_>, Vec<_>) = seen.try_iter().map(|seen| (seen.sent, seen.set)).unzip();
        visit.leaked |= sent
            .concat()
            .iter()
            .any(|field| field.contains("_ga") || field.contains("_pk_id"));
        visit.cookies.extend(fates(set.concat(), got.set, now));
    }
    visit.held = visitor.jar.held().to_vec();
    Ok(visit)
}

/// Brings together what the CMS sent and what the browser got.
fn fates(sent: Vec<String>, mut got: Vec<String>, now: Timestamp) -> Vec<Fate> {
    let mut fates = Vec::new();
    for line in sent {
        let Some(cookie) = SetCookie::read(&line, now) else {
            continue;
        };
        let place = got
            .iter()
            .position(|other| SetCookie::read(other, now).is_some_and(|it| it.name == cookie.name));
        let got = place.map(|place| got.remove(place));
        let lasts = got
            .as_deref()
            .and_then(|line| SetCookie::read(line, now))
            .map(|cookie| cookie.lasts);
        let verdict = verdict(cookie.lasts, lasts, got.is_some_and(|got| got == line));
        fates.push(Fate {
            name: cookie.name,
            sent: Some(cookie.lasts),
            got: lasts,
            verdict,
        });
    }
    for cookie in got.iter().filter_map(|line| SetCookie::read(line, now)) {
        let verdict = if cookie.lasts == Lasts::Ended {
            Verdict::Cleared
        } else {
            Verdict::Wrong
        };
        fates.push(Fate {
            name: cookie.name,
            sent: None,
            got: Some(cookie.lasts),
            verdict,
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
        let lines = |lines: &[&str]| lines.iter().map(|line| line.to_string()).collect();
        fates(lines(sent), lines(got), NOW)
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
        assert_eq!(told(&[], &["b=; Max-Age=0"]), [("b".to_owned(), Verdict::Cleared)]);
        assert_eq!(told(&[], &["b=1"]), [("b".to_owned(), Verdict::Wrong)]);
    }

    #[test]
    fn lines_of_one_name_are_compared_in_order() {
        let sent = ["a=1", "b=1; Max-Age=9", "a=2"];
        let expected = [("a", Verdict::Passed), ("b", Verdict::Stripped), ("a", Verdict::Passed)];
        let expected = expected.map(|(name, verdict)| (name.to_owned(), verdict));
        assert_eq!(told(&sent, &["a=1", "a=2"]), expected);
    }

    #[test]
    fn the_secrets_are_in_what_the_visitor_sends() {
        assert!(SEARCH.contains(PESEL) && SEARCH.replace("%40", "@").contains(EMAIL));
        assert!(
            STEPS
                .iter()
                .any(|step| step.form.is_some_and(|form| form.contains(PASSWORD)))
        );
    }
}
