//! A page as a browser would read it: what it links to, what it calls, and what it says of itself.
//!
//! Tags are told apart by the tokenizer of the HTML standard. No tree is made of them: a page that nests a million deep
//! costs no more than its bytes.

use html5gum::{DefaultEmitter, StartTag, Token, Tokenizer};
use url::Url;

use super::css::{self, Call};

/// The longest address that is looked at, in bytes.
const ADDRESS_BYTES_MAX: usize = 2_048;

/// What a page says.
#[derive(Debug, Default)]
pub(super) struct Page {
    /// The contents of `<meta name="generator">`.
    pub(super) generators: Vec<String>,
    /// Where its links lead.
    pub(super) links: Vec<Link>,
    /// What a browser that shows it calls, its own site included.
    pub(super) calls: Vec<(Use, Url)>,
    /// Whether it asks for a password.
    pub(super) asks_password: bool,
    /// Where it sends its reader by itself.
    pub(super) refresh: Option<Url>,
}

/// A link.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) to: Url,
    /// Whether machines are asked not to follow it.
    pub(super) nofollow: bool,
}

/// What something is called for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Use {
    /// A script.
    Script,
    /// A style sheet.
    Style,
    /// A font.
    Font,
    /// A page within the page.
    Frame,
    /// An image; a pixel that counts visitors is one, too.
    Image,
    /// Sound or video.
    Media,
    /// A plug-in's content.
    Object,
    /// A form that sends what was filled in there.
    Form,
    /// A connection that is opened beforehand, or a ping.
    Connection,
    /// Named in a script of the page itself, which may call it.
    Named,
}

impl Use {
    /// A name for programs and files: `script`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Script => "script",
            Self::Style => "style",
            Self::Font => "font",
            Self::Frame => "frame",
            Self::Image => "image",
            Self::Media => "media",
            Self::Object => "object",
            Self::Form => "form",
            Self::Connection => "connection",
            Self::Named => "named in a script",
        }
    }
}

/// Reads a page that was found at this address.
pub(super) fn read(html: &[u8], at: &Url) -> Page {
    let mut reader = Reader {
        base: at.clone(),
        has_base: false,
        page: Page::default(),
    };
    reader.tags(html, true);
    reader.page
}

/// Whose text comes next.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    Script,
    Style,
    NoScript,
    Other,
}

struct Reader {
    base: Url,
    has_base: bool,
    page: Page,
}

impl Reader {
    /// `<noscript>` holds tags where there are no scripts: they are read once more, `outermost` being over.
    fn tags(&mut self, html: &[u8], outermost: bool) {
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        let mut inside = Inside::Other;
        let mut text = Vec::new();
        for token in Tokenizer::new_with_emitter(html, emitter) {
            let Ok(token) = token;
            match token {
                Token::StartTag(tag) => {
                    inside = self.begins(&tag);
                    text.clear();
                    self.tag(&tag);
                }
                Token::String(part) if inside != Inside::Other => text.extend_from_slice(&part.value),
                Token::EndTag(_) => {
                    match inside {
                        Inside::Script => self.script(&String::from_utf8_lossy(&text)),
                        Inside::Style => self.sheet(&String::from_utf8_lossy(&text)),
                        Inside::NoScript if outermost => self.tags(&text, false),
                        Inside::NoScript | Inside::Other => {}
                    }
                    inside = Inside::Other;
                }
                _ => {}
            }
        }
    }

    fn begins(&self, tag: &StartTag<()>) -> Inside {
        match tag.name.as_slice() {
            b"script" if is_script(&attribute(tag, "type").unwrap_or_default()) => Inside::Script,
            b"style" => Inside::Style,
            b"noscript" => Inside::NoScript,
            _ => Inside::Other,
        }
    }

    fn tag(&mut self, tag: &StartTag<()>) {
        if let Some(style) = attribute(tag, "style") {
            self.sheet(&style);
        }
        match tag.name.as_slice() {
            b"base" if !self.has_base => {
                if let Some(base) = attribute(tag, "href").and_then(|href| self.address(&href)) {
                    (self.base, self.has_base) = (base, true);
                }
            }
            b"meta" => self.meta(tag),
            b"a" | b"area" => {
                if let Some(to) = attribute(tag, "href").and_then(|href| self.address(&href)) {
                    let nofollow = has_word(&attribute(tag, "rel").unwrap_or_default(), "nofollow");
                    self.page.links.push(Link { to, nofollow });
                }
                self.calls(Use::Connection, attribute(tag, "ping"));
            }
            b"link" => self.link(tag),
            b"script" => self.calls(Use::Script, attribute(tag, "src")),
            b"iframe" | b"frame" => self.calls(Use::Frame, attribute(tag, "src")),
            b"img" | b"image" | b"use" | b"feimage" => {
                for name in ["src", "data-src", "href", "xlink:href"] {
                    self.calls(Use::Image, attribute(tag, name));
                }
                self.set(attribute(tag, "srcset"));
            }
            b"input" => {
                self.page.asks_password |=
                    attribute(tag, "type").is_some_and(|kind| kind.eq_ignore_ascii_case("password"));
                self.calls(Use::Image, attribute(tag, "src"));
                self.calls(Use::Form, attribute(tag, "formaction"));
            }
            b"button" => self.calls(Use::Form, attribute(tag, "formaction")),
            b"form" => self.calls(Use::Form, attribute(tag, "action")),
            b"source" => {
                self.calls(Use::Media, attribute(tag, "src"));
                self.set(attribute(tag, "srcset"));
            }
            b"video" | b"audio" | b"track" => {
                self.calls(Use::Media, attribute(tag, "src"));
                self.calls(Use::Image, attribute(tag, "poster"));
            }
            b"embed" => self.calls(Use::Object, attribute(tag, "src")),
            b"object" => self.calls(Use::Object, attribute(tag, "data")),
            b"body" | b"table" | b"td" => self.calls(Use::Image, attribute(tag, "background")),
            _ => {}
        }
    }

    fn meta(&mut self, tag: &StartTag<()>) {
        let content = attribute(tag, "content").unwrap_or_default();
        let is = |name, value: &str| attribute(tag, name).is_some_and(|word| word.eq_ignore_ascii_case(value));
        if is("name", "generator") {
            self.page.generators.push(content.trim().to_owned());
        } else if is("http-equiv", "refresh") {
            let lower = content.to_ascii_lowercase();
            let url = lower
                .find("url=")
                .map(|at| content[at + 4..].trim().trim_matches(['"', '\'']));
            self.page.refresh = url.and_then(|url| self.address(url));
        }
    }

    fn link(&mut self, tag: &StartTag<()>) {
        let relation = attribute(tag, "rel").unwrap_or_default();
        let wanted = |word| has_word(&relation, word);
        let called = match attribute(tag, "as").unwrap_or_default().to_ascii_lowercase().as_str() {
            _ if wanted("stylesheet") => Use::Style,
            _ if wanted("icon") || wanted("apple-touch-icon") => Use::Image,
            _ if wanted("modulepreload") => Use::Script,
            _ if wanted("preconnect") || wanted("dns-prefetch") || wanted("manifest") => Use::Connection,
            kind if wanted("preload") || wanted("prefetch") => match kind {
                "script" => Use::Script,
                "style" => Use::Style,
                "font" => Use::Font,
                "image" => Use::Image,
                _ => Use::Connection,
            },
            _ => return,
        };
        self.calls(called, attribute(tag, "href"));
    }

    fn calls(&mut self, what: Use, address: Option<String>) {
        if let Some(address) = address.and_then(|address| self.address(&address)) {
            self.page.calls.push((what, address));
        }
    }

    /// Images of several sizes.
    fn set(&mut self, candidates: Option<String>) {
        for candidate in candidates.unwrap_or_default().split(',') {
            self.calls(Use::Image, candidate.split_whitespace().next().map(ToOwned::to_owned));
        }
    }

    fn sheet(&mut self, text: &str) {
        self.page.calls.extend(sheet(text, &self.base));
    }

    /// What a script of the page names. Whether it calls that too cannot be known without running it.
    fn script(&mut self, text: &str) {
        let text = text.replace("\\/", "/"); // as in JSON
        for (at, _) in text.match_indices("//") {
            let before = text[..at].trim_end_matches(':');
            let is_whole = ["\"http", "\"https", "'http", "'https", "`http", "`https"]
                .iter()
                .any(|scheme| before.len() < at && before.ends_with(scheme));
            if !is_whole && !before.ends_with(['"', '\'', '`']) {
                continue;
            }
            let after = &text[at + 2..];
            let end = after.find(|sign: char| !sign.is_ascii_alphanumeric() && !".-".contains(sign));
            let (host, rest) = after.split_at(end.unwrap_or(after.len()));
            let is_name = host.contains('.') && rest.starts_with(['/', '"', '\'', '`', ':', '?']);
            if is_name && !NAMES_ONLY.contains(&host) {
                self.calls(Use::Named, Some(format!("https://{host}/")));
            }
        }
    }

    fn address(&self, written: &str) -> Option<Url> {
        address(written, &self.base)
    }
}

/// What is a name in scripts, and never called: namespaces and vocabularies.
const NAMES_ONLY: [&str; 3] = ["www.w3.org", "schema.org", "gmpg.org"];

/// What a style sheet that was found at this address calls.
pub(super) fn sheet(text: &str, at: &Url) -> Vec<(Use, Url)> {
    let calls = css::calls(text).into_iter();
    calls
        .filter_map(|call| match call {
            Call::Import(url) => Some((Use::Style, address(&url, at)?)),
            Call::Url(url) => {
                let url = address(&url, at)?;
                let is_font = [".woff2", ".woff", ".ttf", ".otf", ".eot"]
                    .iter()
                    .any(|end| url.path().to_ascii_lowercase().ends_with(end));
                Some((if is_font { Use::Font } else { Use::Image }, url))
            }
        })
        .collect()
}

/// A web address, made whole; `None` for everything else: `mailto:`, `data:`, what is too long.
fn address(written: &str, base: &Url) -> Option<Url> {
    if written.len() > ADDRESS_BYTES_MAX {
        return None;
    }
    let mut url = base.join(written.trim()).ok()?;
    url.set_fragment(None);
    (matches!(url.scheme(), "http" | "https") && url.has_host()).then_some(url)
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    let value = tag.attributes.get(name.as_bytes())?;
    Some(String::from_utf8_lossy(&value.value).into_owned())
}

fn has_word(words: &str, word: &str) -> bool {
    words.split_ascii_whitespace().any(|one| one.eq_ignore_ascii_case(word))
}

/// Whether browsers run it (HTML, section 4.12.1): data and templates also stand in `<script>`.
fn is_script(kind: &str) -> bool {
    let kind = kind.trim().to_ascii_lowercase();
    kind.is_empty() || kind == "module" || kind.contains("javascript") || kind.contains("ecmascript")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_at(html: &str) -> Page {
        read(
            html.as_bytes(),
            &Url::parse("https://www.um.example.pl/bip/start").expect("a URL"),
        )
    }

    fn calls(html: &str) -> Vec<(Use, String)> {
        let calls = read_at(html).calls.into_iter();
        calls.map(|(what, url)| (what, url.to_string())).collect()
    }

    #[test]
    fn everything_that_a_browser_would_call_is_found() {
        for (html, what, url) in [
            (
                "<script src=//a.example/x.js></script>",
                Use::Script,
                "https://a.example/x.js",
            ),
            (
                "<LINK REL='Stylesheet' HREF=a.css>",
                Use::Style,
                "https://www.um.example.pl/bip/a.css",
            ),
            (
                "<link rel='shortcut icon' href='/i.ico'>",
                Use::Image,
                "https://www.um.example.pl/i.ico",
            ),
            (
                "<link rel=preconnect href=http://a.example>",
                Use::Connection,
                "http://a.example/",
            ),
            (
                "<link rel=preload as=font href=//a.example/f>",
                Use::Font,
                "https://a.example/f",
            ),
            (
                "<iframe src='https://maps.example/?a=1&amp;b=2'>",
                Use::Frame,
                "https://maps.example/?a=1&b=2",
            ),
            (
                "<img src=https://a.example/p.gif>",
                Use::Image,
                "https://a.example/p.gif",
            ),
            (
                "<source srcset='//a.example/1.webp 2x'>",
                Use::Image,
                "https://a.example/1.webp",
            ),
            ("<video src=//a.example/v></video>", Use::Media, "https://a.example/v"),
            (
                "<object data=//a.example/o></object>",
                Use::Object,
                "https://a.example/o",
            ),
            (
                "<form action=https://a.example/send>",
                Use::Form,
                "https://a.example/send",
            ),
            (
                "<p style=\"background: url('//a.example/b')\">",
                Use::Image,
                "https://a.example/b",
            ),
            (
                "<style>@import '//a.example/c';</style>",
                Use::Style,
                "https://a.example/c",
            ),
            (
                "<style>a{src:url(//a.example/f.WOFF2)}</style>",
                Use::Font,
                "https://a.example/f.WOFF2",
            ),
            (
                "<noscript><img src=//a.example/n></noscript>",
                Use::Image,
                "https://a.example/n",
            ),
            (
                "<script>u = 'https://a.example/t.js?'</script>",
                Use::Named,
                "https://a.example/",
            ),
            (
                "<script>var u=\"//a.example/\";</script>",
                Use::Named,
                "https://a.example/",
            ),
            (
                "<script>{\"u\":\"https:\\/\\/a.example\\/e\"}</script>",
                Use::Named,
                "https://a.example/",
            ),
        ] {
            assert_eq!(calls(html), [(what, url.to_owned())], "{html}");
        }
    }

    #[test]
    fn what_is_not_called_is_not_found() {
        for html in [
            "<!-- <script src=//a.example/x.js></script> -->",
            "<a href=https://a.example/>",
            "<script>// see https://a.example/\n'http://www.w3.org/2000/svg'</script>",
            "<script type=application/ld+json>{\"@context\":\"https://a.example/\"}</script>",
            "<img src=data:image/gif;base64,AA==>",
            "<textarea><img src=//a.example/></textarea>",
            "<link rel=canonical href=https://a.example/>",
            "<script src=javascript:a()></script>",
        ] {
            assert_eq!(calls(html), [], "{html}");
        }
    }

    #[test]
    fn links_go_by_the_base_and_keep_what_they_ask_of_machines() {
        let page = read_at(
            "<base href=/en/><base href=/de/><a href=a?b#c>a</a> <a rel='x nofollow' href='/log'>b</a> \
             <a href=mailto:a@b.pl>c</a><meta http-equiv=refresh content=\"0; URL='/new'\">",
        );
        let links: Vec<_> = page
            .links
            .iter()
            .map(|link| (link.to.as_str(), link.nofollow))
            .collect();
        let at = "https://www.um.example.pl";
        assert_eq!(
            links,
            [(&*format!("{at}/en/a?b"), false), (&*format!("{at}/log"), true)]
        );
        assert_eq!(page.refresh.expect("a refresh").path(), "/new");
    }

    #[test]
    fn a_page_says_what_made_it_and_whether_it_asks_for_a_password() {
        let page = read_at("<meta content=' WordPress 6.1 ' name=Generator><input TYPE=Password>");
        assert_eq!(page.generators, ["WordPress 6.1"]);
        assert!(page.asks_password && !read_at("<input type=text>").asks_password);
    }

    #[test]
    fn a_page_that_nests_without_end_costs_no_more_than_its_bytes() {
        let page = read_at(&format!("{}<a href=b>", "<div><noscript>".repeat(100_000)));
        assert!(page.links.len() <= 1);
        assert_eq!(read_at(&"<a href=b>".repeat(10_000)).links.len(), 10_000);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_to_their_end(html in proptest::collection::vec(any::<u8>(), 0..200)) {
            read(&html, &Url::parse("http://a.example/").expect("a URL"));
        }
    }
}
