use std::sync::LazyLock;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;
use crate::journal::checkpoint::Checkpoint;
use crate::journal::note::{Cosigner, Signer, VerifyError};
use crate::journal::tree::{Frontier, Levels, Salt, TreeSize};

struct Log {
    signer: Signer,
    levels: Levels,
    salt: Salt,
    signed: Signed,
}

const SIZE: u64 = 300;

static LOG: LazyLock<Log> = LazyLock::new(|| {
    let (mut levels, mut frontier) = (Levels::default(), Frontier::new());
    let salt = Salt::new(Zeroizing::new([3; 32]));
    for index in 0..SIZE {
        let leaf = salt.leaf(EntryIndex(index), &record(index));
        frontier.append(leaf, |level, hash| levels.push(level, hash));
    }
    let signer = Signer::generate("town.example/access".parse().unwrap()).unwrap();
    let checkpoint = Checkpoint::new(signer.verifier().name(), TreeSize(SIZE), frontier.root());
    let signed = checkpoint.sign(&signer).unwrap();
    Log {
        signer,
        levels,
        salt,
        signed,
    }
});

fn record(index: u64) -> Vec<u8> {
    format!("record {index}").into_bytes()
}

fn proof(index: u64) -> RecordProof {
    let index = EntryIndex(index);
    RecordProof::new(&LOG.levels, index, LOG.salt.nonce(index), &LOG.signed).unwrap()
}

fn verify(text: &str, record: &[u8]) -> Result<Signed, RecordError> {
    RecordProof::parse(text.as_bytes())
        .unwrap()
        .verify(record, LOG.signer.verifier())
}

#[test]
fn every_record_of_a_log_has_a_proof_and_no_other_has() {
    for index in 0..SIZE {
        let text = proof(index).to_string();
        assert_eq!(verify(&text, &record(index)), Ok(LOG.signed.clone()));
        assert_eq!(
            verify(&text, &record(index + 1)),
            Err(RecordError::Path(ProofError::Differs))
        );
    }
    assert!(
        RecordProof::new(
            &LOG.levels,
            EntryIndex(SIZE),
            LOG.salt.nonce(EntryIndex(SIZE)),
            &LOG.signed
        )
        .is_err()
    );
}

#[test]
fn a_proof_has_the_shape_of_the_specification() {
    let text = proof(299).to_string();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines[0], "c2sp.org/tlog-proof@v1");
    assert_eq!(
        lines[1],
        format!("extra {}", BASE64.encode(LOG.salt.nonce(EntryIndex(299)).0))
    );
    assert_eq!(lines[2], "index 299");
    let end = lines.iter().position(|line| line.is_empty()).unwrap();
    assert_eq!(lines[end + 1..=end + 2], ["town.example/access", "300"]);
    assert!(text.ends_with(&LOG.signed.note().to_string()));
    assert!(!text.contains(&BASE64.encode(LOG.salt.bytes())));
}

#[test]
fn a_proof_says_what_is_wrong_with_it() {
    let (text, record) = (proof(42).to_string(), record(42));
    let nonce = BASE64.encode(LOG.salt.nonce(EntryIndex(42)).0);
    let other_nonce = BASE64.encode(LOG.salt.nonce(EntryIndex(43)).0);
    let sister = text.lines().nth(3).unwrap();
    let cases = [
        (text.replace("index 42\n", "index 43\n"), ProofError::Differs.into()),
        (text.replace("index 42\n", "index 300\n"), ProofError::Outside.into()),
        (text.replace(&nonce, &other_nonce), ProofError::Differs.into()),
        (text.replace(&format!("{sister}\n"), ""), ProofError::TooShort.into()),
        (
            text.replace(sister, &format!("{sister}\n{sister}")),
            ProofError::TooLong.into(),
        ),
        (
            text.replace("\n300\n", "\n301\n"),
            RecordError::Checkpoint(VerifyError::Wrong.into()),
        ),
        (
            text.replace("— town", "— city"),
            RecordError::Checkpoint(VerifyError::Unsigned.into()),
        ),
    ];
    for (changed, error) in cases {
        assert_ne!(changed, text);
        assert_eq!(verify(&changed, &record), Err(error), "{changed}");
    }
}

#[test]
fn what_is_not_a_proof_says_why() {
    let text = proof(42).to_string();
    let nonce = BASE64.encode(LOG.salt.nonce(EntryIndex(42)).0);
    let hash = text.lines().nth(3).unwrap();
    let cases = [
        (String::new(), ParseError::End),
        ("a\n".repeat(10_000), ParseError::End),
        (text.replace(hash, &[hash; 80].join("\n")), ParseError::End),
        (text.replace("@v1", "@v2"), ParseError::Version),
        (text.replace("extra ", ""), ParseError::Nonce),
        (text.replace(&format!("extra {nonce}\n"), ""), ParseError::Nonce),
        (text.replace(&nonce, "AAAA"), ParseError::Nonce),
        (text.replace("index 42", "index 042"), ParseError::Index),
        (text.replace("index 42", "42"), ParseError::Index),
        (text.replace(hash, "AAAA"), ParseError::Path),
        (text.replace(hash, &format!("{hash}\r")), ParseError::Path),
        (
            text[..text.find("\n\n").unwrap() + 2].to_owned(),
            ParseError::Note(NoteError::NotText),
        ),
    ];
    for (changed, error) in cases {
        assert_eq!(RecordProof::parse(changed.as_bytes()), Err(error), "{changed}");
    }
}

#[test]
fn a_proof_carries_the_witnesses_of_its_checkpoint() {
    let witness = Cosigner::generate("witness.example/w1".parse().unwrap()).unwrap();
    let mut signed = LOG.signed.clone();
    signed
        .add(signed.cosign(&witness, 1_800_000_000).unwrap(), witness.verifier())
        .unwrap();
    let proof = RecordProof::new(&LOG.levels, EntryIndex(7), LOG.salt.nonce(EntryIndex(7)), &signed).unwrap();
    let verified = verify(&proof.to_string(), &record(7)).unwrap();
    assert_eq!(verified.cosigned_at(witness.verifier()), Ok(Some(1_800_000_000)));
}

proptest! {
    #[test]
    fn any_bytes_are_a_proof_or_not(bytes: Vec<u8>, tail in "(extra |index |[0-9]|AAAA|\n|\\PC){0,40}") {
        let _ = RecordProof::parse(&bytes);
        let _ = RecordProof::parse(format!("{VERSION}\n{tail}").as_bytes());
    }

    #[test]
    fn a_proof_with_any_change_proves_nothing(index in 0..SIZE, at: prop::sample::Index, with: u8) {
        let text = proof(index).to_string();
        let mut bytes = text.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = with;
        if let Ok(proof) = RecordProof::parse(&bytes) {
            prop_assert_eq!(proof.to_string().into_bytes(), bytes.clone());
            let verified = proof.verify(&record(index), LOG.signer.verifier());
            prop_assert_eq!(verified.is_ok(), bytes == text.as_bytes());
        }
    }
}
