//! `[[site.journal.witness]]`: who else signs a journal, and by which key it is known.

use crate::journal::note::{Algorithm, VerifierKey};
use crate::reader::{Section, Value};
use crate::witness::ask::Witness;
use crate::witness::{Place, PlaceError};

/// Reads each of them.
pub(super) fn witnesses(sections: Vec<Section<'_>>) -> Option<Vec<Witness>> {
    let mut witnesses: Vec<Witness> = Vec::new();
    let mut all_right = true;
    for mut section in sections {
        let place = section
            .required(
                "url",
                "url = \"unix:/run/townclerk-witness/socket\", where the witness listens",
            )
            .and_then(|value| place(&value));
        let key = section
            .required("key", "key = \"…\", the line that `townclerk witness init` printed")
            .and_then(|value| witness_key(&value, &witnesses));
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

fn witness_key(value: &Value<'_>, others: &[Witness]) -> Option<VerifierKey> {
    const REMEDY: &str = "write the whole line that `townclerk witness init` printed, name+8 digits+base64";
    match value.string()?.parse::<VerifierKey>() {
        Ok(key) if key.algorithm() != Algorithm::Cosignature => value.fault("is not a witness's public key", REMEDY),
        Ok(key) if others.iter().any(|other| *other.key() == key) => {
            value.fault("is that of another witness already", "keep one of the two")
        }
        Ok(key) => Some(key),
        Err(_) => value.fault("is not a public key", REMEDY),
    }
}
