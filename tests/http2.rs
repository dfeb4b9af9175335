//! HTTP/2: every stream is an exchange with an entry of its own, and floods are bounded.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, Response, StatusCode};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tokio_rustls::TlsConnector;

use crate::drain::until;
use crate::town::{Cms, HOST, Town, cms};

pub fn tls(town: &Town) -> Arc<ClientConfig> {
    trusting(&town.certificate())
}

/// A visitor's side of TLS, who trusts this certificate.
pub fn trusting(certificate: &Path) -> Arc<ClientConfig> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_file(certificate).expect("PEM");
    roots.add(certificate).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("known versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

pub fn name() -> ServerName<'static> {
    ServerName::try_from(HOST).expect("a name")
}

/// Runs a visitor who speaks HTTP/2 over one connection.
fn visit<T>(town: &Town, visit: impl AsyncFnOnce(SendRequest<Bytes>) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let visiting = async {
        let stream = tokio::net::TcpStream::connect(town.https()).await.expect("it accepts");
        let stream = TlsConnector::from(tls(town))
            .connect(name(), stream)
            .await
            .expect("TLS");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
        let (send, connection) = h2::client::Builder::new()
            .initial_max_send_streams(100) // as browsers do, until they know better
            .handshake(stream)
            .await
            .expect("HTTP/2");
        let driver = tokio::spawn(connection);
        let result = visit(send).await;
        driver.abort();
        result
    };
    let visited = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), visiting).await });
    visited.expect("it does not take long")
}

pub fn get(path: &str) -> Request<()> {
    Request::get(format!("https://{HOST}{path}"))
        .body(())
        .expect("a request")
}

pub async fn ask(send: &SendRequest<Bytes>, request: Request<()>) -> Result<Response<Bytes>, h2::Error> {
    let mut send = send.clone().ready().await?;
    let (response, _) = send.send_request(request, true)?;
    let (parts, mut body) = response.await?.into_parts();
    let mut whole = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        whole.extend_from_slice(&data);
    }
    Ok(Response::from_parts(parts, whole.into()))
}

#[test]
fn a_request_reaches_the_cms_as_http_1_1_would_have_written_it() {
    let cms = Cms::saying(cms::ok(
        &["Keep-Alive: timeout=5", "Set-Cookie: spy=1", "X-Kept: 1"],
        "witaj",
    ));
    let town = Town::before(&cms).tls().open();
    let answer = visit(&town, async |send| {
        let mut request = get("/a%2Fb?c=%20");
        for crumb in ["PHPSESSID=a", "spy=1", "zapamietaj=b"] {
            request.headers_mut().append("cookie", crumb.parse().expect("a value"));
        }
        ask(&send, request).await.expect("an answer")
    });
    assert_eq!((answer.status(), &answer.body()[..]), (StatusCode::OK, &b"witaj"[..]));
    assert_eq!(
        answer.headers().get("x-kept").map(|value| value.as_bytes()),
        Some(&b"1"[..])
    );
    assert!(!answer.headers().contains_key("keep-alive") && !answer.headers().contains_key("set-cookie"));
    let request = cms.request();
    assert_eq!(request.line, "GET /a%2Fb?c=%20 HTTP/1.1");
    assert_eq!(request.all("host"), [HOST]);
    assert_eq!(request.all("cookie"), ["PHPSESSID=a; zapamietaj=b"]);
    assert_eq!(request.all("x-forwarded-proto"), ["https"]);
    let kept = town.close();
    assert_eq!(kept.errors(), ["-"]);
    assert_eq!(kept.entry()["network.protocol.version"], "2");
    assert_eq!(kept.entry()["url.path"], "/a%2Fb");
}

#[test]
fn crumbs_are_one_cookie_field_for_the_cms_when_nothing_is_enforced_too() {
    let cms = Cms::page("");
    let town = Town::before(&cms)
        .policy("mode = \"enforce\"", "mode = \"observe\"")
        .tls()
        .open();
    visit(&town, async |send| {
        let mut request = get("/");
        request.headers_mut().append("cookie", "a=1".parse().expect("a value"));
        request
            .headers_mut()
            .append("cookie", "b=2; c=3".parse().expect("a value"));
        ask(&send, request).await.expect("an answer")
    });
    assert_eq!(cms.request().all("cookie"), ["a=1; b=2; c=3"]);
}

#[test]
fn an_authority_and_a_host_that_differ_are_refused() {
    let cms = Cms::page("");
    let town = Town::before(&cms).tls().open();
    let status = |host: &str, request: Request<()>| {
        let mut request = request;
        request.headers_mut().insert("host", host.parse().expect("a value"));
        visit(&town, async |send| {
            ask(&send, request).await.expect("an answer").status().as_u16()
        })
    };
    assert_eq!(status("other.example", get("/")), 400);
    assert_eq!(status("UM.example.pl", get("/")), 200, "case does not matter");
    let elsewhere = Request::get("https://other.example/").body(()).expect("a request");
    assert_eq!(status("other.example", elsewhere), 421);
    assert_eq!(cms.received().len(), 1);
    assert_eq!(town.close().errors(), ["refused.host", "-", "refused.unknown_site"]);
}

#[test]
fn many_streams_of_one_connection_have_an_entry_each() {
    let cms = Cms::new(|request| cms::ok(&[], request.target()));
    let town = Town::before(&cms).tls().open();
    visit(&town, async |send| {
        let asked: Vec<_> = (0..300)
            .map(|number| {
                let send = send.clone();
                tokio::spawn(async move {
                    let path = format!("/{number}");
                    let answer = ask(&send, get(&path)).await.expect("an answer");
                    assert_eq!(&answer.body()[..], path.as_bytes());
                })
            })
            .collect();
        for asked in asked {
            asked.await.expect("an answer");
        }
    });
    assert_eq!(town.close().errors(), vec!["-"; 300]);
}

#[test]
fn bodies_go_up_and_may_be_too_large() {
    let cms = Cms::new(|request| cms::ok(&[], &request.body.len().to_string()));
    let town = Town::before(&cms)
        .tls()
        .table("[limits]\nbody_bytes = \"64 KiB\"")
        .open();
    let post = |length: usize| {
        visit(&town, async |send| {
            let mut send = send.ready().await.expect("it takes more");
            let request = Request::post(format!("https://{HOST}/")).body(()).expect("a request");
            let (response, mut body) = send.send_request(request, false).expect("it takes it");
            let _ = body.send_data(vec![b'x'; length].into(), true);
            let (parts, mut body) = response.await.expect("an answer").into_parts();
            let data = body.data().await.expect("a body").expect("bytes");
            (parts.status.as_u16(), String::from_utf8_lossy(&data).into_owned())
        })
    };
    assert_eq!(post(60_000), (200, "60000".to_owned()));
    assert_eq!(post(70_000).0, 413);
    assert_eq!(cms.request().field("transfer-encoding"), Some("chunked"));
    assert_eq!(town.close().errors(), ["-", "refused.body_too_large"]);
}

#[test]
fn an_answer_cut_off_by_the_cms_ends_in_a_reset_and_the_connection_goes_on() {
    for head in [
        "Content-Length: 100\r\n\r\nonly this",
        "Transfer-Encoding: chunked\r\n\r\n9\r\nonly this\r\n",
    ] {
        let head = head.to_owned();
        let cms = Cms::writing(move |request, stream| {
            if request.target() == "/whole" {
                let _ = stream.write_all(&cms::ok(&[], "whole"));
                return;
            }
            let _ = write!(stream, "HTTP/1.1 200 OK\r\n{head}");
            let _ = stream.shutdown(std::net::Shutdown::Both);
        });
        let town = Town::before(&cms).tls().open();
        visit(&town, async |send| {
            let error = ask(&send, get("/")).await.expect_err("a clean end would be a lie");
            assert!(error.is_reset() && error.is_remote(), "{error}");
            assert_eq!(
                &ask(&send, get("/whole")).await.expect("an answer").body()[..],
                b"whole"
            );
        });
        assert_eq!(town.close().errors(), ["cut_off.upstream", "-"]);
    }
}

/// A CMS that tells when it was asked, and answers when it is told to.
pub fn waiting() -> (Cms, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (asked, heard) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let (asked, wait) = (Mutex::new(asked), Mutex::new(wait));
    let cms = Cms::writing(move |_, stream| {
        let _ = asked.lock().expect("one").send(());
        let _ = wait.lock().expect("one").recv();
        let _ = stream.write_all(&cms::ok(&[], "done"));
    });
    (cms, heard, go_on)
}

#[test]
fn a_stream_that_the_visitor_resets_is_cut_off_by_the_visitor() {
    let (cms, heard, go_on) = waiting();
    let town = Town::before(&cms).tls().open();
    visit(&town, async |send| {
        let mut send = send.ready().await.expect("it takes more");
        let (response, mut stream) = send.send_request(get("/"), true).expect("it takes it");
        tokio::task::spawn_blocking(move || heard.recv())
            .await
            .expect("a thread")
            .expect("the CMS was asked");
        stream.send_reset(h2::Reason::CANCEL);
        drop(response);
        while town.entries() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    drop(go_on);
    assert_eq!(town.close().errors(), ["cut_off.visitor"]);
}

#[test]
fn a_visitor_who_takes_nothing_of_an_answer_is_cut_off_and_its_other_streams_are_not() {
    let cms = Cms::new(|request| match request.target() {
        "/big" => cms::ok(&[], &"x".repeat(8 << 20)),
        _ => cms::ok(&[], "small"),
    });
    let town = Town::before(&cms).tls().table("[limits]\nstall_time = \"1 s\"").open();
    visit(&town, async |send| {
        let mut ready = send.clone().ready().await.expect("it takes more");
        let (response, _) = ready.send_request(get("/big"), true).expect("it takes it");
        let (_, mut body) = response.await.expect("an answer").into_parts();
        let end = loop {
            match body.data().await {
                Some(Ok(_)) => {} // taken, but no room given for more
                end => break end,
            }
        };
        assert!(matches!(end, Some(Err(error)) if error.is_reset()));
        drop(body); // it held all the room that the visitor gives
        assert_eq!(&ask(&send, get("/")).await.expect("an answer").body()[..], b"small");
    });
    let mut errors: Vec<String> = town.close().errors().iter().map(ToString::to_string).collect();
    errors.sort();
    assert_eq!(errors, ["-", "cut_off.timeout"]);
}

#[test]
fn an_idle_connection_is_closed() {
    let town = Town::before(&Cms::page("x"))
        .tls()
        .table("[limits]\nidle_time = \"1 s\"")
        .open();
    visit(&town, async |send| {
        ask(&send, get("/")).await.expect("an answer");
        while ask(&send, get("/")).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1500)).await;
        }
    });
}

#[test]
fn what_has_begun_ends_before_the_server_does() {
    let (cms, heard, go_on) = waiting();
    let town = Town::before(&cms).tls().open();
    let town = Arc::new(Mutex::new(Some(town)));
    let closing = Arc::clone(&town);
    let kept = {
        let guard = town.lock().expect("one");
        let open = guard.as_ref().expect("it is open");
        let (address, tls) = (open.https(), tls(open));
        drop(guard);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        runtime.block_on(async move {
            let stream = tokio::net::TcpStream::connect(address).await.expect("it accepts");
            let stream = TlsConnector::from(tls).connect(name(), stream).await.expect("TLS");
            let (send, connection) = h2::client::handshake(stream).await.expect("HTTP/2");
            let driver = tokio::spawn(connection);
            let asked = tokio::spawn(async move { ask(&send, get("/")).await });
            tokio::task::spawn_blocking(move || heard.recv())
                .await
                .expect("a thread")
                .expect("the CMS was asked");
            let closing = std::thread::spawn(move || closing.lock().expect("one").take().expect("open").close());
            go_on.send(()).expect("the CMS waits");
            assert_eq!(&asked.await.expect("a task").expect("an answer").body()[..], b"done");
            assert!(driver.await.expect("a task").is_ok(), "it was told to go, and went");
            closing.join().expect("it closes")
        })
    };
    assert_eq!(kept.errors(), ["-"]);
}

#[test]
fn websockets_over_http_2_are_not_offered_and_connect_is_refused() {
    let cms = Cms::page("");
    let town = Town::before(&cms).tls().open();
    visit(&town, async |send| {
        ask(&send, get("/")).await.expect("an answer");
        assert!(!send.is_extended_connect_protocol_enabled());
        let connect = Request::connect(format!("{HOST}:443")).body(()).expect("a request");
        assert_eq!(ask(&send, connect).await.expect("an answer").status(), 405);
    });
    assert_eq!(town.close().errors(), ["-", "refused.target"]);
}

/// A visitor who writes frames by hand.
pub struct Raw(StreamOwned<ClientConnection, TcpStream>);

impl Raw {
    pub fn to(town: &Town) -> Self {
        Self::at(town.https(), &town.certificate())
    }

    pub fn at(address: SocketAddr, certificate: &Path) -> Self {
        let mut raw = Self::saying_at(address, certificate, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        assert!(raw.frame(SETTINGS, 0, 0, b""));
        raw
    }

    /// A handshake, and these bytes.
    pub fn saying(town: &Town, bytes: &[u8]) -> Self {
        Self::saying_at(town.https(), &town.certificate(), bytes)
    }

    fn saying_at(address: SocketAddr, certificate: &Path, bytes: &[u8]) -> Self {
        let connection = ClientConnection::new(trusting(certificate), name()).expect("a connection");
        let stream = TcpStream::connect(address).expect("it accepts");
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("a socket");
        let mut raw = Self(StreamOwned::new(connection, stream));
        raw.0.write_all(bytes).expect("it reads");
        raw.0.flush().expect("it reads");
        raw
    }

    /// Whether the server still takes frames.
    pub fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).expect("a frame").to_be_bytes();
        let mut frame = vec![length[1], length[2], length[3], kind, flags];
        frame.extend(stream.to_be_bytes());
        frame.extend(payload);
        self.0.write_all(&frame).and_then(|()| self.0.flush()).is_ok()
    }

    /// Says nothing more, and waits until the server closes.
    fn leaves(mut self) {
        self.0.sock.shutdown(std::net::Shutdown::Write).expect("a socket");
        self.rest();
    }

    /// Lets a write fail that the server does not take for a second.
    pub fn be_impatient(&mut self) {
        let patience = Some(Duration::from_secs(1));
        self.0.sock.set_write_timeout(patience).expect("a socket");
    }

    /// Everything until the server closes: types of frames and the last four bytes of each.
    pub fn rest(&mut self) -> Vec<(u8, Vec<u8>)> {
        let mut bytes = Vec::new();
        let _ = self.0.read_to_end(&mut bytes);
        let (mut frames, mut rest) = (Vec::new(), &bytes[..]);
        while let Some((head, after)) = rest.split_at_checked(9) {
            let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
            let Some((payload, after)) = after.split_at_checked(length) else {
                break;
            };
            frames.push((head[3], payload.to_vec()));
            rest = after;
        }
        frames
    }
}

/// `:method: GET`, `:scheme: https`, `:path: /`, `:authority: um.example.pl`, as HPACK writes them (RFC 7541).
pub fn fields(more: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![0x82, 0x87, 0x84, 0x01];
    let text = |block: &mut Vec<u8>, text: &str| {
        block.push(u8::try_from(text.len()).expect("short"));
        block.extend(text.as_bytes());
    };
    text(&mut block, HOST);
    for (name, value) in more {
        block.push(0);
        text(&mut block, name);
        text(&mut block, value);
    }
    block
}

pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
const GOAWAY: u8 = 7;
pub const WINDOW_UPDATE: u8 = 8;
pub const CONTINUATION: u8 = 9;
pub const END: u8 = 0x1 | 0x4;

#[test]
fn fields_of_a_connection_are_refused_by_a_reset_of_their_stream() {
    let cms = Cms::page("");
    let town = Town::before(&cms).tls().table("[limits]\nidle_time = \"1 s\"").open();
    for (name, value) in [
        ("connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "websocket"),
        ("keep-alive", "1"),
        ("te", "gzip"),
        ("X-Upper", "1"),
        ("x-a", "a\r\nb: c"),
        ("x-a", "a\0b"),
        ("x a", "1"),
    ] {
        let mut raw = Raw::to(&town);
        raw.frame(HEADERS, END, 1, &fields(&[(name, value)]));
        let frames = raw.rest();
        assert!(
            frames.iter().any(|(kind, _)| [RST_STREAM, GOAWAY].contains(kind)),
            "{name}: {frames:?}"
        );
        assert!(!frames.iter().any(|(kind, _)| *kind == HEADERS), "{name}: {frames:?}");
    }
    assert!(cms.received().is_empty(), "{:#?}", cms.received());
    assert_eq!(town.close().errors(), ["not_a_request.malformed"; 9]);
}

#[test]
fn a_refused_stream_has_an_entry_and_the_others_of_its_connection_have_theirs() {
    let cms = Cms::page("x");
    let town = Town::before(&cms).tls().table("[limits]\nidle_time = \"1 s\"").open();
    let mut raw = Raw::to(&town);
    for stream in 0..20_u32 {
        let name = if stream % 2 == 0 { "x-kept" } else { "keep-alive" };
        raw.frame(HEADERS, END, stream * 2 + 1, &fields(&[(name, "1")]));
    }
    raw.rest();
    let kept = town.close();
    let mut errors = kept.errors();
    errors.sort_unstable();
    assert_eq!(errors, [["-"; 10], ["not_a_request.malformed"; 10]].concat());
    assert_eq!(cms.received().len(), 10);
}

#[test]
fn streams_above_the_allowed_number_have_an_entry_each() {
    let (cms, heard, go_on) = waiting();
    let town = Town::before(&cms).tls().open();
    let mut raw = Raw::to(&town);
    for stream in 0..110_u32 {
        raw.frame(HEADERS, END, stream * 2 + 1, &fields(&[]));
    }
    heard.recv().expect("the CMS was asked");
    until(|| town.entries() == 10);
    drop((raw, go_on));
    let kept = town.close();
    let refused = |error: &str| error == "not_a_request.too_many_streams";
    assert_eq!(kept.errors().iter().filter(|error| refused(error)).count(), 10);
    assert_eq!(kept.errors().len(), 110);
}

#[test]
fn bytes_that_are_no_http_2_have_an_entry() {
    let broken_frames: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nHost: um.example.pl\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nGET / HTTP/1.1\r\nHost: um.example.pl\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\0\0\0\0\0\0x", // DATA of no stream
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x01\x01\x05\0\0\0\x01\xff", // no HPACK
    ];
    let town = Town::before(&Cms::page("x")).tls().open();
    for bytes in broken_frames {
        Raw::saying(&town, bytes).rest();
    }
    Raw::saying(&town, b"PRI * HTTP/2.0\r\n").leaves();
    let mut raw = Raw::to(&town);
    raw.frame(HEADERS, 0x1, 1, &fields(&[]));
    raw.leaves(); // in the middle of a head
    let mut errors = town
        .close()
        .errors()
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>();
    errors.sort_unstable();
    let [malformed, incomplete] = ["not_a_request.malformed", "not_a_request.incomplete"];
    assert_eq!(
        errors,
        [incomplete, incomplete, malformed, malformed, malformed, malformed]
    );
}

#[test]
fn a_connection_that_says_nothing_after_its_greeting_has_no_entry() {
    let town = Town::before(&Cms::page("x"))
        .tls()
        .table("[limits]\nidle_time = \"1 s\"")
        .open();
    Raw::to(&town).rest();
    assert_eq!(town.close().errors(), [""; 0]);
}

#[test]
fn a_head_above_the_limit_is_refused() {
    let cms = Cms::page("x");
    let town = Town::before(&cms)
        .tls()
        .table("[limits]\nhead_bytes = \"8 KiB\"")
        .open();
    visit(&town, async |send| {
        let mut request = get("/");
        for number in 0..100 {
            let name: http::HeaderName = format!("x-{number}").parse().expect("a name");
            request
                .headers_mut()
                .insert(name, "a".repeat(100).parse().expect("a value"));
        }
        match ask(&send, request).await {
            Ok(answer) => assert_eq!(answer.status(), 431),
            Err(error) => assert!(error.is_reset() || error.is_go_away(), "{error}"),
        }
    });
    assert!(cms.received().is_empty());
    let kept = town.close();
    assert_eq!(kept.errors(), ["not_a_request.head_too_large"]);
    assert_eq!(kept.entry()["http.response.status_code"], 431);
}
