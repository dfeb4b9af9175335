//! Asks the authority's directory: HTTP/1.1 over TLS, a connection for each request, bounded in time and size.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue, USER_AGENT};
use http::uri::PathAndQuery;
use http::{Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::proxy::Trust;

/// For one answer, from the connection to its last byte. Authorities may take their time to sign.
const PATIENCE: Duration = Duration::from_secs(60);

/// A longer answer is not read: a chain of certificates has a few thousand bytes.
const ANSWER_MAX: usize = 1 << 20;

/// By which the authority knows us (RFC 8555, section 6.1).
const AGENT: HeaderValue = HeaderValue::from_static(concat!("townclerk/", env!("CARGO_PKG_VERSION"), " instant-acme"));

/// Why there is no answer.
#[derive(Debug, Error)]
pub(super) enum Silence {
    #[error("{0} cannot be reached: {1}")]
    Unreachable(String, io::Error),
    #[error("{0} does not answer in time")]
    TooSlow(String),
    #[error("{0} does not speak HTTP, or ends in the middle of its answer")]
    Broken(String),
    #[error("the directory names something that is not at https://")]
    NotHttps,
}

/// Believes these authorities.
pub(super) struct Client(pub(super) Arc<Trust>);

impl HttpClient for Client {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let trust = Arc::clone(&self.0);
        Box::pin(async move {
            let host = request.uri().host().unwrap_or_default().to_owned();
            let answer = timeout(PATIENCE, ask(&trust, request)).await;
            let answer = answer.unwrap_or(Err(Silence::TooSlow(host)));
            answer
                .map(BytesResponse::from)
                .map_err(|error| Error::Other(Box::new(error)))
        })
    }
}

async fn ask(trust: &Trust, mut request: Request<BodyWrapper<Bytes>>) -> Result<Response<Full<Bytes>>, Silence> {
    let url = request.uri().clone();
    let authority = url.authority().filter(|_| url.scheme_str() == Some("https"));
    let authority = authority.ok_or(Silence::NotHttps)?;
    let host = authority.host().trim_start_matches('[').trim_end_matches(']');
    let unreachable = |error| Silence::Unreachable(host.to_owned(), error);
    let broken = |_| Silence::Broken(host.to_owned());

    let port = authority.port_u16().unwrap_or(443);
    let stream = TcpStream::connect((host, port)).await.map_err(unreachable)?;
    let stream = trust.shake_hands(host, stream).await.map_err(unreachable)?;
    let (mut link, driver) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    let driver = tokio::spawn(driver);
    let name = HeaderValue::from_str(authority.as_str()).map_err(|_| Silence::NotHttps)?;
    request.headers_mut().insert(HOST, name);
    request.headers_mut().insert(USER_AGENT, AGENT);
    let target = url.path_and_query().cloned();
    *request.uri_mut() = Uri::from(target.unwrap_or(PathAndQuery::from_static("/")));
    let (head, body) = link.send_request(request).await.map_err(broken)?.into_parts();
    let body = Limited::new(body, ANSWER_MAX).collect().await;
    driver.abort(); // it would wait for the next request
    let body = body.map_err(|_| Silence::Broken(host.to_owned()))?;
    Ok(Response::from_parts(head, Full::new(body.to_bytes())))
}
