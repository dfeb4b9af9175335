//! One measurement: a contestant started afresh, seen to do the work, warmed up, loaded, and its log looked through.

use std::fs;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use clap::ValueEnum;

use crate::Fault;
use crate::contestant::{Contestant, Running, Site};
use crate::load;
use crate::processes;
use crate::upstream::{BIG, COOKIES, ECHO, PAGE, SMALL};
use crate::visitor::{Answer, Visitor};

/// Seconds of load before the load that counts.
const WARM_UP: u32 = 1;
/// Connections that stay open and idle, if the machine allows as many.
const IDLE: usize = 2_000;
/// How long the last lines may take to be written.
const LAST_LINES: Duration = Duration::from_millis(300);
/// How long a contestant may take to give back what an idle connection does not need.
const GIVEN_BACK: Duration = Duration::from_secs(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// 1 KB, HTTP/1.1
    Small,
    /// 30 KB, HTTP/1.1
    Page,
    /// 10 MB, HTTP/1.1
    Big,
    /// 1 KB, HTTP/1.1 over TLS 1.3
    Tls,
    /// 1 KB, each over a connection of its own with a full handshake of TLS 1.3
    Handshake,
    /// 1 KB, HTTP/2 over TLS 1.3
    Http2,
    /// 1 KB, HTTP/1.1, 2,000 requests a second
    Rate,
    /// System calls, counted by strace
    Calls,
    /// Memory of idle connections
    Idle,
}

impl Scenario {
    /// Whether it comes out otherwise from round to round; what is counted does not.
    pub fn varies(self) -> bool {
        !matches!(self, Self::Calls | Self::Idle)
    }

    /// Which program it lacks on this machine, and the remedy.
    pub fn missing(self) -> Option<String> {
        let (program, package) = match self {
            Self::Small | Self::Page | Self::Big | Self::Tls => ("wrk", "wrk"),
            Self::Http2 => ("h2load", "nghttp2-client"),
            Self::Calls => ("strace", "strace"),
            Self::Handshake | Self::Rate | Self::Idle => return None,
        };
        let found = Command::new(program).arg("--version").output();
        found
            .err()
            .map(|_| format!("{program} is not installed: on Debian, apt install {package}"))
    }
}

/// A row of the table. All are better the smaller they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Figure {
    SmallCpu,
    PageCpu,
    BigCpu,
    TlsCpu,
    HandshakeCpu,
    Http2Cpu,
    RateCpu,
    RateP99,
    Calls,
    AtRest,
    IdleConnection,
}

impl Figure {
    pub fn title(self) -> &'static str {
        match self {
            Self::SmallCpu => "CPU µs a request: 1 KB",
            Self::PageCpu => "CPU µs: 30 KB",
            Self::BigCpu => "CPU ms a GB: 10 MB",
            Self::TlsCpu => "CPU µs: 1 KB, TLS 1.3",
            Self::HandshakeCpu => "CPU µs: 1 KB, full TLS 1.3 handshake",
            Self::Http2Cpu => "CPU µs: 1 KB, HTTP/2",
            Self::RateCpu => "CPU µs: 1 KB, 2,000 requests/s",
            Self::RateP99 => "99th percentile in ms, 2,000 requests/s",
            Self::Calls => "system calls a request",
            Self::AtRest => "memory at rest, MiB",
            Self::IdleConnection => "memory of an idle connection, KiB",
        }
    }

    pub fn is_cpu(self) -> bool {
        self <= Self::RateCpu
    }
}

/// What one measurement found.
pub struct Cell {
    pub figures: Vec<(Figure, f64)>,
    /// How much of the machine others used meanwhile, where that was looked at: 0 to 1.
    pub others: Option<f64>,
}

pub fn measure(contestant: Contestant, scenario: Scenario, seconds: u32, site: &Site) -> Result<Cell, Fault> {
    let running = contestant.start(site)?;
    let mut requests = watch(contestant, &running)?;
    let small = format!("http://{}{}", running.http, SMALL.0);
    let page = format!("http://{}{}", running.http, PAGE.0);
    let big = format!("http://{}{}", running.http, BIG.0);
    let secret = format!("https://{}{}", running.tls, SMALL.0);
    let (sent, cell) = match scenario {
        Scenario::Small => under_load(&running, Figure::SmallCpu, |time| load::http1(&small, time), seconds)?,
        Scenario::Page => under_load(&running, Figure::PageCpu, |time| load::http1(&page, time), seconds)?,
        Scenario::Big => under_load(&running, Figure::BigCpu, |time| load::large(&big, time), seconds)?,
        Scenario::Tls => under_load(&running, Figure::TlsCpu, |time| load::http1(&secret, time), seconds)?,
        Scenario::Handshake => {
            let come_once = |time| load::handshakes(running.tls, &site.certificate(), time);
            under_load(&running, Figure::HandshakeCpu, come_once, seconds)?
        }
        Scenario::Http2 => under_load(&running, Figure::Http2Cpu, |time| load::http2(&secret, time), seconds)?,
        Scenario::Rate => at_a_rate(&running, seconds)?,
        Scenario::Calls => calls(&running, &small, seconds)?,
        Scenario::Idle => idle(&running)?,
    };
    requests += sent;
    sleep(LAST_LINES);
    let lines = running.stop_and_count_lines()? as u64;
    // Requests under way when a load ends are in the log as well.
    let most = requests + 4 * u64::from(load::CONNECTIONS);
    let least = requests - contestant.may_lose(requests);
    if !(least..=most).contains(&lines) {
        return Err(format!("{requests} requests, and {lines} lines in its log").into());
    }
    Ok(cell)
}

/// Looks at what the contestant does with cookies and addresses. Returns how many requests that took.
fn watch(contestant: Contestant, running: &Running) -> Result<u64, Fault> {
    let mut visitor = Visitor::to(running.http)?;
    let Answer { head, body } = visitor.get(ECHO)?;
    let echo = body.to_ascii_lowercase();
    if !echo.contains("x-forwarded-for: 127.0.0.1") {
        return Err("the CMS does not learn the visitor's address".into());
    }
    let cookies: Vec<&str> = head.lines().filter(|line| line.starts_with("set-cookie:")).collect();
    let lasting = |cookie: &&&str| cookie.contains("max-age") || cookie.contains("expires");
    let expected = if contestant.limits_cookies() { 0 } else { COOKIES };
    if cookies.len() != COOKIES || cookies.iter().filter(lasting).count() != expected {
        return Err(format!("not {COOKIES} cookies, of which {expected} last: {cookies:?}").into());
    }
    Ok(1)
}

/// Requests done, and what they cost.
struct Loaded {
    requests: u64,
    seconds: f64,
    others: f64,
}

impl Loaded {
    fn measure(running: &Running, load: impl FnOnce() -> Result<u64, Fault>) -> Result<Self, Fault> {
        let clocks = || {
            let (busy, all) = processes::machine_seconds();
            (
                processes::cpu_seconds(running.pid()),
                processes::own_cpu_seconds(),
                busy,
                all,
            )
        };
        let before = clocks();
        let requests = load()?;
        let after = clocks();
        if requests == 0 {
            return Err("no request was answered".into());
        }
        let seconds = after.0 - before.0;
        let others = (after.2 - before.2) - (after.1 - before.1) - seconds;
        let others = (others / (after.3 - before.3)).clamp(0.0, 1.0);
        Ok(Self {
            requests,
            seconds,
            others,
        })
    }

    /// CPU µs a request.
    fn cpu(&self) -> f64 {
        self.seconds * 1e6 / self.requests as f64
    }
}

/// As many requests as go.
fn under_load(
    running: &Running,
    figure: Figure,
    load: impl Fn(u32) -> Result<u64, Fault>,
    seconds: u32,
) -> Result<(u64, Cell), Fault> {
    let warm = load(WARM_UP)?;
    let loaded = Loaded::measure(running, || load(seconds))?;
    let cost = match figure {
        Figure::BigCpu => loaded.cpu() / 1e3 * (1e9 / BIG.1 as f64),
        _ => loaded.cpu(),
    };
    let cell = Cell {
        figures: vec![(figure, cost)],
        others: Some(loaded.others),
    };
    Ok((warm + loaded.requests, cell))
}

/// Requests at a fixed rate, and how long the slowest hundredth waits.
fn at_a_rate(running: &Running, seconds: u32) -> Result<(u64, Cell), Fault> {
    let warm = load::at_a_rate(running.http, WARM_UP)?.len();
    let mut times = Vec::new();
    let loaded = Loaded::measure(running, || {
        times = load::at_a_rate(running.http, seconds)?;
        Ok(times.len() as u64)
    })?;
    let p99 = times[times.len() * 99 / 100];
    let cell = Cell {
        figures: vec![(Figure::RateCpu, loaded.cpu()), (Figure::RateP99, p99)],
        others: Some(loaded.others),
    };
    Ok((warm as u64 + loaded.requests, cell))
}

/// System calls under load. strace slows a contestant down, so that it finds more to do each time it looks for work.
fn calls(running: &Running, url: &str, seconds: u32) -> Result<(u64, Cell), Fault> {
    let warm = load::http1(url, WARM_UP)?;
    let counts = running.folder().join("calls");
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-c", "-U", "calls,name", "-o"]).arg(&counts);
    for pid in processes::tree(running.pid()) {
        strace.args(["-p", &pid.to_string()]);
    }
    let mut strace = strace
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("strace: {error}"))?;
    sleep(Duration::from_millis(500)); // until it has attached itself to every thread
    let sent = load::http1(url, seconds);
    processes::signal(strace.id(), "INT");
    strace.wait()?;
    let sent = sent?;
    let text = fs::read_to_string(&counts).unwrap_or_default();
    let total = text
        .lines()
        .find_map(|line| line.trim().strip_suffix(" total")?.trim().parse::<f64>().ok());
    let total = total.ok_or("strace counted nothing: may it trace other processes here?")?;
    let figures = vec![(Figure::Calls, total / sent as f64)];
    Ok((warm + sent, Cell { figures, others: None }))
}

/// Memory with nobody there, and with many who asked once and stay connected.
fn idle(running: &Running) -> Result<(u64, Cell), Fault> {
    let files = processes::allow_many_files();
    let count = IDLE.min(files.saturating_sub(200) / 2);
    let at_rest = processes::pss_kib(running.pid())?;
    let mut visitors = Vec::with_capacity(count);
    for _ in 0..count {
        let mut visitor = Visitor::to(running.http)?;
        visitor.get(SMALL.0)?;
        visitors.push(visitor);
    }
    sleep(GIVEN_BACK);
    let held = processes::pss_kib(running.pid())?;
    let each = held.saturating_sub(at_rest) as f64 / count as f64;
    let figures = vec![
        (Figure::AtRest, at_rest as f64 / 1024.0),
        (Figure::IdleConnection, each),
    ];
    Ok((count as u64, Cell { figures, others: None }))
}
