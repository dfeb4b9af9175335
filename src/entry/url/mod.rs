//! URLs without what the policy takes out of them.
//!
//! What stays is byte for byte as it was sent. Each layer of percent-encoding is undone in turn, as far as [`LAYERS`]
//! goes, every layer is searched, and what is found is cut where it stood in the URL as sent. In doubt it is cut. What
//! a URL says in words, a surname in a path, nobody can find: a policy names such parameters, or keeps no values.

mod cut;
mod escape;
mod find;
mod parameter;
mod pesel;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cell::Cell;

use self::cut::Cuts;
use self::escape::{LAYERS, Layer};
use crate::policy::Redact;

/// What is left of `url` after `rules`, its path and query or more, without a fragment; `None` if all of it is.
pub(super) fn redact(url: &[u8], rules: &Redact) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    if rules.query_values {
        let query = memchr::memchr(b'?', url).map_or(url.len(), |mark| mark + 1);
        parameter::find_all(
            url,
            query,
            &mut Cuts {
                found: &mut found,
                starts: None,
            },
        );
    }
    search(
        url,
        rules,
        &mut Cuts {
            found: &mut found,
            starts: None,
        },
    );
    if memchr::memchr(b'%', url).is_some() {
        search_layers(url, rules, &mut found);
    }
    if found.is_empty() {
        None
    } else {
        Some(cut::apply(url, found))
    }
}

/// A path without what could tell of a person, whatever the policy leaves in it.
pub(crate) fn without_personal_data(path: &[u8]) -> Cow<'_, [u8]> {
    const RULES: Redact = Redact {
        query_values: false,
        emails: true,
        pesel: true,
        tokens: Some(16),
        parameters: Vec::new(),
    };
    redact(path, &RULES).map_or(path.into(), Cow::from)
}

thread_local! {
    /// Two layers to work in, so that a URL with escapes costs no allocation.
    static LAYERS_TO_WORK_IN: Cell<Option<Box<(Layer, Layer)>>> = const { Cell::new(None) };
}

fn search_layers(url: &[u8], rules: &Redact, found: &mut Vec<cut::Cut>) {
    let mut layers = LAYERS_TO_WORK_IN.take().unwrap_or_default();
    let (layer, last) = &mut *layers;
    let mut more = layer.decode(url, None);
    for _ in 0..LAYERS {
        if !more {
            break;
        }
        search(
            &layer.text,
            rules,
            &mut Cuts {
                found,
                starts: Some(&layer.starts),
            },
        );
        std::mem::swap(layer, last);
        more = memchr::memchr(b'%', &last.text).is_some() && layer.decode(&last.text, Some(&last.starts));
    }
    LAYERS_TO_WORK_IN.set(Some(layers));
}

fn search(text: &[u8], rules: &Redact, cuts: &mut Cuts<'_>) {
    if !rules.parameters.is_empty() {
        parameter::find_named(text, &rules.parameters, cuts);
    }
    if rules.emails {
        find::emails(text, cuts);
    }
    if rules.pesel || rules.tokens.is_some() {
        find::numbers_and_tokens(text, rules.pesel, rules.tokens, cuts);
    }
}
