//! Signed notes and checkpoints: what is read is written as it was, to the byte; nobody's signature verifies by luck.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use townclerk::journal::checkpoint::{Checkpoint, Signed};
use townclerk::journal::note::{Note, VerifierKey};

static KEY: LazyLock<VerifierKey> = LazyLock::new(|| {
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    key.parse().expect("a public key")
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(note.to_string().as_bytes(), bytes);
        let _ = note.verify(&KEY);
        if let Ok(checkpoint) = note.text().parse::<Checkpoint>() {
            assert!(
                note.text().starts_with(&checkpoint.to_string()),
                "extension lines apart"
            );
        }
    }
    let _ = Signed::open(bytes, &KEY);
});
