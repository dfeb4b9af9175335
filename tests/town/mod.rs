//! The words that tests are written in: a [`Cms`] behind, a [`Town`] (the real server) before it, a [`Visitor`] who
//! asks.

pub mod cms;
mod tls;
mod visitor;

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use townclerk::clock::Clock;
use townclerk::config::Config;
use townclerk::cookies::Keys;
use townclerk::journal::{self, Lines, Log, OpenError};
use townclerk::server::{Reloaded, Server, StartError};

use crate::drain::until;

pub use cms::Cms;
pub use tls::certified;
pub use visitor::{Answer, Visitor};

/// The site's host name in every test.
pub const HOST: &str = "um.example.pl";

/// A policy that keeps every field whole and lists two cookies; tests change what they are about.
pub const POLICY: &str = r#"
version = "1"
effective = 2026-11-21

[controller]
name = "Urząd Miasta w Przykładowie"
address = "Rynek 1, 00-001 Przykładowo"
contact = "iod@um.example.pl"

[log.access]
purpose = { pl = "Administrowanie stroną.", en = "Running the site." }
retention = "unlimited"

[log.access.fields]
arrived = true
sent = true
client_address = "whole"
method = true
url = true
protocol = true
status = true
bytes = true
error = true
external_referrer = "url"
internal_referrer_on_errors = true
user_agent = "whole"
auth_user = true
policy_version = true

[log.access.redact]
query_values = false
emails = true
pesel = true
tokens = 20
parameters = ["haslo", "password"]

[cookies]
mode = "enforce"
unlisted = "strip"
expire_unlisted = false

[[cookies.allow]]
name = "PHPSESSID"
purpose = { pl = "Kto jest zalogowany.", en = "Who is logged in." }

[[cookies.allow]]
name = "zapamietaj"
purpose = { pl = "Pierwsze logowanie.", en = "The first login." }

[statistics]
smallest_group = 10
"#;

/// What a test changes before the town opens.
pub struct Plan {
    /// As it stands in the configuration, with its quotes.
    url: String,
    policy: String,
    /// Lines of `[listen]`.
    listen: String,
    /// Whole tables.
    tables: String,
    /// Further keys of the site.
    site: String,
    /// Further keys of its `upstream` and `journal`.
    upstream: String,
    journal: String,
    tls: bool,
    /// Whether there is a key to seal cookies with.
    sealing: bool,
    clock: Clock,
    /// Further files of the folder.
    files: Vec<(String, String)>,
}

/// The real server before a CMS, its folder, and what it wrote.
pub struct Town {
    folder: tempfile::TempDir,
    server: Option<Server>,
}

impl Town {
    pub fn before(cms: &Cms) -> Plan {
        Self::before_address(cms.address())
    }

    pub fn before_address(cms: SocketAddr) -> Plan {
        let (listen, tables, site, upstream, journal) = Default::default();
        Plan {
            url: format!("\"http://{cms}\""),
            policy: POLICY.to_owned(),
            listen,
            tables,
            site,
            upstream,
            journal,
            tls: false,
            sealing: false,
            clock: Clock::system(),
            files: Vec::new(),
        }
    }

    pub fn http(&self) -> SocketAddr {
        self.server().http()[0]
    }

    pub fn https(&self) -> SocketAddr {
        self.server().https()[0]
    }

    /// Where the administrator's programs are answered.
    pub fn admin(&self) -> &[String] {
        self.server().admin()
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("cert.pem")
    }

    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Changes one of its files.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let file = self.folder.path().join(file);
        let text = fs::read_to_string(&file).expect("text");
        assert!(text.contains(from), "{from} is not in {text}");
        fs::write(file, text.replace(from, to)).expect("a file");
    }

    /// Reads its files again.
    pub fn reload(&mut self) -> Result<Reloaded, String> {
        let config = Config::load(&self.folder.path().join("townclerk.toml")).map_err(|faults| faults.to_string())?;
        let server = self.server.as_mut().expect("it is running");
        server.reload(&config).map_err(|error| error.to_string())
    }

    pub fn visitor(&self) -> Visitor {
        Visitor::to(self.http())
    }

    /// One GET by a visitor of its own.
    pub fn get(&self, path: &str) -> Answer {
        self.ask(format!(
            "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
        ))
    }

    /// One request, as its bytes.
    pub fn ask(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut visitor = self.visitor();
        visitor.send(request);
        visitor.answer()
    }

    /// How many entries are on disk by now.
    pub fn entries(&self) -> usize {
        Kept::read(self.folder.path()).entries.len()
    }

    /// Stops the server and leaves its folder.
    pub fn leave(mut self) -> tempfile::TempDir {
        let server = self.server.take().expect("it is running");
        server.stop().expect("the journal closes whole");
        self.folder
    }

    /// Stops the server and reads what it kept.
    pub fn close(mut self) -> Kept {
        let server = self.server.take().expect("it is running");
        server.stop().expect("the journal closes whole");
        Kept::read(self.folder.path())
    }

    fn server(&self) -> &Server {
        self.server.as_ref().expect("it is running")
    }
}

impl Plan {
    pub fn policy(mut self, from: &str, to: &str) -> Self {
        assert!(self.policy.contains(from), "the policy has no {from}");
        self.policy = self.policy.replace(from, to);
        self
    }

    /// Another one.
    pub fn whole_policy(mut self, policy: &str) -> Self {
        policy.clone_into(&mut self.policy);
        self
    }

    /// A line in `[listen]`.
    pub fn listen(mut self, line: &str) -> Self {
        self.listen.push_str(&format!("{line}\n"));
        self
    }

    /// A table of its own.
    pub fn table(mut self, lines: &str) -> Self {
        self.tables.push_str(&format!("{lines}\n"));
        self
    }

    /// What stands in the configuration behind `url = `.
    pub fn url(mut self, url: &str) -> Self {
        self.url = url.to_owned();
        self
    }

    /// A further key of the site.
    pub fn site(mut self, key: &str) -> Self {
        self.site.push_str(&format!("{key}\n"));
        self
    }

    /// A further key of the site's `upstream`.
    pub fn upstream(mut self, key: &str) -> Self {
        self.upstream.push_str(&format!(", {key}"));
        self
    }

    /// A further key of the site's `journal`.
    pub fn journal(mut self, key: &str) -> Self {
        self.journal.push_str(&format!(", {key}"));
        self
    }

    /// A further file beside the configuration.
    pub fn file(mut self, name: &str, text: &str) -> Self {
        self.files.push((name.to_owned(), text.to_owned()));
        self
    }

    pub fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// With a key to seal cookies with.
    pub fn sealing(mut self) -> Self {
        self.sealing = true;
        self
    }

    /// At a time that the test sets.
    pub fn clock(mut self, clock: &Clock) -> Self {
        self.clock = clock.clone();
        self
    }

    pub fn open(self) -> Town {
        self.open_in(tempfile::tempdir().expect("a folder"))
    }

    /// In this folder, whose journal goes on if it has one.
    pub fn open_in(self, folder: tempfile::TempDir) -> Town {
        let (config, _) = self.write(folder.path());
        let config = Config::load(&config).unwrap_or_else(|faults| panic!("{faults}"));
        for site in config.sites.iter().filter(|site| !site.journal.folder.exists()) {
            journal::init(&site.journal.folder, &site.journal.key, &site.hosts[0]).expect("a journal");
        }
        // A program that another test starts has our files for a moment, the lock of a journal before among them.
        let start = || Server::start(&config, self.clock.clone());
        let is_locked = |server: &Result<Server, StartError>| {
            matches!(
                server,
                Err(StartError::Journal {
                    error: OpenError::Locked,
                    ..
                })
            )
        };
        let mut server = start();
        until(|| {
            if is_locked(&server) {
                server = start();
            }
            !is_locked(&server)
        });
        Town {
            folder,
            server: Some(server.expect("it starts")),
        }
    }

    /// The files only: the configuration's and the journal's path.
    pub fn write(&self, folder: &Path) -> (PathBuf, PathBuf) {
        let config = folder.join("townclerk.toml");
        let journal = folder.join("journal");
        let tls = "https = [\"127.0.0.1:0\"]\n[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n";
        let text = format!(
            "[listen]\nhttp = [\"127.0.0.1:0\"]\nworkers = 2\n{listen}{tls}{tables}\n[[site]]\n\
             hosts = [\"{HOST}\", \"www.{HOST}\"]\npolicy = \"policy.toml\"\n{site}\
             upstream = {{ url = {url}{upstream} }}\njournal = {{ folder = \"journal\"{keeping} }}\n{cookies}",
            listen = self.listen,
            tls = if self.tls { tls } else { "" },
            tables = self.tables,
            site = self.site,
            url = self.url,
            upstream = self.upstream,
            keeping = self.journal,
            cookies = if self.sealing {
                "cookies = { key = \"cookies.key\" }\n"
            } else {
                ""
            },
        );
        fs::write(&config, text).expect("a file");
        fs::write(folder.join("policy.toml"), &self.policy).expect("a file");
        for (name, text) in &self.files {
            fs::write(folder.join(name), text).expect("a file");
        }
        let keys = folder.join("cookies.key");
        if self.sealing && !keys.exists() {
            Keys::create(&keys).expect("a key");
        }
        if self.tls {
            let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).expect("a certificate");
            fs::write(folder.join("cert.pem"), made.cert.pem()).expect("a file");
            fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("a file");
        }
        (config, journal)
    }
}

/// What a town left on disk.
pub struct Kept {
    /// The lines of `access`: each name of an attribute with its dots, as OpenTelemetry writes it.
    pub entries: Vec<Value>,
    /// The lines of `events`, as JSON.
    pub events: Vec<Value>,
    /// Every byte under its folder, for searches.
    pub bytes: Vec<u8>,
}

impl Kept {
    pub fn read(folder: &Path) -> Self {
        let journal = folder.join("journal");
        let bytes = Self::bytes_of(&journal);
        let entries = records(&journal, Log::Access).into_iter().map(Value::Object).collect();
        Self {
            entries,
            events: lines(&journal, Log::Events),
            bytes,
        }
    }

    /// Every byte under a folder.
    pub fn bytes_of(folder: &Path) -> Vec<u8> {
        let files = files(folder);
        let bytes = files.iter().flat_map(|file| match fs::read(file) {
            // Checkpoints are replaced while they are looked at.
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            bytes => bytes.expect("bytes"),
        });
        bytes.collect()
    }

    /// The only entry.
    pub fn entry(&self) -> &Value {
        assert_eq!(self.entries.len(), 1, "{:#?}", self.entries);
        &self.entries[0]
    }

    /// `error.type` of every entry, in order; null for those without.
    pub fn errors(&self) -> Vec<&str> {
        self.entries
            .iter()
            .map(|entry| entry["error.type"].as_str().unwrap_or("-"))
            .collect()
    }

    pub fn holds(&self, what: &str) -> bool {
        self.bytes.windows(what.len()).any(|window| window == what.as_bytes())
    }
}

/// The lines of a log, as JSON.
fn lines(journal: &Path, log: Log) -> Vec<Value> {
    let mut lines = Lines::of(journal, log, &townclerk::journal::age::Identities::default()).expect("a log");
    let mut read = Vec::new();
    while let Some(line) = lines.next_line().expect("a line") {
        read.push(serde_json::from_slice(line.text).unwrap_or_else(|error| panic!("{error}: {line:?}")));
    }
    read
}

/// The lines of a log, each name of an attribute with its dots.
pub fn records(journal: &Path, log: Log) -> Vec<Map<String, Value>> {
    lines(journal, log).iter().map(attributes).collect()
}

/// Names that are nested at their dots, joined again.
fn attributes(line: &Value) -> Map<String, Value> {
    let mut flat = Map::new();
    for (name, value) in line.as_object().expect("an object") {
        if value.is_object() {
            flat.extend(
                attributes(value)
                    .into_iter()
                    .map(|(inner, value)| (format!("{name}.{inner}"), value)),
            );
        } else {
            flat.insert(name.clone(), value.clone());
        }
    }
    flat
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for file in fs::read_dir(folder).expect("a folder").flatten() {
        let path = file.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(files(&path))
        } else {
            found.push(path)
        }
    }
    found
}
