//! The self-test says yes where the promises are kept, and no where they are not.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::serve::program::{Ended, Serving, run_with};
use crate::town::{Cms, HOST, Town, cms};

/// A CMS that remembers its visitors for a year, and counts them.
fn remembering() -> Cms {
    let fields = [
        "Content-Type: text/html",
        "Set-Cookie: PHPSESSID=s1; Max-Age=31536000; Path=/",
        "Set-Cookie: sledzi=s2; Max-Age=31536000; Path=/",
    ];
    Cms::saying(cms::ok(&fields, "<p>strona"))
}

fn selftest(config: &Path, arguments: &[&str]) -> Ended {
    run_with(&[&["selftest"], arguments].concat(), config)
}

/// Whether each promise was kept, by its key.
fn promises(record: &Value) -> Vec<(&str, Option<bool>)> {
    let promises = record["promises"].as_array().expect("promises").iter();
    promises
        .map(|promise| (promise["promise"].as_str().expect("a key"), promise["kept"].as_bool()))
        .collect()
}

#[test]
fn a_visitor_of_our_own_proves_cookies_entries_and_retention() {
    let folder = tempfile::tempdir().expect("a folder");
    let (config, _) = Town::before(&remembering())
        .policy("expire_unlisted = false", "expire_unlisted = true\nidle = \"30 min\"")
        .write(folder.path());
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    let serving = Serving::start(&config);
    // The configuration says port 0.
    let listens = serving.address.to_string();
    let text = fs::read_to_string(&config).expect("text");
    fs::write(&config, text.replace("127.0.0.1:0", &listens)).expect("a file");

    let ended = selftest(&config, &["--format", "json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let record: Value = serde_json::from_str(&ended.out).expect("JSON");
    let keys = [
        "session only",
        "listed only",
        "deleted",
        "sealed",
        "fields",
        "redaction",
        "entry",
        "signature",
        "retention",
    ];
    assert_eq!(promises(&record), keys.map(|key| (key, Some(true))), "{record:#}");
    assert_eq!((&record["site"], &record["kept"]), (&HOST.into(), &true.into()));
    assert!(record["checkpoint"]["size"].as_u64() > record["entry"].as_u64());

    for (lang, outcome) in [
        ("pl", "jest zgodne z polityką."),
        ("en", "All that was tried is as the policy says."),
    ] {
        let ended = selftest(&config, &["--lang", lang]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        assert!(
            ended.out.contains(outcome) && ended.out.contains("townclerk-selftest-"),
            "{ended:?}"
        );
    }
    assert_eq!(serving.stop().code, Some(0));
}

#[test]
fn who_does_not_come_through_townclerk_is_told_so() {
    let cms = remembering();
    let folder = tempfile::tempdir().expect("a folder");
    let (config, _) = Town::before(&cms).write(folder.path());
    assert_eq!(run_with(&["journal", "init"], &config).code, Some(0));
    let serving = Serving::start(&config);
    let past = format!("http://{}", cms.address());
    let ended = selftest(&config, &["--format", "json", "--url", &past]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let record: Value = serde_json::from_str(&ended.out).expect("JSON");
    for key in ["session only", "listed only", "entry"] {
        assert!(promises(&record).contains(&(key, Some(false))), "{key}: {record:#}");
    }
    drop(serving);
    let nobody = selftest(&config, &["--url", "http://127.0.0.1:9"]);
    assert!(nobody.code == Some(2) && nobody.err.contains("hint: "), "{nobody:?}");
}
