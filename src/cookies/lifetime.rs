//! How long a cookie was meant to live: `Max-Age` and `Expires`, as far as it takes to tell a deletion.

use std::ops::RangeInclusive;

use jiff::civil::DateTime;

/// Whether a Max-Age ends the cookie at once; `None` if it is invalid, so that browsers ignore it (RFC 6265bis, section
/// 5.6.2). Its size does not matter otherwise: it is cut.
pub(super) fn max_age_ends(value: &[u8]) -> Option<bool> {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let negative = digits.len() < value.len();
    Some(negative || digits.iter().all(|digit| *digit == b'0'))
}

/// The date of an Expires in UTC, by the lax algorithm that all browsers share (RFC 6265bis, section 5.1.1); `None` if
/// it fails, so that browsers ignore the attribute. An HTTP-date parser would not do: PHP wrote dashes for years.
pub(super) fn cookie_date(value: &[u8]) -> Option<DateTime> {
    let (mut time, mut day, mut month, mut year) = (None, None, None, None);
    for token in value.split(is_delimiter).filter(|token| !token.is_empty()) {
        // Each token is the first of these that is still missing and that it can be.
        if let (None, Some(found)) = (time, time_of_day(token)) {
            time = Some(found);
        } else if let (None, Some(found)) = (day, leading_number(token, 1..=2)) {
            day = Some(found);
        } else if let (None, Some(found)) = (month, month_number(token)) {
            month = Some(found);
        } else if let (None, Some(found)) = (year, leading_number(token, 2..=4)) {
            year = Some(found);
        }
    }

    let year = match year? {
        short @ 0..=69 => short + 2000,
        short @ 70..=99 => short + 1900,
        // Before the Gregorian calendar's first whole century.
        100..=1600 => return None,
        year => year,
    };
    let (hour, minute, second) = time?;
    let [day, hour, minute, second] = [day?, hour, minute, second].map(|number| i8::try_from(number).ok());
    DateTime::new(year, month?, day?, hour?, minute?, second?, 0).ok()
}

/// `1*2DIGIT ":" 1*2DIGIT ":" 1*2DIGIT`, then the end or anything that does not begin with a digit.
fn time_of_day(token: &[u8]) -> Option<(i16, i16, i16)> {
    let mut parts = token.splitn(3, |byte| *byte == b':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let whole = |part: &[u8]| {
        part.iter()
            .all(u8::is_ascii_digit)
            .then(|| leading_number(part, 1..=2))?
    };
    Some((whole(hour)?, whole(minute)?, leading_number(second, 1..=2)?))
}

/// The number at the start of a token, if it has this many digits.
fn leading_number(token: &[u8], digits: RangeInclusive<usize>) -> Option<i16> {
    let count = token.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits.contains(&count).then(|| {
        token[..count]
            .iter()
            .fold(0, |sum, digit| sum * 10 + i16::from(digit - b'0'))
    })
}

/// The month whose English name begins as the token does, January being 1.
fn month_number(token: &[u8]) -> Option<i8> {
    const MONTHS: [&[u8; 3]; 12] = [
        b"jan", b"feb", b"mar", b"apr", b"may", b"jun", b"jul", b"aug", b"sep", b"oct", b"nov", b"dec",
    ];
    let start = token.get(..3)?;
    (1..)
        .zip(MONTHS)
        .find(|(_, month)| start.eq_ignore_ascii_case(*month))
        .map(|(number, _)| number)
}

/// Everything between tokens; the colon, letters, digits, controls and all above ASCII belong to them.
fn is_delimiter(byte: &u8) -> bool {
    matches!(byte, b'\t' | 0x20..=0x2F | 0x3B..=0x40 | 0x5B..=0x60 | 0x7B..=0x7E)
}

#[cfg(test)]
mod tests {
    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_date_needs_a_day_a_month_a_year_and_a_time_in_any_order() {
        let expected = Some(date(2026, 11, 21).at(8, 5, 3, 0));
        for text in [
            "Sat, 21 Nov 2026 08:05:03 GMT",
            "Saturday, 21-Nov-26 08:05:03 GMT",
            "Sat Nov 21 08:05:03 2026",
            "Sat, 21-Nov-2026 08:05:03 GMT",
            "\"21 november 2026 8:5:3\"",
            "8:5:3 21 nOvEmBrE 26",
            "2026 Nov 21 8:05:03",
            "21;Nov@2026[08:05:03}",
            "08:05:03Z 21st Nov 2026AD",
            "Nov 21 2026 8:05:03 12 Dec 1999 09:09:09",
            "\u{017c} 21 Nov\u{00f3} 2026 08:05:03",
        ] {
            assert_eq!(cookie_date(text.as_bytes()), expected, "{text}");
        }
    }

    #[test]
    fn two_digits_are_a_year_from_1970_to_2069() {
        for (digits, year) in [("70", 1970), ("99", 1999), ("00", 2000), ("69", 2069), ("0099", 1999)] {
            let text = format!("1 Jan {digits} 00:00:00");
            assert_eq!(
                cookie_date(text.as_bytes()),
                Some(date(year, 1, 1).at(0, 0, 0, 0)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "0",
            "-1",
            "Thu, 01 Jan 1970",
            "Jan 1970 00:00:00",
            "01 1970 00:00:00",
            "01 Jan 00:00:00",
            "32 Jan 2026 00:00:00",
            "00 Jan 2026 00:00:00",
            "31 Jun 2026 00:00:00",
            "29 Feb 2026 00:00:00",
            "01 Jan 1600 00:00:00",
            "01 Jan 999 00:00:00",
            "01 Jan 20260 00:00:00",
            "01 Jan 2026 24:00:00",
            "01 Jan 2026 00:60:00",
            "01 Jan 2026 00:00:60",
            "01 Jan 2026 000:00:00",
            "01 Jan 2026 00:00",
            "01 Jan 2026 00:00:000",
            "01 Ja 2026 00:00:00",
        ] {
            assert_eq!(cookie_date(text.as_bytes()), None, "{text}");
        }
        assert!(cookie_date(b"29 Feb 2028 23:59:59").is_some());
        assert!(cookie_date(b"01 Jan 1601 00:00:00").is_some());
        assert!(cookie_date(b"31 Dec 9999 23:59:59").is_some());
    }
}
