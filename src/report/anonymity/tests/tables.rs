//! What each table counts, of a week about which everything is known.

use serde_json::{Value, json};

use super::super::super::{Edition, Period, csv, html, json as json_of, text};
use super::*;

const CHROME: &str = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/129.0.0.0 \
    Safari/537.36";
const ROBOT: &str = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";

/// One request each of so many visitors; `more` is put over what all have in common.
fn requests(counts: &mut Counts, visitors: usize, more: Value) {
    for visitor in 0..visitors {
        let mut line = json!({
            "timestamp": "2026-10-05T09:30:00.000Z",
            "client": { "address": format!("203.0.113.{visitor}") },
            "url": { "path": "/" },
            "http": { "request": { "method": "GET" }, "response": { "status_code": 200, "body": { "size": 1_000 } } },
            "user_agent": { "original": FIREFOX },
            "townclerk": { "sent": "2026-10-05T09:30:00.250Z" },
        });
        put(&mut line, &more);
        let line = line.to_string();
        counts.take(
            &Record::decode(line.as_bytes(), Format::JsonLines, date(2026, 10, 5)).unwrap(),
            true,
        );
    }
}

fn put(line: &mut Value, more: &Value) {
    match (line, more) {
        (Value::Object(line), Value::Object(more)) => {
            more.iter()
                .for_each(|(key, value)| put(line.entry(key).or_insert(Value::Null), value));
        }
        (line, value) => *line = value.clone(),
    }
}

fn week() -> Published {
    let mut counts = Counts::of(Period::parse("2026-W41").unwrap(), &policy());
    requests(
        &mut counts,
        30,
        json!({
            "http": { "request": { "header": { "referer": "https://www.gov.pl/web/gov" } } },
            "townclerk": { "visit": { "first_page": true } },
        }),
    );
    let evening = "2026-10-06T17:00:00.000Z";
    requests(
        &mut counts,
        20,
        json!({
            "timestamp": evening,
            "url": { "path": "/kontakt" },
            "user_agent": { "original": CHROME },
            "townclerk": { "sent": "2026-10-06T17:00:02.000Z" },
        }),
    );
    requests(&mut counts, 15, json!({ "url": { "path": "/druki/wniosek.pdf" } }));
    requests(&mut counts, 15, json!({ "url": { "path": "/styl.css" } }));
    requests(
        &mut counts,
        15,
        json!({
            "url": { "path": "/kontakt" },
            "http": { "response": { "status_code": 404 } },
            "townclerk": { "referrer": { "internal": "/" } },
        }),
    );
    requests(
        &mut counts,
        15,
        json!({
            "http": { "response": { "status_code": 504 } },
            "error": { "type": "upstream.timeout" },
        }),
    );
    requests(&mut counts, 25, json!({ "user_agent": { "original": ROBOT } }));
    let about = About {
        site: "um.example.pl".into(),
        office: "Urząd".into(),
        published: date(2026, 10, 20),
        policy: "1".into(),
        smallest_group: 10,
        entries_begin: None,
        unreadable: 0,
    };
    Published::of(counts, about, None)
}

/// Rows with a number, and what is in no row.
fn rows(table: &Table) -> (Vec<(&str, u64)>, Option<u64>) {
    let rows = table.rows().iter();
    let rows = rows.filter_map(|row| Some((row.name.as_str(), row.count?)));
    (rows.collect(), table.other().and_then(|row| row.count))
}

#[test]
fn each_table_counts_what_it_says() {
    let told = week();
    let totals = &told.totals;
    assert_eq!(
        (totals.views, totals.visits, totals.visitors),
        (Some(50), Some(30), Some(30))
    );
    assert_eq!(
        (totals.requests, totals.bytes, totals.robots),
        (Some(110), Some(110_000), Some(25))
    );
    let both = [("2026-10-05", 30), ("2026-10-06", 20)];
    assert_eq!(rows(&told.days).0, both);
    assert_eq!(told.days.rows().len(), 7, "the days without visitors too");
    assert_eq!(
        (rows(&told.hours).0, told.hours.rows().len()),
        (vec![("9", 30), ("17", 20)], 24)
    );
    assert_eq!(
        (rows(&told.weekdays).0, told.weekdays.rows().len()),
        (vec![("1", 30), ("2", 20)], 7)
    );
    for (table, expected) in [
        (&told.pages, &[("/", 30), ("/kontakt", 20)][..]),
        (&told.entries, &[("/", 30)]),
        (&told.files, &[("/druki/wniosek.pdf", 15)]),
        (&told.sites, &[("www.gov.pl", 30)]),
        (&told.browsers, &[("Firefox", 30), ("Chrome", 20)]),
        (&told.systems, &[("Linux", 30), ("Windows", 20)]),
        (&told.statuses, &[("200", 80), ("404", 15), ("504", 15)]),
        (&told.errors, &[("upstream.timeout", 15)]),
        (&told.broken, &[("/kontakt", 15)]),
        (
            &told.things,
            &[
                ("pages", 50),
                ("failed", 15),
                ("files", 15),
                ("not-found", 15),
                ("parts", 15),
            ],
        ),
    ] {
        assert_eq!(rows(table), (expected.to_vec(), None));
    }
    assert_eq!(
        told.broken.rows()[0].on.as_deref(),
        Some("/"),
        "the page that holds the link"
    );
    let slow: Vec<_> = told
        .slow
        .rows()
        .iter()
        .map(|row| (row.name.as_str(), row.typical_ms.unwrap()))
        .collect();
    let [("/kontakt", slowest), ("/", fastest)] = slow[..] else {
        panic!("{slow:?}")
    };
    assert!(
        (1_800..=2_200).contains(&slowest) && (225..=275).contains(&fastest),
        "{slow:?}"
    );
}

#[test]
fn every_form_tells_all_tables() {
    let editions = [Edition {
        now: week(),
        before: None,
    }];
    let html = html(&editions, Lang::En);
    for form in [
        text(&editions, Lang::En, false),
        csv(&editions, Lang::En),
        html.clone(),
        json_of(&editions),
    ] {
        for told in [
            "/kontakt",
            "/druki/wniosek.pdf",
            "www.gov.pl",
            "Firefox",
            "Windows",
            "504",
        ] {
            assert!(form.contains(told), "{told} is not in {form}");
        }
    }
    // Each picture says in words what it shows, and a table beside it has its numbers.
    let pictures = html.matches("role=\"img\" aria-labelledby=").count();
    assert_eq!(
        (pictures, html.matches("<details>").count()),
        (3, 3),
        "days, hours, weekdays"
    );
    assert!(
        html.contains("Hours of the day: most 09:00–09:59 (30), least 17:00–17:59 (20)"),
        "{html}"
    );
}

/// The same week with other numbers, and with names that are long.
fn retold(number: fn(u64) -> u64) -> Published {
    fn walk(value: &mut Value, number: fn(u64) -> u64) {
        const NUMBERS: [&str; 9] = [
            "bytes",
            "count",
            "requests",
            "robots",
            "slow_ms",
            "typical_ms",
            "views",
            "visitors",
            "visits",
        ];
        for (key, value) in value.as_object_mut().into_iter().flatten() {
            match (key.as_str(), &mut *value) {
                (key, Value::Number(told)) if NUMBERS.contains(&key) => *value = number(told.as_u64().unwrap()).into(),
                ("name" | "on", Value::String(name)) if name.starts_with('/') => name.push_str(&"/dłuższa".repeat(12)),
                ("site" | "office", Value::String(name)) => name.push_str(&" i okolice".repeat(12)),
                (_, Value::Array(rows)) => rows.iter_mut().for_each(|row| walk(row, number)),
                (_, value) => walk(value, number),
            }
        }
    }
    let mut told: Value = serde_json::from_str(&week().freeze()).unwrap();
    walk(&mut told, number);
    Published::thaw(&told.to_string()).unwrap()
}

#[test]
fn a_terminal_of_80_columns_holds_every_line_however_large_the_numbers_are() {
    let [small, large]: [fn(u64) -> u64; 2] = [|_| 5, |number| number * 30_000_000];
    for (now, before) in [(large, small), (small, large), (large, large)] {
        let editions = [Edition {
            now: retold(now),
            before: Some(retold(before)),
        }];
        for lang in [Lang::Pl, Lang::En] {
            let told = text(&editions, lang, false);
            let wide: Vec<_> = told.lines().filter(|line| line.chars().count() > 80).collect();
            assert!(wide.is_empty(), "{wide:#?}");
        }
    }
}
