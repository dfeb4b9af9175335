//! What is handed out of a served journal to somebody who has not got it: the proof of one record, and the tiles of the
//! log's tree; and what that somebody is told when a bit of it was changed.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::interop::Go;
use crate::serve::program::{Ended, run};
use crate::town::HOST;
use crate::verify::Served;

/// A served journal, and a folder for what is handed out of it.
struct Handed {
    served: Served,
    place: tempfile::TempDir,
}

impl Handed {
    fn of(exchanges: usize) -> Self {
        Self {
            served: Served::of(exchanges),
            place: tempfile::tempdir().expect("a folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.place.path().join(name)
    }

    fn journal(&self, command: &[&str], out: &Path) -> Ended {
        let mut all: Vec<_> = ["journal"].iter().chain(command).map(AsRef::as_ref).collect();
        let journal = self.served.journal();
        all.extend([
            "--key".as_ref(),
            self.served.keys[0].as_ref(),
            "--out".as_ref(),
            out.as_os_str(),
        ]);
        all.extend(["--journal".as_ref(), journal.as_os_str()]);
        run(&all)
    }

    fn prove(&self, index: &str) -> Ended {
        let record = self.path("record");
        let record = record.to_str().expect("text");
        self.journal(&["prove", index, "--record", record], &self.path("proof"))
    }

    fn check(&self, key: &str) -> Ended {
        let (record, proof) = (self.path("record"), self.path("proof"));
        let mut all: Vec<_> = ["journal", "check-proof", "--key", key].map(AsRef::as_ref).to_vec();
        all.extend([
            "--record".as_ref(),
            record.as_os_str(),
            "--proof".as_ref(),
            proof.as_os_str(),
        ]);
        run(&all)
    }

    /// What is said of the proof when the lowest bit of this byte of a file is another one.
    fn check_flipped(&self, name: &str, at: usize) -> Ended {
        let whole = fs::read(self.path(name)).expect("a file");
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        fs::write(self.path(name), bytes).expect("room");
        let checked = self.check(&self.served.keys[0]);
        fs::write(self.path(name), whole).expect("room");
        checked
    }
}

#[test]
fn a_record_is_proven_to_whoever_has_its_line_and_the_public_key() {
    let handed = Handed::of(25);
    let proven = handed.prove("7");
    assert_eq!((proven.code, proven.err.as_str()), (Some(0), ""));
    for name in ["proof", "record"] {
        let mode = fs::metadata(handed.path(name)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let lines = fs::read_to_string(handed.served.segment()).expect("text");
    let record = fs::read_to_string(handed.path("record")).expect("text");
    assert_eq!(record.trim_end(), lines.lines().nth(7).expect("a line"));

    let said = format!("yes: it is record 7 of {HOST}/townclerk/access, by the checkpoint of 25 records\n");
    let checked = handed.check(&handed.served.keys[0]);
    assert_eq!((checked.code, checked.out, checked.err.as_str()), (Some(0), said, ""));
}

#[test]
fn a_changed_record_is_refused() {
    let handed = Handed::of(25);
    assert_eq!(handed.prove("7").code, Some(0));
    let length = fs::read(handed.path("record")).expect("a file").len();
    for at in [0, length / 2, length - 2] {
        let checked = handed.check_flipped("record", at);
        assert_eq!(checked.code, Some(1), "byte {at}");
        let said = "no: the record and its proof do not belong together: ";
        assert!(checked.out.starts_with(said), "{checked:?}");
    }
}

#[test]
fn a_changed_proof_is_refused_whichever_of_its_lines_it_is() {
    let handed = Handed::of(25);
    assert_eq!(handed.prove("7").code, Some(0));
    let proof = fs::read_to_string(handed.path("proof")).expect("text");
    let mut begin = 0;
    for line in proof.split_inclusive('\n') {
        let checked = handed.check_flipped("proof", begin + line.len() / 2);
        begin += line.len();
        match checked.code {
            Some(1) => assert!(checked.out.starts_with("no: "), "{line}: {checked:?}"),
            Some(2) => assert!(
                checked.err.starts_with("townclerk: ") && checked.err.contains("/proof: "),
                "{line}: {checked:?}"
            ),
            _ => panic!("{line}: {checked:?}"),
        }
    }
    let root = proof.rfind("\n\n").expect("the end of the checkpoint") - 3;
    let checked = handed.check_flipped("proof", root);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.out.contains("signature"), "{checked:?}");
    assert_eq!(handed.check(&handed.served.keys[0]).code, Some(0), "as it was");
}

#[test]
fn a_proof_is_of_one_log_and_its_key() {
    let handed = Handed::of(3);
    assert_eq!(handed.prove("1").code, Some(0));
    for other in [&handed.served.keys[1], &Served::of(3).keys[0]] {
        let checked = handed.check(other);
        assert_eq!(checked.code, Some(1), "{checked:?}");
        assert!(checked.out.starts_with("no: "), "{checked:?}");
    }
}

#[test]
fn what_is_not_there_is_not_proven_and_what_is_there_not_overwritten() {
    let handed = Handed::of(3);
    let unsigned = handed.prove("3");
    assert_eq!(unsigned.code, Some(2));
    assert!(
        unsigned
            .err
            .contains("the record is not signed: the checkpoint is of 3 records"),
        "{unsigned:?}"
    );
    assert!(!handed.path("proof").exists());
    assert_eq!(handed.prove("1").code, Some(0));
    let before = fs::read(handed.path("proof")).expect("a file");
    let again = handed.prove("2");
    assert_eq!(again.code, Some(2));
    assert!(again.err.contains("/proof: "), "{again:?}");
    assert_eq!(fs::read(handed.path("proof")).expect("a file"), before);
}

/// The files below a folder.
fn files(folder: &Path) -> BTreeSet<String> {
    let found = Command::new("find")
        .arg(folder)
        .args(["-type", "f", "-printf", "%P\n"])
        .output();
    let found = String::from_utf8(found.expect("find runs").stdout).expect("text");
    found.lines().map(str::to_owned).collect()
}

#[test]
fn tiles_have_the_paths_and_the_bytes_of_c2sp() {
    let handed = Handed::of(300);
    let out = handed.path("tiles");
    for _ in 0..2 {
        let exported = handed.journal(&["export-tiles"], &out); // the second writes the first anew
        assert_eq!(
            (exported.code, exported.out.as_str()),
            (Some(0), "300 records, 3 tiles\n"),
            "{exported:?}"
        );
        let expected = ["checkpoint", "tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1"];
        assert_eq!(files(&out), expected.map(str::to_owned).into());
    }
    let read = |path: &str| fs::read(out.join(path)).expect("a file");
    let leaves = fs::read(handed.served.segment().with_extension("leaves")).expect("a file");
    assert_eq!(leaves, [read("tile/0/000"), read("tile/0/001.p/44")].concat());
    let in_journal = |path| fs::read(handed.served.journal().join("access").join(path)).expect("a file");
    assert_eq!(read("tile/1/000.p/1"), in_journal("tree/1"));
    assert_eq!(read("checkpoint"), in_journal("checkpoint"));
}

#[test]
fn go_finds_the_signed_root_in_exported_tiles_and_no_flipped_bit() {
    let Some(go) = Go::build("exported tiles, by Go") else {
        return;
    };
    // 512 + 64: no tile holds two of the subtrees, else this version of Go's library leaves tiles unchecked.
    let handed = Handed::of(576);
    go.write("key", &handed.served.keys[0]);
    let exported = handed.journal(&["export-tiles"], go.folder());
    assert_eq!(exported.out, "576 records, 4 tiles\n", "{exported:?}");
    assert_eq!(go.objects("exported"), None);
    for name in [
        "checkpoint",
        "tile/0/000",
        "tile/0/001",
        "tile/0/002.p/64",
        "tile/1/000.p/2",
    ] {
        let whole = fs::read(go.folder().join(name)).expect("a file");
        for at in [0, whole.len() / 2, whole.len() - 2] {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            go.write(name, &bytes);
            assert!(go.objects("exported").is_some(), "byte {at} of {name}");
        }
        go.write(name, &whole);
    }
    assert_eq!(go.objects("exported"), None, "as it was");
}
