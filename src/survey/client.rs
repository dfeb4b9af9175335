//! Asks the CMS, one request after the other, as a browser with a cookie jar would: the proxy's own HTTP and TLS, with
//! bounds on everything that comes back.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, SET_COOKIE, USER_AGENT};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream, lookup_host};
use tokio::time::timeout;
use url::Url;

use super::Fault;
use super::jar::Jar;
use crate::clock::Clock;
use crate::config::{Lenient, Origin, Upstream};
use crate::proxy::{Trust, speaking};

/// By which the CMS's own log knows us.
pub(super) const AGENT: &str = concat!(
    "townclerk/",
    env!("CARGO_PKG_VERSION"),
    " (init; a look at the site before it is fronted)"
);

/// For one answer, from the connection to its last byte.
const PATIENCE: Duration = Duration::from_secs(15);

/// What is read of one page or style sheet.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Browsers hold about 180 cookies of a site.
const SET_COOKIES_MAX: usize = 100;

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    /// `text/html`, in lower case and without parameters; empty if it is not said.
    pub(crate) kind: String,
    /// Of pages and style sheets only.
    pub(crate) body: Vec<u8>,
    /// Whether it has more than was read.
    pub(crate) is_cut: bool,
}

impl Answer {
    pub(crate) fn is_page(&self) -> bool {
        matches!(&*self.kind, "text/html" | "application/xhtml+xml" | "")
    }

    /// The first of its `Set-Cookie` lines.
    pub(crate) fn set_cookies(&self) -> impl Iterator<Item = String> {
        let lines = self.fields.get_all(SET_COOKIE).into_iter().take(SET_COOKIES_MAX);
        lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned())
    }
}

/// A visitor of the CMS.
pub(crate) struct Client {
    upstream: Upstream,
    trust: Option<Arc<Trust>>,
    clock: Clock,
    link: Option<SendRequest<Empty<Bytes>>>,
    jar: Jar,
    host: String,
    agent: &'static str,
    further: HeaderMap,
}

impl Client {
    pub(crate) fn new(upstream: &Upstream, agent: &'static str, clock: &Clock) -> Result<Self, Fault> {
        Ok(Self {
            agent,
            further: HeaderMap::new(),
            upstream: upstream.clone(),
            trust: Trust::of(upstream, None).map_err(|error| Fault::Tls(error.to_string()))?,
            clock: clock.clone(),
            link: None,
            jar: Jar::of(""),
            host: String::new(),
        })
    }

    /// Brings this to a host from the beginning: a cookie, as `Set-Cookie` would write it.
    pub(crate) fn hold(&mut self, host: &str, cookie: &str) {
        if host != self.host {
            (self.host, self.jar) = (host.to_owned(), Jar::of(host));
        }
        self.jar.obey(cookie, "/", self.clock.now());
    }

    /// Sends these fields as well from now on.
    pub(crate) fn say(&mut self, fields: HeaderMap) {
        self.further = fields;
    }

    /// Puts up with what an old CMS gets wrong.
    pub(crate) fn put_up_with(&mut self, lenient: Lenient) {
        self.upstream.lenient = lenient;
        self.link = None;
    }

    /// Asks for an address of the site, whatever name the site has there.
    ///
    /// # Errors
    /// No answer, or none that is HTTP.
    pub(crate) async fn get(&mut self, url: &Url) -> Result<Answer, Fault> {
        match timeout(PATIENCE, self.ask(url)).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(fault)) => {
                self.link = None;
                Err(fault)
            }
            Err(_) => {
                self.link = None;
                Err(Fault::TooSlow(PATIENCE))
            }
        }
    }

    async fn ask(&mut self, url: &Url) -> Result<Answer, Fault> {
        let (link, response) = self.send(url).await?;
        let (head, body) = response.into_parts();
        let field = |name| {
            head.headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let kind = field(CONTENT_TYPE)
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let is_plain = matches!(field(CONTENT_ENCODING), "" | "identity");
        let mut answer = Answer {
            status: head.status,
            fields: head.headers,
            kind,
            body: Vec::new(),
            is_cut: !is_plain,
        };
        let now = self.clock.now();
        for line in answer.set_cookies() {
            self.jar.obey(&line, url.path(), now);
        }
        if is_plain && (answer.is_page() || answer.kind == "text/css") {
            (answer.body, answer.is_cut) = read(body).await?;
        } else if answer.status.is_redirection() {
            read(body).await?; // a few lines for old browsers
        } else {
            return Ok(answer); // what is left unread ends the connection
        }
        if !answer.is_cut {
            self.link = Some(link);
        }
        Ok(answer)
    }

    /// Sends on the connection that is there; if the CMS has closed that meanwhile, on a new one.
    async fn send(&mut self, url: &Url) -> Result<(SendRequest<Empty<Bytes>>, Response<Incoming>), Fault> {
        if let Some(mut link) = self.link.take()
            && link.ready().await.is_ok()
            && let Ok(response) = link.send_request(self.request(url)?).await
        {
            return Ok((link, response));
        }
        let mut link = self.connect().await?;
        let response = link.send_request(self.request(url)?).await;
        Ok((link, response.map_err(|error| fault(&error))?))
    }

    fn request(&mut self, url: &Url) -> Result<Request<Empty<Bytes>>, Fault> {
        let host = url.host_str().unwrap_or_default();
        if host != self.host {
            (self.host, self.jar) = (host.to_owned(), Jar::of(host));
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut request = Request::get(target)
            .header(HOST, authority)
            .header(USER_AGENT, self.agent)
            .header(ACCEPT, "text/html,application/xhtml+xml,text/css,*/*;q=0.5")
            .header(ACCEPT_LANGUAGE, "pl,en;q=0.5")
            .header("x-forwarded-proto", url.scheme());
        if let Some(cookies) = self.jar.field(url.path(), self.clock.now()) {
            request = request.header(COOKIE, cookies);
        }
        let mut request = request.body(Empty::new()).map_err(|_| Fault::NotHttp)?;
        request.headers_mut().extend(self.further.clone());
        Ok(request)
    }

    /// Connects to the first address that answers.
    async fn connect(&self) -> Result<SendRequest<Empty<Bytes>>, Fault> {
        let mut last = Fault::Unreachable(io::ErrorKind::NotFound.to_string());
        for origin in &self.upstream.origins {
            match timeout(self.upstream.connect_timeout, self.connect_to(origin)).await {
                Ok(Ok(link)) => return Ok(link),
                Ok(Err(fault)) => last = fault,
                Err(_) => last = Fault::Unreachable(io::ErrorKind::TimedOut.to_string()),
            }
        }
        Err(last)
    }

    async fn connect_to(&self, origin: &Origin) -> Result<SendRequest<Empty<Bytes>>, Fault> {
        let unreachable = |error: io::Error| Fault::Unreachable(error.to_string());
        match origin {
            Origin::Unix(path) => self.speak(UnixStream::connect(path).await.map_err(unreachable)?).await,
            Origin::Http { host, port } => self.speak(reach(host, *port).await.map_err(unreachable)?).await,
            Origin::Https { host, port } => {
                let stream = reach(host, *port).await.map_err(unreachable)?;
                let trust = self.trust.as_ref().ok_or_else(|| Fault::Tls(String::new()))?;
                let stream = trust.shake_hands(host, stream).await;
                self.speak(stream.map_err(|error| Fault::Tls(error.to_string()))?).await
            }
        }
    }

    async fn speak<S>(&self, stream: S) -> Result<SendRequest<Empty<Bytes>>, Fault>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let handshake = speaking(self.upstream.lenient).handshake(TokioIo::new(stream)).await;
        let (link, driver) = handshake.map_err(|error| fault(&error))?;
        // It ends with the link. What goes wrong there is told to who asks.
        tokio::spawn(driver);
        Ok(link)
    }
}

async fn reach(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in lookup_host((host, port)).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// The body, and whether it goes on.
async fn read(mut body: Incoming) -> Result<(Vec<u8>, bool), Fault> {
    let mut read = Vec::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| fault(&error))?;
        if let Some(data) = frame.data_ref() {
            read.extend_from_slice(&data[..data.len().min(BODY_BYTES_MAX - read.len())]);
        }
        if read.len() == BODY_BYTES_MAX {
            return Ok((read, true));
        }
    }
    Ok((read, false))
}

fn fault(error: &hyper::Error) -> Fault {
    match error.is_parse() {
        true => Fault::NotHttp,
        false => Fault::CutOff,
    }
}
