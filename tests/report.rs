//! Statistics, as somebody at a terminal has them: published once for each time that is over, and of nobody.

use std::fs;
use std::path::Path;

use serde_json::Value;
use townclerk::entry::Observation;

use crate::accessible::barriers;
use crate::journal_cli::{Desk, exchange};
use crate::packing::identity;
use crate::serve::program::{Ended, Serving, run, run_with};
use crate::town::{Plan, Town};

fn plan() -> Plan {
    Town::before_address("127.0.0.1:9".parse().expect("an address"))
}

/// A month of a small town: each day forty visitors, on pages that some, few or one of them read.
fn month(desk: &Desk, month: &str) {
    for day in [3, 4, 5] {
        let at = |minute: usize| format!("{month}-{day:02}T10:{:02}:00Z", minute % 60);
        let visits = (0..120).map(|number| {
            let visitor = number % 40;
            let (path, status) = match number {
                _ if (20..32).contains(&visitor) => (format!("/ulotka-{visitor}"), 200),
                _ if visitor == 7 => ("/sprawa/tylko-jana".to_owned(), 200),
                _ if number % 3 == 0 => ("/aktualnosci/budzet?od=44051401359".to_owned(), 200),
                _ if number % 10 == 1 => ("/nie-ma".to_owned(), 404),
                _ => ("/".to_owned(), 200),
            };
            Observation {
                client: format!("203.0.113.{visitor}").parse().expect("an address"),
                ..exchange(&at(number), &path, status)
            }
        });
        desk.keep(&at(59), visits.collect::<Vec<_>>());
    }
}

fn report(desk: &Desk, arguments: &[&str]) -> Ended {
    let all: Vec<&str> = ["report", "--lang", "en"].iter().chain(arguments).copied().collect();
    run_with(&all, &desk.config)
}

/// What a report says that is published.
fn says(desk: &Desk, arguments: &[&str]) -> String {
    let ended = report(desk, arguments);
    assert_eq!(
        (ended.code, ended.err.as_str()),
        (Some(0), ""),
        "{arguments:?}: {ended:?}"
    );
    ended.out
}

#[test]
fn a_month_is_told_in_four_forms_and_in_none_of_them_anybody() {
    for key in ["", "format = \"combined\""] {
        let desk = Desk::new(key, "unlimited");
        month(&desk, "2024-10");
        let text = says(&desk, &["--period", "2024-10"]);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(
            text.contains("October 2024") && text.contains("/aktualnosci/budzet"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'), "no colours without a terminal");
        let json: Value =
            serde_json::from_str(&says(&desk, &["--period", "2024-10", "--format", "json"])).expect("JSON");
        let told = &json["sites"][0]["statistics"];
        assert_eq!(
            (&told["totals"]["visitors"], &told["totals"]["requests"]),
            (&40.into(), &360.into())
        );
        let csv = says(&desk, &["--period", "2024-10", "--format", "csv"]);
        let budget = told["pages"]["rows"]
            .as_array()
            .expect("rows")
            .iter()
            .find(|row| row["name"] == "/aktualnosci/budzet");
        let count = &budget.expect("the budget")["count"];
        assert!(
            csv.contains(&format!("2024-10,pages,/aktualnosci/budzet,,{count},")),
            "{csv}"
        );
        let html = says(&desk, &["--period", "2024-10", "--format", "html"]);
        assert!(
            html.contains("<svg") && !html.contains("<script") && !html.contains("http"),
            "{html}"
        );
        for all in [&text, &csv, &html, &json.to_string()] {
            for secret in ["44051401359", "jana", "sprawa", "203.0.113", "nie-ma", "ulotka"] {
                assert!(!all.contains(secret), "{secret} in {all}");
            }
        }
    }
}

#[test]
fn what_is_published_stays_as_it_is() {
    let desk = Desk::new("", "unlimited");
    month(&desk, "2024-10");
    let first = says(&desk, &["--period", "2024-10"]);
    // One visitor more, or everything gone: it is told word for word.
    desk.keep("2024-10-06T12:00:00Z", [exchange("2024-10-06T11:00:00Z", "/", 200)]);
    assert_eq!(says(&desk, &["--period", "2024-10"]), first);
    for (name, _) in desk.segments() {
        fs::remove_file(desk.journal.join("access").join(name)).expect("it goes");
    }
    assert_eq!(says(&desk, &["--period", "2024-10"]), first);
    let kept = desk.journal.join("reports/2024-10.json");
    fs::write(&kept, "{}").expect("a file");
    let ended = report(&desk, &["--period", "2024-10"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("reports/2024-10.json is damaged"), "{}", ended.err);
}

#[test]
fn two_reports_that_could_be_subtracted_are_not_both_published() {
    let desk = Desk::new("", "unlimited");
    month(&desk, "2024-10");
    says(&desk, &["--period", "2024-10-01..2024-10-04"]);
    for other in [
        "2024-10-01..2024-10-05",
        "2024-10-04..2024-10-04",
        "2024-W40",
        "2024-10",
        "2024",
    ] {
        let ended = report(&desk, &["--period", other]);
        assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{other}: {ended:?}");
        assert!(
            ended.err.contains("shares days with 2024-10-01..2024-10-04"),
            "{}",
            ended.err
        );
    }
    says(&desk, &["--period", "2024-10-05..2024-10-05"]);
}

#[test]
fn a_year_is_made_of_its_months_and_compared_with_the_one_before() {
    let desk = Desk::new("", "unlimited");
    // Before it began there is nothing to compare with.
    desk.keep("2024-08-31T12:00:00Z", [exchange("2024-08-31T11:00:00Z", "/", 200)]);
    month(&desk, "2024-09");
    month(&desk, "2024-10");
    let october = says(&desk, &["--period", "2024-10"]);
    assert!(
        october.contains("compared with: September 2024") && october.contains("±0%"),
        "{october}"
    );
    let year = says(&desk, &["--period", "2024"]);
    assert!(
        year.contains("the year 2024") && year.contains("September 2024"),
        "{year}"
    );
    assert!(year.contains("700"), "twice 350 views: {year}");
    let reports = fs::read_dir(desk.journal.join("reports")).expect("a folder").count();
    assert_eq!(reports, 4, "three months and the lock");
}

#[test]
fn what_is_not_over_or_was_never_is_refused() {
    let desk = Desk::new("", "unlimited");
    month(&desk, "2024-10");
    let ended = report(&desk, &["--period", "2999"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.err.contains("2999 is not over"), "{}", ended.err);
    let ended = report(&desk, &["--period", "2023-01"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.err.contains("no entries of 2023-01"), "{}", ended.err);
    assert!(!desk.journal.join("reports/2023-01.json").exists());
    let ended = report(&desk, &["--period", "October"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let ended = report(&desk, &["--period", "2024-10", "--site", "other.example"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.err.contains("--site: um.example.pl"), "{}", ended.err);
}

#[test]
fn what_cannot_be_read_is_named_and_nothing_is_published_without_it() {
    let desk = Desk::new("", "unlimited");
    month(&desk, "2024-10");
    let (name, text) = desk.segments().swap_remove(1);
    let mut lines: Vec<&str> = text.lines().collect();
    lines[4] = "not a line of ours";
    fs::write(desk.journal.join("access").join(&name), lines.join("\n") + "\n").expect("a file");
    let ended = report(&desk, &["--period", "2024-10"]);
    assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
    assert!(
        ended.err.contains(&format!("record 124, in access/{name}")),
        "{}",
        ended.err
    );
    assert!(!desk.journal.join("reports/2024-10.json").exists());
    let ended = report(&desk, &["--period", "2024-10", "--incomplete"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.contains("could not be read and is missing"), "{}", ended.out);
}

#[test]
fn packed_segments_are_read_as_well_and_encrypted_ones_with_the_identity() {
    for (closed, suffix) in [
        ("compress = true".to_owned(), ".zst"),
        (format!("encrypt_to = [\"{}\"]", crate::packing::PUBLIC), ".zst.age"),
    ] {
        let plain = Desk::new("", "unlimited");
        month(&plain, "2024-10");
        let expected = says(&plain, &["--period", "2024-10"]);
        let desk = Desk::new(&format!("closed = {{ after = \"0 s\", {closed} }}"), "unlimited");
        let config = fs::read_to_string(&desk.config).expect("text");
        fs::write(&desk.config, config.replace("0 s", "3650 days")).expect("a file");
        month(&desk, "2024-10");
        fs::write(&desk.config, config).expect("a file");
        let serving = Serving::start(&desk.config);
        let is_packed = || {
            let names = fs::read_dir(desk.journal.join("access")).expect("a folder").flatten();
            names
                .filter(|file| file.file_name().to_string_lossy().ends_with(suffix))
                .count()
                >= 2
        };
        crate::drain::until(is_packed);
        assert_eq!(serving.stop().code, Some(0));
        if suffix == ".zst.age" {
            let ended = report(&desk, &["--period", "2024-10"]);
            assert_eq!((ended.code, ended.out.as_str()), (Some(2), ""), "{ended:?}");
            assert!(
                ended.err.contains("is encrypted") && ended.err.contains("--identity FILE"),
                "{}",
                ended.err
            );
        }
        let folder = tempfile::tempdir().expect("a folder");
        let identity = identity(folder.path());
        assert_eq!(says(&desk, &["--period", "2024-10", "--identity", &identity]), expected);
    }
}

#[test]
fn visitors_are_known_from_the_log_of_addresses_and_else_requests_are_counted() {
    let apart = plan().policy("client_address = \"whole\"\n", "").policy(
        "[log.access.redact]",
        "[log.addresses]\npurpose = { pl = \"N.\", en = \"A.\" }\nretention = \"14 days\"\n[log.addresses.fields]\n\
         client_address = \"whole\"\n[log.access.redact]",
    );
    // Retention would take addresses that are older than a fortnight.
    let desk = Desk::of(
        apart
            .policy("retention = \"unlimited\"", "retention = \"3650 days\"")
            .policy("14 days", "3000 days"),
    );
    month(&desk, "2024-10");
    let text = says(&desk, &["--period", "2024-10"]);
    assert!(text.contains("No group of fewer than 10 visitors"), "{text}");
    let desk = Desk::of(plan().policy("client_address = \"whole\"", "client_address = \"omitted\""));
    month(&desk, "2024-10");
    let text = says(&desk, &["--period", "2024-10"]);
    assert!(
        text.contains("requests are counted") && !text.contains("Visitors  "),
        "{text}"
    );
    assert!(text.contains("/aktualnosci/budzet"), "{text}");
}

#[test]
fn replicas_are_counted_together_and_other_sites_apart() {
    let (one, two) = (Desk::new("", "unlimited"), Desk::new("", "unlimited"));
    month(&one, "2024-10");
    month(&two, "2024-10");
    let other = Desk::new("", "unlimited");
    let config = fs::read_to_string(&other.config).expect("text");
    fs::write(&other.config, config.replace("um.example.pl", "bip.example.pl")).expect("a file");
    fs::remove_dir_all(&other.journal).expect("it goes");
    fs::remove_file(other.journal.with_extension("key")).expect("it goes");
    assert_eq!(run_with(&["journal", "init"], &other.config).code, Some(0));
    month(&other, "2024-10");
    let all = |configs: &[&Path]| {
        let mut arguments = vec!["report", "--lang", "en", "--period", "2024-10", "--format", "json"];
        for config in configs {
            arguments.extend(["--config", config.to_str().expect("text")]);
        }
        run(&arguments)
    };
    let ended = all(&[&one.config, &two.config, &other.config]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let json: Value = serde_json::from_str(&ended.out).expect("JSON");
    let sites: Vec<_> = json["sites"]
        .as_array()
        .expect("sites")
        .iter()
        .map(|site| &site["statistics"])
        .collect();
    assert_eq!(
        (&sites[0]["site"], &sites[0]["totals"]["requests"]),
        (&"bip.example.pl".into(), &360.into())
    );
    assert_eq!(
        (&sites[1]["site"], &sites[1]["totals"]["requests"]),
        (&"um.example.pl".into(), &720.into())
    );
    assert_eq!(sites[1]["totals"]["visitors"], 40, "the same people");
    // One of them alone was not published, and is not: it could be subtracted.
    assert_eq!(all(&[&one.config, &two.config]).code, Some(0));
    let alone = all(&[&one.config]);
    let json: Value = serde_json::from_str(&alone.out).expect("JSON");
    assert_eq!(
        json["sites"][0]["statistics"]["totals"]["requests"], 720,
        "what was published with it"
    );
    let new = Desk::new("", "unlimited");
    let ended = all(&[&one.config, &new.config]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("was published from other journals"), "{}", ended.err);
}

#[test]
fn the_page_has_no_barrier_that_a_browser_can_find() {
    let desk = Desk::new("", "unlimited");
    month(&desk, "2024-09");
    month(&desk, "2024-10");
    let pages = ["pl", "en"].map(|lang| {
        let ended = run_with(
            &["report", "--period", "2024-10", "--format", "html", "--lang", lang],
            &desk.config,
        );
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.out
    });
    barriers("the report's accessibility", &pages);
}
