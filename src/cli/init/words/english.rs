//! In English.

use super::Words;
use crate::survey::{Bound, Use};

pub(super) const WORDS: Words = Words {
    read,
    of_host: "site",
    made_with: "made with",
    unknown: "something that townclerk does not know",
    signs: "shown by",
    log_in: "log-in",
    no_log_in: "none was found",
    bound,
    unread,

    cookies: "Cookies that the site sets",
    cookie_heads: ["cookie", "lasts", "set on", "listed by"],
    no_cookies: "None came. Those that scripts set do not show from outside.",
    session: "until the browser is closed",
    deleted: "was only deleted",
    unlisted: "no preset",
    no_name: "(no name)",

    foreign: "Hosts of others that its pages call, which so learn each visitor's address",
    foreign_heads: ["host", "for", "called on"],
    no_foreign: "None, as far as the pages say.",
    uses,

    written: "Written",
    open,

    next: "What to do next",
    fill_in: "write what could not be known, where ??? stands in the files",
    check: "see whether they are right, and what they mean",
    make_journal: "make the journal",
    serve: "start; cookies are only observed, nothing is changed",
    look: "after a week, see which cookies came, those that scripts set among them",
    enforce: "agree the policy with the data protection officer, then write mode = \"enforce\", with a new version",
};

fn read(pages: usize) -> String {
    format!("{pages} {} read", if pages == 1 { "page" } else { "pages" })
}

fn bound(bound: Bound) -> &'static str {
    match bound {
        Bound::Pages => "There are more pages than a look takes in; what only they set or call is not here.",
        Bound::Bytes => "The pages are larger than a look takes in; what the others set or call is not here.",
        Bound::Time => "The site is slow; what the pages set or call that were not read in time is not here.",
    }
}

fn unread(pages: usize) -> String {
    format!(
        "{pages} {} not answered, or not whole.",
        if pages == 1 { "page was" } else { "pages were" }
    )
}

fn uses(what: Use) -> &'static str {
    match what {
        Use::Script => "script",
        Use::Style => "style sheet",
        Use::Font => "font",
        Use::Frame => "frame",
        Use::Image => "image",
        Use::Media => "sound or video",
        Use::Object => "plug-in",
        Use::Form => "form that sends there",
        Use::Connection => "connection",
        Use::Named => "perhaps: a script names it",
    }
}

fn open(lines: &[usize]) -> String {
    let numbers: Vec<_> = lines.iter().map(ToString::to_string).collect();
    format!(
        "??? in {} {}",
        if lines.len() == 1 { "line" } else { "lines" },
        numbers.join(", ")
    )
}
