//! `[cookies]`: which pass, why, and what happens to the others.

use super::text;
use crate::policy::{Allowed, Cookies, Mode, NamePattern, Unlisted};
use crate::reader::{Section, Value};

/// Reads `[cookies]`.
pub(super) fn cookies(mut section: Section<'_>) -> Option<Cookies> {
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
