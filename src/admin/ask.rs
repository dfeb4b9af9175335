//! The other end: asking the admin listener, from the command line.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http::header::HOST;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time;

use super::answer::ORDER;
use crate::config::AdminPlace;

/// A longer answer is not read.
const ANSWER_MAX: usize = 1 << 20;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether the process works.
    Health,
    /// Whether it keeps its promises.
    Readiness,
    /// To read the configuration again.
    Reload,
}

impl Question {
    fn path(self) -> &'static str {
        match self {
            Self::Health => "/healthz",
            Self::Readiness => "/readyz",
            Self::Reload => "/reload",
        }
    }
}

/// Asks, and reads the answer. The calling thread waits, for `patience` at most.
///
/// # Errors
/// Nobody answers there, or not in time, or not in HTTP.
pub(crate) fn ask(place: &AdminPlace, question: Question, patience: Duration) -> io::Result<(StatusCode, String)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let asking = async {
        match place.from_here() {
            AdminPlace::Unix(path) => speak(UnixStream::connect(path).await?, "localhost", question).await,
            AdminPlace::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                speak(stream, &address.to_string(), question).await
            }
        }
    };
    let asked = runtime.block_on(async { time::timeout(patience, asking).await });
    asked.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
}

async fn speak<S>(stream: S, host: &str, question: Question) -> io::Result<(StatusCode, String)>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let connection = tokio::spawn(connection);
    let mut request = Request::builder().uri(question.path()).header(HOST, host);
    if question == Question::Reload {
        request = request.method(Method::POST).header(ORDER, "reload");
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(io::Error::other)?;
    let answer = sender.send_request(request).await.map_err(io::Error::other)?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    connection.abort(); // it would wait for the next request
    let body = body.map_err(io::Error::other)?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
