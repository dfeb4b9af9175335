//! `User-Agent` (RFC 9110, section 10.1.5), whole or as its family.

use http::HeaderValue;

use super::codec::Agent;
use super::text::{self, Limit};
use crate::policy::AgentRule;

/// How much of an agent is looked at, in bytes.
const LONGEST: usize = 1024;

/// A browser and its system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Family {
    /// `Firefox`; `robot` and `other` stand alone.
    browser: &'static str,
    /// `Linux`.
    system: Option<&'static str>,
}

/// Stands alone, for robots and tools.
const ROBOT: &str = "robot";
/// Stands alone, for what is not known.
const OTHER: &str = "other";

impl Family {
    /// That of an agent as a record has it: whole, or as its family already.
    pub(crate) fn of(kept: &[u8]) -> Self {
        Self::read(kept).unwrap_or_else(|| family(kept))
    }

    /// Reads what [`Family::write`] writes.
    fn read(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let (browser, system) = match text.split_once(" on ") {
            Some((browser, system)) => (browser, Some(system)),
            None => (text, None),
        };
        let system = match system {
            Some(system) => Some(known(&SYSTEMS, system)?),
            None => None,
        };
        let alone = [ROBOT, OTHER]
            .into_iter()
            .find(|alone| *alone == browser && system.is_none());
        let browser = alone.or_else(|| known(&BROWSERS, browser))?;
        Some(Self { browser, system })
    }

    /// Whether it is a robot or a tool, and nobody who reads.
    pub(crate) fn is_robot(self) -> bool {
        self.browser == ROBOT
    }

    /// The browser's name; `None` if it is not known.
    pub(crate) fn browser(self) -> Option<&'static str> {
        Some(self.browser).filter(|browser| *browser != OTHER)
    }

    /// The name of its system.
    pub(crate) fn system(self) -> Option<&'static str> {
        self.system
    }

    /// Appends it as text: `Firefox on Linux`.
    pub(super) fn write(self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.browser.as_bytes());
        if let Some(system) = self.system {
            out.extend_from_slice(b" on ");
            out.extend_from_slice(system.as_bytes());
        }
    }
}

/// `agent` under `rule`.
pub(super) fn redact(agent: &HeaderValue, rule: AgentRule) -> Option<Agent<'_>> {
    match rule {
        AgentRule::Omitted => None,
        AgentRule::Whole => Some(Agent::Original(text::short(agent.as_bytes(), Limit::Agent).into())),
        AgentRule::Family => {
            let mut name = Vec::with_capacity(32);
            family(agent.as_bytes()).write(&mut name);
            Some(Agent::Name(name.into()))
        }
    }
}

/// What marks a browser, the first that fits: most claim to be Chrome and Safari too.
const BROWSERS: [(&str, &str); 25] = [
    ("Edg", "Edge"),
    ("EdgA", "Edge"),
    ("EdgiOS", "Edge"),
    ("Edge", "Edge"),
    ("OPR", "Opera"),
    ("OPT", "Opera"),
    ("OPiOS", "Opera"),
    ("Opera", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Vivaldi", "Vivaldi"),
    ("YaBrowser", "Yandex Browser"),
    ("UCBrowser", "UC Browser"),
    ("HuaweiBrowser", "Huawei Browser"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Ddg", "DuckDuckGo"),
    ("FxiOS", "Firefox"),
    ("Focus", "Firefox"),
    ("Firefox", "Firefox"),
    ("MSIE", "Internet Explorer"),
    ("Trident", "Internet Explorer"),
    ("CriOS", "Chrome"),
    ("Chromium", "Chrome"),
    ("Chrome", "Chrome"),
    ("GSA", "Google app"),
    ("Safari", "Safari"),
];

/// What marks a system, the first that fits.
const SYSTEMS: [(&str, &str); 9] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("iPod", "iOS"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
    ("X11", "Linux"),
];

/// What robots and tools say of themselves, in small letters, sorted. A link in an agent is a robot's.
const ROBOTS: [&str; 36] = [
    "@",
    "archiver",
    "axios",
    "bot",
    "crawl",
    "curl/",
    "externalhit",
    "feed",
    "fetch",
    "go-http",
    "headless",
    "http://",
    "httpclient",
    "https://",
    "java/",
    "libwww",
    "lighthouse",
    "masscan",
    "monitor",
    "nikto",
    "node-fetch",
    "okhttp",
    "perl",
    "php",
    "pingdom",
    "preview",
    "python",
    "ruby",
    "scan",
    "scrapy",
    "slurp",
    "spider",
    "sqlmap",
    "uptime",
    "validator",
    "wget",
];

fn family(agent: &[u8]) -> Family {
    let agent = &agent[..agent.len().min(LONGEST)];
    let (mut browser, mut system) = (BROWSERS.len(), SYSTEMS.len());
    let mut end = 0;
    for word in agent.split(|byte| !byte.is_ascii_alphanumeric()) {
        end += word.len();
        // Products have versions; so do the two browsers that are older than this custom.
        if agent.get(end) == Some(&b'/') || matches!(word, b"Opera" | b"MSIE") {
            browser = first(&BROWSERS[..browser], word);
        }
        if matches!(word, [b'A' | b'C' | b'L' | b'M' | b'W' | b'X' | b'i', ..]) {
            system = first(&SYSTEMS[..system], word);
        }
        end += 1;
    }
    let alone = |browser| Family { browser, system: None };
    if is_robot(agent) {
        return alone(ROBOT);
    }
    let system = SYSTEMS.get(system).map(|(_, name)| *name);
    BROWSERS
        .get(browser)
        .map_or(alone(OTHER), |(_, browser)| Family { browser, system })
}

/// A name that stands in `table`.
fn known(table: &[(&str, &'static str)], name: &str) -> Option<&'static str> {
    table.iter().map(|(_, known)| *known).find(|known| *known == name)
}

/// Where `word` stands in `table`, or its length.
fn first(table: &[(&str, &str)], word: &[u8]) -> usize {
    table
        .iter()
        .position(|(mark, _)| mark.as_bytes() == word)
        .unwrap_or(table.len())
}

fn is_robot(agent: &[u8]) -> bool {
    // Cubot makes telephones.
    let is_telephone = |i: usize| {
        i >= 2
            && agent[i - 2..]
                .get(..5)
                .is_some_and(|word| word.eq_ignore_ascii_case(b"cubot"))
    };
    (0..agent.len()).any(|i| {
        let (from, to) = BY_LETTER[agent[i] as usize];
        let is = |mark: &&str| {
            agent[i..]
                .get(..mark.len())
                .is_some_and(|start| start.eq_ignore_ascii_case(mark.as_bytes()))
        };
        from < to && ROBOTS[from..to].iter().any(is) && !is_telephone(i)
    })
}

/// Where the marks that begin with a letter, small or capital, stand in [`ROBOTS`].
const BY_LETTER: [(usize, usize); 256] = {
    let mut places = [(0, 0); 256];
    let mut i = 0;
    while i < ROBOTS.len() {
        let letter = ROBOTS[i].as_bytes()[0];
        let from = if places[letter as usize].1 == 0 {
            i
        } else {
            places[letter as usize].0
        };
        places[letter as usize] = (from, i + 1);
        places[letter.to_ascii_uppercase() as usize] = (from, i + 1);
        i += 1;
    }
    places
};

#[cfg(test)]
mod tests {
    use super::{Family, family};

    #[test]
    fn real_agents_have_their_families() {
        let named = [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Android 14; Mobile; rv:131.0) Gecko/131.0 Firefox/131.0",
                "Firefox on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/127.0 Mobile/15E148 Safari/605.1.15",
                "Firefox on iOS",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36",
                "Chrome on Windows",
            ),
            (
                "Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
                "Chrome on ChromeOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (Linux; Android 9; CUBOT_X19) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0.4844.88 Mobile Safari/537.36",
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/128.0.6613.98 Mobile/15E148 Safari/604.1",
                "Chrome on iOS",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_6_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Mobile/15E148 Safari/604.1",
                "Safari on iOS",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.6 Safari/605.1.15",
                "Safari on macOS",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 Safari/537.36 Edg/129.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 OPR/114.0.0.0",
                "Opera on Windows",
            ),
            (
                "Opera/9.80 (Windows NT 6.1; U; pl) Presto/2.10.289 Version/12.02",
                "Opera on Windows",
            ),
            (
                "Mozilla/5.0 (Linux; Android 14; SM-S911B) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/25.0 Chrome/121.0.0.0 Mobile Safari/537.36",
                "Samsung Internet on Android",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko",
                "Internet Explorer on Windows",
            ),
            (
                "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT 5.1)",
                "Internet Explorer on Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36 Vivaldi/6.9",
                "Vivaldi on Linux",
            ),
            (
                "Mozilla/5.0 (Linux; arm_64; Android 12; CPH2205) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/110.0.5481.208 YaBrowser/23.3.3.86.00 SA/3 Mobile Safari/537.36",
                "Yandex Browser on Android",
            ),
            (
                "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
                "robot",
            ),
            (
                "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
                "robot",
            ),
            (
                "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
                "robot",
            ),
            ("Mozilla/5.0 (compatible; Baiduspider/2.0)", "robot"),
            ("Mozilla/5.0 (compatible; Yahoo! Slurp)", "robot"),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/126.0.0.0 Safari/537.36",
                "robot",
            ),
            ("facebookexternalhit/1.1", "robot"),
            ("curl/7.88.1", "robot"),
            ("Wget/1.21.3", "robot"),
            ("python-requests/2.31.0", "robot"),
            ("Go-http-client/1.1", "robot"),
            ("Apache-HttpClient/4.5.13 (Java/11.0.16)", "robot"),
            ("zgrab/0.x", "other"),
            ("Mozilla/5.0", "other"),
            ("", "other"),
            ("\u{202e}", "other"),
        ];
        for (agent, expected) in named {
            let mut text = Vec::new();
            family(agent.as_bytes()).write(&mut text);
            assert_eq!(String::from_utf8_lossy(&text), expected, "{agent}");
            assert_eq!(Family::of(&text), family(agent.as_bytes()), "its name says the same");
        }
    }

    #[test]
    fn the_marks_of_robots_are_sorted() {
        assert!(super::ROBOTS.is_sorted());
    }

    proptest::proptest! {
        #[test]
        fn no_agent_panics(agent in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            family(&agent);
        }
    }
}
