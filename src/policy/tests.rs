//! Faulty policies as data, and policies mutated at random.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::reader::{Document, Faults, table};

const EXAMPLE: &str = include_str!("../../config/policy.toml");

fn faults_of(text: &str) -> String {
    let mut faults = Faults::new();
    let policy = parse("policy.toml", text, &mut faults);
    assert_eq!(policy.is_some(), faults.is_empty(), "a policy or its faults");
    faults.to_string()
}

fn example() -> Policy {
    let mut faults = Faults::new();
    parse("policy.toml", EXAMPLE, &mut faults).unwrap_or_else(|| panic!("{faults}"))
}

#[test]
fn every_fault_of_a_policy_is_named_with_its_place_and_remedy() {
    table::run("policy.txt", faults_of);
}

#[test]
fn the_example_says_what_the_offices_promise() {
    let policy = example();
    let fields = &policy.access.fields;
    assert_eq!(policy.access.retention, Retention::Unlimited);
    assert_eq!(fields.client_address, AddressRule::Whole);
    assert_eq!(fields.external_referrer, ReferrerRule::Url);
    assert_eq!(fields.user_agent, AgentRule::Whole);
    assert!(fields.arrived && fields.sent && fields.url && fields.client_host && fields.error);
    assert!(policy.access.redact.emails && policy.access.redact.pesel);
    assert_eq!(
        (policy.cookies.mode, policy.cookies.unlisted),
        (Mode::Enforce, Unlisted::Strip)
    );
    assert!(policy.disclosure.is_some() && policy.correspondence.is_some());
    let third_parties = policy.third_parties.expect("the example speaks of them");
    assert_eq!((third_parties.mode, third_parties.allowed.len()), (Mode::Enforce, 0));
}

#[test]
fn the_example_shows_every_key() {
    let document = Document::read("policy.toml", EXAMPLE);
    parse::policy(document.root());
    for path in document.asked() {
        let key = path.rsplit('.').next().unwrap_or_default();
        let forms = [
            format!("\n{key} = "),
            format!("\n{key}."),
            format!(".{key} = "),
            format!(" {key} = "),
            format!("[{path}]"),
            format!("[{path}."),
        ];
        assert!(
            forms.iter().any(|form| EXAMPLE.contains(form)),
            "{path} is not in the example"
        );
    }
}

#[test]
fn a_short_policy_keeps_what_it_names_and_protects_what_it_does_not() {
    let text = "version = \"1\"\neffective = 2026-12-01\n\
        [controller]\nname = \"a\"\naddress = \"b\"\ncontact = \"c\"\n\
        [log.access]\npurpose = { pl = \"d\", en = \"e\" }\nretention = \"90 days\"\n\
        fields = { arrived = true, client_address = { ipv4 = 24, ipv6 = 48 } }\n\
        [cookies]\nmode = \"observe\"\nunlisted = \"limit\"\n";
    let mut faults = Faults::new();
    let policy = parse("policy.toml", text, &mut faults).unwrap_or_else(|| panic!("{faults}"));
    let kept: Vec<_> = policy.kept().map(|kept| (kept.field, kept.treatment)).collect();
    let shortened = Treatment::Shortened { ipv4: 24, ipv6: 48 };
    assert_eq!(
        kept,
        [(Field::Arrived, Treatment::Whole), (Field::ClientAddress, shortened)]
    );
    assert_eq!(policy.access.retention, Retention::Days(90));
    let redact = Redact {
        query_values: false,
        emails: true,
        pesel: true,
        tokens: Some(32),
        parameters: vec![],
    };
    assert_eq!(policy.access.redact, redact);
    assert_eq!(policy.smallest_group, 10);
}

#[test]
fn every_field_has_a_key_and_two_sentences_of_its_own() {
    let mut seen = Vec::new();
    for field in Field::ALL {
        for words in [field.key(), field.sentence(Lang::Pl), field.sentence(Lang::En)] {
            assert!(!seen.contains(&words), "{words} is there twice");
            seen.push(words);
        }
        assert!(field.sentence(Lang::Pl).ends_with('.') && field.sentence(Lang::En).ends_with('.'));
    }
}

#[test]
fn a_field_that_is_switched_on_is_kept() {
    for field in Field::ALL {
        let mut fields = Fields::default();
        assert_eq!(field.of(&fields), None);
        if let Some(flag) = field.flag(&mut fields) {
            *flag = true;
            assert_eq!(
                Field::ALL
                    .into_iter()
                    .filter(|field| field.of(&fields).is_some())
                    .collect::<Vec<_>>(),
                [field]
            );
        }
    }
}

#[test]
fn what_is_told_is_what_is_kept() {
    let mut policy = example();
    policy.access.redact.parameters.truncate(2);
    assert!(
        policy
            .kept()
            .any(|kept| (kept.field, kept.treatment) == (Field::Url, Treatment::Redacted))
    );
    assert_eq!(
        policy.access.redact.sentence(Lang::En).unwrap(),
        "Before a URL is recorded, we take out of it: e-mail addresses; PESEL numbers; strings of 32 or more letters \
         and digits with a digit among them, and UUIDs; the values of the parameters password, haslo."
    );
    let nothing = Redact {
        query_values: false,
        emails: false,
        pesel: false,
        tokens: None,
        parameters: vec![],
    };
    policy.access.redact = nothing;
    assert!(
        policy
            .kept()
            .any(|kept| (kept.field, kept.treatment) == (Field::Url, Treatment::Whole))
    );
    assert_eq!(policy.access.redact.sentence(Lang::Pl), None);
    assert_eq!(
        Retention::Days(90).sentence(Lang::Pl),
        "Zapisy przechowujemy nie dłużej niż 90 dni."
    );
    let shortened = Treatment::Shortened { ipv4: 24, ipv6: 48 };
    for lang in [Lang::Pl, Lang::En] {
        let sentence = shortened.sentence(lang).unwrap();
        assert!(sentence.contains("24") && sentence.contains("48"), "{sentence}");
    }
}

#[test]
fn a_cookie_is_not_said_to_end_earlier_than_it_does() {
    let mut cookies = example().cookies;
    let told = |cookies: &Cookies, ends: &Ends| [Lang::Pl, Lang::En].map(|lang| cookies.ends_sentence(ends, lang));
    // Nothing but the browser ends it: no time is promised.
    assert_eq!(
        told(&cookies, &Ends::default()),
        [
            "Wygasa, gdy przeglądarka kończy sesję, a w niektórych przeglądarkach może ona trwać tygodniami.",
            "It ends when the browser ends its session, which some browsers make last for weeks.",
        ]
    );
    let mut ends = Ends {
        idle: Some(Duration::from_secs(1_800)),
        absolute: Some(Duration::from_secs(8 * 3_600)),
        when_leaving: false,
    };
    let [pl, en] = told(&cookies, &ends);
    assert!(pl.starts_with(
        "Wygasa z końcem sesji przeglądarki, a najpóźniej: po 30 minutach bez żadnego zapytania; po 8 godzinach od \
         początku sesji. "
    ));
    assert!(en.starts_with(
        "It ends with the session of the browser, and at the latest: 30 minutes after the last request; 8 hours after \
         the session began. "
    ));
    assert!(!en.contains("elsewhere") && !pl.contains("z zewnątrz"));
    ends = Ends {
        idle: Some(Duration::from_secs(60)),
        absolute: None,
        when_leaving: true,
    };
    cookies.login_hosts = vec!["login.example".into()];
    let [pl, en] = told(&cookies, &ends);
    assert!(
        pl.contains("po 1 minucie") && pl.contains("poza powrotem z login.example"),
        "{pl}"
    );
    assert!(
        en.contains("1 minute after") && en.contains("other than coming back from login.example"),
        "{en}"
    );
    // What is only observed is not limited.
    cookies.mode = Mode::Observe;
    for sentence in told(&cookies, &ends).iter().chain(&told(&cookies, &Ends::default())) {
        assert!(
            !sentence.contains("minu") && !sentence.contains("end") && !sentence.contains("asa"),
            "{sentence}"
        );
    }
}

#[test]
fn a_preset_adds_its_cookies_behind_those_that_are_written() {
    let text = EXAMPLE.replace(
        "expire_unlisted = false\n",
        "expire_unlisted = false\nidle = \"30 min\"\npresets = [\"php\", \"java\", \"liferay\", \"accessibility\"]\n",
    );
    let mut faults = Faults::new();
    let cookies = parse("policy.toml", &text, &mut faults)
        .unwrap_or_else(|| panic!("{faults}"))
        .cookies;
    let names: Vec<_> = cookies.allowed.iter().map(|listing| listing.name.to_string()).collect();
    assert_eq!(
        names[..3],
        ["PHPSESSID", "JSESSIONID", "COOKIE_SUPPORT"],
        "each name once"
    );
    assert_eq!(
        cookies.allowed[0].purpose,
        example().cookies.allowed[0].purpose,
        "as it is written, not as in php"
    );
    assert!(cookies.allowed[1].ends.are_enforced() && !cookies.allowed[2].ends.are_enforced());
    assert!(names.contains(&"contrast".to_owned()));
}

#[test]
fn limits_are_those_of_all_cookies_unless_one_says_otherwise() {
    let text = EXAMPLE
        .replace("ends_when_leaving = true", "idle = \"30 min\"")
        .replace(
            "[[cookies.allow]]\nname = \"PHPSESSID\"",
            "[[cookies.allow]]\nname = \"skrypt\"\nreadable = true\npurpose = { pl = \"a\", en = \"b\" }\n\
         [[cookies.allow]]\nname = \"b\"\nidle = \"5 min\"\nends_when_leaving = true\n\
         purpose = { pl = \"a\", en = \"b\" }\n[[cookies.allow]]\nname = \"PHPSESSID\"",
        );
    let mut faults = Faults::new();
    let policy = parse("policy.toml", &text, &mut faults).unwrap_or_else(|| panic!("{faults}"));
    let ends: Vec<_> = policy.cookies.allowed.iter().map(|listing| listing.ends).collect();
    let idle = |minutes: u64| Ends {
        idle: Some(Duration::from_secs(minutes * 60)),
        ..Ends::default()
    };
    let leaving = Ends {
        when_leaving: true,
        ..idle(5)
    };
    assert_eq!(ends, [Ends::default(), leaving, idle(30)]);
    assert!(policy.cookies.seal() && example().cookies.seal());
    let without = EXAMPLE.replace("ends_when_leaving = true", "");
    let without = parse("policy.toml", &without, &mut Faults::new()).unwrap();
    assert!(!without.cookies.seal());
}

#[test]
fn differences_are_named_by_their_keys_and_the_order_of_cookies_is_none() {
    let one = example();
    let mut other = one.clone();
    assert_eq!(one.differences(&other), Vec::<String>::new());
    let cookie = Allowed {
        name: NamePattern::Prefix("wp-".into()),
        purpose: one.access.purpose.clone(),
        ends: Ends::default(),
    };
    other.cookies.allowed.insert(0, cookie);
    let mut swapped = other.clone();
    swapped.cookies.allowed.reverse();
    assert_eq!(other.differences(&swapped), Vec::<String>::new());
    other.version = "3".into();
    other.access.fields.user_agent = AgentRule::Family;
    other.controller.contact = "x".into();
    other.cookies.allowed[1].purpose.en.push('!');
    let keys = [
        "log.access.fields.user_agent",
        "cookies.allow wp-*",
        "cookies.allow PHPSESSID",
        "controller.contact",
    ];
    assert_eq!(one.differences(&other), keys);
    let mut back = other.differences(&one);
    back.sort_by_key(|key| keys.iter().position(|k| k == key));
    assert_eq!(back, keys);
}

/// The example with one place of it changed, and what that means for a visitor.
fn effect_of(change: (&str, &str)) -> Vec<(String, Effect)> {
    assert!(EXAMPLE.contains(change.0), "the example has no {}", change.0);
    let mut faults = Faults::new();
    let changed = parse("policy.toml", &EXAMPLE.replacen(change.0, change.1, 1), &mut faults);
    let changed = changed.unwrap_or_else(|| panic!("{faults}"));
    let changes = example().changes(&changed);
    changes.into_iter().map(|change| (change.key, change.effect)).collect()
}

#[test]
fn a_change_is_told_by_what_it_means_for_a_visitor() {
    for (change, key, effect) in [
        (
            ("bytes = false", "bytes = true"),
            "log.access.fields.bytes",
            Effect::KeptMore,
        ),
        (
            ("error = true", "error = false"),
            "log.access.fields.error",
            Effect::KeptLess,
        ),
        (
            ("user_agent = \"whole\"", "user_agent = \"family\""),
            "log.access.fields.user_agent",
            Effect::KeptLess,
        ),
        (
            ("external_referrer = \"url\"", "external_referrer = \"host\""),
            "log.access.fields.external_referrer",
            Effect::KeptLess,
        ),
        (
            ("pesel = true", "pesel = false"),
            "log.access.redact.pesel",
            Effect::KeptMore,
        ),
        (
            ("query_values = false", "query_values = true"),
            "log.access.redact.query_values",
            Effect::KeptLess,
        ),
        (
            ("tokens = 32", "tokens = 64"),
            "log.access.redact.tokens",
            Effect::KeptMore,
        ),
        (
            ("tokens = 32", "tokens = 16"),
            "log.access.redact.tokens",
            Effect::KeptLess,
        ),
        (
            ("tokens = 32", "tokens = false"),
            "log.access.redact.tokens",
            Effect::KeptMore,
        ),
        (
            ("\"haslo\", ", ""),
            "log.access.redact.parameters",
            Effect::KeptOtherwise,
        ),
        (
            ("retention = \"unlimited\"", "retention = \"90 days\""),
            "log.access.retention",
            Effect::KeptShorter,
        ),
        (
            ("\"PHPSESSID\"\npurpose", "\"WIKI\"\npurpose"),
            "cookies.allow WIKI",
            Effect::CookieComes,
        ),
        (
            ("unlisted = \"strip\"", "unlisted = \"limit\""),
            "cookies.unlisted",
            Effect::CookiesOtherwise,
        ),
        (
            ("expire_unlisted = false", "expire_unlisted = true"),
            "cookies.expire_unlisted",
            Effect::CookiesOtherwise,
        ),
        (
            (
                "mode = \"enforce\"\n# What happens to a cookie",
                "mode = \"observe\"\n# What happens to a cookie",
            ),
            "cookies.mode",
            Effect::CookiesOtherwise,
        ),
        (
            (
                "mode = \"enforce\"\n# What other sites",
                "mode = \"observe\"\n# What other sites",
            ),
            "third_parties.mode",
            Effect::ThirdPartiesOtherwise,
        ),
        (
            (
                "[statistics]",
                "[[third_parties.allow]]\nhost = \"mapy.example\"\npurpose = { pl = \"Mapa.\", en = \"A map.\" }\n[statistics]",
            ),
            "third_parties.allow mapy.example",
            Effect::HostComes,
        ),
        (
            ("smallest_group = 10", "smallest_group = 5"),
            "statistics.smallest_group",
            Effect::Otherwise,
        ),
        (("ul. Rynek 1", "ul. Rynek 2"), "controller.address", Effect::Otherwise),
    ] {
        let effects = effect_of(change);
        assert!(effects.contains(&(key.to_owned(), effect)), "{change:?}: {effects:?}");
    }
    assert_eq!(effect_of(("[cookies]", "# A remark.\n[cookies]")), []);
}

#[test]
fn addresses_that_are_shortened_to_more_bits_are_kept_more() {
    let with = |rule| {
        let mut policy = example();
        policy.access.fields.client_host = false;
        policy.access.fields.client_address = rule;
        policy
    };
    let short = |ipv4, ipv6| AddressRule::Shortened { ipv4, ipv6 };
    for (before, after, effect) in [
        (short(16, 32), AddressRule::Whole, Effect::KeptMore),
        (AddressRule::Whole, short(24, 48), Effect::KeptLess),
        (short(16, 32), short(24, 32), Effect::KeptMore),
        (short(24, 48), short(16, 32), Effect::KeptLess),
        (short(24, 32), short(16, 48), Effect::KeptOtherwise),
        (short(24, 48), AddressRule::Omitted, Effect::KeptLess),
    ] {
        let changes = with(before).changes(&with(after));
        let effects: Vec<_> = changes.iter().map(|change| change.effect).collect();
        assert_eq!(effects, [effect], "{before:?} {after:?}");
    }
}

#[test]
fn what_changes_is_summed_up_in_one_line() {
    let mut other = example();
    other.access.fields.error = false;
    other.access.fields.user_agent = AgentRule::Omitted;
    other.access.retention = Retention::Days(90);
    other.cookies.allowed.clear();
    let changes = example().changes(&other);
    assert_eq!(
        summary(&changes, Lang::En),
        "we keep less: error, user_agent; we keep it for a shorter time: retention; cookies that go: PHPSESSID"
    );
    assert_eq!(summary(&[], Lang::Pl), "dla odwiedzających nic się nie zmienia");
}

#[test]
fn what_no_sentence_shows_is_a_difference_all_the_same() {
    // The sentence names them alike: one parameter with a comma in its name, or two.
    let with = |names: &[&str]| {
        let mut policy = example();
        policy.access.redact.parameters = names.iter().map(|&name| name.to_owned()).collect();
        policy
    };
    let (one, two) = (with(&["a, b"]), with(&["a", "b"]));
    assert_eq!(one.changes(&two), []);
    assert_eq!(one.differences(&two), ["its text"]);
}

proptest! {
    #[test]
    fn any_text_is_a_policy_or_has_faults(text in "\\PC{0,200}") {
        let _ = faults_of(&text);
    }

    #[test]
    fn any_text_of_toml_signs_is_a_policy_or_has_faults(text in "[\\[\\]{}=.,\"'#a-c0-9 \\n\\r\\\\-]{0,80}") {
        let _ = faults_of(&text);
    }

    #[test]
    fn a_mutated_policy_is_a_policy_or_has_faults(
        cut: prop::sample::Index, long in 0usize..40, put in "(\\PC|\n|\"|\\[|\\]){0,8}",
    ) {
        let mut bytes = EXAMPLE.as_bytes().to_vec();
        let start = cut.index(bytes.len());
        let end = (start + long).min(bytes.len());
        bytes.splice(start..end, put.bytes());
        let _ = faults_of(&String::from_utf8_lossy(&bytes));
    }
}
