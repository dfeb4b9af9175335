//! The programs that people read logs with read our files as they are: no line is refused.

use std::fs;
use std::net::{IpAddr, Ipv6Addr};
use std::path::Path;
use std::process::Command;

use http::{HeaderValue, Method, StatusCode, Uri, Version};
use jiff::{SignedDuration, Timestamp};
use townclerk::entry::{
    ClientHost, Encoder, NotARequest, Observation, Outcome, Refusal, RequestHead, UpstreamFailure, Who,
};
use townclerk::journal::Format;
use townclerk::policy::*;

use crate::skip::{skip, without};

const ENTRIES: usize = 4000;

const FORMATS: [(Format, &str); 2] = [(Format::JsonLines, "journal.jsonl"), (Format::Combined, "journal.log")];

#[test]
fn goaccess_refuses_no_line() {
    if without("goaccess", "--version", "goaccess") {
        return;
    }
    let config = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/goaccess.conf");
    for (agent, (format, name)) in [AgentRule::Whole, AgentRule::Family]
        .into_iter()
        .flat_map(|a| FORMATS.map(|f| (a, f)))
    {
        let folder = tempfile::tempdir().unwrap();
        let journal = write_journal(folder.path(), format, name, agent);
        let mut goaccess = Command::new("goaccess");
        match format {
            Format::JsonLines => goaccess.args(["--config-file", config]),
            Format::Combined => goaccess.args(["--no-global-config", "--log-format=COMBINED", "--no-strict-status"]),
        };
        goaccess
            .args(["--no-progress", "-o", "report.json", "-l", "why.txt"])
            .arg(journal)
            .current_dir(&folder);
        let output = goaccess.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let report = fs::read(folder.path().join("report.json")).unwrap();
        let report: serde_json::Value = serde_json::from_slice(&report).unwrap();
        let why = fs::read(folder.path().join("why.txt")).unwrap_or_default();
        let why = String::from_utf8_lossy(&why);
        assert_eq!(
            report["general"]["failed_requests"],
            0,
            "{name}: {}",
            &why[..why.len().min(4000)]
        );
        assert_eq!(report["general"]["valid_requests"], ENTRIES, "{name}");
    }
}

/// It passes over what no request came of, and over what has no time, as it does in the logs of others.
#[test]
fn awstats_finds_no_line_of_a_request_corrupted() {
    let program = Path::new("/usr/lib/cgi-bin/awstats.pl");
    if !program.exists() {
        return skip("awstats", "awstats is not installed");
    }
    for agent in [AgentRule::Whole, AgentRule::Family] {
        let folder = tempfile::tempdir().unwrap();
        let journal = write_journal(folder.path(), Format::Combined, "journal.log", agent);
        let lines = fs::read_to_string(&journal).unwrap();
        let of_requests = lines
            .split_inclusive('\n')
            .filter(|line| !line.contains("] \"-\" ") && !line.contains(":00:00:00 +0000]"));
        let (lines, count) = (of_requests.clone().collect::<String>(), of_requests.count());
        assert!(count > ENTRIES / 2, "{count}");
        fs::write(&journal, lines).unwrap();
        let place = folder.path().display();
        let config = format!(
            "LogFile=\"{}\"\nLogType=W\nLogFormat=1\nSiteDomain=\"town.example\"\nDNSLookup=0\nDirData=\"{place}\"\n",
            journal.display()
        );
        fs::write(folder.path().join("awstats.town.conf"), config).unwrap();
        let output = Command::new("perl")
            .arg(program)
            .args(["-config=town", "-update", &format!("-configdir={place}")])
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(&format!("Parsed lines in file: {count}\n")), "{said}");
        assert!(said.contains("Found 0 corrupted records"), "{said}");
    }
}

#[test]
fn lnav_takes_every_line_for_what_it_is() {
    if without("lnav", "-V", "lnav") {
        return;
    }
    let format_file = fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/lnav-townclerk.json")).unwrap();
    for (format, name) in FORMATS {
        let folder = tempfile::tempdir().unwrap();
        let formats = folder.path().join("formats/townclerk");
        fs::create_dir_all(&formats).unwrap();
        fs::write(formats.join("townclerk.json"), &format_file).unwrap();
        let journal = write_journal(folder.path(), format, name, AgentRule::Whole);
        let (table, place) = match format {
            Format::JsonLines => ("townclerk_log", "\"client/address\" IS NOT NULL"),
            Format::Combined => ("access_log", "sc_status IS NOT NULL"),
        };
        let query = format!(";SELECT count(*) AS entries FROM {table} WHERE {place}");
        let output = Command::new("lnav")
            .args(["-n", "-I"])
            .arg(folder.path())
            .args(["-c", &query, "-c", ":write-csv-to -"])
            .arg(journal)
            .env("HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path())
            .output()
            .unwrap();
        let answer = String::from_utf8_lossy(&output.stdout);
        let expected = ENTRIES.to_string();
        assert!(
            answer.lines().any(|line| line == expected),
            "{name}: {answer}{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}

fn write_journal(folder: &Path, format: Format, name: &str, agent: AgentRule) -> std::path::PathBuf {
    let own_hosts = ["town.example".into()];
    let mut encoder = Encoder::new(format);
    let mut lines = Vec::new();
    for i in 0..ENTRIES {
        let mut policy = policy(agent);
        if format == Format::Combined {
            keep_less(&mut policy.access.fields, i);
        }
        encoder.encode(&observation(i).redact(&policy, &own_hosts), None, &mut lines);
    }
    assert_eq!(lines.iter().filter(|&&byte| byte == b'\n').count(), ENTRIES);
    let path = folder.join(name);
    fs::write(&path, &lines).unwrap();
    path
}

/// Combined lines have a sign for what is not kept: each third exchange lacks a field, and a few lack all.
fn keep_less(fields: &mut Fields, i: usize) {
    match i % 31 {
        0 => fields.arrived = false,
        3 => fields.client_address = AddressRule::Omitted,
        6 => fields.client_address = AddressRule::Shortened { ipv4: 16, ipv6: 32 },
        9 => fields.method = false,
        12 => fields.url = false,
        15 => fields.protocol = false,
        18 => fields.status = false,
        21 => fields.bytes = false,
        24 => fields.user_agent = AgentRule::Omitted,
        27 => *fields = Fields::default(),
        30 => (fields.method, fields.protocol) = (false, false),
        _ => {}
    }
}

/// The `i`th of many different exchanges; the lists have lengths without common factors, so that all of them meet.
fn observation(i: usize) -> Observation {
    let arrived =
        "2026-11-21T20:09:46.123Z".parse::<Timestamp>().unwrap() + SignedDuration::from_millis(i as i64 * 137);
    let outcome = pick(&OUTCOMES, i);
    let request = (!matches!(outcome, Outcome::NotARequest(_))).then(|| request(i));
    let status = pick(
        &[Some(200), Some(304), Some(404), None, Some(503), Some(999), Some(100)],
        i,
    );
    let clients = [
        IpAddr::from([203, 0, 113, (i % 251) as u8]),
        Ipv6Addr::from_bits((0x2001_0db8 << 96) + i as u128).into(),
    ];
    Observation {
        arrived,
        sent: status.map(|_| arrived + SignedDuration::from_millis(12)),
        client: pick(&clients, i / 2),
        client_host: pick(&hosts(), i),
        request,
        status: status.map(|status| StatusCode::from_u16(status).unwrap()),
        bytes: pick(&[0, 1, 5120, u64::MAX], i),
        first_page: i.is_multiple_of(2),
        outcome,
    }
}

fn request(i: usize) -> RequestHead {
    let value = |values: &[&[u8]]| match pick(values, i) {
        b"" => None,
        value => Some(HeaderValue::from_bytes(value).unwrap()),
    };
    let long = format!("/{}?{}", "a/b-".repeat(1000), "c=d&".repeat(10_000));
    let mut targets = TARGETS.to_vec();
    targets.push(&long);
    let target = pick(&targets, i);
    RequestHead {
        method: Method::from_bytes(pick(&METHODS, i).as_bytes()).unwrap(),
        target: target
            .parse::<Uri>()
            .unwrap_or_else(|error| panic!("{target}: {error}")),
        version: pick(&[Version::HTTP_11, Version::HTTP_10, Version::HTTP_2], i),
        referrer: value(&REFERRERS),
        agent: value(&AGENTS),
        authorization: value(&[
            b"",
            b"Basic amFuIFsiXCIgZXZpbF06eA==",
            b"Basic xYLEhTrFgg==",
            b"",
            b"Digest username=\"a\\\"b\"",
            b"",
            b"",
        ]),
    }
}

fn pick<T: Clone>(values: &[T], i: usize) -> T {
    values[i % values.len()].clone()
}

fn hosts() -> [ClientHost; 6] {
    let (name, claimed) = ("host.isp.example".into(), "a b\"\\\n.example".into());
    let (good, bad) = (ClientHost::Confirmed(name), ClientHost::Unconfirmed(claimed));
    [
        good,
        bad,
        ClientHost::None,
        ClientHost::Timeout,
        ClientHost::Failed,
        ClientHost::NotAsked,
    ]
}

const OUTCOMES: [Outcome; 13] = [
    Outcome::Completed,
    Outcome::Completed,
    Outcome::Refused(Refusal::Host),
    Outcome::Completed,
    Outcome::Upstream(UpstreamFailure::Timeout),
    Outcome::NotARequest(NotARequest::Tls),
    Outcome::Completed,
    Outcome::Upgraded,
    Outcome::CutOff(Who::Visitor),
    Outcome::NotARequest(NotARequest::Malformed),
    Outcome::Completed,
    Outcome::CutOff(Who::Upstream),
    Outcome::Refused(Refusal::Target),
];

const METHODS: [&str; 9] = [
    "GET",
    "POST",
    "HEAD",
    "PROPFIND",
    "M-SEARCH",
    "BREW",
    "get",
    "#$%&'*+.^_`|~!",
    "OPTIONS",
];

const TARGETS: [&str; 16] = [
    "/",
    "/aktualnosci?strona=2&szukaj=bud%C5%BCet+2026",
    "/łódź?ą=ę",
    "/\"quoted\"?a='b'",
    "/back\\slash\\",
    "/?back\\",
    "*",
    "http://jan:haslo@town.example/absolute?x=y",
    "town.example:443",
    "/%00%0a%0d%22%5c",
    "/%20",
    "/%",
    "/{a}|^[b]?`{}",
    "//double//slash?",
    "/?next=https%3A%2F%2Fother.example%2F%3Fmail%3Djan%2540poczta.pl",
    "/\u{202e}\u{2028}\u{9b}x",
];

const REFERRERS: [&[u8]; 11] = [
    b"",
    b"https://other.example/page?q=\"x\"",
    b"https://town.example/broken",
    b"http://jan:haslo@other.example",
    b"https://other.example/\xff\xfe\\",
    b"-",
    b"android-app://com.example/",
    "https://other.example/zażółć".as_bytes(),
    b"https://www.google.com/search?q=%22%25&x=",
    b"https://www.google.com/search?q=",
    b"https://[2001:db8::1]:8443/",
];

const AGENTS: [&[u8]; 8] = [
    b"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    b"",
    b"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    b"\" 200 1 \"-\" \"forged",
    b"\\",
    b"-",
    b"\t\xc5\x82\xff \"\\",
    b"%",
];

/// A policy that keeps everything, the URLs redacted.
fn policy(agent: AgentRule) -> Policy {
    let text = || Text {
        pl: String::new(),
        en: String::new(),
    };
    Policy {
        version: "2026.1".into(),
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
                user_agent: agent,
                auth_user: true,
                first_page: true,
                policy_version: true,
            },
            redact: Redact {
                query_values: false,
                emails: true,
                pesel: true,
                tokens: Some(24),
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
