//! Doors for `fuzz/`, which is another crate; in no other build.

use super::segment::Scan;
use super::{Case, Hold};

/// How many lines of a segment count, and whether it is torn.
pub fn lines(segment: &[u8]) -> (u64, bool) {
    let scan = Scan::of(segment).unwrap_or_default(); // memory does not fail
    (scan.lines, scan.torn)
}

/// Reads the file of a case's hold.
pub fn hold(case: &Case, text: &str) -> Option<Hold> {
    Hold::parse(case, text)
}

/// Writes it.
pub fn hold_text(hold: &Hold) -> String {
    hold.text()
}
