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

/// A head that is faulty in this way, and the word by which it is put up with.
const FAULTY: [(&str, &str); 5] = [
    ("X-A: one\r\n two\r\nContent-Length: 2", "folded-fields"),
    ("X-A: one\r\n\ttwo\r\nContent-Length: 2", "folded-fields"),
    ("X-A : one two\r\nContent-Length : 2", "space-before-colon"),
    (
        "X-A: one two\r\nNotice: undefined\r\nPHP Warning\r\nContent-Length: 2",
        "broken-fields",
    ),
    ("X-A: one two\r\n(x): y\r\nContent-Length: 2", "broken-fields"),
];

#[test]
fn old_servers_are_put_up_with_as_far_as_the_configuration_says() {
    let words = ["folded-fields", "space-before-colon", "broken-fields", "title-case"];
    for (fields, needed) in FAULTY {
        let cms = Cms::saying(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nok"));
        // A field of another fault is no field either to those who leave broken ones out.
        for allowed in words
            .into_iter()
            .filter(|word| *word == needed || *word != "broken-fields")
        {
            let town = Town::before(&cms)
                .upstream(&format!("lenient = [\"{allowed}\"]"))
                .open();
            let answer = town.get("/");
            if allowed == needed {
                let value = answer
                    .field("x-a")
                    .map(|value| value.split_whitespace().collect::<Vec<_>>());
                assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{fields:?}");
                assert_eq!(value, Some(vec!["one", "two"]), "{fields:?}");
                assert_eq!(town.close().errors(), ["-"]);
            } else {
                assert_eq!(answer.status, 502, "{fields:?} with {allowed}");
                assert_eq!(town.close().errors(), ["upstream.malformed"]);
            }
        }
    }
}

#[test]
fn what_is_put_up_with_makes_no_second_answer() {
    let all = "lenient = [\"folded-fields\", \"space-before-colon\", \"broken-fields\", \"title-case\"]";
    for fields in [
        "Content-Length: 2\r\nContent-Length: 3",
        "Content-Length : 2\r\nContent-Length: 3",
        "Content-Length: 2\r\n 3",
        "Transfer-Encoding: gzip,\r\n chunked",
        "Transfer-Encoding : xchunked",
    ] {
        let town = Town::before(&Cms::saying(format!("HTTP/1.1 200 OK\r\n{fields}\r\n\r\nok")))
            .upstream(all)
            .open();
        assert_eq!(town.get("/").status, 502, "{fields:?}");
        assert_eq!(town.close().errors(), ["upstream.malformed"], "{fields:?}");
    }
}

#[test]
fn fields_have_names_in_title_case_for_servers_that_know_no_others() {
    for (lenient, name) in [("lenient = []", "x-one"), ("lenient = [\"title-case\"]", "X-One")] {
        let cms = Cms::page("ok");
        let town = Town::before(&cms).upstream(lenient).open();
        town.ask(format!(
            "GET / HTTP/1.1\r\nHost: {HOST}\r\nx-OnE: 1\r\nConnection: close\r\n\r\n"
        ));
        let request = cms.request();
        assert!(request.fields.contains(&format!("{name}: 1")), "{request:#?}");
    }
}

#[test]
fn a_server_that_ends_its_lines_with_a_newline_alone_is_understood() {
    let town = Town::before(&Cms::saying("HTTP/1.1 200 OK\nContent-Length: 2\nX-A: b\n\nok")).open();
    let answer = town.get("/");
    assert_eq!((answer.field("x-a"), answer.text().as_str()), (Some("b"), "ok"));
}
