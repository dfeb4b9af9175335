//! HTTP over TLS 1.2 and 1.3, and handshakes that fail.

use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use crate::town::{Answer, Cms, HOST, Town, Visitor};

/// One GET over TLS by a visitor who trusts the town's certificate.
pub fn get(town: &Town, path: &str) -> Answer {
    let mut visitor = trusting(town);
    visitor.send(format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    ));
    visitor.answer()
}

/// A visitor who trusts the town's certificate.
pub fn trusting(town: &Town) -> Visitor {
    visitor(town, rustls::ALL_VERSIONS)
}

fn visitor(town: &Town, versions: &[&'static SupportedProtocolVersion]) -> Visitor {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(town.certificate()).expect("PEM"))
        .expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .expect("known versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(HOST).expect("a name");
    let connection = ClientConnection::new(Arc::new(config), name).expect("a connection");
    let stream = TcpStream::connect(town.https()).expect("it accepts");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a socket");
    Visitor::over(StreamOwned::new(connection, stream))
}

#[test]
fn both_versions_of_tls_are_spoken_and_the_cms_is_told() {
    for version in rustls::ALL_VERSIONS {
        let cms = Cms::page("witaj");
        let town = Town::before(&cms).tls().open();
        let mut visitor = visitor(&town, &[version]);
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"));
        assert_eq!(visitor.answer().text(), "witaj");
        assert_eq!(cms.request().field("x-forwarded-proto"), Some("https"));
        assert_eq!(town.close().errors(), ["-"]);
    }
}

#[test]
fn a_handshake_that_fails_is_recorded_and_a_port_scan_is_not() {
    let town = Town::before(&Cms::page("")).tls().open();
    drop(Visitor::to(town.https()));
    let mut confused = Visitor::to(town.https());
    confused.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    confused.rest();
    let kept = town.close();
    assert_eq!(kept.errors(), ["not_a_request.tls"]);
    assert!(kept.entry()["url.path"].is_null(), "{}", kept.entry());
}
