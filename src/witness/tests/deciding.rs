use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::witness::{AddError, InitError, Malformed, StateError, latest};

#[test]
fn growth_is_signed_and_remembered() {
    let log = Log::of(20);
    let (folder, mut state) = knowing(&log);
    for (old, size) in [(0, 0), (0, 7), (7, 7), (7, 8), (8, 20)] {
        let line = ask(&mut state, &log.request(old, size)).unwrap();
        let mut signed = log.signed(size);
        signed.add(line, state.verifier()).unwrap();
        assert_eq!(signed.cosigned_at(state.verifier()), Ok(Some(1_800_000_000)));
        assert_eq!(size_of(&state), size);
    }
    let key = state.verifier().clone();
    drop(state);
    assert_eq!(size_of(&State::open(&folder.path().join("state")).unwrap()), 20);
    let [(_, Some(kept))] = &latest(&folder.path().join("state")).unwrap()[..] else {
        panic!("one log");
    };
    assert_eq!(kept.checkpoint(), log.signed(20).checkpoint());
    assert_eq!(
        (kept.note().signatures().len(), kept.cosigned_at(&key).is_ok()),
        (2, true)
    );
}

#[test]
fn every_reason_not_to_sign_is_named_and_changes_nothing() {
    let log = Log::of(20);
    let fork = Log::forked(&log.signer, 5, 20);
    let (_folder, mut state) = knowing(&log);
    ask(&mut state, &log.request(0, 10)).unwrap();
    let stranger = Log::forked(
        &Signer::generate("elsewhere.example/log".parse().unwrap()).unwrap(),
        20,
        20,
    );
    let namesake = Log::of(20); // the same name, another key
    let size = TreeSize(10);
    let cases = [
        ("an unknown log", stranger.request(10, 12), Refusal::UnknownLog),
        ("another key", namesake.request(10, 12), Refusal::NotSigned),
        (
            "a rollback",
            log.request(4, 8),
            Refusal::OtherSize { size, shrunk: true },
        ),
        (
            "a wrong guess",
            log.request(4, 12),
            Refusal::OtherSize { size, shrunk: false },
        ),
        (
            "a guess of nothing",
            log.request(0, 12),
            Refusal::OtherSize { size, shrunk: false },
        ),
        ("a fork", fork.request(10, 12), Refusal::NotConsistent { size }),
        ("a fork of this size", fork.request(10, 10), Refusal::OtherRoot { size }),
        (
            "no proof",
            log.request_with(10, Vec::new(), 12),
            Refusal::NotConsistent { size },
        ),
        (
            "too much proof",
            log.request_with(10, vec![log.root(1)], 10),
            Refusal::NotConsistent { size },
        ),
        (
            "backwards",
            log.request(4, 8).replace("old 4", "old 9"),
            Malformed::Backwards.into(),
        ),
    ];
    for (what, body, refusal) in cases {
        assert_eq!(ask(&mut state, &body), Err(refusal), "{what}");
        assert_eq!(size_of(&state), 10, "{what}");
    }
    let wrong = log.request(10, 12).replace("\n12\n", "\n13\n");
    assert_eq!(
        ask(&mut state, &wrong),
        Err(Refusal::NotSigned),
        "a signature over something else"
    );
    ask(&mut state, &log.request(10, 12)).unwrap();
}

#[test]
fn the_empty_tree_has_one_root() {
    let log = Log::of(1);
    let (_folder, mut state) = knowing(&log);
    let wrong = Checkpoint::new(log.key().name(), TreeSize(0), Hash([1; 32]));
    let note = wrong.clone().sign(&log.signer).unwrap().note().clone();
    let body = Request::new(TreeSize(0), Vec::new(), wrong, note).to_string();
    assert_eq!(ask(&mut state, &body), Err(Refusal::OtherRoot { size: TreeSize(0) }));
}

#[test]
fn the_time_that_is_signed_never_goes_back() {
    let log = Log::of(3);
    let (folder, mut state) = knowing(&log);
    let time = |state: &mut State, old, size, now| {
        let line = state
            .add_checkpoint(log.request(old, size).as_bytes(), at(now))
            .unwrap();
        let mut signed = log.signed(size);
        signed.add(line, state.verifier()).unwrap();
        signed.cosigned_at(state.verifier()).unwrap()
    };
    assert_eq!(time(&mut state, 0, 1, 1000), Some(1000));
    assert_eq!(time(&mut state, 1, 2, 900), Some(1000));
    drop(state);
    let mut state = State::open(&folder.path().join("state")).unwrap();
    assert_eq!(time(&mut state, 2, 2, -5), Some(1000));
    assert_eq!(time(&mut state, 2, 3, 1001), Some(1001));
}

#[test]
fn what_cannot_be_kept_is_not_signed() {
    let log = Log::of(8);
    let (folder, mut state) = knowing(&log);
    ask(&mut state, &log.request(0, 4)).unwrap();
    let (logs, away) = (folder.path().join("state/logs"), folder.path().join("away"));
    fs::rename(&logs, &away).unwrap();
    assert_eq!(
        ask(&mut state, &log.request(4, 8)),
        Err(Refusal::Disk(io::ErrorKind::NotFound))
    );
    fs::rename(&away, &logs).unwrap();
    assert_eq!(size_of(&state), 4);
    ask(&mut state, &log.request(4, 8)).unwrap();
}

#[test]
fn a_file_that_was_never_finished_is_no_obstacle() {
    let log = Log::of(8);
    let (folder, mut state) = knowing(&log);
    ask(&mut state, &log.request(0, 4)).unwrap();
    drop(state);
    let file = log_file(folder.path());
    fs::write(file.with_extension("new"), "townclerk wit").unwrap();
    let mut state = State::open(&folder.path().join("state")).unwrap();
    ask(&mut state, &log.request(4, 8)).unwrap();
}

#[test]
fn two_witnesses_never_share_a_folder() {
    let log = Log::of(1);
    let (folder, state) = knowing(&log);
    let path = folder.path().join("state");
    assert!(matches!(State::open(&path), Err(StateError::InUse)));
    let other = Signer::generate("other.example/log".parse().unwrap()).unwrap();
    let added = add(&path, other.verifier().clone());
    assert!(matches!(added, Err(AddError::State(StateError::InUse))));
    assert_eq!(latest(&path).unwrap().len(), 1, "reading needs no lock");
    drop(state);
    add(&path, other.verifier().clone()).unwrap();
    assert_eq!(State::open(&path).unwrap().logs().count(), 2);
}

#[test]
fn a_witness_is_made_on_purpose_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b");
    assert!(matches!(State::open(&path), Err(StateError::NotAState)));
    fs::create_dir_all(&path).unwrap();
    fs::write(path.join("README"), "a folder for a witness").unwrap();
    let key = init(&path, "w.example".parse().unwrap()).unwrap();
    assert_eq!(State::open(&path).unwrap().verifier(), &key);
    assert!(matches!(
        init(&path, "w.example".parse().unwrap()),
        Err(InitError::NotEmpty)
    ));
    let mode = |name: &str| fs::metadata(path.join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(""), mode("key"), mode("lock"), mode("logs")),
        (0o700, 0o600, 0o600, 0o700)
    );
}

#[test]
fn a_log_is_told_of_once_and_by_a_logs_key() {
    let log = Log::of(1);
    let (folder, state) = knowing(&log);
    let (path, witness) = (folder.path().join("state"), state.verifier().clone());
    drop(state);
    let mode = fs::metadata(log_file(folder.path())).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(matches!(add(&path, log.key().clone()), Err(AddError::Known)));
    assert!(
        matches!(add(&path, Log::of(0).key().clone()), Err(AddError::OtherKey)),
        "nor by another key"
    );
    assert!(matches!(add(&path, witness), Err(AddError::NotALog)));
}

#[test]
fn a_state_that_others_can_read_or_that_was_changed_is_refused() {
    let log = Log::of(8);
    let (folder, mut state) = knowing(&log);
    let path = folder.path().join("state");
    ask(&mut state, &log.request(0, 4)).unwrap();
    drop(state);
    for (name, mode, right) in [("key", 0o640, 0o600), ("", 0o750, 0o700)] {
        let set = |mode| fs::set_permissions(path.join(name), fs::Permissions::from_mode(mode)).unwrap();
        set(mode);
        assert!(matches!(State::open(&path), Err(StateError::Shared)), "{name}");
        set(right);
    }
    let file = log_file(folder.path());
    let whole = fs::read_to_string(&file).unwrap();
    let end = whole.find("— witness").unwrap();
    for broken in [
        "",
        "townclerk witness 1\n",
        &whole[..whole.len() - 1],
        &whole[..end],
        &whole.replace("\n4\n", "\n3\n"),
    ] {
        fs::write(&file, broken).unwrap();
        assert!(
            matches!(State::open(&path), Err(StateError::Damaged { .. })),
            "{broken:?}"
        );
    }
    fs::write(&file, &whole).unwrap();
    fs::rename(&file, file.with_file_name("0".repeat(64))).unwrap();
    assert!(
        matches!(State::open(&path), Err(StateError::Damaged { .. })),
        "another log's name"
    );
    fs::write(path.join("key"), "PRIVATE+KEY+").unwrap();
    assert!(matches!(State::open(&path), Err(StateError::Key(_))));
}

#[test]
fn a_lost_log_is_unknown_and_does_not_begin_anew() {
    let log = Log::of(8);
    let (folder, mut state) = knowing(&log);
    ask(&mut state, &log.request(0, 8)).unwrap();
    drop(state);
    fs::remove_file(log_file(folder.path())).unwrap();
    let mut state = State::open(&folder.path().join("state")).unwrap();
    assert_eq!(ask(&mut state, &log.request(0, 4)), Err(Refusal::UnknownLog));
}
