//! What browsers report: whatever stands in a body, no more is read of it than names of other sites and paths of this
//! one, bounded; and of two referrer policies no looser one than either goes out.
//!
//! The first byte chooses the format, the rest is the body.
#![no_main]

use std::net::IpAddr;
use std::sync::LazyLock;

use http::{HeaderMap, HeaderValue, StatusCode, header};
use libfuzzer_sys::fuzz_target;
use townclerk::policy::{self, Policy};
use townclerk::reader::Faults;
use townclerk::third_parties::{Format, Guard, ReferrerPolicy, Tally, read};

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let text = include_str!("../../config/policy.toml").replace("mode = \"observe\"", "mode = \"enforce\"");
    policy::parse("policy.toml", &text, &mut Faults::new()).expect("the example is right")
});

fuzz_target!(|input: &[u8]| {
    let Some((choice, body)) = input.split_first() else {
        return;
    };
    let hosts: [Box<str>; 2] = ["um.example.pl".into(), "2001:db8::7".into()];
    let format = [Format::ReportUri, Format::ReportTo][usize::from(choice & 1)];
    let reports = read(body, format, &POLICY, &hosts);
    assert!(reports.calls.len() <= 256);
    for call in &reports.calls {
        assert!(call.host.len() <= 255 && !call.host.contains(['/', '@', '?', '#', '\n']));
        assert!(!hosts.contains(&call.host) && call.host.parse::<IpAddr>().is_err());
        assert!(call.page.len() <= 128 && !call.page.contains(['?', '#', '\n']));
        assert!(call.page.is_empty() || call.page.starts_with('/'));
    }
    let count = reports.calls.len() as u64 + reports.others;
    let tally = Tally::new(POLICY.third_parties.as_ref().expect("the example speaks of them"));
    tally.count(reports);
    let counted = tally.snapshot();
    let places = counted.called.values().map(|called| called.sum());
    assert_eq!(places.sum::<u64>() + counted.others, count);

    let Ok(theirs) = HeaderValue::from_bytes(body) else {
        return;
    };
    let said = ReferrerPolicy::read([&theirs]);
    let mut fields = HeaderMap::from_iter([(header::REFERRER_POLICY, theirs)]);
    let guard = Guard::new(&POLICY, &hosts, "/townclerk-reports").expect("the same");
    guard.outbound(StatusCode::OK, &mut fields, choice & 2 != 0);
    let out = ReferrerPolicy::read(fields.get_all(header::REFERRER_POLICY)).expect("one");
    assert!(out.is_within(ReferrerPolicy::SameOrigin) && said.is_none_or(|said| out.is_within(said)));
});
