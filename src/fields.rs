//! The fields of a message, found by a look at each name: there are few, and most that are looked for are not among
//! them, so that this costs a fraction of hashing a name for each.

use http::{HeaderMap, HeaderName, HeaderValue};

/// Whether there is a field of this name.
pub(crate) fn has(fields: &HeaderMap, name: &HeaderName) -> bool {
    fields.keys().any(|other| other == name)
}

/// The first field of this name.
pub(crate) fn first<'a>(fields: &'a HeaderMap, name: &HeaderName) -> Option<&'a HeaderValue> {
    has(fields, name).then(|| fields.get(name)).flatten()
}

/// Every field of this name, in their order.
pub(crate) fn all<'a>(fields: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a HeaderValue> {
    let found = has(fields, name).then(|| fields.get_all(name));
    found.into_iter().flatten()
}
