//! What a log asks of a witness: what is read is written as it was, to the byte.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::witness::Request;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(request) = Request::parse(bytes) {
        assert_eq!(request.to_string().as_bytes(), bytes);
        assert!(request.proof().len() <= 63 && request.old() <= request.checkpoint().size());
    }
});
