//! From page to page, log-in pages first, the nearest before the others.

use std::collections::{BTreeSet, HashSet, VecDeque};
use std::pin::pin;
use std::time::Duration;

use http::header::LOCATION;
use tokio::time::sleep;
use url::Url;

use super::client::{AGENT, Answer, Client};
use super::jar::{self, SetCookie};
use super::page::{self, Page, Use};
use super::{Bound, Cookie, Fault, Foreign, Lasts, MadeWith, Survey};
use crate::clock::Clock;
use crate::config::{Lenient, Origin, Upstream};
use crate::policy::{NamePattern, PRESETS, Traces, recognise};

/// How far a look goes.
pub(super) struct Bounds {
    /// Pages and style sheets asked for.
    pub(super) requests: usize,
    /// Links from the first page.
    pub(super) depth: usize,
    /// Bodies, all together.
    pub(super) bytes: usize,
    /// From the first request to the last.
    pub(super) time: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            requests: 60,
            depth: 2,
            bytes: 16 << 20,
            time: Duration::from_secs(60),
        }
    }
}

/// Redirects before the first page.
const REDIRECTS_MAX: usize = 10;
/// Of each of these no more is remembered: a page may name as many as it likes.
const WAITING_MAX: usize = 500;
const NAMES_MAX: usize = 200;
const PATHS_MAX: usize = 3;
const TRACES_MAX: usize = 2_000;
/// Addresses tried where no page links to a log-in.
const LOG_INS_TRIED: usize = 12;
/// The longest name of a cookie that is told.
const NAME_BYTES_MAX: usize = 64;

/// What an address stands for while it waits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hope {
    Page { depth: usize },
    LogIn,
    Sheet,
}

struct Crawl<'b> {
    client: Client,
    clock: Clock,
    bounds: &'b Bounds,
    survey: Survey,
    /// Names that are the site's own.
    own: BTreeSet<String>,
    /// Its first page.
    home: Url,
    waiting: VecDeque<(Url, Hope)>,
    met: HashSet<Url>,
    traces: Traces,
    asked: usize,
    bytes: usize,
}

pub(super) async fn crawl(
    upstream: &Upstream,
    host: Option<&str>,
    bounds: &Bounds,
    clock: &Clock,
) -> Result<Survey, Fault> {
    let start = start(upstream, host)?;
    let mut crawl = Crawl {
        client: Client::new(upstream, AGENT, clock)?,
        clock: clock.clone(),
        bounds,
        survey: Survey::default(),
        own: [start.host_str().unwrap_or_default().to_owned()].into(),
        home: start.clone(),
        waiting: VecDeque::new(),
        met: HashSet::new(),
        traces: Traces::default(),
        asked: 0,
        bytes: 0,
    };
    let mut end = pin!(sleep(bounds.time));
    let (first, answer) = tokio::select! {
        first = crawl.first_page(start, host.is_some()) => first?,
        () = &mut end => return Err(Fault::TooSlow(bounds.time)),
    };
    crawl.arrive(&first, &answer);
    let bound = tokio::select! {
        bound = crawl.go_on() => bound,
        () = &mut end => Some(Bound::Time),
    };
    crawl.survey.bound = bound;
    Ok(crawl.finish())
}

/// The address of the first page, as visitors would write it.
fn start(upstream: &Upstream, host: Option<&str>) -> Result<Url, Fault> {
    let (scheme, named, port) = match upstream.origins.first() {
        Some(Origin::Http { host, port }) => ("http", host.as_str(), *port),
        Some(Origin::Https { host, port }) => ("https", host.as_str(), *port),
        Some(Origin::Unix(_)) | None => ("http", "localhost", 80),
    };
    let (named, port) = host.map_or((named, Some(port)), |host| (host, None));
    let named = if named.contains(':') {
        format!("[{named}]")
    } else {
        named.to_owned()
    };
    let port = port.map(|port| format!(":{port}")).unwrap_or_default();
    let url = format!("{scheme}://{named}{port}/");
    Url::parse(&url).map_err(|error| Fault::Unreachable(format!("{url}: {error}")))
}

impl Crawl<'_> {
    /// Follows redirects to the first page, to the site's own name among them.
    async fn first_page(&mut self, start: Url, is_named: bool) -> Result<(Url, Answer), Fault> {
        let mut at = start;
        let mut met = HashSet::new();
        for _ in 0..REDIRECTS_MAX {
            let answer = self.get_leniently(&at).await?;
            self.note_cookies(&answer, &at);
            let next = match location(&answer, &at) {
                Some(next) => next,
                None if !answer.is_page() => return Err(Fault::NotHtml(answer.kind)),
                None if answer.status.as_u16() >= 400 => return Err(Fault::Refused(answer.status.as_u16())),
                None => match page::read(&answer.body, &at).refresh {
                    Some(next) if next != at && self.is_own(&next) && !met.contains(&next) => next,
                    _ => return Ok((at, answer)),
                },
            };
            if !self.is_own(&next) {
                let (from, to) = (at.host_str().unwrap_or_default(), next.host_str().unwrap_or_default());
                if !may_be_renamed(from, to) || is_named && !are_siblings(from, to) {
                    return Err(Fault::Elsewhere(to.to_owned()));
                }
                self.own.insert(to.to_owned());
                self.survey.renamed = true;
            }
            // With the cookies of the first answer the same page may be another one, once.
            if !met.insert(next.clone()) {
                return Err(Fault::Endless);
            }
            at = next;
        }
        Err(Fault::Endless)
    }

    /// Asks; where the CMS gets its head wrong, once more, putting up with one fault after the other, then with all.
    async fn get_leniently(&mut self, url: &Url) -> Result<Answer, Fault> {
        let strictly = self.get(url).await;
        if !matches!(strictly, Err(Fault::NotHttp)) || self.survey.lenient != Lenient::default() {
            return strictly;
        }
        for lenient in Lenient::one_by_one() {
            self.client.put_up_with(lenient);
            if let Ok(answer) = self.get(url).await {
                self.survey.lenient = lenient;
                return Ok(answer);
            }
        }
        self.client.put_up_with(Lenient::default());
        strictly
    }

    async fn get(&mut self, url: &Url) -> Result<Answer, Fault> {
        self.met.insert(url.clone());
        self.asked += 1;
        let answer = self.client.get(url).await?;
        self.bytes += answer.body.len();
        Ok(answer)
    }

    /// The first page is there: its name is the site's, and the log-in is looked for.
    fn arrive(&mut self, at: &Url, answer: &Answer) {
        self.home = at.clone();
        self.survey.unread += usize::from(answer.is_cut);
        self.survey.host = at.host_str().unwrap_or_default().to_owned();
        self.survey.is_secure = at.scheme() == "https";
        self.own.extend(sibling(&self.survey.host));
        let page = self.note_page(answer, at);
        let known = self.recognise();
        let presets = PRESETS
            .iter()
            .filter(|preset| known.as_ref().is_none_or(|known| known.preset.name == preset.name));
        let paths = presets.flat_map(|preset| preset.signs.log_in);
        // The site may lie in a folder, where its first page is.
        let tried = paths.flat_map(|path| [at.join(path), at.join(&format!("/{path}"))]);
        let mut guesses: Vec<Url> = Vec::new();
        for url in tried.flatten() {
            if guesses.len() < LOG_INS_TRIED && !guesses.contains(&url) {
                guesses.push(url);
            }
        }
        guesses.into_iter().rev().for_each(|url| self.wait(url, Hope::LogIn));
        self.queue(&page, 1);
    }

    /// Asks for what waits. What it ended by, if not by having seen all.
    async fn go_on(&mut self) -> Option<Bound> {
        while let Some((url, hope)) = self.waiting.pop_front() {
            if self.asked >= self.bounds.requests {
                return Some(Bound::Pages);
            }
            if self.bytes >= self.bounds.bytes {
                return Some(Bound::Bytes);
            }
            let Ok(answer) = self.get(&url).await else {
                self.survey.unread += 1;
                continue;
            };
            self.survey.unread += usize::from(answer.is_cut);
            self.note_cookies(&answer, &url);
            if let Some(next) = location(&answer, &url) {
                let hope = match hope {
                    Hope::Page { depth } => Hope::Page { depth: depth + 1 },
                    other => other,
                };
                self.wait(next, hope);
            } else if hope == Hope::Sheet {
                let calls = page::sheet(&String::from_utf8_lossy(&answer.body), &url);
                self.note_calls(&calls, &url);
            } else if answer.is_page() {
                let is_there = answer.status.is_success();
                if hope == Hope::LogIn && !is_there {
                    continue; // it was a guess
                }
                let page = self.note_page(&answer, &url);
                let depth = if let Hope::Page { depth } = hope {
                    depth
                } else {
                    self.bounds.depth
                };
                if is_there {
                    self.queue(&page, depth + 1);
                }
            }
        }
        None
    }

    fn note_page(&mut self, answer: &Answer, at: &Url) -> Page {
        let page = page::read(&answer.body, at);
        self.survey.pages.push((at.path().to_owned(), answer.status.as_u16()));
        let is_known = self.survey.log_ins.iter().any(|path| path == at.path());
        if page.asks_password && !is_known {
            self.survey.log_ins.push(at.path().to_owned());
        }
        let Traces { generators, fields, .. } = &mut self.traces;
        generators.extend(page.generators.iter().take(PATHS_MAX).cloned());
        generators.truncate(NAMES_MAX);
        for (name, value) in &answer.fields {
            if fields.len() < TRACES_MAX {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                fields.insert((name.as_str().to_owned(), value));
            }
        }
        for link in &page.links {
            self.note_path(&link.to);
        }
        self.note_calls(&page.calls, at);
        page
    }

    fn note_path(&mut self, url: &Url) {
        if self.is_own(url) && self.traces.paths.len() < TRACES_MAX {
            self.traces.paths.insert(url[url::Position::BeforePath..].to_owned());
        }
    }

    fn note_calls(&mut self, calls: &[(Use, Url)], at: &Url) {
        for (what, url) in calls {
            if self.is_own(url) {
                self.note_path(url);
                if *what == Use::Style {
                    self.wait(url.clone(), Hope::Sheet);
                }
                continue;
            }
            let host = url.host_str().unwrap_or_default();
            if self.survey.foreign.len() < NAMES_MAX || self.survey.foreign.contains_key(host) {
                let foreign: &mut Foreign = self.survey.foreign.entry(host.to_owned()).or_default();
                foreign.uses.insert(*what);
                remember(&mut foreign.called_on, at);
            }
        }
    }

    fn note_cookies(&mut self, answer: &Answer, at: &Url) {
        let now = self.clock.now();
        for cookie in answer.set_cookies().filter_map(|line| SetCookie::read(&line, now)) {
            let name = NamePattern::naming(&cookie.name).to_string();
            let cookies = &mut self.survey.cookies;
            if name.len() > NAME_BYTES_MAX || cookies.len() >= NAMES_MAX && !cookies.contains_key(&name) {
                continue;
            }
            let lasts = match cookie.lasts {
                jar::Lasts::Ended => Lasts::Deleted,
                jar::Lasts::Session => Lasts::Session,
                jar::Lasts::For(time) => Lasts::For(time),
            };
            self.traces.cookies.insert(cookie.name);
            let known = cookies.entry(name).or_insert_with(|| Cookie {
                lasts,
                set_on: BTreeSet::new(),
            });
            known.lasts = known.lasts.max(lasts);
            remember(&mut known.set_on, at);
        }
    }

    /// Links that lead on, those to a log-in before all others.
    fn queue(&mut self, page: &Page, depth: usize) {
        for link in &page.links {
            let path = link.to[url::Position::BeforePath..].to_ascii_lowercase();
            if LEAVES.iter().any(|word| path.contains(word)) {
                continue;
            }
            if LOGS_IN.iter().any(|word| path.contains(word)) {
                self.wait(link.to.clone(), Hope::LogIn);
            } else if !link.nofollow && depth <= self.bounds.depth {
                self.wait(link.to.clone(), Hope::Page { depth });
            }
        }
        if let Some(next) = page.refresh.clone().filter(|_| depth <= self.bounds.depth) {
            self.wait(next, Hope::Page { depth });
        }
    }

    fn wait(&mut self, url: Url, hope: Hope) {
        if !self.is_own(&url) || self.waiting.len() >= WAITING_MAX {
            return;
        }
        let url = self.at_home(url);
        if !self.met.insert(url.clone()) {
            return;
        }
        match hope {
            Hope::LogIn => self.waiting.push_front((url, hope)),
            Hope::Page { .. } | Hope::Sheet => self.waiting.push_back((url, hope)),
        }
    }

    /// By the one name that the first page has, whichever of its own a site writes in its links.
    fn at_home(&self, mut url: Url) -> Url {
        // What one web address has another can have.
        let _ = url.set_scheme(self.home.scheme());
        let _ = url.set_host(self.home.host_str());
        let _ = url.set_port(self.home.port());
        url
    }

    fn is_own(&self, url: &Url) -> bool {
        self.own.contains(url.host_str().unwrap_or_default())
    }

    fn recognise(&self) -> Option<MadeWith> {
        let (preset, signs) = recognise(&self.traces)?;
        Some(MadeWith { preset, signs })
    }

    fn finish(mut self) -> Survey {
        self.survey.made_with = self.recognise();
        self.survey
    }
}

/// Links with these words would change something for who is logged in. We are not, but it costs nothing to be polite.
const LEAVES: [&str; 6] = ["logout", "log-out", "wyloguj", "delete", "usun", "unsubscribe"];
/// Links with these words may lead to a log-in.
const LOGS_IN: [&str; 7] = [
    "login",
    "log-in",
    "logowanie",
    "zaloguj",
    "signin",
    "sign-in",
    "userlogin",
];

/// Where an answer sends its reader.
fn location(answer: &Answer, at: &Url) -> Option<Url> {
    let place = answer.fields.get(LOCATION).filter(|_| answer.status.is_redirection())?;
    let mut url = at.join(place.to_str().ok()?).ok()?;
    url.set_fragment(None);
    matches!(url.scheme(), "http" | "https").then_some(url)
}

fn remember(paths: &mut BTreeSet<String>, at: &Url) {
    if paths.len() < PATHS_MAX {
        paths.insert(at.path().to_owned());
    }
}

/// Whether the site may have this name: an address, or a name of one machine or container, says nothing of it.
fn may_be_renamed(from: &str, to: &str) -> bool {
    let says_nothing =
        !from.contains(|sign: char| sign.is_ascii_alphabetic()) || !from.contains('.') || from.contains(':');
    says_nothing || are_siblings(from, to)
}

fn are_siblings(one: &str, other: &str) -> bool {
    sibling(one).is_some_and(|sibling| sibling == other)
}

/// The same name with `www.`, or without.
fn sibling(host: &str) -> Option<String> {
    match host.strip_prefix("www.") {
        Some(bare) => Some(bare.to_owned()),
        None => host
            .contains(|sign: char| sign.is_ascii_alphabetic())
            .then(|| format!("www.{host}")),
    }
}
