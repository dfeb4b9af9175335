//! Certificates: which one a visitor is shown, how sessions are resumed, and how a new one comes into use.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, HandshakeKind, NamedGroup, RootCertStore, StreamOwned};

use crate::drain::until;
use crate::serve::program::{Serving, run_with};
use crate::town::{Cms, HOST, Plan, Town};

const BIP: &str = "bip.example.pl";

/// A certificate and its key, PEM.
struct Made {
    certificate: String,
    key: String,
}

impl Made {
    fn of(names: &[&str]) -> Self {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        Self {
            certificate: made.cert.pem(),
            key: made.signing_key.serialize_pem(),
        }
    }

    fn der(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("PEM")
    }
}

/// A town with these certificates, `0.pem` and `0.key` the first of them.
fn before(cms: &Cms, all: &[&Made]) -> Plan {
    let mut plan = Town::before(cms).listen("https = [\"127.0.0.1:0\"]");
    for (number, made) in all.iter().enumerate() {
        plan = plan
            .file(&format!("{number}.pem"), &made.certificate)
            .file(&format!("{number}.key"), &made.key)
            .table(&format!(
                "[[tls]]\ncertificate = \"{number}.pem\"\nkey = \"{number}.key\""
            ));
    }
    plan
}

/// Visitors who trust these certificates, and remember their sessions.
fn trusting(all: &[&Made], version: &'static rustls::SupportedProtocolVersion) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    all.iter()
        .for_each(|made| roots.add(made.der()).expect("a certificate"));
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("a known version");
    Arc::new(config.with_root_certificates(roots).with_no_client_auth())
}

/// A connection whose handshake is over.
struct Shaken(StreamOwned<ClientConnection, TcpStream>);

impl Shaken {
    fn with(town: &Town, visitors: &Arc<ClientConfig>, name: &'static str) -> Self {
        let name = ServerName::try_from(name).expect("a name");
        let mut connection = ClientConnection::new(Arc::clone(visitors), name).expect("a connection");
        let mut stream = TcpStream::connect(town.https()).expect("it accepts");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a socket");
        while connection.is_handshaking() {
            connection.complete_io(&mut stream).expect("a handshake");
        }
        Self(StreamOwned::new(connection, stream))
    }

    fn was_shown(&self, made: &Made) -> bool {
        self.0.conn.peer_certificates() == Some(&[made.der()])
    }

    fn kind(&self) -> Option<HandshakeKind> {
        self.0.conn.handshake_kind()
    }

    /// One GET on the open connection.
    fn get(&mut self) -> String {
        let request = format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n");
        self.0.write_all(request.as_bytes()).expect("it reads");
        let mut bytes = [0; 4096];
        let mut answer = String::new();
        while !answer.ends_with("witaj") {
            let length = self.0.read(&mut bytes).expect("it answers");
            assert_ne!(length, 0, "{answer}");
            answer.push_str(&String::from_utf8_lossy(&bytes[..length]));
        }
        answer
    }
}

#[test]
fn each_name_is_shown_its_own_certificate_and_strangers_the_first() {
    let (town_s, bip) = (Made::of(&[HOST, "unknown.example"]), Made::of(&[BIP, "*.example.pl"]));
    let town = before(&Cms::page("witaj"), &[&town_s, &bip]).open();
    let visitors = trusting(&[&town_s, &bip], &rustls::version::TLS13);
    for (name, shown) in [
        (HOST, &town_s),
        (BIP, &bip),
        ("szkola.example.pl", &bip),
        ("unknown.example", &town_s),
    ] {
        let mut shaken = Shaken::with(&town, &visitors, name);
        assert!(shaken.was_shown(shown), "{name}");
        assert!(shaken.get().starts_with("HTTP/1.1 200"), "{name}");
    }
}

#[test]
fn sessions_are_resumed_in_both_versions() {
    let made = Made::of(&[HOST]);
    for version in rustls::ALL_VERSIONS {
        let town = before(&Cms::page("witaj"), &[&made]).open();
        let visitors = trusting(&[&made], version);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut shaken = Shaken::with(&town, &visitors, HOST);
            assert_eq!(shaken.kind(), Some(kind), "{version:?}");
            shaken.get(); // the tickets of TLS 1.3 come with it
        }
    }
}

#[test]
fn who_offers_post_quantum_key_exchange_gets_it() {
    let made = Made::of(&[HOST]);
    let town = before(&Cms::page("witaj"), &[&made]).open();
    let visitors = trusting(&[&made], &rustls::version::TLS13);
    let shaken = Shaken::with(&town, &visitors, HOST);
    let group = shaken.0.conn.negotiated_key_exchange_group().expect("a group");
    assert_eq!(group.name(), NamedGroup::X25519MLKEM768);
}

#[test]
fn a_new_certificate_comes_into_use_by_itself_and_open_connections_go_on() {
    let (old, new) = (Made::of(&[HOST]), Made::of(&[HOST]));
    let town = before(&Cms::page("witaj"), &[&old]).open();
    let visitors = || trusting(&[&old, &new], &rustls::version::TLS13);
    let mut open = Shaken::with(&town, &visitors(), HOST);
    open.get();
    assert!(open.was_shown(&old));

    fs::write(town.folder().join("0.pem"), &new.certificate).expect("a file");
    fs::write(town.folder().join("0.key"), &new.key).expect("a file");
    until(|| Shaken::with(&town, &visitors(), HOST).was_shown(&new));
    assert!(open.get().starts_with("HTTP/1.1 200"));
    assert_eq!(town.close().errors(), ["-", "-"]);
}

#[test]
fn a_reload_takes_new_certificates_at_once() {
    let (first, second, more) = (Made::of(&[HOST]), Made::of(&[HOST]), Made::of(&[BIP]));
    let mut town = before(&Cms::page("witaj"), &[&first])
        .file("more.pem", &more.certificate)
        .file("more.key", &more.key)
        .open();
    let visitors = trusting(&[&second, &more], &rustls::version::TLS13);
    fs::write(town.folder().join("0.pem"), &second.certificate).expect("a file");
    fs::write(town.folder().join("0.key"), &second.key).expect("a file");
    town.edit(
        "townclerk.toml",
        "[[site]]",
        "[[tls]]\ncertificate = \"more.pem\"\nkey = \"more.key\"\n[[site]]",
    );
    assert_eq!(town.reload().expect("it reloads").changed, ["the certificates"]);
    assert!(Shaken::with(&town, &visitors, HOST).was_shown(&second));
    assert!(Shaken::with(&town, &visitors, BIP).was_shown(&more));
}

#[test]
fn a_faulty_certificate_is_refused_and_the_old_one_stays() {
    let old = Made::of(&[HOST]);
    let (folder, said) = {
        let folder = tempfile::tempdir().expect("a folder");
        let (config, _) = before(&Cms::page(""), &[&old]).write(folder.path());
        assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
        let mut serving = Serving::start(&config);
        let half = &old.certificate[..old.certificate.len() / 2];
        fs::write(folder.path().join("0.pem"), half).expect("a file");
        serving.hear("stays in use");
        (folder, serving.stop().err)
    };
    let file = folder.path().join("0.pem").display().to_string();
    let warning = said.lines().find(|line| line.contains("stays in use")).expect("said");
    assert!(warning.contains(&file), "{warning}");
}

#[test]
fn check_refuses_a_key_of_another_certificate_and_warns_of_a_foreign_name() {
    let (own, foreign) = (Made::of(&[HOST, "www.um.example.pl"]), Made::of(&["other.example"]));
    let folder = tempfile::tempdir().expect("a folder");
    let (config, _) = before(&Cms::page(""), &[&own, &foreign]).write(folder.path());
    let checked = run_with(&["check"], &config);
    assert_eq!(checked.code, Some(0), "{checked:?}");
    let warnings: Vec<_> = checked
        .out
        .lines()
        .filter(|line| line.starts_with("warning: "))
        .collect();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(
        warnings[0].ends_with("1.pem is for no host name of any site"),
        "{warnings:?}"
    );

    fs::write(folder.path().join("0.key"), &foreign.key).expect("a file");
    let checked = run_with(&["check"], &config);
    assert_eq!(checked.code, Some(1), "{checked:?}");
    assert!(
        checked.out.contains("do not work together") && checked.out.contains("hint: name the private key"),
        "{checked:?}"
    );
    let started = run_with(&["serve"], &config);
    assert_eq!(started.code, Some(2), "{started:?}");
    assert!(started.err.contains("hint: name the private key"), "{started:?}");
}
