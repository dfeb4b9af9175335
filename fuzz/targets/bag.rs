//! What a bundle says of its own files: manifests are written again as they were read, and stay below the bag; places
//! of records name one of two files.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::disclosure::bag::Manifest;
use townclerk::disclosure::verify::Place;

fuzz_target!(|bytes: &[u8]| {
    for letters in [64, 128] {
        if let Ok(manifest) = Manifest::parse(bytes, letters) {
            assert_eq!(manifest.to_string().as_bytes(), bytes);
            for path in manifest.paths() {
                assert!(!path.starts_with('/') && !path.split('/').any(|part| part.is_empty() || part == ".."));
            }
        }
    }
    if let Some(place) = Place::parse(bytes) {
        assert!(matches!(place.file.as_str(), "records.jsonl" | "records.log"));
    }
});
