//! House rules, as a test: a newcomer runs `cargo test` and knows what we care about.

use std::fs;
use std::path::{Path, PathBuf};

fn sources(folder: &str) -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for file in fs::read_dir(folder).expect("a folder").flatten() {
            let path = file.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).expect("text");
                found.push((path.strip_prefix(root).expect("below").to_owned(), text));
            }
        }
    }
    assert!(!found.is_empty());
    found
}

/// Lines that run, with their places: comments and tests are left out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .take_while(|line| !line.starts_with("#[cfg(test)]"))
        .enumerate()
        .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| {
        matches!(
            part.as_os_str().to_str(),
            Some("tests" | "tests.rs" | "simulated.rs" | "properties.rs")
        )
    })
}

#[test]
fn rooms_that_keep_promises_know_no_network() {
    for room in [
        "policy",
        "entry",
        "cookies",
        "third_parties",
        "journal",
        "report",
        "disclosure",
        "reader",
    ] {
        for (path, text) in sources(&format!("src/{room}")) {
            for (line, code) in code(&text) {
                let knows = ["hyper", "tokio"]
                    .iter()
                    .find(|name| code.contains(&format!("{name}::")));
                assert!(
                    knows.is_none(),
                    "{}:{line} knows {}",
                    path.display(),
                    knows.expect("found")
                );
            }
        }
    }
}

#[test]
fn only_one_file_touches_a_journals_disk() {
    for (path, text) in sources("src/journal") {
        if path.ends_with("disk.rs") || is_test(&path) {
            continue;
        }
        for (line, code) in code(&text) {
            assert!(
                !code.contains("std::fs") && !code.contains("fs::"),
                "{}:{line} touches the disk",
                path.display()
            );
        }
    }
}

#[test]
fn only_the_clock_asks_the_time() {
    for (path, text) in sources("src") {
        if path.ends_with("clock.rs") || is_test(&path) {
            continue;
        }
        for (line, code) in code(&text) {
            for asks in ["Instant::now", "SystemTime::now", "Timestamp::now", "Zoned::now"] {
                assert!(!code.contains(asks), "{}:{line} asks the time", path.display());
            }
        }
    }
}

#[test]
fn files_stay_readable() {
    for folder in ["src", "tests", "benches"] {
        for (path, text) in sources(folder) {
            let lines = text.lines().count();
            assert!(
                lines <= 600,
                "{} has {lines} lines: which two subjects does it hold?",
                path.display()
            );
            for (index, line) in text.lines().enumerate() {
                let wide = line.chars().count();
                let unbroken = line.contains(['"', '|', '▶']); // texts, tables and drawings
                assert!(
                    wide <= 120 || unbroken,
                    "{}:{} is {wide} wide",
                    path.display(),
                    index + 1
                );
                let left = ["TODO", "FIXME", "XXX"].iter().any(|mark| line.contains(mark));
                assert!(
                    !left || path.ends_with("tidy.rs"),
                    "{}:{} is not finished",
                    path.display(),
                    index + 1
                );
            }
        }
    }
}
