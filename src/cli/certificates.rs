//! What an administrator should know of certificates before visitors do: our own, and those that vouch for the CMS.

use std::path::Path;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};

use crate::config::Config;
use crate::proxy::Trust;
use crate::reader::{Fault, Faults};
use crate::server::{Certificate, TlsError};

/// From when on the end of a certificate is near.
const NEAR: SignedDuration = SignedDuration::from_hours(14 * 24);

/// What is odd about the certificates, a sentence each: they are for no site, a site has none, they end.
///
/// # Errors
/// One that cannot be used at all.
pub(super) fn warnings(config: &Config, now: Timestamp) -> Result<Vec<String>, TlsError> {
    let all = config
        .tls
        .iter()
        .map(Certificate::load)
        .collect::<Result<Vec<_>, _>>()?;
    for site in &config.sites {
        Trust::of(&site.upstream, None)?;
    }
    let mut warnings = Vec::new();
    let hosts = || config.sites.iter().flat_map(|site| &site.hosts);
    for certificate in &all {
        let name = certificate.files.certificate.display();
        if !hosts().any(|host| certificate.is_for(host)) {
            warnings.push(format!("the certificate {name} is for no host name of any site"));
        }
        let day = |time: Timestamp| time.to_zoned(TimeZone::UTC).date();
        if now < certificate.begins {
            warnings.push(format!(
                "the certificate {name} is not valid before {}",
                day(certificate.begins)
            ));
        } else if certificate.ends < now {
            warnings.push(format!("the certificate {name} ended on {}", day(certificate.ends)));
        } else if certificate.ends.duration_since(now) < NEAR {
            warnings.push(format!("the certificate {name} ends on {}", day(certificate.ends)));
        }
    }
    let awaited = |host| {
        config
            .acme
            .iter()
            .flat_map(|acme| &acme.certificates)
            .any(|names| names.contains(host))
    };
    for host in hosts().filter(|host| !config.https.is_empty() && !awaited(host)) {
        if !all.iter().any(|certificate| certificate.is_for(host)) {
            warnings.push(format!("no certificate is for {host}"));
        }
    }
    Ok(warnings)
}

/// A certificate that cannot be used, as a fault of the configuration that names it.
pub(super) fn fault(config: &Path, error: &TlsError) -> Faults {
    let mut faults = Faults::new();
    faults.push(Fault {
        file: config.display().to_string(),
        place: None,
        found: error.to_string(),
        remedy: error.remedy().to_owned(),
    });
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Warnings, their folder taken out, on the day; the certificate is valid from 2026-11-01 to 2026-11-30.
    fn warned(names: &[&str], day: &str) -> Vec<String> {
        let folder = tempfile::tempdir().unwrap();
        let key = rcgen::KeyPair::generate().unwrap();
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut parameters = rcgen::CertificateParams::new(names).unwrap();
        parameters.not_before = rcgen::date_time_ymd(2026, 11, 1);
        parameters.not_after = rcgen::date_time_ymd(2026, 11, 30);
        let certificate = parameters.self_signed(&key).unwrap();
        let put = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        put("cert.pem", certificate.pem());
        put("key.pem", key.serialize_pem());
        let policy = include_str!("../../config/policy.toml");
        put("policy.toml", policy.to_owned());
        put(
            "townclerk.toml",
            "[listen]\nhttps = [\"127.0.0.1:0\"]\n[tls]\ncertificate = \"cert.pem\"\nkey = \"key.pem\"\n\
             [[site]]\nhosts = [\"um.example.pl\", \"192.0.2.7\"]\npolicy = \"policy.toml\"\n\
             upstream = { url = \"http://cms\" }\njournal = { folder = \"journal\" }\n"
                .to_owned(),
        );
        let config = Config::load(&folder.path().join("townclerk.toml")).unwrap();
        let now = format!("{day}T12:00:00Z").parse().unwrap();
        let said = warnings(&config, now).unwrap();
        let path = format!("{}/", folder.path().display());
        said.iter().map(|warning| warning.replace(&path, "")).collect()
    }

    #[test]
    fn a_right_certificate_gives_no_warning() {
        for names in [&["um.example.pl", "192.0.2.7"], &["192.0.2.7", "*.example.pl"]] {
            assert_eq!(warned(names, "2026-11-05"), [""; 0]);
        }
    }

    #[test]
    fn its_end_is_told_in_time_and_afterwards() {
        let names = ["um.example.pl", "192.0.2.7"];
        for (day, warning) in [
            ("2026-10-31", "the certificate cert.pem is not valid before 2026-11-01"),
            ("2026-11-17", "the certificate cert.pem ends on 2026-11-30"),
            ("2026-12-01", "the certificate cert.pem ended on 2026-11-30"),
        ] {
            assert_eq!(warned(&names, day), [warning]);
        }
    }

    #[test]
    fn names_that_do_not_meet_are_told_from_both_sides() {
        assert_eq!(
            warned(&["other.example"], "2026-11-05"),
            [
                "the certificate cert.pem is for no host name of any site",
                "no certificate is for um.example.pl",
                "no certificate is for 192.0.2.7"
            ]
        );
    }
}
