//! A connection to the CMS that ends while a request is on its way: what may be asked again is, once.

use std::io::{BufRead, BufReader, Write};
use std::net::{Shutdown, SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use socket2::SockRef;

use crate::town::{Cms, HOST, Town, cms};

/// How a connection ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// In good order.
    Eof,
    /// With a reset.
    Reset,
    /// With half a status line.
    Partial,
}

/// A CMS whose connections answer one request, and end at the second; it counts the requests it read.
fn answering_once(end: End) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
            if !read(&mut reader) {
                continue;
            }
            count.fetch_add(1, SeqCst);
            stream.write_all(&cms::ok(&[], "ok")).expect("it reads");
            if !read(&mut reader) {
                continue;
            }
            count.fetch_add(1, SeqCst);
            match end {
                End::Eof => {}
                End::Reset => SockRef::from(&stream)
                    .set_linger(Some(Duration::ZERO))
                    .expect("a socket"),
                End::Partial => stream.write_all(b"HTTP/1.").expect("it reads"),
            }
        }
    });
    (address, asked)
}

/// Reads a head, and a body of one byte if it is a POST's.
fn read(reader: &mut impl BufRead) -> bool {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).unwrap_or(0) == 0 {
            return false;
        }
    }
    if head.contains("content-length: 1\r\n") {
        let body = reader.fill_buf().expect("a body").len().min(1);
        reader.consume(body);
    }
    true
}

/// Two requests, the second one over the connection that was used; its status, and how many requests the CMS read.
fn second(end: End, request: &str) -> (u16, usize, Vec<String>) {
    let (address, asked) = answering_once(end);
    let town = Town::before_address(address).listen("").open();
    let mut visitor = town.visitor();
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    assert_eq!(visitor.answer().status, 200);
    visitor.send(request.replace("HOST", HOST));
    let status = visitor.answer().status;
    drop(visitor);
    let errors = town.close().errors().iter().map(ToString::to_string).collect();
    (status, asked.load(SeqCst), errors)
}

#[test]
fn what_may_be_asked_twice_is_asked_once_more() {
    for end in [End::Eof, End::Reset] {
        for request in [
            "GET /a HTTP/1.1\r\nHost: HOST\r\n\r\n",
            "DELETE /a HTTP/1.1\r\nHost: HOST\r\n\r\n",
            "OPTIONS /a HTTP/1.1\r\nHost: HOST\r\n\r\n",
        ] {
            let (status, asked, errors) = second(end, request);
            assert_eq!((status, asked), (200, 3), "{end:?} {request}");
            assert_eq!(errors, ["-", "-"], "one entry each");
        }
    }
}

#[test]
fn what_is_asked_once_more_is_the_same() {
    let breaks = AtomicUsize::new(1);
    let cms = Cms::writing(move |request, stream| {
        let _ = match request.target() {
            "/a?b" if breaks.swap(0, SeqCst) == 1 => stream.shutdown(Shutdown::Both),
            _ => stream.write_all(&cms::ok(&[], "ok")),
        };
    });
    let town = Town::before(&cms).open();
    let mut visitor = town.visitor();
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    visitor.answer();
    visitor.send(format!(
        "GET /a?b HTTP/1.1\r\nHost: {HOST}\r\nX-A: 1\r\nX-A: 2\r\nX-B:\r\nAccept-Language: pl\r\n\r\n"
    ));
    assert_eq!(visitor.answer().status, 200);
    let received = cms.received();
    assert_eq!(received.len(), 3);
    assert_eq!(format!("{:?}", received[1]), format!("{:?}", received[2]));
    assert_eq!(received[2].all("x-a"), ["1", "2"]);
}

#[test]
fn what_may_do_harm_twice_is_not() {
    for request in [
        "POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n",
        "POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n\r\nx",
        "PATCH /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n",
        "PUT /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n\r\nx",
        "FOO /a HTTP/1.1\r\nHost: HOST\r\n\r\n",
    ] {
        let (status, asked, errors) = second(End::Eof, request);
        assert_eq!((status, asked), (502, 2), "{request}");
        assert_eq!(errors, ["-", "upstream.closed"]);
    }
}

#[test]
fn after_one_byte_of_an_answer_nothing_is_asked_again() {
    let (status, asked, _) = second(End::Partial, "GET /a HTTP/1.1\r\nHost: HOST\r\n\r\n");
    assert_eq!((status, asked), (502, 2));
}

#[test]
fn a_fresh_connection_that_ends_is_not_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(stream);
            if read(&mut reader) {
                count.fetch_add(1, SeqCst); // before the connection ends
            }
        }
    });
    let town = Town::before_address(address).open();
    assert_eq!(town.get("/").status, 502);
    assert_eq!(asked.load(SeqCst), 1);
}

/// A CMS on a socket in the file system whose first connection answers one request, and then takes no byte more: the
/// next write to it fails at once (EPIPE). It ends when it is told to. All other connections answer.
fn taking_no_more(path: &Path) -> (mpsc::Sender<()>, Arc<AtomicUsize>) {
    let listener = UnixListener::bind(path).expect("a socket");
    let (end, ended) = mpsc::channel();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    std::thread::spawn(move || {
        for (number, mut stream) in listener.incoming().flatten().enumerate() {
            let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
            if read(&mut reader) {
                count.fetch_add(1, SeqCst);
                stream.write_all(&cms::ok(&[], "ok")).expect("it reads");
            }
            if number == 0 {
                stream.shutdown(Shutdown::Read).expect("a socket");
                let _ = ended.recv();
            }
        }
    });
    (end, asked)
}

#[test]
fn what_could_not_be_written_is_asked_once_more_by_the_same_rules() {
    for (request, expected) in [
        ("GET /a HTTP/1.1\r\nHost: HOST\r\n\r\n", (200, 2)),
        ("POST /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 0\r\n\r\n", (502, 1)),
        ("PUT /a HTTP/1.1\r\nHost: HOST\r\nContent-Length: 1\r\n\r\nx", (502, 1)),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("cms.sock");
        let (end, asked) = taking_no_more(&path);
        let url = format!("\"unix:{}\"", path.display());
        let town = Town::before(&Cms::page("")).url(&url).open();
        let mut visitor = town.visitor();
        visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        assert_eq!(visitor.answer().status, 200);
        visitor.send(request.replace("HOST", HOST));
        std::thread::sleep(Duration::from_millis(200)); // were it too short, this would be the end in good order
        end.send(()).expect("it waits");
        assert_eq!((visitor.answer().status, asked.load(SeqCst)), expected, "{request}");
    }
}
