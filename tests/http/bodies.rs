//! Trailers, interim answers, answers before the body's end, and visitors who say no more.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, mpsc};

use crate::drain::until;
use crate::town::{Cms, HOST, Town, cms};

use super::exchange;

const TRAILERS: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum, Set-Cookie\r\n\r\n\
                        2\r\nok\r\n0\r\nX-Sum: 7\r\nSet-Cookie: spy=1\r\nX-Unnamed: 1\r\n\r\n";

#[test]
fn trailers_reach_a_visitor_who_takes_them_and_only_what_may_be_one() {
    let cms = Cms::saying(TRAILERS);
    let town = Town::before(&cms).open();
    let ask = |te: &str| {
        exchange(
            town.http(),
            format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{te}Connection: close\r\n\r\n").as_bytes(),
        )
    };

    let taken = ask("TE: gzip, Trailers\r\n");
    assert!(taken.contains("trailer: X-Sum"), "{taken}");
    assert!(taken.ends_with("\r\n0\r\nx-sum: 7\r\n\r\n"), "{taken}");
    let not_taken = ask("TE: gzip\r\n");
    assert!(not_taken.ends_with("2\r\nok\r\n0\r\n\r\n"), "{not_taken}");

    let received = cms.received();
    assert_eq!(received[0].all("te"), ["trailers"]);
    assert_eq!(received[0].all("connection"), ["te"]);
    assert_eq!((received[1].field("te"), received[1].field("connection")), (None, None));
    assert_eq!(town.close().errors(), ["-", "-"]);
}

#[test]
fn trailers_of_a_request_reach_the_cms_except_those_that_could_mean_something_else() {
    let (raw, heard) = mpsc::channel();
    let raw = Mutex::new(raw);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("the proxy comes");
        let (mut read, mut bytes) = (String::new(), [0; 4096]);
        while !read.ends_with("\r\n\r\n") || !read.contains("\r\n0\r\n") {
            let length = stream.read(&mut bytes).expect("more");
            assert!(length > 0, "{read}");
            read.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
        raw.lock().expect("one").send(read).expect("the test waits");
        stream.write_all(&cms::ok(&[], "ok")).expect("it reads");
    });
    let town = Town::before_address(address).open();
    let answer = town.ask(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\
         Trailer: X-Sum, Cookie, X-Forwarded-For, Content-Length\r\nConnection: close\r\n\r\n\
         2\r\nab\r\n0\r\nX-Sum: 7\r\nCookie: spy=1\r\nX-Forwarded-For: 6.6.6.6\r\nContent-Length: 9\r\n\r\n"
    ));
    assert_eq!(answer.text(), "ok");
    let read = heard.recv().expect("the CMS read it");
    assert!(read.ends_with("2\r\nab\r\n0\r\nx-sum: 7\r\n\r\n"), "{read}");
}

#[test]
fn interim_answers_of_the_cms_do_no_harm() {
    for interim in [
        "HTTP/1.1 100 Continue\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nSet-Cookie: spy=1\r\n\r\n",
        "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n",
    ] {
        let mut answer = interim.as_bytes().to_vec();
        answer.extend(cms::ok(&["X-Final: 1"], "end"));
        let cms = Cms::saying(answer);
        let town = Town::before(&cms).open();
        let mut visitor = town.visitor();
        for _ in 0..2 {
            visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
            let (status, fields) = visitor.head();
            assert_eq!(status, 200, "{interim}");
            assert!(!fields.iter().any(|(_, value)| value.contains("spy")), "{fields:?}");
            assert_eq!(visitor.take(3), b"end");
        }
        drop(visitor);
        assert_eq!(town.close().errors(), ["-", "-"], "{interim}");
    }
}

#[test]
fn an_expectation_is_met_only_for_a_request_that_is_let_in() {
    let town = Town::before(&Cms::page("never seen"))
        .table("[limits]\nbody_bytes = \"1 KiB\"")
        .open();
    let mut visitor = town.visitor();
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1025\r\nExpect: 100-continue\r\n\r\n"
    ));
    assert_eq!(visitor.head().0, 413, "no 100 came before it");
    drop(visitor);
    assert_eq!(town.close().errors(), ["refused.body_too_large"]);
}

/// A visitor who reads nothing before it has sent everything.
fn sends_all_first(town: &Town, length: usize, framing: &str, body: &[u8]) -> String {
    let mut stream = TcpStream::connect(town.http()).expect("it accepts");
    let head = format!("POST /{length} HTTP/1.1\r\nHost: {HOST}\r\n{framing}\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("it reads");
    stream.write_all(body).expect("it reads on to the end");
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).expect("the answer is still there");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn an_answer_before_the_bodys_end_is_not_lost_and_the_connection_goes_on() {
    let body = vec![b'x'; 8 << 20]; // more than all buffers hold
    let length = format!("Content-Length: {}", body.len());

    let refused = Town::before(&Cms::page("never seen"))
        .table("[limits]\nbody_bytes = \"6 MiB\"")
        .open();
    // As much as the limit lets us read in vain.
    let within = &body[..6 << 20];
    let answer = sends_all_first(&refused, 1, "Host: x\r\nContent-Length: 6291456", within);
    assert_eq!(answer, "HTTP/1.1 400");
    assert_eq!(refused.close().errors(), ["refused.host"]);

    let cms = answering_early();
    let town = Town::before_address(cms).open();
    let mut stream = TcpStream::connect(town.http()).expect("it accepts");
    for _ in 0..2 {
        write!(stream, "POST / HTTP/1.1\r\nHost: {HOST}\r\n{length}\r\n\r\n").expect("it reads");
        stream.write_all(&body).expect("it reads on to the end");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("the answer is still there");
        assert_eq!(&answer, b"HTTP/1.1 302");
        let mut read = Vec::new();
        while !read.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the rest of the head");
            read.extend(byte);
        }
    }
    drop(stream);
    assert_eq!(town.close().errors(), ["-", "-"], "no entry but theirs");
}

/// A CMS that reads a head, answers, and closes while the body still comes.
fn answering_early() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut read: Vec<u8> = Vec::new();
            while !read.windows(4).any(|end| end == b"\r\n\r\n") {
                let mut bytes = [0; 512];
                let length = stream.read(&mut bytes).expect("a head");
                read.extend(&bytes[..length]);
            }
            let _ = stream.write_all(b"HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\n\r\n");
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read(&mut [0; 1024]);
        }
    });
    address
}

#[test]
fn a_body_that_nobody_wants_is_not_read_for_ever() {
    let town = Town::before(&Cms::page("never seen"))
        .table("[limits]\nstall_time = \"1 s\"\nbody_bytes = \"1 MiB\"")
        .open();
    let mut slow = town.visitor();
    slow.send(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nHost: x\r\nContent-Length: 100\r\n\r\nab"
    ));
    assert_eq!(slow.answer().status, 400);
    assert_eq!(slow.rest(), b"", "closed, though the body never ended");

    let mut endless = town.visitor();
    endless.send(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000000000\r\n\r\n"
    ));
    let chunk = vec![b'x'; 1 << 20];
    assert!((0..64).any(|_| !endless.try_send(&chunk)), "closed, though more came");
    assert_eq!(town.close().errors(), ["refused.host", "refused.body_too_large"]);
}

#[test]
fn a_visitor_who_has_said_everything_still_gets_its_answer() {
    let (go_on, wait) = mpsc::channel::<()>();
    let (asked, heard) = mpsc::channel();
    let (asked, wait) = (Mutex::new(asked), Mutex::new(wait));
    let cms = Cms::writing(move |request, stream| {
        asked.lock().expect("one").send(()).expect("the test waits");
        let _ = wait.lock().expect("one").recv();
        let _ = stream.write_all(&cms::ok(&[], &String::from_utf8_lossy(&request.body)));
    });
    let town = Town::before(&cms).open();
    for request in [
        format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"),
        format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\n\r\nabc"),
        format!("POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"),
    ] {
        let mut stream = TcpStream::connect(town.http()).expect("it accepts");
        stream
            .set_read_timeout(Some(std::time::Duration::from_secs(20)))
            .expect("a socket");
        stream.write_all(request.as_bytes()).expect("it reads");
        stream.shutdown(Shutdown::Write).expect("half of it");
        heard
            .recv_timeout(std::time::Duration::from_secs(20))
            .expect("the CMS was asked");
        go_on.send(()).expect("the CMS waits");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer, and then the end");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer:?}");
        assert_eq!(answer.ends_with("abc"), request.starts_with("POST"), "{answer:?}");
    }
    assert_eq!(town.close().errors(), ["-", "-", "-"]);
}

#[test]
fn a_visitor_who_is_gone_is_not_waited_for_until_the_cms_answers() {
    let (asked, heard) = mpsc::channel();
    let asked = Mutex::new(asked);
    let cms = Cms::writing(move |_, _| {
        asked.lock().expect("one").send(()).expect("the test waits");
        std::thread::park();
    });
    let town = Town::before(&cms).open();
    let mut visitor = town.visitor();
    visitor.send(format!("GET /slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    heard.recv().expect("the CMS was asked");
    drop(visitor);
    until(|| town.entries() == 1);
    assert_eq!(town.close().errors(), ["cut_off.visitor"]);
}

#[test]
fn a_body_that_ends_early_is_not_taken_for_a_whole_one() {
    for framing in [
        "Content-Length: 10\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    ] {
        let cms = Cms::page("never said");
        let town = Town::before(&cms).open();
        exchange(
            town.http(),
            format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{framing}").as_bytes(),
        );
        let kept = town.close();
        assert!(cms.received().is_empty(), "{framing:?}");
        assert!(
            matches!(kept.errors()[..], ["refused.malformed"]),
            "{:?}",
            kept.errors()
        );
    }
}
