//! WebSockets pass, and are followed to their end.

use std::io::{Read, Write};

use crate::town::{Cms, HOST, Town};

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: um.example.pl\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

/// Switches protocols, then says everything twice.
fn doubling() -> Cms {
    Cms::writing(|_, stream| {
        let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nhello";
        stream.write_all(switch.as_bytes()).expect("it reads");
        let mut bytes = [0; 64];
        while let Ok(length @ 1..) = stream.read(&mut bytes) {
            let _ = stream.write_all(&bytes[..length]);
            let _ = stream.write_all(&bytes[..length]);
        }
    })
}

#[test]
fn a_websocket_carries_bytes_both_ways_and_has_one_entry_at_its_end() {
    let cms = doubling();
    let town = Town::before(&cms).open();
    let mut visitor = town.visitor();
    visitor.send(UPGRADE);
    let (status, fields) = visitor.head();
    assert_eq!(status, 101);
    let field = |name: &str| {
        fields
            .iter()
            .find(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    };
    assert_eq!(field("sec-websocket-accept"), Some("x"));
    assert_eq!(field("upgrade"), Some("websocket"));
    assert_eq!(visitor.take(5), b"hello", "what the CMS sent with its 101 is not lost");
    visitor.send("ab");
    assert_eq!(visitor.take(4), b"abab");
    visitor.send("c");
    assert_eq!(visitor.take(2), b"cc");
    drop(visitor);

    let request = cms.request();
    assert_eq!(
        request.field("connection").map(str::to_lowercase).as_deref(),
        Some("upgrade")
    );
    assert_eq!(request.field("upgrade"), Some("websocket"));
    let kept = town.close();
    assert_eq!(kept.errors(), ["-"]);
    assert_eq!(kept.entry()["http.response.status_code"], 101);
    assert_eq!(kept.entry()["http.response.body.size"], 11);
}

#[test]
fn a_cms_that_declines_an_upgrade_answers_as_usual() {
    let town = Town::before(&Cms::page("no")).open();
    let mut visitor = town.visitor();
    visitor.send(UPGRADE);
    assert_eq!(visitor.answer().text(), "no");
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    assert_eq!(visitor.answer().text(), "no", "the connection goes on");
}
