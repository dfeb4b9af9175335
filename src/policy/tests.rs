//! Faulty policies as data, and policies mutated at random.

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
    let kept: Vec<_> = policy.kept().collect();
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
    assert!(policy.kept().any(|kept| kept == (Field::Url, Treatment::Redacted)));
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
    assert!(policy.kept().any(|kept| kept == (Field::Url, Treatment::Whole)));
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
fn differences_are_named_by_their_keys_and_the_order_of_cookies_is_none() {
    let one = example();
    let mut other = one.clone();
    assert_eq!(one.differences(&other), Vec::<String>::new());
    let cookie = Allowed {
        name: NamePattern::Prefix("wp-".into()),
        purpose: one.access.purpose.clone(),
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
        "controller.contact",
        "log.access.fields.user_agent",
        "cookies.allow PHPSESSID",
        "cookies.allow wp-*",
    ];
    assert_eq!(one.differences(&other), keys);
    let mut back = other.differences(&one);
    back.sort_by_key(|key| keys.iter().position(|k| k == key));
    assert_eq!(back, keys);
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
