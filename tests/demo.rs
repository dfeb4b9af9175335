//! `townclerk demo --once`, as somebody runs it who has just installed it.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

/// Where the demo makes its folder.
fn place() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn demo(place: &TempDir, arguments: &[&str], locale: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_townclerk"))
        .args(["demo", "--once"])
        .args(arguments)
        .env_clear()
        .env("TMPDIR", place.path())
        .env("LANG", locale)
        .output()
        .expect("the program runs")
}

/// What the demo says, and that it has gone well and left nothing.
fn said(arguments: &[&str], locale: &str) -> String {
    let place = place();
    let output = demo(&place, arguments, locale);
    let (stdout, stderr) = (
        String::from_utf8(output.stdout).expect("text"),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(0), "{stdout}\n{stderr}");
    assert_eq!(stderr, "");
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 0, "something is left");
    stdout
}

/// From the entries' table to where the URL is shown as it was asked.
fn entries<'a>(said: &'a str, from: &str, to: &str) -> &'a str {
    let start = said.find(from).expect("the entries");
    let end = said.find(to).expect("their end");
    &said[start..end]
}

fn holds(text: &str, lines: &[&str]) {
    // Columns may grow: the words matter, and their order.
    let squeezed = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let text: Vec<_> = text.lines().map(squeezed).collect();
    for line in lines {
        assert!(text.iter().any(|found| found.contains(line)), "no line says {line}:\n{text:#?}");
    }
}

fn nothing_personal(entries: &str) {
    for personal in ["99323100009", "anna.nowak", "poczta.example", "3f6e1c0a9b7d4e25", "1437282591", "Wiosna"] {
        assert!(!entries.contains(personal), "{personal} is in the entries:\n{entries}");
    }
}

fn fits(said: &str) {
    for line in said.lines().filter(|line| !line.starts_with('{')) {
        assert!(line.chars().count() <= 100, "wider than 100 columns: {line}");
        assert!(!line.contains('\x1b'), "coloured without a terminal: {line}");
    }
}

#[test]
fn in_english() {
    let said = said(&["--lang", "en"], "pl_PL.UTF-8");
    fits(&said);
    holds(
        &said,
        &[
            "Open it in a browser: http://127.0.0.1:",
            "follows a broken link on it 404",
            "_ga (set last year) nothing kept it from the CMS: not listed as before",
            "kontrast 1 year session cut it to the session for the session",
            "_pk_id.1.9c2b 13 months nothing stripped it: not listed no",
            "zapamietaj 1 year session cut it to the session",
            "zapamietaj deletion deletion let the deletion pass no",
            "sesja deletion deletion let the deletion pass no",
            "asked /szukaj?q=wniosek,99323100009,anna.nowak%40poczta.example",
            "✓ every request has its entry: 13 requests, 13 entries",
            "its folder is gone",
        ],
    );
    assert!(!said.contains('✗'));
    let entries = entries(&said, "What is in the journal", "Its URL, before and after");
    holds(
        entries,
        &[
            "GET /aktualnosci/odbior-odpadow 200 https://powiat.example/",
            "GET /szukaj?q=wniosek,[pesel],[email] 200",
            "GET /druki/wniosek-2019.pdf 404 /druki",
            "POST /wyloguj 303",
            "\"path\":\"/szukaj\"",
        ],
    );
    nothing_personal(entries);
}

#[test]
fn in_polish_where_the_locale_says_so() {
    let said = said(&[], "pl_PL.UTF-8");
    fits(&said);
    holds(
        &said,
        &[
            "Otwórz w przeglądarce: http://127.0.0.1:",
            "_pk_id.1.9c2b 13 miesięcy nic zatrzymał: spoza polityki nie ma",
            "zapamietaj 1 rok sesja skrócił do sesji",
            "zapamietaj usunięcie usunięcie przepuścił usunięcie nie ma",
            "✓ każde żądanie ma swój wpis: żądań 13, wpisów 13",
            "jego folder usunięty",
        ],
    );
    assert!(!said.contains('✗'));
    nothing_personal(entries(&said, "Co jest w dzienniku", "Jego adres URL, przed i po"));
}

#[test]
fn a_language_it_does_not_speak_is_an_error_of_usage() {
    let place = place();
    let output = demo(&place, &["--lang", "de"], "C");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("pl"));
}
