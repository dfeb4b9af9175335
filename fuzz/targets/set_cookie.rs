//! `Set-Cookie`: a line that passes has lost exactly its lifetime and gained exactly what its flags say it lacked;
//! every other byte stays. A deletion stays as it is. Judged twice, it is what it was after the first time.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use townclerk::clock::Clock;
use townclerk::cookies::{Verdict, judge};
use townclerk::policy::{Allowed, Cookies, Ends, Mode, NamePattern, Text, Unlisted};

static CLOCK: LazyLock<Clock> = LazyLock::new(|| Clock::set_to("2026-11-21T12:00:00Z".parse().expect("a time")));

fuzz_target!(|line: &[u8]| {
    for (unlisted, secure) in [
        (Unlisted::Strip, true),
        (Unlisted::Strip, false),
        (Unlisted::Limit, true),
        (Unlisted::Limit, false),
    ] {
        let rules = rules(unlisted);
        let judged = judge(line, &rules, secure, &CLOCK);
        let Some(after) = judged.line() else {
            assert_eq!(judged.verdict, Verdict::Stripped);
            continue;
        };
        match judged.verdict {
            Verdict::Stripped | Verdict::Ended | Verdict::NotGenuine | Verdict::TooLong => {
                panic!("nothing of it may be left")
            }
            Verdict::Deletion | Verdict::Passed => assert_eq!(&*after, line),
            Verdict::Limited => {
                let kept: Vec<u8> = without_lifetime(line);
                let gained = after
                    .strip_prefix(&*kept)
                    .expect("the rest stays as it was, and in front");
                let flags: [&[u8]; 3] = [b"; Secure", b"; SameSite=Lax", b"; Secure; SameSite=Lax"];
                assert!(gained.is_empty() || flags.contains(&gained));
                assert!(secure || !gained.starts_with(b"; Secure"));
            }
        }
        if judged.verdict != Verdict::Deletion {
            assert_eq!(without_lifetime(&after), &*after, "a lifetime passed");
        }
        assert_eq!(judge(&after, &rules, secure, &CLOCK).line().as_deref(), Some(&*after));
    }
});

/// The line without the attributes that give a cookie a lifetime.
fn without_lifetime(line: &[u8]) -> Vec<u8> {
    let mut pieces = line.split(|&byte| byte == b';');
    let mut left = pieces.next().unwrap_or_default().to_vec();
    for piece in pieces {
        let name = piece.split(|&byte| byte == b'=').next().unwrap_or_default();
        let name: String = name.iter().map(|&byte| char::from(byte)).collect();
        let name = name.trim_matches([' ', '\t']).to_ascii_lowercase();
        if name != "max-age" && name != "expires" {
            left.push(b';');
            left.extend_from_slice(piece);
        }
    }
    left
}

fn rules(unlisted: Unlisted) -> Cookies {
    let allowed = ["sid", "__Host-sid", "wp-*"].map(|name| Allowed {
        name: NamePattern::parse(name).expect("a name"),
        purpose: Text {
            pl: String::new(),
            en: String::new(),
        },
        ends: Ends::default(),
    });
    Cookies {
        mode: Mode::Enforce,
        unlisted,
        expire_unlisted: false,
        login_hosts: Vec::new(),
        first_page: None,
        allowed: allowed.into(),
    }
}
