//! Statistics, of any lines and of any report that was kept: a period is read as it is written; what is kept is told in
//! every form and kept again word for word; and whatever lines say can be counted and told.
#![no_main]

use libfuzzer_sys::fuzz_target;
use townclerk::entry::Record;
use townclerk::journal::Format;
use townclerk::policy::{self, Lang};
use townclerk::reader::Faults;
use townclerk::report::{self, About, Counts, Edition, Period, Published};

const POLICY: &str = include_str!("../../config/policy.toml");

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(period) = Period::parse(text) {
        assert_eq!(Period::parse(&period.to_string()), Ok(period));
        assert_eq!(
            period.parts().iter().map(|part| part.count()).sum::<usize>(),
            period.count()
        );
    }
    if let Some(published) = Published::thaw(text) {
        assert_eq!(Published::thaw(&published.freeze()).as_ref(), Some(&published));
        tell(published);
    }
    let policy = policy::parse("policy.toml", POLICY, &mut Faults::new()).expect("the policy that we ship");
    let mut counts = Counts::of(Period::parse("2026-11").expect("a month"), &policy);
    for line in text.lines() {
        for format in [Format::JsonLines, Format::Combined] {
            if let Ok(record) = Record::decode(line.as_bytes(), format, "2026-11-21".parse().expect("a day")) {
                counts.take(&record, true);
            }
        }
    }
    let about = About {
        site: "um.example.pl".into(),
        office: "Urząd".into(),
        published: "2026-12-01".parse().expect("a day"),
        policy: "1".into(),
        smallest_group: 10,
        entries_begin: None,
        unreadable: 0,
    };
    tell(Published::of(counts, about, None));
});

fn tell(published: Published) {
    let before = Some(published.clone());
    let editions = [Edition { now: published, before }];
    for lang in [Lang::Pl, Lang::En] {
        let text = report::text(&editions, lang, false);
        let html = report::html(&editions, lang);
        let csv = report::csv(&editions, lang);
        assert!(!text.contains('\u{1b}') && html.ends_with("</html>") && csv.ends_with("\r\n"));
    }
    report::json(&editions);
}
