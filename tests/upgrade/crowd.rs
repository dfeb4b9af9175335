//! Visitors who ask for page after page, each page once, and want every answer: over connections that are kept, over
//! new ones, over TLS, and over HTTP/2.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rustls::{ClientConfig, ClientConnection, StreamOwned};
use tokio_rustls::TlsConnector;

use crate::drain::until;
use crate::http2::{self, trusting};
use crate::town::{Answer, HOST, Visitor};

/// So many there were: each has paths of its own.
static CROWDS: AtomicUsize = AtomicUsize::new(0);

pub struct Crowd {
    enough: Arc<AtomicBool>,
    answered: Arc<AtomicUsize>,
    visitors: Vec<JoinHandle<Visit>>,
}

/// How a visitor comes.
#[derive(Clone)]
enum Way {
    Http(SocketAddr),
    Https(SocketAddr, Arc<ClientConfig>),
}

/// What was asked for and answered, and what was not answered as it should be.
type Visit = (Vec<String>, Option<String>);

impl Way {
    fn visitor(&self) -> Option<Visitor> {
        match self {
            Self::Http(address) => Visitor::try_to(*address),
            Self::Https(address, config) => {
                let stream = TcpStream::connect(address).ok()?;
                stream
                    .set_read_timeout(Some(Duration::from_secs(20)))
                    .expect("a socket");
                let connection = ClientConnection::new(Arc::clone(config), http2::name()).expect("a connection");
                Some(Visitor::over(StreamOwned::new(connection, stream)))
            }
        }
    }
}

impl Crowd {
    pub fn asking(http: SocketAddr, https: SocketAddr, certificate: &Path) -> Self {
        let mut tls = ClientConfig::clone(&trusting(certificate));
        let http2 = Arc::new(tls.clone());
        tls.alpn_protocols.clear();
        let (address, https) = (https, Way::Https(https, Arc::new(tls)));
        let http = Way::Http(http);
        let mut crowd = Self::of([
            (http.clone(), true),
            (http.clone(), true),
            (http.clone(), false),
            (http, false),
            (https.clone(), true),
            (https, false),
        ]);
        let (enough, answered) = (Arc::clone(&crowd.enough), Arc::clone(&crowd.answered));
        let name = format!("/{}-http2", CROWDS.fetch_add(1, SeqCst));
        crowd.visitors.push(thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let visit = browse_http2(&name, address, &http2, &enough, &answered);
            runtime.expect("a runtime").block_on(visit)
        }));
        crowd
    }

    pub fn over_http(address: SocketAddr) -> Self {
        Self::of([(Way::Http(address), true), (Way::Http(address), false)])
    }

    fn of(ways: impl IntoIterator<Item = (Way, bool)>) -> Self {
        let (enough, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let crowd = CROWDS.fetch_add(1, SeqCst);
        let ways = ways.into_iter().enumerate();
        let visitors = ways.map(|(number, (way, keeps))| {
            let (enough, answered) = (Arc::clone(&enough), Arc::clone(&answered));
            let name = format!("/{crowd}-{number}");
            thread::spawn(move || browse(&name, &way, keeps, &enough, &answered))
        });
        Self {
            visitors: visitors.collect(),
            enough,
            answered,
        }
    }

    /// Waits until some more were answered.
    pub fn goes_on(&self) {
        let so_far = self.answered.load(SeqCst);
        until(|| self.answered.load(SeqCst) >= so_far + 100);
    }

    /// What they asked for, all of which was answered.
    pub fn leave(self) -> Vec<String> {
        let asked = self.end().into_iter().map(|(asked, failed)| {
            assert_eq!(failed, None);
            asked
        });
        asked.flatten().collect()
    }

    /// Whatever became of them.
    pub fn leave_as_it_is(self) {
        self.end();
    }

    fn end(self) -> Vec<Visit> {
        self.enough.store(true, SeqCst);
        let visitors = self.visitors.into_iter();
        visitors.map(|visitor| visitor.join().expect("no panic")).collect()
    }
}

fn browse(name: &str, way: &Way, keeps: bool, enough: &AtomicBool, answered: &AtomicUsize) -> Visit {
    let (mut asked, mut kept) = (Vec::new(), None);
    for page in 0.. {
        if enough.load(SeqCst) {
            break;
        }
        let path = format!("{name}/{page}");
        let Some(mut visitor) = kept.take().or_else(|| way.visitor()) else {
            return (asked, Some(format!("{path}: nobody accepts")));
        };
        let connection = if keeps { "keep-alive" } else { "close" };
        let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: {connection}\r\n\r\n");
        let answer = visitor.try_send(request).then(|| visitor.try_answer()).flatten();
        match answer {
            Some(Answer {
                status: 200,
                whole: true,
                ref fields,
                ..
            }) => {
                let closes =
                    |(name, value): &(String, String)| name.eq_ignore_ascii_case("connection") && value == "close";
                kept = (keeps && !fields.iter().any(closes)).then_some(visitor);
            }
            other => return (asked, Some(format!("{path}: {other:?}"))),
        }
        asked.push(path);
        answered.fetch_add(1, SeqCst);
    }
    (asked, None)
}

/// Where the server says that a connection has had its last request, the next one goes over another, as with browsers.
async fn browse_http2(
    name: &str,
    address: SocketAddr,
    tls: &Arc<ClientConfig>,
    enough: &AtomicBool,
    answered: &AtomicUsize,
) -> Visit {
    let (mut asked, mut page) = (Vec::new(), 0);
    while !enough.load(SeqCst) {
        let connected = async {
            let stream = tokio::net::TcpStream::connect(address).await?;
            let stream = TlsConnector::from(Arc::clone(tls))
                .connect(http2::name(), stream)
                .await?;
            h2::client::handshake(stream).await.map_err(std::io::Error::other)
        };
        let (send, connection) = match connected.await {
            Ok(connected) => connected,
            Err(error) => return (asked, Some(format!("{name}: nobody accepts: {error}"))),
        };
        let driver = tokio::spawn(connection);
        // Once at least: a connection without a request is not how a browser comes.
        loop {
            let path = format!("{name}/{page}");
            match http2::ask(&send, http2::get(&path)).await {
                Ok(answer) if answer.status() == 200 => {
                    asked.push(path);
                    answered.fetch_add(1, SeqCst);
                    page += 1;
                    if enough.load(SeqCst) {
                        break;
                    }
                }
                Err(error) if error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR) => break,
                other => return (asked, Some(format!("{path}: {other:?}"))),
            }
        }
        drop(send);
        driver.abort();
    }
    (asked, None)
}
