//! Tables of faulty files and the exact faults they must give: data under `tests/faults`.
//!
//! ```text
//! === base
//! a file without fault
//! === the name of a case
//! - a line of the base
//! + what stands there instead; without a line to replace, at the end
//! ---
//! the faults
//! ```
//!
//! `BLESS=1 cargo test` writes what the program says into the table, to be read before it is committed.

use std::fmt::Write as _;
use std::path::Path;

/// Runs every case of a table.
pub(crate) fn run(name: &str, faults_of: impl Fn(&str) -> String) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/faults").join(name);
    let table = std::fs::read_to_string(&path).expect("the table can be read");
    let (head, cases) = table.split_once("=== ").expect("a table has cases");
    let mut cases = cases
        .split("\n=== ")
        .map(|case| case.split_once('\n').unwrap_or((case, "")));
    let (_, base) = cases.next().expect("the first case is the base");
    assert_eq!(faults_of(base), "", "{name}: the base has faults");

    let mut said = format!("{head}=== base\n{base}");
    let mut wrong = String::new();
    for (case, body) in cases {
        let (change, expected) = body.split_once("---\n").unwrap_or((body, ""));
        let faults = faults_of(&changed(base, change, case));
        assert!(!faults.is_empty(), "{name}, {case}: there is no fault");
        if faults != expected.trim_end() {
            let _ = writeln!(wrong, "{name}, {case}: expected\n{expected}\nbut found\n{faults}\n");
        }
        let _ = write!(
            said,
            "\n=== {case}\n{}---\n{faults}\n",
            if change.is_empty() { "" } else { change }
        );
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, said).expect("the table can be written");
    } else {
        assert!(wrong.is_empty(), "{wrong}");
    }
}

fn changed(base: &str, change: &str, case: &str) -> String {
    let mut lines: Vec<&str> = base.lines().collect();
    let mut at = None;
    for line in change.lines() {
        if let Some(old) = line.strip_prefix("- ") {
            let found = lines.iter().position(|line| *line == old);
            let index = found.unwrap_or_else(|| panic!("{case}: the base has no line {old}"));
            lines.remove(index);
            at = Some(index);
        } else if let Some(new) = line.strip_prefix("+ ") {
            let index = at.unwrap_or(lines.len());
            lines.insert(index, new);
            at = at.map(|index| index + 1);
        } else {
            panic!("{case}: neither - nor +: {line}");
        }
    }
    lines.join("\n") + "\n"
}
