//! Request smuggling: whatever a visitor sends, the CMS gets exactly the requests that we let in, framed anew.

use crate::town::{Cms, HOST, Town, cms};

use super::exchange;

/// The request that must never be seen.
const HIDDEN: &str = "GET /hidden HTTP/1.1\r\nHost: um.example.pl\r\n\r\n";

/// Heads that two readers could take for different lengths; each is followed by a body in which a request hides.
pub const VECTORS: [&str; 34] = [
    "Content-Length: 5\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: chunked\r\nContent-Length: 5",
    "Content-Length: 5\r\ntransfer-encoding: CHUNKED",
    "Content-Length: 5\r\nTransfer-Encoding : chunked",
    "Content-Length: 5\r\nTransfer-Encoding: xchunked",
    "Content-Length: 5\r\nTransfer-Encoding: identity",
    "Content-Length: 5\r\nTransfer-Encoding: chunked, identity",
    "Content-Length: 5\r\nTransfer-Encoding: identity, chunked",
    "Content-Length: 5\r\nTransfer-Encoding: \"chunked\"",
    "Content-Length: 5\r\nTransfer-Encoding:\u{b}chunked",
    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x",
    "Content-Length: 5\r\nTransfer-Encoding: x\r\nTransfer-Encoding: chunked",
    "Content-Length: 5\r\nX: y\r\n Transfer-Encoding: chunked",
    "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked",
    "Content-Length: 5\r\nTransfer\u{0}-Encoding: chunked",
    "Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked",
    "Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked",
    "Transfer-Encoding: ,chunked",
    "Transfer-Encoding: chunked;q=1",
    "Transfer-Encoding: chunked,",
    "Content-Length: 5\r\nContent-Length: 0",
    "Content-Length: 0\r\nContent-Length: 5",
    "Content-Length: 5, 5",
    "Content-Length: 5 5",
    "Content-Length: +5",
    "Content-Length: -5",
    "Content-Length: 0x5",
    "Content-Length: 5;",
    "Content-Length: 5.0",
    "Content-Length: ",
    "Content-Length: 18446744073709551621",
    "Content-Length : 5",
    " Content-Length: 5",
    "Content-Length\r\n: 5",
];

/// A POST with such a head, and after it what one reader takes for a body and another for a request.
pub fn smuggled(head: &str) -> Vec<u8> {
    format!("POST /seen HTTP/1.1\r\nHost: {HOST}\r\n{head}\r\n\r\n0\r\n\r\n{HIDDEN}").into_bytes()
}

#[test]
fn a_request_that_readers_could_disagree_about_hides_no_other() {
    for head in VECTORS {
        let cms = Cms::new(|request| cms::ok(&[], request.target()));
        let town = Town::before(&cms).open();
        let answer = exchange(town.http(), &smuggled(head));
        let received = cms.received();
        assert!(received.len() <= 1, "{head:?}: {received:#?}");
        assert!(
            received.iter().all(|request| request.target() == "/seen"),
            "{head:?}: {received:#?}"
        );
        for request in &received {
            let framings = request.all("content-length").len() + request.all("transfer-encoding").len();
            assert_eq!(framings, 1, "{head:?}: {request:#?}");
        }
        assert!(!answer.contains("/hidden"), "{head:?}: {answer}");
    }
}

#[test]
fn what_is_plainly_two_requests_is_two() {
    let cms = Cms::new(|request| cms::ok(&[], request.target()));
    let town = Town::before(&cms).open();
    for head in [
        "Content-Length: 5",
        "Transfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 5",
    ] {
        let before = cms.received().len();
        exchange(town.http(), &smuggled(head));
        let received: Vec<String> = cms.received()[before..].iter().map(|r| r.target().to_owned()).collect();
        assert_eq!(received, ["/seen", "/hidden"], "{head}");
    }
    assert_eq!(cms.received()[4].all("content-length"), ["5"], "one length is enough");
}

#[test]
fn chunks_are_read_strictly_and_written_anew() {
    let post = |chunks: &str| {
        let cms = Cms::page("ok");
        let town = Town::before(&cms).open();
        let request = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n{chunks}");
        let answer = exchange(town.http(), request.as_bytes());
        let status: u16 = answer
            .get(9..12)
            .and_then(|status| status.parse().ok())
            .unwrap_or_default();
        (status, cms.received())
    };
    for good in [
        "3\r\nabc\r\n0\r\n\r\n",
        "003\r\nabc\r\n0\r\n\r\n",
        "3;name=value\r\nabc\r\n0;x\r\n\r\n",
        "3;q=\"a;b\"\r\nabc\r\n0\r\n\r\n",
        "1\r\na\r\n2\r\nbc\r\n0\r\nX: y\r\n\r\n",
    ] {
        let (status, received) = post(good);
        assert_eq!(status, 200, "{good:?}");
        assert_eq!(received[0].body, b"abc", "{good:?}");
        assert!(received[0].fields.iter().all(|field| !field.contains("name=value")));
    }
    for bad in [
        "x\r\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "+3\r\nabc\r\n0\r\n\r\n",
        "-1\r\nabc\r\n0\r\n\r\n",
        "3\nabc\n0\n\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3;a\nb\r\nabc\r\n0\r\n\r\n",
        "ffffffffffffffff1\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\r\n",
    ] {
        let (status, received) = post(bad);
        assert!(matches!(status, 0 | 400), "{bad:?}: {status}");
        assert!(received.is_empty(), "{bad:?}: {received:#?}");
    }
}

#[test]
fn chunk_extensions_without_end_are_bounded() {
    let cms = Cms::page("ok");
    let town = Town::before(&cms).open();
    let mut request = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n").into_bytes();
    for _ in 0..64 {
        request.extend(b"1;");
        request.extend(vec![b'a'; 1024]);
        request.extend(b"\r\nx\r\n");
    }
    request.extend(b"0\r\n\r\n");
    let answer = exchange(town.http(), &request);
    assert!(!answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(cms.received().is_empty());
}

#[test]
fn lines_that_end_in_a_bare_newline_carry_nothing_past_us() {
    for request in [
        "GET / HTTP/1.1\nHost: um.example.pl\n\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: um.example.pl\nX: y\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nHost: um.example.pl\r\nX: a\rb\r\n\r\n".to_owned(),
        "GET /\rx HTTP/1.1\r\nHost: um.example.pl\r\n\r\n".to_owned(),
        "GET /a b HTTP/1.1\r\nHost: um.example.pl\r\n\r\n".to_owned(),
        "GET  / HTTP/1.1\r\nHost: um.example.pl\r\n\r\n".to_owned(),
        "GET /\tHTTP/1.1\r\nHost: um.example.pl\r\n\r\n".to_owned(),
        "G@T / HTTP/1.1\r\nHost: um.example.pl\r\n\r\n".to_owned(),
        "GET / HTTP/1.1 \r\nHost: um.example.pl\r\n\r\n".to_owned(),
        "GET / HTTP/1.10\r\nHost: um.example.pl\r\n\r\n".to_owned(),
        "GET / HTTP/3.0\r\nHost: um.example.pl\r\n\r\n".to_owned(),
        "GET /\r\nHost: um.example.pl\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nHost: um.example.pl\r\n\r\n", "a".repeat(70_000)),
    ] {
        let cms = Cms::page("ok");
        let town = Town::before(&cms).open();
        exchange(town.http(), request.as_bytes());
        for received in cms.received() {
            assert_eq!(received.line, "GET / HTTP/1.1", "{request:?}");
            assert!(received.all("host") == [HOST], "{received:#?}");
            assert!(
                !received.fields.iter().any(|field| field.contains(['\r', '\n'])),
                "{received:#?}"
            );
        }
        assert_eq!(town.close().entries.len(), 1, "{request:?}");
    }
}
