//! The built program, as an administrator meets it: it starts on purpose, says what it is, ends in good order, refuses
//! what is wrong with a remedy, and survives being killed.

pub mod program;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread;

use serde_json::Value;
use townclerk::journal::Log;
use townclerk::journal::note::VerifierKey;

use self::program::{Serving, run_with};
use crate::drain::until;
use crate::town::{Cms, HOST, Town, Visitor};

/// A folder with a configuration, and the paths of it and of its journal.
fn files(cms: &Cms) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, journal) = Town::before(cms).write(folder.path());
    (folder, config, journal)
}

/// The same with a journal.
fn files_and_journal(cms: &Cms) -> (tempfile::TempDir, PathBuf, PathBuf) {
    let (folder, config, journal) = files(cms);
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    (folder, config, journal)
}

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("text");
    assert!(text.contains(from), "{from} is not in {text}");
    fs::write(file, text.replace(from, to)).expect("a file");
}

#[test]
fn without_a_journal_it_does_not_start_and_says_how_to_make_one() {
    let (_folder, config, journal) = files(&Cms::page(""));
    let ended = run_with(&["serve"], &config);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let folder = journal.display().to_string();
    assert!(
        ended.err.contains(&folder) && ended.err.contains("hint: ") && ended.err.contains("journal init"),
        "{ended:?}"
    );
    assert!(!journal.exists(), "refusing makes nothing");
}

#[test]
fn a_key_can_be_made_before_its_journal_which_is_not_opened_without_it() {
    let (folder, config, journal) = files(&Cms::page(""));
    let key = folder.path().join("journal.key");
    let made = run_with(&["keygen"], &config);
    assert_eq!(made.code, Some(0), "{made:?}");
    let text = fs::read_to_string(&key).expect("a key");
    assert_eq!(made.out.lines().count(), Log::ALL.len(), "a key for each log: {made:?}");
    let public = made.out;
    let again = run_with(&["keygen"], &config);
    assert_eq!((again.code, again.out.as_str()), (Some(0), ""));
    assert!(again.err.contains("every key is there already"), "{again:?}");
    let made = run_with(&["journal", "init"], &config);
    assert_eq!(made.out, public, "{made:?}");
    assert_eq!(fs::read_to_string(&key).expect("a key"), text);
    assert!(!made.out.contains(&text) && journal.exists());

    fs::remove_file(&key).expect("a key");
    let ended = run_with(&["serve"], &config);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("there is no key") && ended.err.contains("hint: "),
        "{ended:?}"
    );
    assert!(!key.exists(), "refusing makes nothing");
    let ended = run_with(&["journal", "init"], &config);
    assert_eq!(
        (ended.code, key.exists()),
        (Some(0), false),
        "no new key for an old journal: {ended:?}"
    );
}

#[test]
fn a_journal_is_made_once_and_for_its_user_alone() {
    let (_folder, config, journal) = files(&Cms::page(""));
    let made = run_with(&["journal", "init"], &config);
    let said = format!("townclerk: made a journal in {}\n", journal.display());
    assert!(made.code == Some(0) && made.err.starts_with(&said), "{made:?}");
    // Nothing but keys, so that what is printed can be kept as it is.
    let keys: Vec<VerifierKey> = made.out.lines().map(|line| line.parse().expect("a key")).collect();
    let names: Vec<_> = keys.iter().map(|key| key.name().to_string()).collect();
    let expected = Log::ALL.map(|log| format!("{HOST}/townclerk/{log}"));
    assert_eq!(names, expected);
    let again = run_with(&["journal", "init"], &config);
    assert_eq!((again.code, again.out.as_str()), (Some(0), ""));
    assert!(again.err.contains("every journal is there already"), "{again:?}");

    let serving = Serving::start(&config);
    ask(&serving, "/");
    assert_eq!(serving.stop().code, Some(0));
    let all = below(&journal);
    assert!(
        all.iter()
            .any(|path| path.extension().is_some_and(|end| end == "jsonl")),
        "{all:?}"
    );
    for path in all.iter().chain([&journal]).filter(|path| !path.is_symlink()) {
        let mode = path.metadata().expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode, if path.is_dir() { 0o700 } else { 0o600 }, "{}", path.display());
    }
}

#[test]
fn what_seals_the_cookies_is_made_with_the_journal_and_again_where_it_is_missing() {
    let (folder, config, _) = files(&Cms::page(""));
    let ends = "mode = \"enforce\"\nends_when_leaving = true";
    edit(&folder.path().join("policy.toml"), "mode = \"enforce\"", ends);
    let keys = folder.path().join("journal.cookies.key");
    for _ in 0..2 {
        let made = run_with(&["journal", "init"], &config);
        let told = format!("made a key to seal cookies with in {}\n", keys.display());
        assert!(made.code == Some(0) && made.err.ends_with(&told), "{made:?}");
        let mode = keys.metadata().expect("a key").permissions().mode() & 0o777;
        assert_eq!(mode, 0o600);
        assert_eq!(Serving::start(&config).stop().code, Some(0));

        fs::remove_file(&keys).expect("it is there");
        let refused = run_with(&["serve"], &config);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(
            refused.err.contains("hint: make it with `townclerk journal init`"),
            "{refused:?}"
        );
    }
}

#[test]
fn for_containers_it_makes_the_missing_journal_itself() {
    let (_folder, config, journal) = files(&Cms::page(""));
    for created in [true, false] {
        let serving = Serving::start_as(&["serve", "--create-journal"], &config);
        assert_eq!(
            serving.said.concat().contains("made a journal in"),
            created,
            "{:?}",
            serving.said
        );
        ask(&serving, "/");
        assert_eq!(serving.stop().code, Some(0));
    }
    assert_eq!(lines(&journal.join("access")).len(), 2);
}

#[test]
fn its_first_lines_say_which_build_and_policy_where_and_for_what() {
    let (_folder, config, journal) = files_and_journal(&Cms::page("dzień dobry"));
    for signal in ["TERM", "INT"] {
        let serving = Serving::start(&config);
        let said = serving.said.concat();
        assert!(serving.said.len() <= 10, "{said}");
        let (address, folder) = (serving.address.to_string(), journal.display().to_string());
        for word in [
            concat!("townclerk ", env!("CARGO_PKG_VERSION")),
            &address,
            HOST,
            "policy 1 of 2026-11-21",
            &folder,
        ] {
            assert!(said.contains(word), "{word} is not in {said}");
        }
        assert_eq!(ask(&serving, "/"), "dzień dobry");
        serving.signal(signal);
        let ended = serving.end();
        assert_eq!(ended.code, Some(0), "{signal}: {}", ended.err);
    }
    assert_eq!(lines(&journal.join("access")).len(), 2);
}

#[test]
fn a_journal_has_one_writer() {
    let (_folder, config, journal) = files_and_journal(&Cms::page("dzień dobry"));
    let first = Serving::start(&config);
    let second = run_with(&["serve"], &config);
    assert_eq!(second.code, Some(2), "{second:?}");
    assert!(second.err.contains(&journal.display().to_string()), "{second:?}");
    assert!(
        second.err.contains("another process") && second.err.contains("hint: "),
        "{second:?}"
    );
    assert_eq!(ask(&first, "/"), "dzień dobry", "the first one goes on");
    assert_eq!(first.stop().code, Some(0));
    assert_eq!(
        Serving::start(&config).stop().code,
        Some(0),
        "the lock went with its process"
    );
}

#[test]
fn a_changed_policy_needs_a_new_version() {
    let (folder, config, _) = files_and_journal(&Cms::page(""));
    assert_eq!(Serving::start(&config).stop().code, Some(0));
    let policy = folder.path().join("policy.toml");

    edit(&policy, "tokens = 20", "tokens = 24");
    let refused = run_with(&["serve"], &config);
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(
        refused.err.contains("hint: ") && refused.err.contains("version"),
        "{refused:?}"
    );

    edit(
        &policy,
        "version = \"1\"\neffective = 2026-11-21",
        "version = \"2\"\neffective = 2026-11-22",
    );
    let serving = Serving::start(&config);
    assert!(
        serving.said.concat().contains("policy 2 of 2026-11-22"),
        "{:?}",
        serving.said
    );
    assert_eq!(serving.stop().code, Some(0));
}

#[test]
fn every_fault_of_both_files_is_said_at_once_with_its_place_and_remedy() {
    let (folder, config, journal) = files(&Cms::page(""));
    edit(&config, "workers = 2", "workers = 0\nwokers = 2");
    edit(&config, "www.um.example.pl", "http://um.example.pl/");
    edit(
        &folder.path().join("policy.toml"),
        "retention = \"unlimited\"",
        "retention = \"90\"",
    );
    for command in [&["serve"][..], &["journal", "init"]] {
        let ended = run_with(command, &config);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        let places: Vec<&str> = ended.err.lines().filter(|line| has_place(line)).collect();
        assert_eq!(places.len(), 4, "{}", ended.err);
        assert_eq!(
            places.iter().filter(|line| line.contains("policy.toml:")).count(),
            1,
            "{}",
            ended.err
        );
        assert_eq!(ended.err.matches("  hint: ").count(), 4, "{}", ended.err);
        assert!(ended.err.ends_with("townclerk: 4 faults to mend\n"), "{}", ended.err);
    }
    assert!(!journal.exists());

    let checked = run_with(&["check"], &config);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert_eq!(
        checked.out.lines().filter(|line| has_place(line)).count(),
        4,
        "{}",
        checked.out
    );
}

/// Whether a line begins with `FILE:line:column: `.
fn has_place(line: &str) -> bool {
    let mut words = line.split(": ").next().unwrap_or_default().rsplit(':');
    let mut number = || words.next().is_some_and(|word| word.parse::<u32>().is_ok());
    number() && number()
}

#[test]
fn the_shipped_configuration_is_right() {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/townclerk.toml");
    let checked = run_with(&["check"], &config);
    assert_eq!((checked.code, checked.err.as_str()), (Some(0), ""), "{}", checked.out);
    let missing = run_with(&["serve"], Path::new("/there-is-no/townclerk.toml"));
    assert_eq!(missing.code, Some(2));
    assert!(missing.err.contains("/there-is-no/townclerk.toml"), "{missing:?}");
}

#[test]
fn killed_under_load_it_loses_no_line_that_was_written_and_repeats_none() {
    let cms = Cms::page("dzień dobry");
    let (_folder, config, journal) = files_and_journal(&cms);
    let access = journal.join("access");
    let serving = Serving::start(&config);
    let visitors: Vec<_> = (0..4)
        .map(|visitor| {
            let address = serving.address;
            thread::spawn(move || browse(address, visitor))
        })
        .collect();
    until(|| segments(&access).concat().iter().filter(|byte| **byte == b'\n').count() >= 200);
    let mut written = segments(&access).concat();
    written.truncate(written.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
    serving.signal("KILL");
    assert_eq!(serving.end().code, None);
    visitors
        .into_iter()
        .for_each(|visitor| visitor.join().expect("it left"));

    let serving = Serving::start(&config);
    ask(&serving, "/potem");
    assert_eq!(serving.stop().code, Some(0));
    assert!(
        segments(&access).concat().starts_with(&written),
        "what was written stays as it was"
    );
    let paths: Vec<String> = lines(&access)
        .iter()
        .map(|line| line["url"]["path"].to_string())
        .collect();
    assert_eq!(paths.last().map(String::as_str), Some("\"/potem\""));
    assert_eq!(
        paths.iter().collect::<BTreeSet<_>>().len(),
        paths.len(),
        "nothing appears twice"
    );
    let asked: BTreeSet<String> = cms
        .received()
        .iter()
        .map(|request| format!("\"{}\"", request.target()))
        .collect();
    assert!(paths.iter().all(|path| asked.contains(path)), "nothing is invented");
    let events: Vec<String> = lines(&journal.join("events"))
        .iter()
        .map(|line| line["event.name"].to_string())
        .collect();
    let count = |name: &str| events.iter().filter(|event| event.contains(name)).count();
    assert_eq!(
        (count("journal.start"), count("journal.stop")),
        (2, 1),
        "the crash can be seen: {events:?}"
    );
}

/// Asks for page after page until the server is gone.
fn browse(server: SocketAddr, visitor: u32) {
    for page in 0.. {
        let Ok(mut stream) = TcpStream::connect(server) else {
            return;
        };
        let request = format!("GET /{visitor}/{page} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        let mut answer = Vec::new();
        let answered = stream
            .write_all(request.as_bytes())
            .and_then(|()| stream.read_to_end(&mut answer));
        if answered.is_err() || answer.is_empty() {
            return;
        }
    }
}

fn ask(serving: &Serving, path: &str) -> String {
    let mut visitor = Visitor::to(serving.address);
    visitor.send(format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    ));
    visitor.answer().text()
}

/// Every file and folder below a folder, in order.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder")
        .map(|file| file.expect("a file").path())
        .collect();
    let folders: Vec<PathBuf> = found
        .iter()
        .filter(|path| path.is_dir() && !path.is_symlink())
        .cloned()
        .collect();
    folders.iter().for_each(|folder| found.extend(below(folder)));
    found.sort();
    found
}

/// The bytes of each segment of a log.
fn segments(log: &Path) -> Vec<Vec<u8>> {
    let is_segment = |path: &PathBuf| path.extension().is_some_and(|end| end == "jsonl") && !path.is_symlink();
    below(log)
        .into_iter()
        .filter(is_segment)
        .map(|segment| fs::read(segment).expect("bytes"))
        .collect()
}

/// The lines of a log that count: a line that a crash tore, unfinished or with a NUL or CAN in it, ends its segment.
/// Every other one must be whole JSON.
fn lines(log: &Path) -> Vec<Value> {
    let mut all = Vec::new();
    for segment in segments(log) {
        let whole = segment.split_inclusive(|byte| *byte == b'\n');
        let whole = whole.take_while(|line| line.ends_with(b"\n") && !line.contains(&0) && !line.contains(&0x18));
        all.extend(whole.map(|line| serde_json::from_slice::<Value>(line).expect("JSON")));
    }
    all
}

#[test]
fn a_folder_that_holds_something_else_is_not_taken_for_a_journal() {
    let (_folder, config, journal) = files(&Cms::page(""));
    fs::create_dir(&journal).expect("a folder");
    fs::write(journal.join("photo.jpg"), "somebody's").expect("a file");
    let ended = run_with(&["journal", "init"], &config);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("is no journal") && ended.err.contains("hint: "),
        "{ended:?}"
    );
    assert!(journal.join("photo.jpg").exists());
}
