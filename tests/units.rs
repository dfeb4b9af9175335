//! The units for systemd: systemd itself finds no fault with them, and little that they may do; what they run is there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::drain::until;
use crate::serve::program::{Serving, run, run_with};
use crate::skip::without;
use crate::town::Visitor;

/// Where the units have the program.
const PROGRAM: &str = "/usr/local/bin/townclerk";
/// Below 1.5, in tenths.
const EXPOSURE: &str = "--threshold=14";

fn units(end: &str) -> Vec<PathBuf> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let files = fs::read_dir(deploy)
        .expect("a folder")
        .flatten()
        .map(|file| file.path());
    let units: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|own| own == end))
        .collect();
    assert!(!units.is_empty(), "no unit ends in .{end}");
    units
}

fn succeed(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}\n{said}");
    said.into_owned()
}

#[test]
fn services_are_exposed_little() {
    if without("systemd-analyze", "--version", "the units for systemd") {
        return;
    }
    for unit in units("service") {
        succeed(
            Command::new("systemd-analyze")
                .args(["security", "--offline=true", EXPOSURE])
                .arg(unit),
        );
    }
}

#[test]
fn systemd_finds_no_fault_with_the_units() {
    if without("systemd-analyze", "--version", "the units for systemd") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let all = [units("service"), units("socket"), units("timer")].concat();
    let copies = all.into_iter().map(|unit| {
        let text = fs::read_to_string(&unit).expect("text");
        let copy = folder.path().join(unit.file_name().expect("a name"));
        fs::write(&copy, text.replace(PROGRAM, env!("CARGO_BIN_EXE_townclerk"))).expect("a copy");
        copy
    });
    succeed(Command::new("systemd-analyze").arg("verify").args(copies));
}

#[test]
fn what_the_services_run_is_there() {
    for unit in units("service") {
        let text = fs::read_to_string(&unit).expect("text");
        let commands = text
            .lines()
            .filter_map(|line| line.strip_prefix("Exec")?.split_once(PROGRAM));
        let commands: Vec<_> = commands.map(|(_, arguments)| arguments).collect();
        assert!(!commands.is_empty(), "{}", unit.display());
        for command in commands {
            let arguments: Vec<_> = command.split_whitespace().chain(["--help"]).collect();
            let ended = run(&arguments);
            assert_eq!(ended.code, Some(0), "{arguments:?} {}", ended.err);
        }
    }
}

/// The system calls of one of systemd's sets, those of the sets in it included; or the one of this name.
fn calls(set: &str) -> BTreeSet<String> {
    if !set.starts_with('@') {
        return BTreeSet::from([set.to_owned()]);
    }
    let said = succeed(Command::new("systemd-analyze").args(["syscall-filter", set]));
    let members = said.lines().skip(1).map(str::trim);
    let members = members.filter(|member| !member.is_empty() && !member.starts_with('#'));
    members.flat_map(calls).collect()
}

/// What a unit allows, its lines read in their order.
fn allowed(unit: &str) -> BTreeSet<String> {
    let mut allowed = BTreeSet::new();
    for sets in unit.lines().filter_map(|line| line.strip_prefix("SystemCallFilter=")) {
        match sets.strip_prefix('~') {
            Some(denied) => {
                let denied: BTreeSet<String> = denied.split(' ').flat_map(calls).collect();
                allowed.retain(|call| !denied.contains(call));
            }
            None => allowed.extend(sets.split(' ').flat_map(calls)),
        }
    }
    allowed
}

#[test]
fn serving_asks_nothing_of_the_system_that_its_unit_does_not_allow() {
    let what = "what the unit allows";
    if without("systemd-analyze", "--version", what) || without("strace", "--version", what) {
        return;
    }
    let (folder, root) = (
        tempfile::tempdir().expect("a folder"),
        Path::new(env!("CARGO_MANIFEST_DIR")),
    );
    let (config, trace) = (folder.path().join("config/townclerk.toml"), folder.path().join("trace"));
    fs::create_dir(folder.path().join("config")).expect("a folder");
    fs::copy(root.join("config/policy.toml"), config.with_file_name("policy.toml")).expect("a copy");
    let text = fs::read_to_string(root.join("config/townclerk.toml")).expect("text");
    fs::write(&config, text.replace("127.0.0.1:8080", "127.0.0.1:0")).expect("a file");
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    let mut command = Command::new("strace");
    command
        .args(["-D", "-f", "-qq", "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_townclerk"));
    command.args(["serve", "--config"]).arg(&config);
    let mut serving = Serving::start_by(&mut command).unwrap_or_else(|said| panic!("{said:#?}"));
    let mut visitor = Visitor::to(serving.address);
    visitor.send("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    visitor.answer();
    serving.signal("HUP");
    serving.hear("reloaded");
    assert_eq!(serving.stop().code, Some(0));
    let traced = || fs::read_to_string(&trace).unwrap_or_default();
    until(|| traced().contains("exit_group("));

    let traced = traced();
    let calls = traced
        .lines()
        .filter_map(|line| line.split_whitespace().nth(1)?.split_once('('));
    let calls: BTreeSet<&str> = calls.map(|(call, _)| call).collect();
    assert!(calls.contains("fdatasync") && calls.contains("listen"), "{calls:?}");
    let unit = fs::read_to_string(root.join("deploy/townclerk.service")).expect("text");
    let allowed = allowed(&unit);
    let refused: Vec<_> = calls.into_iter().filter(|call| !allowed.contains(*call)).collect();
    // What is not allowed fails; for a lower priority, which packing would like, that changes nothing.
    assert!(unit.contains("\nSystemCallErrorNumber=EPERM\n"));
    assert!(refused.iter().all(|call| *call == "setpriority"), "{refused:?}");
}
