//! The PROXY protocol: a header is incomplete until its last byte, and what follows it changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::server::fuzzing::{Header, proxy_header};

fuzz_target!(|bytes: &[u8]| match proxy_header(bytes) {
    Header::Whole(length, client) => {
        assert!(length <= bytes.len());
        assert_eq!(proxy_header(&bytes[..length]), Header::Whole(length, client));
        for cut in 0..length {
            assert_eq!(proxy_header(&bytes[..cut]), Header::Incomplete, "{cut} of {length}");
        }
    }
    Header::Incomplete => {
        assert!(bytes.len() < 4_096);
        for cut in 0..bytes.len() {
            assert_eq!(proxy_header(&bytes[..cut]), Header::Incomplete);
        }
    }
    // As soon as it shows: more bytes do not mend it.
    Header::Malformed => assert_eq!(proxy_header(&[bytes, b"\r\n"].concat()), Header::Malformed),
});
