//! Reads `policy.toml`.

use std::ops::RangeInclusive;

use super::pattern::NamePattern;
use super::{
    AddressRule, AgentRule, Allowed, Controller, Cookies, Field, Fields, Log, Mode, Policy, Redact, ReferrerRule,
    Retention, Text, Unlisted,
};
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
    let mut log = root.required_section("log", "a section [log.access]");
    let access = log
        .as_mut()
        .and_then(|log| log.required_section("access", "purpose and retention"))
        .and_then(access);
    log.into_iter().for_each(Section::finish);
    let cookies = root.required_section("cookies", "mode and unlisted").and_then(cookies);
    let mut statistics = root.section("statistics");
    let smallest_group = statistics
        .optional("smallest_group")
        .map_or(Some(10), |value| number(&value, 3..=10_000));
    statistics.finish();
    let correspondence = root.optional("correspondence").map(|value| text(&value));
    let disclosure = root.optional("disclosure").map(|value| text(&value));
    root.finish();
    Some(Policy {
        version: version?,
        effective: effective?,
        controller: controller?,
        access: access?,
        cookies: cookies?,
        smallest_group: smallest_group?,
        correspondence: correspondence.flatten(),
        disclosure: disclosure.flatten(),
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

fn access(mut section: Section<'_>) -> Option<Log> {
    const PURPOSE: &str = "purpose = { pl = \"…\", en = \"…\" }, why the log is kept";
    let purpose = section.required("purpose", PURPOSE).and_then(|value| text(&value));
    let retention = section
        .required("retention", "retention = \"unlimited\" or, for instance, \"90 days\"")
        .and_then(|value| retention(&value));
    let fields = section
        .required_section("fields", "what is kept, for instance arrived = true")
        .map(fields);
    let redact = redact(section.section("redact"));
    section.finish();
    Some(Log {
        purpose: purpose?,
        retention: retention?,
        fields: fields?,
        redact: redact?,
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

fn fields(mut section: Section<'_>) -> Fields {
    let mut fields = Fields::default();
    let (mut host, mut shown) = (None, Some(AddressRule::Omitted));
    for field in Field::ALL {
        let Some(value) = section.optional(field.key()) else {
            continue;
        };
        match field {
            Field::ClientAddress => {
                shown = address(&value);
                fields.client_address = shown.unwrap_or_default();
            }
            Field::ExternalReferrer => {
                const WORDS: [(&str, ReferrerRule); 3] = [
                    ("url", ReferrerRule::Url),
                    ("host", ReferrerRule::Host),
                    ("omitted", ReferrerRule::Omitted),
                ];
                fields.external_referrer = value.one_of(&WORDS).unwrap_or_default();
            }
            Field::UserAgent => {
                const WORDS: [(&str, AgentRule); 3] = [
                    ("whole", AgentRule::Whole),
                    ("family", AgentRule::Family),
                    ("omitted", AgentRule::Omitted),
                ];
                fields.user_agent = value.one_of(&WORDS).unwrap_or_default();
            }
            other => {
                let kept = value.boolean().unwrap_or_default();
                if let Some(flag) = other.flag(&mut fields) {
                    *flag = kept;
                }
                if field == Field::ClientHost {
                    host = Some(value);
                }
            }
        }
    }
    if let (true, Some(host)) = (fields.client_host, host)
        && shown.is_some_and(|rule| rule != AddressRule::Whole)
    {
        host.fault::<()>(
            "while client_address is not kept whole, and a host name often holds the address",
            "write client_host = false, or client_address = \"whole\"",
        );
    }
    section.finish();
    fields
}

fn address(value: &Value<'_>) -> Option<AddressRule> {
    if !value.is_section() {
        const WORDS: [(&str, AddressRule); 2] = [("whole", AddressRule::Whole), ("omitted", AddressRule::Omitted)];
        if !value.is_string() {
            return value.fault(
                "says neither whole, omitted nor how short",
                "write \"whole\", \"omitted\" or { ipv4 = 24, ipv6 = 48 }",
            );
        }
        return value.one_of(&WORDS);
    }
    let mut section = value.section()?;
    let ipv4 = section
        .required("ipv4", "ipv4 = 24")
        .and_then(|value| bits(&value, 24, 32));
    let ipv6 = section
        .required("ipv6", "ipv6 = 48")
        .and_then(|value| bits(&value, 48, 128));
    section.finish();
    Some(AddressRule::Shortened {
        ipv4: ipv4?,
        ipv6: ipv6?,
    })
}

fn bits(value: &Value<'_>, most: u8, whole: u64) -> Option<u8> {
    let bits = value.integer(0..=whole)?;
    match u8::try_from(bits) {
        Ok(0) => value.fault("keeps nothing", "write client_address = \"omitted\""),
        Ok(bits) if bits <= most => Some(bits),
        _ if bits == whole => value.fault("shortens nothing", "write client_address = \"whole\""),
        _ => value.fault(
            "still tells a household apart",
            format!("write 1 to {most}, or client_address = \"whole\""),
        ),
    }
}

fn redact(mut section: Section<'_>) -> Option<Redact> {
    let mut rule = |key, default| section.optional(key).map_or(Some(default), |value| value.boolean());
    let query_values = rule("query_values", false);
    let emails = rule("emails", true);
    let pesel = rule("pesel", true);
    let tokens = match section.optional("tokens") {
        Some(value) if value.is_false() => Some(None),
        Some(value) => number(&value, 16..=256).map(|length| u16::try_from(length).ok()),
        None => Some(Some(32)),
    };
    let parameters = section
        .optional("parameters")
        .map_or(Some(Vec::new()), |value| parameters(&value));
    section.finish();
    Some(Redact {
        query_values: query_values?,
        emails: emails?,
        pesel: pesel?,
        tokens: tokens?,
        parameters: parameters?,
    })
}

fn parameters(value: &Value<'_>) -> Option<Vec<String>> {
    let mut names: Vec<String> = Vec::new();
    for item in value.items()? {
        let Some(name) = item.string() else { continue };
        if name.contains(['=', '&', '?', '#']) {
            item.fault::<()>(
                "is not the name of a parameter",
                "write the name alone, without = & ? #",
            );
        } else if names.iter().any(|other| other.eq_ignore_ascii_case(name)) {
            item.fault::<()>("stands there twice", "keep one; upper and lower case are the same here");
        } else {
            names.push(name.to_owned());
        }
    }
    Some(names)
}

fn cookies(mut section: Section<'_>) -> Option<Cookies> {
    let mode = section
        .required(
            "mode",
            "mode = \"enforce\", or \"observe\" to change nothing and count what would change",
        )
        .and_then(|value| value.one_of(&[("enforce", Mode::Enforce), ("observe", Mode::Observe)]));
    let unlisted = section
        .required(
            "unlisted",
            "unlisted = \"strip\", or \"limit\" to let other cookies pass until the session ends",
        )
        .and_then(|value| value.one_of(&[("strip", Unlisted::Strip), ("limit", Unlisted::Limit)]));
    let expire_unlisted = section
        .optional("expire_unlisted")
        .map_or(Some(false), |value| value.boolean());
    let listed = section
        .optional("allow")
        .and_then(|value| value.items())
        .unwrap_or_default();
    let mut allowed: Vec<Allowed> = Vec::new();
    for section in listed.iter().filter_map(Value::section) {
        allowed.extend(cookie(section, &allowed));
    }
    section.finish();
    Some(Cookies {
        mode: mode?,
        unlisted: unlisted?,
        expire_unlisted: expire_unlisted?,
        allowed,
    })
}

fn cookie(mut section: Section<'_>, before: &[Allowed]) -> Option<Allowed> {
    let name = section
        .required("name", "name = \"PHPSESSID\", or what it is called")
        .and_then(|value| {
            let name = match NamePattern::parse(value.string()?) {
                Ok(name) => name,
                Err(slip) => return value.fault(slip.found(), slip.remedy()),
            };
            if before.iter().any(|other| other.name == name) {
                return value.fault("is allowed twice", "keep one of the two");
            }
            Some(name)
        });
    let purpose = section
        .required(
            "purpose",
            "purpose = { pl = \"…\", en = \"…\" }, what the cookie remembers",
        )
        .and_then(|value| text(&value));
    section.finish();
    Some(Allowed {
        name: name?,
        purpose: purpose?,
    })
}

fn text(value: &Value<'_>) -> Option<Text> {
    if value.is_string() {
        return value.fault("is in one language", "write it in both: { pl = \"…\", en = \"…\" }");
    }
    let mut section = value.section()?;
    let mut sentence = |key, example| {
        section
            .required(key, example)
            .and_then(|value| value.prose())
            .map(|prose| prose.trim().to_owned())
    };
    let pl = sentence("pl", "pl = \"…\", the sentence in Polish");
    let en = sentence("en", "en = \"…\", the sentence in English");
    section.finish();
    Some(Text { pl: pl?, en: en? })
}

fn number(value: &Value<'_>, range: RangeInclusive<u64>) -> Option<u32> {
    value.integer(range).and_then(|number| u32::try_from(number).ok())
}
