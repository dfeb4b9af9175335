//! The head of a request, six lines: method, target, Referer, User-Agent, Authorization, user and password of Basic
//! authentication. In both formats its entry is one line that cannot be broken or forged, that is read again as what it
//! is, and that holds no password.
#![no_main]

use std::net::Ipv4Addr;
use std::sync::LazyLock;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderValue, Method, StatusCode, Uri, Version};
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use townclerk::entry::{ClientHost, Encoder, Observation, Outcome, Record, RequestHead};
use townclerk::journal::Format;
use townclerk::policy::{self, Policy};
use townclerk::reader::Faults;

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = include_str!("../../config/policy.toml").replace("auth_user = false", "auth_user = true");
    policy::parse("policy.toml", &text, &mut Faults::new()).expect("the example is right")
});

const PASSWORD: &str = "kaczka.dziwaczka";

fuzz_target!(|data: &[u8]| {
    let mut lines = data.splitn(6, |&byte| byte == b'\n');
    let mut line = || lines.next().unwrap_or_default();
    let (method, target) = (Method::from_bytes(line()), Uri::try_from(line()));
    let (Ok(method), Ok(target)) = (method, target) else {
        return;
    };
    let [referrer, agent, mut authorization] = [line(), line(), line()].map(|line| HeaderValue::from_bytes(line).ok());
    let user = line();
    if !user.is_empty() && !user.contains(&b':') {
        let credentials = BASE64_STANDARD.encode([user, b":", PASSWORD.as_bytes()].concat());
        authorization = HeaderValue::try_from(format!("Basic {credentials}")).ok();
    }
    for format in [Format::JsonLines, Format::Combined] {
        let arrived = Timestamp::from_second(1_795_263_330).expect("a time");
        let observation = Observation {
            arrived,
            sent: Some(arrived),
            client: Ipv4Addr::new(203, 0, 113, 7).into(),
            client_host: ClientHost::None,
            request: Some(RequestHead {
                method: method.clone(),
                target: target.clone(),
                version: Version::HTTP_11,
                referrer: referrer.clone(),
                agent: agent.clone(),
                authorization: authorization.clone(),
            }),
            status: Some(StatusCode::NOT_FOUND),
            bytes: 7,
            first_page: true,
            outcome: Outcome::Completed,
        };
        let entry = observation.redact(&POLICY, &["um.example.pl".into()]);
        let (mut encoder, mut line) = (Encoder::new(format), Vec::new());
        encoder.encode(&entry, None, &mut line);
        let text = line.strip_suffix(b"\n").expect("it ends in a newline");
        assert!(line.len() <= 4_095 && !text.iter().any(u8::is_ascii_control));
        if !data.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()) {
            assert!(!text.windows(PASSWORD.len()).any(|window| window == PASSWORD.as_bytes()));
        }
        let day = "2026-11-21".parse().expect("a day");
        let record = Record::decode(text, format, day).unwrap_or_else(|error| panic!("{error}"));
        let mut again = Vec::new();
        Encoder::new(format).encode_record(&record, &mut again);
        assert_eq!(again, line);
    }
});
