//! What the statement says of disclosures.

use std::fs;
use std::path::Path;

use jiff::Span;
use tempfile::TempDir;
use townclerk::journal::Log;

use super::{Proof, Scene, VISITOR, page};
use crate::serve::program::{Ended, run_with};
use crate::town::{HOST, Kept, records};

/// An office of which one page was asked for.
fn office(proof: &Proof) -> TempDir {
    let scene = Scene::of(proof);
    let town = scene.plan().open();
    let mut answers = scene.answers.lock().expect("no panic");
    answers.push_back((page(), Span::new()));
    drop(answers);
    let from = format!("X-Forwarded-For: {VISITOR}\r\nConnection: close");
    assert_eq!(
        town.ask(format!("GET /pogoda HTTP/1.1\r\nHost: {HOST}\r\n{from}\r\n\r\n"))
            .status,
        200
    );
    town.leave()
}

fn run(folder: &Path, command: &[&str], more: &[&str]) -> Ended {
    let papers = ["--case", "A-1", "--authority", "Policja", "--basis", "art. 15 k.p.k."];
    run_with(&[command, &papers, more].concat(), &folder.join("townclerk.toml"))
}

fn disclose(folder: &Path, more: &[&str]) -> Ended {
    let asked = [
        "--from",
        "2026-12-01",
        "--to",
        "2026-12-02",
        "--out",
        folder.to_str().expect("text"),
    ];
    run(folder, &["disclose"], &[&asked, more].concat())
}

/// The bundles that were made.
fn bundles(folder: &Path) -> usize {
    let names = fs::read_dir(folder).expect("a folder").flatten();
    names
        .filter(|file| file.file_name().to_string_lossy().starts_with("disclosure-"))
        .count()
}

pub fn what_leaves_is_in_the_register_first(proof: &Proof) {
    let folder = office(proof);
    let journal = folder.path().join("journal");
    // Where nothing can be entered, nothing leaves.
    let register = journal.join("disclosures");
    fs::write(&register, "in its way").expect("a file");
    let refused = disclose(folder.path(), &["--by", "A. N."]);
    assert_eq!((refused.code, bundles(folder.path())), (Some(2), 0), "{refused:?}");
    fs::remove_file(&register).expect("it goes");

    let by_address = ["--by", "A. N.", "--address", &VISITOR.to_string()];
    let disclosed = disclose(folder.path(), &by_address);
    assert_eq!((disclosed.code, bundles(folder.path())), (Some(0), 1), "{disclosed:?}");
    let why = ["--by", "A. N.", "--reason", "brak podstawy"];
    assert_eq!(run(folder.path(), &["disclose", "refuse"], &why).code, Some(0));
    let lines = records(&journal, Log::Disclosures);
    let names: Vec<_> = lines.iter().map(|line| &line["event.name"]).collect();
    assert_eq!(names, ["disclosure.made", "disclosure.refused"]);
    assert_eq!(
        (&lines[0]["authority"], &lines[0]["basis"]),
        (&"Policja".into(), &"art. 15 k.p.k.".into())
    );
    assert_eq!(lines[0]["disclosed"], 1);
    let bytes = Kept::bytes_of(&register);
    for of_a_visitor in [VISITOR.to_string(), "/pogoda".to_owned()] {
        let is_there = bytes
            .windows(of_a_visitor.len())
            .any(|window| window == of_a_visitor.as_bytes());
        assert!(!is_there, "{of_a_visitor} is in the register");
    }
    // Somebody changes it.
    let segment = fs::read_dir(&register)
        .expect("a folder")
        .flatten()
        .map(|file| file.path());
    let mut segments = segment.filter(|path| !path.is_symlink() && path.extension().is_some_and(|end| end == "jsonl"));
    let segment = segments.next().expect("a segment");
    let text = fs::read_to_string(&segment).expect("text");
    fs::write(&segment, text.replace("A-1", "A-2")).expect("a file");
    let key = townclerk::journal::key::Key::load(&folder.path().join("journal.key")).expect("a key");
    let keys = Log::ALL.map(|log| key.verifier(log).to_string());
    let keys: Vec<&str> = keys.iter().flat_map(|key| ["--key", key]).collect();
    let verify = [&["journal", "verify"], &keys[..]].concat();
    let verified = run_with(&verify, &folder.path().join("townclerk.toml"));
    assert_eq!(verified.code, Some(1), "{verified:?}");
}

pub fn one_alone_discloses_nothing(proof: &Proof) {
    let folder = office(proof);
    let entered = disclose(folder.path(), &["--by", "A. N."]);
    assert_eq!((entered.code, bundles(folder.path())), (Some(0), 0), "{entered:?}");
    let id = records(&folder.path().join("journal"), Log::Disclosures)[0]["id"].clone();
    let id = id.as_str().expect("a name");
    let same = disclose(folder.path(), &["--by", "A. N.", "--request", id]);
    assert_eq!((same.code, bundles(folder.path())), (Some(1), 0), "{same:?}");
    let other = disclose(folder.path(), &["--by", "J. K.", "--request", id]);
    assert_eq!((other.code, bundles(folder.path())), (Some(0), 1), "{other:?}");
}
