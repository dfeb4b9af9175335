//! Every accepted request has exactly one entry, and it says how the exchange ended; so have bytes that never became a
//! request.

use std::io::Write;
use std::net::TcpListener;

use crate::town::{Cms, HOST, Town, cms};

/// Asks, closes the town, and checks status and `error.type` of the one entry.
fn refused(request: &str, status: u16, error: &str) {
    let cms = Cms::page("never seen");
    let town = Town::before(&cms).open();
    let answer = town.ask(request);
    let kept = town.close();
    assert_eq!(answer.status, status, "{request:?}");
    assert_eq!(kept.errors(), [error], "{request:?}");
    assert_eq!(kept.entry()["http.response.status_code"], status, "{request:?}");
    assert!(cms.received().is_empty(), "{request:?} reached the CMS");
    if !error.starts_with("not_a_request") {
        let said = answer.text();
        assert!(
            said.contains("lang=\"pl\"") && said.contains("lang=\"en\""),
            "a page in both languages: {said}"
        );
    }
}

#[test]
fn a_request_without_one_valid_host_is_refused() {
    refused("GET / HTTP/1.1\r\n\r\n", 400, "refused.host");
    refused("GET / HTTP/1.0\r\n\r\n", 400, "refused.host");
    refused(
        "GET / HTTP/1.1\r\nHost: um.example.pl\r\nHost: um.example.pl\r\n\r\n",
        400,
        "refused.host",
    );
    refused("GET / HTTP/1.1\r\nHost: um.example.pl/x\r\n\r\n", 400, "refused.host");
    refused("GET / HTTP/1.1\r\nHost: jan@um.example.pl\r\n\r\n", 400, "refused.host");
    refused("GET / HTTP/1.1\r\nHost:\r\n\r\n", 400, "refused.host");
}

#[test]
fn an_absolute_target_must_agree_with_host() {
    refused(
        "GET http://other.example/ HTTP/1.1\r\nHost: um.example.pl\r\n\r\n",
        400,
        "refused.host",
    );
    let cms = Cms::page("x");
    let town = Town::before(&cms).open();
    for (sent, forwarded) in [("/a?b", "/a?b"), ("", "/"), ("?b", "/?b"), ("#x", "/")] {
        let answer = town.ask(format!(
            "GET http://um.example.pl{sent} HTTP/1.1\r\nHost: UM.example.pl\r\nConnection: close\r\n\r\n"
        ));
        assert_eq!(answer.status, 200);
        let request = cms.received().pop().expect("a request");
        assert_eq!(
            request.line,
            format!("GET {forwarded} HTTP/1.1"),
            "origin-form upstream"
        );
    }
}

#[test]
fn a_host_that_is_no_site_of_ours_is_refused_and_recorded_by_the_first_site() {
    refused(
        "GET / HTTP/1.1\r\nHost: other.example\r\n\r\n",
        421,
        "refused.unknown_site",
    );
}

#[test]
fn connect_and_targets_that_are_no_path_are_refused() {
    refused(
        "CONNECT um.example.pl:443 HTTP/1.1\r\nHost: um.example.pl:443\r\n\r\n",
        405,
        "refused.target",
    );
    refused(
        "GET um.example.pl:80 HTTP/1.1\r\nHost: um.example.pl\r\n\r\n",
        405,
        "refused.target",
    );
    refused("GET * HTTP/1.1\r\nHost: um.example.pl\r\n\r\n", 405, "refused.target");
}

#[test]
fn transfer_codings_other_than_chunked_are_refused() {
    for coding in [
        "gzip, chunked",
        "chunked, chunked",
        ",chunked",
        "chunked\r\nTransfer-Encoding: chunked",
    ] {
        let request = format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        refused(&request, 400, "refused.malformed");
    }
}

#[test]
fn an_expectation_that_nobody_knows_is_refused() {
    refused(
        "GET / HTTP/1.1\r\nHost: um.example.pl\r\nExpect: 200-maybe\r\n\r\n",
        417,
        "refused.expectation",
    );
}

#[test]
fn bytes_that_are_no_request_are_recorded_too() {
    refused(
        "\u{16}\u{3}\u{1} this is not HTTP\r\n\r\n",
        400,
        "not_a_request.malformed",
    );
    refused(
        "GET / HTTP/1.1\r\nHost: a\r\nBroken\r\n\r\n",
        400,
        "not_a_request.malformed",
    );
    refused(
        &format!("GET / HTTP/1.1\r\nX: {}\r\n\r\n", "a".repeat(200_000)),
        431,
        "not_a_request.head_too_large",
    );
}

#[test]
fn a_head_that_ends_early_is_recorded_and_a_connection_without_a_byte_is_not() {
    let cms = Cms::page("x");
    let town = Town::before(&cms).open();
    drop(town.visitor());
    let mut visitor = town.visitor();
    visitor.send("GET / HTTP/1.1\r\nHost: um.exa");
    drop(visitor);
    let mut idle = town.visitor();
    idle.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    idle.answer();
    drop(idle); // between requests: nothing is missing
    crate::drain::until(|| town.entries() == 2);
    let mut errors = town
        .close()
        .errors()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    errors.sort();
    assert_eq!(errors, ["-", "not_a_request.incomplete"]);
}

#[test]
fn a_cms_that_is_not_there_gives_502() {
    let nobody = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("an address"); // closed at once
    let town = Town::before_address(nobody).open();
    let answer = town.get("/");
    assert_eq!(answer.status, 502);
    assert!(!answer.text().contains("127.0.0.1"), "nothing internal");
    assert_eq!(town.close().errors(), ["upstream.connect"]);
}

#[test]
fn a_cms_that_answers_nonsense_gives_502() {
    for nonsense in [
        "what?\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    ] {
        let cms = Cms::saying(nonsense);
        let town = Town::before(&cms).open();
        assert_eq!(town.get("/").status, 502, "{nonsense:?}");
        assert_eq!(town.close().errors(), ["upstream.malformed"], "{nonsense:?}");
    }
}

#[test]
fn a_cms_that_hangs_up_gives_502() {
    let cms = Cms::writing(|_, stream| drop(stream.shutdown(std::net::Shutdown::Both)));
    let town = Town::before(&cms).open();
    assert_eq!(town.get("/").status, 502);
    assert_eq!(town.close().errors(), ["upstream.closed"]);
}

#[test]
fn an_upgrade_that_nobody_asked_for_is_nonsense() {
    let cms = Cms::saying("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    let town = Town::before(&cms).open();
    assert_eq!(town.get("/").status, 502);
}

#[test]
fn an_answer_cut_off_by_the_cms_is_cut_off_for_the_visitor_too() {
    for head in [
        "Content-Length: 100\r\n\r\nonly this",
        "Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    ] {
        let head = head.to_owned();
        let cms = Cms::writing(move |_, stream| {
            let _ = write!(stream, "HTTP/1.1 200 OK\r\n{head}");
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        let town = Town::before(&cms).open();
        let answer = town.get("/");
        assert!(!answer.whole, "a clean end would be a lie: {answer:?}");
        let kept = town.close();
        assert_eq!(kept.errors(), ["cut_off.upstream"]);
        assert_eq!(kept.entry()["http.response.body.size"], 9);
    }
}

#[test]
fn a_visitor_who_leaves_before_the_answer_has_an_entry_without_a_status() {
    let (asked, heard) = std::sync::mpsc::channel();
    let (go_on, wait) = std::sync::mpsc::channel::<()>();
    let (asked, wait) = (std::sync::Mutex::new(asked), std::sync::Mutex::new(wait));
    let cms = Cms::writing(move |_, _| {
        asked.lock().expect("one").send(()).expect("the test waits");
        let _ = wait.lock().expect("one").recv();
    });
    let town = Town::before(&cms).open();
    let mut visitor = town.visitor();
    visitor.send(format!("GET /slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    heard.recv().expect("the CMS was asked");
    drop(visitor);
    let kept = town.close();
    drop(go_on);
    assert_eq!(kept.errors(), ["cut_off.visitor"]);
    assert!(
        kept.entry().get("http.response.status_code").is_none(),
        "{}",
        kept.entry()
    );
}

#[test]
fn a_visitor_who_leaves_in_the_middle_of_an_answer_has_an_entry_that_says_so() {
    let body = "x".repeat(32 * 1024 * 1024); // more than all buffers hold
    let cms = Cms::saying(cms::ok(&[], &body));
    let town = Town::before(&cms).open();
    let mut visitor = town.visitor();
    visitor.send(format!("GET /big HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    visitor.head();
    visitor.take(1000);
    drop(visitor);
    let kept = town.close();
    assert_eq!(kept.errors(), ["cut_off.visitor"]);
    assert!(kept.entry()["http.response.body.size"].as_u64().expect("a size") < body.len() as u64);
}
