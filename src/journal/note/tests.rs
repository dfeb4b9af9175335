use proptest::prelude::*;

use super::*;
use crate::journal::checkpoint::{Checkpoint, OpenError, Signed};
use crate::journal::tree::{Hash, TreeSize};

/// The examples of the specification.
const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n— example.com/foo \
     Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn name(name: &str) -> KeyName {
    name.parse().unwrap()
}

fn signer() -> Signer {
    Signer::generate(name("town.example/access")).unwrap()
}

fn checkpoint(signer: &Signer) -> Checkpoint {
    Checkpoint::new(signer.verifier().name(), TreeSize(7), Hash([9; 32]))
}

#[test]
fn the_note_of_the_specification_is_verified_with_its_key() {
    let note = Note::parse(NOTE.as_bytes()).unwrap();
    let key: VerifierKey = KEY.parse().unwrap();
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.verify(&key), Ok(Verified { time: None }));
    assert_eq!((note.to_string().as_str(), key.to_string().as_str()), (NOTE, KEY));
    assert_eq!((key.id(), key.algorithm()), (0x530d903a, Algorithm::Ed25519));
}

#[test]
fn a_wrong_signature_of_a_known_key_is_not_passed_over() {
    let key: VerifierKey = KEY.parse().unwrap();
    let other_text = NOTE.replace("example message", "exemplary message");
    assert_eq!(
        Note::parse(other_text.as_bytes()).unwrap().verify(&key),
        Err(VerifyError::Wrong)
    );
    // Nor beside a right one.
    let both = format!("{NOTE}{}", NOTE.lines().last().unwrap().replace("IneyaQM=", "IneyaQQ=")) + "\n";
    assert_eq!(
        Note::parse(both.as_bytes()).unwrap().verify(&key),
        Err(VerifyError::Wrong)
    );
}

#[test]
fn signatures_of_unknown_keys_are_passed_over() {
    let (known, unknown) = (signer(), Signer::generate(name("elsewhere.example")).unwrap());
    let same_name = signer();
    let mut note = Note::new("text\n".into(), unknown.sign("another text\n").unwrap()).unwrap();
    assert_eq!(note.verify(known.verifier()), Err(VerifyError::Unsigned));
    note.add(same_name.sign("another text\n").unwrap()).unwrap();
    assert_eq!(note.verify(known.verifier()), Err(VerifyError::Unsigned));
    note.add(known.sign("text\n").unwrap()).unwrap();
    assert_eq!(note.verify(known.verifier()), Ok(Verified { time: None }));
    assert_eq!(note.signatures().len(), 3);
    assert_eq!(note.signatures()[0].name(), unknown.verifier().name());
}

#[test]
fn a_key_signs_a_note_once() {
    let signer = signer();
    let mut note = Note::new("text\n".into(), signer.sign("not the text\n").unwrap()).unwrap();
    note.add(signer.sign("text\n").unwrap()).unwrap();
    assert_eq!(
        (note.signatures().len(), note.verify(signer.verifier()).is_ok()),
        (1, true)
    );
}

#[test]
fn what_is_not_a_note_says_why() {
    let line = "— name AAAAAAE=\n";
    let cases = [
        ("", NoteError::NotText),
        ("text", NoteError::NotText),
        ("text\r\n", NoteError::NotText),
        ("text\n", NoteError::NoSignatures),
        ("text\n\n", NoteError::NoSignatures),
        ("text\n\nname AAAAAAE=\n", NoteError::Signature),
        ("text\n\n— name\n", NoteError::Signature),
        ("text\n\n— AAAAAAE=\n", NoteError::Signature),
        ("text\n\n—  AAAAAAE=\n", NoteError::Signature),
        ("text\n\n— na+me AAAAAAE=\n", NoteError::Signature),
        ("text\n\n— na\u{a0}me AAAAAAE=\n", NoteError::Signature),
        ("text\n\n— name AAAAAA==\n", NoteError::Signature),
        ("text\n\n— name AAAAAAE\n", NoteError::Signature),
        ("text\n\n— name AAAAAAF=\n", NoteError::Signature),
        ("text\n\n— name AAAAAAE= \n", NoteError::Signature),
    ];
    for (text, error) in cases {
        assert_eq!(Note::parse(text.as_bytes()), Err(error), "{text:?}");
    }
    assert_eq!(Note::parse(b"\xff\n\n"), Err(NoteError::NotText));
    let many = |count| Note::parse(format!("text\n\n{}", line.repeat(count)).as_bytes());
    assert_eq!(
        (many(100).is_ok(), many(101)),
        (true, Err(NoteError::TooManySignatures))
    );
    let large = format!("{}\n\n{line}", "a".repeat(Note::BYTES_MAX));
    assert_eq!(Note::parse(large.as_bytes()), Err(NoteError::TooLarge));
    let signature: SignatureLine = line.trim_end().parse().unwrap();
    assert_eq!(
        Note::new("a".repeat(Note::BYTES_MAX) + "\n", signature.clone()),
        Err(NoteError::TooLarge)
    );
    assert_eq!(Note::new("no end".into(), signature), Err(NoteError::NotText));
}

#[test]
fn what_is_not_a_key_says_why() {
    let [name, id, key] = KEY.split('+').collect::<Vec<_>>()[..] else {
        panic!()
    };
    let cases = [
        (String::new(), KeyError::Form),
        (format!("{name}+{id}"), KeyError::Form),
        (format!("{name}+{id}+{}", &key[..40]), KeyError::Form),
        (format!("{name}+{id}+"), KeyError::Form),
        (format!("+{id}+{key}"), KeyError::Name),
        (format!("a b+{id}+{key}"), KeyError::Name),
        (format!("a\u{1}b+{id}+{key}"), KeyError::Name),
        (format!("{name}2+{id}+{key}"), KeyError::Id),
        (format!("{name}+{}+{key}", id.to_uppercase()), KeyError::Id),
        (
            format!("{name}+{id}+{}", key.replacen('A', "B", 1)),
            KeyError::Algorithm,
        ),
        (format!("{name}+{id}+{}", key.replacen("Aek", "Ael", 1)), KeyError::Id),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<VerifierKey>(), Err(error), "{text}");
    }
}

#[test]
fn a_private_key_is_read_back_from_its_text() {
    let signer = signer();
    let text = signer.private_text();
    assert!(text.expose().starts_with("PRIVATE+KEY+town.example/access+"));
    let again = Signer::parse(text.expose()).unwrap();
    assert_eq!(again.verifier(), signer.verifier());
    assert_eq!(again.sign("text\n").unwrap(), signer.sign("text\n").unwrap());
    assert_eq!(Cosigner::parse(text.expose()).err(), Some(KeyError::Algorithm));
    for cut in 0..text.expose().len() {
        assert!(Signer::parse(&text.expose()[..cut]).is_err());
    }
    let renamed = text.expose().replace("town", "city");
    assert_eq!(Signer::parse(&renamed).err(), Some(KeyError::Id));
}

/// Compiles only as long as none of them can be printed: else both traits would fit.
#[test]
fn no_secret_can_be_printed_by_accident() {
    trait Fits<Which> {
        fn fits() {}
    }
    struct Printed;
    impl<T> Fits<()> for T {}
    impl<T: std::fmt::Debug> Fits<Printed> for T {}
    <Signer as Fits<_>>::fits();
    <Cosigner as Fits<_>>::fits();
    <PrivateText as Fits<_>>::fits();
    <crate::journal::tree::Salt as Fits<_>>::fits();
}

#[test]
fn two_keys_are_never_the_same() {
    assert_ne!(signer().verifier(), signer().verifier());
}

#[test]
fn a_checkpoint_is_opened_with_the_key_of_its_log_only() {
    let signer = signer();
    let signed = checkpoint(&signer).sign(&signer).unwrap();
    let text = signed.note().to_string();
    assert!(
        text.starts_with(
            "town.example/access\n7\nCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n\n— town.example/access "
        )
    );
    let opened = Signed::open(text.as_bytes(), signer.verifier()).unwrap();
    assert_eq!(opened, signed);
    assert_eq!(
        (opened.checkpoint().size(), opened.checkpoint().root()),
        (TreeSize(7), Hash([9; 32]))
    );
    let other = Signer::generate(signer.verifier().name().clone()).unwrap();
    assert_eq!(
        Signed::open(text.as_bytes(), other.verifier()),
        Err(OpenError::Signature(VerifyError::Unsigned))
    );
    let larger = text.replace("\n7\n", "\n8\n");
    assert_eq!(
        Signed::open(larger.as_bytes(), signer.verifier()),
        Err(OpenError::Signature(VerifyError::Wrong))
    );
    let of_another = Checkpoint::new(&name("town.example/events"), TreeSize(7), Hash([9; 32]));
    let of_another = of_another.sign(&signer).unwrap().note().to_string();
    assert_eq!(
        Signed::open(of_another.as_bytes(), signer.verifier()),
        Err(OpenError::Origin)
    );
}

#[test]
fn a_witness_signs_a_checkpoint_with_the_time() {
    let (signer, witness) = (signer(), Cosigner::generate(name("witness.example/w1")).unwrap());
    let mut signed = checkpoint(&signer).sign(&signer).unwrap();
    assert_eq!(signed.cosigned_at(witness.verifier()), Err(VerifyError::Unsigned));
    for time in [1_679_315_147, 1_679_315_157] {
        let line = signed.cosign(&witness, time).unwrap();
        signed
            .add(line.to_string().parse().unwrap(), witness.verifier())
            .unwrap();
        assert_eq!(signed.cosigned_at(witness.verifier()), Ok(Some(time)));
    }
    assert_eq!(signed.note().signatures().len(), 2);
    assert_eq!(
        Signed::open(signed.note().to_string().as_bytes(), signer.verifier()),
        Ok(signed.clone())
    );

    let other = Checkpoint::new(signer.verifier().name(), TreeSize(8), Hash([9; 32]));
    let other = other.sign(&signer).unwrap().cosign(&witness, 5).unwrap();
    let wrong = signed.add(other, witness.verifier());
    assert_eq!(wrong, Err(OpenError::Signature(VerifyError::Wrong)));
    assert!(signed.cosign(&witness, 1 << 63).is_err());
    let text = witness.private_text();
    assert_eq!(Cosigner::parse(text.expose()).unwrap().verifier(), witness.verifier());
    assert_eq!(Signer::parse(text.expose()).err(), Some(KeyError::Algorithm));
}

/// The example of tlog-cosignature, which shows how the time is laid out; its key is not published.
#[test]
fn the_time_of_a_cosignature_is_signed_with_it() {
    let witness = Cosigner::generate(name("witness.example/w1")).unwrap();
    let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
    let line = witness.sign(text, 1_679_315_147).unwrap();
    assert_eq!(line.signature[..8], 1_679_315_147u64.to_be_bytes());
    let mut later = line.clone();
    later.signature[7] += 1;
    let note = |line| Note::new(text.into(), line).unwrap();
    assert_eq!(
        note(line).verify(witness.verifier()),
        Ok(Verified {
            time: Some(1_679_315_147)
        })
    );
    assert_eq!(note(later).verify(witness.verifier()), Err(VerifyError::Wrong));
    let short: SignatureLine = "— witness.example/w1 AAAAAAE=".parse().unwrap();
    let short = SignatureLine {
        id: witness.verifier().id(),
        ..short
    };
    assert_eq!(note(short).verify(witness.verifier()), Err(VerifyError::Wrong));
}

mod oracle {
    use signed_note::{StandardSigner, StandardVerifier, VerifierList};

    use super::*;

    #[test]
    fn signed_note_accepts_our_notes_and_keys() {
        let signer = signer();
        let mut note = Note::new(
            "a text\n\nof lines\n".into(),
            signer.sign("a text\n\nof lines\n").unwrap(),
        )
        .unwrap();
        note.add(
            Signer::generate(name("other.example"))
                .unwrap()
                .sign("a text\n\nof lines\n")
                .unwrap(),
        )
        .unwrap();
        let verifier = StandardVerifier::new(&signer.verifier().to_string()).unwrap();
        let theirs = signed_note::Note::from_bytes(note.to_string().as_bytes()).unwrap();
        let (verified, unknown) = theirs.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
        assert_eq!((verified.len(), unknown.len()), (1, 1));
    }

    #[test]
    fn signed_note_signs_with_our_private_keys() {
        let signer = signer();
        let theirs = StandardSigner::new(signer.private_text().expose()).unwrap();
        let mut note = signed_note::Note::new(b"a text\n", &[]).unwrap();
        note.add_sigs(&[&theirs]).unwrap();
        let note = Note::parse(&note.to_bytes()).unwrap();
        assert_eq!(note.verify(signer.verifier()), Ok(Verified { time: None }));
        assert_eq!(
            note,
            Note::new("a text\n".into(), signer.sign("a text\n").unwrap()).unwrap()
        );
    }

    #[test]
    fn tlog_tiles_reads_our_checkpoints() {
        let signer = signer();
        let ours = checkpoint(&signer);
        let theirs = tlog_tiles::Checkpoint::from_bytes(ours.to_string().as_bytes()).unwrap();
        assert_eq!((theirs.origin(), theirs.size()), (ours.origin(), 7));
        assert_eq!(theirs.hash().0, ours.root().0);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_note_or_not(bytes: Vec<u8>, tail in "(\\PC|\n|— |AAAAAAE=|name ){0,40}") {
        let _ = Note::parse(&bytes);
        if let Ok(note) = Note::parse(tail.as_bytes()) {
            prop_assert_eq!(note.to_string(), tail);
        }
    }

    #[test]
    fn a_note_with_any_change_is_not_verified(at: prop::sample::Index, with: u8) {
        let key: VerifierKey = KEY.parse().unwrap();
        let mut bytes = NOTE.as_bytes().to_vec();
        let at = at.index(bytes.len());
        let changed = bytes[at] != with;
        bytes[at] = with;
        if let Ok(note) = Note::parse(&bytes) {
            prop_assert_eq!(note.to_string().into_bytes(), bytes);
            prop_assert_eq!(note.verify(&key).is_err(), changed);
        }
    }

    #[test]
    fn any_text_is_a_key_or_not(text in "\\PC*|[a-z.]{0,5}\\+[0-9a-f]{8}\\+[A-Za-z0-9+/=]{40,48}") {
        let _ = Signer::parse(&format!("PRIVATE+KEY+{text}"));
        if let Ok(key) = text.parse::<VerifierKey>() {
            prop_assert_eq!(key.to_string(), text);
        }
    }

    #[test]
    fn a_key_with_any_change_is_another_or_none(at: prop::sample::Index, with in "\\PC") {
        let key: VerifierKey = KEY.parse().unwrap();
        let at = at.index(KEY.len());
        let text = format!("{}{with}{}", &KEY[..at], &KEY[at + 1..]);
        prop_assert_eq!(text.parse() == Ok(key), text == KEY);
    }
}
