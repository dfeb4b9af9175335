//! One process takes over from another while visitors are there: nothing is refused, and every request has one entry.

mod crowd;

use std::collections::BTreeSet;
use std::fs;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::Value;
use townclerk::journal::Log;

use self::crowd::Crowd;
use crate::crash::Office;
use crate::drain::{until, waiting};
use crate::serve::program::Serving;
use crate::town::{Cms, HOST, Town, Visitor};

/// A server that goes on in another process each time it is upgraded. All of them end with the test.
pub struct Line {
    first: Serving,
    ids: Vec<u32>,
}

impl Line {
    fn start(office: &Office) -> Self {
        Self::of(office.start())
    }

    pub fn of(first: Serving) -> Self {
        let ids = vec![first.id()];
        Self { first, ids }
    }

    pub fn address(&self) -> SocketAddr {
        self.first.address
    }

    /// The process that serves.
    fn now(&self) -> u32 {
        *self.ids.last().expect("the first")
    }

    /// Sends a signal to the process that serves.
    fn signal(&self, name: &str) {
        signal(self.now(), name);
    }

    /// Has another process take over, and waits until it serves.
    pub fn upgrade(&mut self) {
        self.signal("USR2");
        self.first.hear(" serves; this one ends");
        let said = self.first.said.last().expect("a line");
        let (_, said) = said.split_once("process ").expect("its number");
        let (id, _) = said.split_once(' ').expect("its number");
        self.ids.push(id.parse().expect("a number"));
    }

    /// Waits until all have ended but the one that serves.
    pub fn is_alone(&self) {
        let (_, before) = self.ids.split_last().expect("the first");
        until(|| before.iter().all(|id| !is_there(*id)));
    }

    /// Ends all of them in good order.
    pub fn stop(mut self) {
        self.signal("TERM");
        self.first.hear("stopped; the journals are on disk");
        until(|| self.ids.iter().all(|id| !is_there(*id)));
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        for id in self.ids.iter().filter(|id| is_there(**id)) {
            signal(*id, "KILL");
        }
    }
}

fn signal(id: u32, name: &str) {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &id.to_string()])
        .status();
    sent.expect("kill runs"); // it may have ended
}

/// Whether a process runs; one that has ended and that nobody asked about does not.
fn is_there(id: u32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let state = status.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    state.is_some_and(|state| !matches!(state, 'Z' | 'X'))
}

/// All that run with this configuration.
fn processes(config: &Path) -> Vec<u32> {
    let all = fs::read_dir("/proc").expect("processes").flatten();
    let all = all.filter_map(|process| process.file_name().to_str()?.parse().ok());
    all.filter(|id| is_there(*id) && arguments(*id).contains(&*config.to_string_lossy()))
        .collect()
}

fn arguments(id: u32) -> String {
    fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default()
}

/// Whoever was missed ends with the test.
struct Swept<'a>(&'a Path);

impl Drop for Swept<'_> {
    fn drop(&mut self) {
        processes(self.0).into_iter().for_each(|id| signal(id, "KILL"));
    }
}

/// Whether it takes over; the others begin, or stand by.
fn is_serving(id: u32) -> bool {
    arguments(id).contains("--take-over")
}

/// Every path once, and no other.
fn each_once(office: &Office, mut asked: Vec<String>) {
    let entries = office.lines(Log::Access);
    let wrong: Vec<_> = entries.iter().filter(|entry| !entry["error"].is_null()).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let path = |entry: &Value| entry["url"]["path"].as_str().expect("a path").to_owned();
    let mut kept: Vec<_> = entries.iter().map(path).collect();
    kept.sort();
    asked.sort();
    let twice: Vec<_> = kept
        .windows(2)
        .filter(|pair| pair[0] == pair[1])
        .map(|pair| &pair[0])
        .collect();
    assert!(twice.is_empty(), "recorded twice: {twice:?}");
    let missing: Vec<_> = asked.iter().filter(|path| kept.binary_search(path).is_err()).collect();
    assert!(missing.is_empty(), "not recorded: {missing:?}");
    assert_eq!(kept.len(), asked.len(), "nothing is invented");
    office.is_whole("");
}

fn ask(line: &Line, path: &str) -> String {
    let mut visitor = Visitor::to(line.address());
    visitor.send(format!(
        "GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
    ));
    visitor.answer().text()
}

/// Upgrades four times while a crowd is there.
fn under_load(journal: &str, folder: &Path) -> Office {
    let office = Office::of(&Town::before(&Cms::page("ok")).tls().journal(journal), folder);
    let mut line = Line::start(&office);
    let crowd = Crowd::asking(line.address(), line.first.https(), &folder.join("cert.pem"));
    for _ in 0..4 {
        crowd.goes_on();
        line.upgrade();
    }
    crowd.goes_on();
    line.is_alone();
    let asked = crowd.leave();
    assert_eq!(ask(&line, "/the-last"), "ok");
    line.stop();
    each_once(&office, [asked, vec!["/the-last".to_owned()]].concat());
    let stops = office.events("journal.stop");
    let reasons: Vec<_> = stops
        .iter()
        .map(|stop| stop["reason"].as_str().expect("a reason"))
        .collect();
    assert_eq!(
        reasons,
        ["handed_over", "handed_over", "handed_over", "handed_over", "closed"]
    );
    assert_eq!(office.events("journal.start").len(), 5);
    assert!(office.events("journal.gap").is_empty());
    office
}

#[test]
fn under_load_nothing_is_refused_and_every_request_has_one_entry() {
    let folder = tempfile::tempdir().expect("a folder");
    under_load("sync_interval = \"50 ms\"", folder.path());
}

#[test]
fn so_it_is_with_strict_durability_where_every_entry_names_its_arrival() {
    let folder = tempfile::tempdir().expect("a folder");
    let office = under_load("durability = \"strict\"", folder.path());
    let entries = office.lines(Log::Access);
    let named = entries.iter().map(|entry| entry["townclerk"]["arrival"].as_u64());
    let named: BTreeSet<_> = named.map(|index| index.expect("each has one")).collect();
    let arrivals = office.lines(Log::Arrivals).len() as u64;
    assert_eq!((entries.len() as u64, named), (arrivals, (0..arrivals).collect()));
}

#[test]
fn what_is_open_goes_on_in_the_process_it_began_in_and_is_recorded_by_the_one_that_serves() {
    let (cms, heard, go_on) = waiting();
    let folder = tempfile::tempdir().expect("a folder");
    let office = Office::before(&cms, folder.path());
    let mut line = Line::start(&office);
    let mut visitor = Visitor::to(line.address());
    visitor.send(format!("GET /slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    heard.recv().expect("the CMS was asked");
    line.upgrade();
    line.upgrade(); // what the first hands over, the second hands on
    assert!(line.ids.iter().all(|id| is_there(*id)));
    go_on.send(()).expect("the CMS waits");
    let answer = visitor.answer();
    assert_eq!((answer.status, answer.text().as_str()), (200, "done"));
    assert_eq!(
        answer.field("connection"),
        Some("close"),
        "it is the last one of its connection"
    );
    assert_eq!(visitor.rest(), b"");
    line.is_alone();
    until(|| office.lines(Log::Access).len() == 1);
    line.stop();
    each_once(&office, vec!["/slow".to_owned()]);
}

#[test]
fn an_idle_connection_has_one_more_answer_and_a_websocket_goes_on() {
    let cms = Cms::page_and_echo("page");
    let folder = tempfile::tempdir().expect("a folder");
    let office = Office::before(&cms, folder.path());
    let mut line = Line::start(&office);
    let (mut idle, mut talking) = (Visitor::to(line.address()), Visitor::to(line.address()));
    idle.send(format!("GET /1 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    assert_eq!(idle.answer().text(), "page");
    talking.send(format!(
        "GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    ));
    assert_eq!(talking.head().0, 101);
    line.upgrade();
    talking.send("still there?");
    assert_eq!(talking.take(12), b"still there?");
    let mut asked = vec!["/1".to_owned(), "/ws".to_owned()];
    until(|| {
        let path = format!("/idle/{}", asked.len());
        idle.send(format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        asked.push(path);
        let answer = idle.answer();
        assert_eq!(answer.text(), "page");
        answer.field("connection") == Some("close")
    });
    assert_eq!(idle.rest(), b"");
    asked.push("/new".to_owned());
    assert_eq!(ask(&line, "/new"), "page");
    until(|| office.lines(Log::Access).len() == asked.len() - 1);
    assert!(is_there(line.ids[0]), "for the WebSocket");
    drop(talking);
    line.is_alone();
    line.stop();
    each_once(&office, asked);
}

#[test]
fn told_to_stop_both_processes_end_and_what_was_cut_off_is_recorded() {
    let (cms, heard, go_on) = waiting();
    let folder = tempfile::tempdir().expect("a folder");
    let office = Office::of(
        &Town::before(&cms).table("[limits]\ndrain_time = \"1 s\""),
        folder.path(),
    );
    let mut line = Line::start(&office);
    let mut visitor = Visitor::to(line.address());
    visitor.send(format!("GET /slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    heard.recv().expect("the CMS was asked");
    line.upgrade();
    // As systemd does, to all of them; the new one has nothing open, and ends first.
    for id in line.ids.clone().into_iter().rev() {
        signal(id, "TERM");
    }
    until(|| line.ids.iter().all(|id| !is_there(*id)));
    drop(go_on);
    let entries = office.lines(Log::Access);
    assert_eq!(entries.len(), 1, "{entries:?}");
    assert_eq!(entries[0]["error"]["type"], "cut_off.shutdown");
    office.is_whole("");
}

#[test]
fn where_the_new_process_cannot_serve_the_old_one_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let office = Office::before(&Cms::page("ok"), folder.path());
    let other = tempfile::tempdir().expect("a folder");
    let theirs = Office::before(&Cms::page("ok"), other.path());
    let mut line = Line::start(&office);
    let config = fs::read_to_string(&office.config).expect("text");

    let wrong = config.replace("workers = 2", "wokers = 2");
    let format = config.replace("folder = \"journal\"", "folder = \"journal\", format = \"combined\"");
    // This is known only after the journals were given back: another process has one that the new one wants too.
    let _writer = theirs.start();
    let locked = format!(
        "{config}\n[[site]]\nhosts = [\"bip.example.pl\"]\npolicy = \"policy.toml\"\nupstream = {{ url = \"http://127.0.0.1:9\" }}\n\
         journal = {{ folder = \"{}\" }}\n",
        theirs.journal.display()
    );
    let reasons = [
        (wrong, "unknown key"),
        (format, "would change its format"),
        (locked, "another process has the journal open"),
    ];
    for (number, (text, reason)) in reasons.into_iter().enumerate() {
        fs::write(&office.config, text).expect("a file");
        line.signal("USR2");
        line.first.hear("not handed over: everything goes on as it was");
        assert!(
            line.first.said.concat().contains(reason),
            "{reason}: {:#?}",
            line.first.said
        );
        assert_eq!(ask(&line, &format!("/{number}")), "ok");
    }

    fs::write(&office.config, config).expect("a file");
    line.upgrade();
    line.is_alone();
    assert_eq!(ask(&line, "/3"), "ok");
    line.stop();
    each_once(&office, (0..4).map(|number| format!("/{number}")).collect());
}

#[test]
fn killed_at_any_moment_of_it_the_journal_is_whole_after_the_next_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let office = Office::before(&Cms::page("ok"), folder.path());
    let _swept = Swept(&office.config);
    for moment in 0..16 {
        let line = Line::start(&office);
        let crowd = Crowd::over_http(line.address());
        crowd.goes_on();
        line.signal("USR2");
        thread::sleep(Duration::from_millis(moment * 10));
        let all = || processes(&office.config);
        let new = || all().into_iter().filter(|id| *id != line.now() && is_serving(*id));
        match moment % 3 {
            0 => signal(line.now(), "KILL"),
            1 => new().for_each(|id| signal(id, "KILL")),
            _ => all().into_iter().for_each(|id| signal(id, "KILL")),
        }
        thread::sleep(Duration::from_millis(200));
        until(|| {
            all().into_iter().for_each(|id| signal(id, "TERM"));
            all().is_empty()
        });
        crowd.leave_as_it_is();
        office.is_not_wrong();
        let next = Line::start(&office);
        next.stop();
        office.is_whole(&format!("after moment {moment}"));
    }
    let mut kept: Vec<String> = office
        .lines(Log::Access)
        .iter()
        .map(|entry| entry["url"]["path"].to_string())
        .collect();
    let all = kept.len();
    kept.sort();
    kept.dedup();
    assert_eq!(kept.len(), all, "nothing is recorded twice");
}

#[test]
fn the_admin_socket_stays_and_the_new_process_answers_there() {
    let folder = tempfile::tempdir().expect("a folder");
    let socket = folder.path().join("admin.sock");
    let admin = format!("[admin]\nlisten = [\"unix:{}\", \"127.0.0.1:0\"]", socket.display());
    let office = Office::of(&Town::before(&Cms::page("ok")).table(&admin), folder.path());
    let mut line = Line::start(&office);
    let process = || {
        let mut stream = std::os::unix::net::UnixStream::connect(&socket).expect("somebody listens");
        let ask = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        stream.write_all(ask.as_bytes()).expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    };
    process();
    line.upgrade();
    process();
    line.is_alone();
    process();
    line.stop();
    assert!(!socket.exists(), "it goes with the last one");
}

#[test]
fn systemd_is_told_which_process_serves() {
    let folder = tempfile::tempdir().expect("a folder");
    let office = Office::before(&Cms::page("ok"), folder.path());
    let path = folder.path().join("notify.sock");
    let systemd = UnixDatagram::bind(&path).expect("a socket");
    let mut command = Command::new(env!("CARGO_BIN_EXE_townclerk"));
    command
        .arg("serve")
        .arg("--config")
        .arg(&office.config)
        .env("NOTIFY_SOCKET", &path);
    let mut line = Line::of(Serving::start_by(&mut command).unwrap_or_else(|said| panic!("{said:#?}")));
    line.upgrade();
    let mut told = String::new();
    let wanted = format!("MAINPID={}\n", line.now());
    until(|| {
        let mut bytes = [0; 4096];
        let length = systemd.recv(&mut bytes).expect("a message");
        told.push_str(&String::from_utf8_lossy(&bytes[..length]));
        told.contains(&wanted)
    });
    line.stop();
}

/// A server before a CMS that keeps a request waiting, upgraded once meanwhile.
fn with_one_open(folder: &Path) -> (Office, Line, Visitor, mpsc::Sender<()>) {
    let (cms, heard, go_on) = waiting();
    let office = Office::before(&cms, folder);
    let mut line = Line::start(&office);
    let mut visitor = Visitor::to(line.address());
    visitor.send(format!("GET /slow HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    heard.recv().expect("the CMS was asked");
    line.upgrade();
    (office, line, visitor, go_on)
}

#[test]
fn if_the_old_process_is_killed_the_new_one_tells_how_many_have_no_entry() {
    let folder = tempfile::tempdir().expect("a folder");
    let (office, mut line, mut visitor, _go_on) = with_one_open(folder.path());
    signal(line.ids[0], "KILL");
    line.first.hear("ended without its last word");
    assert_eq!(visitor.rest(), b"");
    line.stop();
    let gaps = office.events("journal.gap");
    assert_eq!((gaps.len(), &gaps[0]["unrecorded"]), (1, &1.into()));
    office.is_whole("");
}

#[test]
fn if_the_new_process_is_killed_the_old_one_writes_what_it_has() {
    let folder = tempfile::tempdir().expect("a folder");
    let (office, mut line, mut visitor, go_on) = with_one_open(folder.path());
    signal(line.now(), "KILL");
    line.first.hear("this one writes its last entries itself");
    go_on.send(()).expect("the CMS waits");
    assert_eq!(visitor.answer().text(), "done");
    until(|| line.ids.iter().all(|id| !is_there(*id)));
    each_once(&office, vec!["/slow".to_owned()]);
}

/// What does not take over does not start, either.
#[test]
fn nobody_but_a_server_says_take_over() {
    let folder = tempfile::tempdir().expect("a folder");
    let office = Office::before(&Cms::page("ok"), folder.path());
    let ended = crate::serve::program::run_with(&["serve", "--take-over"], Path::new(&office.config));
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(
        ended.err.contains("SIGUSR2") && ended.err.contains("hint: "),
        "{ended:?}"
    );
}
