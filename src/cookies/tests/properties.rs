//! What holds for every input, checked against parsers that know less than ours.

use jiff::Timestamp;
use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::cookies::lifetime::cookie_date;

/// Bytes of a field that look enough like cookies to reach every corner.
fn field() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "sid", "_ga", "wp-x", "__Host-sid", "$Version", "=", "=", "; ", ";", " ", "\t", "\"", ",", "Max-Age=60",
            "Max-Age=0", "max-age = -1", "Expires=Thu, 01 Jan 1970 00:00:00 GMT",
            "expires=Fri, 21-Nov-2036 12:00:00 GMT", "Expires", "Secure", "SameSite=None", "samesite=strict",
            "SameSite=x", "; Path=/", "; HttpOnly",
        ])
        .prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn any_rules() -> impl Strategy<Value = Cookies> {
    prop::bool::ANY.prop_map(|limit| Cookies {
        unlisted: if limit { Unlisted::Limit } else { Unlisted::Strip },
        ..rules()
    })
}

/// The attribute names of a line, in lower case.
fn attribute_names(line: &[u8]) -> Vec<String> {
    let text: String = line.iter().map(|byte| char::from(*byte)).collect();
    let name = |attribute: &str| {
        attribute
            .split('=')
            .next()
            .unwrap_or("")
            .trim_matches([' ', '\t'])
            .to_ascii_lowercase()
    };
    text.split(';').skip(1).map(name).collect()
}

fn crumbs_of(field: &[u8]) -> Vec<String> {
    let text: String = field.iter().map(|byte| char::from(*byte)).collect();
    let crumbs = text.split(';').map(|crumb| crumb.trim_matches([' ', '\t']).to_owned());
    crumbs.filter(|crumb| !crumb.is_empty()).collect()
}

fn is_subsequence(part: &[String], whole: &[String]) -> bool {
    let mut whole = whole.iter();
    part.iter().all(|wanted| whole.any(|crumb| crumb == wanted))
}

proptest! {
    #[test]
    fn a_line_that_passes_has_no_lifetime_unless_it_deletes(line in field(), rules in any_rules(), secure: bool) {
        let judged = judge(&line, &rules, secure, &clock());
        match (judged.verdict, judged.line()) {
            (Verdict::Stripped, after) => prop_assert_eq!(after, None),
            (Verdict::Deletion, after) => prop_assert_eq!(after.as_deref(), Some(&*line)),
            (Verdict::Ended | Verdict::NotGenuine | Verdict::TooLong, _) => prop_assert!(false, "no line is sealed"),
            (Verdict::Passed | Verdict::Limited, None) => prop_assert!(false, "a line that passes is there"),
            (verdict, Some(after)) => {
                let names = attribute_names(&after);
                prop_assert!(!names.iter().any(|name| name == "max-age" || name == "expires"));
                prop_assert!(names.iter().any(|name| name == "samesite"));
                prop_assert_eq!(verdict == Verdict::Passed, *after == *line);
                prop_assert!(after.starts_with(line.split(|byte| *byte == b';').next().unwrap()));
            }
        }
    }

    #[test]
    fn judging_a_judged_line_changes_nothing(line in field(), rules in any_rules(), secure: bool) {
        if let Some(once) = judge(&line, &rules, secure, &clock()).line() {
            let twice = judge(&once, &rules, secure, &clock());
            prop_assert_ne!(twice.verdict, Verdict::Limited);
            let line = twice.line();
            prop_assert_eq!(line.as_deref(), Some(&*once));
        }
    }

    #[test]
    fn a_limited_line_is_made_in_one_allocation(line in field(), rules in any_rules(), secure: bool) {
        if let Some(Cow::Owned(after)) = judge(&line, &rules, secure, &clock()).line() {
            prop_assert_eq!(after.capacity(), after.len());
        }
    }

    #[test]
    fn what_reaches_the_cms_is_a_subsequence_of_what_was_sent(
        cookies in prop::collection::vec(field(), 1..4),
        rules in any_rules(),
    ) {
        let mut headers = HeaderMap::new();
        for value in cookies.iter().filter_map(|cookie| HeaderValue::from_bytes(cookie).ok()) {
            headers.append(COOKIE, value);
        }
        let sent: Vec<String> = headers.get_all(COOKIE).iter().flat_map(|value| crumbs_of(value.as_bytes())).collect();

        PLAIN.under(&rules, &Tally::new(&rules), &clock()).inbound(&Method::GET, &mut headers);

        prop_assert!(headers.get_all(COOKIE).iter().count() <= 1);
        let kept: Vec<String> = headers.get_all(COOKIE).iter().flat_map(|value| crumbs_of(value.as_bytes())).collect();
        prop_assert!(is_subsequence(&kept, &sent));
        prop_assert_eq!(headers.contains_key(COOKIE), !kept.is_empty());
        // Every crumb of a listed name that follows a separator is there.
        let listed = |crumbs: &[String]| crumbs.iter().filter(|crumb| crumb.starts_with("sid=")).count();
        prop_assert_eq!(listed(&kept), listed(&sent));
    }

    #[test]
    fn every_line_of_an_answer_is_judged_by_itself(lines in prop::collection::vec(field(), 0..6), secure: bool) {
        let mut headers = HeaderMap::new();
        for value in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
            headers.append(SET_COOKIE, value);
        }
        let rules = rules();
        let expected: Vec<Vec<u8>> = headers
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|line| judge(line.as_bytes(), &rules, secure, &clock()).line().map(Cow::into_owned))
            .collect();

        let (site, tally, clock) = (Site { secure, host: "gmina.pl" }, Tally::new(&rules), clock());
        site.under(&rules, &tally, &clock).outbound(StatusCode::OK, &mut headers, Owed::default());

        let lines: Vec<Vec<u8>> = headers.get_all(SET_COOKIE).iter().map(|line| line.as_bytes().to_vec()).collect();
        prop_assert_eq!(lines, expected);
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..200), rules in any_rules()) {
        let tally = Tally::new(&rules);
        let line = judge(&bytes, &rules, true, &clock());
        tally.count_set(&line);
        judge_crumbs(&bytes, &rules).for_each(|crumb| tally.count_sent(&crumb));
        let _ = cookie_date(&bytes);
        prop_assert_eq!(tally.snapshot().total.set.sum(), 1);
    }

    #[test]
    fn dates_are_read_in_every_form_that_servers_write(seconds in -8_000_000_000_i64..100_000_000_000) {
        let date = TimeZone::UTC.to_datetime(Timestamp::from_second(seconds).unwrap());
        let mut forms = vec![
            "%a, %d %b %Y %H:%M:%S GMT",
            "%a, %d-%b-%Y %H:%M:%S GMT",
            "%a %b %e %H:%M:%S %Y",
            "%d %B %Y %H:%M:%S",
        ];
        // Two digits are a year from 1970 to 2069.
        if (1970..2070).contains(&date.year()) {
            forms.push("%A, %d-%b-%y %H:%M:%S GMT");
        }
        for form in forms {
            let text = strtime::format(form, date).unwrap();
            prop_assert_eq!(cookie_date(text.as_bytes()), Some(date), "{}", text);
            prop_assert_eq!(cookie_date(text.to_uppercase().as_bytes()), Some(date), "{}", text);
        }
    }
}
