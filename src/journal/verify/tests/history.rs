//! The history of checkpoints, tampered with.

use super::fixture::older_and_newer;
use super::*;
use crate::journal::note::VerifyError;
use crate::journal::tree::Hash;

#[test]
fn the_history_of_checkpoints_is_verified_note_by_note() {
    let history = "access/checkpoints";
    let notes = |fixture: &Fixture| -> Vec<Vec<u8>> {
        let text = String::from_utf8(fixture.files[history].clone()).unwrap();
        let starts = text.match_indices("town.example/townclerk/access\n").map(|(at, _)| at);
        let starts: Vec<_> = starts.chain([text.len()]).collect();
        starts
            .windows(2)
            .map(|pair| text.as_bytes()[pair[0]..pair[1]].to_vec())
            .collect()
    };
    let whole = Fixture::whole();
    let all = notes(&whole);
    assert_eq!(all.len(), 11);
    let with = |all: &[Vec<u8>]| {
        let mut fixture = whole.clone();
        fixture.put(history, &all.concat());
        found(&fixture)
    };
    assert_eq!(with(&all), []);

    let mut edited = all.clone();
    let at = edited[3].iter().position(|byte| *byte == b'\n').unwrap() + 1;
    edited[3][at] ^= 1;
    let error = OpenError::Signature(VerifyError::Wrong);
    let byte = all[..3].concat().len() as u64;
    assert_eq!(with(&edited), [Finding::HistoryNote { note: 3, byte, error }]);

    let mut swapped = all.clone();
    swapped.swap(2, 3);
    let byte = (all[..2].concat().len() + all[3].len()) as u64;
    assert_eq!(with(&swapped), [Finding::HistoryShrinks { note: 3, byte }]);

    assert_eq!(with(&all[..8]), [Finding::HistoryLacksNewest]);
    let mut torn = all.clone();
    torn[10].truncate(60);
    let byte = all[..10].concat().len() as u64;
    assert_eq!(
        with(&torn),
        [Finding::HistoryTorn { byte }, Finding::HistoryLacksNewest]
    );

    // A note taken out of the middle leaves no trace.
    let mut fewer = all.clone();
    fewer.remove(5);
    assert_eq!(with(&fewer), []);

    let mut fixture = whole.clone();
    fixture.remove(history);
    assert_eq!(found(&fixture), [Finding::HistoryMissing]);
}

#[test]
fn a_note_of_another_history_in_the_history_is_found() {
    let mut fixture = Fixture::whole();
    let forged = fixture.note(Log::Access, 3700, Hash([7; 32]));
    fixture.file("access/checkpoints").extend_from_slice(&forged);
    let by = SignedBy::History { note: 11 };
    let (size, after) = (3700, 3700);
    assert_eq!(found(&fixture), [Finding::RootDiffers { by, size, after }]);
}

#[test]
fn an_older_checkpoint_put_back_without_its_history_is_found() {
    let (older, mut newer) = older_and_newer();
    newer.edit(3000, Vec::clear);
    newer.put("access/checkpoint", &older.files["access/checkpoint"]);
    assert_eq!(
        found(&newer),
        [Finding::Missing {
            first: 3000,
            next: 3700
        }]
    );
}
