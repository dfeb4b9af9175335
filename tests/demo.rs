//! `townclerk demo --once`, as somebody runs it who has just installed it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Output, Stdio};

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

/// A demo that a failing test does not leave behind.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
    assert_eq!(
        fs::read_dir(place.path()).expect("a folder").count(),
        0,
        "something is left"
    );
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
        assert!(
            text.iter().any(|found| found.contains(line)),
            "no line says {line}:\n{text:#?}"
        );
    }
}

fn nothing_personal(entries: &str) {
    for personal in [
        "99323100009",
        "anna.nowak",
        "poczta.example",
        "3f6e1c0a9b7d4e25",
        "1437282591",
        "Wiosna",
    ] {
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
            "✓ the counting pixel of statystyki.example was never called",
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
            "✓ piksel z serwisu statystyki.example nie został wczytany",
            "jego folder usunięty",
        ],
    );
    assert!(!said.contains('✗'));
    nothing_personal(entries(&said, "Co jest w dzienniku", "Jego adres URL, przed i po"));
}

#[test]
fn it_stays_up_shows_what_a_browser_did_and_goes_without_a_trace_when_asked() {
    let place = place();
    let child = Command::new(env!("CARGO_BIN_EXE_townclerk"))
        .args(["demo", "--lang", "en"])
        .env_clear()
        .env("TMPDIR", place.path())
        .stdout(Stdio::piped())
        .spawn();
    let mut running = Running(child.expect("the program runs"));
    let mut lines = BufReader::new(running.0.stdout.take().expect("a pipe")).lines();
    let mut line = |part: &str| loop {
        let line = lines.next().expect("the demo goes on").expect("text");
        if line.contains(part) {
            break line;
        }
    };

    let open = line("Open it in a browser");
    let address = open
        .split(['/', ' '])
        .rfind(|part| part.starts_with("127."))
        .expect("an address");
    line("Your own visits");
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 1);
    let mut browser = TcpStream::connect(address).expect("the proxy listens");
    write!(
        browser,
        "GET /druki?kto=jan@poczta.example HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .expect("a request");
    let mut answer = String::new();
    browser.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let entry = line("/druki");
    assert!(
        entry.contains("GET /druki?kto=[email]") && entry.contains("200"),
        "{entry}"
    );

    let interrupt = Command::new("kill")
        .args(["-INT", &running.0.id().to_string()])
        .status();
    assert!(interrupt.expect("a shell's tool").success());
    assert!(running.0.wait().expect("it ends").success());
    assert_eq!(
        fs::read_dir(place.path()).expect("a folder").count(),
        0,
        "something is left"
    );
}

#[test]
fn a_language_it_does_not_speak_is_an_error_of_usage() {
    let place = place();
    let output = demo(&place, &["--lang", "de"], "C");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("pl"));
}
