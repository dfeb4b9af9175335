//! Attacks on what is published: nobody is to be found in any format.

mod tables;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::date;
use proptest::prelude::*;
use serde_json::json;

use super::super::{Edition, Period, csv, html, json as json_of, text};
use super::*;
use crate::entry::Record;
use crate::journal::Format;
use crate::policy::{self, Lang, Policy};
use crate::reader::Faults;

const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

fn policy() -> Policy {
    let text = include_str!("../../../config/policy.toml");
    policy::parse("policy.toml", text, &mut Faults::new()).unwrap()
}

/// A view of a page.
#[derive(Clone, Debug)]
struct Visit {
    day: usize,
    /// `None` if addresses are not kept.
    from: Option<String>,
    path: String,
    agent: String,
    status: u16,
    on: Option<String>,
    site: Option<String>,
}

fn visit(day: usize, visitor: usize, path: &str) -> Visit {
    Visit {
        day,
        from: Some(format!("203.0.{}.{}", visitor / 200, visitor % 200)),
        path: path.to_owned(),
        agent: FIREFOX.to_owned(),
        status: 200,
        on: None,
        site: None,
    }
}

impl Visit {
    fn line(&self) -> String {
        let mut line = json!({
            "timestamp": format!("2026-10-{:02}T{:02}:00:00.000Z", self.day + 1, 8 + self.day % 10),
            "url": { "path": self.path },
            "http": { "request": { "method": "GET" }, "response": { "status_code": self.status } },
            "user_agent": { "original": self.agent },
            "townclerk": { "sent": format!("2026-10-{:02}T{:02}:00:00.250Z", self.day + 1, 8 + self.day % 10) },
        });
        if let Some(from) = &self.from {
            line["client"] = json!({ "address": from });
        }
        if let Some(site) = &self.site {
            line["http"]["request"]["header"] = json!({ "referer": site });
        }
        if let Some(on) = &self.on {
            line["townclerk"]["referrer"] = json!({ "internal": on });
        }
        line.to_string()
    }
}

fn published(visits: &[Visit], smallest_group: u32) -> Published {
    let period = Period::parse("2026-10").unwrap();
    let mut counts = Counts::of(period, &policy());
    for visit in visits {
        let line = visit.line();
        let record = Record::decode(line.as_bytes(), Format::JsonLines, date(2026, 10, 1)).ok();
        counts.take(&record.unwrap_or_else(|| panic!("{line}")), true);
    }
    let about = About {
        site: "um.example.pl".into(),
        office: "Urząd".into(),
        published: date(2026, 11, 2),
        policy: "1".into(),
        smallest_group,
        entries_begin: None,
        unreadable: 0,
    };
    Published::of(counts, about, None)
}

/// All that anybody could look at.
fn everything(published: &Published) -> String {
    let editions = [Edition {
        now: published.clone(),
        before: Some(published.clone()),
    }];
    let mut all = published.freeze() + &json_of(&editions);
    for lang in [Lang::Pl, Lang::En] {
        all += &text(&editions, lang, true);
        all += &csv(&editions, lang);
        all += &html(&editions, lang);
    }
    all
}

/// What many people do: thirty visitors, three pages, on ten days.
fn crowd() -> Vec<Visit> {
    let paths = ["/", "/kontakt", "/aktualnosci/budzet"];
    (0..300)
        .map(|number| visit(number / 30, number % 30, paths[number % 3]))
        .collect()
}

#[test]
fn what_many_do_is_told_and_rounded() {
    let told = published(&crowd(), 10);
    assert_eq!((told.totals.views, told.totals.visitors), (Some(300), Some(30)));
    assert_eq!(told.totals.bytes, None, "the policy does not keep them");
    let counts: Vec<_> = told
        .pages
        .rows()
        .iter()
        .map(|row| (row.name.as_str(), row.count, row.visitors))
        .collect();
    assert_eq!(
        counts,
        [
            ("/", Some(100), Some(10)),
            ("/aktualnosci/budzet", Some(100), Some(10)),
            ("/kontakt", Some(100), Some(10))
        ]
    );
    assert_eq!((told.pages.other(), &told.entries), (None, &Table::NotKept));
    assert_eq!(told.browsers.rows()[0].name, "Firefox");
    let typical = told.slow.rows()[0].typical_ms.unwrap();
    assert!((225..=275).contains(&typical), "250 within a tenth: {typical}");
    assert_eq!(Published::thaw(&told.freeze()), Some(told));
}

#[test]
fn a_unique_address_with_a_pesel_is_in_no_format() {
    let mut visits = crowd();
    for path in [
        "/sprawa/44051401359",
        "/u/jan.kowalski%40poczta.example",
        "/reset/0f8fad5bd9cb469fa16570867728950e",
    ] {
        visits.push(visit(3, 7, path));
    }
    visits.push(visit(3, 7, "/sprawa/jana-kowalskiego"));
    let all = everything(&published(&visits, 10));
    for secret in ["44051401359", "kowalski", "poczta", "0f8fad5b", "/sprawa", "203.0."] {
        assert!(!all.contains(secret), "{secret}");
    }
    // Not even if forty people look at it.
    visits.extend((0..200).map(|number| visit(4, number % 40, "/sprawa/44051401359")));
    let all = everything(&published(&visits, 10));
    assert!(all.contains("/sprawa/*") && !all.contains("44051401359"));
}

#[test]
fn a_unique_agent_and_a_unique_referring_site_are_in_no_format() {
    let mut visits = crowd();
    visits.push(Visit {
        agent: "JanKowalskiPhone/1.0 (serial 4711) Vivaldi/6.9".into(),
        site: Some("https://jan-kowalski.example/inbox/42".into()),
        ..visit(3, 7, "/")
    });
    let all = everything(&published(&visits, 10));
    for secret in ["JanKowalski", "4711", "Vivaldi", "jan-kowalski", "inbox"] {
        assert!(!all.contains(secret), "{secret}");
    }
}

#[test]
fn a_page_that_one_person_visits_daily_is_in_no_format() {
    for (smallest, of) in [
        (10, "from one address"),
        (3, "from one address"),
        (10, "from a new address each day"),
    ] {
        let mut visits = crowd();
        for day in 0..30 {
            let visitor = if of.ends_with("day") { 100 + day } else { 100 };
            visits.push(visit(day, visitor, "/pomoc/dla-osob-zadluzonych"));
        }
        let all = everything(&published(&visits, smallest));
        assert!(!all.contains("zadluzonych") && !all.contains("/pomoc"), "{of}");
        visits.extend((0..9).map(|visitor| visit(visitor, visitor, "/pomoc/dla-osob-zadluzonych")));
        let all = everything(&published(&visits, smallest));
        assert!(
            !all.contains("zadluzonych"),
            "{of}: nine others hide nobody who has three quarters"
        );
    }
}

#[test]
fn where_no_addresses_are_kept_it_takes_requests_on_one_day_and_that_is_said() {
    let mut visits = crowd();
    visits.extend((0..30).flat_map(|day| std::iter::repeat_n(visit(day, 0, "/pomoc/dla-osob-zadluzonych"), 9)));
    visits.iter_mut().for_each(|visit| visit.from = None);
    let told = published(&visits, 10);
    assert_eq!((told.measured_by, told.totals.visitors), (MeasuredBy::Requests, None));
    assert_eq!(told.pages.row("/").unwrap().count, Some(100));
    assert_eq!(
        told.pages.row("/kontakt"),
        None,
        "hidden with it, so that nobody can work it out"
    );
    let all = everything(&told);
    assert!(!all.contains("zadluzonych"), "nine times a day may be one person");
    assert!(all.contains("dlatego liczymy zapytania") && all.contains("so requests are counted"));
}

#[test]
fn nobody_writes_into_a_report_by_asking_for_what_is_not_there() {
    let mut visits = crowd();
    for visitor in 0..20 {
        for (path, on) in [
            ("/wojt-to-zlodziej", "/kontakt"),
            ("/aktualnosci/wojt-to-zlodziej", "/aktualnosci/budzet?a=wojt"),
            ("/aktualnosci/budzet", "/wojt-to-zlodziej"),
        ] {
            visits.push(Visit {
                status: 404,
                on: Some(on.into()),
                ..visit(1, visitor, path)
            });
        }
    }
    let told = published(&visits, 10);
    let all = everything(&told);
    assert!(!all.contains("wojt") && !all.contains("zlodziej"));
    let links: BTreeSet<_> = told
        .broken
        .rows()
        .iter()
        .map(|row| (row.on.as_deref().unwrap(), row.name.as_str()))
        .collect();
    let expected = [
        ("/kontakt", "/*"),
        ("/aktualnosci/budzet", "/aktualnosci/*"),
        ("/*", "/aktualnosci/budzet"),
    ];
    assert_eq!(links, BTreeSet::from(expected));
}

#[test]
fn small_pages_go_together_in_their_folder() {
    let mut visits = crowd();
    visits.extend((0..40).map(|number| visit(2, number, &format!("/druki/wzor-{number}"))));
    let told = published(&visits, 10);
    let folder = told.pages.row("/druki/*").expect("forty people");
    assert_eq!(
        (folder.count, folder.visitors, told.pages.other()),
        (Some(40), Some(40), None)
    );
    // What four people have seen is hidden with the smallest row, so that nobody can work it out.
    visits.extend((0..4).map(|number| visit(2, number, &format!("/sesje/protokol-{number}"))));
    let told = published(&visits, 10);
    assert!(!everything(&told).contains("sesje") && told.pages.row("/druki/*").is_none());
    assert_eq!(told.pages.other().unwrap().count, Some(45));
}

#[test]
fn with_too_few_visitors_nothing_is_told_at_all() {
    let visits: Vec<_> = (0..200)
        .map(|number| visit(number % 10, number % 9, "/kontakt"))
        .collect();
    let told = published(&visits, 10);
    assert_eq!(told.totals, Totals::default());
    assert_eq!(
        (&told.pages, &told.days, &told.hours),
        (&Table::TooFew, &Table::TooFew, &Table::TooFew)
    );
    let all = everything(&told);
    assert!(!all.contains("kontakt") && !all.contains("200"), "{all}");
}

#[test]
fn months_are_put_together_without_counting_again() {
    let month = published(&crowd(), 10);
    let year = Period::parse("2026").unwrap();
    let together = Published::together(year, vec![month.clone()]).unwrap();
    assert_eq!(together.totals.views, Some(300));
    assert_eq!(
        (together.totals.visitors, together.pages.rows()[0].visitors),
        (None, None)
    );
    let days: Vec<_> = together
        .days
        .rows()
        .iter()
        .map(|row| (row.name.as_str(), row.count))
        .collect();
    assert_eq!(
        (days.len(), days[9], days[8]),
        (12, ("2026-10", Some(300)), ("2026-09", None))
    );
    assert_eq!(together.hours.rows().len(), 24);
    let same = Published::together(Period::parse("2026-10").unwrap(), vec![month.clone()]);
    assert_eq!(same, Some(month));
    assert_eq!(Published::together(year, Vec::new()), None);
}

fn anybody() -> impl Strategy<Value = Vec<(usize, usize, usize)>> {
    prop::collection::vec((0usize..31, 0usize..40, 0usize..12), 0..500).prop_map(|mut traffic| {
        traffic.sort_by_key(|(day, ..)| *day);
        traffic
    })
}

const PATHS: [&str; 12] = [
    "/", "/a", "/a/b", "/a/c", "/a/d/e", "/a/d/f", "/b", "/b/c", "/c/d", "/c/e", "/c/f", "/d",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn every_row_and_what_is_left_is_of_many(traffic in anybody(), smallest in 3u32..12) {
        let visits: Vec<_> = traffic.iter().map(|(day, visitor, path)| visit(*day, *visitor, PATHS[*path])).collect();
        let told = published(&visits, smallest);
        let mut people: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
        let mut views: BTreeMap<&str, u64> = BTreeMap::new();
        for (_, visitor, path) in &traffic {
            people.entry(PATHS[*path]).or_default().insert(*visitor);
            *views.entry(PATHS[*path]).or_default() += 1;
        }
        let mut hidden: BTreeSet<&str> = people.keys().copied().collect();
        for row in told.pages.rows().iter().filter(|row| !row.name.ends_with('*')) {
            hidden.remove(row.name.as_str());
            prop_assert!(people[row.name.as_str()].len() >= smallest as usize);
            prop_assert!(row.count.unwrap().abs_diff(views[row.name.as_str()]) <= 2);
        }
        // Folders hold what is below them and has no row of its own.
        for row in told.pages.rows().iter().rev().filter(|row| row.name.ends_with('*')) {
            let inside: Vec<_> = hidden.iter().copied().filter(|path| path.starts_with(row.name.trim_end_matches('*'))).collect();
            let visitors: BTreeSet<_> = inside.iter().flat_map(|path| &people[path]).collect();
            prop_assert!(inside.len() > 1 && visitors.len() >= smallest as usize, "{} {inside:?}", row.name);
        }
        let left: BTreeSet<_> = hidden.iter().flat_map(|path| &people[path]).collect();
        if told.pages.other().is_some() {
            prop_assert!(hidden.len() > 1 && left.len() >= smallest as usize, "{hidden:?}");
        }
        // What is seen and what is left is all there is, so nothing else can be worked out.
        if !told.pages.rows().is_empty() {
            let told: u64 = told.pages.rows().iter().chain(told.pages.other()).filter_map(|row| row.count).sum();
            prop_assert!(told.abs_diff(traffic.len() as u64) <= 2 * 13);
        }
        for row in told.days.rows() {
            let visitors: BTreeSet<_> = traffic.iter().filter(|(day, ..)| row.name.ends_with(&format!("-{:02}", day + 1))).collect();
            prop_assert!(row.count.is_none() || visitors.len() >= smallest as usize);
        }
    }

    #[test]
    fn what_somebody_alone_has_looked_at_changes_nothing(traffic in anybody(), names in prop::array::uniform2("[a-z]{12}")) {
        let mut visits: Vec<_> = traffic.iter().map(|(day, visitor, path)| visit(*day, *visitor, PATHS[*path])).collect();
        visits.push(visit(3, 5, &format!("/a/{}", names[0])));
        let one = published(&visits, 10).freeze();
        visits.last_mut().unwrap().path = format!("/a/{}", names[1]);
        prop_assert_eq!(one, published(&visits, 10).freeze());
    }

    #[test]
    fn any_text_is_thawed_or_refused(text in "\\PC{0,200}|\\{[a-z:\",0-9{}\\[\\]-]{0,100}\\}") {
        prop_assert!(Published::thaw(&text).is_none());
    }
}
