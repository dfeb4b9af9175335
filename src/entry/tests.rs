use std::net::IpAddr;

use http::{HeaderValue, Method, StatusCode, Uri, Version};
use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::journal::Format;
use crate::policy::*;

/// A policy that keeps everything, the URL redacted.
pub(super) fn policy() -> Policy {
    let text = || crate::policy::Text {
        pl: String::new(),
        en: String::new(),
    };
    Policy {
        version: "1.0".into(),
        effective: jiff::civil::date(2026, 1, 1),
        controller: Controller {
            name: String::new(),
            address: String::new(),
            contact: String::new(),
        },
        legal_basis: None,
        access: Log {
            purpose: text(),
            retention: Retention::Unlimited,
            fields: Fields {
                arrived: true,
                sent: true,
                client_address: AddressRule::Whole,
                client_host: true,
                method: true,
                url: true,
                protocol: true,
                status: true,
                bytes: true,
                error: true,
                external_referrer: ReferrerRule::Url,
                internal_referrer_on_errors: true,
                user_agent: AgentRule::Whole,
                auth_user: true,
                first_page: true,
                policy_version: true,
            },
            redact: Redact {
                query_values: false,
                emails: true,
                pesel: true,
                tokens: None,
                parameters: vec!["token".into()],
            },
        },
        addresses: None,
        cookies: Cookies {
            mode: Mode::Enforce,
            unlisted: Unlisted::Strip,
            expire_unlisted: false,
            login_hosts: vec![],
            first_page: None,
            allowed: vec![],
        },
        third_parties: None,
        smallest_group: 10,
        correspondence: None,
        disclosure: None,
        two_people: false,
    }
}

pub(super) fn nothing() -> Policy {
    let mut policy = policy();
    policy.access.fields = Fields::default();
    policy
}

pub(super) fn seen() -> Observation {
    Observation {
        arrived: "2026-11-21T20:09:46.123Z".parse().unwrap(),
        sent: Some("2026-11-21T20:09:47.001Z".parse().unwrap()),
        client: "203.0.113.7".parse().unwrap(),
        client_host: ClientHost::Confirmed("host.example".into()),
        request: Some(RequestHead {
            method: Method::GET,
            target: Uri::from_static("/a?token=x&b=c"),
            version: Version::HTTP_11,
            referrer: Some(HeaderValue::from_static("https://other.example/p")),
            agent: Some(HeaderValue::from_static("Mozilla/5.0 (X11; Linux) Firefox/1")),
            authorization: Some(HeaderValue::from_static("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")),
        }),
        status: Some(StatusCode::OK),
        bytes: 512,
        first_page: true,
        outcome: Outcome::Completed,
    }
}

pub(super) fn no_request() -> Observation {
    let outcome = Outcome::NotARequest(NotARequest::Tls);
    Observation {
        request: None,
        status: None,
        sent: None,
        bytes: 0,
        first_page: false,
        outcome,
        client_host: ClientHost::NotAsked,
        ..seen()
    }
}

pub(super) fn line(format: Format, seen: Observation, policy: &Policy) -> String {
    line_after(None, format, seen, policy)
}

/// The line of an exchange whose arrival has this index.
pub(super) fn line_after(arrival: Option<u64>, format: Format, seen: Observation, policy: &Policy) -> String {
    let mut out = Vec::new();
    Encoder::new(format).encode(&seen.redact(policy, &["town.example".into()]), arrival, &mut out);
    String::from_utf8(out).unwrap()
}

pub(super) fn json(seen: Observation, policy: &Policy) -> String {
    line(Format::JsonLines, seen, policy)
}

pub(super) fn combined(seen: Observation, policy: &Policy) -> String {
    line(Format::Combined, seen, policy)
}

#[test]
fn an_entry_as_json() {
    let expected = concat!(
        r#"{"timestamp":"2026-11-21T20:09:46.123Z","client":{"address":"203.0.113.7"},"#,
        r#""url":{"path":"/a","query":"token=[removed]&b=c"},"network":{"protocol":{"version":"1.1"}},"#,
        r#""http":{"request":{"method":"GET","header":{"referer":"https://other.example/p"}},"#,
        r#""response":{"status_code":200,"body":{"size":512}}},"#,
        r#""user_agent":{"original":"Mozilla/5.0 (X11; Linux) Firefox/1"},"user":{"name":"Aladdin"},"#,
        r#""townclerk":{"client":{"host":"host.example","host_status":"confirmed"},"visit":{"first_page":true},"#,
        r#""sent":"2026-11-21T20:09:47.001Z","policy":{"version":"1.0"}}}"#,
        "\n",
    );
    assert_eq!(json(seen(), &policy()), expected);
}

#[test]
fn an_entry_as_combined() {
    let expected = concat!(
        r#"203.0.113.7 - Aladdin [21/Nov/2026:20:09:46 +0000] "GET /a?token=[removed]&b=c HTTP/1.1" 200 512 "#,
        r#""https://other.example/p" "Mozilla/5.0 (X11; Linux) Firefox/1" sent=2026-11-21T20:09:47.001Z "#,
        "client_host_status=confirmed client_host=host.example first_page=true policy_version=1.0\n",
    );
    assert_eq!(combined(seen(), &policy()), expected);
}

#[test]
fn bytes_that_never_became_a_request_have_an_entry() {
    let expected = concat!(
        r#"{"timestamp":"2026-11-21T20:09:46.123Z","client":{"address":"203.0.113.7"},"url":{"path":null},"#,
        r#""http":{"response":{"body":{"size":0}}},"error":{"type":"not_a_request.tls"},"#,
        r#""townclerk":{"policy":{"version":"1.0"}}}"#,
        "\n",
    );
    assert_eq!(json(no_request(), &policy()), expected);
    let expected = concat!(
        r#"203.0.113.7 - - [21/Nov/2026:20:09:46 +0000] "-" 000 0 "-" "-" error=not_a_request.tls policy_version=1.0"#,
        "\n",
    );
    assert_eq!(combined(no_request(), &policy()), expected);
}

#[test]
fn where_nothing_is_named_nothing_is_kept() {
    assert_eq!(json(seen(), &nothing()), "{}\n");
    assert_eq!(
        combined(seen(), &nothing()),
        "0.0.0.0 - - [21/Nov/2026:00:00:00 +0000] \"-\" 000 - \"-\" \"-\"\n"
    );
}

#[test]
fn each_field_is_kept_alone() {
    type Keep = fn(&mut Fields);
    let keeps: [(Keep, &str, &str); 16] = [
        (
            |f| f.arrived = true,
            r#"{"timestamp":"2026-11-21T20:09:46.123Z"}"#,
            "[21/Nov/2026:20:09:46 +0000]",
        ),
        (
            |f| f.sent = true,
            r#"{"townclerk":{"sent":"2026-11-21T20:09:47.001Z"}}"#,
            " sent=2026-11-21T20:09:47.001Z",
        ),
        (
            |f| f.client_address = AddressRule::Shortened { ipv4: 16, ipv6: 48 },
            r#"{"client":{"address":"203.0.0.0"}}"#,
            "203.0.0.0 ",
        ),
        (
            |f| f.client_host = true,
            r#"{"townclerk":{"client":{"host":"host.example","host_status":"confirmed"}}}"#,
            " client_host_status=confirmed client_host=host.example",
        ),
        (
            |f| f.method = true,
            r#"{"http":{"request":{"method":"GET"}}}"#,
            "\"GET - _\"",
        ),
        (
            |f| f.url = true,
            r#"{"url":{"path":"/a","query":"token=[removed]&b=c"}}"#,
            "\"_ /a?token=[removed]&b=c _\"",
        ),
        (
            |f| f.protocol = true,
            r#"{"network":{"protocol":{"version":"1.1"}}}"#,
            "\"_ - HTTP/1.1\"",
        ),
        (
            |f| f.status = true,
            r#"{"http":{"response":{"status_code":404}}}"#,
            " 404 - ",
        ),
        (
            |f| f.bytes = true,
            r#"{"http":{"response":{"body":{"size":512}}}}"#,
            " 000 512 ",
        ),
        (
            |f| f.error = true,
            r#"{"error":{"type":"upstream.closed"}}"#,
            " error=upstream.closed",
        ),
        (
            |f| f.external_referrer = ReferrerRule::Host,
            r#"{"http":{"request":{"header":{"referer":"https://other.example/"}}}}"#,
            "\"https://other.example/\"",
        ),
        (|f| f.internal_referrer_on_errors = true, "{}", "\"-\" \"-\""),
        (
            |f| f.user_agent = AgentRule::Family,
            r#"{"user_agent":{"name":"Firefox on Linux"}}"#,
            "\"Firefox on Linux\"",
        ),
        (|f| f.auth_user = true, r#"{"user":{"name":"Aladdin"}}"#, " - Aladdin ["),
        (
            |f| f.first_page = true,
            r#"{"townclerk":{"visit":{"first_page":true}}}"#,
            " first_page=true",
        ),
        (
            |f| f.policy_version = true,
            r#"{"townclerk":{"policy":{"version":"1.0"}}}"#,
            " policy_version=1.0",
        ),
    ];
    let failed = || Observation {
        outcome: Outcome::Upstream(UpstreamFailure::Closed),
        status: Some(StatusCode::NOT_FOUND),
        ..seen()
    };
    for (keep, as_json, as_combined) in keeps {
        let mut policy = nothing();
        keep(&mut policy.access.fields);
        assert_eq!(json(failed(), &policy).trim_end(), as_json);
        let line = combined(failed(), &policy);
        assert!(line.contains(as_combined), "{line}");
    }
}

#[test]
fn an_internal_referrer_is_kept_only_where_something_failed() {
    let page = |status: Option<u16>, outcome| {
        let mut seen = seen();
        seen.status = status.map(|status| StatusCode::from_u16(status).unwrap());
        seen.outcome = outcome;
        seen.request.as_mut().unwrap().referrer = Some(HeaderValue::from_static("https://Town.example/p?token=x"));
        seen
    };
    let kept = r#""referrer":{"internal":"/p?token=[removed]"}"#;
    assert!(!json(page(Some(200), Outcome::Completed), &policy()).contains("/p"));
    assert!(!json(page(Some(302), Outcome::Completed), &policy()).contains("/p"));
    assert!(json(page(Some(404), Outcome::Completed), &policy()).contains(kept));
    assert!(json(page(None, Outcome::CutOff(Who::Visitor)), &policy()).contains(kept));
    assert!(json(page(Some(200), Outcome::CutOff(Who::Upstream)), &policy()).contains(kept));
    assert!(combined(page(Some(404), Outcome::Completed), &policy()).contains("\"/p?token=[removed]\""));
    let mut without = policy();
    without.access.fields.internal_referrer_on_errors = false;
    assert!(!json(page(Some(404), Outcome::Completed), &without).contains("/p"));
}

#[test]
fn a_name_that_is_only_claimed_is_not_kept() {
    let host = |client_host| json(Observation { client_host, ..seen() }, &policy());
    assert!(
        host(ClientHost::Unconfirmed("forged.example".into())).contains(r#""client":{"host_status":"unconfirmed"}"#)
    );
    assert!(!host(ClientHost::Unconfirmed("forged.example".into())).contains("forged"));
    assert!(host(ClientHost::Timeout).contains(r#""host_status":"timeout""#));
    assert!(host(ClientHost::Failed).contains(r#""host_status":"failed""#));
    assert!(host(ClientHost::None).contains(r#""host_status":"none""#));
    assert!(!host(ClientHost::NotAsked).contains("host_status"));
}

#[test]
fn targets_of_every_form_lose_what_is_not_path_or_query() {
    let target = |target: &str| {
        let mut seen = seen();
        seen.request.as_mut().unwrap().target = target.parse().unwrap();
        json(seen, &policy())
    };
    assert!(target("http://jan:haslo@other.example/a?b").contains(r#""url":{"path":"/a","query":"b"}"#));
    assert!(!target("http://jan:haslo@other.example/a?b").contains("haslo"));
    assert!(target("http://other.example").contains(r#""url":{"path":"/"}"#));
    assert!(target("*").contains(r#""url":{"path":"*"}"#));
    assert!(target("jan.example:443").contains(r#""url":{"path":null}"#));
    assert!(target("/a\\").contains(r#""url":{"path":"/a%5C"}"#));
    assert!(target("/a?").contains(r#""url":{"path":"/a","query":""}"#));
}

#[test]
fn what_is_kept_of_a_text_is_bounded() {
    let mut seen = seen();
    seen.request.as_mut().unwrap().target = format!("/{}?{}", "a".repeat(9000), "b".repeat(9000)).parse().unwrap();
    seen.request.as_mut().unwrap().method = Method::from_bytes(&[b'A'; 9000]).unwrap();
    let policy = policy();
    let Record { method, target, .. } = seen.redact(&policy, &[]).access;
    let Target { path, query } = target.unwrap().unwrap();
    assert_eq!(
        (method.unwrap().len(), path.len(), query.unwrap().len()),
        (33, 769, 769)
    );
}

#[test]
fn an_uncommon_method_keeps_its_name() {
    let method = || {
        let mut seen = seen();
        seen.request.as_mut().unwrap().method = Method::from_bytes(b"M-SEARCH").unwrap();
        seen
    };
    assert!(json(method(), &policy()).contains(r#""request":{"method_original":"M-SEARCH","header""#));
    assert!(combined(method(), &policy()).contains("\"_OTHER /a?token=[removed]&b=c HTTP/1.1\""));
    assert!(combined(method(), &policy()).contains(" method=M-SEARCH "));
}

#[test]
fn no_line_is_longer_than_its_readers_take() {
    for piece in ["a", "\"", "\\", "ą", "\u{9b}", "%"] {
        let text = |bytes: usize| piece.repeat(bytes / piece.len());
        let value = |text: String| HeaderValue::from_bytes(text.as_bytes()).ok();
        let mut policy = policy();
        policy.version = "1".repeat(32);
        let in_query = piece.replace('"', "'").repeat(20_000);
        let digest = format!("Digest username=\"{}\"", text(4000).replace(['"', '\\'], "\\\\"));
        for (referrer, status) in [
            ("https://other.example/", None),
            ("https://town.example/", Some(StatusCode::IM_A_TEAPOT)),
        ] {
            let long = || Observation {
                client: "2001:db8:1111:2222:3333:4444:5555:6666".parse().unwrap(),
                client_host: ClientHost::Confirmed(text(4000).into()),
                status,
                bytes: u64::MAX,
                outcome: Outcome::NotARequest(NotARequest::HeadTooLarge),
                request: Some(RequestHead {
                    method: Method::from_bytes(&b"M-".repeat(2000)).unwrap(),
                    target: format!("/{}?{in_query}", text(20_000)).parse().unwrap(),
                    version: Version::HTTP_11,
                    referrer: value(format!("{referrer}{}", text(20_000))),
                    agent: value(text(20_000)),
                    authorization: value(digest.clone()),
                }),
                ..seen()
            };
            for format in [Format::JsonLines, Format::Combined] {
                let line = line_after(Some(u64::MAX), format, long(), &policy);
                assert!((3000..=4095).contains(&line.len()), "{}", line.len());
                assert_eq!(line.matches("[cut]").count(), 7, "{line}");
            }
            serde_json::from_str::<serde_json::Value>(&json(long(), &policy)).unwrap();
            parse_combined(&combined(long(), &policy)).unwrap();
        }
    }
}

/// Names and values behind the places of a Combined line.
type Further = Vec<(String, Vec<u8>)>;

/// The places of a Combined line, unescaped; the parser takes nothing else.
fn parse_combined(line: &str) -> Option<(Vec<Vec<u8>>, Further)> {
    let line = line.strip_suffix('\n')?;
    if !line.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return None;
    }
    let mut places = Vec::new();
    let (address, rest) = line.split_once(" - ")?;
    let (user, rest) = rest.split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let (status, rest) = rest.split_once(' ')?;
    let (bytes, rest) = rest.split_once(" \"")?;
    let (referrer, rest) = rest.split_once("\" \"")?;
    let (agent, rest) = rest.split_once('"')?;
    for place in [address, user, time, request, status, bytes, referrer, agent] {
        places.push(unescape(place)?);
    }
    address.parse::<IpAddr>().ok()?;
    Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", time).ok()?;
    if status.len() != 3 || status.parse::<u16>().is_err() || user.contains(' ') || request.contains('"') {
        return None;
    }
    let mut further = Vec::new();
    let mut rest = rest;
    while let Some(after) = rest.strip_prefix(' ') {
        let (word, others) = after.split_at(after.find(' ').unwrap_or(after.len()));
        let (name, value) = word.split_once('=')?;
        further.push((name.to_owned(), unescape(value)?));
        rest = others;
    }
    rest.is_empty().then_some((places, further))
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            (bytes.next()? == b'x').then_some(())?;
            let digits = [bytes.next()?, bytes.next()?];
            out.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            out.push(byte);
        }
    }
    Some(out)
}

pub(super) fn field_value() -> impl Strategy<Value = Option<HeaderValue>> {
    let bytes = prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        "[ -~ąłż\u{85}\u{9b}\u{2028}\u{202e}\u{1f600}\"\\\\\\[\\]]{0,30}".prop_map(String::into_bytes),
    ];
    prop_oneof![Just(None), bytes.prop_map(|bytes| HeaderValue::from_bytes(&bytes).ok())]
}

fn base64(text: &[u8]) -> String {
    let digit =
        |n: u32| char::from(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(n & 63) as usize]);
    let chunk = |c: &[u8]| {
        let bits = c.iter().fold(0u32, |bits, b| bits << 8 | u32::from(*b)) << (8 * (3 - c.len()));
        (0..=c.len()).map(|i| digit(bits >> (18 - 6 * i))).collect::<String>()
    };
    text.chunks(3).map(chunk).collect()
}

proptest! {
    #[test]
    fn every_line_reads_back(
        path in "/[a-z%\"\\\\{}|ąłż\u{1f600}\u{9b}\u{2028}']{0,20}", query in proptest::option::of("[a-z%`{\\\\ąłż\u{202e}'?]{0,20}"),
        agent in field_value(), referrer in field_value(), user in proptest::collection::vec(any::<u8>(), 1..20),
        method in "[A-Z!#$'*+.^_`|~-]{1,9}", status in proptest::option::of(100u16..=999), bytes in any::<u64>(),
        v6 in any::<u128>(), milliseconds in 0i64..4_000_000_000_000,
    ) {
        let target = format!("{path}{}", query.as_ref().map_or(String::new(), |query| format!("?{query}")));
        let target = target.parse::<Uri>().unwrap();
        prop_assume!(!user.contains(&b':'));
        let agent_bytes = agent.as_ref().map(|agent| agent.as_bytes().to_vec());
        let make = || Observation {
            arrived: Timestamp::from_millisecond(milliseconds).unwrap(),
            client: IpAddr::V6(v6.into()),
            status: status.map(|status| StatusCode::from_u16(status).unwrap()),
            bytes,
            request: Some(RequestHead {
                method: Method::from_bytes(method.as_bytes()).unwrap(),
                target: target.clone(),
                version: Version::HTTP_11,
                referrer: referrer.clone(),
                agent: agent.clone(),
                authorization: HeaderValue::try_from(format!("Basic {}", base64(&[&user[..], b":p"].concat()))).ok(),
            }),
            ..seen()
        };
        let line = json(make(), &policy());
        prop_assert_eq!(line.find('\n'), Some(line.len() - 1));
        let is_odd = |sign: char| sign.is_control() || ('\u{2028}'..='\u{202e}').contains(&sign);
        prop_assert!(!line.trim_end().chars().any(is_odd));
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        let text = |pointer: &str| value.pointer(pointer).and_then(|value| value.as_str()).map(str::to_owned);
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        prop_assert_eq!(text("/url/path").unwrap(), target.path().replace('\\', "%5C"));
        prop_assert_eq!(text("/url/query"), target.query().map(str::to_owned));
        prop_assert_eq!(text("/user_agent/original"), agent_bytes.as_deref().map(lossy));
        prop_assert_eq!(text("/user/name").unwrap(), lossy(&user));
        prop_assert_eq!(text("/client/address").unwrap().parse::<IpAddr>().unwrap(), IpAddr::V6(v6.into()).to_canonical());
        prop_assert_eq!(value.pointer("/http/response/status_code").and_then(|v| v.as_u64()), status.map(u64::from));
        prop_assert_eq!(value.pointer("/http/response/body/size").and_then(|v| v.as_u64()), Some(bytes.min(i64::MAX as u64)));
        let name = text("/http/request/method").or(text("/http/request/method_original"));
        prop_assert_eq!(name.as_deref(), Some(method.as_str()));
        prop_assert_eq!(text("/timestamp").unwrap().parse::<Timestamp>().unwrap().as_millisecond(), milliseconds);

        let line = combined(make(), &policy());
        let (places, further) = parse_combined(&line).unwrap();
        prop_assert_eq!(&places[1], &user);
        let request = String::from_utf8(places[3].clone()).unwrap();
        prop_assert!(request.ends_with(&format!(" {target} HTTP/1.1")), "{}", request);
        let dash = |bytes: Option<Vec<u8>>| bytes.filter(|bytes| !bytes.is_empty()).unwrap_or_else(|| b"-".to_vec());
        prop_assert_eq!(&places[7], &dash(agent_bytes));
        prop_assert_eq!(places[5].clone(), bytes.min(i64::MAX as u64).to_string().into_bytes());
        prop_assert_eq!(further.last().unwrap(), &("policy_version".to_owned(), b"1.0".to_vec()));
    }
}

#[test]
fn an_entry_has_two_lines_that_together_say_what_one_would() {
    let whole = policy();
    let mut apart = whole.clone();
    let fields = &mut apart.access.fields;
    let of_a_visitor = Fields {
        client_address: std::mem::take(&mut fields.client_address),
        client_host: std::mem::take(&mut fields.client_host),
        user_agent: std::mem::take(&mut fields.user_agent),
        auth_user: std::mem::take(&mut fields.auth_user),
        ..Fields::default()
    };
    apart.addresses = Some(Addresses {
        purpose: apart.access.purpose.clone(),
        days: 14,
        fields: of_a_visitor,
    });
    for format in [Format::JsonLines, Format::Combined] {
        let observation = seen();
        let entry = observation.redact(&apart, &["town.example".into()]);
        let (mut encoder, mut access, mut addresses) = (Encoder::new(format), Vec::new(), Vec::new());
        encoder.encode(&entry, None, &mut access);
        encoder.encode_addresses(&entry, &mut addresses);
        let told = String::from_utf8(addresses.clone()).unwrap();
        assert_eq!(
            told,
            "{\"client\":{\"address\":\"203.0.113.7\"},\"user_agent\":{\"original\":\"Mozilla/5.0 (X11; Linux) Firefox/1\"},\
             \"user\":{\"name\":\"Aladdin\"},\"townclerk\":{\"client\":{\"host\":\"host.example\",\"host_status\":\"confirmed\"}}}\n"
        );
        for secret in ["203.0.113.7", "Firefox", "Aladdin", "host.example"] {
            assert!(memchr::memmem::find(&access, secret.as_bytes()).is_none(), "{secret}");
        }
        let day = jiff::civil::Date::constant(2026, 11, 21);
        let without_end = |line: &[u8]| line.strip_suffix(b"\n").unwrap().to_vec();
        let (access, addresses) = (without_end(&access), without_end(&addresses));
        let mut record = Record::decode(&access, format, day).unwrap_or_else(|_| panic!("a record"));
        record.join(Record::decode(&addresses, Format::JsonLines, day).unwrap_or_else(|_| panic!("a record")));
        let mut joined = Vec::new();
        Encoder::new(format).encode_record(&record, &mut joined);
        assert_eq!(String::from_utf8(joined).unwrap(), line(format, seen(), &whole));
    }
    let mut none = Vec::new();
    Encoder::new(Format::Combined).encode_addresses(&seen().redact(&whole, &[]), &mut none);
    assert_eq!(none, b"{}\n");
}
