//! For whom a request is, three lines: method, target, Host. A host that is found is one to the configuration too if it
//! can be one at all, and the target for the CMS is a piece of what was sent.
#![no_main]

use http::{HeaderValue, Method, Uri};
use libfuzzer_sys::fuzz_target;
use townclerk::config::fuzzing::host;
use townclerk::proxy::fuzzing::destination;

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(3, |&byte| byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, sent, field) = (line(), line(), line());
    let (Ok(method), Ok(uri), Ok(field)) = (
        Method::from_bytes(method),
        Uri::try_from(sent),
        HeaderValue::from_bytes(field),
    ) else {
        return;
    };
    let Some((found, target)) = destination(&method, &uri, &field) else {
        return;
    };
    assert!(
        !found.is_empty() && !found.contains(['@', '/', '"', ' ', '\\']),
        "{found}"
    );
    assert_eq!(*found, *found.to_ascii_lowercase());
    if let Some(meant) = host(&found) {
        assert_eq!(meant, found, "one host has one spelling");
    }
    assert!(target.authority().is_none() && target.scheme().is_none());
    let target = target.to_string();
    let is_piece = sent.windows(target.len()).any(|window| window == target.as_bytes());
    assert!(is_piece || target == "/" || target.starts_with("/?"), "{target}");
});
