//! `disclose`, killed at each of its calls that changes a disk: no bundle has its name before the register has its
//! line.

use std::fs;
use std::process::Command;

use townclerk::journal::verify::Verdict;

use super::{Office, json, plain};
use crate::crash::asked_for;
use crate::crash::sweep::{STEP, can_trace, inject};

/// What makes something durable, or gives it its name.
const CALLS: [&str; 5] = ["rename", "fdatasync", "fsync", "write", "mkdir"];

impl Office {
    /// Discloses, and is killed at the `nth` call of a kind. Whether it was, and had not ended before.
    fn is_killed_at(&self, call: &str, nth: u32) -> bool {
        let arguments = [
            "disclose",
            "--case",
            "RPD-12.2026",
            "--authority",
            "Policja",
            "--basis",
            "art. 15",
            "--by",
            "Anna Nowak",
            "--from",
            "2026-11-01",
            "--to",
            "2026-11-03",
            "--path",
            "/druki",
            "--out",
            self.out(),
            "--config",
        ];
        let output = Command::new("strace")
            .args(["-f", "-o", "/dev/null", "-e", &format!("trace={call}")])
            .args(["-e", &inject(call, "signal=KILL", &nth.to_string())])
            .arg(env!("CARGO_BIN_EXE_townclerk"))
            .args(arguments)
            .arg(&self.desk.config)
            .output()
            .expect("strace runs");
        !output.status.success()
    }
}

#[test]
fn no_bundle_leaves_before_the_register_has_its_line() {
    if !can_trace("killing `disclose` call by call") {
        return;
    }
    let office = Office::of_two_days(plain());
    let keys = super::changed::keys(&office);
    for call in CALLS {
        // Of many calls some are hit; of what gives a name, each.
        let step = if call == "rename" { 1 } else { asked_for(STEP, 12) };
        for nth in (1..).step_by(step as usize) {
            let is_killed = office.is_killed_at(call, nth);
            let place = format!("{call} {nth}");
            // An empty register is none yet; a line that was cut short is closed by the next.
            let report = crate::crash::verified(&office.desk.journal, &keys);
            assert_ne!(report.verdict(), Verdict::Wrong, "{place}: {report:#?}");
            let register = office.register();
            let is_entered = |id: &str| {
                register
                    .iter()
                    .any(|line| line["id"] == id && line["event.name"] == "disclosure.made")
            };
            for file in fs::read_dir(office.out.path()).expect("a folder").flatten() {
                let name = file.file_name().to_string_lossy().into_owned();
                let Some(id) = name.strip_prefix("disclosure-") else {
                    continue;
                };
                assert!(is_entered(id), "{place}: {name} is not in the register");
                let bundle = file.path();
                assert_eq!(json(bundle.join("data/query.json"))["disclosed"], 2, "{place}");
                assert_eq!(office.verifies(&bundle).code, Some(0), "{place}");
                fs::remove_dir_all(bundle).expect("it goes");
            }
            if !is_killed {
                assert!(nth > 1, "{call}: nothing was killed");
                break;
            }
        }
    }
    let bundle = office.discloses(&["--path", "/druki"]);
    assert_eq!(office.verifies(&bundle).code, Some(0));
}
