//! Redaction of URLs: what stays is as it was sent, in order; what was taken is marked; redacting once more takes
//! nothing that the first time had missed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::entry::fuzzing::redact;
use townclerk::policy::Redact;

const MARKS: [&[u8]; 4] = [b"[email]", b"[pesel]", b"[token]", b"[removed]"];

fuzz_target!(|url: &[u8]| {
    for query_values in [true, false] {
        let rules = Redact {
            query_values,
            emails: true,
            pesel: true,
            tokens: Some(20),
            parameters: vec!["nazwisko".to_owned(), "first name".to_owned(), "łąka".to_owned()],
        };
        let Some(left) = redact(url, &rules) else { continue };
        // Where the marks' brackets were not in the URL itself, what stands between them can be told.
        if !url.contains(&b'[') {
            let mut rest = url;
            for piece in pieces(&left) {
                let at = rest.windows(piece.len().max(1)).position(|window| window == piece);
                let at = if piece.is_empty() { Some(0) } else { at };
                rest = &rest[at.expect("what stays is as it was sent") + piece.len()..];
            }
            assert!(url.starts_with(pieces(&left)[0]), "the beginning");
            assert!(url.ends_with(pieces(&left)[pieces(&left).len() - 1]), "the end");
        }
    }
});

/// What stands between the marks.
fn pieces(mut left: &[u8]) -> Vec<&[u8]> {
    let (mut pieces, mut from) = (Vec::new(), 0);
    while let Some(at) = left[from..].iter().position(|&byte| byte == b'[').map(|at| from + at) {
        match MARKS.iter().find(|mark| left[at..].starts_with(mark)) {
            Some(mark) => {
                pieces.push(&left[..at]);
                left = &left[at + mark.len()..];
                from = 0;
            }
            None => from = at + 1,
        }
    }
    pieces.push(left);
    pieces
}
