//! Every change of a policy is a new version with its own date (P19). The journal keeps the texts of the versions that
//! were in force; what may follow them is decided here.

use jiff::civil::Date;
use thiserror::Error;

use super::{Policy, parse};
use crate::reader::{Document, Faults};

/// A version that was in force, as it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Earlier<'a> {
    /// Its name.
    pub version: &'a str,
    /// The text of its file.
    pub text: &'a str,
}

/// How a policy stands to the versions before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is one of them: not a word differs, or only comments, spaces and order do.
    Same,
    /// It is a new version, to be kept from now on.
    New,
}

/// Why a policy cannot follow the versions before it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The version was in force with another content.
    #[error(
        "version {version} of the policy was in force with another content ({}); give the changed policy a new version \
         and a new effective date, or restore what it said",
        .differences.join(", ")
    )]
    Changed {
        /// The version.
        version: String,
        /// The keys that changed.
        differences: Vec<String>,
    },
    /// A version with a later date was in force already.
    #[error(
        "version {version} of the policy is effective from {effective}, but version {newest}, effective from {since}, \
         was in force before it; give it a new version, and a date from {since} on"
    )]
    Outdated {
        /// The version.
        version: String,
        /// Its date.
        effective: Date,
        /// The newest version before it.
        newest: String,
        /// The date of that one.
        since: Date,
    },
}

/// Decides whether a policy may follow the versions that were in force before, in whatever order they come.
///
/// # Errors
///
/// [`Refusal`] if its content changed and its version did not, or if it is older than one of them.
pub fn judge<'a>(
    earlier: impl IntoIterator<Item = Earlier<'a>>,
    policy: &Policy,
    text: &str,
) -> Result<Standing, Refusal> {
    let mut newest: Option<(Date, &str)> = None;
    let mut standing = Standing::New;
    for known in earlier {
        if known.version == policy.version {
            same(known, policy, text)?;
            standing = Standing::Same;
        }
        let date = effective(known.text).map(|date| (date, known.version));
        if date > newest {
            newest = date;
        }
    }
    match newest {
        Some((since, newest)) if policy.effective < since => Err(Refusal::Outdated {
            version: policy.version.clone(),
            effective: policy.effective,
            newest: newest.to_owned(),
            since,
        }),
        _ => Ok(standing),
    }
}

/// A version that was in force, read again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// Its name.
    pub name: String,
    /// Its date, if it can be read.
    pub effective: Option<Date>,
    /// What it says; `None` if it was written for an older townclerk, or is damaged.
    pub policy: Option<Policy>,
}

/// Reads the versions that were in force, in whatever order they come; the oldest comes out first.
pub fn versions<'a>(earlier: impl IntoIterator<Item = Earlier<'a>>) -> Vec<Version> {
    let read = earlier.into_iter().map(|known| Version {
        name: known.version.to_owned(),
        effective: effective(known.text),
        policy: parse(known.version, known.text, &mut Faults::new()),
    });
    let mut versions: Vec<_> = read.collect();
    versions.sort_by(|one, other| (one.effective, &one.name).cmp(&(other.effective, &other.name)));
    versions
}

fn same(known: Earlier<'_>, policy: &Policy, text: &str) -> Result<(), Refusal> {
    if known.text == text {
        return Ok(());
    }
    let differences = match parse(known.version, known.text, &mut Faults::new()) {
        Some(known) => known.differences(policy),
        // Written for an older townclerk, or damaged: its meaning is unknown, so only the same words are the same.
        None => vec!["its text".to_owned()],
    };
    if differences.is_empty() {
        return Ok(());
    }
    Err(Refusal::Changed {
        version: policy.version.clone(),
        differences,
    })
}

/// The date alone, so that a version counts even where a later townclerk finds other faults in it.
fn effective(text: &str) -> Option<Date> {
    Document::read("", text).root().optional("effective")?.date()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = include_str!("../../config/policy.toml");

    fn policy(text: &str) -> Policy {
        let mut faults = Faults::new();
        parse("policy.toml", text, &mut faults).unwrap_or_else(|| panic!("{faults}"))
    }

    fn edited(version: &str, effective: &str, edit: (&str, &str)) -> String {
        let first = policy(FIRST);
        let text = FIRST
            .replace(
                &format!("version = \"{}\"", first.version),
                &format!("version = \"{version}\""),
            )
            .replace(
                &format!("effective = {}", first.effective),
                &format!("effective = {effective}"),
            );
        assert!(text.contains(edit.0), "the policy has no {}", edit.0);
        text.replace(edit.0, edit.1)
    }

    fn judged(earlier: &[(&str, &str)], text: &str) -> Result<Standing, Refusal> {
        judge(
            earlier.iter().map(|(version, text)| Earlier { version, text }),
            &policy(text),
            text,
        )
    }

    #[test]
    fn the_first_version_is_new_and_then_the_same() {
        let version = policy(FIRST).version;
        assert_eq!(judged(&[], FIRST), Ok(Standing::New));
        assert_eq!(judged(&[(&version, FIRST)], FIRST), Ok(Standing::Same));
    }

    #[test]
    fn another_comment_is_the_same_version() {
        let version = policy(FIRST).version;
        let remarked = format!("# A remark.\n{FIRST}");
        assert_eq!(judged(&[(&version, FIRST)], &remarked), Ok(Standing::Same));
    }

    #[test]
    fn a_changed_policy_needs_a_new_version() {
        let change = ("retention = \"unlimited\"", "retention = \"90 days\"");
        let changed = edited("2", "2030-01-01", change);
        let before = edited("2", "2030-01-01", ("query_values = false", "query_values = true"));
        let refusal = judged(&[("2", &before)], &changed).unwrap_err();
        let differences = vec![
            "log.access.redact.query_values".to_owned(),
            "log.access.retention".to_owned(),
        ];
        assert_eq!(
            refusal,
            Refusal::Changed {
                version: "2".into(),
                differences
            }
        );
        assert_eq!(
            refusal.to_string(),
            "version 2 of the policy was in force with another content (log.access.redact.query_values, \
             log.access.retention); give the changed policy a new version and a new effective date, or \
             restore what it said"
        );
        assert_eq!(judged(&[("1", FIRST)], &changed), Ok(Standing::New));
    }

    #[test]
    fn a_version_does_not_go_back_in_time() {
        let second = edited("2", "2030-01-01", ("arrived = true", "arrived = false"));
        let third = edited("3", "2029-12-31", ("arrived = true", "arrived = false"));
        let refusal = judged(&[("2", &second), ("1", FIRST)], &third).unwrap_err();
        assert_eq!(
            refusal.to_string(),
            "version 3 of the policy is effective from 2029-12-31, but version 2, effective from 2030-01-01, was in \
             force before it; give it a new version, and a date from 2030-01-01 on"
        );
        // Not even to a version that was in force once.
        let version = policy(FIRST).version;
        assert!(matches!(
            judged(&[(&version, FIRST), ("2", &second)], FIRST),
            Err(Refusal::Outdated { .. })
        ));
    }

    #[test]
    fn a_version_that_cannot_be_read_any_more_counts_by_its_words_and_its_date() {
        let old = "effective = 2030-01-01\nstrange = true\n";
        let version = policy(FIRST).version;
        assert_eq!(
            judged(&[(&version, old)], FIRST),
            Err(Refusal::Changed {
                version: version.clone(),
                differences: vec!["its text".into()]
            })
        );
        assert!(matches!(judged(&[("0", old)], FIRST), Err(Refusal::Outdated { .. })));
        assert_eq!(judged(&[("0", "not [ TOML")], FIRST), Ok(Standing::New));
    }
}
