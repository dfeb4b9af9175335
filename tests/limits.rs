//! Whatever a client can hold or send has a limit, in size and in time. Limits on time are set short here and waited
//! for; nothing depends on how long it took.

use std::io::Write;
use std::thread;
use std::time::Duration;

use crate::drain::until;
use crate::http2::{END, HEADERS, Raw, fields, waiting};
use crate::town::{Cms, HOST, Town, Visitor, cms};

#[test]
fn a_body_above_the_limit_is_refused_with_its_length_or_without() {
    let cms = Cms::page("");
    let town = Town::before(&cms).table("[limits]\nbody_bytes = \"1 KiB\"").open();
    let length = town.ask(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1025\r\n\r\n"
    ));
    let body = "x".repeat(1025);
    let chunks = town.ask(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n401\r\n{body}\r\n0\r\n\r\n"
    ));
    assert_eq!((length.status, chunks.status), (413, 413));
    assert_eq!(town.close().errors(), ["refused.body_too_large"; 2]);
}

#[test]
fn a_head_that_does_not_come_in_time_ends_the_connection_and_is_recorded() {
    let town = Town::before(&Cms::page(""))
        .table("[limits]\nhead_time = \"1 s\"")
        .open();
    let mut visitor = town.visitor();
    visitor.send("GET / HTTP/1.1\r\nHost: um");
    assert_eq!(visitor.rest(), b"");
    assert_eq!(town.close().errors(), ["not_a_request.timeout"]);
}

#[test]
fn an_idle_connection_is_closed_and_leaves_no_entry_of_its_own() {
    let town = Town::before(&Cms::page(""))
        .table("[limits]\nidle_time = \"1 s\"")
        .open();
    let mut visitor = town.visitor();
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    visitor.answer();
    assert_eq!(visitor.rest(), b"");
    assert_eq!(town.close().errors(), ["-"]);
}

/// Longer than any test waits.
const HEAD_TIME: &str = "[limits]\nhead_time = \"1 s\"\nidle_time = \"1 h\"";

#[test]
fn a_connection_has_no_longer_for_its_first_head_than_for_any_other() {
    let town = Town::before(&Cms::page("")).tls().table(HEAD_TIME).open();
    let mut silent = [Visitor::to(town.http()), Visitor::to(town.https())];
    let mut shaken = Raw::saying(&town, b""); // hands, and no more
    for visitor in &mut silent {
        assert_eq!(visitor.rest(), b"");
    }
    shaken.rest();
    assert_eq!(town.close().errors(), [""; 0], "nobody said a thing");
}

#[test]
fn a_connection_that_asked_once_or_speaks_http_2_may_be_idle_for_longer() {
    let town = Town::before(&Cms::page("x")).tls().table(HEAD_TIME).open();
    let mut visitor = town.visitor();
    let mut raw = Raw::to(&town);
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    visitor.answer();
    thread::sleep(Duration::from_secs(2));
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    assert_eq!(visitor.answer().status, 200);
    assert!(raw.frame(HEADERS, END, 1, &fields(&[])));
    until(|| town.entries() == 3);
    assert_eq!(town.close().errors(), ["-"; 3]);
}

#[test]
fn a_connection_that_sleeps_between_its_requests_goes_on_where_it_was() {
    let town = Town::before(&Cms::new(|request| cms::ok(&[], request.target())))
        .table("[limits]\nhead_time = \"5 s\"")
        .open();
    let mut visitor = town.visitor();
    for number in 0..3 {
        let request = format!("GET /{number} HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        let (first, rest) = request.split_at(number);
        thread::sleep(Duration::from_millis(1600));
        visitor.send(first);
        thread::sleep(Duration::from_millis(1600));
        visitor.send(rest);
        assert_eq!(visitor.answer().text(), format!("/{number}"));
    }
    let mut leaves = town.visitor();
    thread::sleep(Duration::from_millis(1600));
    leaves.send("GET");
    drop(leaves);
    until(|| town.entries() == 4);
    assert_eq!(town.close().errors(), ["-", "-", "-", "not_a_request.incomplete"]);
}

#[test]
fn a_connection_that_sleeps_is_closed_in_time_and_does_not_delay_the_end() {
    let town = Town::before(&Cms::page(""))
        .table("[limits]\nidle_time = \"2 s\"")
        .open();
    let asked = || {
        let mut visitor = town.visitor();
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        visitor.answer();
        visitor
    };
    assert_eq!(asked().rest(), b"");
    let mut sleeps = asked();
    thread::sleep(Duration::from_millis(1600));
    assert_eq!(town.close().errors(), ["-"; 2]);
    assert_eq!(sleeps.rest(), b"");
}

#[test]
fn a_body_that_stalls_is_refused() {
    let town = Town::before(&Cms::page(""))
        .table("[limits]\nstall_time = \"1 s\"")
        .open();
    let answer = town.ask(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 10\r\n\r\nabc"
    ));
    assert_eq!(answer.status, 408);
    assert_eq!(town.close().errors(), ["refused.too_slow"]);
}

#[test]
fn a_cms_that_keeps_silent_gives_504() {
    let cms = Cms::writing(|_, _| std::thread::park());
    let town = Town::before(&cms).upstream("answer_timeout = \"1 s\"").open();
    assert_eq!(town.get("/").status, 504);
    assert_eq!(town.close().errors(), ["upstream.timeout"]);
}

#[test]
fn a_cms_that_stops_in_mid_answer_cuts_it_off() {
    let cms = Cms::writing(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
        std::thread::park();
    });
    let town = Town::before(&cms).upstream("answer_timeout = \"1 s\"").open();
    let answer = town.get("/");
    assert_eq!((answer.body.as_slice(), answer.whole), (b"abc".as_slice(), false));
    assert_eq!(town.close().errors(), ["cut_off.timeout"]);
}

#[test]
fn a_visitor_who_takes_nothing_is_cut_off() {
    let town = Town::before(&Cms::saying(cms::ok(&[], &"x".repeat(32 * 1024 * 1024))))
        .table("[limits]\nstall_time = \"1 s\"")
        .open();
    let mut visitor = town.visitor();
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    crate::drain::until(|| town.entries() == 1);
    drop(visitor);
    assert_eq!(town.close().errors(), ["cut_off.timeout"]);
}

#[test]
fn an_exchange_that_drips_for_ever_ends() {
    let cms = Cms::writing(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        while stream.write_all(b"1\r\nx\r\n").is_ok() {
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    });
    let town = Town::before(&cms).table("[limits]\nexchange_time = \"1 s\"").open();
    assert!(!town.get("/").whole);
    assert_eq!(town.close().errors(), ["cut_off.timeout"]);
}

#[test]
fn beyond_the_limit_on_connections_visitors_wait_and_are_then_served() {
    let town = Town::before(&Cms::page("x"))
        .listen("")
        .table("[limits]\nconnections = 2")
        .open();
    let mut held: Vec<_> = (0..6).map(|_| town.visitor()).collect();
    let mut last = town.visitor();
    last.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    held.clear();
    assert_eq!(last.answer().status, 200);
}

#[test]
fn beyond_the_limit_on_exchanges_visitors_get_503_until_others_end() {
    let (cms, heard, go_on) = waiting();
    let town = Town::before(&cms).table("[limits]\nexchanges = 2").open();
    let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
    let mut held = [town.visitor(), town.visitor()];
    for visitor in &mut held {
        visitor.send(&request);
        heard.recv().expect("the CMS was asked");
    }
    let mut third = town.visitor();
    third.send(&request);
    let refused = third.answer();
    assert_eq!((refused.status, refused.field("retry-after")), (503, Some("60")));
    drop(go_on);
    assert_eq!(held.map(|mut visitor| visitor.answer().status), [200, 200]);
    third.send(&request);
    assert_eq!(third.answer().status, 200, "on the same connection");
    assert_eq!(town.close().errors(), ["refused.too_many_exchanges", "-", "-", "-"]);
}

#[test]
fn beyond_the_limit_on_exchanges_streams_are_refused_and_the_others_of_their_connection_go_on() {
    let (cms, heard, go_on) = waiting();
    let town = Town::before(&cms).tls().table("[limits]\nexchanges = 9").open();
    let mut raw = Raw::to(&town);
    for stream in 0..8_u32 {
        raw.frame(HEADERS, END, stream * 2 + 1, &fields(&[]));
    }
    (0..5).for_each(|_| heard.recv().expect("the CMS was asked"));
    until(|| town.entries() == 3);
    drop(go_on);
    until(|| town.entries() == 8);
    drop(raw);
    let kept = town.close();
    let errors = kept.errors();
    assert_eq!(
        errors,
        [["not_a_request.too_many_streams"; 3].as_slice(), &["-"; 5]].concat()
    );
}
