//! A visitor who speaks HTTP/1.1 byte by byte, over whatever stream it is given.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// Nothing in these tests takes long; a wait this long is a fault.
const PATIENCE: Duration = Duration::from_secs(20);

/// An answer as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether the body came to its proper end.
    pub whole: bool,
}

impl Answer {
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// Anything that can be read and written.
pub trait Stream: Read + Write + Send {}
impl<S: Read + Write + Send> Stream for S {}

pub struct Visitor {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
    ended: bool,
}

impl Visitor {
    pub fn to(address: SocketAddr) -> Self {
        Self::try_to(address).expect("the server accepts")
    }

    /// `None` where nobody accepts.
    pub fn try_to(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        Some(Self::over(stream))
    }

    pub fn over(stream: impl Stream + 'static) -> Self {
        Self {
            stream: Box::new(stream),
            unread: Vec::new(),
            ended: false,
        }
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).expect("the server reads");
        self.stream.flush().expect("the server reads");
    }

    /// Like [`Visitor::send`], where the server may close first.
    pub fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.stream
            .write_all(bytes.as_ref())
            .and_then(|()| self.stream.flush())
            .is_ok()
    }

    /// The next answer, 1xx left out.
    pub fn answer(&mut self) -> Answer {
        self.answer_to("GET")
    }

    pub fn answer_to(&mut self, method: &str) -> Answer {
        self.try_answer_to(method).expect("an answer")
    }

    /// Like [`Visitor::answer`]; `None` where the server closes before a head is whole.
    pub fn try_answer(&mut self) -> Option<Answer> {
        self.try_answer_to("GET")
    }

    fn try_answer_to(&mut self, method: &str) -> Option<Answer> {
        loop {
            let (status, fields) = self.try_head()?;
            if !(100..200).contains(&status) || status == 101 {
                let field = |name: &str| {
                    fields
                        .iter()
                        .find(|(n, _)| n.eq_ignore_ascii_case(name))
                        .map(|(_, v)| v.clone())
                };
                let (body, whole) = if method == "HEAD" || matches!(status, 101 | 204 | 304) {
                    (Vec::new(), true)
                } else if field("transfer-encoding").is_some() {
                    self.chunks()
                } else if let Some(length) = field("content-length") {
                    let length = length.parse().expect("a length");
                    let body = self.take(length);
                    let whole = body.len() == length;
                    (body, whole)
                } else {
                    (self.rest(), true)
                };
                return Some(Answer {
                    status,
                    fields,
                    body,
                    whole,
                });
            }
        }
    }

    /// The status and fields of whatever head comes next, 1xx too.
    pub fn head(&mut self) -> (u16, Vec<(String, String)>) {
        self.try_head().expect("a head")
    }

    fn try_head(&mut self) -> Option<(u16, Vec<(String, String)>)> {
        let line = self.try_line()?;
        let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("not a status line: {line:?}"));
        let mut fields = Vec::new();
        loop {
            match self.try_line()? {
                end if end.is_empty() => return Some((status, fields)),
                field => {
                    let (name, value) = field
                        .split_once(':')
                        .unwrap_or_else(|| panic!("not a field: {field:?}"));
                    fields.push((name.to_owned(), value.trim().to_owned()));
                }
            }
        }
    }

    /// Everything until the server closes.
    pub fn rest(&mut self) -> Vec<u8> {
        while self.fill() {}
        std::mem::take(&mut self.unread)
    }

    /// Exactly so many bytes, or fewer if the server closes.
    pub fn take(&mut self, length: usize) -> Vec<u8> {
        while self.unread.len() < length && self.fill() {}
        let length = length.min(self.unread.len());
        self.unread.drain(..length).collect()
    }

    fn chunks(&mut self) -> (Vec<u8>, bool) {
        let mut body = Vec::new();
        loop {
            let Ok(size) = usize::from_str_radix(self.line().trim(), 16) else {
                return (body, false);
            };
            let chunk = self.take(size);
            let whole = chunk.len() == size;
            body.extend(chunk);
            self.line();
            if size == 0 || !whole {
                return (body, whole);
            }
        }
    }

    fn line(&mut self) -> String {
        self.try_line().unwrap_or_default()
    }

    fn try_line(&mut self) -> Option<String> {
        let end = loop {
            match self.unread.windows(2).position(|pair| pair == b"\r\n") {
                Some(end) => break end,
                None if self.fill() => {}
                None => return None,
            }
        };
        let line = self.unread.drain(..end + 2).map(char::from).collect::<String>();
        Some(line.trim_end().to_owned())
    }

    fn fill(&mut self) -> bool {
        let mut bytes = [0; 16 * 1024];
        if self.ended {
            return false;
        }
        match self.stream.read(&mut bytes) {
            Ok(0) => self.ended = true,
            Ok(length) => self.unread.extend(&bytes[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                panic!("the server kept silent for {PATIENCE:?}")
            }
            Err(_) => self.ended = true, // a reset ends it as well
        }
        !self.ended
    }
}
