//! The load: wrk for HTTP/1.1, h2load for HTTP/2, and visitors who come at a fixed rate.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use memchr::memmem;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::Fault;
use crate::upstream::SMALL;

/// Connections of wrk, and of the visitors at a fixed rate.
pub const CONNECTIONS: u32 = 64;
/// Connections of h2load, with as many requests at a time on each.
const HTTP2_CONNECTIONS: u32 = 8;
/// Requests a second at the fixed rate.
pub const RATE: u32 = 2_000;

/// As many requests as go over HTTP/1.1 and 64 connections in so many seconds; how many were answered.
pub fn http1(url: &str, seconds: u32) -> Result<u64, Fault> {
    let said = run(
        "wrk",
        &[
            "-t1",
            &format!("-c{CONNECTIONS}"),
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
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: benchmark\r\n\r\n",
        SMALL.0
    );
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
        stream.write_all(request.as_bytes()).await?;
        read.clear();
        while memmem::find(&read, b"\r\n\r\n").is_none_or(|head| read.len() < head + 4 + SMALL.1) {
            if stream.read_buf(&mut read).await? == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
        }
        times.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(times)
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
