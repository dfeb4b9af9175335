//! What an administrator should know of certificates that an authority gives by itself.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::acme::{Folder, Refused, due};
use crate::config::{Acme, Config};
use crate::server::{Certificate, TlsError};

/// One of them, as it is now.
pub(super) struct Awaited<'a> {
    acme: &'a Acme,
    names: &'a [Box<str>],
    there: Result<Option<Certificate>, TlsError>,
    refused: Option<Refused>,
}

/// All of a configuration.
pub(super) fn all(config: &Config) -> Vec<Awaited<'_>> {
    let Some(acme) = &config.acme else {
        return Vec::new();
    };
    let folder = Folder::of(acme);
    let of = |names| Awaited {
        acme,
        names,
        there: Certificate::load_if_there(&folder.certificate(names)),
        refused: folder.refused(names),
    };
    acme.certificates.iter().map(|names| of(names)).collect()
}

impl Awaited<'_> {
    pub(super) fn names(&self) -> String {
        self.names.join(", ")
    }

    /// How it is, as a clause.
    pub(super) fn state(&self) -> String {
        match &self.there {
            Ok(Some(there)) => {
                let again = due(there, self.names);
                format!("valid until {}, asked for anew from {} on", day(there.ends), day(again))
            }
            Ok(None) => "not there yet; `serve` asks for it".to_owned(),
            Err(error) => error.to_string(),
        }
    }

    /// What is odd about it.
    pub(super) fn warning(&self, now: Timestamp) -> Option<String> {
        let names = self.names();
        if let Some(refused) = &self.refused {
            return Some(format!(
                "there is no new certificate for {names}: {}; asked at {:.0}, and again from {:.0} on",
                refused.why, refused.asked, refused.again
            ));
        }
        match &self.there {
            Err(error) => Some(error.to_string()),
            Ok(None) => Some(format!(
                "there is no certificate for {names} yet: https is refused until {} has given one",
                self.acme.directory
            )),
            Ok(Some(there)) if there.ends < now => {
                Some(format!("the certificate for {names} ended on {}", day(there.ends)))
            }
            Ok(Some(there)) if is_late(there, self.names, now) => Some(format!(
                "the certificate for {names} ends on {}, and should have been replaced on {}",
                day(there.ends),
                day(due(there, self.names))
            )),
            Ok(Some(_)) => None,
        }
    }

    /// What to do about that, for a hint.
    pub(super) fn remedy(&self) -> String {
        match &self.there {
            Err(error) => error.remedy().to_owned(),
            Ok(_) => format!(
                "see that townclerk runs, and that port {} of {} leads to it from everywhere: the authority connects there",
                self.acme.challenge.port(),
                self.names()
            ),
        }
    }
}

/// Whether half of the time in which it should have been replaced is over.
fn is_late(there: &Certificate, names: &[Box<str>], now: Timestamp) -> bool {
    let due = due(there, names);
    let left: SignedDuration = there.ends.duration_since(due);
    now.duration_since(due) > left / 2
}

fn day(time: Timestamp) -> jiff::civil::Date {
    time.to_zoned(TimeZone::UTC).date()
}

/// What is asked of whom, and how each certificate is, in lines of a table.
pub(super) fn tell(config: &Config, mut row: impl FnMut(&str, String)) {
    let Some(acme) = &config.acme else { return };
    row(
        "ACME",
        format!(
            "{}, asked by {} (it connects to port {} of each name); kept in {}",
            acme.directory,
            acme.challenge,
            acme.challenge.port(),
            acme.folder.display()
        ),
    );
    for awaited in all(config) {
        row("", format!("{}: {}", awaited.names(), awaited.state()));
    }
}

pub(super) fn to_json(config: &Config) -> Value {
    config.acme.as_ref().map_or(Value::Null, |acme| {
        json!({
            "directory": acme.directory,
            "challenge": acme.challenge.to_string(),
            "folder": acme.folder.display().to_string(),
            "certificates": acme.certificates,
        })
    })
}
