//! What is odd about a configuration without being a fault.

use jiff::{Timestamp, tz::TimeZone};

use super::certificates;
use crate::config::Config;
use crate::server::TlsError;

/// A sentence each, about certificates and policies.
///
/// # Errors
/// A certificate that cannot be used at all.
pub(super) fn of(config: &Config, now: Timestamp) -> Result<Vec<String>, TlsError> {
    let mut warnings = certificates::warnings(config, now)?;
    let today = now.to_zoned(TimeZone::UTC).date();
    for site in &config.sites {
        let policy = &site.policy;
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
}
