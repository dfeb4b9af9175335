//! Kinds of upstreams, and several addresses of one.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use rustls::{ServerConnection, StreamOwned};

use crate::serve::program::run_with;
use crate::town::{Cms, HOST, Plan, Town, certified};

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwitaj";

/// Answers every head, without a body, until the other side is gone.
fn answer(mut stream: impl Read + Write) {
    let (mut head, mut bytes) = (Vec::new(), [0; 4096]);
    while let Ok(length @ 1..) = stream.read(&mut bytes) {
        head.extend(&bytes[..length]);
        if head.ends_with(b"\r\n\r\n") {
            head.clear();
            if stream.write_all(ANSWER).and_then(|()| stream.flush()).is_err() {
                return;
            }
        }
    }
}

/// A CMS behind https, with a certificate for these names, which is also written to `ca.pem`.
pub fn secure_cms(names: &[&str]) -> (SocketAddr, String) {
    let (config, pem) = certified(names);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            thread::spawn(move || answer(StreamOwned::new(connection, stream)));
        }
    });
    (address, pem)
}

/// A town before these URLs, as they stand in the configuration.
fn before(urls: &str) -> Plan {
    Town::before(&Cms::page("not this one")).url(urls)
}

/// A port where nobody listens, for as long as the test runs.
fn nobody() -> (SocketAddr, socket2::Socket) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    let any: SocketAddr = "127.0.0.1:0".parse().expect("an address");
    socket.bind(&any.into()).expect("a port");
    let address = socket.local_addr().expect("an address").as_socket();
    (address.expect("TCP"), socket)
}

fn list(all: &[SocketAddr]) -> String {
    let all: Vec<_> = all.iter().map(|address| format!("\"http://{address}\"")).collect();
    format!("[{}]", all.join(", "))
}

#[test]
fn a_cms_behind_https_is_believed_if_its_authority_and_name_are_right() {
    let (address, pem) = secure_cms(&["localhost"]);
    let url = format!("\"https://localhost:{}\"", address.port());
    let town = before(&url).upstream("ca = \"ca.pem\"").file("ca.pem", &pem).open();
    let mut visitor = town.visitor();
    for _ in 0..2 {
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        assert_eq!(visitor.answer().text(), "witaj");
    }
    assert_eq!(town.close().errors(), ["-", "-"]);
}

#[test]
fn a_certificate_for_an_address_will_do() {
    let (address, pem) = secure_cms(&["127.0.0.1"]);
    let town = before(&format!("\"https://{address}\""))
        .upstream("ca = \"ca.pem\"")
        .file("ca.pem", &pem)
        .open();
    assert_eq!(town.get("/").text(), "witaj");
}

#[test]
fn a_wrong_name_and_a_strange_authority_are_refused() {
    let (address, pem) = secure_cms(&["cms.example"]);
    let town = before(&format!("\"https://{address}\""))
        .upstream("ca = \"ca.pem\"")
        .file("ca.pem", &pem)
        .open();
    assert_eq!(town.get("/").status, 502);
    assert_eq!(town.close().errors(), ["upstream.tls"]);

    let (address, _) = secure_cms(&["127.0.0.1"]);
    let town = before(&format!("\"https://{address}\""))
        .upstream("ca = \"ca.pem\"")
        .file("ca.pem", &pem)
        .open();
    assert_eq!(town.get("/").status, 502);
    assert_eq!(town.close().errors(), ["upstream.tls"]);
}

#[test]
fn a_reload_reads_the_authority_again() {
    let (address, pem) = secure_cms(&["127.0.0.1"]);
    let (_, other) = secure_cms(&["127.0.0.1"]);
    let mut town = before(&format!("\"https://{address}\""))
        .upstream("ca = \"ca.pem\"")
        .file("ca.pem", &other)
        .open();
    assert_eq!(town.get("/").status, 502);
    fs::write(town.folder().join("ca.pem"), pem).expect("a file");
    let reloaded = town.reload().expect("it reloads");
    assert_eq!(reloaded.changed, [format!("{HOST}, www.{HOST}: its upstream")]);
    assert_eq!(town.get("/").status, 200);
    assert!(town.reload().expect("it reloads").changed.is_empty());
}

#[test]
fn an_authority_that_is_none_is_refused_at_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let broken = "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n";
    let (config, _) = before("\"https://localhost\"")
        .upstream("ca = \"ca.pem\"")
        .file("ca.pem", broken)
        .write(folder.path());
    run_with(&["journal", "init"], &config);
    let started = run_with(&["serve"], &config);
    assert_eq!(started.code, Some(2), "{started:?}");
    let said = "ca.pem holds a certificate that cannot be understood";
    assert!(started.err.contains(said), "{started:?}");
    let checked = run_with(&["check"], &config);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(checked.out.contains(said), "{checked:?}");
}

#[test]
fn a_cms_on_a_socket_of_the_file_system() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("cms.sock");
    serve_on(&socket);
    let town = before(&format!("\"unix:{}\"", socket.display())).open();
    let mut visitor = town.visitor();
    for _ in 0..2 {
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        assert_eq!(visitor.answer().text(), "witaj");
    }
    assert_eq!(town.close().errors(), ["-", "-"]);
}

fn serve_on(socket: &Path) {
    let listener = UnixListener::bind(socket).expect("a socket");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream));
        }
    });
}

#[test]
fn a_websocket_passes_through_a_socket_of_the_file_system() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("cms.sock");
    let listener = UnixListener::bind(&socket).expect("a socket");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut bytes = [0; 4096];
        let _ = stream.read(&mut bytes).expect("a request");
        let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        stream.write_all(switch.as_bytes()).expect("it reads");
        while let Ok(length @ 1..) = stream.read(&mut bytes) {
            let _ = stream.write_all(&bytes[..length]);
        }
    });
    let town = before(&format!("\"unix:{}\"", socket.display())).open();
    let mut visitor = town.visitor();
    visitor.send(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    ));
    assert_eq!(visitor.head().0, 101);
    visitor.send("echo");
    assert_eq!(visitor.take(4), b"echo");
}

#[test]
fn a_socket_that_is_not_there_is_a_failed_connection() {
    let town = before("\"unix:away.sock\"").open();
    assert_eq!(town.get("/").status, 502);
    assert_eq!(town.close().errors(), ["upstream.connect"]);
}

#[test]
fn several_addresses_take_turns_on_one_connection() {
    let (one, two) = (Cms::page("1"), Cms::page("2"));
    let town = before(&list(&[one.address(), two.address()])).open();
    let mut visitor = town.visitor();
    for _ in 0..8 {
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        assert_eq!(visitor.answer().status, 200);
    }
    assert_eq!((one.received().len(), two.received().len()), (4, 4));
}

#[test]
fn an_address_that_cannot_be_reached_costs_no_visitor_an_answer() {
    let (away, _held) = nobody();
    let cms = Cms::page("1");
    let town = before(&list(&[away, cms.address()])).open();
    let body = "Content-Length: 4\r\nConnection: close\r\n\r\nbody";
    for _ in 0..4 {
        assert_eq!(
            town.ask(format!("POST / HTTP/1.1\r\nHost: {HOST}\r\n{body}")).status,
            200
        );
    }
    assert!(cms.received().iter().all(|request| request.body == b"body"));
    assert_eq!(town.close().errors(), ["-"; 4]);
}

#[test]
fn if_no_address_can_be_reached_the_visitor_is_told() {
    let ((one, _held), (two, _too)) = (nobody(), nobody());
    let town = before(&list(&[one, two])).open();
    assert_eq!([town.get("/").status, town.get("/").status], [502, 502]);
    assert_eq!(town.close().errors(), ["upstream.connect"; 2]);
}

#[test]
fn an_address_is_used_again_when_it_is_back() {
    let (away, held) = nobody();
    let town = before(&list(&[away])).open();
    assert_eq!(town.get("/").status, 502);
    held.listen(16).expect("it listens");
    let back: TcpListener = held.into();
    thread::spawn(move || back.incoming().flatten().for_each(answer));
    assert_eq!(town.get("/").text(), "witaj", "it is all there is: nobody waits");
}
