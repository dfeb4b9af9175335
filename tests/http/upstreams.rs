//! Content management systems as they are: old, odd, or broken.

use std::io::Write;
use std::net::Shutdown;

use crate::town::{Cms, HOST, Town};

#[test]
fn a_status_line_that_is_none_gives_502() {
    for line in [
        "HTTP/1.1 20 OK",
        "HTTP/1.1 0200 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 2xx OK",
        "HTTP/1.1 -200 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 099 Low",
        "HTTP/2 200 OK",
        "HTTP/1.2 200 OK",
        "ICY 200 OK",
        "http/1.1 200 OK",
        "200 OK",
        "<html>",
    ] {
        let town = Town::before(&Cms::saying(format!("{line}\r\nContent-Length: 0\r\n\r\n"))).open();
        assert_eq!(town.get("/").status, 502, "{line}");
        assert_eq!(town.close().errors(), ["upstream.malformed"], "{line}");
    }
}

#[test]
fn a_status_line_without_a_reason_is_one() {
    for line in ["HTTP/1.1 200", "HTTP/1.1 200 ", "HTTP/1.1 299 Zażółć"] {
        let town = Town::before(&Cms::saying(format!("{line}\r\nContent-Length: 2\r\n\r\nok"))).open();
        assert_eq!(town.get("/").text(), "ok", "{line}");
    }
}

#[test]
fn fields_that_readers_disagree_about_give_502() {
    for fields in [
        "X-A: 1\r\n folded\r\nContent-Length: 0",
        "X-A: 1\r\n\tfolded\r\nContent-Length: 0",
        "X-A : 1\r\nContent-Length: 0",
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length: 2, 3",
        "Content-Length: +2",
        "Content-Length: -2",
        "Content-Length: 0x2",
        "Content-Length: 2 2",
        "Content-Length: 99999999999999999999",
        "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: xchunked",
    ] {
        let town = Town::before(&Cms::saying(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nok"))).open();
        assert_eq!(town.get("/").status, 502, "{fields:?}");
        assert_eq!(town.close().errors(), ["upstream.malformed"], "{fields:?}");
    }
}

#[test]
fn an_old_server_is_understood_with_and_without_keep_alive() {
    let with = Cms::saying("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 3\r\n\r\nabc");
    let without = Cms::writing(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nabc");
        let _ = stream.shutdown(Shutdown::Both);
    });
    let until_it_closes = Cms::writing(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nabc");
        let _ = stream.shutdown(Shutdown::Both);
    });
    for cms in [with, without, until_it_closes] {
        let town = Town::before(&cms).open();
        let mut visitor = town.visitor();
        for _ in 0..3 {
            visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
            let answer = visitor.answer();
            assert_eq!((answer.text().as_str(), answer.whole), ("abc", true));
        }
        drop(visitor);
        assert_eq!(town.close().errors(), ["-", "-", "-"]);
    }
}

#[test]
fn an_old_visitor_is_understood() {
    let cms = Cms::saying("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    let town = Town::before(&cms).open();
    let answer = super::exchange(
        town.http(),
        format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n").as_bytes(),
    );
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(!answer.contains("transfer-encoding"), "it knows no chunks: {answer}");
    assert!(answer.ends_with("\r\n\r\nabc"), "{answer}");
    assert_eq!(town.close().entry()["network.protocol.version"], "1.0");
}

#[test]
fn an_old_visitor_sees_that_an_answer_was_cut_off_as_far_as_it_can() {
    let cms = Cms::writing(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        let _ = stream.shutdown(Shutdown::Both);
    });
    let town = Town::before(&cms).open();
    let answer = super::exchange(
        town.http(),
        format!("GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n").as_bytes(),
    );
    assert!(
        answer.contains("content-length: 10") && answer.ends_with("abc"),
        "{answer}"
    );
    assert_eq!(town.close().errors(), ["cut_off.upstream"]);
}

#[test]
fn bytes_after_an_answer_are_not_the_next_one() {
    let cms =
        Cms::saying("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    let town = Town::before(&cms).open();
    for _ in 0..5 {
        assert_eq!(town.get("/").text(), "ok");
    }
}
