//! What visitors can make the server hold has a bound, the one that README states, whatever they send or leave unread.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use crate::drain::until;
use crate::floods::resident;
use crate::http2::{DATA, END, HEADERS, Raw, SETTINGS, WINDOW_UPDATE, fields};
use crate::serve::program::{Serving, run_with};
use crate::town::{HOST, Town};

const CONNECTIONS: usize = 60;
const EXCHANGES: usize = 300;

/// What README says that a connection and an exchange take at most.
const CONNECTION: usize = 300 << 10;
const EXCHANGE: usize = 500 << 10;

/// A CMS whose answers have no end, and which reads no body. How often it was asked.
fn without_end() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&asked);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Relaxed);
            thread::spawn(move || answer(stream.expect("a connection")));
        }
    });
    (address, asked)
}

fn answer(mut stream: TcpStream) {
    let mut method = [0; 4];
    if stream.read_exact(&mut method).is_err() {
        return; // it asked for nothing
    }
    if method == *b"POST" {
        thread::park();
    }
    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000\r\n\r\n");
    while stream.write_all(&[b'y'; 64 << 10]).is_ok() {}
}

/// Opens a hundred streams, each of which sends as much as it may, or asks for an answer that nobody reads.
fn flood(raw: &mut Raw) {
    raw.be_impatient();
    raw.frame(SETTINGS, 0, 0, &[0, 4, 0x7f, 0xff, 0xff, 0xff]); // SETTINGS_INITIAL_WINDOW_SIZE
    raw.frame(SETTINGS, 1, 0, b""); // what the server said counts from here
    raw.frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0, 0]);
    for number in 0..100_u32 {
        let (stream, mut head) = (number * 2 + 1, fields(&[]));
        if number % 16 == 0 {
            head[0] = 0x83; // :method: POST
            raw.frame(HEADERS, END & !1, stream, &head);
            for _ in 0..8 {
                raw.frame(DATA, 0, stream, &[b'x'; 16_000]);
            }
        } else {
            raw.frame(HEADERS, END, stream, &head);
        }
    }
}

#[test]
fn streams_that_nobody_reads_take_no_more_memory_than_is_stated() {
    let (cms, asked) = without_end();
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Town::before_address(cms).tls().table(&format!(
        "[limits]\nconnections = {CONNECTIONS}\nexchanges = {EXCHANGES}"
    ));
    let (config, _) = plan.write(folder.path());
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    let mut serving = Serving::start(&config);
    let https = serving.https();
    let before = resident(&serving);
    let mut held: Vec<Raw> = (0..20)
        .map(|_| Raw::at(https, &folder.path().join("cert.pem")))
        .collect();
    let mut plain: Vec<TcpStream> = (0..30)
        .map(|_| TcpStream::connect(serving.address).expect("it accepts"))
        .collect();
    for stream in &mut plain {
        write!(stream, "GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n").expect("it reads");
    }
    held.iter_mut().for_each(flood);
    until(|| asked.load(Relaxed) > EXCHANGES * 3 / 4);
    let bound = (CONNECTIONS * CONNECTION + EXCHANGES * EXCHANGE) as u64;
    for _ in 0..20 {
        let taken = resident(&serving).saturating_sub(before);
        assert!(taken < bound, "{taken} bytes");
        assert!(asked.load(Relaxed) <= EXCHANGES);
        thread::sleep(Duration::from_millis(100));
    }
    assert!(serving.is_there());
}
