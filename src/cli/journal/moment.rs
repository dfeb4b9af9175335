//! Points in time, as people write them.

use jiff::civil::Date;
use jiff::tz::Offset;
use jiff::{SignedDuration, Span, SpanRelativeTo, Timestamp};

/// A point in time that may count back from now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moment {
    At(Timestamp),
    Ago(SignedDuration),
}

impl Moment {
    /// `2026-11-21T20:00:00Z`, the beginning of `2026-11-21` or of `2026-11` in UTC, or `2h`: so long ago.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let midnight = |date: Date| Offset::UTC.to_timestamp(date.at(0, 0, 0, 0)).ok();
        let numbers = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        if numbers(text) {
            let month = (text.len() == 7).then(|| format!("{text}-01"));
            let date = month.as_deref().unwrap_or(text).parse::<Date>().ok();
            let dashed = matches!(text.len(), 7 | 10) && text.get(4..5) == Some("-");
            if let Some(at) = date.filter(|_| dashed).and_then(midnight) {
                return Ok(Self::At(at));
            }
        } else if let Ok(at) = text.parse() {
            return Ok(Self::At(at));
        } else if let Some(ago) = text.parse::<Span>().ok().and_then(|span| {
            let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
            ago.is_positive().then_some(ago)
        }) {
            return Ok(Self::Ago(ago));
        }
        Err(
            "write 2026-11-21T20:00:00Z, 2026-11-21, 2026-11 (their beginning, in UTC), or 2h for so long ago"
                .to_owned(),
        )
    }

    pub(super) fn from(self, now: Timestamp) -> Timestamp {
        match self {
            Self::At(time) => time,
            Self::Ago(ago) => now.checked_sub(ago).unwrap_or(Timestamp::MIN),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let now = "2026-11-21T20:00:00Z".parse().unwrap();
        Moment::parse(text).ok().map(|moment| moment.from(now).to_string())
    }

    #[test]
    fn a_moment_is_a_time_a_beginning_or_so_long_ago() {
        for (text, expected) in [
            ("2026-11-21T20:00:00Z", "2026-11-21T20:00:00Z"),
            ("2026-11-21T20:00:00+01:00", "2026-11-21T19:00:00Z"),
            ("2026-11-21", "2026-11-21T00:00:00Z"),
            ("2026-10", "2026-10-01T00:00:00Z"),
            ("2h", "2026-11-21T18:00:00Z"),
            ("30 min", "2026-11-21T19:30:00Z"),
            ("7d", "2026-11-14T20:00:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_has_no_place_in_time_is_no_moment() {
        for text in [
            "",
            "2026",
            "20261121",
            "2026-13",
            "2026-11-21T20:00",
            "soon",
            "-2h",
            "0s",
            "2026-1-1",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_survived(text in "\\PC{0,20}|[0-9TZdhm:. +-]{0,20}") {
            read(&text);
        }
    }
}
