//! Closed segments, compressed and encrypted by the server, and read by our commands and by Debian's programs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use townclerk::journal::Log;
use townclerk::journal::key::Key;

use crate::drain::until;
use crate::journal_cli::{Desk, exchange};
use crate::serve::program::Serving;
use crate::skip::without;

/// A pair of age-keygen's.
const PRIVATE: &str = "AGE-SECRET-KEY-1XZ4CZQRMXEYDP6LYV0MU5XJRF6PGR42ULG29JQLL4ZMAXMXSD6PQLYHN7N";
pub const PUBLIC: &str = "age1wchucxr070262prctjwd0cmhum99efur4msmfjluwvf3se65mp7qp0d9u3";

const FIRST: &str = "20241130-00000000000000000000.jsonl";

/// Three days, and a server that packed the first two.
fn packed(closed: &str, suffix: &str) -> (Desk, String) {
    let desk = Desk::new(&format!("closed = {{ after = \"0 s\", {closed} }}"), "unlimited");
    // So that nothing is packed before the plain lines are read.
    let config = fs::read_to_string(&desk.config).expect("text");
    fs::write(&desk.config, config.replace("0 s", "3650 days")).expect("a file");
    for (day, path) in [("2024-11-30", "/a"), ("2024-12-01", "/b"), ("2024-12-02", "/c")] {
        let time = format!("{day}T12:00:00Z");
        desk.keep(&time, (0..50).map(|_| exchange(&time, path, 200)));
    }
    let plain = fs::read_to_string(desk.journal.join("access").join(FIRST)).expect("text");
    fs::write(&desk.config, config).expect("a file");
    let serving = Serving::start(&desk.config);
    let path = |name: &str| desk.journal.join("access").join(name);
    let (first, second) = (FIRST, "20241201-00000000000000000050.jsonl");
    until(|| {
        [first, second]
            .iter()
            .all(|name| path(&format!("{name}{suffix}")).exists() && !path(name).exists())
    });
    assert_eq!(serving.stop().code, Some(0));
    (desk, plain)
}

pub fn identity(folder: &Path) -> String {
    let file = folder.join("identity");
    fs::write(&file, format!("# created: then\n# public key: {PUBLIC}\n{PRIVATE}\n")).expect("a file");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("a mode");
    file.to_string_lossy().into_owned()
}

/// What a program makes of a file.
fn made(program: &str, arguments: &[&str], file: &Path) -> Vec<u8> {
    let output = Command::new(program)
        .args(arguments)
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .expect("it runs");
    assert!(output.status.success(), "{output:?}");
    output.stdout
}

fn first(desk: &Desk, suffix: &str) -> PathBuf {
    desk.journal.join("access").join(format!("{FIRST}{suffix}"))
}

#[test]
fn compressed_segments_are_read_as_before_and_by_zstd() {
    let (desk, plain) = packed("compress = true", ".zst");
    let said = desk.says(&["cat"]);
    assert_eq!(said.lines().count(), 150);
    assert!(said.starts_with(&plain));
    assert_eq!(desk.says(&["tail", "-n", "120"]).lines().count(), 120);
    if !without("zstd", "--version", "zstd -d of a compressed segment") {
        assert_eq!(
            made("zstd", &["-d", "-q", "-c"], &first(&desk, ".zst")),
            plain.as_bytes()
        );
    }
}

#[test]
fn encrypted_segments_are_named_without_the_identity_and_read_with_it() {
    let (desk, plain) = packed(&format!("encrypt_to = [\"{PUBLIC}\"]"), ".zst.age");
    let ended = desk.run(&["cat"]);
    assert_eq!((ended.code, ended.out.lines().count()), (Some(2), 50), "{ended:?}");
    assert!(ended.err.contains(&format!("{FIRST} is encrypted")), "{}", ended.err);
    assert!(ended.err.contains("--identity FILE"), "{}", ended.err);
    let folder = tempfile::tempdir().expect("a folder");
    let identity = identity(folder.path());
    let said = desk.says(&["cat", "--identity", &identity]);
    assert!(said.starts_with(&plain) && said.lines().count() == 150);

    let key = Key::load(&desk.journal.with_extension("key")).expect("a key");
    let keys = Log::ALL.map(|log| key.verifier(log).to_string());
    let verify = |more: &[&str]| {
        let mut all = vec!["verify"];
        all.extend(keys.iter().flat_map(|key| ["--key", key]));
        desk.says(&[&all, more].concat())
    };
    let without_it = verify(&[]);
    assert!(
        without_it.contains("100 records in 2 segments were not read"),
        "{without_it}"
    );
    let with_it = verify(&["--identity", &identity]);
    assert!(
        with_it.contains("150 records, of 150") && !with_it.contains("encrypted"),
        "{with_it}"
    );
}

#[test]
fn age_itself_decrypts_a_segment_and_its_salt_and_what_it_encrypts_is_read_here() {
    if without("age", "--version", "age -d of an encrypted segment") {
        return;
    }
    let (desk, plain) = packed(&format!("compress = false, encrypt_to = [\"{PUBLIC}\"]"), ".age");
    let folder = tempfile::tempdir().expect("a folder");
    let identity = identity(folder.path());
    let decrypt = |file: &Path| made("age", &["-d", "-i", &identity], file);
    assert_eq!(decrypt(&first(&desk, ".age")), plain.as_bytes());
    let salt = desk.journal.join("access").join(FIRST.replace(".jsonl", ".salt.age"));
    assert_eq!(decrypt(&salt).len(), 32);
    // And the other way round: what age encrypts is read here.
    let (lines, encrypted) = (folder.path().join("lines"), first(&desk, ".age"));
    fs::write(&lines, &plain).expect("a file");
    fs::remove_file(&encrypted).expect("it goes");
    made("age", &["-r", PUBLIC, "-o", &encrypted.to_string_lossy()], &lines);
    let said = desk.says(&["cat", "--identity", &identity]);
    assert!(said.starts_with(&plain) && said.lines().count() == 150);
}
