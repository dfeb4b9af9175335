//! One visitor with one connection: to see what a proxy does, and to be idle.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::Fault;

/// A connection that is kept.
pub struct Visitor(TcpStream);

/// What came back.
pub struct Answer {
    /// In lower case.
    pub head: String,
    pub body: String,
}

impl Visitor {
    pub fn to(address: SocketAddr) -> Result<Self, Fault> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        Ok(Self(stream))
    }

    /// Asks for a page, takes all of it, and keeps the connection.
    pub fn get(&mut self, path: &str) -> Result<Answer, Fault> {
        let asked = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\n\r\n");
        self.0.write_all(asked.as_bytes())?;
        let mut read = Vec::new();
        loop {
            let mut bytes = [0; 4096];
            match self.0.read(&mut bytes)? {
                0 => return Err("the connection ended before the answer did".into()),
                count => read.extend_from_slice(&bytes[..count]),
            }
            let text = String::from_utf8_lossy(&read);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let head = head.to_ascii_lowercase();
                let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
                let length: usize = length.ok_or("an answer without Content-Length")?.trim().parse()?;
                if body.len() >= length {
                    return Ok(Answer {
                        head,
                        body: body.to_owned(),
                    });
                }
            }
        }
    }
}
