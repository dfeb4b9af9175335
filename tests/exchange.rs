//! What travels, both ways: everything the visitor and the CMS say to each other, and nothing of their connections.

use crate::town::{Cms, HOST, Town, cms};

#[test]
fn a_page_reaches_the_visitor_and_one_entry_the_journal() {
    let cms = Cms::saying(cms::ok(&["Content-Type: text/html", "X-Powered-By: CMS"], "witaj"));
    let town = Town::before(&cms).open();

    let answer = town.ask(format!(
        "GET /aktualno%C5%9Bci?rok=2026 HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: Przegladarka/1.0\r\n\
         Referer: https://szukaj.example/wyniki\r\nConnection: close\r\n\r\n"
    ));
    let kept = town.close();

    assert_eq!((answer.status, answer.text().as_str()), (200, "witaj"));
    assert_eq!(answer.field("x-powered-by"), Some("CMS"));
    assert_eq!(cms.request().line, "GET /aktualno%C5%9Bci?rok=2026 HTTP/1.1");
    let entry = kept.entry();
    assert_eq!(entry["client.address"], "127.0.0.1");
    assert_eq!(entry["http.request.method"], "GET");
    assert_eq!(entry["url.path"], "/aktualno%C5%9Bci");
    assert_eq!(entry["url.query"], "rok=2026");
    assert_eq!(entry["http.response.status_code"], 200);
    assert_eq!(entry["http.response.body.size"], 5);
    assert_eq!(entry["user_agent.original"], "Przegladarka/1.0");
    assert_eq!(entry["townclerk.policy.version"], "1");
    assert!(entry.get("error.type").is_none(), "{entry}");
}

#[test]
fn the_cms_gets_host_as_it_came_and_learns_who_asks() {
    let cms = Cms::page("");
    let town = Town::before(&cms).open();

    town.ask(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}:8080\r\nAccept-Encoding: gzip, br;q=0.5\r\nConnection: close\r\n\r\n"
    ));

    let request = cms.request();
    assert_eq!(request.all("host"), [format!("{HOST}:8080")]);
    assert_eq!(request.all("x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(request.all("x-forwarded-proto"), ["http"]);
    assert_eq!(request.all("x-forwarded-host"), [format!("{HOST}:8080")]);
    assert_eq!(request.all("x-real-ip"), ["127.0.0.1"]);
    assert_eq!(
        request.all("forwarded"),
        [format!("for=127.0.0.1;host=\"{HOST}:8080\";proto=http")]
    );
    assert_eq!(request.all("accept-encoding"), ["gzip, br;q=0.5"]);
    assert_eq!(request.all("connection"), [""; 0]);
}

#[test]
fn fields_of_one_connection_do_not_travel_on() {
    let cms = Cms::saying(cms::ok(
        &[
            "Connection: X-Inner",
            "X-Inner: 1",
            "Keep-Alive: timeout=5",
            "X-Outer: 2",
        ],
        "",
    ));
    let town = Town::before(&cms).open();

    let answer = town.ask(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close, x-hop, host, cookie\r\nX-Hop: 1\r\nTE: gzip\r\n\
         Proxy-Authorization: Basic eDp5\r\nUpgrade: h2c\r\nCookie: PHPSESSID=a\r\nX-Kept: 2\r\n\r\n"
    ));

    let request = cms.request();
    for gone in [
        "connection",
        "x-hop",
        "te",
        "proxy-authorization",
        "upgrade",
        "keep-alive",
    ] {
        assert_eq!(request.field(gone), None, "{gone}");
    }
    assert_eq!(request.field("x-kept"), Some("2"));
    assert_eq!(
        request.field("cookie"),
        Some("PHPSESSID=a"),
        "a client cannot name it away"
    );
    assert_eq!(answer.field("x-inner"), None);
    assert_eq!(answer.field("keep-alive"), None);
    assert_eq!(answer.field("x-outer"), Some("2"));
}

#[test]
fn several_fields_of_one_name_keep_their_order() {
    let cms = Cms::saying(cms::ok(&["Link: <a>", "Link: <b>"], ""));
    let town = Town::before(&cms).open();

    let answer = town.ask(format!(
        "GET / HTTP/1.1\r\nHost: {HOST}\r\nX-A: 1\r\nX-A: 2\r\nConnection: close\r\n\r\n"
    ));

    assert_eq!(cms.request().all("x-a"), ["1", "2"]);
    assert_eq!(answer.all("link"), ["<a>", "<b>"]);
}

#[test]
fn bodies_go_up_with_a_length_or_in_chunks_as_they_came() {
    let cms = Cms::new(|request| cms::ok(&[], &request.body.len().to_string()));
    let town = Town::before(&cms).open();

    let length = town.ask(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 5\r\nConnection: close\r\n\r\nabcde"
    ));
    let chunks = town.ask(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
    ));

    assert_eq!((length.text().as_str(), chunks.text().as_str()), ("5", "5"));
    let received = cms.received();
    assert_eq!(
        (
            received[0].field("content-length"),
            received[0].field("transfer-encoding")
        ),
        (Some("5"), None)
    );
    assert_eq!(
        (
            received[1].field("content-length"),
            received[1].field("transfer-encoding")
        ),
        (None, Some("chunked"))
    );
    assert!(received.iter().all(|request| request.body == b"abcde"));
}

#[test]
fn an_expectation_is_answered_here_and_not_passed_on() {
    let cms = Cms::new(|request| cms::ok(&[], &String::from_utf8_lossy(&request.body)));
    let town = Town::before(&cms).open();

    let mut visitor = town.visitor();
    visitor.send(format!(
        "POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
    ));
    assert_eq!(visitor.head().0, 100);
    visitor.send("abc");

    assert_eq!(visitor.answer().text(), "abc");
    assert_eq!(cms.request().field("expect"), None);
}

#[test]
fn a_long_answer_streams_while_the_cms_still_writes_it() {
    use std::io::Write;
    use std::sync::mpsc;
    let (go_on, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let cms = Cms::writing(move |_, stream| {
        stream
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            .expect("it reads");
        let _ = wait.lock().expect("one request").recv();
        stream.write_all(b"6\r\nsecond\r\n0\r\n\r\n").expect("it reads");
    });
    let town = Town::before(&cms).open();

    let mut visitor = town.visitor();
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    visitor.head();
    assert_eq!(
        visitor.take(10),
        b"5\r\nfirst\r\n",
        "it came before the CMS wrote the rest"
    );
    go_on.send(()).expect("the CMS waits");
    assert_eq!(visitor.take(11), b"6\r\nsecond\r\n");
    assert_eq!(visitor.take(5), b"0\r\n\r\n");
    assert_eq!(town.close().entry()["http.response.body.size"], 11);
}

#[test]
fn head_204_and_304_have_no_body_and_keep_their_length() {
    let cms = Cms::new(|request| match request.target() {
        "/304" => b"HTTP/1.1 304 Not Modified\r\nETag: \"a\"\r\n\r\n".to_vec(),
        "/204" => b"HTTP/1.1 204 No Content\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n".to_vec(),
    });
    let town = Town::before(&cms).open();

    let mut visitor = town.visitor();
    for (method, path, status) in [("HEAD", "/", 200), ("GET", "/204", 204), ("GET", "/304", 304)] {
        visitor.send(format!("{method} {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
        let answer = visitor.answer_to(method);
        assert_eq!(answer.status, status);
        if method == "HEAD" {
            assert_eq!(answer.field("content-length"), Some("1234"));
        }
    }
    let kept = town.close();
    assert_eq!(kept.entries.len(), 3);
    assert!(
        kept.entries.iter().all(|entry| entry["http.response.body.size"] == 0),
        "{:#?}",
        kept.entries
    );
    assert_eq!(kept.errors(), ["-", "-", "-"]);
}

#[test]
fn many_requests_of_many_visitors_use_few_connections_and_leave_an_entry_each() {
    let cms = Cms::page("x");
    let town = Town::before(&cms).open();

    std::thread::scope(|scope| {
        for thread in 0..8 {
            let town = &town;
            scope.spawn(move || {
                let mut visitor = town.visitor();
                for number in 0..50 {
                    visitor.send(format!("GET /{thread}/{number} HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
                    assert_eq!(visitor.answer().status, 200);
                }
            });
        }
    });
    let kept = town.close();

    let mut paths: Vec<&str> = kept
        .entries
        .iter()
        .map(|entry| entry["url.path"].as_str().expect("a path"))
        .collect();
    paths.sort_unstable();
    paths.dedup();
    assert_eq!((kept.entries.len(), paths.len()), (400, 400));
}

#[test]
fn pipelined_requests_are_answered_in_order_with_an_entry_each() {
    let cms = Cms::new(|request| cms::ok(&[], request.target()));
    let town = Town::before(&cms).open();

    let mut visitor = town.visitor();
    visitor.send(format!(
        "GET /1 HTTP/1.1\r\nHost: {HOST}\r\n\r\nGET /2 HTTP/1.1\r\nHost: {HOST}\r\n\r\n"
    ));

    assert_eq!([visitor.answer().text(), visitor.answer().text()], ["/1", "/2"]);
    drop(visitor);
    assert_eq!(town.close().errors(), ["-", "-"]);
}

#[test]
fn the_times_of_an_entry_are_in_order() {
    let cms = Cms::page("x");
    let town = Town::before(&cms).open();
    town.get("/");
    let kept = town.close();
    let time =
        |key: &str| -> jiff::Timestamp { kept.entry()[key].as_str().expect("a time").parse().expect("RFC 3339") };
    assert!(time("timestamp") <= time("townclerk.sent"));
}
