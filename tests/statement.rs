//! The statement on the site itself: made here, recorded like any other exchange, and never asked of the CMS.

use std::fs;

use crate::serve::program::run_with;
use crate::town::{Answer, Cms, HOST, POLICY, Plan, Town};

const PATH: &str = "/polityka-prywatnosci";

fn town() -> Plan {
    Town::before(&Cms::page("the CMS")).site(&format!("statement = \"{PATH}\""))
}

fn ask(town: &Town, method: &str, target: &str, fields: &str) -> Answer {
    let mut visitor = town.visitor();
    visitor.send(format!(
        "{method} {target} HTTP/1.1\r\nHost: {HOST}\r\n{fields}Connection: close\r\n\r\n"
    ));
    visitor.answer_to(method)
}

fn get(town: &Town, target: &str) -> Answer {
    ask(town, "GET", target, "")
}

#[test]
fn the_statement_is_served_in_the_visitors_language_and_without_cookies() {
    let town = town().open();
    let polish = get(&town, PATH);
    assert_eq!(polish.status, 200);
    assert_eq!(polish.field("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(polish.field("content-language"), Some("pl"));
    assert_eq!(polish.field("vary"), Some("accept-language"));
    assert_eq!(polish.field("cache-control"), Some("no-cache"));
    assert!(polish.all("set-cookie").is_empty());
    assert!(polish.text().contains("<html lang=\"pl\">") && polish.text().contains("Administrowanie stroną."));
    let english = ask(
        &town,
        "GET",
        PATH,
        "Accept-Language: en-GB, pl;q=0.5\r\nCookie: PHPSESSID=secret17\r\n",
    );
    assert_eq!(english.field("content-language"), Some("en"));
    assert!(english.text().contains("<html lang=\"en\">") && english.text().contains("Running the site."));
    assert_ne!(polish.field("etag"), english.field("etag"));
    // The link between the languages goes before what the browser prefers.
    let chosen = ask(&town, "GET", &format!("{PATH}?lang=en"), "Accept-Language: pl\r\n");
    assert_eq!(chosen.body, english.body);
    assert_eq!(get(&town, &format!("{PATH}/")).body, polish.body);
    assert_eq!(get(&town, &format!("{PATH}/1")).body, polish.body);

    // What only begins alike is the CMS's.
    assert_eq!(get(&town, &format!("{PATH}-druk")).text(), "the CMS");
    let kept = town.close();
    assert_eq!(kept.entries.len(), 6, "an entry for each");
    assert_eq!(kept.entries[0]["http.response.status_code"], 200);
    assert_eq!(kept.entries[0]["http.response.body.size"], polish.body.len());
    assert!(!kept.holds("secret17"));
}

#[test]
fn a_page_that_the_visitor_has_is_not_sent_again() {
    let town = town().open();
    let page = get(&town, PATH);
    let (tag, modified) = (
        page.field("etag").expect("a tag"),
        page.field("last-modified").expect("a date"),
    );
    for (fields, status) in [
        (format!("If-None-Match: \"x\", W/{tag}\r\n"), 304),
        ("If-None-Match: *\r\n".to_owned(), 304),
        (
            format!("If-None-Match: \"x\"\r\nIf-Modified-Since: {modified}\r\n"),
            200,
        ),
        (format!("If-Modified-Since: {modified}\r\n"), 304),
        ("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n".to_owned(), 200),
        ("If-Modified-Since: yesterday\r\n".to_owned(), 200),
    ] {
        let answer = ask(&town, "GET", PATH, &fields);
        assert_eq!(answer.status, status, "{fields}");
        assert_eq!(answer.field("etag"), Some(tag));
        assert_eq!(answer.body.is_empty(), status == 304);
    }
    let head = ask(&town, "HEAD", PATH, "");
    assert_eq!((head.status, head.body.len()), (200, 0));
    assert_eq!(head.field("content-length"), Some(&*page.body.len().to_string()));
    town.close();
}

#[test]
fn only_reading_is_allowed_and_what_is_not_there_is_not_asked_of_the_cms() {
    let town = town().open();
    let mut visitor = town.visitor();
    visitor.send(format!(
        "POST {PATH} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\nConnection: close\r\n\r\na=b"
    ));
    let posted = visitor.answer();
    assert_eq!((posted.status, posted.field("allow")), (405, Some("GET, HEAD")));
    let missing = get(&town, &format!("{PATH}/2020-1"));
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("Nie ma takiej wersji"), "{}", missing.text());
    let kept = town.close();
    let statuses: Vec<_> = kept
        .entries
        .iter()
        .map(|entry| &entry["http.response.status_code"])
        .collect();
    assert_eq!(statuses, [405, 404]);
}

#[test]
fn a_new_policy_is_told_from_its_reload_on_and_the_one_before_stays_readable() {
    let mut town = town().open();
    let first = get(&town, PATH);
    let second = POLICY
        .replace("version = \"1\"", "version = \"2\"")
        .replace("effective = 2026-11-21", "effective = 2026-11-22")
        .replace("user_agent = \"whole\"", "user_agent = \"omitted\"");
    fs::write(town.folder().join("policy.toml"), second).expect("a file");
    town.reload().expect("it reloads");
    let now = get(&town, PATH);
    assert_ne!(now.field("etag"), first.field("etag"));
    assert!(now.text().contains("22 listopada 2026 r.") && !now.text().contains("informację o przeglądarce"));
    let link = format!("href=\"{PATH}/1?lang=pl\"");
    assert!(now.text().contains(&link), "{}", now.text());
    let before = get(&town, &format!("{PATH}/1"));
    assert_eq!(before.status, 200);
    assert!(before.text().contains("Nie obowiązuje już") && before.text().contains("informację o przeglądarce"));
    // A restart knows them too.
    let (code, text) = {
        let told = run_with(
            &["statement", "--lang", "pl", "--format", "html"],
            &town.folder().join("townclerk.toml"),
        );
        (told.code, told.out)
    };
    assert_eq!(code, Some(0));
    assert_eq!(text, now.text(), "the command writes what is served");
    town.close();
}

#[test]
fn the_place_of_the_statement_is_changed_by_a_reload() {
    let mut town = town().open();
    town.edit("townclerk.toml", PATH, "/prywatnosc");
    let reloaded = town.reload().expect("it reloads");
    assert_eq!(
        reloaded.changed,
        [format!("{HOST}, www.{HOST}: where its statement is")]
    );
    assert_eq!(get(&town, PATH).text(), "the CMS");
    assert!(get(&town, "/prywatnosc").text().contains("Polityka prywatności"));
    town.close();
}

#[test]
fn without_a_place_the_statement_is_the_cmss() {
    let town = Town::before(&Cms::page("the CMS")).open();
    assert_eq!(get(&town, PATH).text(), "the CMS");
    town.close();
}
