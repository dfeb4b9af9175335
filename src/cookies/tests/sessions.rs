//! Cookies that end by themselves.

use std::time::Duration;

use super::*;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const NOON: i64 = 1_795_262_400;

/// A visitor's browser, the proxy, and a clock that both go by.
struct Visit {
    rules: Cookies,
    tally: Tally,
    keys: Keys,
    clock: Clock,
    secure: bool,
}

/// One exchange of a visit.
struct Seen {
    /// What reached the CMS.
    cookie: String,
    /// What the browser got.
    set: Vec<String>,
    cache_control: Option<String>,
}

fn keys() -> Keys {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cookies.key");
    Keys::create(&file).unwrap();
    Keys::load(&file).ok().unwrap()
}

fn minutes(minutes: u64) -> Option<Duration> {
    Some(Duration::from_secs(minutes * 60))
}

impl Visit {
    /// To a site whose session cookie ends so.
    fn with(ends: Ends) -> Self {
        let mut rules = rules();
        rules.allowed[0].ends = ends;
        rules.allowed[3].ends = ends;
        Self {
            tally: Tally::new(&rules),
            rules,
            keys: keys(),
            clock: Clock::set_to(jiff::Timestamp::from_second(NOON).unwrap()),
            secure: false,
        }
    }

    fn limited() -> Self {
        Self::with(Ends {
            idle: minutes(30),
            absolute: minutes(8 * 60),
            when_leaving: false,
        })
    }

    fn leaving() -> Self {
        Self::with(Ends {
            when_leaving: true,
            ..Ends::default()
        })
    }

    /// So many seconds after noon.
    fn at(&self, seconds: i64) -> &Self {
        self.clock.set(jiff::Timestamp::from_second(NOON + seconds).unwrap());
        self
    }

    fn exchange(&self, navigation: Navigation, path: &str, cookie: &str, lines: &[&str]) -> Seen {
        let exchange = Exchange {
            navigation,
            path,
            keys: Some(&self.keys),
            secure: self.secure,
            ..PLAIN.under(&self.rules, &self.tally, &self.clock)
        };
        let mut headers = HeaderMap::new();
        if !cookie.is_empty() {
            headers.insert(COOKIE, HeaderValue::from_str(cookie).unwrap());
        }
        let owed = exchange.inbound(&Method::GET, &mut headers);
        let cookie = strings(&headers, COOKIE).join("; ");
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        let mut headers = fields(SET_COOKIE, &lines);
        exchange.outbound(StatusCode::OK, &mut headers, owed);
        Seen {
            cookie,
            set: strings(&headers, SET_COOKIE),
            cache_control: strings(&headers, CACHE_CONTROL).pop(),
        }
    }

    /// A page of the site.
    fn page(&self, cookie: &str, lines: &[&str]) -> Seen {
        self.exchange(Navigation::Within, "/", cookie, lines)
    }

    /// An image, a style, a script's request.
    fn part(&self, cookie: &str) -> Seen {
        self.exchange(Navigation::None, "/", cookie, &[])
    }

    /// The pair with which the browser comes back after this line.
    fn pair(&self, line: &str) -> String {
        let seen = self.page("", &[line]);
        pair(&seen.set[0])
    }

    fn sent(&self) -> Counts {
        self.tally.snapshot().total.sent
    }
}

fn pair(line: &str) -> String {
    line.split(';').next().unwrap().to_owned()
}

#[test]
fn the_browser_holds_a_sealed_value_and_the_cms_sees_its_own() {
    let visit = Visit::limited();
    let seen = visit.page("", &["sid=ab\u{e9}c=; Path=/; Max-Age=99; HttpOnly"]);
    let (value, attributes) = seen.set[0].split_once(';').unwrap();
    assert_eq!(attributes, " Path=/; HttpOnly; SameSite=Lax");
    assert!(!value.contains("ab") && value.starts_with("sid="), "{value}");
    assert!(
        value[4..]
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    );
    let back = visit.at(60).page(&format!("wp=x; {value}; __Host-sid=1"), &[]);
    assert_eq!(back.cookie, "sid=ab\u{e9}c=; __Host-sid=1");
    assert_eq!(visit.sent().of(Verdict::Passed), 2);
    assert_eq!(visit.tally.snapshot().total.set.of(Verdict::Limited), 1);
}

#[test]
fn a_session_ends_when_it_is_idle() {
    let visit = Visit::limited();
    let cookie = visit.pair("sid=1; Path=/intranet; Domain=gmina.pl");
    assert_eq!(visit.at(30 * MINUTE - 1).part(&cookie).cookie, "sid=1");
    let over = visit.at(30 * MINUTE).part(&cookie);
    assert_eq!(over.cookie, "");
    let deletion = "sid=; Max-Age=0; Path=/intranet; Domain=gmina.pl; SameSite=Lax";
    assert_eq!(over.set, [deletion], "exactly as it was set");
    assert_eq!(over.cache_control.as_deref(), Some("private"));
    assert_eq!(visit.sent().of(Verdict::Ended), 1);
}

#[test]
fn using_it_keeps_it_alive_until_its_absolute_end() {
    let visit = Visit::limited();
    let mut cookie = visit.pair("sid=1; Path=/; HttpOnly");
    let mut now = 0;
    while now < 8 * HOUR - 20 * MINUTE {
        now += 20 * MINUTE;
        let seen = visit.at(now).page(&cookie, &[]);
        assert_eq!(seen.cookie, "sid=1", "after {now} s");
        assert!(
            seen.set[0].ends_with("; Path=/; HttpOnly; SameSite=Lax"),
            "{:?}",
            seen.set
        );
        assert_eq!(seen.cache_control.as_deref(), Some("private"));
        cookie = pair(&seen.set[0]);
    }
    assert_eq!(visit.at(8 * HOUR - 1).page(&cookie, &[]).cookie, "sid=1");
    assert_eq!(visit.at(8 * HOUR).page(&cookie, &[]).cookie, "");
}

#[test]
fn what_the_cms_sets_anew_is_no_younger_than_its_session() {
    let visit = Visit::limited();
    let mut cookie = visit.pair("sid=1");
    for now in (20..480).step_by(20) {
        let seen = visit.at(now * MINUTE).page(&cookie, &["sid=2"]);
        assert_eq!(
            (seen.cookie.is_empty(), seen.set.len()),
            (false, 1),
            "the CMS's own line, and no renewal behind it"
        );
        cookie = pair(&seen.set[0]);
    }
    assert_eq!(visit.at(8 * HOUR).page(&cookie, &[]).cookie, "");
    // Where none came with the request, or one that was over, a session begins.
    let fresh = pair(&visit.page(&cookie, &["sid=4"]).set[1]);
    assert_eq!(visit.at(8 * HOUR + MINUTE).page(&fresh, &[]).cookie, "sid=4");
}

#[test]
fn it_is_renewed_seldom_so_that_answers_stay_cacheable() {
    let visit = Visit::limited();
    let cookie = visit.pair("sid=1");
    let renews = |seen: Seen| !seen.set.is_empty();
    assert!(!renews(visit.at(3 * MINUTE - 1).page(&cookie, &[])));
    assert!(renews(visit.at(3 * MINUTE).page(&cookie, &[])));
    assert!(!renews(visit.at(15 * MINUTE - 1).part(&cookie)));
    assert!(visit.part(&cookie).cache_control.is_none());
    assert!(renews(visit.at(15 * MINUTE).part(&cookie)));
    // Requests that run beside each other each get one, and each of them holds.
    let both = [visit.page(&cookie, &[]), visit.page(&cookie, &[])].map(|seen| pair(&seen.set[0]));
    assert_ne!(both[0], both[1]);
    for renewed in both {
        assert_eq!(visit.at(40 * MINUTE).part(&renewed).cookie, "sid=1");
    }
    // Without an idle limit there is nothing to renew.
    let visit = Visit::leaving();
    let cookie = visit.pair("sid=1");
    assert!(!renews(visit.at(7 * HOUR).page(&cookie, &[])));
}

#[test]
fn a_logout_is_not_undone_by_a_renewal() {
    let visit = Visit::limited();
    let cookie = visit.pair("sid=1; Path=/");
    let gone = visit.at(20 * MINUTE).page(&cookie, &["sid=deleted; Max-Age=0; Path=/"]);
    assert_eq!(gone.set, ["sid=deleted; Max-Age=0; Path=/"]);
}

#[test]
fn what_was_not_sealed_here_is_withheld_and_deleted() {
    let visit = Visit::limited();
    let genuine = visit.pair("sid=1; Path=/");
    let name = |name: &str| genuine.replace("sid=", name);
    let other = Visit::limited().pair("sid=1; Path=/");
    let mut forged = genuine.clone();
    forged.pop();
    for cookie in ["sid=1", "sid=", &name("wp-a="), &other, &forged] {
        let seen = visit.page(cookie, &["sid=7"]);
        assert_eq!(seen.cookie, "", "{cookie}");
        let start = cookie.split('=').next().unwrap();
        assert_eq!(seen.set[0], format!("{start}=; Max-Age=0; Path=/"));
        assert_eq!(seen.set[1], format!("{start}=; Max-Age=0; Path=/; Domain=www.gmina.pl"));
        // Before what the CMS sets itself, which would be deleted otherwise.
        assert!(seen.set[2].starts_with("sid=") && !seen.set[2].contains("Max-Age"));
    }
    assert_eq!(visit.sent().of(Verdict::NotGenuine), 5);
    let without = Exchange {
        keys: None,
        ..PLAIN.under(&visit.rules, &visit.tally, &visit.clock)
    };
    let mut headers = fields(COOKIE, &[genuine.as_bytes()]);
    without.inbound(&Method::GET, &mut headers);
    assert!(headers.is_empty(), "without keys nothing passes");
    let mut headers = fields(SET_COOKIE, &[b"sid=1"]);
    without.outbound(StatusCode::OK, &mut headers, Owed::default());
    assert!(!headers.contains_key(SET_COOKIE));
}

#[test]
fn a_cookie_without_a_path_keeps_the_one_that_browsers_give_it() {
    let visit = Visit::limited();
    for (asked, line, path) in [
        ("/intranet/login.php", "sid=1", "/intranet"),
        ("/intranet/", "sid=1; Path=", "/intranet"),
        ("/login.php", "sid=1; Path=a", "/"),
        ("/a/b", "sid=1; Path=/x; Path=relative", "/a"),
    ] {
        let seen = visit.exchange(Navigation::Within, asked, "", &[line]);
        assert!(
            seen.set[0].ends_with(&format!("; Path={path}")),
            "{asked}: {:?}",
            seen.set
        );
    }
    let seen = visit.exchange(Navigation::Within, "/a/b", "", &["sid=1; path=/x"]);
    assert!(seen.set[0].ends_with("; path=/x; SameSite=Lax"), "{:?}", seen.set);
    // No attribute can hold a semicolon.
    let seen = visit.exchange(Navigation::Within, "/a;b/c", "", &["sid=1"]);
    assert!(seen.set[0].ends_with("; SameSite=Lax"), "{:?}", seen.set);
}

#[test]
fn what_would_be_too_long_for_browsers_does_not_pass() {
    let visit = Visit::limited();
    let sets = |length: usize| visit.page("", &[&format!("sid={}; Path=/", "x".repeat(length))]).set;
    let longest = (0..4_096).rev().find(|length| !sets(*length).is_empty()).unwrap();
    assert!((2_900..3_050).contains(&longest), "{longest}");
    assert!(
        pair(&sets(longest)[0]).len() <= 4_097,
        "name and value, and the sign between them"
    );
    assert!(visit.tally.snapshot().total.set.of(Verdict::TooLong) > 0);
    assert_eq!(
        visit
            .page("", &["sid=1", &format!("wp-a={}", "x".repeat(4_000))])
            .set
            .len(),
        1
    );
}

#[test]
fn entering_from_elsewhere_ends_the_session() {
    let visit = Visit::leaving();
    let cookies = [visit.pair("sid=1; Path=/"), visit.pair("wp-a=2; Path=/wp-admin")].join("; ");
    for navigation in [Navigation::Within, Navigation::None] {
        assert_eq!(visit.exchange(navigation, "/", &cookies, &[]).cookie, "sid=1; wp-a=2");
    }
    let entered = visit.exchange(Navigation::Entry, "/", &cookies, &["sid=3; Path=/"]);
    assert_eq!(entered.cookie, "");
    assert_eq!(
        entered.set[..2],
        [
            "sid=; Max-Age=0; Path=/; SameSite=Lax",
            "wp-a=; Max-Age=0; Path=/wp-admin; SameSite=Lax"
        ]
    );
    assert_eq!(
        visit.page(&pair(&entered.set[2]), &[]).cookie,
        "sid=3",
        "and the next one begins"
    );
    assert_eq!(visit.sent().of(Verdict::Ended), 2);
}

#[test]
fn every_crumb_of_a_name_is_opened_by_itself_and_all_else_stays() {
    let visit = Visit::limited();
    let (one, two) = (visit.pair("sid=1; Path=/a"), visit.pair("sid=2; Path=/"));
    let seen = visit.page(&format!("a=b; {one}; __Host-sid=x; sid=forged; {two};; "), &[]);
    assert_eq!(seen.cookie, "sid=1; __Host-sid=x; sid=2");
}

#[test]
fn where_the_policy_is_only_observed_nothing_is_sealed_or_opened() {
    let mut visit = Visit::limited();
    let cookie = visit.pair("sid=1; Path=/; Secure; SameSite=Lax");
    visit.rules.mode = Mode::Observe;
    let seen = visit.at(9 * HOUR).page(&cookie, &["sid=2; Path=/"]);
    assert_eq!((seen.cookie, seen.set), (cookie, vec!["sid=2; Path=/".to_owned()]));
    assert_eq!(visit.sent().of(Verdict::Passed), 1);
}

#[test]
fn a_clock_that_was_set_back_ends_nothing() {
    let visit = Visit::limited();
    let cookie = visit.at(HOUR).pair("sid=1");
    assert_eq!(visit.at(0).page(&cookie, &[]).cookie, "sid=1");
}
