//! Whoever holds much, or sends much, holds up nobody else: while it goes on, another visitor is served. What a flood
//! makes the server hold is bounded.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use rustls::{ClientConnection, StreamOwned};

use crate::drain::until;
use crate::http2::{CONTINUATION, END, HEADERS, PING, RST_STREAM, Raw, SETTINGS, fields, name, tls};
use crate::serve::program::{Serving, run_with};
use crate::skip;
use crate::town::{Cms, HOST, Town, Visitor, cms};

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n")
}

/// A visitor who comes in the middle of it, over TLS if there is.
fn is_served(town: &Town, is_secure: bool) {
    let mut visitor = if is_secure {
        let mut config = (*tls(town)).clone();
        config.alpn_protocols.clear();
        let connection = ClientConnection::new(config.into(), name()).expect("a connection");
        let stream = TcpStream::connect(town.https()).expect("it accepts");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a socket");
        Visitor::over(StreamOwned::new(connection, stream))
    } else {
        town.visitor()
    };
    visitor.send(get("/"));
    assert_eq!(visitor.answer().text(), "x");
}

#[test]
fn slow_heads_bodies_answers_and_readers_hold_up_nobody_else() {
    let big = "y".repeat(8 << 20);
    let cms = Cms::writing(move |request, stream| {
        let _ = match request.target() {
            "/slow" => {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                while stream.write_all(b"1\r\ny\r\n").is_ok() {
                    thread::sleep(Duration::from_millis(100));
                }
                Ok(())
            }
            "/never" => {
                thread::park();
                Ok(())
            }
            "/big" => stream.write_all(&cms::ok(&[], &big)),
            _ => stream.write_all(&cms::ok(&[], "x")),
        };
    });
    let town = Town::before(&cms).open();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..10 {
            let mut held: Vec<Visitor> = (0..15).map(|_| town.visitor()).collect();
            for (number, visitor) in held.iter_mut().enumerate() {
                visitor.send(match number % 5 {
                    0 => "GET /head HTTP/1.1\r\nX: ".to_owned(),
                    1 => format!("POST /body HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n\r\n"),
                    2 => get("/slow"),
                    3 => get("/never"),
                    _ => get("/big"), // and it reads nothing
                });
            }
            let over = &over;
            scope.spawn(move || {
                while !over.load(Relaxed) {
                    for (number, visitor) in held.iter_mut().enumerate() {
                        if number % 5 < 2 {
                            visitor.send("z");
                        }
                    }
                    thread::sleep(Duration::from_millis(50));
                }
            });
        }
        for _ in 0..20 {
            is_served(&town, false);
        }
        over.store(true, Relaxed);
    });
    until(|| town.entries() >= 20 + 90); // those of bodies and heads, and of readers who left
    let kept = town.close();
    let errors = kept.errors();
    let count = |what: &str| errors.iter().filter(|error| **error == what).count();
    assert_eq!((count("-"), count("not_a_request.incomplete")), (20, 30), "{errors:?}");
    assert_eq!(errors.len(), 20 + 150, "each has its entry: {errors:?}");
}

#[test]
fn connections_beyond_the_limit_wait_and_those_who_say_nothing_make_room() {
    let town = Town::before(&Cms::page("x"))
        .table("[limits]\nconnections = 60\nhead_time = \"1 s\"")
        .open();
    let flood: Vec<_> = (0..200)
        .map(|_| TcpStream::connect(town.http()).expect("it accepts"))
        .collect();
    is_served(&town, false);
    drop(flood);
    assert_eq!(town.close().errors(), ["-"], "whoever says nothing has no entry");
}

#[test]
fn handshakes_count_as_connections_and_have_their_time() {
    let town = Town::before(&Cms::page("x"))
        .tls()
        .table("[limits]\nconnections = 60\nhead_time = \"1 s\"")
        .open();
    // The head of a record that holds a ClientHello, and nothing after it.
    let flood: Vec<_> = (0..100)
        .map(|_| {
            let mut stream = TcpStream::connect(town.https()).expect("it accepts");
            stream.write_all(&[22, 3, 1, 1, 0, 1]).expect("it reads");
            stream
        })
        .collect();
    is_served(&town, true);
    until(|| town.entries() == 101);
    drop(flood);
    let kept = town.close();
    let (timeouts, others): (Vec<_>, Vec<_>) = kept
        .errors()
        .into_iter()
        .partition(|error| *error == "not_a_request.tls_timeout");
    assert_eq!((timeouts.len(), others), (100, vec!["-"]));
}

/// Sends frames until the connection ends, or they are no longer taken, which must be before so many bytes. Others are
/// served meanwhile. Gives the entries of the flood.
fn is_bounded(
    most: usize,
    begin: impl Fn(&mut Raw),
    mut frame: impl FnMut(&mut Raw, usize) -> (bool, usize),
) -> Vec<String> {
    let town = Town::before(&Cms::page("x")).tls().open();
    let mut raw = Raw::to(&town);
    raw.be_impatient();
    begin(&mut raw);
    let (mut sent, mut number) = (0, 0);
    let ended = loop {
        let (taken, bytes) = frame(&mut raw, number);
        (sent, number) = (sent + bytes, number + 1);
        if number % 2_000 == 0 {
            is_served(&town, true);
        }
        if !taken || sent > most {
            break !taken;
        }
    };
    is_served(&town, true);
    assert!(ended, "{number} frames, {sent} bytes were taken, and it goes on");
    drop(raw);
    let kept = town.close();
    let errors = kept.errors().into_iter().filter(|error| *error != "-");
    errors.map(str::to_owned).collect()
}

#[test]
fn pings_whose_answers_nobody_reads_are_not_taken_for_ever() {
    is_bounded(64 << 20, |_| (), |raw, _| (raw.frame(PING, 0, 0, b"pingpong"), 17));
}

#[test]
fn settings_whose_answers_nobody_reads_are_not_taken_for_ever() {
    let window = [0, 4, 0, 1, 0, 0]; // SETTINGS_INITIAL_WINDOW_SIZE
    is_bounded(64 << 20, |_| (), |raw, _| (raw.frame(SETTINGS, 0, 0, &window), 15));
}

#[test]
fn streams_that_are_reset_as_fast_as_they_are_opened_end_the_connection() {
    is_bounded(
        2 << 20,
        |_| (),
        |raw, number| {
            let stream = u32::try_from(number).expect("few") * 2 + 1;
            let head = fields(&[]);
            let taken =
                raw.frame(HEADERS, END, stream, &head) && raw.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
            (taken, head.len() + 22)
        },
    );
}

#[test]
fn a_head_without_end_ends_the_connection() {
    let more = [0, 1, b'a', 1, b'b'].repeat(1000);
    let errors = is_bounded(
        10 << 20,
        |raw| assert!(raw.frame(HEADERS, 0x1, 1, &fields(&[]))),
        |raw, _| (raw.frame(CONTINUATION, 0, 1, &more), more.len() + 9),
    );
    assert_eq!(errors, ["not_a_request.malformed"]);
}

/// Connections that are open and idle at a time.
const IDLE: usize = 10_000;
/// What each of them may cost at most, TLS and the kernel apart.
const IDLE_BYTES: u64 = 48 << 10;

#[test]
fn ten_thousand_idle_connections_hold_up_nobody_and_cost_little() {
    let allowed = fs::read_to_string("/proc/self/limits").expect("limits");
    let allowed = allowed
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .expect("a limit");
    let allowed = allowed
        .split_whitespace()
        .nth(3)
        .and_then(|soft| soft.parse::<usize>().ok());
    if allowed.is_some_and(|allowed| allowed < IDLE + 2_000) {
        skip::cannot("10,000 idle connections", "this system allows too few open files");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Town::before(&Cms::page("x")).table("[limits]\nconnections = 12_000\nidle_time = \"10 min\"");
    let (config, _) = plan.write(folder.path());
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    let serving = Serving::start(&config);
    let ask = |address: SocketAddr| {
        let mut stream = TcpStream::connect(address).expect("it accepts");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a socket");
        stream.write_all(get("/").as_bytes()).expect("it reads");
        let (mut answer, mut bytes) = (Vec::new(), [0; 512]);
        while !answer.ends_with(b"\r\n\r\nx") {
            let length = stream.read(&mut bytes).expect("an answer");
            assert_ne!(length, 0, "it closed");
            answer.extend_from_slice(&bytes[..length]);
        }
        stream
    };
    drop((0..100).map(|_| ask(serving.address)).collect::<Vec<_>>()); // what is allocated once
    let before = resident(&serving);
    let held: Vec<_> = (0..IDLE).map(|_| ask(serving.address)).collect();
    let each = resident(&serving).saturating_sub(before) / IDLE as u64;
    drop(ask(serving.address));
    drop(held);
    assert!(each < IDLE_BYTES, "{each} bytes for each");
    assert_eq!(serving.stop().code, Some(0));
}

/// The memory of the process, in bytes.
pub fn resident(serving: &Serving) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", serving.id())).expect("a process");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("its size");
    let kilobytes = line.split_whitespace().nth(1).expect("a number");
    kilobytes.parse::<u64>().expect("a number") * 1024
}
