//! A browser with a cookie jar, and the visit. It reads cookies by itself: what townclerk thinks of them must not count
//! here.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::wiki::{LOGIN, NAME, PASSWORD};
use crate::town::{Answer, HOST, Visitor};

/// What is written into the page; it passes through a form, so it holds what forms must escape.
const EDIT: &str = "Czynne od 7.30 do 15.30, w środy + do 17";

/// What a visitor saw.
#[derive(Default)]
pub struct Visit {
    /// Every request: method and path.
    pub asked: Vec<(&'static str, String)>,
    /// Names of cookies that came with a lifetime and were no deletions.
    pub lasting: BTreeSet<String>,
    /// Every value of a cookie that came.
    pub values: BTreeSet<String>,
    /// Names of the cookies held after the edit.
    pub in_the_session: Vec<String>,
    pages: Pages,
}

/// The pages on which the visit shows whether it went well.
#[derive(Default)]
struct Pages {
    first: String,
    logged_in: String,
    edited: String,
    logged_out: String,
    /// Names of the cookies still held at the end.
    left: Vec<String>,
}

impl Visit {
    /// The login worked, the edit is there, the logout took the login away.
    pub fn went_well(&self) {
        let Pages {
            first,
            logged_in,
            edited,
            logged_out,
            left,
        } = &self.pages;
        assert!(!first.contains(NAME) && first.contains("do=login"), "{first}");
        assert!(
            logged_in.contains(NAME) && logged_in.contains("do=logout"),
            "{logged_in}"
        );
        assert!(edited.contains(EDIT) && edited.contains(NAME), "{edited}");
        assert!(
            !logged_out.contains(NAME) && logged_out.contains("do=login"),
            "{logged_out}"
        );
        assert!(logged_out.contains(EDIT), "the page stays");
        assert!(
            !left.iter().any(|name| super::kind(name) == "DW<md5>"),
            "a login is left: {left:?}"
        );
    }
}

pub struct Browser {
    address: SocketAddr,
    /// Open between two requests, as browsers have it.
    connection: Option<Visitor>,
    jar: BTreeMap<String, String>,
    /// So far.
    pub visit: Visit,
}

impl Browser {
    pub fn to(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
            jar: BTreeMap::new(),
            visit: Visit::default(),
        }
    }

    /// Opens the wiki with all that its page needs, logs in to be remembered, edits, looks at what is new, logs out.
    pub fn visit(mut self) -> Visit {
        let start = "/doku.php?id=start";
        let first = self.get(start).text();
        for part in parts(&first) {
            assert_eq!(self.get(&part).status, 200, "{part}");
        }
        let form = self.get("/doku.php?id=start&do=login").text();
        let mut fields = hidden(&form, "dw__login");
        fields.extend([("u", LOGIN), ("p", PASSWORD), ("r", "1")].map(pair));
        let logged_in = self.post(start, &fields).text();

        let form = self.get("/doku.php?id=start&do=edit").text();
        let mut fields = hidden(&form, "dw__editform");
        fields.extend([("wikitext", EDIT), ("summary", ""), ("do[save]", "1")].map(pair));
        let edited = self.post(start, &fields).text();
        self.visit.in_the_session = self.jar.keys().cloned().collect();

        let news = self.get("/doku.php?id=start&do=recent&show_changes=pages");
        assert!(news.text().contains(LOGIN), "{}", news.text());

        let logout = links(&edited)
            .find(|link| link.contains("do=logout"))
            .expect("a link to log out");
        self.get(&logout);
        let logged_out = self.get(start).text();
        let left = self.jar.into_keys().collect();
        self.visit.pages = Pages {
            first,
            logged_in,
            edited,
            logged_out,
            left,
        };
        self.visit
    }

    /// Closes the connection; the next request opens another one.
    pub fn hang_up(&mut self) {
        self.connection = None;
    }

    pub fn get(&mut self, target: &str) -> Answer {
        self.ask("GET", target, None)
    }

    pub fn post(&mut self, target: &str, fields: &[(String, String)]) -> Answer {
        let form: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .collect();
        self.ask("POST", target, Some(form.join("&")))
    }

    /// One request, and those that its redirects lead to.
    fn ask(&mut self, method: &'static str, target: &str, form: Option<String>) -> Answer {
        let mut answer = self.exchange(method, target, form);
        for _ in 0..5 {
            let Some(place) = answer.field("location").map(str::to_owned) else {
                return answer;
            };
            let path = place
                .strip_prefix("http://")
                .map_or(place.as_str(), |rest| &rest[rest.find('/').unwrap_or(0)..]);
            let path = path.split('#').next().unwrap_or_default();
            answer = self.exchange("GET", path, None);
        }
        panic!("redirects without an end");
    }

    fn exchange(&mut self, method: &'static str, target: &str, form: Option<String>) -> Answer {
        self.visit
            .asked
            .push((method, target.split('?').next().unwrap_or_default().to_owned()));
        let mut request =
            format!("{method} {target} HTTP/1.1\r\nHost: {HOST}\r\nUser-Agent: Mozilla/5.0 (X11; Linux)\r\n");
        if !self.jar.is_empty() {
            let cookies: Vec<String> = self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request.push_str(&format!("Cookie: {}\r\n", cookies.join("; ")));
        }
        if let Some(form) = &form {
            request.push_str("Content-Type: application/x-www-form-urlencoded\r\n");
            request.push_str(&format!("Content-Length: {}\r\n", form.len()));
        }
        request.push_str(&format!("\r\n{}", form.unwrap_or_default()));

        let mut connection = self.connection.take().unwrap_or_else(|| Visitor::to(self.address));
        connection.send(request);
        let answer = connection.answer_to(method);
        assert!(answer.whole && answer.status < 400, "{method} {target}: {answer:?}");
        if !answer
            .field("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"))
        {
            self.connection = Some(connection);
        }
        answer.all("set-cookie").into_iter().for_each(|line| self.take(line));
        answer
    }

    /// As a browser takes a `Set-Cookie`: a lifetime that has passed deletes, Max-Age goes before Expires.
    fn take(&mut self, line: &str) {
        let mut parts = line.split(';').map(str::trim);
        let (name, value) = parts
            .next()
            .and_then(|pair| pair.split_once('='))
            .expect("a name and a value");
        let attributes: Vec<(String, &str)> = parts
            .map(|part| part.split_once('=').unwrap_or((part, "")))
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .collect();
        let attribute = |wanted: &str| {
            attributes
                .iter()
                .rev()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| *value)
        };
        let age = attribute("max-age").and_then(|age| age.parse::<i64>().ok());
        let year = attribute("expires").and_then(|date| {
            date.split(|byte: char| !byte.is_ascii_digit())
                .find(|word| word.len() == 4)?
                .parse::<i64>()
                .ok()
        });
        let past = age.map(|age| age <= 0).or(year.map(|year| year < 2000));
        if past == Some(true) {
            self.jar.remove(name);
            return;
        }
        if past == Some(false) {
            self.visit.lasting.insert(name.to_owned());
        }
        self.visit.values.insert(value.to_owned());
        self.jar.insert(name.to_owned(), value.to_owned());
    }
}

/// What a browser fetches with a page: style sheets, scripts, images.
fn parts(page: &str) -> Vec<String> {
    let sheets = page.split("<link rel=\"stylesheet\" href=\"").skip(1);
    let sources = page.split(" src=\"").skip(1);
    sheets
        .chain(sources)
        .map(quoted)
        .filter(|target| target.starts_with('/'))
        .collect()
}

fn links(page: &str) -> impl Iterator<Item = String> {
    page.split("href=\"").skip(1).map(quoted)
}

/// The hidden fields of a form.
fn hidden(page: &str, form: &str) -> Vec<(String, String)> {
    let form = page
        .split_once(&format!("id=\"{form}\""))
        .unwrap_or_else(|| panic!("no form in {page}"))
        .1;
    let form = form.split("</form>").next().unwrap_or_default();
    form.split("<input type=\"hidden\" name=\"")
        .skip(1)
        .map(|input| {
            (
                quoted(input),
                input
                    .split_once("value=\"")
                    .map(|(_, value)| quoted(value))
                    .unwrap_or_default(),
            )
        })
        .collect()
}

/// An attribute's value, up to its quote.
fn quoted(text: &str) -> String {
    text.split('"').next().unwrap_or_default().replace("&amp;", "&")
}

fn pair((name, value): (&str, &str)) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn escape(text: &str) -> String {
    let escaped = |byte: u8| match byte {
        byte if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
        byte => format!("%{byte:02X}"),
    };
    text.bytes().map(escaped).collect()
}
