//! `[third_parties]`: which other sites may be called, why, and what they learn.

use super::text;
use crate::policy::{AllowedHost, HostPattern, Mode, Referring, ThirdParties};
use crate::reader::{Section, Value, host};

/// Sites that may be listed: each stands four times in a field that goes with every page, and servers before us may
/// take a head of few kilobytes only.
const HOSTS_MAX: usize = 20;

pub(super) fn third_parties(mut section: Section<'_>) -> Option<ThirdParties> {
    let mode = section
        .required(
            "mode",
            "mode = \"observe\" to change nothing and count what pages call, or \"enforce\"",
        )
        .and_then(|value| value.one_of(&[("enforce", Mode::Enforce), ("observe", Mode::Observe)]));
    let referrer = section
        .optional("referrer")
        .map_or(Some(Referring::default()), |value| {
            value.one_of(&[("omitted", Referring::Omitted), ("host", Referring::Host)])
        });
    let listed = section.optional("allow");
    let mut allowed: Vec<AllowedHost> = Vec::new();
    let items = listed.as_ref().and_then(|value| value.items()).unwrap_or_default();
    for section in items.iter().filter_map(Value::section) {
        allowed.extend(site(section, &allowed));
    }
    if let Some(listed) = listed.filter(|_| items.len() > HOSTS_MAX) {
        listed.fault::<()>(
            format_args!("has more than {HOSTS_MAX} sites, and all of them go with every page"),
            "list fewer, or all below one name together: \"*.tiles.example\"",
        );
    }
    section.finish();
    Some(ThirdParties {
        mode: mode?,
        referrer: referrer?,
        allowed,
    })
}

fn site(mut section: Section<'_>, before: &[AllowedHost]) -> Option<AllowedHost> {
    let host = section
        .required("host", "host = \"mapy.example\", the name of the other site")
        .and_then(|value| pattern(&value, before));
    let purpose = section
        .required(
            "purpose",
            "purpose = { pl = \"…\", en = \"…\" }, why pages call that site",
        )
        .and_then(|value| text(&value));
    section.finish();
    Some(AllowedHost {
        host: host?,
        purpose: purpose?,
    })
}

fn pattern(value: &Value<'_>, before: &[AllowedHost]) -> Option<HostPattern> {
    const LIKE: &str = "write a host name in lower case and nothing else: \"mapy.example\", or \"*.mapy.example\" for \
                        all names below it";
    let written = value.string()?;
    let below = written.strip_prefix("*.");
    let name = below.unwrap_or(written);
    if let Err((wrong, _)) = host::host(name) {
        return value.fault(wrong, LIKE);
    }
    // What a browser would take no notice of (CSP3, section 2.3.1).
    if name.contains([':', '_']) || name.parse::<std::net::IpAddr>().is_ok() {
        return value.fault("is no name that browsers are told of in a policy", LIKE);
    }
    if below.is_some() && !name.contains('.') {
        return value.fault("is far too many sites", LIKE);
    }
    let pattern = HostPattern::new(written);
    if before.iter().any(|other| other.host == pattern) {
        return value.fault("is allowed twice", "keep one of the two");
    }
    Some(pattern)
}
