//! A served journal and its witnesses: growth is signed, a rolled-back or rewritten journal does not start, and nothing
//! that a witness does or does not do reaches a visitor.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::{ServerConnection, StreamOwned};
use serde_json::Value;
use townclerk::journal::checkpoint::{Checkpoint, Signed};
use townclerk::journal::key::Key;
use townclerk::journal::note::{Cosigner, Signer, VerifierKey};
use townclerk::journal::tree::{Hash, TreeSize};
use townclerk::journal::{self, Log};

use crate::drain::until;
use crate::serve::program::{Ended, run, run_with};
use crate::town::{Cms, HOST, Kept, Plan, Town, certified};
use crate::witness;

/// A journal that nobody has written to yet, and a witness that was told of its logs.
struct Office {
    cms: Cms,
    folder: Option<tempfile::TempDir>,
    /// Of the witness.
    state: tempfile::TempDir,
    witness: VerifierKey,
    logs: Vec<String>,
    /// The witness as it stands in the configuration.
    setting: String,
}

impl Office {
    fn new() -> Self {
        let cms = Cms::page("witaj");
        let folder = tempfile::tempdir().expect("a folder");
        let (_, journal) = Town::before(&cms).write(folder.path());
        let key = journal::init(&journal, &journal.with_extension("key"), HOST).expect("a journal");
        let logs = Log::ALL.map(|log| key.verifier(log).to_string()).to_vec();
        let state = tempfile::tempdir().expect("a folder");
        let place = state.path().join("state");
        let place = place.to_str().expect("text");
        let made = run(&["witness", "init", "--state", place, "--name", "witness.example/w1"]);
        let keys = format!("# what both printed\n{}\n{}", logs.join("\n"), made.out);
        fs::write(state.path().join("journal.keys"), keys).expect("a file");
        let mut office = Self {
            cms,
            folder: Some(folder),
            witness: made.out.trim_end().parse().expect("it prints the key"),
            logs,
            setting: String::new(),
            state,
        };
        office.setting = office.at(&format!("unix:{}", office.socket().display()));
        office
    }

    fn socket(&self) -> PathBuf {
        self.state.path().join("socket")
    }

    /// The witness, if it were there.
    fn at(&self, url: &str) -> String {
        format!("{{ url = \"{url}\", key_file = \"{}\" }}", self.keys())
    }

    /// The file of all public keys.
    fn keys(&self) -> String {
        self.state.path().join("journal.keys").display().to_string()
    }

    fn witness(&self) -> witness::Serving {
        let socket = self.socket();
        self.witness_at(&["--socket", socket.to_str().expect("text")])
    }

    fn witness_at(&self, place: &[&str]) -> witness::Serving {
        let keys = self.keys();
        witness::Serving::start(&self.state.path().join("state"), &[place, &["--logs", &keys]].concat())
    }

    fn plan(&self) -> Plan {
        Town::before(&self.cms).journal(&format!("witness = [{}]", self.setting))
    }

    fn folder(&self) -> &Path {
        self.folder.as_ref().expect("nobody serves from it").path()
    }

    fn open(&mut self) -> Town {
        self.plan().open_in(self.folder.take().expect("nobody serves from it"))
    }

    /// Serves so many visitors, and stops.
    fn serve(&mut self, plan: Plan, visitors: usize) {
        let town = plan.open_in(self.folder.take().expect("nobody serves from it"));
        ask(&town, visitors);
        self.folder = Some(town.leave());
    }

    /// The program, which is not to start.
    fn refused(&self) -> Ended {
        let (config, _) = self.plan().write(self.folder());
        run_with(&["serve"], &config)
    }

    fn verify(&self, more: &[&str]) -> Ended {
        let journal = self.folder().join("journal");
        let witness = self.witness.to_string();
        let mut words = vec!["journal", "verify", "--journal", journal.to_str().expect("text")];
        for key in self.logs.iter().chain([&witness]) {
            words.extend(["--key", key]);
        }
        words.extend(more);
        run(&words)
    }

    /// What is on disk now, to be put back later.
    fn copy(&self) -> tempfile::TempDir {
        let copy = tempfile::tempdir().expect("a folder");
        copy_folder(&self.folder().join("journal"), &copy.path().join("journal"));
        copy
    }

    fn put_back(&self, copy: &tempfile::TempDir) {
        let journal = self.folder().join("journal");
        fs::remove_dir_all(&journal).expect("removed");
        copy_folder(&copy.path().join("journal"), &journal);
    }
}

/// As `cp` does it: modes and all.
fn copy_folder(from: &Path, to: &Path) {
    let copied = Command::new("cp").arg("-a").args([from, to]).status();
    assert!(copied.expect("cp runs").success());
}

fn ask(town: &Town, visitors: usize) {
    for number in 0..visitors {
        assert_eq!(town.get(&format!("/{number}")).text(), "witaj");
    }
}

/// The size of the newest checkpoint that a witness signed and the journal in this folder keeps.
fn cosigned(folder: &Path, log: Log, witness: &VerifierKey) -> Option<u64> {
    let key = Key::load(&folder.join("journal.key")).expect("a key");
    let note = fs::read(folder.join(format!("journal/cosigned/{log}"))).ok()?;
    let signed = Signed::open(&note, key.verifier(log)).expect("one note, of the log");
    signed.cosigned_at(witness).expect("signed by the witness");
    Some(signed.checkpoint().size().0)
}

/// The answers of witnesses that the events tell, each with its log.
fn refusals(kept: &Kept) -> Vec<(String, String, String)> {
    let text = |event: &Value, key: &str| event[key].as_str().unwrap_or_default().to_owned();
    let about_witnesses = kept
        .events
        .iter()
        .filter(|event| text(event, "event.name").starts_with("witness."));
    about_witnesses
        .map(|event| (text(event, "event.name"), text(event, "log"), text(event, "error.type")))
        .collect()
}

/// A second version of the policy ends a segment, so that there is a checkpoint without waiting for one.
fn sign_now(town: &mut Town) {
    town.edit("policy.toml", "version = \"1\"", "version = \"2\"");
    town.edit("policy.toml", "effective = 2026-11-21", "effective = 2026-11-22");
    town.reload().expect("it reloads");
}

#[test]
fn what_is_served_is_cosigned_and_can_be_proven_by_that() {
    let mut office = Office::new();
    let _witness = office.witness();
    let mut town = office.open();
    ask(&town, 3);
    until(|| town.entries() == 3);
    sign_now(&mut town);
    until(|| cosigned(town.folder(), Log::Access, &office.witness) == Some(3));
    ask(&town, 2);
    office.folder = Some(town.leave());
    assert_eq!(
        cosigned(office.folder(), Log::Access, &office.witness),
        Some(5),
        "the end too"
    );

    let verified = office.verify(&[]);
    assert_eq!(
        (verified.code, verified.err.as_str()),
        (Some(0), ""),
        "{}",
        verified.out
    );
    let said = verified.out.lines().find(|line| line.ends_with(": 5 records"));
    assert!(
        said.is_some_and(|line| line.starts_with("cosigned    by witness.example/w1 at 2")),
        "{}",
        verified.out
    );
    let told: Value = serde_json::from_str(&office.verify(&["--format", "json"]).out).expect("JSON");
    assert_eq!(told["access"]["changeable"]["records"], 0, "{told}");
    assert_eq!(told["access"]["cosigned"][0]["size"], 5, "{told}");

    let place = tempfile::tempdir().expect("a folder");
    let path = |name: &str| place.path().join(name).to_str().expect("text").to_owned();
    let journal = office.folder().join("journal");
    let (key, witness) = (&office.logs[0], office.witness.to_string());
    let proven = run(&[
        "journal",
        "prove",
        "1",
        "--journal",
        journal.to_str().expect("text"),
        "--key",
        key,
        "--out",
        &path("proof"),
        "--record",
        &path("record"),
    ]);
    assert_eq!(proven.code, Some(0), "{}", proven.err);
    let check = |witness: &str| {
        run(&[
            "journal",
            "check-proof",
            "--record",
            &path("record"),
            "--proof",
            &path("proof"),
            "--key",
            key,
            "--key",
            witness,
        ])
    };
    let checked = check(&witness);
    assert_eq!(checked.code, Some(0));
    assert!(
        checked.out.contains("\ncosigned by witness.example/w1 at 2"),
        "{}",
        checked.out
    );
    let stranger = Cosigner::generate("elsewhere.example/w".parse().expect("a name")).expect("a key");
    let checked = check(&stranger.verifier().to_string());
    assert!(
        checked.out.contains("\nnot cosigned by elsewhere.example/w\n"),
        "{}",
        checked.out
    );
    let proof = fs::read_to_string(path("proof")).expect("text");
    let (before, line) = proof.trim_end().rsplit_once(' ').expect("the witness's signature");
    let forged = format!("{before} {}\n", line.replacen(&line[20..24], "AAAA", 1));
    fs::write(path("proof"), forged).expect("a file");
    let checked = check(&witness);
    assert_eq!(checked.code, Some(1), "{}", checked.out);
}

#[test]
fn an_older_copy_of_the_journal_is_not_started() {
    let mut office = Office::new();
    let _witness = office.witness();
    office.serve(office.plan(), 2);
    let older = office.copy();
    office.serve(office.plan(), 2);
    let newer = office.copy();
    office.put_back(&older);
    let refused = office.refused();
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(refused.err.contains("contradicts `access`"), "{}", refused.err);
    assert!(refused.err.contains("knows 4 records of this log"), "{}", refused.err);
    assert!(refused.err.contains("hint: was a backup restored"), "{}", refused.err);
    let same = Command::new("diff")
        .arg("-r")
        .args([older.path().join("journal"), office.folder().join("journal")])
        .status();
    assert!(same.expect("diff runs").success(), "what refuses changes nothing");
    office.put_back(&newer);
    office.serve(office.plan(), 1);
    assert_eq!(cosigned(office.folder(), Log::Access, &office.witness), Some(5));
}

#[test]
fn another_history_with_the_same_key_is_not_started() {
    let mut office = Office::new();
    let _witness = office.witness();
    let empty = office.copy();
    office.serve(office.plan(), 2);
    let cosigned = office.copy();
    office.put_back(&empty);
    office.serve(Town::before(&office.cms), 5);
    let refused = office.refused();
    assert_eq!(refused.code, Some(2), "{}", refused.err);
    assert!(
        refused.err.contains("another history of this log's first"),
        "{}",
        refused.err
    );

    // Nor is it believed beside what the witness signed.
    copy_folder(
        &cosigned.path().join("journal/cosigned"),
        &office.folder().join("journal/cosigned"),
    );
    let verified = office.verify(&[]);
    assert_eq!(verified.code, Some(1), "{}", verified.out);
    assert!(
        verified.out.contains("rewritten: the first 2 records"),
        "{}",
        verified.out
    );
}

#[test]
fn a_checkpoint_whose_name_a_power_cut_took_back_is_no_older_copy() {
    let mut office = Office::new();
    let _witness = office.witness();
    office.serve(office.plan(), 2);
    let checkpoint = office.folder().join("journal/access/checkpoint");
    let before = fs::read(&checkpoint).expect("a note");
    office.serve(office.plan(), 2);
    fs::write(&checkpoint, before).expect("a file");
    office.serve(office.plan(), 1);
    assert_eq!(cosigned(office.folder(), Log::Access, &office.witness), Some(5));
}

#[test]
fn a_dead_witness_delays_nothing_and_is_shown_everything_later() {
    let mut office = Office::new();
    let mut town = office.open();
    ask(&town, 3);
    until(|| town.entries() == 3);
    sign_now(&mut town);
    assert!(cosigned(town.folder(), Log::Access, &office.witness).is_none());
    let first = office.witness();
    until(|| cosigned(town.folder(), Log::Access, &office.witness) == Some(3));
    first.kill();
    ask(&town, 2);
    let folder = town.leave();
    assert_eq!(cosigned(folder.path(), Log::Access, &office.witness), Some(3));
    assert!(
        refusals(&Kept::read(folder.path())).is_empty(),
        "a silence is no refusal"
    );
    office.folder = Some(folder);
    let _second = office.witness();
    let plan = office.plan().policy("version = \"1\"", "version = \"2\"");
    office.serve(plan.policy("effective = 2026-11-21", "effective = 2026-11-22"), 0);
    assert_eq!(cosigned(office.folder(), Log::Access, &office.witness), Some(5));
}

#[test]
fn a_witness_that_takes_a_connection_and_says_nothing_delays_nothing() {
    let mut office = Office::new();
    let listener = UnixListener::bind(office.socket()).expect("a socket");
    thread::spawn(move || listener.incoming().collect::<Vec<_>>()); // held open, never read
    office.serve(office.plan(), 3);
    let kept = Kept::read(office.folder());
    assert_eq!((kept.entries.len(), refusals(&kept).len()), (3, 0));
    assert_eq!(office.verify(&[]).code, Some(0));
}

#[test]
fn it_is_said_once_that_a_witness_is_silent_and_once_that_it_answers_again() {
    let office = Office::new();
    let (config, _) = office.plan().write(office.folder());
    let mut serving = crate::serve::program::Serving::start(&config);
    let silent = "the witness cannot be reached";
    if !serving.said.iter().any(|line| line.contains(silent)) {
        serving.hear(silent);
    }
    let _witness = office.witness();
    serving.hear("the witness answers again");
    // The file of its key can be read again, wherever it is.
    serving.signal("HUP");
    serving.hear("reloaded: nothing changed");
    let ended = serving.stop();
    assert_eq!(ended.code, Some(0));
    assert_eq!(ended.err.matches("cannot be reached").count(), 1, "{}", ended.err);
    assert_eq!(ended.err.matches("answers again").count(), 1, "{}", ended.err);
}

/// A witness that hangs up `silent` times; then it answers each request with the same bytes, and `more` as long as
/// anybody reads.
fn liar(silent: usize, answer: &str, more: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let place = format!("http://{}", listener.local_addr().expect("an address"));
    let answer = answer.to_owned();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten().skip(silent) {
            request_from(&mut stream);
            let _ = stream.write_all(answer.as_bytes()); // it may have heard enough
            while !more.is_empty() && stream.write_all(more).is_ok() {}
        }
    });
    place
}

/// Reads a request to its end.
fn request_from(stream: &mut impl Read) -> Vec<u8> {
    let (mut request, mut bytes) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&request);
        if let Some((head, _)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.expect("a length").parse().expect("a number");
            if request.len() >= head.len() + 4 + length {
                return request;
            }
        }
        match stream.read(&mut bytes) {
            Ok(length @ 1..) => request.extend(&bytes[..length]),
            _ => return request,
        }
    }
}

fn http(status: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn a_witness_that_lies_harms_nothing() {
    let mut office = Office::new();
    let name = |name: &str| name.parse().expect("a name");
    let impostor = Cosigner::generate(name("witness.example/w1")).expect("a key");
    let other = Signer::generate(name("town.example/other")).expect("a key");
    let other = Checkpoint::new(other.verifier().name(), TreeSize(9), Hash([9; 32])).sign(&other);
    let signature = other.expect("signed").cosign(&impostor, 5).expect("signed");
    let endless = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let lies: [(String, &'static [u8], &str); 6] = [
        (http("200 OK", &format!("{signature}\n")), b"", "wrong_signature"),
        (http("200 OK", "\u{fffd}\u{0}"), b"", "wrong_signature"),
        (http("404 Not Found", ""), b"", "unknown_log"),
        (http("500 Internal Server Error", "x"), b"", "not_understood"),
        (endless.to_owned(), b"4\r\nmore\r\n", "not_understood"),
        (http("409 Conflict", "1\n2\n"), b"", "not_understood"),
    ];
    for (answer, more, expected) in lies {
        office.setting = office.at(&liar(0, &answer, more));
        let before = refusals(&Kept::read(office.folder())).len();
        let town = office.open();
        ask(&town, 2);
        until(|| refusals(&Kept::read(town.folder())).len() == before + 2);
        office.folder = Some(town.leave());
        let told = refusals(&Kept::read(office.folder()));
        for (name, _, error) in &told[before..] {
            assert_eq!((name.as_str(), error.as_str()), ("witness.refused", expected));
        }
        assert!(!office.folder().join("journal/cosigned").exists(), "{expected}");
    }
    let verified = office.verify(&[]);
    assert_eq!(verified.code, Some(0), "{}", verified.out);
    // And garbage that is not HTTP is silence.
    office.setting = office.at(&liar(0, "SSH-2.0-OpenSSH\r\n", b""));
    office.serve(office.plan(), 2);
}

#[test]
fn a_witness_that_speaks_against_the_journal_while_it_is_served_is_told_in_the_events() {
    let mut office = Office::new();
    // At the start it is silent, about both logs.
    office.setting = office.at(&liar(2, &http("409 Conflict", "1000\n"), b""));
    let town = office.open();
    until(|| refusals(&Kept::read(town.folder())).len() == 2);
    ask(&town, 2);
    let kept = town.close();
    assert_eq!(kept.entries.len(), 2, "it goes on");
    let conflict = |log: &str| ("witness.conflict".to_owned(), log.to_owned(), "knows_more".to_owned());
    assert_eq!(refusals(&kept), [conflict("access"), conflict("events")]);
}

#[test]
fn a_required_witness_must_answer_before_a_start() {
    let mut office = Office::new();
    office.setting = office.setting.replace(" }", ", required = true }");
    let refused = office.refused();
    assert_eq!(refused.code, Some(2));
    assert!(
        refused.err.contains("the witness witness.example/w1 is required"),
        "{}",
        refused.err
    );
    assert!(
        refused.err.contains("hint: see that the witness runs"),
        "{}",
        refused.err
    );
    // One that starts at the same time, and listens a little later, has answered.
    let (socket, state, keys) = (office.socket(), office.state.path().join("state"), office.keys());
    let witness = thread::spawn(move || {
        thread::sleep(Duration::from_millis(300));
        let socket = socket.to_str().expect("text");
        witness::Serving::start(&state, &["--socket", socket, "--logs", &keys])
    });
    office.serve(office.plan(), 1);
    let _witness = witness.join().expect("it listens");
    assert_eq!(cosigned(office.folder(), Log::Access, &office.witness), Some(1));
}

#[test]
fn other_witnesses_are_asked_after_a_restart() {
    let mut office = Office::new();
    let mut town = office.open();
    town.edit("townclerk.toml", "unix:", "unix:/elsewhere");
    let reloaded = town.reload().expect("it reloads");
    let journal = format!("{HOST}, www.{HOST}: how its journal is written");
    assert_eq!(reloaded.needs_restart, [journal]);
    town.leave();
}

#[test]
fn a_witness_is_asked_over_a_port_and_over_https() {
    let office = Office::new();
    let witness = office.witness_at(&["--listen", "127.0.0.1:0"]);
    let address = witness.place.trim_start_matches("http://").to_owned();
    let (config, pem) = certified(&["localhost"]);
    let authority = office.state.path().join("ca.pem");
    fs::write(&authority, pem).expect("a file");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let to = address.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let mut tls = StreamOwned::new(connection, stream);
            let request = request_from(&mut tls);
            let mut behind = TcpStream::connect(&to).expect("the witness listens");
            let mut answer = Vec::new();
            let _ = behind.write_all(&request);
            let _ = behind.shutdown(Shutdown::Write);
            let _ = behind.read_to_end(&mut answer);
            let _ = tls.write_all(&answer); // who does not trust us has left
            let _ = tls.flush();
        }
    });
    let serve = |url: &str, authority: &Path, comes: &dyn Fn() -> bool| {
        let plan = Town::before(&office.cms).journal(&format!("witness = [{}]", office.at(url)));
        let (config, _) = plan.write(office.folder());
        let mut child = Command::new(env!("CARGO_BIN_EXE_townclerk"))
            .args(["serve", "--config"])
            .arg(config)
            .env("SSL_CERT_FILE", authority)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        until(comes);
        let _ = Command::new("kill").arg(child.id().to_string()).status();
        child.wait().expect("it ends");
    };
    let events = || cosigned(office.folder(), Log::Events, &office.witness).unwrap_or_default();
    let starts = || {
        let kept = Kept::read(office.folder()).events;
        kept.iter()
            .filter(|event| event["event.name"] == "journal.start")
            .count()
    };
    let url = format!("https://localhost:{port}");
    serve(&url, Path::new("/dev/null"), &|| starts() == 1);
    assert_eq!(events(), 0, "nobody vouches for it");
    serve(&url, &authority, &|| events() > 0);
    let before = events();
    serve(&format!("http://{address}"), Path::new("/dev/null"), &|| {
        events() > before
    });
}
