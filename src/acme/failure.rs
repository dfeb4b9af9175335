//! Why there is no certificate.

use std::io;

use instant_acme::{Error, Problem};
use thiserror::Error as ThisError;

use super::client::Silence;
use crate::server::TlsError;

/// As much of what a directory says is kept, in characters.
const SAID_MAX: usize = 600;

/// The directory does not know the account (any more).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

#[derive(Debug, ThisError)]
pub(super) enum Failure {
    /// The authority said no.
    #[error("the directory refuses: {0}")]
    Refused(String),
    /// There was no answer, or none that is understood.
    #[error("the directory does not answer: {0}")]
    Silent(String),
    /// The account that is kept is none of the directory's.
    #[error("the directory does not know the account that is kept; the next order is made with a new one")]
    NoAccount,
    /// The disk, or what was to be made on this machine.
    #[error("{0}")]
    Here(String),
    /// What the authority sent is not what was asked for.
    #[error("what the authority signed cannot be used: {0}")]
    Useless(String),
}

impl Failure {
    /// Whether an authority counts it, and would lock us out for too many.
    pub(super) fn is_counted(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Useless(_) => true,
            Self::Silent(_) | Self::Here(_) | Self::NoAccount => false,
        }
    }

    pub(super) fn of_problem(problem: &Problem) -> Self {
        match problem.r#type.as_deref() {
            Some(NO_ACCOUNT) => Self::NoAccount,
            _ => Self::Refused(told(problem)),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Api(problem) => Self::of_problem(&problem),
            Error::Timeout(_) => Self::Refused("it did not come to a decision in time".to_owned()),
            Error::Other(error) if error.is::<Silence>() => Self::Silent(error.to_string()),
            other => Self::Silent(plain(&other.to_string())),
        }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Here(format!("the folder of [acme] cannot be read or written: {error}"))
    }
}

impl From<TlsError> for Failure {
    fn from(error: TlsError) -> Self {
        Self::Useless(error.to_string())
    }
}

/// What a directory says is wrong, with all that belongs to it, in one line.
fn told(problem: &Problem) -> String {
    let kind = |kind: &Option<String>| {
        let kind = kind.as_deref().unwrap_or("no type");
        kind.rsplit(':').next().unwrap_or(kind).to_owned()
    };
    let mut told = format!(
        "{} ({})",
        problem.detail.as_deref().unwrap_or("it does not say why"),
        kind(&problem.r#type)
    );
    for part in &problem.subproblems {
        let name = part.identifier.as_ref().map(|name| name.authorized(false).to_string());
        told += &format!(
            "; {}: {} ({})",
            name.as_deref().unwrap_or("also"),
            part.detail.as_deref().unwrap_or_default(),
            kind(&part.r#type)
        );
    }
    plain(&told)
}

/// In one line of bounded length, and without the letters that a terminal would obey.
fn plain(text: &str) -> String {
    let one_line = text.chars().map(|char| if char.is_control() { ' ' } else { char });
    one_line.take(SAID_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(json: &str) -> String {
        Failure::from(Error::Api(serde_json::from_str(json).unwrap())).to_string()
    }

    #[test]
    fn a_problem_is_one_line_with_all_its_parts() {
        assert_eq!(
            said(
                r#"{"type": "urn:ietf:params:acme:error:malformed", "detail": "no\n\u001b[31mway", "subproblems": [
                {"type": "urn:ietf:params:acme:error:caa", "detail": "CAA forbids",
                 "identifier": {"type": "dns", "value": "um.example.pl"}}]}"#
            ),
            "the directory refuses: no  [31mway (malformed); um.example.pl: CAA forbids (caa)"
        );
        assert_eq!(said("{}"), "the directory refuses: it does not say why (no type)");
        let endless = format!("{{\"detail\": \"{}\"}}", "a".repeat(2_000));
        assert!(said(&endless).len() < 700);
    }

    #[test]
    fn only_what_an_authority_saw_is_counted_by_it() {
        let forgotten = format!("{{\"type\": \"{NO_ACCOUNT}\"}}");
        let forgotten = Failure::from(Error::Api(serde_json::from_str(&forgotten).unwrap()));
        assert!(matches!(forgotten, Failure::NoAccount) && !forgotten.is_counted());
        let silent = Failure::from(Error::Other(Box::new(Silence::NotHttps)));
        assert!(matches!(silent, Failure::Silent(_)) && !silent.is_counted());
        assert!(!Failure::from(io::Error::from(io::ErrorKind::StorageFull)).is_counted());
    }
}
