//! age files, opened as they were sealed and not otherwise.

use proptest::prelude::*;

use super::*;

fn sealed(identity: &Identity, text: &[u8]) -> Vec<u8> {
    let mut sealing = seal(&FileKey::generate().unwrap(), &[identity.recipient()], Vec::new()).unwrap();
    sealing.write_all(text).unwrap();
    sealing.finish().unwrap()
}

fn opened(identity: Identity, file: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let identities = Identities::from(&identity);
    let Some(mut opened) = open(file, |stanzas| identities.unwrap(stanzas))? else {
        return Ok(None);
    };
    let mut text = Vec::new();
    opened.read_to_end(&mut text)?;
    Ok(Some(text))
}

/// The identity of age's own test suite (C2SP/CCTV, "x25519"), and its recipient.
const PRIVATE_KEY: &str = "AGE-SECRET-KEY-1XMWWC06LY3EE5RYTXM9MFLAZ2U56JJJ36S0MYPDRWSVLUL66MV4QX3S7F6";

#[test]
fn what_was_sealed_is_opened_at_every_length_around_a_piece() {
    for length in [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000] {
        let text = vec![b'a'; length];
        let identity = Identity::generate();
        let file = sealed(&identity, &text);
        assert!(opened(identity, &file).unwrap().unwrap() == text, "{length}");
    }
}

#[test]
fn another_identity_opens_nothing() {
    let file = sealed(&Identity::generate(), b"a line\n");
    assert_eq!(opened(Identity::generate(), &file).unwrap(), None);
}

#[test]
fn a_key_is_read_and_told_as_age_does() {
    Identities::parse(&format!("# created: then\n\n{PRIVATE_KEY}\n")).unwrap();
    let recipient = Identity::generate().recipient();
    assert_eq!(recipient.to_string().parse(), Ok(recipient));
}

#[test]
fn wrong_keys_are_told_apart() {
    let wrong = |text: &str| text.parse::<Recipient>().unwrap_err();
    assert_eq!(wrong(PRIVATE_KEY), RecipientError::Private);
    assert_eq!(wrong("ssh-ed25519 AAAA"), RecipientError::Kind);
    assert_eq!(wrong(""), RecipientError::Letters);
    let mut misspelt = Identity::generate().recipient().to_string();
    misspelt.pop();
    assert_eq!(wrong(&misspelt), RecipientError::Letters);
    let none = |text: &str| Identities::parse(text).unwrap_err();
    assert_eq!(none("# nothing\n"), IdentityError::None);
    assert_eq!(none("\nage1x\n"), IdentityError::Line(2));
    assert_eq!(none("age-encryption.org/v1\n"), IdentityError::Encrypted);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_changed_or_cut_file_is_opened(at in any::<prop::sample::Index>(), flip in 1..=255_u8, cut: bool) {
        let text = vec![b'a'; 70_000];
        let identity = Identity::generate();
        let mut file = sealed(&identity, &text);
        let at = at.index(file.len());
        match cut {
            true => file.truncate(at),
            false => file[at] ^= flip,
        }
        prop_assert!(!matches!(opened(identity, &file), Ok(Some(_))));
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let file = [VERSION, &bytes].concat();
        let _ = (opened(Identity::generate(), &file), opened(Identity::generate(), &bytes));
    }
}
