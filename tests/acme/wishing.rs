//! An authority that wants a certificate replaced at once, and does nothing else.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;

use rustls::{ServerConnection, StreamOwned};
use serde_json::json;

use crate::town::certified;

/// Where it listens, and who vouches for it.
pub fn authority() -> (SocketAddr, String) {
    let (config, pem) = certified(&["127.0.0.1"]);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let _ = answer(StreamOwned::new(connection, stream), address); // who asks may leave
        }
    });
    (address, pem)
}

fn answer(mut stream: StreamOwned<ServerConnection, std::net::TcpStream>, own: SocketAddr) -> std::io::Result<()> {
    let mut head = BufReader::new(&mut stream).lines();
    let asked = head.next().transpose()?.unwrap_or_default();
    while head.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    drop(head);
    let at = |what: &str| format!("https://{own}/{what}");
    let (status, body) = match asked.split(' ').nth(1).unwrap_or_default() {
        "/dir" => {
            let known = ["newNonce", "newAccount", "newOrder", "renewalInfo"];
            let known = known.map(|what| (what.to_owned(), at(what).into()));
            (200, serde_json::Value::Object(known.into_iter().collect()))
        }
        path if path.starts_with("/renewalInfo/") => {
            let window = json!({ "start": "2020-01-01T00:00:00Z", "end": "2020-01-02T00:00:00Z" });
            (200, json!({ "suggestedWindow": window }))
        }
        _ => (503, json!({})),
    };
    let body = body.to_string();
    write!(
        stream,
        "HTTP/1.1 {status} Said\r\nRetry-After: 7200\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    stream.flush()
}
