//! Nothing personal reaches the diagnostics, whatever goes wrong, and nothing that the policy does not name reaches the
//! disk.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::drain::until;
use crate::town::{Cms, HOST, Kept, Town, Visitor};

/// What a careless program would print somewhere.
const SECRETS: [&str; 9] = [
    "jan.kowalski@example.pl",
    "44051401359",
    "tajne-haslo",
    "ciasteczko-wartosc",
    "cialo-formularza",
    "Przegladarka-Jana",
    "poczta.example",
    "dXpheXRrb3duaWs6aGFzbG8",
    "adres-sciezka",
];

/// The built program, serving until it is told to stop.
struct Program {
    child: Child,
    address: SocketAddr,
}

impl Program {
    /// Starts it on a port of the system's choice that was free a moment ago.
    fn start(town: crate::town::Plan, folder: &std::path::Path) -> Self {
        let (config, _) = town.write(folder);
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|port| port.local_addr())
            .expect("a port");
        let text = std::fs::read_to_string(&config)
            .expect("text")
            .replace("127.0.0.1:0\"", &format!("{address}\""));
        std::fs::write(&config, text).expect("a file");
        let child = Command::new(env!("CARGO_BIN_EXE_townclerk"))
            .args(["serve", "--create-journal", "--config"])
            .arg(&config)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        crate::drain::until(|| std::net::TcpStream::connect(address).is_ok());
        Self { child, address }
    }

    /// SIGTERM, and all that it printed.
    fn stop(mut self) -> String {
        let pid = self.child.id().to_string();
        assert!(
            Command::new("kill")
                .args(["-TERM", &pid])
                .status()
                .expect("kill runs")
                .success()
        );
        let mut said = String::new();
        self.child
            .stderr
            .take()
            .expect("piped")
            .read_to_string(&mut said)
            .expect("text");
        self.child
            .stdout
            .take()
            .expect("piped")
            .read_to_string(&mut said)
            .expect("text");
        assert!(self.child.wait().expect("it ends").success(), "{said}");
        said
    }
}

fn request(target: &str, rest: &str) -> String {
    format!(
        "POST {target} HTTP/1.1\r\nHost: {HOST}\r\nCookie: PHPSESSID=ciasteczko-wartosc; inne=ciasteczko-wartosc\r\n\
         Authorization: Basic dXpheXRrb3duaWs6aGFzbG8=\r\nReferer: https://poczta.example/jan.kowalski@example.pl\r\n\
         User-Agent: Przegladarka-Jana\r\nConnection: close\r\n{rest}"
    )
}

/// How many roads there are below.
const ROADS: usize = 13;

/// Every road an exchange can take, with secrets in every part of it.
fn all_roads(address: SocketAddr) {
    let target = "/adres-sciezka/44051401359?e=jan.kowalski%40example.pl&haslo=tajne-haslo";
    let body = "Content-Length: 16\r\n\r\ncialo-formularza";
    let ask = |bytes: String| {
        let mut visitor = Visitor::to(address);
        visitor.try_send(bytes);
        visitor.rest();
    };
    ask(request(target, body));
    for broken in ["/urwij", "/bzdura", "/rozlacz"] {
        ask(request(&format!("{broken}{target}"), body));
    }
    ask(request(target, "Content-Length: 999999999\r\n\r\n"));
    ask(request(target, "Transfer-Encoding: gzip, chunked\r\n\r\n"));
    ask(request(target, "Expect: tajne-haslo\r\n\r\n"));
    ask(request(target, body).replace(HOST, "jan.kowalski@example.pl"));
    ask(request(target, body).replace(HOST, "adres-sciezka.example"));
    ask(request(target, "Zepsute tajne-haslo\r\n\r\n"));
    ask("tajne-haslo jan.kowalski@example.pl 44051401359\r\n\r\n".to_owned());
    ask(request(target, "Transfer-Encoding: chunked\r\n\r\nzz tajne-haslo\r\n"));
    let mut leaving = Visitor::to(address);
    leaving.try_send(request(&format!("/czekaj{target}"), body));
    drop(leaving);
}

fn careless_cms() -> Cms {
    Cms::writing(|request, stream| {
        let (answer, hang_up) = match request.target() {
            target if target.starts_with("/urwij") => {
                ("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\ntajne-haslo", true)
            }
            target if target.starts_with("/bzdura") => ("tajne-haslo ciasteczko-wartosc\r\n\r\n", true),
            target if target.starts_with("/rozlacz") => ("", true),
            _ => (
                "HTTP/1.1 200 OK\r\nSet-Cookie: inne=ciasteczko-wartosc; Max-Age=9\r\nContent-Length: 4\r\n\r\ntak\n",
                false,
            ),
        };
        let _ = stream.write_all(answer.as_bytes());
        if hang_up {
            let _ = stream.shutdown(Shutdown::Both);
        }
    })
}

#[test]
fn diagnostics_never_hold_anything_of_a_visitor() {
    let cms = careless_cms();
    let folder = tempfile::tempdir().expect("a folder");
    let town = Town::before(&cms)
        .upstream("answer_timeout = \"1 s\"")
        .table("[admin]\nlisten = [\"unix:admin.sock\"]");
    let program = Program::start(town, folder.path());
    all_roads(program.address);
    until(|| Kept::read(folder.path()).entries.len() == ROADS);
    let asked: String = ["/metrics", "/readyz", "/healthz"]
        .map(|path| {
            let mut admin = Visitor::over(UnixStream::connect(folder.path().join("admin.sock")).expect("a socket"));
            admin.send(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
            admin.answer().text()
        })
        .concat();
    let counted = "townclerk_exchanges_total{site=\"um.example.pl\",outcome=\"refused.host\",status=\"4xx\"} 1";
    assert!(asked.contains(counted), "the search looks at the real numbers: {asked}");
    // The names of cookies are there, as the inventory has them.
    for secret in SECRETS.iter().chain(&["127.0.0.1"]) {
        assert!(!asked.contains(secret), "{secret} in: {asked}");
    }
    let said = program.stop();
    assert!(
        said.contains("listening on"),
        "the search looks at the real output: {said}"
    );
    for secret in SECRETS {
        assert!(!said.contains(secret), "{secret} in: {said}");
    }
    assert_eq!(
        Kept::read(folder.path()).entries.len(),
        ROADS,
        "an entry for every road, and one only"
    );
}

#[test]
fn a_frugal_policy_leaves_nothing_of_a_visitor_on_disk() {
    let cms = careless_cms();
    let folder = tempfile::tempdir().expect("a folder");
    let frugal = Town::before(&cms)
        .upstream("answer_timeout = \"1 s\"")
        .policy("client_address = \"whole\"", "client_address = \"omitted\"")
        .policy("url = true", "url = false")
        .policy("external_referrer = \"url\"", "external_referrer = \"omitted\"")
        .policy(
            "internal_referrer_on_errors = true",
            "internal_referrer_on_errors = false",
        )
        .policy("user_agent = \"whole\"", "user_agent = \"family\"")
        .policy("auth_user = true", "auth_user = false");
    let program = Program::start(frugal, folder.path());
    all_roads(program.address);
    until(|| Kept::read(folder.path()).entries.len() == ROADS);
    program.stop();
    let kept = Kept::read(folder.path());
    for secret in SECRETS.iter().chain(&["127.0.0.1", "uzytkownik"]) {
        assert!(!kept.holds(secret), "{secret} is on disk");
    }
}

#[test]
fn with_the_offices_policy_cookies_passwords_and_bodies_stay_off_the_disk() {
    let cms = careless_cms();
    let town = Town::before(&cms).open();
    let address = town.http();
    thread::spawn(move || all_roads(address)).join().expect("all roads");
    let kept = town.close();
    for secret in [
        "jan.kowalski",
        "44051401359",
        "tajne-haslo",
        "ciasteczko-wartosc",
        "cialo-formularza",
        "dXpheXRrb3duaWs6aGFzbG8",
    ] {
        assert!(!kept.holds(secret), "{secret} is on disk");
    }
    assert!(
        kept.holds("adres-sciezka") && kept.holds("Przegladarka-Jana"),
        "what the policy names is"
    );
}
