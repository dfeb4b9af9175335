//! What VERIFY.md says, done as it says it: every command in it, with coreutils, `bagit` of PyPI, and Go.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::{Office, apart, text};
use crate::skip::{skip, without};

/// Where `bagit.py` is; `.ci/run` installs it.
const BAGIT: &str = "TOWNCLERK_BAGIT";

/// A folder with the programs that VERIFY.md names.
fn programs(folder: &Path, what: &str) -> Option<PathBuf> {
    if without("go", "version", what) || without("python3", "--version", what) {
        return None;
    }
    if !Path::new("/usr/share/gocode/src/golang.org/x/mod/sumdb/tlog").exists() {
        skip(what, "golang-golang-x-mod-dev is not installed");
        return None;
    }
    let Some(bagit) = std::env::var_os(BAGIT) else {
        skip(what, &format!("{BAGIT} does not name bagit.py of PyPI"));
        return None;
    };
    let bin = folder.join("bin");
    fs::create_dir(&bin).expect("a folder");
    symlink(env!("CARGO_BIN_EXE_townclerk"), bin.join("townclerk")).expect("a link");
    let wrapper = format!("#!/bin/sh\nexec python3 '{}' \"$@\"\n", bagit.to_string_lossy());
    fs::write(bin.join("bagit.py"), wrapper).expect("a file");
    fs::set_permissions(bin.join("bagit.py"), fs::Permissions::from_mode(0o755)).expect("a mode");
    Some(bin)
}

/// The commands of the page, as they stand there.
fn commands(page: &str) -> Vec<String> {
    let fences: Vec<&str> = page.split("```").collect();
    let inside = fences.iter().skip(1).step_by(2);
    inside
        .filter_map(|block| block.strip_prefix("sh\n"))
        .flat_map(str::lines)
        .map(str::to_owned)
        .collect()
}

fn run(command: &str, bundle: &Path, bin: &Path, keys: &Path) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    Command::new("sh")
        .args(["-e", "-c", &command.replace("KEYS", &keys.to_string_lossy())])
        .current_dir(bundle)
        .env("PATH", format!("{}:{path}", bin.display()))
        .env("GOFLAGS", "")
        .env("GOCACHE", bin.with_file_name("cache"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .stdin(Stdio::null())
        .output()
        .expect("a shell")
}

#[test]
fn every_command_of_verify_md_accepts_the_bundle_and_those_it_is_for_find_a_change() {
    let office = Office::of_two_days(apart());
    let Some(bin) = programs(office.out.path(), "VERIFY.md by hand") else {
        return;
    };
    let bundle = office.discloses(&["--path", "/urlop", "--addresses"]);
    let keys = office.keys();
    fs::remove_dir_all(&office.desk.journal).expect("nobody needs it");
    let commands = commands(&text(bundle.join("VERIFY.md")));
    assert_eq!(commands.len(), 6, "{commands:#?}");
    let accepted = |command: &str| run(command, &bundle, &bin, &keys).status.success();
    for command in &commands {
        let ended = run(command, &bundle, &bin, &keys);
        assert!(ended.status.success(), "{command}: {ended:?}");
    }
    // Somebody changes a file, and then whatever of the manifests has to be changed with it.
    let refused_by = |file: &str, from: &str, to: &str| {
        let path = bundle.join(file);
        let before = fs::read(&path).expect("a file");
        let changed = String::from_utf8(before.clone()).expect("text").replacen(from, to, 1);
        assert_ne!(changed.as_bytes(), before, "{file}");
        fs::write(&path, changed).expect("a file");
        let refused: Vec<_> = commands.iter().map(|command| !accepted(command)).collect();
        fs::write(&path, before).expect("a file");
        refused
    };
    // townclerk, sha256sum of the tags, sha512sum of the tags, sha256sum of data/, bagit, Go
    let (yes, no) = (true, false);
    let of_a_record = refused_by("data/access/records.jsonl", "\"GET\"", "\"PUT\"");
    assert_eq!(of_a_record, [yes, no, no, yes, yes, yes]);
    let of_an_address = refused_by("data/addresses/records.jsonl", "203", "204");
    assert_eq!(of_an_address, [yes, no, no, yes, yes, yes]);
    let of_the_register = refused_by("register/record.jsonl", "RPD-12", "RPD-13");
    assert_eq!(of_the_register, [yes, yes, yes, no, yes, yes]);
    let of_a_manifest = refused_by("tagmanifest-sha256.txt", "0", "1");
    assert_eq!(of_a_manifest[..2], [yes, yes]);
    // Keys of somebody else prove nothing.
    let stranger = Office::of_two_days(apart()).keys();
    let stranger = fs::read(stranger).unwrap_or_default();
    fs::write(&keys, stranger).expect("a file");
    assert!(!accepted(&commands[0]) && !accepted(&commands[5]));
}
