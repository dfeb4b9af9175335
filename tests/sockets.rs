//! Sockets that systemd passes (socket activation): a listener takes the one at its address, whoever listens there.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use crate::drain::until;
use crate::serve::program::{Serving, run_with};
use crate::skip::without;
use crate::town::{Cms, HOST, Town, Visitor};
use crate::upgrade::Line;

/// Gives a program standard input and output as sockets number 3 and 4, as systemd does (sd_listen_fds(3)).
const LAUNCH: &str =
    "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=web:admin exec \"$0\" \"$@\" 3<&0 4<&1 </dev/null >/dev/null";

/// A folder with a journal and a configuration that listens at these places.
fn office(cms: &Cms, http: SocketAddr, admin: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let plan = Town::before(cms).table(&format!("[admin]\nlisten = [\"{admin}\"]"));
    let (config, _) = plan.write(folder.path());
    let text = fs::read_to_string(&config).expect("text");
    fs::write(&config, text.replacen("127.0.0.1:0", &http.to_string(), 1)).expect("a file");
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    (folder, config)
}

fn launch(config: &Path, web: impl Into<OwnedFd>, admin: impl Into<OwnedFd>) -> Command {
    let mut command = Command::new("sh");
    command
        .args(["-c", LAUNCH, env!("CARGO_BIN_EXE_townclerk"), "serve", "--config"])
        .arg(config);
    command.stdin(Stdio::from(web.into())).stdout(Stdio::from(admin.into()));
    command
}

fn ask(address: SocketAddr) -> String {
    let mut visitor = Visitor::to(address);
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"));
    visitor.answer().text()
}

fn port() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").expect("a port")
}

#[test]
fn listeners_take_the_sockets_at_their_addresses_and_who_came_before_is_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("admin.sock");
    let (web, admin) = (port(), UnixListener::bind(&path).expect("a socket"));
    let address = web.local_addr().expect("an address");
    let (_office, config) = office(&Cms::page("ok"), address, &format!("unix:{}", path.display()));
    let mut early = Visitor::to(address);
    early.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    let mut command = launch(&config, web, admin);
    let mut line = Line::of(Serving::start_with(&mut command).unwrap_or_else(|said| panic!("{said:#?}")));
    drop(command); // with its copies of the sockets
    assert_eq!(early.answer().text(), "ok");
    assert_eq!(line.address(), address);
    let answers = || {
        let mut asks = UnixStream::connect(&path).expect("somebody listens");
        asks.write_all(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            .expect("it reads");
        let mut answer = String::new();
        asks.read_to_string(&mut answer).expect("it answers");
        answer
    };
    assert!(answers().starts_with("HTTP/1.1 200"));
    line.upgrade();
    drop(early);
    line.is_alone();
    assert_eq!(ask(address), "ok");
    assert!(answers().starts_with("HTTP/1.1 200"));
    line.stop();
    assert!(path.exists(), "the file is systemd's");
    assert!(Visitor::try_to(address).is_none(), "nobody holds the port any more");
}

#[test]
fn a_socket_on_which_nobody_would_answer_is_refused_by_its_name() {
    let (web, unwanted) = (port(), port());
    let at = unwanted.local_addr().expect("an address");
    let (_office, config) = office(&Cms::page("ok"), web.local_addr().expect("an address"), "127.0.0.1:0");
    let said = match Serving::start_with(&mut launch(&config, web, unwanted)) {
        Ok(_) => panic!("it serves"),
        Err(said) => said.concat(),
    };
    assert!(said.contains(&format!("{at} (admin)")), "{said}");
    assert!(said.contains("hint: ") && said.contains(".socket"), "{said}");
}

#[test]
fn systemd_itself_can_start_it_with_its_sockets() {
    if without("systemd-socket-activate", "--version", "systemd's sockets") {
        return;
    }
    let address = port().local_addr().expect("an address"); // free again
    let (_office, config) = office(&Cms::page("ok"), address, "127.0.0.1:0");
    let mut command = Command::new("systemd-socket-activate");
    command
        .arg(format!("--listen={address}"))
        .arg(env!("CARGO_BIN_EXE_townclerk"));
    command.args(["serve", "--config"]).arg(&config);
    let visiting = thread::spawn(move || {
        let mut answer = None;
        until(|| {
            answer = Visitor::try_to(address).map(|mut visitor| {
                visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"));
                visitor.answer().text()
            });
            answer.is_some()
        });
        answer
    });
    let serving = Serving::start_by(&mut command).unwrap_or_else(|said| panic!("{said:#?}"));
    assert_eq!(serving.address, address);
    assert_eq!(visiting.join().expect("no panic").as_deref(), Some("ok"));
    assert_eq!(serving.stop().code, Some(0));
}
