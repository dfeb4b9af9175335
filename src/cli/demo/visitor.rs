//! A visitor: a browser's manners and cookie jar, without the browser.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCEPT, ACCEPT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, HOST, REFERER, SET_COOKIE, USER_AGENT,
};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::clock::Clock;
use crate::survey::jar::Jar;

const BROWSER: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// Everything is on this machine: whoever takes longer has stopped.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a request came to nothing.
#[derive(Debug, Error)]
pub(super) enum VisitError {
    /// Nobody answers at the address.
    #[error("the proxy of the demo cannot be reached: {0}")]
    Connect(io::Error),
    /// The answer broke off, or was none.
    #[error("the proxy of the demo did not answer: {0}")]
    Exchange(#[from] hyper::Error),
    /// It took too long.
    #[error("the proxy of the demo did not answer in {} s", PATIENCE.as_secs())]
    Timeout,
    /// The tour asks for something that is no request.
    #[error(transparent)]
    Request(#[from] http::Error),
}

/// What a visitor asks for.
pub(super) struct Ask<'a> {
    pub(super) method: Method,
    /// The path and query.
    pub(super) target: &'a str,
    pub(super) referrer: Option<String>,
    /// What a form sends.
    pub(super) form: Option<&'static str>,
}

/// What a visitor sees of the answer.
pub(super) struct Got {
    pub(super) status: StatusCode,
    /// The `Set-Cookie` fields, in order.
    pub(super) set: Vec<String>,
    /// What the page would have the browser load from other sites.
    pub(super) foreign: Foreign,
}

/// Hosts of other sites from which a page would load something.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Foreign {
    /// Those that a browser calls.
    pub(super) called: Vec<String>,
    /// Those that it does not, because the page's policy does not name them.
    pub(super) kept_out: Vec<String>,
}

impl Foreign {
    /// Reads it off a page and the policies that came with it, of which each must name a host that is called (CSP3).
    fn of(page: &str, policies: &[String]) -> Self {
        let loads = page.split("src=\"https://").skip(1);
        let hosts = loads.filter_map(|rest| rest.split(['/', '"']).next());
        let names = |policy: &String, host: &str| policy.split([' ', ';']).any(|word| word.starts_with(host));
        let is_called = |host: &&str| policies.iter().all(|policy| names(policy, host));
        let (called, kept_out): (Vec<_>, Vec<_>) = hosts.partition(is_called);
        let owned = |hosts: Vec<&str>| hosts.into_iter().map(str::to_owned).collect();
        Self {
            called: owned(called),
            kept_out: owned(kept_out),
        }
    }
}

/// Somebody with a browser.
pub(super) struct Visitor {
    pub(super) site: SocketAddr,
    pub(super) jar: Jar,
    clock: Clock,
}

impl Visitor {
    /// A visitor of the site at this address.
    pub(super) fn of(site: SocketAddr, clock: Clock) -> Self {
        Self {
            site,
            jar: Jar::of(site.ip().to_string()),
            clock,
        }
    }

    /// Asks, reads the answer to its end, and obeys its cookies.
    pub(super) async fn ask(&mut self, ask: Ask<'_>) -> Result<Got, VisitError> {
        let path = ask.target.split('?').next().unwrap_or_default().to_owned();
        let mut request = Request::builder()
            .method(ask.method)
            .uri(ask.target)
            .header(HOST, self.site.to_string())
            .header(USER_AGENT, BROWSER)
            .header(ACCEPT, "text/html")
            .header(ACCEPT_LANGUAGE, "pl,en;q=0.5");
        if let Some(referrer) = ask.referrer {
            request = request.header(REFERER, referrer);
        }
        if let Some(cookies) = self.jar.field(&path, self.clock.now()) {
            request = request.header(COOKIE, cookies);
        }
        if ask.form.is_some() {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        let request = request.body(Full::new(Bytes::from_static(ask.form.unwrap_or_default().as_bytes())))?;
        let got = timeout(PATIENCE, exchange(self.site, request))
            .await
            .map_err(|_| VisitError::Timeout)??;
        for line in &got.set {
            self.jar.obey(line, &path, self.clock.now());
        }
        Ok(got)
    }
}

async fn exchange(site: SocketAddr, request: Request<Full<Bytes>>) -> Result<Got, VisitError> {
    let stream = TcpStream::connect(site).await.map_err(VisitError::Connect)?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let lines = answer.headers().get_all(SET_COOKIE).iter();
    let set = lines
        .map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
        .collect();
    let policies = answer.headers().get_all(CONTENT_SECURITY_POLICY).iter();
    let policies: Vec<_> = policies
        .map(|policy| String::from_utf8_lossy(policy.as_bytes()).into_owned())
        .collect();
    let page = answer.into_body().collect().await?.to_bytes();
    let foreign = Foreign::of(&String::from_utf8_lossy(&page), &policies);
    drop(sender);
    let _ = connection.await; // the answer is here whole: how its connection ends does not matter
    Ok(Got { status, set, foreign })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_calls_what_every_policy_of_the_page_names() {
        let page =
            "<img src=\"/a.png\"><img src=\"https://pixel.example/p.gif\"><script src=\"https://map.example/s.js\">";
        let foreign = |policies: &[&str]| {
            let policies: Vec<_> = policies.iter().map(|policy| (*policy).to_owned()).collect();
            let Foreign { called, kept_out } = Foreign::of(page, &policies);
            (called.join(" "), kept_out.join(" "))
        };
        let of = |called: &str, kept_out: &str| (called.to_owned(), kept_out.to_owned());
        assert_eq!(foreign(&[]), of("pixel.example map.example", ""));
        let map = "default-src 'self' map.example:*; report-uri /r";
        assert_eq!(foreign(&[map]), of("map.example", "pixel.example"));
        assert_eq!(
            foreign(&[map, "default-src 'self'"]),
            of("", "pixel.example map.example")
        );
    }
}
