use http::{HeaderValue, Method, StatusCode, Uri};
use jiff::Timestamp;
use jiff::civil::{Date, date};
use proptest::prelude::*;

use super::Undecodable;
use crate::entry::tests::{combined, field_value, json, line, line_after, no_request, nothing, policy, seen};
use crate::entry::{ClientHost, Encoder, Observation, Outcome, Record, UpstreamFailure};
use crate::journal::Format;
use crate::policy::{AgentRule, Policy};

const DAY: Date = date(2026, 11, 21);

fn decode(line: &str, format: Format) -> Result<Record<'_>, Undecodable> {
    Record::decode(line.trim_end_matches('\n').as_bytes(), format, DAY)
}

fn encode(record: &Record<'_>, format: Format) -> String {
    let mut out = Vec::new();
    Encoder::new(format).encode_record(record, &mut out);
    String::from_utf8(out).unwrap()
}

/// The line itself, if it says the same after it was read.
fn again(line: &str, format: Format) -> String {
    encode(&decode(line, format).unwrap_or_else(|_| panic!("{line}")), format)
}

#[test]
fn every_member_is_read() {
    let (json, combined) = (json(seen(), &policy()), combined(seen(), &policy()));
    for (line, format) in [(&json, Format::JsonLines), (&combined, Format::Combined)] {
        let record = decode(line, format).ok().unwrap();
        let milliseconds = if format == Format::JsonLines { 123 } else { 0 };
        let arrived: Timestamp = format!("2026-11-21T20:09:46.{milliseconds:03}Z").parse().unwrap();
        assert_eq!(record.timestamp(), Some(arrived));
        assert_eq!(record.sent(), Some("2026-11-21T20:09:47.001Z".parse().unwrap()));
        assert_eq!(record.client_address(), Some("203.0.113.7".parse().unwrap()));
        assert_eq!(record.client_host(), Some(&b"host.example"[..]));
        assert_eq!(record.client_host_status(), Some("confirmed"));
        assert_eq!(record.http_request_method(), Some("GET"));
        assert_eq!(record.url_path(), Some(&b"/a"[..]));
        assert_eq!(record.url_query(), Some(&b"token=[removed]&b=c"[..]));
        assert_eq!(record.network_protocol_version(), Some("1.1"));
        assert_eq!(record.http_response_status_code(), Some(200));
        assert_eq!(record.http_response_body_size(), Some(512));
        assert_eq!(record.error_type(), None);
        assert_eq!(record.external_referrer(), Some(&b"https://other.example/p"[..]));
        assert_eq!(record.internal_referrer(), None);
        assert_eq!(
            record.user_agent_original(),
            Some(&b"Mozilla/5.0 (X11; Linux) Firefox/1"[..])
        );
        assert_eq!(record.user_name(), Some(&b"Aladdin"[..]));
        assert!(record.is_first_page());
        assert_eq!(record.policy_version(), Some(&b"1.0"[..]));
    }
}

#[test]
fn an_entry_names_its_arrival_in_both_formats() {
    for (format, named) in [
        (Format::JsonLines, r#""policy":{"version":"1.0"},"arrival":17}}"#),
        (Format::Combined, " policy_version=1.0 arrival=17"),
    ] {
        let line = line_after(Some(17), format, seen(), &policy());
        assert!(line.trim_end().ends_with(named), "{line}");
        assert_eq!(again(&line, format), line);
        assert_eq!(decode(&line, format).ok().unwrap().arrival(), Some(17));
    }
}

#[test]
fn one_format_can_be_written_from_the_other() {
    let (json, combined) = (json(seen(), &policy()), combined(seen(), &policy()));
    assert_eq!(
        encode(&decode(&json, Format::JsonLines).ok().unwrap(), Format::Combined),
        combined
    );
    let expected = json.replace("46.123Z", "46.000Z");
    assert_eq!(
        encode(&decode(&combined, Format::Combined).ok().unwrap(), Format::JsonLines),
        expected
    );
}

#[test]
fn what_is_absent_is_read_as_absent() {
    let record = decode("{}", Format::JsonLines).ok().unwrap();
    assert_eq!(
        (record.timestamp(), record.url_path(), record.client_address()),
        (None, None, None)
    );
    assert_eq!(record.timestamp_or_midnight(), "2026-11-21T00:00:00Z".parse().unwrap());
    let line = combined(no_request(), &nothing());
    assert_eq!(encode(&record, Format::Combined), line);
    let record = decode(&line, Format::Combined).ok().unwrap();
    assert_eq!(record.timestamp_or_midnight(), "2026-11-21T00:00:00Z".parse().unwrap());
    assert_eq!(
        (record.http_request_method(), record.http_response_status_code()),
        (None, None)
    );
}

#[test]
fn lines_of_every_shape_are_themselves_again() {
    let mut families = policy();
    families.access.fields.user_agent = AgentRule::Family;
    let other = || {
        let mut seen = seen();
        seen.request.as_mut().unwrap().method = Method::from_bytes(b"M-SEARCH").unwrap();
        seen.client_host = ClientHost::Timeout;
        seen.outcome = Outcome::Upstream(UpstreamFailure::Closed);
        seen
    };
    for policy in [policy(), families, nothing()] {
        for observed in [seen, no_request, other] {
            for format in [Format::JsonLines, Format::Combined] {
                let line = line(format, observed(), &policy);
                assert_eq!(again(&line, format), line);
            }
        }
    }
}

#[test]
fn what_no_encoder_writes_is_no_record() {
    let good = json(seen(), &policy());
    let good = good.trim_end();
    for line in [
        "",
        "{",
        "null",
        "[]",
        "{}}",
        "{} ",
        r#"{"timestamp":1}"#,
        r#"{"timestamp":"2026-11-21"}"#,
        r#"{"timestamp":"2026-11-21T24:00:00.000Z"}"#,
        r#"{"client":{"address":"x"}}"#,
        r#"{"client":{"name":"x"}}"#,
        r#"{"townclerk":{"visit":{"first_page":false}}}"#,
        r#"{"townclerk":{"visit":{"first_page":true,"first_page":true}}}"#,
        r#"{"url":{"query":"x"}}"#,
        r#"{"url":{"path":null,"query":"x"}}"#,
        r#"{"http":{"response":{"status_code":"200"}}}"#,
        r#"{"http":{"response":{"status_code":99}}}"#,
        r#"{"http":{"response":{"status_code":0200}}}"#,
        r#"{"http":{"response":{"body":{"size":99999999999999999999}}}}"#,
        r#"{"user":{"name":"\ud800"}}"#,
        r#"{"user":{"name":"\n"}}"#,
        r#"{"user":{"name":"a"},"user":{"name":"b"}}"#,
        r#"{"user_agent":{"original":"a","name":"b"}}"#,
        r#"{"cookie":"x"}"#,
        "{\"user\":{\"name\":\"\t\"}}",
        &good[..good.len() - 1],
    ] {
        assert_eq!(decode(line, Format::JsonLines).err(), Some(Undecodable), "{line}");
        assert_eq!(decode(line, Format::Combined).err(), Some(Undecodable), "{line}");
    }
    let good = combined(seen(), &policy());
    for (from, to) in [
        ("203.0.113.7", "203.0.113"),
        ("+0000", "+0100"),
        ("GET", "GET GET\""),
        (" 200 ", " 20 "),
        (" 200 ", " 1000 "),
        (" 512 ", " x "),
        ("HTTP/1.1", "HTTP/4"),
        ("GET", "G\\xzT"),
        ("GET", "G\\T"),
        ("sent=", "cookie="),
        (" policy_version=1.0", " policy_version=1.0 policy_version=1.0"),
        (" policy_version=1.0", " method=M-X"),
        (" policy_version=1.0", " policy_version=1.0  "),
    ] {
        assert!(good.contains(from), "{from}");
        let line = good.replacen(from, to, 1);
        assert_eq!(decode(&line, Format::Combined).err(), Some(Undecodable), "{line}");
    }
}

/// Texts around the lengths at which they are cut.
fn long_text() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("a"),
        Just("\""),
        Just("\\"),
        Just("ą"),
        Just("\u{9b}"),
        Just("[cut]"),
        Just(" ["),
    ];
    (
        prop::collection::vec(piece, 1..12),
        0usize..900,
        "[a-z\u{9b}ą\"]{0,4}",
        any::<bool>(),
    )
        .prop_map(|(pieces, length, end, marked)| {
            let pattern = pieces.concat();
            let mut text = pattern.repeat(length / pattern.len() + 1);
            text.push_str(&end);
            if marked {
                text.push_str("[cut]");
            }
            text.into_bytes()
        })
}

fn observed(
    agent: Option<HeaderValue>,
    referrer: Option<HeaderValue>,
    user: &[u8],
    host: &str,
    target: &str,
) -> Observation {
    let mut seen = seen();
    seen.client_host = ClientHost::Confirmed(host.into());
    let request = seen.request.as_mut().unwrap();
    request.agent = agent;
    request.referrer = referrer;
    request.target = target.parse::<Uri>().unwrap();
    let quoted: Vec<u8> = user.iter().flat_map(|byte| [b'\\', *byte]).collect();
    let digest = [b"Digest username=\"", quoted.as_slice(), b"\""].concat();
    request.authorization = HeaderValue::from_bytes(&digest).ok();
    seen
}

fn prop_again(make: impl Fn() -> Observation, policy: &Policy) -> Result<(), TestCaseError> {
    for format in [Format::JsonLines, Format::Combined] {
        let line = line(format, make(), policy);
        prop_assert!(line.len() <= 4095, "{}", line.len());
        prop_assert_eq!(again(&line, format), line);
    }
    // Into the other format and back, the second time changes nothing.
    let line = json(make(), policy);
    let there = encode(&decode(&line, Format::JsonLines).ok().unwrap(), Format::Combined);
    prop_assert!(there.len() <= 4095, "{}", there.len());
    prop_assert_eq!(again(&there, Format::Combined), there);
    Ok(())
}

proptest! {
    #[test]
    fn what_was_written_and_read_is_written_the_same(
        agent in field_value(), referrer in field_value(), user in prop::collection::vec(any::<u8>(), 1..20),
        host in "[ -~ął]{1,20}", path in "/[a-z%\"\\\\{}|ąłż\u{1f600}\u{9b}\u{2028}']{0,20}",
        query in prop::option::of("[a-z%`{\\\\ąłż\u{202e}'?]{0,20}"), method in "[A-Z!#$'*+.^_`|~-]{1,40}",
        status in prop::option::of(100u16..=999), bytes in any::<u64>(), failed in any::<bool>(),
    ) {
        let target = format!("{path}{}", query.as_ref().map_or(String::new(), |query| format!("?{query}")));
        let make = || {
            let mut seen = observed(agent.clone(), referrer.clone(), &user, &host, &target);
            seen.request.as_mut().unwrap().method = Method::from_bytes(method.as_bytes()).unwrap();
            seen.status = status.map(|status| StatusCode::from_u16(status).unwrap());
            seen.bytes = bytes;
            if failed {
                seen.outcome = Outcome::Upstream(UpstreamFailure::Closed);
            }
            seen
        };
        prop_again(make, &policy())?;
    }

    #[test]
    fn what_was_cut_is_not_cut_again(texts in prop::array::uniform4(long_text()), internal in any::<bool>()) {
        let [agent, page, user, host] = texts;
        let site = if internal { "https://town.example/" } else { "https://other.example/" };
        let page = [site.as_bytes(), &page].concat();
        let in_target = String::from_utf8_lossy(&agent).replace(['"', '\u{9b}', ' ', '['], "'").replace(']', "\\");
        let target = format!("/{in_target}?{in_target}");
        let make = || {
            let (agent, page) = (HeaderValue::from_bytes(&agent).ok(), HeaderValue::from_bytes(&page).ok());
            let mut seen = observed(agent, page, &user, &String::from_utf8_lossy(&host), &target);
            seen.status = Some(StatusCode::NOT_FOUND);
            seen
        };
        prop_again(make, &policy())?;
    }

    #[test]
    fn a_number_is_read_as_it_is_written(number in any::<u64>(), near in "[0-9+ ]{0,3}(1844674407370955[0-9]{0,5})?") {
        prop_assert_eq!(super::number(number.to_string().as_bytes()), Some(number));
        let plain = near.parse::<u64>().ok().filter(|number| number.to_string() == near);
        prop_assert_eq!(super::number(near.as_bytes()), plain);
    }

    #[test]
    fn any_line_is_survived(
        line in prop::collection::vec(any::<u8>(), 0..200), cut in any::<prop::sample::Index>(), put in "[\"\\\\{}:, \\[\\]a-z0-9=-]{0,3}",
    ) {
        for format in [Format::JsonLines, Format::Combined] {
            let _ = Record::decode(&line, format, DAY);
            let good = self::line(format, seen(), &policy());
            let at = cut.index(good.len());
            let bent = format!("{}{put}{}", &good[..at], &good[at + 1..]);
            let _ = decode(&bent, format);
        }
    }
}
