//! What is in the journal, read back from disk.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use crate::journal::age::Identities;
use crate::journal::{Lines, Log};

/// How often the journal is looked at while an entry is awaited.
const LOOK: Duration = Duration::from_millis(20);
/// How often at most: 5 s, five times the journal's own interval.
const LOOKS: usize = 250;

/// An entry, as its line says.
pub(super) struct Kept {
    /// Its position in the log.
    pub(super) index: u64,
    /// The line, without its end.
    pub(super) line: String,
    value: Value,
}

impl Kept {
    pub(super) fn new(index: u64, line: &[u8]) -> Self {
        let value = serde_json::from_slice(line).unwrap_or_default(); // a line that is no JSON shows nothing but itself
        Self {
            index,
            line: String::from_utf8_lossy(line).into_owned(),
            value,
        }
    }

    fn text(&self, pointer: &str) -> Option<&str> {
        self.value.pointer(pointer)?.as_str()
    }

    /// `20:35:19`, in UTC.
    pub(super) fn time(&self) -> &str {
        self.text("/timestamp").and_then(|time| time.get(11..19)).unwrap_or("–")
    }

    /// The path and query.
    pub(super) fn target(&self) -> String {
        let path = self.text("/url/path").unwrap_or("–");
        self.text("/url/query")
            .map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
    }

    /// `GET /kontakt`.
    pub(super) fn request(&self) -> String {
        format!("{} {}", self.text("/http/request/method").unwrap_or("–"), self.target())
    }

    pub(super) fn status(&self) -> String {
        let status = self.value.pointer("/http/response/status_code").and_then(Value::as_u64);
        status.map_or_else(|| "–".to_owned(), |status| status.to_string())
    }

    /// The page of another site; or the page of this one, where it holds a broken link.
    pub(super) fn referrer(&self) -> Option<&str> {
        self.text("/http/request/header/referer")
            .or_else(|| self.text("/townclerk/referrer/internal"))
    }
}

/// The entries from a position on.
pub(super) fn entries(journal: &Path, from: u64) -> io::Result<Vec<Kept>> {
    let mut lines = Lines::of(journal, Log::Access, &Identities::default())?;
    let mut entries = Vec::new();
    while let Some(line) = lines.next_line()? {
        if line.index >= from {
            entries.push(Kept::new(line.index, line.text));
        }
    }
    Ok(entries)
}

/// The entries once there are so many, or what there is when patience ends.
pub(super) async fn await_entries(journal: &Path, count: usize) -> io::Result<Vec<Kept>> {
    for _ in 0..LOOKS {
        let entries = entries(journal, 0)?;
        if entries.len() >= count {
            return Ok(entries);
        }
        sleep(LOOK).await;
    }
    entries(journal, 0)
}

/// Whether any log of the journal holds one of these texts.
pub(super) fn holds_any(journal: &Path, texts: &[&str]) -> io::Result<bool> {
    for log in Log::ALL {
        let mut lines = Lines::of(journal, log, &Identities::default())?;
        while let Some(line) = lines.next_line()? {
            let line = String::from_utf8_lossy(line.text);
            if texts.iter().any(|text| line.contains(text)) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_read_by_the_names_of_its_members() {
        let line = br#"{"timestamp":"2026-11-21T20:35:19.123Z","url":{"path":"/druki","query":"a=1"},
            "http":{"request":{"method":"GET","header":{"referer":"https://powiat.example/"}},"response":{"status_code":404}},
            "townclerk":{"referrer":{"internal":"/kontakt"}}}"#;
        let entry = Kept::new(7, line);
        let told = [entry.time(), &entry.request(), &entry.status()];
        assert_eq!(told, ["20:35:19", "GET /druki?a=1", "404"]);
        assert_eq!(entry.referrer(), Some("https://powiat.example/"));
    }

    #[test]
    fn what_an_entry_does_not_hold_is_a_dash() {
        for line in [&b"{}"[..], b"no JSON", br#"{"timestamp":"x","url":{"path":null}}"#] {
            let entry = Kept::new(0, line);
            let told = [entry.time(), &entry.request(), &entry.status()];
            assert_eq!(told, ["–", "– –", "–"]);
            assert_eq!(entry.referrer(), None);
        }
    }
}
