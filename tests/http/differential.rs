//! The same bytes to nginx, to HAProxy and to us, before the same CMS: we never let more requests through than the
//! stricter of them, and never another request line.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::drain::until;
use crate::skip;
use crate::town::{Cms, HOST, Town, cms};

use super::exchange;
use super::framing::{VECTORS, smuggled};

/// A proxy of somebody else's; it ends with the test.
struct Other {
    name: &'static str,
    address: SocketAddr,
    child: Child,
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address") // closed at once
}

fn start(name: &'static str, address: SocketAddr, command: &mut Command) -> Other {
    let child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it is installed");
    until(|| TcpStream::connect(address).is_ok());
    Other { name, address, child }
}

fn nginx(folder: &Path, cms: SocketAddr) -> Other {
    let address = free_port();
    let file = folder.join("nginx.conf");
    let place = folder.display();
    let config = format!(
        "daemon off; master_process off; pid {place}/pid; error_log /dev/null;\nevents {{}}\nhttp {{ access_log off;\n\
         client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c;\n\
         uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;\n\
         server {{ listen {address}; location / {{ proxy_pass http://{cms}; proxy_http_version 1.1;\n\
         proxy_set_header Host $http_host; proxy_ignore_client_abort on; }} }} }}\n"
    );
    fs::write(&file, config).expect("a file");
    start(
        "nginx",
        address,
        Command::new("nginx").arg("-e").arg("/dev/null").arg("-c").arg(file),
    )
}

fn haproxy(folder: &Path, cms: SocketAddr) -> Other {
    let address = free_port();
    let file = folder.join("haproxy.cfg");
    let config = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
         frontend f\n bind {address}\n default_backend b\nbackend b\n server s {cms}\n"
    );
    fs::write(&file, config).expect("a file");
    start("HAProxy", address, Command::new("haproxy").arg("-f").arg(file))
}

/// Requests that are no trick, tricks with lengths, and targets that are easily changed on the way.
fn requests() -> Vec<Vec<u8>> {
    let mut requests: Vec<Vec<u8>> = VECTORS.iter().map(|head| smuggled(head)).collect();
    for target in [
        "/a",
        "/%41%2f?x=%20",
        "//a//b",
        "/a/../b",
        "/a/./b/%2e%2e/c",
        "/?",
        "/a?b=c&d",
        "/a;b=c",
    ] {
        requests.push(format!("GET {target} HTTP/1.1\r\nHost: {HOST}\r\n\r\n").into_bytes());
    }
    for line in [
        "GET /a\u{0}b HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET  /a HTTP/1.1",
        "GET /a HTTP/1.9",
    ] {
        requests.push(format!("{line}\r\nHost: {HOST}\r\n\r\n").into_bytes());
    }
    requests
}

/// Both of `Content-Length` and `Transfer-Encoding: chunked`: nginx refuses; HAProxy and we obey the chunks, frame the
/// request anew and close the connection after it, as RFC 9112, section 6.1, allows.
fn has_both_lengths(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_lowercase();
    let has = |line: &str| text.lines().any(|other| other == line);
    has("content-length: 5") && has("transfer-encoding: chunked")
}

#[test]
fn we_let_no_more_through_than_nginx_and_haproxy() {
    if skip::without("nginx", "-v", "what nginx and HAProxy let through")
        || skip::without("haproxy", "-v", "what nginx and HAProxy let through")
    {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let cms = Cms::new(|request| cms::ok(&[], request.target()));
    let town = Town::before(&cms).open();
    let others = [
        nginx(folder.path(), cms.address()),
        haproxy(folder.path(), cms.address()),
    ];
    let lines = |address: SocketAddr, request: &[u8]| -> Vec<String> {
        let before = cms.received().len();
        exchange(address, request);
        cms.received()[before..]
            .iter()
            .map(|received| received.line.clone())
            .collect()
    };

    for request in requests() {
        let ours = lines(town.http(), &request);
        let theirs: Vec<(&str, Vec<String>)> = others
            .iter()
            .map(|other| (other.name, lines(other.address, &request)))
            .collect();
        let shown = String::from_utf8_lossy(&request);
        let least = theirs.iter().map(|(_, lines)| lines.len()).min().unwrap_or_default();
        let allowed = if has_both_lengths(&request) { 1 } else { least };
        assert!(ours.len() <= allowed, "{shown:?}: ours {ours:?}, theirs {theirs:?}");
        for (position, line) in ours.iter().enumerate() {
            let known = theirs.iter().any(|(_, lines)| lines.get(position) == Some(line));
            assert!(known, "{shown:?}: ours {ours:?}, theirs {theirs:?}");
        }
    }
}
