//! Drafts: whatever was seen, they are right, and say what is open.

use std::path::PathBuf;

use jiff::SignedDuration;
use jiff::civil::date;
use proptest::prelude::*;

use super::files::{Found, NAMES, left_open};
use super::report::Report;
use super::sheet::OPEN;
use crate::cli::demo::cms::Cms;
use crate::cli::table::Paint;
use crate::clock::Clock;
use crate::config::{Config, Lenient, Upstream};
use crate::policy::{Lang, Mode, PRESETS, Sign};
use crate::survey::{self, Cookie, Foreign, Lasts, MadeWith, Survey, Use};

fn found<'a>(url: &'a str, upstream: &'a Upstream, survey: &'a Survey) -> Found<'a> {
    Found {
        url,
        upstream,
        ca: None,
        is_named: false,
        survey,
        today: date(2026, 11, 22),
    }
}

fn drafts(found: &Found<'_>) -> Vec<(PathBuf, String)> {
    let texts = [found.townclerk().unwrap(), found.policy().unwrap()];
    let paths = NAMES.map(|name| PathBuf::from("/somewhere").join(name));
    paths.into_iter().zip(texts).collect()
}

fn loaded(drafts: &[(PathBuf, String)]) -> Config {
    Config::load_drafts(&drafts[0].0, drafts).unwrap_or_else(|faults| panic!("{faults}"))
}

fn cookie(lasts: Lasts) -> Cookie {
    Cookie {
        lasts,
        set_on: ["/a".to_owned()].into(),
    }
}

/// What a WordPress on its own name would show.
fn wordpress() -> Survey {
    let preset = PRESETS.iter().find(|preset| preset.name == "wordpress").unwrap();
    Survey {
        host: "www.um.example.pl".to_owned(),
        made_with: Some(MadeWith {
            preset,
            signs: vec![Sign::Generator("WordPress 6.1".to_owned())],
        }),
        cookies: [
            ("wordpress_test_cookie".to_owned(), cookie(Lasts::Session)),
            ("PHPSESSID".to_owned(), cookie(Lasts::Session)),
            (
                "font-size".to_owned(),
                cookie(Lasts::For(SignedDuration::from_hours(1))),
            ),
            (
                "slider".to_owned(),
                cookie(Lasts::For(SignedDuration::from_hours(24 * 365))),
            ),
        ]
        .into(),
        foreign: [(
            "fonts.example".to_owned(),
            Foreign {
                uses: [Use::Font, Use::Style].into(),
                called_on: ["/a".to_owned()].into(),
            },
        )]
        .into(),
        pages: vec![("/".to_owned(), 200)],
        ..Survey::default()
    }
}

#[test]
fn a_site_that_is_known_gets_its_presets_its_name_and_its_foreign_hosts() {
    let (survey, upstream) = (wordpress(), Upstream::new("cms", 80));
    let drafts = drafts(&found("http://cms:80", &upstream, &survey));
    let [(_, config_text), (_, policy)] = &drafts[..] else {
        panic!("two files")
    };
    let config = loaded(&drafts);
    let site = &config.sites[0];
    assert_eq!(*site.hosts, ["www.um.example.pl".into()]);
    assert_eq!(site.upstream, Upstream::new("cms", 80));
    assert_eq!(site.journal.folder, PathBuf::from("/somewhere/journal"));
    assert_eq!(left_open(config_text), [0; 0]);

    assert_eq!(site.policy.cookies.mode, Mode::Observe);
    assert_eq!(
        (site.policy.version.as_str(), site.policy.effective),
        ("2026-1", date(2026, 11, 22))
    );
    let listed = |name: &str| {
        site.policy
            .cookies
            .allowed
            .iter()
            .any(|cookie| cookie.name.covers(name.as_bytes()))
    };
    assert!(
        ["wordpress_test_cookie", "PHPSESSID", "font-size"]
            .iter()
            .all(|name| listed(name))
    );
    assert!(
        !listed("slider"),
        "what nobody has a purpose for is left to the officer"
    );
    assert!(
        policy.contains("presets = [\"wordpress\", \"accessibility\", \"php\"]\n"),
        "{policy}"
    );
    assert!(
        policy.contains("# name = \"slider\"\n") && policy.contains("for 1 year"),
        "{policy}"
    );
    assert!(policy.contains("\n# host = \"fonts.example\"\n"), "{policy}");
    let third_parties = site.policy.third_parties.as_ref().expect("a section");
    assert_eq!(third_parties.mode, Mode::Observe);
    let open: Vec<&str> = left_open(policy)
        .iter()
        .filter_map(|line| policy.lines().nth(line - 1))
        .collect();
    assert_eq!(open.len(), 5, "{open:?}");
    assert!(open[..3].iter().all(|line| line.ends_with(" = \"???\"")) && open[3].starts_with("# ??? The site sets it"));
}

#[test]
fn what_is_taken_away_from_a_listing_makes_it_one() {
    let survey = Survey {
        foreign: Default::default(), // its listings have such lines, too
        ..wordpress()
    };
    let upstream = Upstream::new("cms", 80);
    let mut drafts = drafts(&found("http://cms:80", &upstream, &survey));
    let policy = &mut drafts[1].1;
    for line in [
        "[[cookies.allow]]",
        "name = \"slider\"",
        "purpose.pl = \"…\"",
        "purpose.en = \"…\"",
    ] {
        assert_eq!(policy.matches(&format!("\n# {line}\n")).count(), 1, "{line}");
        *policy = policy.replace(&format!("\n# {line}\n"), &format!("\n{line}\n"));
    }
    let allowed = &loaded(&drafts).sites[0].policy.cookies.allowed;
    assert_eq!(allowed[0].name.to_string(), "slider");
}

#[test]
fn what_could_not_be_known_is_marked_where_it_belongs() {
    let marked = |url: &str, survey: &Survey| {
        let upstream = Upstream::read(url, None).unwrap();
        let drafts = drafts(&found(url, &upstream, survey));
        let config = loaded(&drafts);
        let text = &drafts[0].1;
        let open = left_open(text)
            .iter()
            .map(|line| text.lines().nth(line - 1).unwrap().to_owned())
            .collect::<Vec<_>>();
        (config, open)
    };
    let named = |host: &str| Survey {
        host: host.to_owned(),
        ..Survey::default()
    };

    let (config, open) = marked("http://127.0.0.1:8080", &named("127.0.0.1"));
    assert_eq!(*config.sites[0].hosts, ["localhost".into(), "127.0.0.1".into()]);
    assert_eq!(config.http[0].port(), 8081, "the CMS has the other one");
    assert!(
        open.len() == 1 && open[0].contains("The names by which visitors"),
        "{open:?}"
    );

    let (config, open) = marked("http://cms", &named("cms"));
    assert_eq!(config.sites[0].hosts[0], "cms".into());
    assert!(
        open.len() == 1 && open[0].contains("The names by which visitors"),
        "{open:?}"
    );

    let (config, open) = marked("unix:/run/cms.sock", &named("localhost"));
    assert_eq!(*config.sites[0].hosts, ["localhost".into(), "127.0.0.1".into()]);
    assert_eq!(config.sites[0].upstream.to_string(), "unix:/run/cms.sock");
    assert_eq!(open.len(), 1, "{open:?}");

    let secure = Survey {
        is_secure: true,
        ..named("um.example.pl")
    };
    let (_, open) = marked("https://um.example.pl", &secure);
    assert!(
        open.len() == 2 && open[0].contains("https") && open[1].contains("This is the name"),
        "{open:?}"
    );

    let old = Survey {
        lenient: Lenient {
            folded_fields: true,
            ..Lenient::default()
        },
        ..named("um.example.pl")
    };
    let (config, open) = marked("http://10.0.0.2", &old);
    assert!(
        config.sites[0].upstream.lenient.folded_fields && open.is_empty(),
        "{open:?}"
    );
}

#[test]
fn the_sample_site_is_seen_as_it_is() {
    let clock = Clock::system();
    let (cms, _seen) = Cms::start(clock.clone()).unwrap();
    let url = format!("http://{}", cms.address);
    let upstream = Upstream::read(&url, None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let survey = runtime
        .block_on(survey::look(&upstream, Some("um.example.pl"), &clock))
        .unwrap();
    assert!(survey.made_with.is_none() && survey.bound.is_none());
    assert_eq!(survey.log_ins, ["/logowanie"]);
    let year = SignedDuration::from_hours(24 * 365);
    assert_eq!(survey.cookies["kontrast"].lasts, Lasts::For(year));
    assert_eq!(survey.cookies["_pk_id.1.9c2b"].set_on, ["/budzet".to_owned()].into());

    let found = Found {
        is_named: true,
        ..found(&url, &upstream, &survey)
    };
    let drafts = drafts(&found);
    loaded(&drafts);
    let report = Report {
        found: &found,
        files: &drafts,
    };
    let (pl, en) = (
        report.text(Lang::Pl, Paint::none()),
        report.text(Lang::En, Paint::none()),
    );
    for said in [
        "_pk_id.1.9c2b  13 miesięcy",
        "/logowanie",
        "townclerk check --config /somewhere/townclerk.toml",
    ] {
        assert!(pl.contains(said), "{said}: {pl}");
    }
    for said in ["_pk_id.1.9c2b  13 months", "no preset", "/somewhere/policy.toml", OPEN] {
        assert!(en.contains(said), "{said}: {en}");
    }
    assert_eq!(pl.lines().count(), en.lines().count());
    let json = report.json();
    assert_eq!(
        json["cookies"][0],
        serde_json::json!({
            "name": "_pk_id.1.9c2b", "lasts": "time", "seconds": 393 * 86_400, "set_on": ["/budzet"], "preset": null,
        })
    );
}

proptest! {
    #[test]
    fn whatever_a_site_calls_its_things_the_drafts_are_right(
        name in "\\PC{0,12}|[\"#\\\\<>*=\\[\\]a]{1,8}",
        host in "\\PC{1,12}|[a-z.\"\n#]{1,12}",
        path in "/\\PC{0,12}|/[\"#\n\\\\]{1,8}",
    ) {
        let mut survey = wordpress();
        survey.cookies.insert(name, Cookie { lasts: Lasts::Deleted, set_on: [path.clone()].into() });
        let called_on = [path].into();
        survey.foreign.insert(host, Foreign { uses: [Use::Named].into(), called_on });
        let upstream = Upstream::new("cms", 80);
        loaded(&drafts(&found("http://cms:80", &upstream, &survey)));
    }
}
