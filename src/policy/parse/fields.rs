//! `[log.access.fields]`, `[log.addresses.fields]` and `[log.access.redact]`: what is kept of a request, and what is
//! taken out of its URLs.

use super::number;
use crate::policy::{AddressRule, AgentRule, Field, Fields, Redact, ReferrerRule};
use crate::reader::{Section, Value};

/// Reads the fields of a log, some or all of them; `elsewhere` are those that another log keeps.
pub(super) fn fields(mut section: Section<'_>, some: &[Field], elsewhere: &Fields) -> Fields {
    let mut fields = Fields::default();
    let (mut host, mut shown) = (None, Some(AddressRule::Omitted));
    for &field in some {
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
                    host = Some(value.clone());
                }
            }
        }
        if field.of(&fields).is_some() && field.of(elsewhere).is_some() {
            value.fault::<()>(
                "is kept in [log.access.fields] too, for as long as that log",
                "leave it out of one of the two",
            );
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

/// Reads `[log.access.redact]`.
pub(super) fn redact(mut section: Section<'_>) -> Option<Redact> {
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
