//! `townclerk.toml`: it means something, or every fault stands at a place in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::config::fuzzing::config;

const POLICY: &str = include_str!("../../config/policy.toml");

fuzz_target!(|text: &str| match config(text, POLICY) {
    Ok(meant) => assert!(!meant.sites.is_empty() && meant.workers > 0),
    Err(faults) => {
        assert!(!faults.is_empty());
        for place in faults.iter().filter_map(|fault| fault.place) {
            assert!(place.line >= 1 && place.column >= 1 && place.line <= text.split('\n').count().max(1));
        }
    }
});
