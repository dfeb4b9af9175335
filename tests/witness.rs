//! The built program as a witness: it signs growth, and neither a fork, a rollback, a stranger nor `kill -9` makes it
//! sign anything else.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;
use townclerk::journal::checkpoint::{Checkpoint, Signed};
use townclerk::journal::note::{Signer, VerifierKey};
use townclerk::journal::tree::{EntryIndex, Frontier, Hash, Levels, Salt, TreeSize, consistency};
use townclerk::witness::Request;
use townclerk::witness::ask::{self, AskError, Witness};

use crate::interop::Go;
use crate::serve::program::run;
use crate::skip::cannot;

/// For one answer.
const PATIENCE: Duration = Duration::from_secs(10);

const ORIGIN: &str = "town.example/townclerk/access";

/// A log in memory, which can show any of its sizes.
struct Log {
    signer: Signer,
    levels: Levels,
}

impl Log {
    /// The records up to `from` are the same in all logs of a salt, the later ones are this log's own.
    fn new(signer: &Signer, salt: &Salt, from: u64, size: u64, own: &str) -> Self {
        let (mut levels, mut frontier) = (Levels::default(), Frontier::new());
        for index in 0..size {
            let record = if index < from { "the same" } else { own };
            let leaf = salt.leaf(EntryIndex(index), record.as_bytes());
            frontier.append(leaf, |level, hash| levels.push(level, hash));
        }
        let signer = Signer::parse(signer.private_text().expose()).expect("a key");
        Self { signer, levels }
    }

    /// An honest one of 500 records, and one that was rewritten from the 100th on.
    fn and_its_fork() -> (Self, Self) {
        let signer = Signer::generate(ORIGIN.parse().expect("a name")).expect("a key");
        let salt = Salt::generate().expect("a salt");
        let of = |own| Self::new(&signer, &salt, 100, 500, own);
        (of("kept"), of("rewritten"))
    }

    fn signed(&self, size: u64) -> Signed {
        let root = Frontier::read(&self.levels, TreeSize(size)).expect("all hashes").root();
        Checkpoint::new(self.signer.verifier().name(), TreeSize(size), root)
            .sign(&self.signer)
            .expect("signed")
    }

    fn request(&self, old: u64, size: u64) -> String {
        let proof = consistency::prove(&self.levels, TreeSize(old), TreeSize(size)).expect("a proof");
        self.request_with(old, proof, size)
    }

    fn request_with(&self, old: u64, proof: Vec<Hash>, size: u64) -> String {
        let signed = self.signed(size);
        Request::new(TreeSize(old), proof, signed.checkpoint().clone(), signed.note().clone()).to_string()
    }
}

/// A state folder, made with the program.
struct Made {
    folder: TempDir,
    key: VerifierKey,
}

impl Made {
    fn knowing(log: &Log) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state");
        let state = state.to_str().expect("text");
        let made = run(&["witness", "init", "--state", state, "--name", "witness.example/w1"]);
        assert_eq!((made.code, made.err.as_str()), (Some(0), ""));
        let key = made.out.trim_end().parse().expect("it prints the key");
        let added = run(&["witness", "add", "--state", state, &log.signer.verifier().to_string()]);
        assert_eq!(
            (added.code, added.out.as_str()),
            (Some(0), "knows town.example/townclerk/access\n")
        );
        Self { folder, key }
    }

    fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    fn start(&self) -> Serving {
        Serving::start(&self.state(), &["--socket", self.socket().to_str().expect("text")])
    }

    fn witness(&self) -> Witness {
        let place = format!("unix:{}", self.socket().display());
        Witness::new(place.parse().expect("a place"), self.key.clone()).expect("a witness's key")
    }

    /// Status, kind and body of the answer to a request.
    fn post(&self, body: &str) -> (u16, String, String) {
        let head = format!(
            "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let answer = self.raw(format!("{head}{body}").as_bytes());
        let answer = String::from_utf8(answer).expect("text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        let kind = head
            .lines()
            .find_map(|line| line.strip_prefix("content-type: "))
            .unwrap_or_default();
        (head[9..12].parse().expect("a status"), kind.to_owned(), body.to_owned())
    }

    /// All that comes back for these bytes, after which nothing is sent any more.
    fn raw(&self, bytes: &[u8]) -> Vec<u8> {
        let mut stream = UnixStream::connect(self.socket()).expect("it listens");
        let _ = stream.write_all(bytes); // it may hang up before the end
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        answer
    }
}

/// The program, serving. It is killed with the test.
pub struct Serving {
    child: Child,
    pub place: String,
}

impl Serving {
    pub fn start(state: &Path, place: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_townclerk"))
            .args(["witness", "serve", "--state"])
            .arg(state)
            .args(place)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = BufReader::new(child.stderr.take().expect("piped")).lines();
        let place = said.find_map(|line| Some(line.ok()?.split_once("listening on ")?.1.to_owned()));
        std::thread::spawn(move || said.for_each(drop)); // so that it can always speak
        Self {
            child,
            place: place.expect("it listens"),
        }
    }

    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    fn stop(mut self) -> Option<i32> {
        let sent = Command::new("kill")
            .args(["-TERM", &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}

#[test]
fn every_request_has_the_answer_of_the_specification() {
    let (log, fork) = Log::and_its_fork();
    let (namesake, _) = Log::and_its_fork();
    let stranger = Log::new(
        &Signer::generate("elsewhere.example/log".parse().expect("a name")).expect("a key"),
        &Salt::generate().expect("a salt"),
        0,
        300,
        "",
    );
    let made = Made::knowing(&log);
    let serving = made.start();
    assert_eq!(serving.place, format!("unix:{}", made.socket().display()));
    let mode = fs::metadata(made.socket()).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o660);

    let (status, _, line) = made.post(&log.request(0, 200));
    assert_eq!(status, 200, "{line}");
    let line = line.strip_suffix('\n').expect("a line").parse().expect("a signature");
    log.signed(200).add(line, &made.key).expect("the witness's");

    let known = |size: u64| (409, "text/x.tlog.size".to_owned(), format!("{size}\n"));
    assert_eq!(made.post(&log.request(0, 150)), known(200), "a rollback");
    assert_eq!(made.post(&log.request(0, 300)), known(200), "a wrong guess");
    assert_eq!(
        made.post(&fork.request(200, 200)),
        known(200),
        "a fork of the same size"
    );
    let status = |body: &str| made.post(body).0;
    assert_eq!(status(&fork.request(200, 300)), 422, "a fork");
    assert_eq!(status(&log.request_with(200, Vec::new(), 300)), 422, "no proof");
    assert_eq!(status(&stranger.request(200, 300)), 404);
    assert_eq!(status(&namesake.request(200, 300)), 403);
    assert_eq!(status(&log.request(200, 300).replace("old 200", "old 0200")), 400);
    assert_eq!(status(&log.request(200, 300).replace("old 200", "old 301")), 400);
    assert_eq!(status(""), 400);
    assert_eq!(status(&"x".repeat(100_000)), 413);
    let other = |request: &str| String::from_utf8_lossy(&made.raw(request.as_bytes()))[9..12].to_owned();
    assert_eq!(other("GET /add-checkpoint HTTP/1.1\r\nHost: w\r\n\r\n"), "405");
    assert_eq!(other("POST / HTTP/1.1\r\nHost: w\r\nContent-Length: 0\r\n\r\n"), "404");

    assert_eq!(status(&log.request(200, 300)), 200, "none of this did any harm");
    assert_eq!(serving.stop(), Some(0));
    assert!(!made.socket().exists());
}

#[test]
fn a_kill_loses_nothing_that_was_answered() {
    let (log, fork) = Log::and_its_fork();
    let made = Made::knowing(&log);
    let mut known = 0;
    for size in [101, 102, 256, 256, 400] {
        let serving = made.start(); // over the socket that the last one left
        assert_eq!(made.post(&log.request(known, size)).0, 200);
        serving.kill();
        let serving = made.start();
        assert_eq!(made.post(&log.request(0, 50)).2, format!("{size}\n"), "a rollback");
        assert_eq!(made.post(&fork.request(size, 450)).0, 422, "a fork");
        known = size;
        serving.kill();
    }
}

/// The system calls of a serving program, as strace shows them. Attached when this returns.
fn traced(serving: &Serving, into: &Path) -> Option<Child> {
    let mut strace = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fsync,rename,writev", "-o"])
        .arg(into)
        .args(["-p", &serving.child.id().to_string()])
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut first = String::new();
    BufReader::new(strace.stderr.take()?).read_line(&mut first).ok()?;
    if first.contains("attached") {
        return Some(strace);
    }
    let _ = strace.wait(); // it was not let, and has ended
    None
}

#[test]
fn the_state_is_durable_before_the_answer_leaves() {
    let (log, _) = Log::and_its_fork();
    let made = Made::knowing(&log);
    let serving = made.start();
    let trace = made.folder.path().join("trace");
    let Some(mut strace) = traced(&serving, &trace) else {
        return cannot(
            "the order of a witness's writes",
            "strace is not there, or may not look",
        );
    };
    assert_eq!(made.post(&log.request(0, 9)).0, 200);
    assert_eq!(serving.stop(), Some(0));
    strace.wait().expect("it ends with the program");
    let trace = fs::read_to_string(trace).expect("text");
    let mut at = 0;
    for step in [".new>) = 0", "rename(", "/logs>) = 0", "HTTP/1.1 200"] {
        let found = trace[at..].find(step);
        at += found.unwrap_or_else(|| panic!("{step} in its place in {trace}"));
    }
}

#[test]
fn the_logs_side_asks_over_a_socket_and_a_port() {
    let (log, fork) = Log::and_its_fork();
    let made = Made::knowing(&log);
    let witness = made.witness();
    let standing = |log: &Log, size| {
        let asked = ask::ask(&witness, &log.signed(size), TreeSize(size), &log.levels, PATIENCE);
        asked.map(|cosigned| cosigned.knew.0)
    };
    assert!(standing(&log, 10).is_err_and(|error| error.is_silence()));
    let serving = made.start();
    let known = TreeSize(150);
    assert_eq!(standing(&log, 150), Ok(0));
    assert_eq!(standing(&log, 150), Ok(150));
    assert_eq!(standing(&log, 149), Err(AskError::KnowsMore { size: known }));
    assert_eq!(standing(&fork, 150), Err(AskError::Forked { size: known }));
    assert_eq!(standing(&fork, 400), Err(AskError::Forked { size: known }));
    assert_eq!(serving.stop(), Some(0));

    let serving = Serving::start(&made.state(), &["--listen", "127.0.0.1:0"]);
    let witness = Witness::new(serving.place.parse().expect("a place"), made.key.clone()).expect("a witness's key");
    let mut signed = log.signed(400);
    let cosigned = ask::ask(&witness, &signed, TreeSize(150), &log.levels, PATIENCE).expect("growth");
    signed.add(cosigned.signature, &made.key).expect("the witness's");
    assert!(
        signed
            .cosigned_at(&made.key)
            .expect("signed")
            .is_some_and(|time| time > 1_700_000_000)
    );
    let shrunk = ask::ask(&witness, &log.signed(150), TreeSize(150), &log.levels, PATIENCE);
    assert_eq!(shrunk, Err(AskError::KnowsMore { size: TreeSize(400) }));

    let other = run(&[
        "witness",
        "init",
        "--state",
        made.folder.path().join("other").to_str().expect("text"),
        "--name",
        "w",
    ]);
    let impostor = Witness::new(
        serving.place.parse().expect("a place"),
        other.out.trim_end().parse().expect("a key"),
    );
    let asked = ask::ask(
        &impostor.expect("a witness's key"),
        &signed,
        TreeSize(400),
        &log.levels,
        PATIENCE,
    );
    assert_eq!(asked, Err(AskError::WrongSignature));
}

#[test]
fn go_verifies_what_the_witness_signed_and_shows() {
    let Some(go) = Go::build("what a witness signed, by Go") else {
        return;
    };
    let (log, _) = Log::and_its_fork();
    let made = Made::knowing(&log);
    let _serving = made.start();
    assert_eq!(made.post(&log.request(0, 321)).0, 200);
    let shown = run(&["witness", "show", "--state", made.state().to_str().expect("text")]);
    assert_eq!(shown.code, Some(0));
    assert!(shown.out.starts_with(&format!("{ORIGIN}\n321\n")), "{}", shown.out);
    go.write("witness", made.key.to_string());
    go.write("new", shown.out);
    assert_eq!(go.objects("cosignature"), None);
}

#[test]
fn the_program_says_what_is_wrong_and_what_to_do() {
    let (log, _) = Log::and_its_fork();
    let made = Made::knowing(&log);
    let (state, key) = (made.state(), log.signer.verifier().to_string());
    let state = state.to_str().expect("text");
    let said = |arguments: &[&str]| {
        let ended = run(arguments);
        (ended.code, ended.err)
    };
    let (code, err) = said(&["witness", "add", "--state", state, &key]);
    assert_eq!((code, err.contains("known already")), (Some(1), true), "{err}");
    let (code, err) = said(&["witness", "init", "--state", state, "--name", "w"]);
    assert_eq!((code, err.contains("hint:")), (Some(2), true), "{err}");
    let (code, err) = said(&["witness", "add", "--state", state, &made.key.to_string()]);
    assert_eq!(
        (code, err.contains("a witness's, not a log's")),
        (Some(2), true),
        "{err}"
    );
    let (code, err) = said(&["witness", "show", "--state", "/nowhere"]);
    assert_eq!((code, err.contains("townclerk witness init")), (Some(2), true), "{err}");
    assert_eq!(
        said(&["witness", "serve", "--state", state]).0,
        Some(2),
        "nowhere to listen"
    );

    let (code, err) = said(&["witness", "show", "--state", state]);
    assert_eq!((code, err.contains("nothing signed yet")), (Some(0), true), "{err}");
    let serving = made.start();
    let socket = made.socket();
    let second = [
        "witness",
        "serve",
        "--state",
        state,
        "--socket",
        socket.to_str().expect("text"),
    ];
    let (code, err) = said(&second);
    assert_eq!(
        (code, err.contains("another witness has the folder")),
        (Some(2), true),
        "{err}"
    );
    serving.kill();
    fs::remove_file(&socket).expect("it is left");
    fs::write(&socket, "not a socket").expect("a file");
    let (code, err) = said(&second);
    assert_eq!((code, err.contains("another kind")), (Some(2), true), "{err}");
    assert_eq!(fs::read_to_string(&socket).expect("text"), "not a socket");
}

#[test]
fn it_is_told_of_its_logs_by_a_file_of_keys() {
    let (log, _) = Log::and_its_fork();
    let made = Made::knowing(&log);
    let other = Signer::generate("town.example/townclerk/events".parse().expect("a name")).expect("a key");
    let other = Log::new(&other, &Salt::generate().expect("a salt"), 0, 9, "");
    let file = made.folder.path().join("journal.keys");
    let (keys, socket, state) = (file.to_str().expect("text"), made.socket(), made.state());
    let place = ["--socket", socket.to_str().expect("text"), "--logs", keys];
    let (first, second) = (log.signer.verifier(), other.signer.verifier());
    // One that it knows, a new one, and its own, which is there for who verifies.
    fs::write(&file, format!("# keys\n{first}\n\n{second}\r\n{}\n", made.key)).expect("a file");
    for _ in 0..2 {
        let serving = Serving::start(&state, &place);
        assert_eq!(serving.stop(), Some(0));
    }
    let serving = Serving::start(&state, &place);
    assert_eq!(made.post(&other.request(0, 9)).0, 200);
    assert_eq!(made.post(&log.request(0, 9)).0, 200);
    assert_eq!(serving.stop(), Some(0));
    // What is taken out of the file stays known.
    fs::write(&file, "").expect("a file");
    let serving = Serving::start(&state, &place);
    assert_eq!(made.post(&other.request(9, 9)).0, 200);
    assert_eq!(serving.stop(), Some(0));

    let refused = |hint: &str, what: &str| {
        let ended = run(&[
            &["witness", "serve", "--state", state.to_str().expect("text")],
            &place[..],
        ]
        .concat());
        assert_eq!(ended.code, Some(2), "{}", ended.err);
        assert!(ended.err.contains(what) && ended.err.contains(hint), "{}", ended.err);
    };
    fs::write(&file, format!("{first}\nno key\n")).expect("a file");
    refused("hint: keep in it", &format!("{keys}:2: not a key"));
    let (namesake, _) = Log::and_its_fork();
    fs::write(&file, format!("{}\n", namesake.signer.verifier())).expect("a file");
    refused(
        "hint: find out who",
        &format!("{keys}:1: a log of this origin is known already, by another key: {ORIGIN}"),
    );
    fs::remove_file(&file).expect("it goes");
    refused(
        "hint: make it of what `townclerk journal init` prints",
        &format!("{keys} does not exist"),
    );
}

#[test]
fn garbage_never_ends_it() {
    let (log, _) = Log::and_its_fork();
    let made = Made::knowing(&log);
    let serving = made.start();
    let whole = log.request(0, 100);
    let post = |length: usize, body: &str| {
        format!("POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: {length}\r\n\r\n{body}").into_bytes()
    };
    let garbage: Vec<Vec<u8>> = vec![
        b"\0\xff\r\n\r\n".to_vec(),
        b"POST /add-checkpoint HTTP/1.1\r\n".to_vec(),
        b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n".to_vec(),
        post(whole.len() + 1, &whole),
        post(4, "old "),
        post(3, "\n\n\n"),
        vec![b'a'; 100_000],
    ];
    for bytes in garbage {
        made.raw(&bytes);
    }
    // Each prefix of a right request is a wrong one.
    for end in (0..whole.len()).filter(|end| whole.is_char_boundary(*end)).step_by(7) {
        assert_eq!(made.post(&whole[..end]).0, 400, "{end}");
    }
    assert_eq!(made.post(&whole).0, 200);
    assert_eq!(serving.stop(), Some(0));
}

#[test]
fn a_slow_asker_does_not_keep_another_waiting() {
    let (log, _) = Log::and_its_fork();
    let made = Made::knowing(&log);
    let serving = Serving::start(&made.state(), &["--listen", "127.0.0.1:0"]);
    let address = serving.place.trim_start_matches("http://").to_owned();
    let mut slow = TcpStream::connect(&address).expect("it listens");
    slow.write_all(b"POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 9\r\n\r\nold")
        .expect("sent");
    let witness = Witness::new(serving.place.parse().expect("a place"), made.key.clone()).expect("a witness's key");
    ask::ask(&witness, &log.signed(5), TreeSize(0), &log.levels, PATIENCE).expect("growth");
    drop(slow);
}
