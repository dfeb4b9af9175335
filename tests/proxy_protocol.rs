//! Behind a load balancer that passes bytes on: whose word about the visitor is believed before the first byte.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use crate::town::{Cms, HOST, Plan, Town, Visitor};

const LINE: &str = "PROXY TCP4 203.0.113.7 192.0.2.1 56324 80\r\n";

/// The town's HTTP is behind a load balancer on this machine.
fn behind(cms: &Cms) -> Plan {
    Town::before(cms)
        .listen("proxy_protocol = [\"127.0.0.1:0\"]")
        .listen("trusted_proxies = [\"127.0.0.0/8\"]")
}

fn request() -> String {
    format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: close\r\n\r\n")
}

/// Version 2, TCP over IPv4 with something behind the addresses, or none.
fn binary(command: u8) -> Vec<u8> {
    let attached = [203, 0, 113, 8, 192, 0, 2, 1, 0, 80, 0, 80, 4, 0, 2, 0, 0];
    let length = u8::try_from(attached.len()).expect("short");
    [
        b"\r\n\r\n\0\r\nQUIT\n".as_slice(),
        &[command, 0x11, 0, length],
        &attached,
    ]
    .concat()
}

#[test]
fn the_visitor_is_who_the_header_says() {
    for (header, client) in [
        (LINE.as_bytes().to_vec(), "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 1 2\r\n".to_vec(), "2001:db8::7"),
        (binary(0x21), "203.0.113.8"),
    ] {
        let cms = Cms::page("witaj");
        let town = behind(&cms).open();
        let answer = town.ask([header, request().into_bytes()].concat());
        assert_eq!(answer.text(), "witaj");
        assert_eq!(
            cms.request().all("x-forwarded-for"),
            [client],
            "not what the visitor claims"
        );
        assert_eq!(town.close().entry()["client.address"], client);
    }
}

#[test]
fn a_proxy_that_speaks_for_itself_is_itself() {
    for header in [b"PROXY UNKNOWN\r\n".to_vec(), binary(0x20)] {
        let town = behind(&Cms::page("witaj")).open();
        let plain = request().replace("X-Forwarded-For: 6.6.6.6\r\n", "");
        assert_eq!(town.ask([header, plain.into_bytes()].concat()).status, 200);
        assert_eq!(town.close().entry()["client.address"], "127.0.0.1");
    }
}

#[test]
fn it_comes_byte_by_byte_and_holds_for_the_whole_connection() {
    let town = behind(&Cms::page("witaj")).open();
    let mut visitor = town.visitor();
    LINE.bytes().for_each(|byte| visitor.send([byte]));
    for _ in 0..2 {
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        assert_eq!(visitor.answer().status, 200);
    }
    let kept = town.close();
    assert!(
        kept.entries
            .iter()
            .all(|entry| entry["client.address"] == "203.0.113.7")
    );
}

#[test]
fn without_the_header_nothing_is_served() {
    let cms = Cms::page("never seen");
    let town = behind(&cms).open();
    let mut visitor = town.visitor();
    visitor.send(request());
    assert_eq!(visitor.rest(), b"");
    drop(town.visitor()); // not one byte: nothing happened
    let mut visitor = town.visitor();
    visitor.send("PROXY TCP4 203.0.113.7");
    drop(visitor);
    let town = {
        crate::drain::until(|| town.entries() == 2);
        town
    };
    let mut errors = town.close();
    errors.entries.sort_by_key(|entry| entry["error.type"].to_string());
    assert_eq!(errors.errors(), ["not_a_request.incomplete", "not_a_request.malformed"]);
    assert!(cms.received().is_empty());
}

#[test]
fn a_stranger_with_a_header_is_refused() {
    let cms = Cms::page("never seen");
    let town = Town::before(&cms)
        .listen("proxy_protocol = [\"127.0.0.1:0\"]")
        .listen("trusted_proxies = [\"192.0.2.1\"]")
        .open();
    let mut visitor = town.visitor();
    visitor.try_send(format!("{LINE}{}", request()));
    assert_eq!(visitor.rest(), b"");
    let kept = town.close();
    assert_eq!(kept.errors(), ["not_a_request.malformed"]);
    assert_eq!(kept.entry()["client.address"], "127.0.0.1");
    assert!(cms.received().is_empty());
}

#[test]
fn a_header_that_does_not_come_in_time_is_recorded() {
    let town = behind(&Cms::page("")).table("[limits]\nhead_time = \"1 s\"").open();
    let mut visitor = town.visitor();
    visitor.send("PROXY ");
    assert_eq!(visitor.rest(), b"");
    assert_eq!(town.close().errors(), ["not_a_request.timeout"]);
}

#[test]
fn other_listeners_have_no_header() {
    let town = Town::before(&Cms::page("witaj")).tls().open();
    let mut visitor = town.visitor();
    visitor.send(format!("{LINE}{}", request()));
    assert_eq!(visitor.answer().status, 400);
    assert_eq!(town.close().errors(), ["not_a_request.malformed"]);
}

#[test]
fn the_header_comes_before_tls() {
    let cms = Cms::page("witaj");
    let town = behind(&cms).tls().open();
    let mut roots = RootCertStore::empty();
    let own = rustls::pki_types::CertificateDer::from_pem_file(town.certificate()).expect("PEM");
    roots.add(own).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(HOST).expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let mut stream = std::net::TcpStream::connect(town.https()).expect("it accepts");
    std::io::Write::write_all(&mut stream, LINE.as_bytes()).expect("it reads");
    let mut visitor = Visitor::over(StreamOwned::new(connection, stream));
    visitor.send(request());
    assert_eq!(visitor.answer().text(), "witaj");
    assert_eq!(cms.request().field("x-forwarded-proto"), Some("https"));
    assert_eq!(town.close().entry()["client.address"], "203.0.113.7");
}
