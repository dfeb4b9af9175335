//! Parameters, `name=value`: in a query, behind a `;` in a path, and in a URL that is itself a value.

use super::cut::{Cuts, Label};
use super::escape::decode_fully;

/// Cuts the values of the named parameters out of `text`.
pub(super) fn find_named(text: &[u8], names: &[String], cuts: &mut Cuts<'_>) {
    let query = memchr::memchr(b'?', text).unwrap_or(text.len());
    let mut done = 0;
    for equals in memchr::memchr_iter(b'=', text) {
        if equals < done {
            continue;
        }
        let start = text[done..equals]
            .iter()
            .rposition(|&byte| ends_name(byte))
            .map_or(done, |before| done + before + 1);
        let value = equals + 1;
        done = value;
        if is_named(&text[start..equals], names) {
            let in_path = equals < query;
            let length = text[value..].iter().position(|&byte| ends_value(byte, in_path));
            done = length.map_or(text.len(), |length| value + length);
            cuts.add(value, done, Label::Removed);
        }
    }
}

/// Cuts every value out of `text`, from `query`, where its query begins. A part without `=` is a value.
pub(super) fn find_all(text: &[u8], query: usize, cuts: &mut Cuts<'_>) {
    let mut start = query;
    for part in text[query..].split(|&byte| matches!(byte, b'&' | b';')) {
        let name = memchr::memchr(b'=', part).map_or(0, |equals| equals + 1);
        cuts.add(start + name, start + part.len(), Label::Removed);
        start += part.len() + 1;
    }
}

fn ends_name(byte: u8) -> bool {
    matches!(byte, b'?' | b'&' | b';' | b'#' | b'/' | b'=')
}

fn ends_value(byte: u8, in_path: bool) -> bool {
    matches!(byte, b'&' | b';' | b'#') || in_path && matches!(byte, b'/' | b'?')
}

/// Whether `written` is one of `names`: without case, around spaces, and as an array, `name[]` or `name[0]`.
fn is_named(written: &[u8], names: &[String]) -> bool {
    let is_one = |written: &[u8]| {
        let written = trim(written);
        let stem = trim(&written[..memchr::memchr(b'[', written).unwrap_or(written.len())]);
        !written.is_empty() && names.iter().any(|name| is_same(written, name) || is_same(stem, name))
    };
    is_one(written) || written.contains(&b'%') && is_one(&decode_fully(written))
}

/// A plus stands for a space (URL Standard, application/x-www-form-urlencoded).
fn is_same(written: &[u8], name: &str) -> bool {
    if written.is_ascii() {
        let same = |(a, b): (&u8, &u8)| a.eq_ignore_ascii_case(b) || *a == b'+' && *b == b' ';
        return written.len() == name.len() && written.iter().zip(name.as_bytes()).all(same);
    }
    let small = |text: &str| text.replace('+', " ").to_lowercase();
    std::str::from_utf8(written).is_ok_and(|written| small(written) == small(name))
}

fn trim(mut text: &[u8]) -> &[u8] {
    while let [b' ' | b'+' | b'\t' | b'\r' | b'\n', rest @ ..] | [rest @ .., b' ' | b'+' | b'\t' | b'\r' | b'\n'] = text
    {
        text = rest;
    }
    text
}
