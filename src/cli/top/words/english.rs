//! In English.

use super::Words;
use crate::policy::Lang;

pub(super) const WORDS: Words = Words {
    lang: Lang::En,
    live: "live",
    paused: "PAUSED",
    reading: |size| format!("reading, {size} to go"),

    rates: "requests/s",
    most: |rate| format!("{rate}/s"),
    ago: "15 min",
    answers: "answers",
    load: "traffic",
    time: "time",
    journal: "journal",
    event: "last event",
    trouble: "TROUBLE",

    spans: ["now", "in 1 min", "in 15 min"],
    unanswered: "none",
    requests: "requests",
    robots: "by robots",
    half: "half within",
    most_of_them: "99% within",
    longest: "longest",
    no_times: "the entries do not say, or not to the millisecond",
    records: "records",
    unsigned: |count| format!("{count} not signed yet"),
    signed: |ago| format!("signed {ago} ago"),
    disk: |part| format!("disk {part} free"),
    in_segment: |segment| format!("in {segment}"),
    silence: "there is no record yet",

    panels: ["Paths", "Addresses", "Browsers", "Errors"],
    orders: ["by requests", "by errors", "by bytes", "by time"],
    columns: ["requests", "errors", "sent", "mean", "longest"],
    others: "all others",
    nothing: "nothing in the last 15 minutes",
    robot: "robot",
    other_agent: "something else",
    unknown: "–",
    on: |browser, system| format!("{browser} on {system}"),

    keys: "q quit  p pause  s site  Tab panel  o order  ? help",
    help: &[
        "q, Esc, Ctrl-C   quit",
        "p, space         stand still; what comes meanwhile is read afterwards",
        "s                the next site",
        "Tab, 1 2 3 4     what is listed: paths, addresses, browsers and robots, errors",
        "o                its order: by requests, errors, bytes sent or time",
        "?                this, and back",
        "",
        "Counted is the last quarter of an hour, by the time at which exchanges ended.",
        "Errors are exchanges that failed, or were answered with 400 or above.",
        "Shown is what the policy keeps. It is not anonymous: it is for you alone.",
    ],
};
