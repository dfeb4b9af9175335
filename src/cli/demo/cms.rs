//! The sample site as a server: HTTP/1.1 on the loopback address, on a thread of its own.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderName, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use super::site;
use crate::clock::Clock;

/// What the CMS saw of an exchange, to be compared with what the visitor saw.
pub(in crate::cli) struct Seen {
    /// The `Cookie` fields that reached it.
    pub(super) sent: Vec<String>,
    /// The `Set-Cookie` fields that it answered with.
    pub(super) set: Vec<String>,
}

/// The running site; it stops when it is dropped.
pub(in crate::cli) struct Cms {
    pub(in crate::cli) address: SocketAddr,
    /// Dropped, it ends the thread.
    running: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

impl Cms {
    /// Starts it, with what it sees of each exchange for as long as somebody listens.
    pub(in crate::cli) fn start(clock: Clock) -> io::Result<(Self, Receiver<Seen>)> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (running, ended) = oneshot::channel();
        let (tell, seen) = mpsc::channel();
        let live = async move {
            match TcpListener::from_std(listener) {
                Ok(listener) => tokio::select! {
                    _ = ended => {}
                    () = accept(listener, clock, tell) => {}
                },
                Err(error) => tracing::error!("the sample site cannot listen: {error}"),
            }
        };
        let thread = thread::Builder::new()
            .name("sample-site".into())
            .spawn(move || runtime.block_on(live))?;
        Ok((
            Self {
                address,
                running: Some(running),
                thread: Some(thread),
            },
            seen,
        ))
    }
}

impl Drop for Cms {
    fn drop(&mut self) {
        self.running = None;
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the sample site ended in a panic");
        }
    }
}

async fn accept(listener: TcpListener, clock: Clock, tell: Sender<Seen>) {
    loop {
        // What fails here is a connection that is gone already.
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        let (clock, tell) = (clock.clone(), tell.clone());
        let answer = move |request: Request<Incoming>| {
            let (request, body) = request.into_parts();
            let answer = site::answer(&request, clock.now());
            let sent = fields(&request.headers, &COOKIE);
            let _ = tell.send(Seen {
                sent,
                set: fields(answer.headers(), &SET_COOKIE),
            }); // after the tour nobody listens
            async move {
                read_to_end(body).await;
                Ok::<_, Infallible>(answer)
            }
        };
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(async move {
            let _ = connection.await; // the proxy before it sees, and records, how a connection fails
        });
    }
}

/// Reads what a form sent, and forgets it.
async fn read_to_end(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

fn fields(headers: &HeaderMap, name: &HeaderName) -> Vec<String> {
    headers
        .get_all(name)
        .iter()
        .map(|field| String::from_utf8_lossy(field.as_bytes()).into_owned())
        .collect()
}
