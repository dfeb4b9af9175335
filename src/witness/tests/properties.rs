use proptest::prelude::*;

use super::*;

const SIZE: u64 = 12;

/// One thing that a log, honest or not, may do.
#[derive(Clone, Debug)]
enum Act {
    /// Shows the tree of this history and size, with a proof from this history and size.
    Ask {
        history: usize,
        proof_of: usize,
        proved_from: u64,
        old: u64,
        size: u64,
    },
    /// Goes on from where the witness is.
    Grow { history: usize, by: u64 },
    /// The witness is ended and started.
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let size = 0..=SIZE;
    prop_oneof![
        4 => (0..3usize, 0..3usize, size.clone(), size.clone(), size).prop_map(
            |(history, proof_of, proved_from, old, size)| Act::Ask { history, proof_of, proved_from, old, size }
        ),
        4 => (0..3usize, 0..4u64).prop_map(|(history, by)| Act::Grow { history, by }),
        1 => Just(Act::Restart),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_requests_make_it_sign_two_histories_or_go_back(acts in prop::collection::vec(act(), 1..16)) {
        let honest = Log::of(SIZE);
        let histories = [Log::forked(&honest.signer, 3, SIZE), Log::forked(&honest.signer, 8, SIZE), honest];
        let (folder, state) = knowing(&histories[0]);
        let mut state = Some(state);
        let mut signed: Vec<(usize, u64)> = Vec::new();
        for act in acts {
            let now = state.as_mut().expect("open");
            let (history, size, body) = match act {
                Act::Restart => {
                    drop(state.take());
                    state = Some(State::open(&folder.path().join("state")).unwrap());
                    continue;
                }
                Act::Grow { history, by } => {
                    let (old, size) = (size_of(now), (size_of(now) + by).min(SIZE));
                    (history, size, histories[history].request(old, size))
                }
                Act::Ask { history, proof_of, proved_from, old, size } => {
                    let proof = consistency::prove(
                        &histories[proof_of].levels,
                        TreeSize(proved_from.min(size)),
                        TreeSize(size),
                    );
                    (history, size, histories[history].request_with(old, proof.unwrap(), size))
                }
            };
            if ask(now, &body).is_ok() {
                // The tree of each earlier signature is the beginning of this one.
                for &(earlier, at) in &signed {
                    prop_assert!(at <= size, "{signed:?}, then {size}");
                    prop_assert_eq!(histories[earlier].root(at), histories[history].root(at));
                }
                signed.push((history, size));
            }
        }
        let last = signed.last().map_or(0, |&(_, size)| size);
        prop_assert_eq!(size_of(&state.unwrap()), last);
    }

    #[test]
    fn bytes_that_were_changed_are_never_signed(place in 0..400usize, by in 1..=255u8) {
        let log = Log::of(9);
        let (_folder, mut state) = knowing(&log);
        ask(&mut state, &log.request(0, 5)).unwrap();
        let mut body = log.request(5, 9).into_bytes();
        let place = place % body.len();
        body[place] ^= by;
        prop_assert!(state.add_checkpoint(&body, at(1_800_000_000)).is_err());
    }
}
