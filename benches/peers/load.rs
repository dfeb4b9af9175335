//! The load: wrk for HTTP/1.1, h2load for HTTP/2, visitors who come at a fixed rate, and visitors who come once.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use memchr::memmem;
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs::{default_provider, kx_group};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tokio_rustls::TlsConnector;

use crate::Fault;
use crate::upstream::SMALL;

/// Connections of wrk, and of the visitors at a fixed rate.
pub const CONNECTIONS: u32 = 64;
/// Connections of wrk for large bodies, and of visitors who come once.
const FEW: u32 = 8;
/// Connections of h2load, with as many requests at a time on each.
const HTTP2_CONNECTIONS: u32 = 8;
/// Requests a second at the fixed rate.
pub const RATE: u32 = 2_000;

/// As many requests as go over HTTP/1.1 and 64 connections in so many seconds; how many were answered.
pub fn http1(url: &str, seconds: u32) -> Result<u64, Fault> {
    wrk(url, CONNECTIONS, seconds)
}

/// The same over fewer, for large bodies.
pub fn large(url: &str, seconds: u32) -> Result<u64, Fault> {
    wrk(url, FEW, seconds)
}

fn wrk(url: &str, connections: u32, seconds: u32) -> Result<u64, Fault> {
    let said = run(
        "wrk",
        &[
            "-t1",
            &format!("-c{connections}"),
            &format!("-d{seconds}s"),
            "--timeout",
            "10s",
            url,
        ],
    )?;
    let bad = said
        .lines()
        .find(|line| line.contains("Socket errors") || line.contains("Non-2xx"));
    if let Some(bad) = bad {
        return Err(format!("wrk: {}", bad.trim()).into());
    }
    number_before(&said, " requests in ").ok_or_else(|| format!("wrk: {said}").into())
}

/// As many requests as go over HTTP/2 and TLS 1.3 in so many seconds; how many were answered.
pub fn http2(url: &str, seconds: u32) -> Result<u64, Fault> {
    let connections = HTTP2_CONNECTIONS;
    let arguments = [
        "-t1",
        &format!("-c{connections}"),
        &format!("-m{connections}"),
        &format!("-D{seconds}"),
        url,
    ];
    let said = run("h2load", &arguments)?;
    let expected = [
        "TLS Protocol: TLSv1.3",
        "Application protocol: h2",
        " 0 failed, 0 errored, 0 timeout",
        " 0 3xx, 0 4xx, 0 5xx",
    ];
    if let Some(missing) = expected.iter().find(|expected| !said.contains(**expected)) {
        return Err(format!("h2load does not say \"{missing}\": {said}").into());
    }
    number_before(&said, " succeeded").ok_or_else(|| format!("h2load: {said}").into())
}

/// Visitors who come 2,000 times a second over 64 connections, whatever the server does, for so many seconds. The times
/// to the last byte of each answer, in ms, sorted.
pub fn at_a_rate(address: SocketAddr, seconds: u32) -> Result<Vec<f64>, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let begin = Instant::now() + Duration::from_millis(50);
        let each = RATE * seconds / CONNECTIONS;
        let mut visitors = JoinSet::new();
        for number in 0..CONNECTIONS {
            let first = begin + number * Duration::from_secs(1) / RATE;
            visitors.spawn(visit(address, first, each));
        }
        let mut times = Vec::new();
        while let Some(visitor) = visitors.join_next().await {
            times.extend(visitor?.map_err(|error| format!("a visitor at a fixed rate: {error}"))?);
        }
        times.sort_by(f64::total_cmp);
        Ok(times)
    })
}

/// One connection's requests, each at its time. If the answer before comes later than that, the wait counts as well.
async fn visit(address: SocketAddr, first: Instant, requests: u32) -> io::Result<Vec<f64>> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut times = Vec::new();
    let mut read = Vec::with_capacity(4096);
    for number in 0..requests {
        let due = first + number * Duration::from_secs(1) * CONNECTIONS / RATE;
        let began = if Instant::now() > due {
            due
        } else {
            sleep_until(due).await;
            Instant::now() // the timer is up to 1 ms late, which is not the server's doing
        };
        ask(&mut stream, &mut read).await?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
}

/// Visitors who come once, as fast as they go, for so many seconds: each with a new connection, a full handshake of TLS
/// 1.3 and one request. How many were answered. All do the same key exchange, that which every contestant knows.
pub fn handshakes(address: SocketAddr, certificate: &Path, seconds: u32) -> Result<u64, Fault> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(certificate)?)?;
    let mut provider = default_provider();
    provider.kx_groups = vec![kx_group::X25519];
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    let tls = TlsConnector::from(Arc::new(config));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let end = Instant::now() + Duration::from_secs(u64::from(seconds));
        let mut visitors = JoinSet::new();
        for _ in 0..FEW {
            visitors.spawn(come_once_each(address, tls.clone(), end));
        }
        let mut answered = 0;
        while let Some(visitor) = visitors.join_next().await {
            answered += visitor?.map_err(|error| format!("a visitor who comes once: {error}"))?;
        }
        Ok(answered)
    })
}

/// One visitor after the other. How many were answered.
async fn come_once_each(address: SocketAddr, tls: TlsConnector, end: Instant) -> io::Result<u64> {
    let mut answered = 0;
    let mut read = Vec::with_capacity(4096);
    while Instant::now() < end {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let mut stream = tls.connect(name, stream).await?;
        if stream.get_ref().1.handshake_kind() != Some(HandshakeKind::Full) {
            return Err(io::Error::other("no full handshake"));
        }
        ask(&mut stream, &mut read).await?;
        stream.shutdown().await?;
        answered += 1;
    }
    Ok(answered)
}

/// Asks for the small page, and reads all of it.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, read: &mut Vec<u8>) -> io::Result<()> {
    let (path, bytes) = SMALL;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: benchmark\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    read.clear();
    while memmem::find(read, b"\r\n\r\n").is_none_or(|head| read.len() < head + 4 + bytes) {
        if stream.read_buf(read).await? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

fn run(program: &str, arguments: &[&str]) -> Result<String, Fault> {
    let said = Command::new(program).args(arguments).output()?;
    Ok(String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned())
}

/// The number that stands before a word.
fn number_before(text: &str, word: &str) -> Option<u64> {
    let (before, _) = text.split_once(word)?;
    before.split_whitespace().last()?.parse().ok()
}
