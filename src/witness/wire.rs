//! One request to a witness, and its answer: over a socket, TCP or TLS, bounded in time and size.

use std::io;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST};
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;

use super::ask::AskError;
use super::place::Place;

/// A longer answer is not read.
const ANSWER_MAX: usize = 64 << 10;

/// Sends the body of a request. The calling thread waits, for `patience` at most.
pub(super) fn post(place: &Place, body: String, patience: Duration) -> Result<(StatusCode, Bytes), AskError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(unreachable)?;
    let answer = runtime.block_on(async { tokio::time::timeout(patience, exchange(place, body)).await });
    runtime.shutdown_background(); // a name that is still being looked up is not waited for
    answer.unwrap_or(Err(AskError::TooSlow))
}

fn unreachable(error: io::Error) -> AskError {
    AskError::Unreachable(error.kind())
}

async fn exchange(place: &Place, body: String) -> Result<(StatusCode, Bytes), AskError> {
    match place {
        Place::Unix(path) => {
            let stream = UnixStream::connect(path).await.map_err(unreachable)?;
            speak(stream, "localhost", "", body).await
        }
        Place::Http {
            secure,
            host,
            port,
            prefix,
        } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await.map_err(unreachable)?;
            if !secure {
                return speak(stream, &place.authority(), prefix, body).await;
            }
            let name =
                ServerName::try_from(host.clone()).map_err(|_| AskError::Unreachable(io::ErrorKind::InvalidInput))?;
            let tls = TLS.clone().ok_or(AskError::Unreachable(io::ErrorKind::Unsupported))?;
            let stream = TlsConnector::from(tls)
                .connect(name, stream)
                .await
                .map_err(unreachable)?;
            speak(stream, &place.authority(), prefix, body).await
        }
    }
}

/// TLS with the authorities that this system trusted when it was first spoken.
static TLS: LazyLock<Option<Arc<ClientConfig>>> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .ok()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Some(Arc::new(config))
});

async fn speak<S>(stream: S, host: &str, prefix: &str, body: String) -> Result<(StatusCode, Bytes), AskError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let broken = |_: hyper::Error| AskError::Unreachable(io::ErrorKind::ConnectionAborted);
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let connection = tokio::spawn(connection);
    let request = http::Request::builder()
        .method(Method::POST)
        .uri(format!("{prefix}/add-checkpoint"))
        .header(HOST, host)
        .header(CONTENT_LENGTH, body.len())
        .body(Full::new(Bytes::from(body)))
        .map_err(|_| AskError::Unreachable(io::ErrorKind::InvalidInput))?;
    let answer = sender.send_request(request).await.map_err(broken)?;
    let status = answer.status();
    let not_understood = AskError::NotUnderstood {
        status: status.as_u16(),
    };
    let body = Limited::new(answer.into_body(), ANSWER_MAX).collect().await;
    connection.abort(); // it would wait for the next request
    Ok((status, body.map_err(|_| not_understood)?.to_bytes()))
}
