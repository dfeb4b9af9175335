//! Files of holds: what is read is, written and read again, the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::journal::Case;
use townclerk::journal::fuzzing::{hold, hold_text};

fuzz_target!(|text: &str| {
    let case = Case::parse("RPD-12.2026").expect("a name");
    if let Some(read) = hold(&case, text) {
        assert!(read.from < read.to);
        assert_eq!(hold(&case, &hold_text(&read)), Some(read));
    }
});
