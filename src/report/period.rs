//! The days that statistics are about.

use std::fmt;

use jiff::civil::{Date, ISOWeekDate, Weekday};
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp, ToSpan};
use serde::{Deserialize, Serialize};

/// Exchanges that began before the end of a period have so long to end.
const UNDER_WAY: SignedDuration = SignedDuration::from_hours(2);
/// No period has more days.
const LONGEST: i32 = 366 * 5;

/// Whole days in UTC, from the first to the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Period {
    first: Date,
    last: Date,
}

/// What people call a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// From the first to the last day of a year.
    Year,
    /// The same of a month.
    Month,
    /// From Monday to Sunday; a week of ISO 8601.
    Week,
    /// Anything else.
    Days,
}

impl Period {
    /// `2026`, `2026-10`, `2026-W43`, or `2026-10-01..2026-10-15`, whose last day is one of it.
    ///
    /// # Errors
    ///
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let period = match text.split_once("..") {
            Some((first, last)) => day(first).zip(day(last)).map(|(first, last)| Self { first, last }),
            None => Self::named(text),
        };
        let fits = |period: &Self| period.first <= period.last && period.count() <= LONGEST as usize;
        period.filter(fits).ok_or_else(|| {
            "write 2026-10 for a month, 2026-W43 for a week, 2026 for a year, or 2026-10-01..2026-10-15, the last day \
             included; five years at most"
                .to_owned()
        })
    }

    /// The last month that is over.
    pub fn last_month(now: Timestamp) -> Option<Self> {
        let (first, last) = (today(now)?.first_of_month(), today(now)?.last_of_month());
        Self { first, last }.before()
    }

    /// The last week that is over.
    pub fn last_week(now: Timestamp) -> Option<Self> {
        let today = today(now)?;
        let first = today.checked_sub(today.weekday().to_monday_zero_offset().days()).ok()?;
        let last = first.checked_add(6.days()).ok()?;
        Self { first, last }.before()
    }

    fn named(text: &str) -> Option<Self> {
        let (year, rest) = text.split_at_checked(4)?;
        let year: i16 = digits(year)?
            .try_into()
            .ok()
            .filter(|year| (1000..9000).contains(year))?;
        if let Some(week) = rest.strip_prefix("-W").filter(|week| week.len() == 2) {
            let week = i8::try_from(digits(week)?).ok()?;
            let first = ISOWeekDate::new(year, week, Weekday::Monday).ok()?.date();
            let last = first.checked_add(6.days()).ok()?;
            return Some(Self { first, last });
        }
        if let Some(month) = rest.strip_prefix('-').filter(|month| month.len() == 2) {
            return Self::month(Date::new(year, i8::try_from(digits(month)?).ok()?, 1).ok()?);
        }
        rest.is_empty().then_some(Self {
            first: Date::new(year, 1, 1).ok()?,
            last: Date::new(year, 12, 31).ok()?,
        })
    }

    fn month(first: Date) -> Option<Self> {
        let last = first.last_of_month();
        (first.day() == 1).then_some(Self { first, last })
    }

    /// Its first day.
    pub fn first(self) -> Date {
        self.first
    }

    /// Its last day.
    pub fn last(self) -> Date {
        self.last
    }

    /// How many days it has.
    pub fn count(self) -> usize {
        let days = self.first.until(self.last).map_or(0, |span| span.get_days());
        usize::try_from(days).unwrap_or(0) + 1
    }

    /// Its days.
    pub fn days(self) -> impl Iterator<Item = Date> {
        self.first.series(1.day()).take_while(move |day| *day <= self.last)
    }

    /// What it is called.
    pub fn kind(self) -> Kind {
        let months = self.are_months();
        match (self.first, self.last) {
            (first, last) if months && first.year() == last.year() && first.month() == 1 && last.month() == 12 => {
                Kind::Year
            }
            (first, last) if months && first.first_of_month() == last.first_of_month() => Kind::Month,
            (first, _) if first.weekday() == Weekday::Monday && self.count() == 7 => Kind::Week,
            _ => Kind::Days,
        }
    }

    fn are_months(self) -> bool {
        self.first.day() == 1 && self.last == self.last.last_of_month()
    }

    /// The periods that are published each for itself, and of which this one is made: its months if it is made of
    /// months, otherwise itself.
    pub fn parts(self) -> Vec<Self> {
        if !self.are_months() {
            return vec![self];
        }
        let firsts = self.first.series(1.month()).take_while(|first| *first <= self.last);
        firsts.filter_map(Self::month).collect()
    }

    /// The period before it, of the same length; of as many months if it is made of months.
    pub fn before(self) -> Option<Self> {
        let last = self.first.yesterday().ok()?;
        let first = match self.are_months() {
            true => self
                .first
                .checked_sub(i32::try_from(self.parts().len()).ok()?.months())
                .ok()?,
            false => self.first.checked_sub(i32::try_from(self.count()).ok()?.days()).ok()?,
        };
        Some(Self { first, last })
    }

    /// Whether they share a day.
    pub fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Its beginning, and the end that is no longer in it.
    pub fn times(self) -> (Timestamp, Timestamp) {
        let midnight = |day: Date| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)).unwrap_or(Timestamp::MAX);
        (
            midnight(self.first),
            self.last.tomorrow().map_or(Timestamp::MAX, midnight),
        )
    }

    /// When it can be published: what began in it has ended by then.
    pub fn is_over_from(self) -> Timestamp {
        self.times().1.checked_add(UNDER_WAY).unwrap_or(Timestamp::MAX)
    }
}

impl From<Period> for String {
    fn from(period: Period) -> Self {
        period.to_string()
    }
}

impl TryFrom<String> for Period {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text)
    }
}

/// As [`Period::parse`] reads it.
impl fmt::Display for Period {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last } = self;
        match self.kind() {
            Kind::Year => write!(f, "{:04}", first.year()),
            Kind::Month => write!(f, "{}", first.strftime("%Y-%m")),
            Kind::Week => {
                let week = first.iso_week_date();
                write!(f, "{:04}-W{:02}", week.year(), week.week())
            }
            Kind::Days => write!(f, "{first}..{last}"),
        }
    }
}

/// The day that no longer lets the one before it go on.
fn today(now: Timestamp) -> Option<Date> {
    let over = now.checked_sub(UNDER_WAY).ok()?;
    Some(Offset::UTC.to_datetime(over).date())
}

fn day(text: &str) -> Option<Date> {
    let plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    let day: Date = plain.then(|| text.parse().ok())??;
    (1000..9000).contains(&day.year()).then_some(day)
}

fn digits(text: &str) -> Option<u16> {
    text.bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn period(text: &str) -> Period {
        Period::parse(text).unwrap()
    }

    #[test]
    fn a_period_is_read_as_it_is_written() {
        for (text, first, last, kind) in [
            ("2026", "2026-01-01", "2026-12-31", Kind::Year),
            ("2024-02", "2024-02-01", "2024-02-29", Kind::Month),
            ("2026-W43", "2026-10-19", "2026-10-25", Kind::Week),
            ("2026-W53", "2026-12-28", "2027-01-03", Kind::Week),
            ("2026-10-01..2026-10-15", "2026-10-01", "2026-10-15", Kind::Days),
            ("2026-10-05..2026-10-05", "2026-10-05", "2026-10-05", Kind::Days),
            ("2026-10-01..2026-12-31", "2026-10-01", "2026-12-31", Kind::Days),
        ] {
            let period = period(text);
            assert_eq!(
                (period.first.to_string(), period.last.to_string()),
                (first.into(), last.into())
            );
            assert_eq!((period.kind(), period.to_string()), (kind, text.to_owned()));
        }
        assert_eq!(
            period("2026-10-01..2026-10-31").to_string(),
            "2026-10",
            "by whatever name"
        );
    }

    #[test]
    fn what_is_no_period_is_refused() {
        for text in [
            "",
            "26",
            "2026-13",
            "2026-W54",
            "2025-W53",
            "2026-1",
            "2026-W1",
            "2026-10-15..2026-10-01",
            "2026-10-01..",
            "2026-10-01",
            "..",
            "2026-10..2026-11",
            "2000-01-01..2026-01-01",
            "ąąąą",
            "202ą",
            "+026",
            "0000",
            "9999",
        ] {
            assert!(Period::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_year_is_made_of_its_months_and_a_week_of_itself() {
        let names = |text| period(text).parts().iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names("2026").len(), 12);
        assert_eq!(names("2026-10-01..2026-12-31"), ["2026-10", "2026-11", "2026-12"]);
        assert_eq!(names("2026-W43"), ["2026-W43"]);
        assert_eq!(names("2026-10-01..2026-10-15"), ["2026-10-01..2026-10-15"]);
    }

    #[test]
    fn the_period_before_is_as_long() {
        for (text, before) in [
            ("2026", "2025"),
            ("2026-03", "2026-02"),
            ("2026-W01", "2025-W52"),
            ("2026-10-08..2026-10-10", "2026-10-05..2026-10-07"),
            ("2026-10-01..2026-12-31", "2026-07-01..2026-09-30"),
        ] {
            assert_eq!(period(text).before().unwrap().to_string(), before);
        }
    }

    #[test]
    fn the_last_month_and_the_last_week_are_over() {
        for (now, month, week) in [
            ("2026-11-22T03:30:00Z", "2026-10", "2026-W46"),
            ("2026-11-23T03:30:00Z", "2026-10", "2026-W47"),
            ("2026-12-01T01:59:59Z", "2026-10", "2026-W48"),
            ("2026-12-01T02:00:00Z", "2026-11", "2026-W48"),
            ("2027-01-01T03:30:00Z", "2026-12", "2026-W52"),
        ] {
            let now: Timestamp = now.parse().unwrap();
            let (last_month, last_week) = (Period::last_month(now).unwrap(), Period::last_week(now).unwrap());
            assert_eq!(
                (last_month.to_string(), last_week.to_string()),
                (month.into(), week.into())
            );
            assert!(last_month.is_over_from() <= now && last_week.is_over_from() <= now);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_survived_and_what_is_read_is_written_and_read_again(
            text in "\\PC{0,12}|[0-9W.-]{0,22}|20[0-9]{2}(-[01][0-9])?|20[0-9]{2}-W[0-5][0-9]|20[0-9]{2}-[01][0-9]-[0-3][0-9]\\.\\.20[0-9]{2}-[01][0-9]-[0-3][0-9]"
        ) {
            if let Ok(period) = Period::parse(&text) {
                prop_assert_eq!(Period::parse(&period.to_string()), Ok(period));
                prop_assert_eq!(period.days().count(), period.count());
                let parts = period.parts();
                prop_assert_eq!(parts.iter().map(|part| part.count()).sum::<usize>(), period.count());
                let before = period.before().unwrap();
                prop_assert!(!before.overlaps(period) && before.last.tomorrow().unwrap() == period.first);
            }
        }
    }
}
