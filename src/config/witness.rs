//! `[[site.journal.witness]]`: who else signs a journal, and by which key it is known.

use super::load::Files;
use crate::journal::note::{Algorithm, VerifierKey};
use crate::reader::{Section, Value};
use crate::witness::ask::Witness;
use crate::witness::{Place, PlaceError};

/// Reads each of them.
pub(super) fn witnesses(sections: Vec<Section<'_>>, files: &Files<'_>) -> Option<Vec<Witness>> {
    let mut witnesses: Vec<Witness> = Vec::new();
    let mut all_right = true;
    for mut section in sections {
        let place = section
            .required(
                "url",
                "url = \"unix:/run/townclerk-witness/socket\", where the witness listens",
            )
            .and_then(|value| place(&value));
        let key = key(&mut section, files, &witnesses);
        let required = section.optional("required").map(|value| value.boolean());
        section.finish();
        match (place, key, required.unwrap_or(Some(false))) {
            (Some(place), Some(key), Some(required)) => {
                witnesses.extend(Witness::new(place, key).map(|witness| witness.required(required)));
            }
            _ => all_right = false,
        }
    }
    all_right.then_some(witnesses)
}

fn place(value: &Value<'_>) -> Option<Place> {
    const LIKE: &str = "write \"unix:/run/townclerk-witness/socket\", \"http://host:port\" or \"https://host\"";
    let written = value.string()?;
    if written.contains('@') {
        return value.fault_unseen("holds a user name or a password", LIKE);
    }
    match written.parse() {
        Ok(place) => Some(place),
        Err(PlaceError::Relative) => value.fault("does not begin at the root", LIKE),
        Err(PlaceError::Form) => value.fault("is not where a witness can be", LIKE),
    }
}

/// The key itself, or the file that it stands in.
fn key(section: &mut Section<'_>, files: &Files<'_>, others: &[Witness]) -> Option<VerifierKey> {
    let (written, file) = (section.optional("key"), section.optional("key_file"));
    let (value, key) = match (written, file) {
        (Some(_), Some(file)) => return file.fault("stands beside key", "keep one of the two"),
        (Some(value), None) => (value.clone(), written_key(&value)?),
        (None, Some(value)) => (value.clone(), key_in(&value, files)?),
        (None, None) => {
            section.required(
                "key",
                "key_file = \"journal.keys\", the file to which you appended what `townclerk witness init` printed; or \
                 key = \"…\", that line itself",
            );
            return None;
        }
    };
    match others.iter().any(|other| *other.key() == key) {
        true => value.fault("is that of another witness already", "keep one of the two"),
        false => Some(key),
    }
}

fn written_key(value: &Value<'_>) -> Option<VerifierKey> {
    const REMEDY: &str = "write the whole line that `townclerk witness init` printed, name+8 digits+base64";
    match value.string()?.parse::<VerifierKey>() {
        Ok(key) if key.algorithm() != Algorithm::Cosignature => value.fault("is not a witness's public key", REMEDY),
        Ok(key) => Some(key),
        Err(_) => value.fault("is not a public key", REMEDY),
    }
}

/// The key of the one witness in a file of public keys, in which those of logs may stand as well.
fn key_in(value: &Value<'_>, files: &Files<'_>) -> Option<VerifierKey> {
    const MAKE: &str = "make the witness with `townclerk witness init`, and append what that prints to this file";
    let text = match files.read(&files.path(value.string()?)) {
        Ok(text) => text,
        Err(unreadable) if unreadable.is_missing() => {
            return value.fault(format_args!("names a file that {}", unreadable.found), MAKE);
        }
        Err(unreadable) => return unreadable.named_by(value),
    };
    let mut found = None;
    for (line, key) in VerifierKey::in_lines(&text) {
        match key {
            Ok(key) if key.algorithm() != Algorithm::Cosignature || found.as_ref() == Some(&key) => {}
            Ok(key) if found.is_none() => found = Some(key),
            Ok(_) => {
                return value.fault(
                    format_args!("names a file that holds the key of another witness as well, in line {line}"),
                    "write key = \"…\" in its place, the line of the witness that is meant",
                );
            }
            Err(_) => {
                return value.fault(
                    format_args!("names a file whose line {line} is no public key"),
                    "keep in it what `townclerk witness init` and `townclerk journal init` print; a remark begins with #",
                );
            }
        }
    }
    found.or_else(|| value.fault("names a file that holds no witness's key", MAKE))
}
