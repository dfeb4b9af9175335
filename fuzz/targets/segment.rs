//! A segment: the scan counts the lines that the void rule says, read slowly here.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::journal::fuzzing::lines;

fuzz_target!(|segment: &[u8]| {
    let (mut whole, mut torn) = (0, false);
    for line in segment.split_inclusive(|&byte| byte == b'\n') {
        torn |= line.contains(&0) || line.contains(&0x18) || !line.ends_with(b"\n");
        whole += u64::from(!torn);
    }
    assert_eq!(lines(segment), (whole, torn));
});
