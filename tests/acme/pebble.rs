//! An authority on this machine: Pebble, of those who made Let's Encrypt's, and a name server that knows every name as
//! ours.

use std::fs::{self, File};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::json;

use super::handshake;
use crate::drain::until;
use crate::skip::without;

/// 90 days, as Let's Encrypt's.
pub const LIFETIME_DAYS: i64 = 90;

/// The ports of ours at which it looks whose the names are.
#[derive(Clone, Copy)]
pub struct Ports {
    pub http: u16,
    pub https: u16,
}

pub struct Pebble {
    folder: tempfile::TempDir,
    /// What its own directory shows, and is trusted for.
    certificate: String,
    ports: [u16; 4],
    running: Vec<Child>,
}

impl Pebble {
    /// One that is not open yet; `None`, and said, where it is not installed.
    pub fn new(what: &str) -> Option<Self> {
        if without("pebble", "-help", what) || without("pebble-challtestsrv", "-help", what) {
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        fs::write(folder.path().join("cert.pem"), made.cert.pem()).expect("a file");
        fs::write(folder.path().join("key.pem"), made.signing_key.serialize_pem()).expect("a file");
        Some(Self {
            folder,
            certificate: made.cert.pem(),
            ports: free_ports(),
            running: Vec::new(),
        })
    }

    /// A table for a configuration that asks it. Who vouches for it is in `pebble.pem`.
    pub fn table(&self, more: &str) -> String {
        format!(
            "[acme]\naccept_terms = true\nfolder = \"acme\"\ndirectory = \"https://127.0.0.1:{}/dir\"\nca = \"pebble.pem\"\n\
             {more}",
            self.ports[0]
        )
    }

    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Opens; it never reuses what it saw before, and is as `settings` of its environment say.
    pub fn open(&mut self, ports: Ports, settings: &[(&str, &str)]) {
        let [directory, management, names, of_names] = self.ports.map(|port| format!("127.0.0.1:{port}"));
        let at = |name: &str| self.folder.path().join(name);
        let config = json!({ "pebble": {
            "listenAddress": directory,
            "managementListenAddress": management,
            "certificate": at("cert.pem"),
            "privateKey": at("key.pem"),
            "httpPort": ports.http,
            "tlsPort": ports.https,
            "certificateValidityPeriod": LIFETIME_DAYS * 86_400,
        }});
        fs::write(at("pebble.json"), config.to_string()).expect("a file");
        let said = File::create(at("said.txt")).expect("a file");
        let mut start = |command: &mut Command| {
            let said = said.try_clone().expect("a file");
            let command = command.stdin(Stdio::null()).stderr(said.try_clone().expect("a file"));
            self.running.push(command.stdout(said).spawn().expect("it starts"));
        };
        start(
            Command::new("pebble-challtestsrv")
                .args(["-dns01", &names, "-management", &of_names])
                .args(["-defaultIPv6", "", "-http01", "", "-https01", "", "-tlsalpn01", ""]),
        );
        until(|| TcpStream::connect(&names).is_ok());
        start(
            Command::new("pebble")
                .args(["-dnsserver", &names, "-config"])
                .arg(at("pebble.json"))
                .env("PEBBLE_VA_NOSLEEP", "1")
                .env("PEBBLE_AUTHZREUSE", "0")
                .env("PEBBLE_WFE_NONCEREJECT", "0")
                .envs(settings.iter().copied()),
        );
        until(|| TcpStream::connect(&directory).is_ok() && TcpStream::connect(&management).is_ok());
    }

    /// Closes, and forgets everything.
    pub fn close(&mut self) {
        for mut program in self.running.drain(..) {
            let _ = program.kill(); // it may have ended
            let _ = program.wait();
        }
    }

    /// Who vouches for what it signs, until it closes.
    pub fn root(&self) -> CertificateDer<'static> {
        let own = CertificateDer::from_pem_slice(self.certificate.as_bytes()).expect("PEM");
        let management = SocketAddr::from(([127, 0, 0, 1], self.ports[1]));
        let (mut visitor, _) = handshake(management, &own, "127.0.0.1").expect("it is open");
        visitor.send("GET /roots/0 HTTP/1.1\r\nHost: pebble\r\nConnection: close\r\n\r\n");
        CertificateDer::from_pem_slice(&visitor.answer().body).expect("PEM")
    }

    /// How many orders were made since it was opened.
    pub fn orders(&self) -> usize {
        let said = fs::read_to_string(self.folder.path().join("said.txt")).expect("text");
        said.lines().filter(|line| line.contains("Added order")).count()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.close();
    }
}

/// Ports that nobody listens on.
pub fn free_ports<const N: usize>() -> [u16; N] {
    let held = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    held.map(|held| held.local_addr().expect("an address").port())
}
