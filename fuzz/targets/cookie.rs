//! `Cookie`: one field a line. What reaches the CMS is one field with some of the crumbs, in order, to the byte: all
//! that are listed, none that is not.
#![no_main]

use http::{HeaderMap, HeaderValue, Method, header};
use libfuzzer_sys::fuzz_target;
use townclerk::clock::Clock;
use townclerk::cookies::{Exchange, Navigation, Tally};
use townclerk::policy::{Allowed, Cookies, Ends, Mode, NamePattern, Text, Unlisted};

fuzz_target!(|data: &[u8]| {
    for unlisted in [Unlisted::Strip, Unlisted::Limit] {
        let sent = fields(data);
        let mut kept = sent.clone();
        let rules = rules(Mode::Enforce, unlisted);
        inbound(&rules, &mut kept);
        assert!(kept.get_all(header::COOKIE).iter().count() <= 1);
        let (before, after) = (crumbs(&sent), crumbs(&kept));
        let mut rest = before.iter();
        assert!(
            after.iter().all(|crumb| rest.any(|other| other == crumb)),
            "changed, or out of order"
        );
        let listed = |crumb: &&Vec<u8>| crumb.starts_with(b"sid=");
        let count = |crumbs: &[Vec<u8>]| crumbs.iter().filter(listed).count();
        assert_eq!(count(&before), count(&after), "a listed crumb was lost");
        if unlisted == Unlisted::Strip {
            let known = |crumb: &Vec<u8>| crumb.starts_with(b"sid=") || crumb.starts_with(b"wp-");
            assert!(after.iter().all(known), "an unlisted crumb passed");
        }
        assert_eq!(kept.contains_key(header::COOKIE), !after.is_empty(), "an empty field");
    }
    let (sent, rules) = (fields(data), rules(Mode::Observe, Unlisted::Strip));
    let mut kept = sent.clone();
    inbound(&rules, &mut kept);
    assert_eq!(kept, sent, "only observed");
});

fn inbound(rules: &Cookies, headers: &mut HeaderMap) {
    let exchange = Exchange {
        rules,
        tally: &Tally::new(rules),
        clock: &Clock::system(),
        secure: true,
        host: "um.example.pl",
        navigation: Navigation::None,
        path: "/",
        site: "um.example.pl",
        keys: None,
    };
    let owed = exchange.inbound(&Method::GET, headers);
    assert!(owed.is_nothing(), "nobody asked for anything");
}

fn fields(data: &[u8]) -> HeaderMap {
    let lines = data.split(|&byte| byte == b'\n').take(100);
    let values = lines.filter_map(|line| HeaderValue::from_bytes(line).ok());
    values.map(|value| (header::COOKIE, value)).collect()
}

fn crumbs(fields: &HeaderMap) -> Vec<Vec<u8>> {
    let values = fields.get_all(header::COOKIE).iter();
    let pieces = values.flat_map(|value| value.as_bytes().split(|&byte| byte == b';'));
    let trimmed = pieces.map(|mut piece| {
        while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = piece {
            piece = rest;
        }
        piece.to_vec()
    });
    trimmed.filter(|crumb| !crumb.is_empty()).collect()
}

fn rules(mode: Mode, unlisted: Unlisted) -> Cookies {
    let allowed = ["sid", "wp-*"].map(|name| Allowed {
        name: NamePattern::parse(name).expect("a name"),
        purpose: Text {
            pl: String::new(),
            en: String::new(),
        },
        ends: Ends::default(),
    });
    Cookies {
        mode,
        unlisted,
        expire_unlisted: false,
        login_hosts: Vec::new(),
        first_page: None,
        allowed: allowed.into(),
    }
}
