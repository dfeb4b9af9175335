//! The scripted visit: what a resident does on an ordinary evening, and what became of it.

use std::sync::mpsc::Receiver;

use http::Method;

use super::cms::Seen;
use super::fate::{Fate, Verdict, fates};
use super::site;
use super::visitor::{Ask, Foreign, VisitError, Visitor};
use super::words::Words;
use crate::clock::Clock;
use crate::survey::jar::Held;

/// A number that nobody has: its date of birth is the last day of 2099.
const PESEL: &str = "99323100009";
const EMAIL: &str = "anna.nowak@poczta.example";
const PASSWORD: &str = "Wiosna-2026";

/// What the visitor's browser still holds from before townclerk came: a tracker's number, for two years.
const OLD_COOKIE: &str = "_ga=GA1.2.1437282591.1763756100; Path=/; Max-Age=63072000";
const OLD_NAME: &str = "_ga";

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
    pub(super) method: Method,
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
    /// What the pages would have had the browser load from other sites.
    pub(super) foreign: Foreign,
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
        foreign: Foreign::default(),
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
        visit.foreign.called.extend(got.foreign.called);
        visit.foreign.kept_out.extend(got.foreign.kept_out);
        // The CMS tells before it answers, so what it saw of this step is here.
        let (sent, set): (Vec<_>, Vec<_>) = seen.try_iter().map(|seen| (seen.sent, seen.set)).unzip();
        visit.leaked |= sent.iter().flatten().any(|field| is_unlisted(field));
        visit.cookies.extend(fates(&set.concat(), &got.set, now));
    }
    // The browser sent it with every step.
    let verdict = if visit.leaked {
        Verdict::Wrong
    } else {
        Verdict::Withheld
    };
    visit.cookies.insert(
        0,
        Fate {
            name: OLD_NAME.into(),
            sent: None,
            got: None,
            verdict,
        },
    );
    visit.held = visitor.jar.held().to_vec();
    Ok(visit)
}

/// Whether a `Cookie` field holds a cookie that the policy does not list.
fn is_unlisted(field: &str) -> bool {
    let mut names = field
        .split(';')
        .filter_map(|crumb| Some(crumb.split_once('=')?.0.trim()));
    names.any(|name| [OLD_NAME, site::TRACKER].contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_that_the_policy_does_not_list_are_known_by_their_names() {
        assert!(is_unlisted("sesja=1; _ga=2"));
        assert!(is_unlisted("_pk_id.1.9c2b=1"));
        assert!(!is_unlisted("sesja=_ga; kontrast=wysoki"));
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
