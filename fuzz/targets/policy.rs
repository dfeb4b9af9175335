//! `policy.toml`: it means something, or every fault stands at a place in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::policy;
use townclerk::reader::Faults;

fuzz_target!(|text: &str| {
    let mut faults = Faults::new();
    let policy = policy::parse("policy.toml", text, &mut faults);
    assert_eq!(policy.is_some(), faults.is_empty());
    for place in faults.iter().filter_map(|fault| fault.place) {
        assert!(place.line >= 1 && place.column >= 1 && place.line <= text.split('\n').count().max(1));
    }
});
