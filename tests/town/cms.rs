//! A CMS that answers with the bytes a test gives it, and remembers what it was asked.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as the CMS got it.
#[derive(Clone, Debug, Default)]
pub struct Received {
    /// The request line.
    pub line: String,
    /// Field lines, as they came.
    pub fields: Vec<String>,
    /// The body, its framing taken off.
    pub body: Vec<u8>,
}

impl Received {
    pub fn target(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or_default()
    }

    /// Every value of a field.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let named = |line: &&String| line.split(':').next().is_some_and(|n| n.eq_ignore_ascii_case(name));
        self.fields
            .iter()
            .filter(named)
            .map(|line| line[name.len() + 1..].trim())
            .collect()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        self.all(name).first().copied()
    }
}

type Answering = dyn Fn(&Received, &mut TcpStream) + Send + Sync;

/// A listening CMS; it ends with the test process.
#[derive(Clone)]
pub struct Cms {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Cms {
    /// Answers every request with what the closure makes of it.
    pub fn new(answer: impl Fn(&Received) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::writing(move |request, stream| {
            let _ = stream.write_all(&answer(request)); // the proxy may have left
        })
    }

    /// Always the same bytes.
    pub fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::new(move |_| answer.clone())
    }

    /// 200 with this body.
    pub fn page(body: &str) -> Self {
        Self::saying(ok(&[], body))
    }

    /// 200 with this body; whoever asks for another protocol gets back what it then sends.
    pub fn page_and_echo(body: &str) -> Self {
        let page = ok(&[], body);
        Self::writing(move |request, stream| {
            if request.field("upgrade").is_none() {
                let _ = stream.write_all(&page);
                return;
            }
            let switch = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
            stream.write_all(switch.as_bytes()).expect("it reads");
            let mut bytes = [0; 64];
            while let Ok(length @ 1..) = stream.read(&mut bytes) {
                let _ = stream.write_all(&bytes[..length]);
            }
        })
    }

    /// Lets the closure write as it likes, to the byte.
    pub fn writing(answer: impl Fn(&Received, &mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let cms = Self {
            address: listener.local_addr().expect("an address"),
            received: Arc::default(),
        };
        let (received, answer): (_, Arc<Answering>) = (Arc::clone(&cms.received), Arc::new(answer));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (received, answer) = (Arc::clone(&received), Arc::clone(&answer));
                thread::spawn(move || serve(stream, &received, &*answer));
            }
        });
        cms
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn received(&self) -> Vec<Received> {
        self.received.lock().expect("no panic in the CMS").clone()
    }

    /// The only request.
    pub fn request(&self) -> Received {
        let received = self.received();
        assert_eq!(received.len(), 1, "{received:#?}");
        received[0].clone()
    }
}

/// A 200 with these field lines and this body.
pub fn ok(fields: &[&str], body: &str) -> Vec<u8> {
    let mut answer = String::from("HTTP/1.1 200 OK\r\n");
    fields.iter().for_each(|field| answer.push_str(&format!("{field}\r\n")));
    answer.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
    answer.into_bytes()
}

fn serve(stream: TcpStream, received: &Mutex<Vec<Received>>, answer: &Answering) {
    let mut reader = BufReader::new(stream.try_clone().expect("a handle"));
    let mut stream = stream;
    while let Some(request) = read(&mut reader) {
        received.lock().expect("no panic in the CMS").push(request.clone());
        answer(&request, &mut stream);
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut request = Received {
        line: line(reader)?,
        ..Received::default()
    };
    loop {
        match line(reader)? {
            end if end.is_empty() => break,
            field => request.fields.push(field),
        }
    }
    if request.field("transfer-encoding").is_some() {
        loop {
            let size = usize::from_str_radix(&line(reader)?, 16).expect("a chunk's size");
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk).ok()?;
            line(reader)?;
            if size == 0 {
                break;
            }
            request.body.extend(chunk);
        }
    } else if let Some(length) = request.field("content-length") {
        request.body = vec![0; length.parse().expect("a length")];
        reader.read_exact(&mut request.body).ok()?;
    }
    Some(request)
}

/// A line without its end; bytes that are not UTF-8 are kept as Latin-1.
fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut bytes = Vec::new();
    match reader.read_until(b'\n', &mut bytes) {
        Ok(1..) => Some(
            bytes
                .iter()
                .map(|&byte| char::from(byte))
                .collect::<String>()
                .trim_end()
                .to_owned(),
        ),
        _ => None,
    }
}
