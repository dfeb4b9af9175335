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
pub(super) fn decode<'a>(line: &'a [u8], format: Format, record: &mut Record<'a>) -> Option<()> {
    match format {
        Format::JsonLines => json::decode(std::str::from_utf8(line).ok()?, record),
        Format::Combined => combined::decode(line, record),
    }
}

/// Whether all bytes are such. It looks at every byte rather than stop early, so that many are compared at a time.
fn all(text: &[u8], are: impl Fn(u8) -> bool) -> bool {
    text.iter().fold(true, |all, byte| all & are(*byte))
}

/// Sets what is not set yet: nothing may be said twice.
fn set<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}

/// A number as the encoders write it: digits alone, and no zero before them.
fn number(digits: &[u8]) -> Option<u64> {
    if let [] | [b'0', _, ..] = digits {
        return None;
    }
    let value = |digit: &u8| digit.is_ascii_digit().then_some(u64::from(digit & 0xf));
    let (short, rest) = digits.split_at(digits.len().min(18)); // which fit
    let short = short
        .iter()
        .try_fold(0, |number, digit| Some(number * 10 + value(digit)?))?;
    rest.iter().try_fold(short, |number: u64, digit| {
        number.checked_mul(10)?.checked_add(value(digit)?)
    })
}

fn status(number: u64) -> Option<u16> {
    u16::try_from(number).ok().filter(|status| (100..=999).contains(status))
}

fn protocol(version: &[u8]) -> Option<&'static str> {
    ["1.1", "2", "3", "1.0", "0.9"]
        .into_iter()
        .find(|known| known.as_bytes() == version)
}

/// The value of four hexadecimal digits at most.
fn hexadecimal(digits: &[u8]) -> Option<u16> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some(value << 4 | u16::try_from(digit).ok()?)
    })
}
