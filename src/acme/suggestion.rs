//! When an authority itself would have a certificate replaced (ARI, RFC 9773): sooner than it would be, as a rule,
//! because it has to take many back.

use instant_acme::{Account, CertificateIdentifier, Error};
use jiff::{SignedDuration, Timestamp};
use rustls::pki_types::CertificateDer;

/// It is asked again after this time, where it does not say; and after these, however soon or late it says.
const USUALLY: SignedDuration = SignedDuration::from_hours(6);
const LONGEST: SignedDuration = SignedDuration::from_hours(24);
const SHORTEST: SignedDuration = SignedDuration::from_hours(1);

/// What it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Suggestion {
    /// `None` where it has no opinion, or cannot be asked.
    pub(super) replace: Option<Timestamp>,
    /// Ask again after this.
    pub(super) again: SignedDuration,
}

impl Suggestion {
    /// It could not be asked.
    pub(super) const NONE: Self = Self {
        replace: None,
        again: USUALLY,
    };
}

/// Asks for this certificate. Of the window that it names `chance`, 0 to 1, chooses a moment.
pub(super) async fn suggestion(account: &Account, certificate: &CertificateDer<'_>, chance: f64) -> Suggestion {
    let nothing = |again| Suggestion { replace: None, again };
    let Ok(id) = CertificateIdentifier::try_from(certificate) else {
        return nothing(LONGEST); // it names nobody who signed it
    };
    match account.renewal_info(&id).await {
        Ok((info, again)) => {
            let window = &info.suggested_window;
            let (start, end) = (window.start.unix_timestamp(), window.end.unix_timestamp());
            let chosen = start.saturating_add((end.saturating_sub(start).max(0) as f64 * chance) as i64);
            let again = SignedDuration::try_from(again).unwrap_or(LONGEST);
            Suggestion {
                replace: Timestamp::from_second(chosen).ok(),
                again: again.clamp(SHORTEST, LONGEST),
            }
        }
        Err(Error::Unsupported(_)) => nothing(LONGEST),
        Err(_) => Suggestion::NONE,
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;

    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use bytes::Bytes;
    use http::{Request, Response};
    use http_body_util::Full;
    use instant_acme::{BodyWrapper, BytesResponse, HttpClient};
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    use serde_json::json;

    use super::*;

    /// A directory, and what it says of every certificate.
    struct Directory {
        has_renewal_info: bool,
        says: (u16, &'static str),
    }

    impl HttpClient for Directory {
        fn request(
            &self,
            request: Request<BodyWrapper<Bytes>>,
        ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
            let (status, body) = match request.uri().path() {
                "/dir" if self.has_renewal_info => (200, directory(Some("https://ca.example/renewal-info"))),
                "/dir" => (200, directory(None)),
                path => {
                    assert!(path.starts_with("/renewal-info/"), "{path}");
                    (self.says.0, self.says.1.to_owned())
                }
            };
            let answer = Response::builder().status(status).header("retry-after", "604800");
            let answer = answer.body(Full::new(Bytes::from(body))).unwrap();
            Box::pin(async { Ok(BytesResponse::from(answer)) })
        }
    }

    fn directory(renewal_info: Option<&str>) -> String {
        let at = |what: &str| format!("https://ca.example/{what}");
        json!({
            "newNonce": at("nonce"), "newAccount": at("account"), "newOrder": at("order"), "renewalInfo": renewal_info,
        })
        .to_string()
    }

    async fn asked(directory: Directory, certificate: &CertificateDer<'_>, chance: f64) -> Suggestion {
        let key = URL_SAFE_NO_PAD.encode(KeyPair::generate().unwrap().serialize_der());
        let credentials =
            json!({ "id": "https://ca.example/1", "key_pkcs8": key, "directory": "https://ca.example/dir" });
        let account = Account::builder_with_http(Box::new(directory))
            .from_credentials(serde_json::from_value(credentials).unwrap())
            .await
            .unwrap();
        suggestion(&account, certificate, chance).await
    }

    fn signed() -> CertificateDer<'static> {
        let (key, own) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut authority = CertificateParams::new([]).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let mut parameters = CertificateParams::new(["um.example.pl".to_owned()]).unwrap();
        parameters.use_authority_key_identifier_extension = true;
        let signed = parameters.signed_by(&own, &Issuer::new(authority, key)).unwrap();
        signed.der().clone()
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_moment_of_the_window_is_chosen_and_everything_else_is_no_opinion() {
        const WINDOW: &str = r#"{"suggestedWindow": {"start": "2026-11-22T00:00:00Z", "end": "2026-11-24T00:00:00Z"}}"#;
        let certificate = signed();
        let says = |status, says| Directory {
            has_renewal_info: true,
            says: (status, says),
        };
        for (chance, day) in [(0.0, "22"), (0.5, "23"), (1.0, "24")] {
            let replace = format!("2026-11-{day}T00:00:00Z").parse().ok();
            let suggested = asked(says(200, WINDOW), &certificate, chance).await;
            assert_eq!(
                suggested,
                Suggestion {
                    replace,
                    again: LONGEST
                }
            );
        }
        for (directory, again) in [
            (says(200, "no JSON"), USUALLY),
            (says(404, r#"{"detail": "unknown"}"#), USUALLY),
            (
                Directory {
                    has_renewal_info: false,
                    says: (200, WINDOW),
                },
                LONGEST,
            ),
        ] {
            assert_eq!(
                asked(directory, &certificate, 0.5).await,
                Suggestion { replace: None, again }
            );
        }
        let nobody_s = rcgen::generate_simple_self_signed(["um.example.pl".to_owned()]).unwrap();
        let suggested = asked(says(200, WINDOW), nobody_s.cert.der(), 0.5).await;
        assert_eq!(suggested.replace, None);
    }
}
