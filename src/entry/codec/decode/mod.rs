//! A line as a record: the way back from what the encoders write, and from nothing else.

mod combined;
mod json;
#[cfg(test)]
mod tests;

use super::record::Record;
use crate::journal::Format;

/// A line that is not one of ours. It says no more, because the line may be about a visitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a line is not an entry as townclerk writes it")]
pub struct Undecodable;

/// Fills an empty record from a line without its `\n`.
pub(super) fn decode<'a>(line: &'a [u8], format: Format, empty: Record<'a>) -> Option<Record<'a>> {
    let line = std::str::from_utf8(line).ok()?;
    match format {
        Format::JsonLines => json::decode(line, empty),
        Format::Combined => combined::decode(line, empty),
    }
}

/// Sets what is not set yet: nothing may be said twice.
fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// A number as the encoders write it: digits alone, and no zero before them.
fn number(digits: &str) -> Option<u64> {
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    plain.then(|| digits.parse().ok())?
}

fn status(number: u64) -> Option<u16> {
    u16::try_from(number).ok().filter(|status| (100..=999).contains(status))
}

fn protocol(version: &str) -> Option<&'static str> {
    ["0.9", "1.0", "1.1", "2", "3"]
        .into_iter()
        .find(|known| *known == version)
}

/// The value of four hexadecimal digits at most.
fn hexadecimal(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | u16::try_from(digit).ok()?)
    })
}
