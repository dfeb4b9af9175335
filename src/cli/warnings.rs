//! What is odd about a configuration without being a fault.

use std::fs;
use std::path::Path;

use jiff::{Timestamp, tz::TimeZone};

use super::{acme, certificates, init};
use crate::config::Config;
use crate::server::TlsError;

/// A sentence each, about certificates and policies.
///
/// # Errors
/// A certificate that cannot be used at all.
pub(super) fn of(config: &Config, now: Timestamp) -> Result<Vec<String>, TlsError> {
    let mut warnings = certificates::warnings(config, now)?;
    warnings.extend(acme::all(config).iter().filter_map(|awaited| awaited.warning(now)));
    let today = now.to_zoned(TimeZone::UTC).date();
    for site in &config.sites {
        let policy = &site.policy;
        warnings.extend(left_open(&site.policy_file, &site.policy_text));
        if today < policy.effective {
            warnings.push(format!(
                "policy {} of {} says that it is in force from {} on: it is enforced all the same, and visitors should \
                 be told",
                policy.version, site.hosts[0], policy.effective
            ));
        }
    }
    Ok(warnings)
}

/// What `init` could not know, and nobody has written yet, in the configuration itself.
pub(super) fn of_file(config: &Path) -> Option<String> {
    left_open(config, &fs::read_to_string(config).ok()?)
}

fn left_open(file: &Path, text: &str) -> Option<String> {
    let lines: Vec<_> = init::left_open(text).iter().map(ToString::to_string).collect();
    let (line, them) = match lines.len() {
        0 => return None,
        1 => ("line", "it"),
        _ => ("lines", "them"),
    };
    Some(format!(
        "{}: {} stands in {line} {}: write what only the office knows, and take {them} away",
        file.display(),
        init::OPEN,
        lines.join(", "),
    ))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_policy_of_the_future_is_told_until_its_day() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/townclerk.toml");
        let config = Config::load(&path).unwrap();
        let warned = |day: &str| of(&config, format!("{day}T12:00:00Z").parse().unwrap()).unwrap();
        assert_eq!(
            warned("2026-11-30"),
            [
                "policy 2026-1 of localhost says that it is in force from 2026-12-01 on: it is enforced all the same, \
                 and visitors should be told"
            ]
        );
        assert_eq!(warned("2026-12-01"), [""; 0]);
    }

    #[test]
    fn what_a_draft_leaves_open_is_told_by_its_lines() {
        let told = |text| left_open(Path::new("policy.toml"), text);
        assert_eq!(told("name = \"a\"\n"), None);
        assert_eq!(
            told("name = \"???\"\n\n# ??? why\n").as_deref(),
            Some("policy.toml: ??? stands in lines 1, 3: write what only the office knows, and take them away")
        );
    }
}
