//! A line of a journal, of either format, from whatever hand: what is read from it is written, in both formats, as a
//! line that is read again and written as the very same. (That the lines of our own hand are so at once, `entry` says.)
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::entry::{Encoder, Record};
use townclerk::journal::Format;

fuzz_target!(|line: &[u8]| {
    for format in [Format::JsonLines, Format::Combined] {
        let day = "2026-11-21".parse().expect("a day");
        let Ok(record) = Record::decode(line, format, day) else {
            continue;
        };
        for other in [Format::JsonLines, Format::Combined] {
            let once = written(&record, other);
            let text = once.strip_suffix(b"\n").expect("it ends in a newline");
            assert!(once.len() <= 4_096 && !text.iter().any(u8::is_ascii_control));
            let Ok(record) = Record::decode(text, other, day) else {
                panic!("{} is not read again", text.escape_ascii());
            };
            assert_eq!(written(&record, other), once);
        }
    }
});

fn written(record: &Record<'_>, format: Format) -> Vec<u8> {
    let mut line = Vec::new();
    Encoder::new(format).encode_record(record, &mut line);
    line
}
