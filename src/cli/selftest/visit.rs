//! The visitor: two requests that hold what must not be kept, and what came back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, REFERER};
use http::{HeaderMap, HeaderValue};
use jiff::Timestamp;
use url::Url;

use crate::cli::speech::Problem;
use crate::clock::Clock;
use crate::config::{Site, Upstream};
use crate::policy::NamePattern;
use crate::survey::client::{Answer, Client};
use crate::survey::jar::{Lasts, SetCookie};

const AGENT: &str = concat!("townclerk/", env!("CARGO_PKG_VERSION"), " (selftest)");

/// An e-mail address and a PESEL that nobody has.
pub(super) const EMAIL: &str = "jan.kowalski@poczta.example";
pub(super) const PESEL: &str = "44051401359";

/// What was asked, and what came back.
pub(super) struct Visit {
    pub(super) began: Timestamp,
    /// Nobody else asks for it.
    pub(super) path: String,
    /// Long, of letters and digits: a token.
    pub(super) token: String,
    /// The value of a cookie that the policy does not list, and a password: nowhere may they be kept.
    pub(super) secrets: [String; 2],
    pub(super) statuses: [u16; 2],
    /// Every cookie that came.
    pub(super) cookies: Vec<SetCookie>,
    /// The name of a cookie whose forged value was sent, where the policy says that it is sealed.
    pub(super) forged: Option<String>,
    /// The name of the cookie that the policy does not list.
    pub(super) unlisted: String,
}

impl Visit {
    pub(super) fn go(site: &Site, way: &Upstream, url: Option<&str>, clock: &Clock) -> Result<Self, Problem> {
        let [name, path, token, cookie, password] = letters()?;
        let token = format!("{token}0123456789{token}");
        let base = match url {
            Some(url) => url.to_owned(),
            None => format!("http://{}", bracketed(&site.hosts[0])),
        };
        let base = Url::parse(&base).map_err(|error| Problem::new(format!("{base}: {error}")))?;
        let exact = |name: &NamePattern| match name {
            NamePattern::Exact(name) => Some(name.to_string()),
            NamePattern::Prefix(_) | NamePattern::Hex32(_) => None,
        };
        let cookies = &site.policy.cookies;
        let forged = cookies
            .allowed
            .iter()
            .filter(|listing| cookies.seal() && listing.ends.are_enforced());
        let mut visit = Self {
            began: clock.now(),
            path: format!("/townclerk-selftest-{path}"),
            token,
            secrets: [format!("cookie-{cookie}"), format!("secret-{password}")],
            statuses: [0; 2],
            cookies: Vec::new(),
            forged: forged.filter_map(|listing| exact(&listing.name)).next(),
            unlisted: format!("townclerk_selftest_{name}"),
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let asked = runtime.map_err(Problem::new)?.block_on(visit.ask(way, &base, clock));
        asked.map_err(|fault| {
            let hint = "see that `serve` runs, and whether the site is reached there; --url says where else";
            Problem::with_hint(format!("{base}: {fault}"), hint)
        })?;
        Ok(visit)
    }

    async fn ask(&mut self, way: &Upstream, base: &Url, clock: &Clock) -> Result<(), crate::survey::Fault> {
        let mut client = Client::new(way, AGENT, clock)?;
        let host = base.host_str().unwrap_or_default().to_owned();
        client.hold(&host, &format!("{}={}; Path=/", self.unlisted, self.secrets[0]));
        if let Some(forged) = &self.forged {
            client.hold(&host, &format!("{forged}=forged; Path=/"));
        }
        let answer = client.get(base).await?;
        self.came(0, &answer, clock);

        let mut fields = HeaderMap::new();
        fields.insert(REFERER, HeaderValue::from_static("https://www.example.org/selftest"));
        let password = BASE64.encode(format!("selftest:{}", self.secrets[1]));
        fields.extend(HeaderValue::try_from(format!("Basic {password}")).map(|value| (AUTHORIZATION, value)));
        client.say(fields);
        let mut url = base.clone();
        url.set_path(&self.path);
        url.query_pairs_mut()
            .append_pair("e-mail", EMAIL)
            .append_pair("pesel", PESEL)
            .append_pair("klucz", &self.token);
        let answer = client.get(&url).await?;
        self.came(1, &answer, clock);
        Ok(())
    }

    fn came(&mut self, at: usize, answer: &Answer, clock: &Clock) {
        self.statuses[at] = answer.status.as_u16();
        let now = clock.now();
        self.cookies
            .extend(answer.set_cookies().filter_map(|line| SetCookie::read(&line, now)));
    }

    /// The cookies that came to stay, and are not the deletion of one.
    pub(super) fn set(&self) -> impl Iterator<Item = &SetCookie> {
        self.cookies.iter().filter(|cookie| cookie.lasts != Lasts::Ended)
    }

    /// Whether it was told to delete this one.
    pub(super) fn deletes(&self, name: &str) -> bool {
        let mut ended = self.cookies.iter().filter(|cookie| cookie.lasts == Lasts::Ended);
        ended.any(|cookie| cookie.name == name)
    }
}

/// Letters that nobody has used before, without a digit, so that they are no token.
fn letters() -> Result<[String; 5], Problem> {
    let mut random = [[0; 12]; 5];
    for bytes in &mut random {
        aws_lc_rs::rand::fill(bytes).map_err(|_| Problem::new("there are no random bytes"))?;
    }
    Ok(random.map(|bytes| bytes.iter().map(|byte| char::from(b'a' + byte % 26)).collect()))
}

fn bracketed(host: &str) -> String {
    if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    }
}
