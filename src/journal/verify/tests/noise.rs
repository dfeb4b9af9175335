//! Any byte anywhere, changed.

use proptest::prelude::*;

use super::*;

/// Two segments with a failed end in the first, a removed one before them, and an unsigned end.
fn small() -> Fixture {
    let mut fixture = Fixture::of(&[40, 300, 30], 25);
    fixture.retire(&[(0, 40)], true, true);
    fixture.line(Log::Access, "{\"timestamp\":\"2026-11-21T19:59:59.000Z\"}");
    fixture.event(&crate::journal::Event::Stop {
        reason: crate::journal::Stop::Closed,
    });
    fixture
}

/// The bytes of a file that are compared with something signed.
fn signed_bytes(fixture: &Fixture, path: &str) -> std::ops::Range<usize> {
    let length = fixture.files[path].len();
    let without_last_line = || {
        let text = &fixture.files[path][..length - 1];
        text.iter().rposition(|byte| *byte == b'\n').unwrap() + 1
    };
    let (_, name) = path.rsplit_once('/').unwrap_or(("", path));
    match (path.split('/').next(), name) {
        (_, "journal") => 0..length - 1,
        (_, "checkpoint" | "checkpoints") => 0..length,
        // The last line is not signed, nor is its hash.
        (Some("access"), "20261121-00000000000000000340.jsonl") => 0..without_last_line(),
        (Some("events"), "20261121-00000000000000000000.jsonl") => 0..without_last_line(),
        (Some("access"), "20261121-00000000000000000340.leaves") => 0..length - 32,
        (Some("events"), "20261121-00000000000000000000.leaves") => 0..length - 32,
        _ => 0..length,
    }
}

#[test]
fn a_byte_that_is_signed_cannot_change_unnoticed() {
    let whole = small();
    assert_eq!(whole.verify(&[]).unwrap().verdict(), Verdict::Whole);
    let paths: Vec<_> = whole.files.keys().cloned().collect();
    for path in paths {
        let signed = signed_bytes(&whole, &path);
        for at in signed.step_by(29) {
            let mut fixture = whole.clone();
            fixture.file(&path)[at] ^= 1 << (at % 8);
            let found = fixture.verify(&[]).map(|report| report.verdict());
            assert!(!matches!(found, Ok(Verdict::Whole)), "{path} at {at}: {found:?}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn any_change_of_any_file_is_found_or_of_nothing_signed(
        file in any::<prop::sample::Index>(), at in any::<prop::sample::Index>(), with in 1..=255_u8, cut in 0..8_u8,
    ) {
        let mut fixture = small();
        let paths: Vec<_> = fixture.files.keys().filter(|path| !fixture.files[*path].is_empty()).cloned().collect();
        let path = file.get(&paths);
        let at = at.index(fixture.files[path].len());
        let signed = signed_bytes(&fixture, path);
        match cut {
            0 => fixture.file(path).truncate(at),
            1 => drop(fixture.file(path).remove(at)),
            _ => fixture.file(path)[at] ^= with,
        }
        let found = fixture.verify(&[]).map(|report| report.verdict());
        prop_assert!(!signed.contains(&at) || !matches!(found, Ok(Verdict::Whole)), "{path} at {at}: {found:?}");
    }

    #[test]
    fn any_bytes_for_a_file_are_survived(
        file in any::<prop::sample::Index>(), bytes in proptest::collection::vec(any::<u8>(), 0..200), text in "(\\PC|\n|— ){0,80}",
    ) {
        for bytes in [&bytes[..], text.as_bytes()] {
            let mut fixture = small();
            let paths: Vec<_> = fixture.files.keys().cloned().collect();
            fixture.put(file.get::<String>(&paths), bytes);
            let _ = fixture.verify(&[bytes.to_vec()]);
            let _ = fixture.verify(&[]);
        }
    }

    #[test]
    fn any_names_in_a_log_are_survived(first: u64, day in "2026112[0-9]", end in "jsonl|log|salt|leaves", text in "[a\n\u{0}]{0,40}") {
        let mut fixture = small();
        fixture.put(&format!("access/{day}-{first:020}.{end}"), text.as_bytes());
        let _ = fixture.verify(&[]);
    }
}
