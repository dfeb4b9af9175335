//! A month at a town's site: visitors who come by day more than by night and seldom on Sundays, pages of which few are
//! read much and many a little, what pages are made of, forms, robots, links that lead nowhere.

use http::{HeaderValue, Method, StatusCode, Version};
use jiff::{SignedDuration, Timestamp};
use townclerk::entry::{ClientHost, Observation, Outcome, RequestHead, UpstreamFailure, Who};

pub const DAYS: usize = 31;
const VISITORS: u64 = 60_000;
const NEWS: u64 = 6_000;

const PAGES: [&str; 32] = [
    "/",
    "/aktualnosci",
    "/kontakt",
    "/gospodarka-odpadami/harmonogram",
    "/urzad/godziny-pracy",
    "/sprawy/dowod-osobisty",
    "/sprawy/rejestracja-pojazdow",
    "/sprawy/podatki/nieruchomosci",
    "/wydarzenia",
    "/rada/sesje",
    "/bip",
    "/sprawy/meldunek",
    "/mapa",
    "/sprawy/akt-urodzenia",
    "/praca",
    "/urzad/wydzialy",
    "/budzet-obywatelski",
    "/transport/rozklad",
    "/sprawy/budownictwo/pozwolenia",
    "/szkoly/rekrutacja",
    "/przetargi",
    "/sprawy/karta-duzej-rodziny",
    "/zdrowie/przychodnie",
    "/rada/radni",
    "/o-miescie/historia",
    "/sport/plywalnia",
    "/kultura/biblioteka",
    "/sprawy/slub",
    "/ochrona-danych",
    "/deklaracja-dostepnosci",
    "/turystyka/szlaki",
    "/archiwum",
];

const PARTS: [&str; 12] = [
    "/themes/miasto/style.min.css?v=14",
    "/themes/miasto/menu.js?v=14",
    "/fonts/lato-regular.woff2",
    "/img/herb.svg",
    "/img/baner-jesien.webp",
    "/favicon.ico",
    "/themes/miasto/print.css",
    "/js/kontrast.js",
    "/img/ikony/telefon.svg",
    "/img/ikony/mapa.svg",
    "/img/ue.png",
    "/fonts/lato-bold.woff2",
];

const FORMS: [&str; 8] = [
    "/druki/wniosek-o-dowod.pdf",
    "/druki/deklaracja-odpady.pdf",
    "/druki/podatek-od-nieruchomosci-DN-1.pdf",
    "/druki/pozwolenie-na-budowe.docx",
    "/pliki/harmonogram-2026.pdf",
    "/druki/meldunek.pdf",
    "/pliki/budzet-2026.xlsx",
    "/druki/karta-duzej-rodziny.pdf",
];

const AGENTS: [&str; 11] = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/VV0.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Linux; Android 14; SM-A546B) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/VV0.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_V like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.V Mobile/15E148 Safari/604.1",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:VV0.0) Gecko/20100101 Firefox/VV0.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/VV0.0.0.0 Safari/537.36 Edg/VV0.0.0.0",
    "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2V.0 Chrome/VV0.0.0.0 Mobile Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:VV0.0) Gecko/20100101 Firefox/VV0.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_V) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.V Safari/605.1.15",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/VV0.0.0.0 Safari/537.36 OPR/11V.0.0.0",
    "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
];

const SITES: [&str; 6] = [
    "https://www.google.com/",
    "https://www.google.com/",
    "https://www.bing.com/search?q=urzad",
    "https://www.facebook.com/",
    "https://www.gov.pl/web/gov/zalatw-sprawe",
    "https://biblioteka.przyklad.example/godziny",
];

/// How much of a day's visits each hour has, in UTC.
const HOURS: [u64; 24] = [
    3, 2, 1, 2, 5, 14, 30, 48, 58, 60, 57, 52, 48, 44, 38, 34, 33, 34, 35, 32, 26, 18, 10, 6,
];

/// Numbers that look drawn at random, and are the same in each run.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn below(&mut self, end: u64) -> u64 {
        self.roll() % end
    }

    /// The first ones most of all: the one at place n with a chance of 1/n.
    fn seldom(&mut self, end: u64) -> u64 {
        let part = self.below(1 << 40) as f64 / (1_u64 << 40) as f64;
        ((end as f64).powf(part) as u64 - 1).min(end - 1)
    }
}

/// How much of the month's visits a day has.
pub fn weight(day: usize) -> u64 {
    match (day + 3) % 7 {
        0..5 => 100 + [0, 14, 6, 3, 11][day % 5] + if day == 14 { 60 } else { 0 },
        5 => 42,
        _ => 31,
    }
}

/// An exchange on a day, `part` of `parts` of it being over.
pub fn exchange(first: Timestamp, day: usize, part: u64, parts: u64, dice: &mut Dice) -> Observation {
    let visitor = dice.seldom(VISITORS);
    let agent = AGENTS[Dice::new(visitor + 7).seldom(AGENTS.len() as u64) as usize];
    let agent = agent.replace("VV", &(12 + Dice::new(visitor).below(2)).to_string());
    let agent = agent.replace('V', &Dice::new(visitor + 3).below(7).to_string());
    let kind = dice.below(100);
    let mut status = StatusCode::OK;
    let mut referrer = None;
    let mut first_page = false;
    let mut outcome = Outcome::Completed;
    let target = match kind {
        0..52 => PARTS[dice.below(PARTS.len() as u64) as usize].to_owned(),
        52..78 => {
            first_page = dice.below(4) == 0;
            PAGES[dice.seldom(PAGES.len() as u64) as usize].to_owned()
        }
        78..89 => {
            first_page = dice.below(3) == 0;
            format!("/aktualnosci/2026/wiadomosc-{}", dice.seldom(NEWS))
        }
        89..93 => FORMS[dice.seldom(FORMS.len() as u64) as usize].to_owned(),
        93..95 => {
            status = StatusCode::NOT_FOUND;
            referrer = Some("https://um.example.pl/archiwum");
            format!("/aktualnosci/2025/wiadomosc-{}", dice.below(40))
        }
        95..97 => {
            status = StatusCode::NOT_FOUND;
            format!("/wp-content/plugins/{:x}.php", dice.roll())
        }
        97 => {
            status = StatusCode::MOVED_PERMANENTLY;
            "/aktualnosci/".to_owned()
        }
        98 => {
            status = StatusCode::NOT_MODIFIED;
            PAGES[dice.seldom(PAGES.len() as u64) as usize].to_owned()
        }
        _ if dice.below(3) == 0 => {
            status = StatusCode::BAD_GATEWAY;
            outcome = Outcome::Upstream(UpstreamFailure::Timeout);
            "/szukaj?q=dow%C3%B3d+osobisty".to_owned()
        }
        _ => {
            outcome = Outcome::CutOff(Who::Visitor);
            FORMS[dice.below(FORMS.len() as u64) as usize].to_owned()
        }
    };
    if first_page && dice.below(3) > 0 {
        referrer = Some(SITES[dice.seldom(SITES.len() as u64) as usize]);
    }
    let slow = if target.starts_with("/szukaj") || target == "/mapa" {
        900
    } else {
        12
    };
    let took = SignedDuration::from_millis((slow + dice.below(slow) + dice.below(20)) as i64);
    let arrived =
        first + SignedDuration::from_hours(24 * day as i64) + SignedDuration::from_millis(time(part, parts) as i64);
    Observation {
        arrived,
        sent: Some(arrived + took),
        client: [
            10 + (visitor % 200) as u8,
            (visitor >> 8) as u8,
            (visitor % 251) as u8,
            (visitor % 241) as u8,
        ]
        .into(),
        client_host: ClientHost::NotAsked,
        request: Some(RequestHead {
            method: Method::GET,
            target: target.parse().expect("a target"),
            version: Version::HTTP_11,
            referrer: referrer.map(HeaderValue::from_static),
            agent: Some(HeaderValue::from_str(&agent).expect("an agent")),
            authorization: None,
        }),
        status: Some(status),
        bytes: 800 + dice.below(60_000),
        first_page,
        outcome,
    }
}

/// The millisecond of the day by which so much of its visits has come.
fn time(part: u64, parts: u64) -> u64 {
    let all: u64 = HOURS.iter().sum();
    let mut left = part * all * 3_600_000 / parts.max(1);
    for (hour, weight) in (0..).zip(HOURS) {
        let whole = weight * 3_600_000;
        if left < whole {
            return hour * 3_600_000 + left / weight;
        }
        left -= whole;
    }
    86_399_999
}
