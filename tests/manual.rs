//! Man pages and completions are of the commands that there are, and programs that read such things find no fault.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::serve::program::run;
use crate::skip::without;

fn pages() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let ended = run(&["man".as_ref(), folder.path().as_os_str()]);
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
    folder
}

fn names(folder: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder).expect("a folder").flatten();
    files
        .map(|file| file.file_name().into_string().expect("text"))
        .collect()
}

/// The commands that `--help` lists.
fn listed(of: &[&str]) -> Vec<String> {
    let help = run(&[of, &["--help"]].concat()).out;
    let Some((_, commands)) = help.split_once("\nCommands:\n") else {
        return Vec::new();
    };
    let commands = commands.split("\n\n").next().unwrap_or_default().lines();
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    let names = names.filter(|name| !name.is_empty() && *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn every_command_that_help_lists_has_a_page() {
    let there = names(pages().path());
    let mut expected = BTreeSet::from(["townclerk.1".to_owned()]);
    for command in listed(&[]) {
        expected.insert(format!("townclerk-{command}.1"));
        let below = listed(&[&command]).into_iter();
        expected.extend(below.map(|below| format!("townclerk-{command}-{below}.1")));
    }
    assert_eq!(there, expected);
    assert!(there.contains("townclerk-journal-verify.1"), "{there:?}");
}

#[test]
fn groff_finds_no_fault_with_the_pages() {
    if without("groff", "--version", "man pages") {
        return;
    }
    let folder = pages();
    for name in names(folder.path()) {
        let mut groff = Command::new("groff");
        groff
            .args(["-Kutf8", "-man", "-ww", "-Tutf8", "-P-cbou"])
            .arg(folder.path().join(&name));
        let read = groff.output().expect("it runs");
        let warned = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success() && warned.is_empty(), "{name}: {warned}");
        let shown = String::from_utf8_lossy(&read.stdout);
        assert!(shown.contains("EXIT STATUS"), "{name}: {shown}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let ended = run(&["man", "/nowhere/at/all"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("/nowhere/at/all/"), "{}", ended.err);
}

#[test]
fn bash_completes_commands_and_options() {
    if without("bash", "--version", "completions") {
        return;
    }
    let complete = |words: &str| {
        let script = format!(
            "source <({program} completions bash)\nwords=({words} '')\nCOMP_WORDS=(\"${{words[@]}}\")\n\
             COMP_CWORD=$((${{#words[@]}} - 1))\n_townclerk townclerk '' \"${{words[-2]}}\"\necho \"${{COMPREPLY[@]}}\"",
            program = env!("CARGO_BIN_EXE_townclerk"),
        );
        let ran = Command::new("bash").args(["-c", &script]).output().expect("it runs");
        assert!(ran.status.success() && ran.stderr.is_empty(), "{ran:?}");
        let said = String::from_utf8(ran.stdout).expect("text");
        said.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    let commands = complete("townclerk");
    for command in ["serve", "check", "journal"] {
        assert!(commands.iter().any(|word| word == command), "{commands:?}");
    }
    assert!(complete("townclerk journal").contains(&"verify".to_owned()));
    assert!(complete("townclerk check").contains(&"--config".to_owned()));
}

#[test]
fn other_shells_take_their_completions() {
    for shell in ["zsh", "fish"] {
        let ended = run(&["completions", shell]);
        assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""));
        assert!(
            ended.out.contains("townclerk") && ended.out.contains("third-parties"),
            "{shell}"
        );
        if without(shell, "--version", "completions") {
            continue;
        }
        let file = tempfile::NamedTempFile::new().expect("a file");
        fs::write(file.path(), ended.out).expect("a file");
        let read = Command::new(shell)
            .arg("-n")
            .arg(file.path())
            .output()
            .expect("it runs");
        assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
    }
}
