//! Proofs of records: what is read is written as it was, to the byte, and proves nothing by luck.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::journal::note::VerifierKey;
use townclerk::journal::proof::RecordProof;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(proof) = RecordProof::parse(bytes) {
        assert_eq!(proof.to_string().as_bytes(), bytes);
        let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
        let key: VerifierKey = key.parse().expect("a public key");
        assert!(proof.verify(b"{}", &key).is_err());
    }
});
