//! What retention removed, and what somebody else did.

use super::fixture::stem;
use super::*;

const FIRST_TWO: [(u64, u64); 2] = [(0, 1000), (1000, 2000)];

#[test]
fn what_retention_removed_is_told_by_its_signed_entry() {
    let mut fixture = Fixture::whole();
    let kept = fixture.files["access/checkpoint"].clone();
    fixture.retire(&FIRST_TWO, true, true);
    // The tile at the edge stays.
    assert!(!fixture.files.contains_key(&format!("{}.leaves", stem(0))));
    assert!(fixture.files.contains_key(&format!("{}.leaves", stem(1000))));
    let report = fixture.verify(&[kept]).unwrap();
    assert_eq!(report.verdict(), Verdict::Whole);
    assert_eq!(report.access.records, 1700);
    let [removed] = &report.access.removed[..] else {
        panic!("{:?}", report.access.removed)
    };
    assert_eq!((removed.first, removed.next, removed.policy.as_str()), (0, 2000, "1"));
    assert_eq!(removed.events, 5..6);
    assert_eq!(report.access.trusted.map(|trusted| trusted.size), Some(3700));
    // 500 and 1000, which was signed twice, end in tiles whose hashes are gone.
    assert_eq!((report.access.notes, report.access.notes_out_of_reach), (11, 3));
}

#[test]
fn retention_without_its_entry_is_found() {
    let mut fixture = Fixture::whole();
    fixture.retire(&FIRST_TWO, false, false);
    assert_eq!(found(&fixture), [Finding::Missing { first: 0, next: 2000 }]);
}

#[test]
fn an_entry_that_nobody_signed_removes_nothing() {
    let mut fixture = Fixture::whole();
    fixture.retire(&FIRST_TWO, true, false);
    let report = fixture.verify(&[]).unwrap();
    let (first, next, event) = (0, 2000, 5);
    let unsigned = Finding::RemovalUnsigned { first, next, event };
    assert_eq!(report.access.findings.listed(), [unsigned]);
    assert_eq!(report.verdict(), Verdict::Wrong);
}

#[test]
fn more_than_the_entry_says_is_not_removed() {
    let mut fixture = Fixture::whole();
    fixture.retire(&FIRST_TWO[..1], true, true);
    fixture.retire(&FIRST_TWO[1..], false, false);
    assert_eq!(
        found(&fixture),
        [Finding::Missing {
            first: 1000,
            next: 2000
        }]
    );
}

#[test]
fn what_is_left_is_verified_as_before() {
    let mut fixture = Fixture::whole();
    let kept = fixture.files["access/checkpoint"].clone();
    fixture.retire(&FIRST_TWO, true, true);
    fixture.file(&format!("{}.jsonl", stem(2000)))[15] ^= 1;
    let found = found_with(&fixture, &[kept]);
    assert!(matches!(
        found[..],
        [Finding::RecordsDiffer {
            place: Place { index: 2000, .. },
            records: 1,
            ..
        }]
    ));
}

#[test]
fn a_hash_at_the_edge_of_what_was_removed_is_compared_too() {
    let mut fixture = Fixture::whole();
    fixture.retire(&FIRST_TWO, true, true);
    let path = format!("{}.leaves", stem(1000));
    fixture.file(&path)[999 * 32] ^= 1;
    let (by, size, after) = (SignedBy::History { note: 4 }, 2000, 1500);
    let root = Finding::RootDiffers { by, size, after };
    assert_eq!(found(&fixture), [root, Finding::NodeDiffers { level: 1, index: 7 }]);
    fixture.remove(&path);
    let (first, next) = (2000, 2048);
    assert_eq!(found(&fixture), [Finding::Unprovable { first, next }]);
}

#[test]
fn a_segment_behind_a_held_one_may_go() {
    let mut fixture = Fixture::whole();
    fixture.retire(&FIRST_TWO[1..], true, true);
    assert_eq!(found(&fixture), []);
    // Retention leaves an empty one of its name there.
    fixture.put(&format!("{}.jsonl", stem(1000)), b"");
    assert_eq!(found(&fixture), []);
}

#[test]
fn everything_may_go_but_the_place_where_the_log_goes_on() {
    let mut fixture = Fixture::whole();
    fixture.begin(Log::Access);
    fixture.retire(&[(0, 1000), (1000, 2000), (2000, 3000), (3000, 3700)], true, true);
    let report = fixture.verify(&[]).unwrap();
    assert_eq!(report.verdict(), Verdict::Whole);
    assert_eq!(report.access.records, 0);
}

#[test]
fn a_salt_that_outlives_its_segment_is_worth_a_warning() {
    let mut fixture = Fixture::whole();
    let salt = fixture.files[&format!("{}.salt", stem(0))].clone();
    fixture.retire(&FIRST_TWO, true, true);
    fixture.put(&format!("{}.salt", stem(0)), &salt);
    assert_eq!(found(&fixture), [Finding::SaltLeft { first: 0 }]);
    assert_eq!(fixture.verify(&[]).unwrap().verdict(), Verdict::Warnings);
}

#[test]
fn a_salt_whose_segment_never_came_bounds_no_segment() {
    let mut fixture = Fixture::whole();
    fixture.put(&format!("{}.salt", stem(3200)), &[7; 32]);
    assert_eq!(found(&fixture), [Finding::SaltLeft { first: 3200 }]);
    assert_eq!(fixture.verify(&[]).unwrap().access.records, 3700);
}

#[test]
fn a_checkpoint_kept_elsewhere_that_ends_among_removed_records_is_said_to_be_out_of_reach() {
    let mut fixture = Fixture::of(&[1000, 1000, 1000, 700], 300);
    let history = fixture.files["access/checkpoints"].clone();
    let first = String::from_utf8(history).unwrap();
    let end = first.match_indices("town.example/townclerk/access\n").nth(1).unwrap().0;
    fixture.retire(&FIRST_TWO, true, true);
    let found = found_with(&fixture, &[first.as_bytes()[..end].to_vec()]);
    assert_eq!(found, [Finding::OutOfReach { size: 300 }]);
}
