//! Sites of all kinds, as they look from outside.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::Duration;

use super::crawl::{Bounds, crawl};
use super::*;
use crate::config::Origin;

/// A site that answers each request with what the closure makes of its target and its head. It ends with the tests.
fn site(answer: impl Fn(&str, &str) -> String + Send + Sync + 'static) -> Upstream {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|read| read > 0) {
                head.push(byte[0]);
            }
            let head = String::from_utf8(head).unwrap();
            let target = head.split(' ').nth(1).unwrap_or_default();
            let _ = stream.write_all(answer(target, &head).as_bytes()); // we may have left
        }
    });
    at(address)
}

fn at(address: SocketAddr) -> Upstream {
    Upstream::new(address.ip().to_string(), address.port())
}

fn ok(fields: &str, body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n{fields}\r\n{body}")
}

fn to(place: &str) -> String {
    format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}

fn missing() -> String {
    "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nConnection: close\r\n\r\nno".to_owned()
}

fn looked_within(upstream: &Upstream, host: Option<&str>, bounds: &Bounds) -> Result<Survey, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(crawl(upstream, host, bounds, &Clock::system()))
}

fn looked(upstream: &Upstream) -> Result<Survey, Fault> {
    looked_within(upstream, None, &Bounds::default())
}

#[test]
fn pages_log_ins_style_sheets_and_what_they_call_are_found() {
    let upstream = site(|target, head| match target {
        "/" => ok(
            "Set-Cookie: PHPSESSID=a\r\nX-Powered-By: PHP/5.6\r\n",
            "<a href=/o-nas>a</a> <a rel=nofollow href='/panel/logowanie.php'>b</a> <a href=/wyloguj>c</a> \
             <link rel=stylesheet href=/s.css><script src=https://stat.example/m.js></script>",
        ),
        "/o-nas" => ok(
            "Set-Cookie: x0123456789abcdef0123456789abcdef=1; Max-Age=60\r\nSet-Cookie: old=; Max-Age=0\r\n",
            if head.contains("cookie: PHPSESSID=a") {
                "<iframe src=//mapy.example/>"
            } else {
                ""
            },
        ),
        "/panel/logowanie.php" => ok(
            "Set-Cookie: PHPSESSID=b; Max-Age=3600\r\n",
            "<form><input type=password></form>",
        ),
        "/s.css" => "HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nConnection: close\r\n\r\n@import 'b.css';".to_owned(),
        "/b.css" => {
            let sheet = "@font-face{src:url(//fonts.example/a.woff2)}";
            format!("HTTP/1.1 200 OK\r\nContent-Type: text/css\r\nConnection: close\r\n\r\n{sheet}")
        }
        "/wyloguj" => panic!("nothing is to be changed"),
        _ => missing(),
    });
    let survey = looked(&upstream).unwrap();
    assert_eq!(survey.made_with.expect("PHP").preset.name, "php");
    assert_eq!(survey.log_ins, ["/panel/logowanie.php"]);
    assert_eq!(survey.pages[0], ("/".to_owned(), 200));
    assert_eq!((survey.bound, survey.unread), (None, 0));
    let lasts: Vec<_> = survey
        .cookies
        .iter()
        .map(|(name, cookie)| (name.as_str(), cookie.lasts))
        .collect();
    let seconds = |seconds| Lasts::For(SignedDuration::from_secs(seconds));
    assert_eq!(
        lasts,
        [
            ("PHPSESSID", seconds(3600)),
            ("old", Lasts::Deleted),
            ("x<hex32>", seconds(60))
        ]
    );
    assert_eq!(survey.cookies["x<hex32>"].set_on, ["/o-nas".to_owned()].into());
    let foreign: Vec<_> = survey
        .foreign
        .iter()
        .map(|(host, foreign)| (host.as_str(), foreign))
        .collect();
    let call = |what, path: &str| Foreign {
        uses: [what].into(),
        called_on: [path.to_owned()].into(),
    };
    assert_eq!(
        foreign,
        [
            ("fonts.example", &call(Use::Font, "/b.css")),
            ("mapy.example", &call(Use::Frame, "/o-nas")),
            ("stat.example", &call(Use::Script, "/")),
        ]
    );
}

#[test]
fn a_log_in_that_no_page_links_to_is_looked_for_where_the_cms_has_it() {
    let upstream = site(|target, _| match target {
        "/" => to("/blog/"),
        "/blog/" => ok("", "<link rel=stylesheet href=wp-content/themes/a.css>"),
        "/blog/wp-login.php" => ok("Set-Cookie: wordpress_test_cookie=a\r\n", "<input type=password>"),
        _ => missing(),
    });
    let survey = looked(&upstream).unwrap();
    assert_eq!(survey.log_ins, ["/blog/wp-login.php"]);
    assert_eq!(survey.made_with.expect("a CMS").preset.name, "wordpress");
    let guesses = survey.pages.iter().filter(|(_, status)| *status == 404).count();
    assert_eq!(guesses, 0, "what was only guessed is no page");
}

#[test]
fn a_site_is_followed_to_its_own_name_and_to_https() {
    let upstream = site(|target, head| match target {
        _ if !head.contains("host: www.um.example.pl\r\n") => to("http://www.um.example.pl/"),
        _ if !head.contains("x-forwarded-proto: https\r\n") => to("https://www.um.example.pl/"),
        "/" => ok("", "<a href=https://um.example.pl/a>a</a>"),
        _ => ok("", ""),
    });
    let survey = looked(&upstream).unwrap();
    assert_eq!(
        (survey.host.as_str(), survey.renamed, survey.is_secure),
        ("www.um.example.pl", true, true)
    );
    assert!(
        survey.pages.contains(&("/a".to_owned(), 200)),
        "without www. it is the same site"
    );
    let survey = looked_within(&upstream, Some("um.example.pl"), &Bounds::default()).unwrap();
    assert!(survey.renamed && survey.host == "www.um.example.pl");
    let elsewhere = looked_within(&upstream, Some("bip.example.pl"), &Bounds::default());
    assert_eq!(elsewhere.unwrap_err(), Fault::Elsewhere("www.um.example.pl".to_owned()));
}

#[test]
fn a_first_page_that_cannot_be_seen_is_named() {
    let fault = |answer: String| looked(&site(move |_, _| answer.clone())).unwrap_err();
    assert_eq!(fault(missing()), Fault::Refused(404));
    assert_eq!(fault(to("/")), Fault::Endless);
    assert_eq!(fault("SSH-2.0-OpenSSH_9.2\r\n".repeat(3)), Fault::NotHttp);
    assert_eq!(fault(String::new()), Fault::CutOff);
    let text = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n{}";
    assert_eq!(fault(text.to_owned()), Fault::NotHtml("application/json".to_owned()));
    let counted = site(|target, _| to(&format!("{target}1")));
    assert_eq!(looked(&counted).unwrap_err(), Fault::Endless);

    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    assert!(matches!(looked(&at(gone)).unwrap_err(), Fault::Unreachable(_)));
    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = plain.local_addr().unwrap();
    thread::spawn(move || {
        for mut stream in plain.incoming().flatten() {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n"); // it says so of a TLS handshake
        }
    });
    let host = address.ip().to_string();
    let mut secure = at(address);
    secure.origins = vec![Origin::Https {
        host,
        port: address.port(),
    }];
    let fault = looked(&secure).unwrap_err();
    assert!(matches!(&fault, Fault::Tls(why) if !why.is_empty()), "{fault}");
}

#[test]
fn one_that_says_nothing_is_not_waited_for() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let bounds = Bounds {
        time: Duration::from_millis(50),
        ..Bounds::default()
    };
    let fault = looked_within(&at(silent.local_addr().unwrap()), None, &bounds).unwrap_err();
    assert_eq!(fault, Fault::TooSlow(bounds.time));
}

#[test]
fn what_an_old_cms_gets_wrong_is_put_up_with_and_named() {
    for (fields, word) in [
        ("X-Old: a\r\n b\r\n", "folded-fields"),
        ("X-Old : a\r\n", "space-before-colon"),
        ("what is this\r\n", "broken-fields"),
    ] {
        let survey = looked(&site(move |_, _| ok(fields, ""))).unwrap();
        assert_eq!(survey.lenient.words().collect::<Vec<_>>(), [word], "{fields}");
    }
    let survey = looked(&site(|_, _| ok("", ""))).unwrap();
    assert_eq!(survey.lenient, Lenient::default());
}

#[test]
fn a_site_without_an_end_is_left_at_the_bounds() {
    let calendar = || {
        site(|target, _| {
            let links: String = (0..200).map(|day| format!("<a href='{target}{day}/'></a>")).collect();
            ok("", &links)
        })
    };
    let bounds = Bounds {
        requests: 20,
        ..Bounds::default()
    };
    let survey = looked_within(&calendar(), None, &bounds).unwrap();
    assert_eq!(survey.bound, Some(Bound::Pages));
    assert!(survey.pages.len() <= 20);
    let bounds = Bounds {
        bytes: 10_000,
        ..Bounds::default()
    };
    let survey = looked_within(&calendar(), None, &bounds).unwrap();
    assert_eq!(survey.bound, Some(Bound::Bytes));
}

#[test]
fn a_hostile_page_is_cut_and_its_names_are_counted() {
    let upstream = site(|target, _| {
        if target != "/" {
            return missing();
        }
        let cookies: String = (0..90)
            .map(|n| format!("Set-Cookie: c{n}{}=1\r\n", "x".repeat(n)))
            .collect();
        let hosts: String = (0..5_000).map(|n| format!("<img src=//h{n}.example/>")).collect();
        let links: String = (0..5_000).map(|n| format!("<a href=/{n}>")).collect();
        ok(&cookies, &format!("{hosts}{links}{}", "<div>".repeat(1 << 20)))
    });
    let survey = looked(&upstream).unwrap();
    assert_eq!(survey.unread, 1, "the first page is not whole");
    assert_eq!(survey.bound, Some(Bound::Pages));
    assert!(
        survey.foreign.len() == 200 && survey.cookies.len() < 70,
        "{}",
        survey.cookies.len()
    );
    assert!(survey.cookies.keys().all(|name| name.len() <= 64));
}
