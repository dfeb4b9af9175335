use super::kept::{Cosigned, sizes};
use crate::journal::Log;
use crate::journal::checkpoint::{Checkpoint, Signed};
use crate::journal::disk::Disk;
use crate::journal::note::{Cosigner, Signer};
use crate::journal::simulated::Simulated;
use crate::journal::tree::{Hash, TreeSize};

const LOG: Log = Log::Access;

struct Bench {
    disk: Simulated,
    signer: Signer,
    first: Cosigner,
    second: Cosigner,
}

impl Bench {
    fn new() -> Self {
        let cosigner = |name: &str| Cosigner::generate(name.parse().unwrap()).unwrap();
        Self {
            disk: Simulated::default(),
            signer: Signer::generate("town.example/townclerk/access".parse().unwrap()).unwrap(),
            first: cosigner("witness.example/w1"),
            second: cosigner("witness.example/w2"),
        }
    }

    fn signed(&self, size: u64) -> Signed {
        Checkpoint::new(self.signer.verifier().name(), TreeSize(size), Hash([7; 32]))
            .sign(&self.signer)
            .unwrap()
    }

    /// A witness signs, and it is kept.
    fn keep(&self, size: u64, witness: &Cosigner) {
        let mut kept = self.kept();
        let signed = self.signed(size);
        let signature = signed.cosign(witness, 1_000 + size).unwrap();
        kept.add(&signed, signature, witness.verifier()).unwrap();
        kept.write(&self.disk, LOG).unwrap();
    }

    fn kept(&self) -> Cosigned {
        Cosigned::read(&self.disk, LOG, self.signer.verifier()).unwrap()
    }

    fn of(&self, witness: &Cosigner) -> Option<u64> {
        let kept = self.kept();
        kept.of(witness.verifier()).map(|signed| signed.checkpoint().size().0)
    }
}

#[test]
fn the_newest_checkpoint_of_each_witness_is_kept() {
    let bench = Bench::new();
    assert_eq!(bench.of(&bench.first), None);
    bench.keep(5, &bench.first);
    bench.keep(5, &bench.second);
    assert_eq!(bench.kept().notes().len(), 1);
    bench.keep(9, &bench.first);
    assert_eq!((bench.of(&bench.first), bench.of(&bench.second)), (Some(9), Some(5)));
    assert_eq!(sizes(&bench.disk, LOG).unwrap(), [5, 9]);
    bench.keep(12, &bench.second);
    assert_eq!((bench.of(&bench.first), bench.of(&bench.second)), (Some(9), Some(12)));
    bench.keep(12, &bench.first);
    assert_eq!(sizes(&bench.disk, LOG).unwrap(), [12]);
    let time = bench.kept().notes()[0].cosigned_at(bench.first.verifier());
    assert_eq!(time, Ok(Some(1_012)));
    assert_eq!(bench.disk.status("cosigned").unwrap().mode & 0o777, 0o700);
}

#[test]
fn what_the_log_has_not_signed_is_not_kept_for_it() {
    let bench = Bench::new();
    bench.keep(5, &bench.first);
    let mut text = bench.disk.bytes("cosigned/access");
    text.extend_from_slice(b"garbage");
    bench.disk.put("cosigned/access", &text);
    assert_eq!((bench.kept().notes().len(), bench.kept().strange), (1, 1));
    bench.disk.put("cosigned/access", b"\xff\0");
    assert_eq!((bench.kept().notes().len(), bench.kept().strange), (0, 1));
    assert_eq!(sizes(&bench.disk, LOG).unwrap(), [0; 0]);
    bench.keep(6, &bench.first);
    assert_eq!(bench.of(&bench.first), Some(6));
    let other = Bench::new();
    let signed = other.signed(7);
    let signature = signed.cosign(&bench.first, 1).unwrap();
    let added = bench.kept().add(&bench.signed(7), signature, bench.second.verifier());
    assert!(added.is_err(), "only a right signature is kept");
}
