//! Numbers with units: `30 s`, `256 MiB`. They are read here and told here, in the same words.

use std::fmt;
use std::time::Duration;

/// Units of one kind, largest first.
pub(super) struct Scale {
    units: &'static [Unit],
    /// The units to propose for a bare number, likeliest first.
    likely: &'static [&'static str],
}

struct Unit {
    name: &'static str,
    factor: u64,
    /// What people also write for it.
    meant: &'static [&'static str],
}

const fn unit(name: &'static str, factor: u64, meant: &'static [&'static str]) -> Unit {
    Unit { name, factor, meant }
}

/// Times, in milliseconds. Months and years are not among them: they have no fixed length.
pub(super) const TIME: Scale = Scale {
    units: &[
        unit("days", 86_400_000, &["d"]),
        unit("day", 86_400_000, &[]),
        unit("h", 3_600_000, &["hour", "hours", "hr", "hrs"]),
        unit("min", 60_000, &["m", "mins", "minute", "minutes"]),
        unit("s", 1_000, &["sec", "secs", "second", "seconds"]),
        unit("ms", 1, &["msec", "millis", "milliseconds"]),
    ],
    likely: &["s", "ms", "min", "h", "days"],
};

/// Sizes, in bytes.
pub(super) const SIZE: Scale = Scale {
    units: &[
        unit("TiB", 1 << 40, &["t", "tb", "tib"]),
        unit("GiB", 1 << 30, &["g", "gb", "gib"]),
        unit("MiB", 1 << 20, &["m", "mb", "mib"]),
        unit("KiB", 1 << 10, &["k", "kb", "kib"]),
        unit("B", 1, &["b", "byte", "bytes"]),
    ],
    likely: &["B", "KiB", "MiB", "GiB", "TiB"],
};

/// Why a text is no number with a unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Slip<'w> {
    /// It does not start with a whole number.
    Number,
    /// Nothing follows the number.
    NoUnit(u64),
    /// Something else follows.
    Unit(u64, &'w str),
    /// No such number fits.
    TooLarge,
}

impl Scale {
    /// Reads a number and its unit, with or without a space between them.
    pub(super) fn read<'w>(&self, written: &'w str) -> Result<u64, Slip<'w>> {
        let digits = written.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = written.split_at(digits);
        if number.is_empty() {
            return Err(Slip::Number);
        }
        let number = number.parse().map_err(|_| Slip::TooLarge)?;
        match unit.trim_start_matches(' ') {
            "" => Err(Slip::NoUnit(number)),
            unit => {
                let known = self
                    .units
                    .iter()
                    .find(|known| known.name == unit)
                    .ok_or(Slip::Unit(number, unit))?;
                number.checked_mul(known.factor).ok_or(Slip::TooLarge)
            }
        }
    }

    /// Tells a number in its largest whole unit.
    pub(super) fn tell(&self, number: u64) -> String {
        // A single day is "1 day", which is the next unit in the list.
        let fits = |unit: &&Unit| {
            number >= unit.factor
                && number.is_multiple_of(unit.factor)
                && !(unit.name == "days" && number == unit.factor)
        };
        match self.units.iter().find(fits).or(self.units.last()) {
            Some(unit) => format!("{} {}", number / unit.factor, unit.name),
            None => number.to_string(),
        }
    }

    /// The unit that somebody meant by another word.
    pub(super) fn meant(&self, word: &str) -> Option<&'static str> {
        let word = word.to_ascii_lowercase();
        self.units
            .iter()
            .find(|unit| unit.meant.contains(&word.as_str()))
            .map(|unit| unit.name)
    }

    /// The units that a bare number may have meant, likeliest first, each with the number in it.
    pub(super) fn likely(&self, number: u64) -> impl Iterator<Item = (&'static str, u64)> {
        self.likely.iter().filter_map(move |name| {
            let unit = self.units.iter().find(|unit| unit.name == *name)?;
            Some((unit.name, number.checked_mul(unit.factor)?))
        })
    }

    /// `ms, s, min, h and days`.
    pub(super) fn names(&self) -> String {
        let mut names: Vec<_> = self
            .units
            .iter()
            .map(|unit| unit.name)
            .filter(|name| *name != "day")
            .collect();
        names.reverse();
        let last = names.pop().unwrap_or_default();
        format!("{} and {last}", names.join(", "))
    }
}

/// A time, told in its largest whole unit: 90 seconds are `90 s`, 120 are `2 min`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&TIME.tell(u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX)))
    }
}

/// A size, told in its largest whole unit: 65,536 bytes are `64 KiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes(pub u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&SIZE.tell(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_read() {
        assert_eq!(TIME.read("30 s"), Ok(30_000));
        assert_eq!(TIME.read("30s"), Ok(30_000));
        assert_eq!(TIME.read("250 ms"), Ok(250));
        assert_eq!(TIME.read("1 day"), Ok(86_400_000));
        assert_eq!(SIZE.read("64 KiB"), Ok(65_536));
    }

    #[test]
    fn slips_are_told_apart() {
        assert_eq!(TIME.read(""), Err(Slip::Number));
        assert_eq!(TIME.read("-1 s"), Err(Slip::Number));
        assert_eq!(TIME.read("90"), Err(Slip::NoUnit(90)));
        assert_eq!(TIME.read("5 seconds"), Err(Slip::Unit(5, "seconds")));
        assert_eq!(SIZE.read("64 KB"), Err(Slip::Unit(64, "KB")));
        assert_eq!(SIZE.read("99999999999999999999 B"), Err(Slip::TooLarge));
        assert_eq!(SIZE.read("99999999999 TiB"), Err(Slip::TooLarge));
    }

    #[test]
    fn other_words_for_a_unit_are_understood_and_months_are_none() {
        assert_eq!(TIME.meant("Seconds"), Some("s"));
        assert_eq!(SIZE.meant("KB"), Some("KiB"));
        assert_eq!(TIME.meant("months"), None);
        assert_eq!(TIME.names(), "ms, s, min, h and days");
    }

    #[test]
    fn the_largest_whole_unit_tells_it() {
        let told = [0, 1, 1_000, 90_000, 3_600_000, 86_400_000, 172_800_000].map(|millis| TIME.tell(millis));
        assert_eq!(told, ["0 ms", "1 ms", "1 s", "90 s", "1 h", "1 day", "2 days"]);
        assert_eq!(Bytes(268_435_456).to_string(), "256 MiB");
        assert_eq!(Bytes(1_000).to_string(), "1000 B");
    }

    proptest! {
        #[test]
        fn what_is_told_is_read_back(millis: u64, bytes: u64) {
            let (time, size) = (TIME.tell(millis), SIZE.tell(bytes));
            prop_assert_eq!(TIME.read(&time), Ok(millis));
            prop_assert_eq!(SIZE.read(&size), Ok(bytes));
        }

        #[test]
        fn any_text_is_read_or_refused(text in ".*") {
            let _ = (TIME.read(&text), SIZE.read(&text));
        }
    }
}
