//! Reads `policy.toml`.

mod cookies;
mod fields;
mod third_parties;

use std::ops::RangeInclusive;

use self::cookies::cookies;
use self::fields::{fields, redact};
use self::third_parties::third_parties;
use super::{Addresses, Controller, Field, Fields, LegalBasis, Log, Policy, Retention, Text};
use crate::reader::{Document, Faults, Section, Value};

/// Days that may be named; for more there is `unlimited`.
const DAYS: RangeInclusive<u64> = 2..=36_525;

/// Reads a policy. `file` is the name by which faults call it.
///
/// # Errors
///
/// `None` if anything is wrong; then `faults` says all that is.
pub fn parse(file: &str, text: &str, faults: &mut Faults) -> Option<Policy> {
    let document = Document::read(file, text);
    let policy = policy(document.root());
    if document.finish(faults) { policy } else { None }
}

// Everything is read before anything is missed: `?` comes only behind the last question.

pub(super) fn policy(mut root: Section<'_>) -> Option<Policy> {
    let version = root
        .required("version", "version = \"2026-1\"")
        .and_then(|value| version(&value));
    let effective = root
        .required("effective", "effective = 2026-12-01")
        .and_then(|value| value.date());
    let controller = root
        .required_section("controller", "name, address and contact")
        .and_then(controller);
    let legal_basis = root.optional("legal_basis").map(|value| legal_basis(&value));
    let mut log = root.required_section("log", "a section [log.access]");
    let access = log
        .as_mut()
        .and_then(|log| log.required_section("access", "purpose and retention"))
        .and_then(access);
    let addresses = log
        .as_mut()
        .and_then(|log| log.optional("addresses"))
        .map(|value| addresses(value.section()?, access.as_ref()));
    log.into_iter().for_each(Section::finish);
    let mark_is_kept = access.as_ref().is_some_and(|log| log.fields.first_page);
    let cookies = root
        .required_section("cookies", "mode and unlisted")
        .and_then(|section| cookies(section, mark_is_kept));
    let third_parties = root
        .optional("third_parties")
        .map(|value| third_parties(value.section()?));
    let mut statistics = root.section("statistics");
    let smallest_group = statistics
        .optional("smallest_group")
        .map_or(Some(10), |value| number(&value, 3..=10_000));
    statistics.finish();
    let correspondence = root.optional("correspondence").map(|value| text(&value));
    let disclosure = root.optional("disclosure").map(|value| disclosure(&value));
    root.finish();
    Some(Policy {
        version: version?,
        effective: effective?,
        controller: controller?,
        legal_basis: legal_basis.flatten(),
        access: access?,
        addresses: match addresses {
            Some(addresses) => Some(addresses?),
            None => None,
        },
        cookies: cookies?,
        third_parties: match third_parties {
            Some(third_parties) => Some(third_parties?),
            None => None,
        },
        smallest_group: smallest_group?,
        correspondence: correspondence.flatten(),
        two_people: disclosure.as_ref().is_some_and(|disclosure| disclosure.1),
        disclosure: disclosure.and_then(|disclosure| disclosure.0),
    })
}

fn version(value: &Value<'_>) -> Option<String> {
    let written = value.string()?;
    let fit = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if !written.bytes().all(fit) {
        return value.fault(
            "has other characters than A-Z a-z 0-9 . _ -",
            "write a short name, like \"2026-1\"",
        );
    }
    if written.starts_with('.') {
        return value.fault("starts with a dot", "start it with a letter or digit, like \"2026-1\"");
    }
    if written.len() > 32 {
        return value.fault("is longer than 32 characters", "write a short name, like \"2026-1\"");
    }
    Some(written.to_owned())
}

fn controller(mut section: Section<'_>) -> Option<Controller> {
    let mut line = |key, example| {
        section
            .required(key, example)
            .and_then(|value| value.string())
            .map(str::to_owned)
    };
    let name = line("name", "name = \"…\", the full name of the office");
    let address = line("address", "address = \"…\", its postal address");
    let contact = line(
        "contact",
        "contact = \"…\", the data protection officer's e-mail address",
    );
    section.finish();
    Some(Controller {
        name: name?,
        address: address?,
        contact: contact?,
    })
}

fn legal_basis(value: &Value<'_>) -> Option<LegalBasis> {
    if value.is_section() {
        return text(value).map(LegalBasis::Other);
    }
    if !value.is_string() {
        return value.fault(
            "says no legal basis",
            "write \"public-task\", \"legitimate-interest\", or a sentence in both languages: { pl = \"…\", en = \"…\" }",
        );
    }
    const WORDS: [(&str, &LegalBasis); 2] = [
        ("public-task", &LegalBasis::PublicTask),
        ("legitimate-interest", &LegalBasis::LegitimateInterest),
    ];
    value.one_of(&WORDS).cloned()
}

fn access(mut section: Section<'_>) -> Option<Log> {
    const PURPOSE: &str = "purpose = { pl = \"…\", en = \"…\" }, why the log is kept";
    let purpose = section.required("purpose", PURPOSE).and_then(|value| text(&value));
    let retention = section
        .required("retention", "retention = \"unlimited\" or, for instance, \"90 days\"")
        .and_then(|value| retention(&value));
    let fields = section
        .required_section("fields", "what is kept, for instance arrived = true")
        .map(|section| fields(section, &Field::ALL, &Fields::default()));
    let redact = redact(section.section("redact"));
    section.finish();
    Some(Log {
        purpose: purpose?,
        retention: retention?,
        fields: fields?,
        redact: redact?,
    })
}

/// Reads `[log.addresses]`, which goes sooner than what is in `access`.
fn addresses(mut section: Section<'_>, access: Option<&Log>) -> Option<Addresses> {
    const PURPOSE: &str = "purpose = { pl = \"…\", en = \"…\" }, why the log is kept";
    let purpose = section.required("purpose", PURPOSE).and_then(|value| text(&value));
    let days = section
        .required("retention", "retention = \"14 days\", or another number below that of [log.access]")
        .and_then(|value| match (retention(&value)?, access?.retention) {
            (Retention::Unlimited, _) => value.fault("is not sooner than anything", "write a number of days"),
            (Retention::Days(days), Retention::Days(all)) if days >= all => value.fault(
                "is not shorter than the retention of [log.access]",
                format!("write fewer days than {all}, or leave out [log.addresses] and name its fields in [log.access.fields]"),
            ),
            (Retention::Days(days), _) => Some(days),
        });
    let none = Fields::default();
    let elsewhere = access.map_or(&none, |access| &access.fields);
    let fields = section
        .required_section("fields", "what goes sooner, for instance client_address = \"whole\"")
        .map(|section| fields(section, &Field::OF_A_VISITOR, elsewhere));
    if fields.as_ref().is_some_and(|fields| *fields == none) {
        section.missing(
            "[log.addresses] keeps nothing",
            "name a field in [log.addresses.fields], or leave the section out",
        );
    }
    section.finish();
    Some(Addresses {
        purpose: purpose?,
        days: days?,
        fields: fields?,
    })
}

fn retention(value: &Value<'_>) -> Option<Retention> {
    let days = |days: u64| format!("write \"{} days\"", days.clamp(*DAYS.start(), *DAYS.end()));
    let written = if value.is_string() { value.string()? } else { "" };
    if written == "unlimited" {
        return Some(Retention::Unlimited);
    }
    if let Some(number) = value.bare_number().or(written.parse().ok()) {
        return value.fault("has no unit", days(number));
    }
    let parts = written
        .split_once(' ')
        .and_then(|(number, unit)| Some((number.parse::<u64>().ok()?, unit.trim())));
    match parts {
        Some((number, "days" | "day")) if number < *DAYS.start() => value.fault(
            "is too little",
            "write \"2 days\" or more: entries are removed a day at a time",
        ),
        Some((number, "days")) if DAYS.contains(&number) => u32::try_from(number).ok().map(Retention::Days),
        Some((_, "days")) => value.fault("is too much", "write \"unlimited\""),
        Some((number, "week" | "weeks")) => value.fault("is not in days", days(number.saturating_mul(7))),
        Some((number, "month" | "months")) => value.fault(
            "is not in days, and months differ in length",
            days(number.saturating_mul(30)),
        ),
        Some((number, "year" | "years")) => value.fault(
            "is not in days, and years differ in length",
            days(number.saturating_mul(365)),
        ),
        _ => value.fault(
            "is neither unlimited nor a number of days",
            "write \"unlimited\" or, for instance, \"90 days\"",
        ),
    }
}

fn text(value: &Value<'_>) -> Option<Text> {
    if value.is_string() {
        return value.fault("is in one language", "write it in both: { pl = \"…\", en = \"…\" }");
    }
    let mut section = value.section()?;
    let text = both_languages(&mut section);
    section.finish();
    text
}

/// When data is disclosed, and whether it takes two people.
fn disclosure(value: &Value<'_>) -> (Option<Text>, bool) {
    if value.is_string() {
        return (text(value), false);
    }
    let Some(mut section) = value.section() else {
        return (None, false);
    };
    let two_people = section.optional("two_people").and_then(|value| value.boolean());
    let text = both_languages(&mut section);
    section.finish();
    (text, two_people.unwrap_or(false))
}

fn both_languages(section: &mut Section<'_>) -> Option<Text> {
    let mut sentence = |key, example| {
        section
            .required(key, example)
            .and_then(|value| value.prose())
            .map(|prose| prose.trim().to_owned())
    };
    let pl = sentence("pl", "pl = \"…\", the sentence in Polish");
    let en = sentence("en", "en = \"…\", the sentence in English");
    Some(Text { pl: pl?, en: en? })
}

fn number(value: &Value<'_>, range: RangeInclusive<u64>) -> Option<u32> {
    value.integer(range).and_then(|number| u32::try_from(number).ok())
}
