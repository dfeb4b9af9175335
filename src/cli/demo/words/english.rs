//! In English.

use super::{Span, Words};

pub(super) const WORDS: Words = Words {
    title: "a small municipal site, with townclerk before it, on this machine alone",
    open: "Open it in a browser:",

    visit: "A resident visits",
    arrives: "follows a link on another site to an article",
    asks_contact: "looks up how to contact the office",
    wants_contrast: "asks for high contrast, for a year",
    goes_home: "goes to the front page",
    reads_budget: "reads the budget, where an old plug-in counts visitors",
    searches: "searches, with a PESEL number and an e-mail address in the query",
    opens_forms: "opens the list of forms",
    follows_broken_link: "follows a broken link on it",
    opens_login: "opens the login page",
    logs_in: "logs in, 'remember me' ticked",
    sees_cases: "looks at the cases that need a login",
    logs_out: "logs out",
    tries_cases_again: "tries the cases again, and is sent to the login",

    cookies: "What became of each cookie",
    cookie_heads: [
        "cookie",
        "the CMS sent",
        "browser got",
        "what townclerk did",
        "held at the end",
    ],
    nothing: "nothing",
    from_before: "(set last year)",
    session: "session",
    ended: "deletion",
    lasts,
    passed: "let it pass as it is",
    limited: "cut it to the session",
    changed: "strengthened its flags",
    deletion: "let the deletion pass",
    stripped: "stripped it: not listed",
    withheld: "kept it from the CMS: not listed",
    wrong: "what it should not have done",
    held_for_session: "for the session",
    held_longer: "for longer",
    held_as_before: "as before",
    not_held: "no",

    entries: "What is in the journal, read back from disk",
    entry_heads: ["time, UTC", "request", "status", "referrer"],
    whole_entry: "One entry, whole:",
    redacted: "Its URL, before and after:",
    asked: "asked",
    kept: "kept",

    checked: "Is all this true?",
    all_recorded,
    site_works: "every page answers as it would without townclerk",
    nothing_persistent: "no cookie that outlives the session reached the browser",
    logged_out: "after the logout none of the login's cookies is left",
    nothing_leaked: "the CMS was sent no cookie that the policy does not list",
    no_other_site: "the counting pixel of statystyki.example was never called: its page told the browser not to",
    nothing_personal: "the journal holds no PESEL, e-mail address, password or cookie of the visitor",
    untrue: "something in this demo is not as it says",

    next: "And now",
    files: "the files",
    look: "to read",
    try_next: "to try",
    browse: "browse, and see below what is kept",
    end: "Ctrl-C ends the demo and removes its folder",
    later: "Your own visits, as they are kept:",
    once: "The demo has ended and its folder is gone. Without --once it stays, for you to browse.",
};

fn lasts(seconds: i64) -> String {
    let (number, unit) = match Span::of(seconds) {
        Span::Years(number) => (number, "year"),
        Span::Months(number) => (number, "month"),
        Span::Days(number) => (number, "day"),
        Span::Minutes(number) => (number, "minute"),
        Span::Seconds(number) => (number, "second"),
    };
    format!("{number} {unit}{}", if number == 1 { "" } else { "s" })
}

fn all_recorded(requests: usize, entries: usize) -> String {
    format!("every request has its entry: {requests} requests, {entries} entries")
}
