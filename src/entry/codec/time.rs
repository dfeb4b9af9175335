//! Times as text. Most entries of a second follow each other, so its text is kept.

use std::cell::Cell;

use jiff::Timestamp;
use jiff::civil::{Date, DateTime};
use jiff::tz::Offset;

/// Writes `2026-11-21T20:09:46.123Z` (RFC 3339).
#[derive(Debug, Default)]
pub(super) struct Rfc3339(Second<19>);

impl Rfc3339 {
    pub(super) fn write(&mut self, out: &mut Vec<u8>, time: Timestamp) {
        let milliseconds = time.as_millisecond();
        out.extend_from_slice(self.0.text(milliseconds.div_euclid(1000), rfc3339));
        let rest = milliseconds.rem_euclid(1000) as u16;
        out.push(b'.');
        out.push(b'0' + (rest / 100) as u8);
        out.extend_from_slice(&two(rest % 100));
        out.push(b'Z');
    }
}

/// Writes `21/Nov/2026:20:09:46 +0000`, as Apache's `%t` does between its brackets.
#[derive(Debug, Default)]
pub(super) struct Combined(Second<26>);

impl Combined {
    pub(super) fn write(&mut self, out: &mut Vec<u8>, time: Timestamp) {
        out.extend_from_slice(self.0.text(time.as_millisecond().div_euclid(1000), combined));
    }
}

/// The text of the second that was written last.
#[derive(Debug)]
struct Second<const LENGTH: usize> {
    second: i64,
    text: [u8; LENGTH],
}

impl<const LENGTH: usize> Default for Second<LENGTH> {
    /// No time has this second.
    fn default() -> Self {
        Self {
            second: i64::MIN,
            text: [b'0'; LENGTH],
        }
    }
}

impl<const LENGTH: usize> Second<LENGTH> {
    fn text(&mut self, second: i64, render: fn(DateTime) -> [u8; LENGTH]) -> &[u8] {
        if self.second != second {
            let time = Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
            self.text = render(Offset::UTC.to_datetime(time));
            self.second = second;
        }
        &self.text
    }
}

fn rfc3339(time: DateTime) -> [u8; 19] {
    let ([a, b], [c, d]) = year(time);
    let ([e, f], [g, h]) = (pair(time.month()), pair(time.day()));
    let ([i, j], [k, l], [m, n]) = (pair(time.hour()), pair(time.minute()), pair(time.second()));
    [a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n]
}

fn combined(time: DateTime) -> [u8; 26] {
    let ([a, b], [c, d]) = year(time);
    let name = usize::from(time.month().unsigned_abs().clamp(1, 12) - 1) * 3;
    let (e, f, g) = (MONTHS[name], MONTHS[name + 1], MONTHS[name + 2]);
    let [h, i] = pair(time.day());
    let ([j, k], [l, m], [n, o]) = (pair(time.hour()), pair(time.minute()), pair(time.second()));
    [
        h, i, b'/', e, f, g, b'/', a, b, c, d, b':', j, k, b':', l, m, b':', n, o, b' ', b'+', b'0', b'0', b'0', b'0',
    ]
}

const MONTHS: &[u8; 36] = b"JanFebMarAprMayJunJulAugSepOctNovDec";

/// Reads what [`Rfc3339`] writes.
pub(super) fn read_rfc3339(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.split_first_chunk()?;
    let (time, rest) = rest.split_first_chunk()?;
    let &[a, b, c, d, b'-', e, f, b'-', g, h, b'T'] = date else {
        return None;
    };
    let &[b'.', i, j, k, b'Z'] = rest else { return None };
    let date = [number([a, b, c, d])?, number([e, f])?, number([g, h])?];
    timestamp(date, time, number([i, j, k])?)
}

/// Reads what [`Combined`] writes.
pub(super) fn read_combined(text: &[u8]) -> Option<Timestamp> {
    let (date, rest) = text.split_first_chunk()?;
    let (time, rest) = rest.split_first_chunk()?;
    let &[a, b, b'/', c, d, e, b'/', f, g, h, i, b':'] = date else {
        return None;
    };
    let month = match &[c, d, e] {
        b"Jan" => 1,
        b"Feb" => 2,
        b"Mar" => 3,
        b"Apr" => 4,
        b"May" => 5,
        b"Jun" => 6,
        b"Jul" => 7,
        b"Aug" => 8,
        b"Sep" => 9,
        b"Oct" => 10,
        b"Nov" => 11,
        b"Dec" => 12,
        _ => return None,
    };
    let date = [number([f, g, h, i])?, month, number([a, b])?];
    timestamp(date, time, 0).filter(|_| rest == b" +0000")
}

fn timestamp(date: [i16; 3], time: &[u8; 8], milliseconds: i16) -> Option<Timestamp> {
    let &[a, b, b':', c, d, b':', e, f] = time else {
        return None;
    };
    let [hour, minute, second] = [number([a, b])?, number([c, d])?, number([e, f])?].map(i64::from);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let second = midnight(date)? + (hour * 60 + minute) * 60 + second;
    Timestamp::new(second, i32::from(milliseconds) * 1_000_000).ok()
}

thread_local! {
    /// The last date that was read, and its midnight: lines follow each other.
    static LAST: Cell<([i16; 3], i64)> = const { Cell::new(([1970, 1, 1], 0)) };
}

/// The second with which a day begins.
fn midnight([year, month, day]: [i16; 3]) -> Option<i64> {
    let (last, midnight) = LAST.get();
    if last == [year, month, day] {
        return Some(midnight);
    }
    let date = Date::new(year, month as i8, day as i8).ok()?; // two digits each
    let midnight = Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok()?.as_second();
    LAST.set(([year, month, day], midnight));
    Some(midnight)
}

/// The value of so many digits, four at most.
fn number<const COUNT: usize>(digits: [u8; COUNT]) -> Option<i16> {
    digits.into_iter().try_fold(0, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i16::from(digit - b'0'))
    })
}

fn year(time: DateTime) -> ([u8; 2], [u8; 2]) {
    let year = time.year().unsigned_abs();
    (two(year / 100), two(year % 100))
}

fn pair(number: i8) -> [u8; 2] {
    two(number.unsigned_abs().into())
}

fn two(number: u16) -> [u8; 2] {
    [b'0' + (number / 10 % 10) as u8, b'0' + (number % 10) as u8]
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::{Combined, Rfc3339, read_combined, read_rfc3339};

    fn both(time: Timestamp) -> (String, String) {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        let (mut rfc3339, mut combined) = (Rfc3339::default(), Combined::default());
        for _ in 0..2 {
            a.clear();
            b.clear();
            rfc3339.write(&mut a, time);
            combined.write(&mut b, time);
        }
        (String::from_utf8(a).unwrap(), String::from_utf8(b).unwrap())
    }

    #[test]
    fn a_time_is_written_both_ways() {
        let (rfc3339, combined) = both("2026-11-21T20:09:46.1239Z".parse().unwrap());
        assert_eq!(rfc3339, "2026-11-21T20:09:46.123Z");
        assert_eq!(combined, "21/Nov/2026:20:09:46 +0000");
    }

    #[test]
    fn the_next_second_is_not_the_last_one() {
        let (mut writer, mut out) = (Rfc3339::default(), Vec::new());
        for time in [
            "2026-12-31T23:59:59.999Z",
            "2027-01-01T00:00:00Z",
            "2026-12-31T23:59:59Z",
        ] {
            writer.write(&mut out, time.parse().unwrap());
        }
        assert_eq!(
            out,
            b"2026-12-31T23:59:59.999Z2027-01-01T00:00:00.000Z2026-12-31T23:59:59.000Z"
        );
    }

    proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,30}", near in "[0-9]{2,4}[-/][0-9A-Za-z]{2,3}[-/][0-9]{2,4}[T:][0-9:.]{8,12}Z?( \\+0000)?") {
            for text in [text, near] {
                read_rfc3339(text.as_bytes());
                read_combined(text.as_bytes());
            }
        }

        #[test]
        fn what_is_read_is_what_would_be_written(
            day in "(2026|0000|[0-9]{4})-(0[0-9]|1[0-3])-[0-3][0-9]", time in "([01][0-9]|2[0-5]):[0-6][0-9]:[0-6][0-9]",
            end in "(\\.[0-9]{3}Z| \\+0000|\\.[0-9]{1,4}Z?)", month in prop::sample::select(vec!["Jan", "Feb", "Dec", "feb"]),
        ) {
            let text = format!("{day}T{time}{end}");
            if let Some(time) = read_rfc3339(text.as_bytes()) {
                prop_assert_eq!(both(time).0, text);
            }
            let text = format!("{}/{month}/{}:{time}{end}", &day[8..], &day[..4]);
            if let Some(time) = read_combined(text.as_bytes()) {
                prop_assert_eq!(both(time).1, text);
            }
        }

        #[test]
        fn every_time_reads_back(milliseconds in -62_167_219_200_000i64..=253_402_207_199_999) {
            let time = Timestamp::from_millisecond(milliseconds).unwrap();
            let (rfc3339, combined) = both(time);
            prop_assert_eq!(rfc3339.parse::<Timestamp>().unwrap(), time);
            let read = Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", &combined).unwrap();
            prop_assert_eq!(read.as_second(), milliseconds.div_euclid(1000));
            prop_assert_eq!(read_rfc3339(rfc3339.as_bytes()), Some(time));
            prop_assert_eq!(read_combined(combined.as_bytes()), Some(read));
        }
    }
}
