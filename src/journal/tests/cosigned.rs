//! What is kept for a witness that is silent.

use super::*;
use crate::journal::cosigning::{hashes_of, kept};
use crate::journal::evidence;
use crate::journal::note::Cosigner;
use crate::journal::tree::{TreeSize, consistency};
use crate::journal::verify::{Pinned, Verdict, verify_on};

/// The witness signs the newest checkpoint, which is kept.
fn cosign(bench: &Bench, witness: &Cosigner) -> crate::journal::checkpoint::Signed {
    let (key, log) = (key(), Log::Access);
    let (_, signed) = evidence::checkpoint(&bench.disk, log, key.verifier(log)).unwrap();
    let signature = signed.cosign(witness, 1_000).unwrap();
    let mut kept = kept::Cosigned::read(&bench.disk, log, key.verifier(log)).unwrap();
    kept.add(&signed, signature, witness.verifier()).unwrap();
    kept.write(&bench.disk, log).unwrap();
    signed
}

fn leaves(bench: &Bench) -> Vec<String> {
    let names = bench.disk.names();
    let files = names
        .iter()
        .filter(|path| path.starts_with("access/") && path.ends_with(".leaves"));
    files.map(|path| path[13..15].to_owned()).collect()
}

#[test]
fn retention_leaves_what_shows_a_silent_witness_how_the_log_grew() {
    let witness = Cosigner::generate("witness.example/w1".parse().unwrap()).unwrap();
    let mut bench = Bench::new();
    bench.clock.set(at("2026-11-01T12:00:00Z"));
    bench.policy = policy("1", Retention::Days(2));
    bench.settings.queue = 4_096;
    bench.open().unwrap();
    let mut signed = None;
    for day in 1..=9 {
        bench.clock.set(at(&format!("2026-11-{day:02}T12:00:00Z")));
        let lines: Vec<_> = (0..100).map(|line| format!("{day}.{line}")).collect();
        bench.batch(lines.iter().map(String::as_str)).unwrap();
        bench.writer().go_round();
        if day == 2 {
            bench.writer().settle(Goal::Signed);
            signed = Some(cosign(&bench, &witness));
        }
    }
    bench.writer().settle(Goal::Signed);
    let signed = signed.unwrap();
    assert_eq!(signed.checkpoint().size(), TreeSize(200));
    // Record 199 is in the tile that ends at 256, in the segment of the 3rd; what is kept begins at 700.
    assert_eq!(leaves(&bench), ["01", "02", "03", "06", "07", "08", "09"]);

    let (keys, log) = (key(), Log::Access);
    let (_, newest) = evidence::checkpoint(&bench.disk, log, keys.verifier(log)).unwrap();
    let (old, new) = (signed.checkpoint(), newest.checkpoint());
    let hashes = hashes_of(&bench.disk, log).unwrap();
    let proof = consistency::prove(&hashes, old.size(), new.size()).unwrap();
    drop(hashes);
    consistency::verify(&proof, old.size(), &old.root(), new.size(), &new.root()).unwrap();

    let mut keys: Vec<_> = Log::ALL.map(|log| keys.verifier(log).clone()).to_vec();
    keys.push(witness.verifier().clone());
    let pinned = Pinned {
        keys: &keys,
        trusted: &[],
        identities: &crate::journal::age::Identities::default(),
    };
    let report = verify_on(&bench.disk, pinned, bench.clock.now(), &mut |_, _| {}).unwrap();
    assert_eq!(report.verdict(), Verdict::Whole, "{report:#?}");
    assert_eq!(report.access.cosigned[0].size, 200);
    assert_eq!(report.access.changeable(), (200, 700));

    cosign(&bench, &witness);
    bench.writer().go_round();
    assert_eq!(leaves(&bench), ["06", "07", "08", "09"], "it has caught up");
}
