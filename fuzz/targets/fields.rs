//! Fields of a request or of trailers, one a line: the visitor's address is the nearest that no trusted proxy has, no
//! stranger can move it, and trailers carry nothing of a connection.
#![no_main]

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue, header};
use ipnet::IpNet;
use libfuzzer_sys::fuzz_target;
use townclerk::proxy::fuzzing::{client, is_english_preferred, trailers};

fuzz_target!(|data: &[u8]| {
    let mut fields = HeaderMap::new();
    for line in data.split(|&byte| byte == b'\n').take(100) {
        let mut parts = line.splitn(2, |&byte| byte == b':');
        let name = HeaderName::from_bytes(parts.next().unwrap_or_default());
        let value = HeaderValue::from_bytes(parts.next().unwrap_or_default().trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            fields.append(name, value);
        }
    }
    let proxies: [IpNet; 2] = ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().expect("a network"));
    let peer: IpAddr = "10.0.0.1".parse().expect("an address");
    let stranger: IpAddr = "203.0.113.7".parse().expect("an address");

    let name = if fields.contains_key("x-forwarded-for") {
        "x-forwarded-for"
    } else {
        "forwarded"
    };
    client(&fields, peer, &proxies);
    let mut with_stranger = fields.clone();
    with_stranger.append(name, HeaderValue::from_static("for=203.0.113.7"));
    assert_eq!(
        client(&with_stranger, peer, &proxies),
        stranger,
        "what a stranger says is not believed"
    );
    with_stranger.append(name, HeaderValue::from_static("\"[fd00::1]:8080\", 10.0.0.9"));
    let behind = client(&with_stranger, peer, &proxies);
    assert!(behind == stranger || behind == IpAddr::from([10, 0, 0, 9]), "{behind}");
    let mut unreadable = fields.clone();
    unreadable.append(name, HeaderValue::from_static("for=_hidden"));
    assert_eq!(
        client(&unreadable, peer, &proxies),
        peer,
        "what cannot be read ends the walk"
    );

    is_english_preferred(&fields);

    let nominated = fields.clone();
    trailers(&mut fields);
    for gone in [
        header::CONNECTION,
        header::TRANSFER_ENCODING,
        header::HOST,
        header::SET_COOKIE,
        header::FORWARDED,
    ] {
        assert!(!fields.contains_key(gone));
    }
    for line in nominated.get_all(header::CONNECTION) {
        for name in line.as_bytes().split(|&byte| byte == b',') {
            if let Ok(name) = HeaderName::from_bytes(name.trim_ascii()) {
                assert!(
                    !fields.contains_key(&name) || name == "keep-alive" || name == "close",
                    "{name}"
                );
            }
        }
    }
});
