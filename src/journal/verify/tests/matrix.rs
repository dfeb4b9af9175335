//! The matrix: somebody's hand, and what is found.

use super::fixture::{older_and_newer, record, stem};
use super::*;
use crate::journal::age::Identities;
use crate::journal::checkpoint::{Checkpoint, OpenError};
use crate::journal::note::{Signer, VerifyError};
use crate::journal::tree::{EntryIndex, Frontier, Hash};
use crate::journal::{Event, Kind, Step};

/// The place of record 1234, in the second segment.
fn place(fixture: &Fixture) -> Place {
    Place {
        index: 1234,
        segment: segment::Name::parse("20261121-00000000000000001000.jsonl").unwrap(),
        line: 235,
        byte: fixture.place(1000, 1234) as u64,
    }
}

fn lines(first: u64) -> String {
    format!("{}.jsonl", stem(first))
}

fn leaves(first: u64) -> String {
    format!("{}.leaves", stem(first))
}

#[test]
fn an_untouched_journal_is_whole() {
    let report = Fixture::whole().verify(&[]).unwrap();
    assert_eq!(report.verdict(), Verdict::Whole);
    assert_eq!((report.access.records, report.access.signed), (3700, Some(3700)));
    assert_eq!((report.access.notes, report.access.notes_out_of_reach), (11, 0));
    assert_eq!(report.access.unsigned, Unsigned::default());
    assert_eq!(report.access.changeable(), (0, 3700));
    assert_eq!(report.origin, "town.example");
}

#[test]
fn a_journal_without_records_is_whole() {
    let mut fixture = Fixture::empty();
    fixture.sign(Log::Access);
    fixture.sign(Log::Events);
    assert_eq!(fixture.verify(&[]).unwrap().verdict(), Verdict::Whole);
}

#[test]
fn an_edited_byte_is_found_with_its_place() {
    let mut fixture = Fixture::whole();
    let at = fixture.place(1000, 1234);
    fixture.file(&lines(1000))[at + 15] ^= 1;
    let place = place(&fixture);
    let (records, of) = (1, 1000);
    assert_eq!(found(&fixture), [Finding::RecordsDiffer { place, records, of }]);
}

#[test]
fn a_deleted_line_is_found_where_it_was() {
    let mut fixture = Fixture::whole();
    let place = place(&fixture);
    fixture.edit(1000, |lines| drop(lines.remove(234)));
    let differ = Finding::RecordsDiffer {
        place,
        records: 765,
        of: 999,
    };
    let missing = Finding::Missing {
        first: 1999,
        next: 2000,
    };
    assert_eq!(found(&fixture), [differ, missing]);
}

#[test]
fn an_inserted_line_is_found_where_it_is() {
    let mut fixture = Fixture::whole();
    let place = place(&fixture);
    fixture.edit(1000, |lines| lines.insert(234, b"{}\n".to_vec()));
    let found = found(&fixture);
    let differ = Finding::RecordsDiffer {
        place,
        records: 766,
        of: 1000,
    };
    assert_eq!(found[0], differ);
    assert!(matches!(found[..], [_, Finding::Void { .. }]), "{found:?}");
}

#[test]
fn swapped_lines_are_found() {
    let mut fixture = Fixture::whole();
    let place = place(&fixture);
    fixture.edit(1000, |lines| lines.swap(234, 235));
    let (records, of) = (2, 1000);
    assert_eq!(found(&fixture), [Finding::RecordsDiffer { place, records, of }]);
}

#[test]
fn a_line_made_void_takes_the_rest_of_its_segment_with_it() {
    for void in [0, 0x18] {
        let mut fixture = Fixture::whole();
        let at = fixture.place(1000, 1234);
        fixture.file(&lines(1000))[at] = void;
        let found = found(&fixture);
        assert_eq!(
            found[0],
            Finding::Missing {
                first: 1234,
                next: 2000
            }
        );
        assert!(matches!(found[..], [_, Finding::Void { .. }]), "{found:?}");
    }
}

#[test]
fn a_cut_tail_is_found_with_and_without_its_leaves() {
    let mut fixture = Fixture::whole();
    fixture.edit(3000, |lines| lines.truncate(690));
    let missing = Finding::Missing {
        first: 3690,
        next: 3700,
    };
    assert_eq!(found(&fixture), std::slice::from_ref(&missing));
    fixture.file(&leaves(3000)).truncate(690 * 32);
    assert_eq!(found(&fixture), [missing]);
}

#[test]
fn the_end_of_the_last_line_cut_off_is_found() {
    let mut fixture = Fixture::whole();
    fixture.file(&lines(3000)).pop();
    assert_eq!(
        found(&fixture),
        [Finding::Missing {
            first: 3699,
            next: 3700
        }]
    );
}

#[test]
fn a_missing_segment_is_found_whatever_went_with_it() {
    let missing = Finding::Missing {
        first: 1000,
        next: 2000,
    };
    let mut fixture = Fixture::whole();
    fixture.remove(&lines(1000));
    let left = Finding::SaltLeft { first: 1000 };
    assert_eq!(found(&fixture), [missing.clone(), left]);
    fixture.remove(&format!("{}.salt", stem(1000)));
    assert_eq!(found(&fixture), std::slice::from_ref(&missing));
    fixture.remove(&leaves(1000));
    let found = found(&fixture);
    assert_eq!(found[found.len() - 1], missing);
    // The records of the tile in which the hole ends cannot be compared with the root any more; all others can.
    assert_eq!(
        found[0],
        Finding::Unprovable {
            first: 2000,
            next: 2048
        }
    );
    assert_eq!(found.len(), 2, "{found:?}");
}

#[test]
fn the_last_segment_missing_is_found() {
    let mut fixture = Fixture::whole();
    for path in [lines(3000), leaves(3000), format!("{}.salt", stem(3000))] {
        fixture.remove(&path);
    }
    assert_eq!(
        found(&fixture),
        [Finding::Missing {
            first: 3000,
            next: 3700
        }]
    );
}

#[test]
fn all_of_a_log_missing_is_found() {
    let mut fixture = Fixture::whole();
    fixture.files.retain(|path, _| !path.starts_with("access/"));
    assert_eq!(found(&fixture), [Finding::NoCheckpoint, Finding::HistoryMissing]);
    let mut fixture = Fixture::whole();
    fixture.files.retain(|path, _| !path.starts_with("events/"));
    assert_eq!(fixture.verify(&[]).unwrap().verdict(), Verdict::Wrong);
}

#[test]
fn a_record_edited_together_with_its_leaf_is_found_by_the_tree() {
    let mut fixture = Fixture::whole();
    let at = fixture.place(1000, 1234);
    fixture.file(&lines(1000))[at + 15] ^= 1;
    let line = fixture.files[&lines(1000)][at..]
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap()
        .to_vec();
    let leaf = fixture::salt(Log::Access, 1).leaf(EntryIndex(1234), &line);
    fixture.file(&leaves(1000))[234 * 32..235 * 32].copy_from_slice(&leaf.0);
    let (level, index) = (1, 1234 / 256);
    assert_eq!(found(&fixture), [Finding::NodeDiffers { level, index }]);
    // And with the node above it too, by the root: the last checkpoint before it agrees.
    let mut above = Frontier::new();
    let mut all = Vec::new();
    for first in [0, 1000, 2000, 3000] {
        all.extend_from_slice(&fixture.files[&leaves(first)]);
    }
    let mut node = None;
    for leaf in all.as_chunks().0.iter().skip(4 * 256).take(256) {
        above.append(Hash(*leaf), |level, hash| node = (level == 8).then_some(*hash).or(node));
    }
    fixture.file("access/tree/1")[4 * 32..5 * 32].copy_from_slice(&node.unwrap().0);
    let by = SignedBy::History { note: 3 };
    let (size, after) = (1500, 1000);
    assert_eq!(found(&fixture), [Finding::RootDiffers { by, size, after }]);
}

#[test]
fn an_edited_leaf_is_found() {
    let mut fixture = Fixture::whole();
    fixture.file(&leaves(1000))[234 * 32] ^= 1;
    let place = place(&fixture);
    let (records, of) = (1, 1000);
    assert_eq!(found(&fixture), [Finding::RecordsDiffer { place, records, of }]);
}

#[test]
fn missing_leaves_are_found() {
    let mut fixture = Fixture::whole();
    fixture.file(&leaves(1000)).truncate(234 * 32);
    let missing = Finding::LeavesMissing {
        first: 1234,
        records: 766,
    };
    assert_eq!(found(&fixture), [missing]);
    fixture.remove(&leaves(1000));
    let missing = Finding::LeavesMissing {
        first: 1000,
        records: 1000,
    };
    assert_eq!(found(&fixture), [missing]);
}

#[test]
fn an_edited_or_shortened_level_of_the_tree_is_found() {
    let mut fixture = Fixture::whole();
    fixture.file("access/tree/1")[5 * 32 + 31] ^= 0x80;
    assert_eq!(found(&fixture), [Finding::NodeDiffers { level: 1, index: 5 }]);
    let mut fixture = Fixture::whole();
    fixture.file("access/tree/1").truncate(5 * 32 + 31);
    assert_eq!(found(&fixture), [Finding::NodesMissing { level: 1, index: 5 }]);
    fixture.remove("access/tree/1");
    assert_eq!(found(&fixture), [Finding::NodesMissing { level: 1, index: 0 }]);
}

#[test]
fn a_second_level_of_the_tree_is_compared_too() {
    let mut fixture = Fixture::of(&[65_600], 30_000);
    assert_eq!(found(&fixture), []);
    fixture.file("access/tree/2")[0] ^= 1;
    assert_eq!(found(&fixture), [Finding::NodeDiffers { level: 2, index: 0 }]);
    fixture.file("access/tree/2")[0] ^= 1;
    fixture.file("access/tree/1")[77 * 32] ^= 1;
    assert_eq!(found(&fixture), [Finding::NodeDiffers { level: 1, index: 77 }]);
}

#[test]
fn a_checkpoint_signed_by_another_key_is_none() {
    let mut fixture = Fixture::whole();
    let (size, root) = (fixture.access.frontier.size(), fixture.access.frontier.root());
    let other = Signer::generate(fixture.signer(Log::Access).verifier().name().clone()).unwrap();
    let note = Checkpoint::new(other.verifier().name(), size, root).sign(&other);
    fixture.put("access/checkpoint", note.unwrap().note().to_string().as_bytes());
    let unsigned = OpenError::Signature(VerifyError::Unsigned);
    assert_eq!(found(&fixture)[0], Finding::Checkpoint(unsigned));
    fixture.put("access/checkpoint", b"town.example/townclerk/access\n0\n");
    assert!(matches!(found(&fixture)[0], Finding::Checkpoint(OpenError::Note(_))));
    fixture.remove("access/checkpoint");
    assert_eq!(found(&fixture)[0], Finding::NoCheckpoint);
}

#[test]
fn a_checkpoint_of_the_other_log_is_none() {
    let mut fixture = Fixture::whole();
    let of_events = fixture.files["events/checkpoint"].clone();
    fixture.put("access/checkpoint", &of_events);
    let unsigned = OpenError::Signature(VerifyError::Unsigned);
    assert_eq!(found(&fixture)[0], Finding::Checkpoint(unsigned));
}

#[test]
fn a_return_to_an_older_state_is_found_by_a_checkpoint_kept_elsewhere_and_not_without() {
    let (older, newer) = older_and_newer();
    let kept = newer.files["access/checkpoint"].clone();
    assert_eq!(found(&older), []);
    let (trusted, signed) = (3700, 3000);
    assert_eq!(found_with(&older, &[kept]), [Finding::RolledBack { trusted, signed }]);
}

#[test]
fn a_log_that_grew_agrees_with_an_older_checkpoint_kept_elsewhere() {
    let (older, newer) = older_and_newer();
    let kept = older.files["access/checkpoint"].clone();
    let report = newer.verify(&[kept]).unwrap();
    assert_eq!(report.verdict(), Verdict::Whole);
    let time = Some(at("2026-11-21T19:59:00Z")); // that of record 2999
    assert_eq!(report.access.trusted, Some(Trusted { size: 3000, time }));
    assert_eq!(report.access.changeable(), (3000, 700));
}

#[test]
fn a_history_rewritten_with_the_key_is_found_by_a_checkpoint_kept_elsewhere_and_not_without() {
    let original = Fixture::whole();
    let rewritten = original.again(&[1000, 1000, 1000, 700], 500, |index| match index {
        1234 => record(0),
        index => record(index),
    });
    assert_eq!(found(&rewritten), []);
    let kept = original.files["access/checkpoint"].clone();
    assert_eq!(found_with(&rewritten, &[kept]), [Finding::Forked { size: 3700 }]);
    // Every note of the old history can be given at once.
    let kept = original.files["access/checkpoints"].clone();
    let report = rewritten.verify(&[kept]).unwrap();
    assert_eq!(report.access.trusted.map(|trusted| trusted.size), Some(1000));
    assert_eq!(report.access.findings.listed()[0], Finding::Forked { size: 1500 });
}

#[test]
fn a_checkpoint_of_another_journal_is_no_anchor() {
    let stranger = Fixture::of(&[10], 10).files["access/checkpoint"].clone();
    let wrong = Fixture::whole().verify(&[stranger]);
    assert!(matches!(wrong, Err(CannotVerify::Trusted { at: 0, .. })), "{wrong:?}");
    let wrong = Fixture::whole().verify(&[b"".to_vec()]);
    assert!(matches!(wrong, Err(CannotVerify::Trusted { at: 0, .. })), "{wrong:?}");
}

#[test]
fn a_swapped_salt_is_found() {
    let mut fixture = Fixture::whole();
    let (one, two) = (format!("{}.salt", stem(1000)), format!("{}.salt", stem(2000)));
    let salts = (fixture.files[&one].clone(), fixture.files[&two].clone());
    fixture.put(&one, &salts.1);
    fixture.put(&two, &salts.0);
    let found = found(&fixture);
    let all = |finding: &Finding| {
        matches!(
            finding,
            Finding::RecordsDiffer {
                records: 1000,
                of: 1000,
                ..
            }
        )
    };
    assert!(found.len() == 2 && found.iter().all(all), "{found:?}");
    fixture.put(&one, &salts.0[1..]);
    fixture.remove(&two);
    let names: Vec<_> = super::found(&fixture).iter().map(Finding::name).collect();
    assert_eq!(names, ["salt.missing", "salt.missing"]);
}

#[test]
fn a_replaced_segment_is_found_even_with_its_own_leaves_and_salt() {
    let mut fixture = Fixture::whole();
    let other = Fixture::of(&[1000, 1000], 500);
    fixture.put(&lines(1000), b"");
    for index in 1000..2000 {
        let line = record(index + 1) + "\n";
        fixture.file(&lines(1000)).extend_from_slice(line.as_bytes());
    }
    let found = found(&fixture);
    assert!(
        matches!(found[..], [Finding::RecordsDiffer { records: 1000, .. }]),
        "{found:?}"
    );
    let mut fixture = Fixture::whole();
    for path in [lines(1000), leaves(1000)] {
        fixture.put(&path, &other.files[&path.replace("1000", "0000")]);
    }
    assert_eq!(fixture.verify(&[]).unwrap().verdict(), Verdict::Wrong);
}

#[test]
fn a_renamed_or_added_segment_is_found() {
    let mut fixture = Fixture::whole();
    for extension in ["jsonl", "salt", "leaves"] {
        let file = fixture.files.remove(&format!("{}.{extension}", stem(1000))).unwrap();
        let renamed = stem(1000).replace("20261121", "20271121");
        fixture.put(&format!("{renamed}.{extension}"), &file);
    }
    let segment = segment::Name::parse("20271121-00000000000000001000.jsonl").unwrap();
    assert_eq!(found(&fixture), [Finding::NotAnnounced { segment }]);
}

#[test]
fn an_unsigned_tail_is_counted_and_worth_a_warning_when_it_is_old() {
    let mut fixture = Fixture::whole();
    let line = |time: &str| format!("{{\"timestamp\":\"2026-11-21T{time}.000Z\"}}");
    fixture.line(Log::Access, &line("19:59:45"));
    for _ in 0..4 {
        fixture.line(Log::Access, &line("19:59:50"));
    }
    let report = fixture.verify(&[]).unwrap();
    assert_eq!(report.verdict(), Verdict::Whole);
    let since = Some(at("2026-11-21T19:59:45Z"));
    assert_eq!(report.access.unsigned, Unsigned { records: 5, since });
    let mut fixture = Fixture::whole();
    fixture.line(Log::Access, &line("19:59:29"));
    let since = Some(at("2026-11-21T19:59:29Z"));
    let warning = Finding::Unsigned { records: 1, since };
    assert_eq!(found(&fixture), [warning]);
    assert_eq!(fixture.verify(&[]).unwrap().verdict(), Verdict::Warnings);
}

#[test]
fn hashes_that_lag_behind_what_is_not_signed_are_no_matter() {
    let mut fixture = Fixture::whole();
    let before = (
        fixture.files[&leaves(3000)].clone(),
        fixture.files["access/tree/1"].clone(),
    );
    for _ in 0..400 {
        fixture.line(Log::Access, "{\"timestamp\":\"2026-11-21T19:59:59.000Z\"}");
    }
    fixture.put(&leaves(3000), &before.0);
    fixture.put("access/tree/1", &before.1);
    fixture.file(&lines(3000)).extend_from_slice(b"{\"timest");
    assert_eq!(found(&fixture), []);
}

#[test]
fn what_changes_before_it_is_signed_is_not_found() {
    let mut fixture = Fixture::whole();
    fixture.line(Log::Access, "{\"timestamp\":\"2026-11-21T19:59:59.000Z\"}");
    let at = fixture.place(3000, 3700);
    fixture.file(&lines(3000))[at + 30] ^= 1;
    assert_eq!(found(&fixture), []);
    fixture.edit(3000, |lines| lines.truncate(700));
    assert_eq!(found(&fixture), []);
}

#[test]
fn events_are_verified_like_everything_else() {
    let mut fixture = Fixture::whole();
    let path = "events/20261121-00000000000000000000.jsonl";
    let last = fixture.files[path].len() - 3;
    fixture.file(path)[last] ^= 1;
    let report = fixture.verify(&[]).unwrap();
    assert_eq!(report.events.findings.listed().len(), 1);
    assert_eq!(report.verdict(), Verdict::Wrong);
}

#[test]
fn the_void_end_of_a_segment_must_be_told() {
    let mut fixture = Fixture::whole();
    fixture.file(&lines(1000)).extend_from_slice(b"torn\x18\n");
    let segment = segment::Name::parse("20261121-00000000000000001000.jsonl").unwrap();
    let byte = Fixture::whole().files[&lines(1000)].len() as u64;
    assert_eq!(
        found(&fixture),
        [Finding::Void {
            segment,
            byte,
            bytes: 6
        }]
    );
    let mut torn = fixture.clone();
    torn.event(&Event::Torn {
        log: Log::Access,
        segment,
        lines: 1000,
    });
    torn.sign(Log::Events);
    assert_eq!(found(&torn), []);
    let (what, kind) = (Step::Sync, Kind::Device);
    fixture.event(&Event::Failure {
        log: Log::Access,
        what,
        kind,
    });
    fixture.sign(Log::Events);
    assert_eq!(found(&fixture), []);
}

#[test]
fn without_the_right_keys_nothing_can_be_said() {
    let fixture = Fixture::whole();
    let access = fixture.signer(Log::Access).verifier().clone();
    let pinned = Pinned {
        keys: std::slice::from_ref(&access),
        trusted: &[],
        identities: &Identities::default(),
    };
    let without = verify_on(&fixture.disk(), pinned, at(fixture::NOW), &mut no_progress);
    assert!(matches!(without, Err(CannotVerify::NoKey { name }) if name == "town.example/townclerk/events"));
    let mut elsewhere = fixture.clone();
    elsewhere.put("journal", b"townclerk journal 1\norigin other.example\n");
    assert!(matches!(elsewhere.verify(&[]), Err(CannotVerify::NoKey { .. })));
    elsewhere.remove("journal");
    assert!(matches!(elsewhere.verify(&[]), Err(CannotVerify::NotAJournal)));
}

#[test]
fn gaps_are_told() {
    let mut fixture = Fixture::whole();
    let (from, to) = (at("2026-11-21T18:00:00Z"), at("2026-11-21T18:00:05Z"));
    fixture.event(&Event::Gap {
        refused: 3,
        unrecorded: 1,
        unsynced: 0,
        events: 0,
        from,
        to,
        index: 7,
        kind: None,
    });
    fixture.sign(Log::Events);
    let gaps = fixture.verify(&[]).unwrap().gaps;
    assert_eq!((gaps.refused, gaps.unrecorded, gaps.events, gaps.more), (3, 1, 0, 0));
    assert_eq!((gaps.listed[0].from, gaps.listed[0].to), (Some(from), Some(to)));
}
