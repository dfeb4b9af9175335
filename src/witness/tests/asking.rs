use std::cell::Cell;
use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;

use super::*;
use crate::journal::note::Cosigner;
use crate::witness::ask;
use crate::witness::ask::{AskError, Cosigned, Witness, converse_by};

/// A witness's answers without a network, as `serve` gives them.
fn answer(state: &mut State, body: &str) -> (StatusCode, Bytes) {
    match super::ask(state, body) {
        Ok(line) => (StatusCode::OK, format!("— other.example AAAAAAE=\n{line}\n").into()),
        Err(Refusal::OtherSize { size, .. } | Refusal::OtherRoot { size }) => {
            (StatusCode::CONFLICT, format!("{size}\n").into())
        }
        Err(Refusal::NotConsistent { .. }) => (StatusCode::UNPROCESSABLE_ENTITY, Bytes::new()),
        Err(Refusal::UnknownLog) => (StatusCode::NOT_FOUND, Bytes::new()),
        Err(Refusal::NotSigned) => (StatusCode::FORBIDDEN, Bytes::new()),
        Err(_) => (StatusCode::BAD_REQUEST, Bytes::new()),
    }
}

fn converse(state: &mut State, log: &Log, size: u64, last_known: u64) -> Result<Cosigned, AskError> {
    let key = state.verifier().clone();
    converse_by(&key, &log.signed(size), TreeSize(last_known), &log.levels, |request| {
        Ok(answer(state, &request.to_string()))
    })
}

#[test]
fn a_log_asks_again_from_the_size_that_the_witness_names() {
    let log = Log::of(20);
    let (_folder, mut state) = knowing(&log);
    let knew = |cosigned: Result<Cosigned, AskError>| cosigned.map(|cosigned| cosigned.knew.0);
    assert_eq!(knew(converse(&mut state, &log, 6, 6)), Ok(0));
    assert_eq!(knew(converse(&mut state, &log, 9, 6)), Ok(6));
    assert_eq!(knew(converse(&mut state, &log, 12, 0)), Ok(9));
    assert_eq!(knew(converse(&mut state, &log, 12, 99)), Ok(12));
    let cosigned = converse(&mut state, &log, 20, 12).unwrap();
    log.signed(20).add(cosigned.signature, state.verifier()).unwrap();
}

#[test]
fn a_witness_says_what_a_rolled_back_and_a_rewritten_log_are() {
    let log = Log::of(20);
    let fork = Log::forked(&log.signer, 5, 20);
    let (_folder, mut state) = knowing(&log);
    let mut stands = |log: &Log, size| converse(&mut state, log, size, size).map(|cosigned| cosigned.knew.0);
    let (more, forked) = (
        |size| Err(AskError::KnowsMore { size: TreeSize(size) }),
        |size| Err(AskError::Forked { size: TreeSize(size) }),
    );
    assert_eq!(stands(&log, 0), Ok(0));
    assert_eq!(stands(&log, 10), Ok(0));
    assert_eq!(stands(&log, 10), Ok(10));
    assert_eq!(stands(&log, 12), Ok(10));
    assert_eq!(stands(&log, 8), more(12));
    assert_eq!(stands(&log, 0), more(12));
    assert_eq!(stands(&fork, 8), more(12));
    assert_eq!(stands(&fork, 12), forked(12));
    assert_eq!(stands(&fork, 15), forked(12));
    assert_eq!(stands(&Log::of(20), 12), Err(AskError::UnknownKey));
}

#[test]
fn hashes_that_are_gone_or_wrong_are_no_other_history() {
    let log = Log::of(20);
    let (_folder, mut state) = knowing(&log);
    converse(&mut state, &log, 12, 0).unwrap();
    let mut with = |hashes: &Levels| {
        let key = state.verifier().clone();
        converse_by(&key, &log.signed(15), TreeSize(15), hashes, |request| {
            Ok(answer(&mut state, &request.to_string()))
        })
    };
    let cannot = |kind| {
        let knows = TreeSize(12);
        Err(AskError::CannotProve { knows, kind })
    };
    assert_eq!(with(&Log::of(0).levels), cannot(io::ErrorKind::NotFound));
    let wrong = Log::forked(&log.signer, 5, 20);
    assert_eq!(with(&wrong.levels), cannot(io::ErrorKind::InvalidData));
}

#[test]
fn only_two_of_all_outcomes_contradict() {
    let size = TreeSize(7);
    let kind = io::ErrorKind::NotFound;
    let cases = [
        (AskError::KnowsMore { size }, true),
        (AskError::Forked { size }, true),
        (AskError::Unreachable(kind), false),
        (AskError::TooSlow, false),
        (AskError::CannotProve { knows: size, kind }, false),
        (AskError::UnknownLog, false),
        (AskError::UnknownKey, false),
        (AskError::WrongSignature, false),
        (AskError::NotUnderstood { status: 500 }, false),
        (AskError::Unsteady, false),
    ];
    for (error, contradicts) in cases {
        assert_eq!(error.contradicts(), contradicts, "{error:?}");
        assert!(!(contradicts && error.is_silence()));
    }
}

#[test]
fn only_the_pinned_key_is_believed() {
    let log = Log::of(4);
    let impostor = Cosigner::generate("witness.example/w1".parse().unwrap()).unwrap();
    let witness = Cosigner::generate("witness.example/w1".parse().unwrap()).unwrap();
    let (signed, older) = (log.signed(4), log.signed(3));
    let cases = [
        ("another's key", format!("{}\n", signed.cosign(&impostor, 5).unwrap())),
        (
            "another checkpoint",
            format!("{}\n", older.cosign(&witness, 5).unwrap()),
        ),
        ("nothing", String::new()),
        ("no signature", "<html>\n".into()),
        ("no text", "\u{fffd}".into()),
    ];
    for (what, body) in cases {
        let asked = converse_by(witness.verifier(), &signed, TreeSize(0), &log.levels, |_| {
            Ok((StatusCode::OK, body.clone().into()))
        });
        assert_eq!(asked, Err(AskError::WrongSignature), "{what}");
    }
}

#[test]
fn answers_that_the_protocol_does_not_have_are_not_understood() {
    let log = Log::of(4);
    let (_folder, state) = knowing(&log);
    for (status, body) in [
        (409, ""),
        (409, "4"),
        (409, "04\n"),
        (409, "four\n"),
        (500, "4\n"),
        (301, ""),
        (204, ""),
    ] {
        let status_code = StatusCode::from_u16(status).unwrap();
        let asked = converse_by(state.verifier(), &log.signed(4), TreeSize(0), &log.levels, |_| {
            Ok((status_code, Bytes::from(body)))
        });
        assert_eq!(asked, Err(AskError::NotUnderstood { status }), "{status} {body:?}");
    }
}

#[test]
fn a_witness_that_changes_its_mind_is_asked_twice_and_no_more() {
    let log = Log::of(4);
    let (_folder, state) = knowing(&log);
    let asked = Cell::new(0);
    let answer = converse_by(state.verifier(), &log.signed(4), TreeSize(0), &log.levels, |_| {
        asked.set(asked.get() + 1);
        Ok((StatusCode::CONFLICT, Bytes::from(format!("{}\n", asked.get()))))
    });
    assert_eq!((answer, asked.get()), (Err(AskError::Unsteady), 2));
}

#[test]
fn a_logs_key_is_not_taken_for_a_witnesss() {
    let place = "unix:/run/w".parse().unwrap();
    assert!(Witness::new(place, Log::of(0).key().clone()).is_err());
}

#[test]
fn nobody_there_is_unreachable() {
    let log = Log::of(4);
    let (folder, state) = knowing(&log);
    let place = format!("unix:{}", folder.path().join("nobody").display())
        .parse()
        .unwrap();
    let witness = Witness::new(place, state.verifier().clone()).unwrap();
    let patience = Duration::from_secs(10);
    let asked = ask::ask(&witness, &log.signed(4), TreeSize(0), &log.levels, patience);
    assert_eq!(asked, Err(AskError::Unreachable(io::ErrorKind::NotFound)));
}
