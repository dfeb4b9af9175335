//! The statement holds every promise, in both languages, and nothing in a policy becomes markup.

use super::*;
use crate::policy::history::{Earlier, versions};
use crate::policy::{AddressRule, Ends, Mode, NamePattern, Retention, ThirdParties, parse};
use crate::reader::Faults;

const EXAMPLE: &str = include_str!("../../../config/policy.toml");

fn example() -> Policy {
    let mut faults = Faults::new();
    parse("policy.toml", EXAMPLE, &mut faults).unwrap_or_else(|| panic!("{faults}"))
}

fn hosts() -> Vec<Box<str>> {
    vec!["www.um.example.pl".into()]
}

fn statement(policy: &Policy, lang: Lang) -> Statement {
    let publication = Publication {
        hosts: &hosts(),
        path: None,
        versions: &[],
        in_force: &policy.version,
    };
    Statement::of(policy, &publication, lang)
}

/// Its words, each run of white space a space: lines are broken anywhere.
fn words(policy: &Policy, lang: Lang) -> String {
    let text = statement(policy, lang).text();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn every_promise_of_the_offices_is_in_the_statement_in_both_languages() {
    let promises: [(&str, [&str; 2]); 21] = [
        (
            "purpose",
            [
                "wyłącznie do administrowania serwisem",
                "administration of the site and nothing else",
            ],
        ),
        (
            "third parties",
            ["nie wysyła ich żadnej stronie trzeciej", "sends them to no third party"],
        ),
        (
            "disclosure",
            ["jako dowód w postępowaniu", "as evidence in proceedings"],
        ),
        (
            "requests and addresses",
            ["Zapisujemy adres IP", "We record the IP address"],
        ),
        ("URLs", ["Zapisujemy adres URL strony", "We record the URL of the page"]),
        (
            "times",
            [
                "kiedy skończyliśmy wysyłać odpowiedź",
                "when we finished sending the answer",
            ],
        ),
        ("host names", ["(nazwę hosta)", "(its host name)"]),
        (
            "errors",
            ["wystąpił błąd, zapisujemy jego rodzaj", "what kind of error it was"],
        ),
        ("referrers", ["odnośnik z innego serwisu", "a link on another site"]),
        (
            "browsers",
            ["informację o przeglądarce", "what the browser says about itself"],
        ),
        (
            "persons",
            ["zapisów nie łączy z osobami", "records are not linked to persons"],
        ),
        (
            "analysis",
            ["najczęściej odwiedzanych stron", "which pages are visited most"],
        ),
        ("statistics", ["mniej niż 10 odwiedzających", "fewer than 10 visitors"]),
        ("retention", ["przechowujemy bezterminowo", "kept without a time limit"]),
        (
            "access",
            ["tylko administrator serwera", "Only the administrator of the server"],
        ),
        (
            "cookies",
            [
                "Wartości ciasteczek nie trafiają do dziennika",
                "values of cookies never reach the journal",
            ],
        ),
        (
            "the session's end",
            ["tylko do końca sesji", "until the end of the session only"],
        ),
        (
            "other sites",
            ["Ta polityka dotyczy tylko serwisu", "This policy is for the site"],
        ),
        ("versions", ["nowa wersja z nową datą", "a new version with a new date"]),
        (
            "the statement",
            [
                "z tego samego pliku, według którego działa",
                "the same file by which it works",
            ],
        ),
        (
            "letters",
            [
                "[Oświadczenie urzędu] Listy i wiadomości",
                "[Declaration of the office] We keep letters",
            ],
        ),
    ];
    let policy = example();
    let (pl, en) = (words(&policy, Lang::Pl), words(&policy, Lang::En));
    for (promise, [polish, english]) in promises {
        assert!(pl.contains(polish), "{promise}: {pl}");
        assert!(en.contains(english), "{promise}: {en}");
    }
}

#[test]
fn every_sentence_that_the_policy_tells_is_in_the_statement() {
    let mut policy = example();
    policy.access.retention = Retention::Days(90);
    policy.cookies.expire_unlisted = true;
    policy.cookies.allowed[0].ends.idle = Some(std::time::Duration::from_secs(1_800));
    policy.cookies.first_page = Some(crate::policy::FirstPage {
        name: "first_page".to_owned(),
        purpose: crate::policy::Text::new("Pamięta wizytę.", "Remembers the visit."),
    });
    policy.third_parties = Some(third_parties(Mode::Enforce));
    for lang in [Lang::Pl, Lang::En] {
        let said = words(&policy, lang);
        for told in policy.told() {
            let sentence = told.text.get(lang);
            // What is taken out is a list here, and a cookie a row of a table.
            let parts: Vec<&str> = match told.about {
                crate::policy::About::TakenOut(_) => sentence.splitn(2, ": ").skip(1).collect(),
                crate::policy::About::Cookie | crate::policy::About::Host => vec![], // below
                _ => vec![sentence],
            };
            for part in parts {
                let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(
                    said.contains(part.trim_end_matches('.')),
                    "{}: {part}\n{said}",
                    told.key
                );
            }
        }
        assert!(said.contains("30 minut") && said.contains("first_page"), "{said}");
        for cookie in &policy.cookies.allowed {
            assert!(said.contains(&cookie.name.to_string()) && said.contains(cookie.purpose.get(lang)));
            assert!(said.contains(&policy.cookies.ends_sentence(&cookie.ends, lang)));
        }
        for site in policy.third_parties.iter().flat_map(|rules| &rules.allowed) {
            assert!(
                said.contains(&site.host.to_string()) && said.contains(site.purpose.get(lang)),
                "{said}"
            );
        }
        for word in ["15", "16", "17", "18", "21", "77"] {
            assert!(said.contains(word), "the right of Article {word}");
        }
        assert!(said.contains(&policy.version) && said.contains("2026") && said.contains("iod@um.example.pl"));
    }
}

/// Rules with all that they can say.
fn third_parties(mode: Mode) -> ThirdParties {
    let text = EXAMPLE.replace(
        "[statistics]",
        "[[third_parties.allow]]\nhost = \"*.mapy.example\"\npurpose.pl = \"Pokazuje mapę.\"\npurpose.en = \"Shows a \
         map.\"\n[statistics]",
    );
    let mut faults = Faults::new();
    let policy = parse("policy.toml", &text, &mut faults).unwrap_or_else(|| panic!("{faults}"));
    let rules = policy.third_parties.expect("the example has them");
    ThirdParties { mode, ..rules }
}

#[test]
fn of_third_parties_no_more_is_promised_than_is_enforced() {
    let mut policy = example();
    let promise = ["niczego nie wczytywała z serwisów", "load nothing from sites"];
    let honest = ["Na razie nie ograniczamy", "For the time being we do not limit"];
    let unseen = ["tego nie widzi", "does not see this"];
    let counts = ["i naszej strony", "the kind of content and our page"];
    let says = |policy: &Policy, phrases: [&str; 2]| {
        let said = [words(policy, Lang::Pl), words(policy, Lang::En)];
        let found = [said[0].contains(phrases[0]), said[1].contains(phrases[1])];
        assert_eq!(found[0], found[1], "both languages say it: {said:?}");
        found[0]
    };
    assert!(says(&policy, promise) && !says(&policy, honest));
    policy.third_parties = Some(third_parties(Mode::Observe));
    assert!(says(&policy, honest) && !says(&policy, promise) && !says(&policy, unseen) && says(&policy, counts));
    policy.third_parties = Some(third_parties(Mode::Enforce));
    assert!(says(&policy, promise) && !says(&policy, honest));
    assert!(says(
        &policy,
        ["z jakiej strony przychodzi", "from which page a visitor comes"]
    ));
    assert!(says(&policy, ["Gwiazdka na początku", "The star at the beginning"]));
    policy.access.fields.url = false;
    assert!(!says(&policy, counts), "no page is counted where no URL is kept");
    policy.third_parties = None;
    assert!(says(&policy, unseen) && !says(&policy, promise) && !says(&policy, honest));
}

#[test]
fn no_more_is_promised_than_is_enforced() {
    let mut policy = example();
    let says = |policy: &Policy, words_: &str| words(policy, Lang::En).contains(words_);
    assert!(says(&policy, "when the site is entered from elsewhere"));
    policy.cookies.allowed[0].ends = Ends::default();
    assert!(says(&policy, "some browsers make last for weeks"));
    assert!(!says(&policy, "when the site is entered from elsewhere"));
    assert!(!says(&policy, "removes older records by itself"));
    policy.access.retention = Retention::Days(90);
    assert!(says(&policy, "removes older records by itself") && says(&policy, "one exception"));
    policy.cookies.mode = Mode::Observe;
    assert!(!says(&policy, "takes the term out of every cookie") && says(&policy, "all cookies pass unchanged"));
    assert!(says(&policy, "a whole IP address") || says(&policy, "A whole IP address"));
    policy.access.fields.client_host = false;
    policy.access.fields.client_address = AddressRule::Omitted;
    assert!(!says(&policy, "A whole IP address") && says(&policy, "The journal never holds: - IP addresses,"));
    assert!(!says(&policy, "name server"));
    assert!(says(&policy, "records are not linked to persons"));
    policy.access.fields.auth_user = true;
    assert!(!says(&policy, "not linked to persons"));
    policy.correspondence = None;
    assert!(says(&policy, "does not cover letters"));
}

#[test]
fn nothing_in_a_policy_becomes_markup() {
    let mut policy = example();
    let evil = "<script>alert('\"&')</script> [x](http://e.example) | *b* `c` # d";
    policy.controller.name = evil.to_owned();
    policy.controller.contact = "\"><script>@x".to_owned();
    policy.disclosure = Some(crate::policy::Text::new(evil, evil));
    policy.cookies.allowed[0].purpose = crate::policy::Text::new(evil, evil);
    policy.cookies.allowed[0].name = NamePattern::Hex32("a".into());
    let told = statement(&policy, Lang::En);
    let html = told.html();
    assert!(
        !html.contains("<script") && html.contains("&lt;script&gt;alert"),
        "{html}"
    );
    assert!(html.contains("href=\"mailto:&quot;&gt;&lt;script&gt;@x\""), "{html}");
    assert!(html.contains("<code>a&lt;hex32&gt;</code>"));
    let markdown = told.markdown();
    assert!(
        markdown.contains(r"\<script\>alert") && markdown.contains(r"\[x\](http"),
        "{markdown}"
    );
    assert!(markdown.contains(r"\| \*b\* \`c\` \# d"), "{markdown}");
}

#[test]
fn a_page_needs_nothing_from_elsewhere() {
    let html = statement(&example(), Lang::Pl).html();
    for call in [
        "<script", "<link", "<img", "url(", "@import", " src=", "http:", "https:",
    ] {
        assert!(!html.contains(call), "{call}");
    }
    assert!(html.starts_with("<!DOCTYPE html><html lang=\"pl\">"));
    assert_eq!(html.matches("<h1").count(), 1);
}

#[test]
fn an_earlier_version_says_so_and_versions_lead_to_each_other() {
    let second = EXAMPLE
        .replace("version = \"2026-1\"", "version = \"2027-1\"")
        .replace("effective = 2026-12-01", "effective = 2027-02-01");
    let texts = [
        ("2026-1", EXAMPLE),
        ("2027-1", &*second),
        ("0", "effective = 2020-01-01\n?"),
    ];
    let versions = versions(texts.map(|(version, text)| Earlier { version, text }));
    let page = |of: &str, lang| {
        let hosts = hosts();
        let publication = Publication {
            hosts: &hosts,
            path: Some("/prywatnosc"),
            versions: &versions,
            in_force: "2027-1",
        };
        let version = versions.iter().find(|version| version.name == of).unwrap();
        Statement::of(version.policy.as_ref().unwrap(), &publication, lang).html()
    };
    let now = page("2027-1", Lang::Pl);
    assert!(
        now.contains("href=\"/prywatnosc/2026-1?lang=pl\"") && !now.contains("/prywatnosc/0"),
        "{now}"
    );
    assert!(
        now.contains("<a href=\"/prywatnosc?lang=en\" lang=\"en\" hreflang=\"en\">English</a>"),
        "{now}"
    );
    assert!(now.contains("1 lutego 2027 r.") && !now.contains("Nie obowiązuje już"));
    let before = page("2026-1", Lang::En);
    assert!(
        before.contains("not in force any more") && before.contains("href=\"/prywatnosc?lang=en\""),
        "{before}"
    );
    assert!(
        before.contains("href=\"/prywatnosc/2026-1?lang=pl\" lang=\"pl\""),
        "{before}"
    );
}

#[test]
fn text_keeps_to_its_width() {
    for lang in [Lang::Pl, Lang::En] {
        let text = statement(&example(), lang).text();
        for line in text.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
