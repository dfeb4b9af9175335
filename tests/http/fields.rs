//! Fields, hosts and targets, to the byte.

use crate::town::{Cms, HOST, Town, cms};

use super::exchange;

/// Bytes that no field's value may hold, both ways.
const CONTROLS: [u8; 6] = [0, 1, 0x07, 0x0b, 0x1b, 0x7f];

#[test]
fn control_bytes_in_a_value_are_refused() {
    let cms = Cms::page("never seen");
    let town = Town::before(&cms).open();
    for byte in CONTROLS {
        let mut request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-A: a").into_bytes();
        request.push(byte);
        request.extend(b"b\r\n\r\n");
        let answer = exchange(town.http(), &request);
        assert!(answer.starts_with("HTTP/1.1 400"), "{byte}: {answer}");
    }
    assert!(cms.received().is_empty());
    assert_eq!(town.close().errors(), ["not_a_request.malformed"; CONTROLS.len()]);
}

#[test]
fn control_bytes_in_a_value_of_the_cms_are_refused() {
    for byte in CONTROLS {
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: a".to_vec();
        answer.push(byte);
        answer.extend(b"b\r\n\r\n");
        let town = Town::before(&Cms::saying(answer)).open();
        assert_eq!(town.get("/").status, 502, "{byte}");
        assert_eq!(town.close().errors(), ["upstream.malformed"]);
    }
}

#[test]
fn names_with_other_bytes_than_a_token_has_are_refused_both_ways() {
    for field in ["X A: 1", "X-A : 1", " X-A: 1", "X\u{1}A: 1", "X(A): 1", ": 1", "X-Ż: 1"] {
        let cms = Cms::saying(format!(
            "HTTP/1.1 200 OK\r\nX-First: 1\r\n{field}\r\nContent-Length: 0\r\n\r\n"
        ));
        let town = Town::before(&cms).open();
        let asked = exchange(
            town.http(),
            format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{field}\r\n\r\n").as_bytes(),
        );
        assert!(asked.starts_with("HTTP/1.1 400"), "{field:?}: {asked}");
        assert!(cms.received().is_empty(), "{field:?}");
        assert_eq!(town.get("/").status, 502, "{field:?}");
    }
}

#[test]
fn bytes_above_ascii_in_a_value_travel_as_they_came() {
    let cms = Cms::saying(cms::ok(&["X-Name: Łódź"], ""));
    let town = Town::before(&cms).open();
    let answer = exchange(
        town.http(),
        &[b"GET / HTTP/1.1\r\nHost: um.example.pl\r\nX-Name: \xa3\xf3d\xbc\r\n\r\n".as_slice()].concat(),
    );
    assert!(answer.contains("x-name: Łódź\r\n"), "{answer}");
    assert_eq!(cms.request().field("x-name"), Some("\u{a3}\u{f3}d\u{bc}"));
}

#[test]
fn percent_encoding_and_odd_paths_travel_as_they_came() {
    let cms = Cms::page("");
    let town = Town::before(&cms).open();
    let targets = [
        "/%41%2f%2F?q=%c5%82&&=;+",
        "//a//b/",
        "/a/../b/./c",
        "/a%00b",
        "/?",
        "/a?b?c",
        "/~a:b@c,d;e=f!$'()*",
        "/[x]",
    ];
    for target in targets {
        assert_eq!(town.get(target).status, 200, "{target}");
    }
    let received: Vec<String> = cms
        .received()
        .iter()
        .map(|request| request.target().to_owned())
        .collect();
    assert_eq!(received, targets);
}

#[test]
fn a_whole_url_as_target_must_name_the_host_and_goes_on_as_a_path() {
    let cms = Cms::page("");
    let town = Town::before(&cms).open();
    for (target, path) in [
        ("http://um.example.pl/a?b", "/a?b"),
        ("http://UM.EXAMPLE.PL:80/", "/"),
        ("http://um.example.pl", "/"),
        ("http://um.example.pl?x", "/?x"),
    ] {
        assert_eq!(town.get(target).status, 200, "{target}");
        assert_eq!(cms.received().last().expect("one").target(), path);
    }
    let before = cms.received().len();
    for target in [
        "http://other.example/",
        "http://um.example.pl:81/",
        "http://jan@um.example.pl/",
        "ftp://um.example.pl/",
        "um.example.pl",
        "?a",
        "a/b",
    ] {
        let status = town.get(target).status;
        assert!([400, 405].contains(&status), "{target}: {status}");
    }
    assert_eq!(cms.received().len(), before);
}

#[test]
fn a_request_has_one_host_and_it_is_one() {
    let cms = Cms::page("");
    let town = Town::before(&cms).open();
    for host in [
        "Host: um.example.pl\r\nHost: um.example.pl",
        "Host: um.example.pl, um.example.pl",
        "Host: um.example.pl:x",
        "Host: um.example.pl:",
        "Host: um.example.pl:99999",
        "Host: um.example.pl/",
        "Host: um.example.pl?x",
        "Host: um.example.pl#x",
        "Host: um example.pl",
        "Host: um.example.pl\\",
        "Host: \"um.example.pl\"",
        "Host: jan@um.example.pl",
        "Host: ",
        "X: y",
    ] {
        let answer = exchange(town.http(), format!("GET / HTTP/1.1\r\n{host}\r\n\r\n").as_bytes());
        assert!(answer.starts_with("HTTP/1.1 400"), "{host}: {answer}");
    }
    assert!(cms.received().is_empty(), "{:#?}", cms.received());
}

#[test]
fn only_a_websocket_is_an_upgrade_that_passes() {
    let cms = Cms::page("");
    let town = Town::before(&cms).open();
    for upgrade in ["h2c", "TLS/1.0", "websocket, h2c", "foo"] {
        let answer = exchange(
            town.http(),
            format!(
                "GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: {upgrade}\r\n\
                 HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n"
            )
            .as_bytes(),
        );
        assert!(answer.starts_with("HTTP/1.1 200"), "{upgrade}: {answer}");
    }
    for request in cms.received() {
        for gone in ["upgrade", "connection", "http2-settings"] {
            assert_eq!(request.field(gone), None, "{gone}");
        }
    }
}

#[test]
fn our_own_pages_put_the_visitors_language_first() {
    let town = Town::before(&Cms::page("")).open();
    let page = |language: &str| {
        exchange(
            town.http(),
            format!("GET / HTTP/1.1\r\nHost: other.example\r\n{language}Connection: close\r\n\r\n").as_bytes(),
        )
    };
    assert!(page("Accept-Language: de, en-GB;q=0.9, pl;q=0.1\r\n").contains("<html lang=\"en\">"));
    assert!(page("Accept-Language: pl, en;q=0.9\r\n").contains("<html lang=\"pl\">"));
    assert!(page("").contains("<html lang=\"pl\">"));
}
