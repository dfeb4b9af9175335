//! `[cookies]`: which pass, why, and what happens to the others.

use std::time::Duration;

use super::text;
use crate::policy::{Allowed, Cookies, Ends, FirstPage, Mode, NamePattern, PRESETS, Preset, Text, Unlisted};
use crate::reader::{Section, Value, host};

/// Reads `[cookies]`. `mark_is_kept`: whether entries are to say which page was the first.
pub(super) fn cookies(mut section: Section<'_>, mark_is_kept: bool) -> Option<Cookies> {
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
    let login_hosts = section
        .optional("login_hosts")
        .map_or(Some(Vec::new()), |value| login_hosts(&value));
    let most = ends(&mut section, Ends::default());
    let listed = section
        .optional("allow")
        .and_then(|value| value.items())
        .unwrap_or_default();
    let mut allowed: Vec<Allowed> = Vec::new();
    for section in listed.iter().filter_map(Value::section) {
        allowed.extend(cookie(section, most, &allowed));
    }
    let presets = section.optional("presets").and_then(|value| value.items());
    for listing in presets
        .iter()
        .flatten()
        .filter_map(preset)
        .flat_map(|preset| preset.listings(most))
    {
        if !allowed.iter().any(|known| known.name == listing.name) {
            allowed.push(listing);
        }
    }
    let first_page = match section.optional("first_page") {
        Some(value) => value.section().map(|section| first_page(section, &allowed)),
        None if mark_is_kept => {
            section.missing(
                "log.access.fields keeps first_page, and there is no [cookies.first_page] by which it is known",
                "write first_page = false there, or add [cookies.first_page] with name and purpose",
            );
            None
        }
        None => Some(None),
    };
    section.finish();
    Some(Cookies {
        mode: mode?,
        unlisted: unlisted?,
        expire_unlisted: expire_unlisted?,
        login_hosts: login_hosts?,
        first_page: first_page?,
        allowed,
    })
}

/// Reads `[cookies.first_page]`.
fn first_page(mut section: Section<'_>, allowed: &[Allowed]) -> Option<FirstPage> {
    let name = section
        .required("name", "name = \"first_page\", or what it is to be called")
        .and_then(|value| {
            let written = value.string()?;
            let name = match NamePattern::parse(written) {
                Ok(NamePattern::Exact(name)) => name,
                Ok(_) => return value.fault("is not one name", "write the whole name, like \"first_page\""),
                Err(slip) => return value.fault(slip.found(), slip.remedy()),
            };
            // `__Host-`, `__Secure-`, `__Http-` and whatever comes next: over plain HTTP they would never arrive.
            if name.starts_with("__") {
                return value.fault(
                    "starts with two underscores, like names that need https",
                    "write another name",
                );
            }
            if allowed.iter().any(|listing| listing.name.covers(name.as_bytes())) {
                return value.fault("is allowed to the CMS as well", "write another name");
            }
            Some(name)
        });
    let purpose = purpose(&mut section, "mark");
    section.finish();
    Some(FirstPage {
        name: name?,
        purpose: purpose?,
    })
}

/// What the mark, or a cookie, remembers.
fn purpose(section: &mut Section<'_>, whose: &str) -> Option<Text> {
    let missing = format!("purpose = {{ pl = \"…\", en = \"…\" }}, what the {whose} remembers");
    section.required("purpose", &missing).and_then(|value| text(&value))
}

/// `idle`, `absolute` and `ends_when_leaving`; what is not written is as in `most`.
fn ends(section: &mut Section<'_>, most: Ends) -> Ends {
    const HOUR: u64 = 3_600;
    let idle = section.optional("idle");
    let absolute = section.optional("absolute");
    let when_leaving = section.optional("ends_when_leaving");
    let time = |value: &Option<Value<'_>>, longest| {
        let range = Duration::from_secs(60)..=Duration::from_secs(longest);
        value.as_ref().and_then(|value| value.duration(range))
    };
    let ends = Ends {
        idle: time(&idle, 24 * HOUR).or(most.idle),
        absolute: time(&absolute, 30 * 24 * HOUR).or(most.absolute),
        when_leaving: when_leaving
            .and_then(|value| value.boolean())
            .unwrap_or(most.when_leaving),
    };
    if let (Some(idle), Some(absolute), Some(written)) = (ends.idle, ends.absolute, absolute.or(idle))
        && absolute <= idle
    {
        written.fault::<()>(
            "leaves no time between idle and absolute",
            "let absolute be longer than idle, or write one of them only",
        );
    }
    ends
}

fn preset(value: &Value<'_>) -> Option<&'static Preset> {
    value.one_of(&PRESETS.each_ref().map(|preset| (preset.name, preset)))
}

fn login_hosts(value: &Value<'_>) -> Option<Vec<Box<str>>> {
    let mut hosts = Vec::new();
    for item in value.items()? {
        match item.string().map(host::host) {
            Some(Ok(host)) => hosts.push(host),
            Some(Err((wrong, _))) => {
                item.fault::<()>(
                    wrong,
                    "write a host name in lower case and nothing else: \"login.example.pl\"",
                );
            }
            None => {}
        }
    }
    Some(hosts)
}

fn cookie(mut section: Section<'_>, most: Ends, before: &[Allowed]) -> Option<Allowed> {
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
    let purpose = purpose(&mut section, "cookie");
    let readable = section.optional("readable");
    let is_readable = readable.as_ref().and_then(|value| value.boolean()) == Some(true);
    let own = ends(&mut section, if is_readable { Ends::default() } else { most });
    if is_readable && own.are_enforced() {
        readable.as_ref().and_then(|value| {
            value.fault::<()>(
                "while the cookie has limits, and what is sealed no script can read",
                "write readable = false, or leave out idle, absolute and ends_when_leaving",
            )
        });
    }
    section.finish();
    Some(Allowed {
        name: name?,
        purpose: purpose?,
        ends: own,
    })
}
