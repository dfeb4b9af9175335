//! Public and private keys as texts: what is read is written as it was.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::journal::note::{Cosigner, Signer, VerifierKey};

fuzz_target!(|text: &str| {
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    if let Ok(key) = Signer::parse(text) {
        assert_eq!(key.private_text().expose(), text);
    }
    if let Ok(key) = Cosigner::parse(text) {
        assert_eq!(key.private_text().expose(), text);
    }
});
