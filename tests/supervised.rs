//! What systemd is told of the service: a socket of ours, in the place of its own, hears it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::serve::program::{Serving, run_with};
use crate::skip::without;
use crate::town::{Cms, HOST, Town, Visitor};

/// It is told twice in this time.
const WATCHDOG: Duration = Duration::from_millis(500);
/// What comes, comes sooner.
const PATIENCE: Duration = Duration::from_secs(20);

/// Hears what systemd would.
struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
    config: PathBuf,
}

impl Manager {
    /// With a journal to serve.
    fn before(cms: &Cms) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (config, _) = Town::before(cms).write(folder.path());
        assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
        let socket = UnixDatagram::bind(folder.path().join("notify")).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("a time");
        Self { socket, folder, config }
    }

    fn start(&self, set: impl FnOnce(&mut Command)) -> Serving {
        let mut command = Command::new(env!("CARGO_BIN_EXE_townclerk"));
        command.args(["serve", "--config"]).arg(&self.config);
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify"));
        set(&mut command);
        Serving::start_by(&mut command).unwrap_or_else(|said| panic!("{said:#?}"))
    }

    /// The lines of what is said next, if anything is in time.
    fn hears(&self) -> Option<Vec<String>> {
        let mut said = [0; 4096];
        let length = self.socket.recv(&mut said).ok()?;
        let said = std::str::from_utf8(&said[..length]).expect("text");
        Some(said.lines().map(str::to_owned).collect())
    }

    fn next(&self) -> Vec<String> {
        self.hears().expect("something is said")
    }
}

#[test]
fn systemd_is_told_of_a_start_of_reloads_and_of_a_stop() {
    let manager = Manager::before(&Cms::page("a"));
    let serving = manager.start(|_| {});
    let status = |status: &str| format!("STATUS={status}");
    let serves = status(&format!("serving {HOST} under policy 1"));
    assert_eq!(manager.next(), ["READY=1", &serves]);

    let reloading = || {
        let said = manager.next();
        assert_eq!(said[0], "RELOADING=1");
        let began = said[1].strip_prefix("MONOTONIC_USEC=").expect("when it began");
        assert!(began.parse::<u64>().expect("a number") > 0);
    };
    serving.signal("HUP");
    reloading();
    assert_eq!(manager.next(), ["READY=1", &serves]);

    fs::write(&manager.config, "nonsense").expect("a file");
    serving.signal("HUP");
    reloading();
    let refused = status("not reloaded: everything stays as it was");
    assert_eq!(manager.next(), ["READY=1", &refused]);

    assert_eq!(serving.stop().code, Some(0));
    let ends = status("SIGTERM: open exchanges have 8 s to end");
    assert_eq!(manager.next(), ["STOPPING=1", &ends]);
    manager.socket.set_nonblocking(true).expect("a socket");
    assert_eq!(manager.hears(), None, "no watchdog watches");
}

#[test]
fn a_watchdog_is_told_until_a_writer_hangs_and_the_diagnostics_tell_why() {
    if without("strace", "--version", "a writer that hangs") {
        return;
    }
    let manager = Manager::before(&Cms::page("a"));
    let mut serving = manager.start(|command| {
        command.env("WATCHDOG_USEC", WATCHDOG.as_micros().to_string());
    });
    let mut alive = 0;
    while alive < 3 {
        alive += usize::from(manager.next() == ["WATCHDOG=1"]);
    }

    let hanging = Hanging::at_every_write(writer(&serving));
    let mut visitor = Visitor::to(serving.address);
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"));
    assert_eq!(visitor.answer().status, 200);
    serving.hear(&format!(
        "{HOST}: journal: its writer has not answered for 2 s; if it stays so"
    ));
    manager.socket.set_nonblocking(true).expect("a socket");
    while manager.hears().is_some() {} // from before it hung
    manager.socket.set_nonblocking(false).expect("a socket");
    manager.socket.set_read_timeout(Some(4 * WATCHDOG)).expect("a time");
    assert_eq!(manager.hears(), None);
    serving.kill();
    drop(hanging);
}

/// The thread that writes the journal.
fn writer(serving: &Serving) -> String {
    let threads = fs::read_dir(format!("/proc/{}/task", serving.id())).expect("it runs");
    let mut threads = threads.flatten().filter(|thread| {
        let name = fs::read_to_string(thread.path().join("comm")).unwrap_or_default();
        name.trim() == "journal"
    });
    let thread = threads.next().expect("a thread of the journal");
    thread.file_name().into_string().expect("a number")
}

/// A thread that waits for a minute before it writes.
struct Hanging(Child);

impl Hanging {
    fn at_every_write(thread: String) -> Self {
        let mut strace = Command::new("strace")
            .args([
                "-o",
                "/dev/null",
                "-e",
                "trace=write",
                "-e",
                "inject=write:delay_enter=60s",
            ])
            .arg(format!("--attach={thread}"))
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace runs");
        let mut line = String::new();
        let mut said = BufReader::new(strace.stderr.take().expect("piped"));
        said.read_line(&mut line).expect("text");
        assert!(line.contains("attached"), "{line}");
        Self(strace)
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        let _ = self.0.kill(); // it ends with the thread, too
        let _ = self.0.wait();
    }
}
