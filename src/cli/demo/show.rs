//! How the demo is printed: each part as text, at most 100 columns wide but for what stands as it is.

use std::net::SocketAddr;
use std::path::Path;

use super::claims::Claim;
use super::fate::{Fate, Verdict};
use super::kept::Kept;
use super::tour::{STEPS, Visit};
use super::words::Words;
use crate::cli::table::{Paint, short, table};
use crate::survey::jar::{Held, Lasts};

/// The columns of the entries that can grow.
const REQUEST: usize = 40;
const REFERRER: usize = 34;

/// Prints in one language, with or without colours.
pub(super) struct Show {
    pub(super) words: &'static Words,
    pub(super) paint: Paint,
}

impl Show {
    pub(super) fn start(&self, address: SocketAddr) -> String {
        let (words, paint) = (self.words, self.paint);
        let url = paint.strong(&format!("http://{address}/"));
        format!(
            "{}: {}\n{} {url}\n",
            paint.strong("townclerk demo"),
            words.title,
            words.open
        )
    }

    pub(super) fn visit(&self, visit: &Visit) -> String {
        let mut text = self.head(1, self.words.visit);
        for (step, status) in STEPS.iter().zip(&visit.statuses) {
            let status = match *status == step.expected {
                true => status.to_string(),
                false => self.paint.bad(&status.to_string()),
            };
            text.push_str(&format!("   {:70}  {status}\n", (step.what)(self.words)));
        }
        text
    }

    pub(super) fn cookies(&self, visit: &Visit) -> String {
        let row = |(place, fate): (usize, &Fate)| {
            let is_last = !visit.cookies[place + 1..].iter().any(|other| other.name == fate.name);
            let sent = match (fate.sent, fate.got) {
                (None, None) => self.words.from_before.to_owned(),
                (sent, _) => self.lasts(sent),
            };
            let held = if is_last { self.held(fate, &visit.held) } else { "" };
            [
                fate.name.clone(),
                sent,
                self.lasts(fate.got),
                self.verdict(fate.verdict).to_owned(),
                held.to_owned(),
            ]
        };
        let rows: Vec<_> = visit.cookies.iter().enumerate().map(row).collect();
        self.head(2, self.words.cookies) + &table(self.words.cookie_heads, &rows, self.paint)
    }

    /// The entries; one of them whole; and what its URL was before.
    pub(super) fn entries(&self, entries: &[Kept], asked: &str) -> String {
        let words = self.words;
        let rows: Vec<_> = entries.iter().map(row).collect();
        let mut text = self.head(3, words.entries) + &table(words.entry_heads, &rows, self.paint);
        let path = asked.split('?').next().unwrap_or_default();
        if let Some(entry) = entries
            .iter()
            .find(|entry| entry.target().split('?').next() == Some(path))
        {
            let width = words.asked.chars().count().max(words.kept.chars().count());
            text.push_str(&format!(
                "\n   {}\n{}\n\n   {}\n   {:width$}  {asked}\n   {:width$}  {}\n",
                words.whole_entry,
                entry.line,
                words.redacted,
                words.asked,
                words.kept,
                self.paint.good(&entry.target()),
            ));
        }
        text
    }

    pub(super) fn claims(&self, claims: &[Claim]) -> String {
        let mut text = self.head(4, self.words.checked);
        for claim in claims {
            let mark = if claim.holds {
                self.paint.good("✓")
            } else {
                self.paint.bad("✗")
            };
            text.push_str(&format!("   {mark} {}\n", claim.says));
        }
        text
    }

    /// Where things are, and what to do with them.
    pub(super) fn next(&self, address: SocketAddr, journal: &Path, config: &Path) -> String {
        let words = self.words;
        let access = journal.join("access");
        let (access, config) = (access.display(), config.display());
        let width = [words.files, words.look, words.try_next]
            .map(|word| word.chars().count())
            .into_iter()
            .max();
        let width = width.unwrap_or_default();
        let gap = " ".repeat(width);
        format!(
            "{}   {:width$}  {access}/\n   {:width$}  tail -F {access}/current\n   {gap}  lnav {access}\n   \
             {:width$}  {}: http://{address}/\n   {gap}  townclerk check --config {config}\n   {gap}  {}\n\n{}\n",
            self.head(5, words.next),
            words.files,
            words.look,
            words.try_next,
            words.browse,
            words.end,
            words.later,
        )
    }

    /// An entry that came later, as one line.
    pub(super) fn entry(&self, entry: &Kept) -> String {
        let [time, request, status, referrer] = row(entry);
        let line = format!("   {time:9}  {request:REQUEST$}  {status:6}  {referrer}");
        format!("{}\n", line.trim_end())
    }

    fn head(&self, number: usize, title: &str) -> String {
        format!(
            "\n{}  {}\n",
            self.paint.strong(&number.to_string()),
            self.paint.strong(title)
        )
    }

    fn lasts(&self, lasts: Option<Lasts>) -> String {
        match lasts {
            None => self.words.nothing.to_owned(),
            Some(Lasts::Session) => self.words.session.to_owned(),
            Some(Lasts::For(left)) => (self.words.lasts)(left.as_secs()),
            Some(Lasts::Ended) => self.words.ended.to_owned(),
        }
    }

    fn verdict(&self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::Passed => self.words.passed,
            Verdict::Limited => self.words.limited,
            Verdict::Changed => self.words.changed,
            Verdict::Deletion => self.words.deletion,
            Verdict::Stripped => self.words.stripped,
            Verdict::Withheld => self.words.withheld,
            Verdict::Wrong => self.words.wrong,
        }
    }

    fn held(&self, fate: &Fate, held: &[Held]) -> &'static str {
        match held.iter().find(|held| held.name == fate.name) {
            None => self.words.not_held,
            Some(_) if fate.verdict == Verdict::Withheld => self.words.held_as_before,
            Some(held) if held.is_persistent() => self.words.held_longer,
            Some(_) => self.words.held_for_session,
        }
    }
}

fn row(entry: &Kept) -> [String; 4] {
    let referrer = entry.referrer().unwrap_or_default();
    [
        entry.time().to_owned(),
        short(&entry.request(), REQUEST),
        entry.status(),
        short(referrer, REFERRER),
    ]
}
