//! A value of a TOML file, asked for what it means.

use std::fmt;
use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::DeValue;

use super::unit::{SIZE, Scale, Slip, TIME};
use super::{Document, Section, nearest};

/// A value of a TOML file, and where it stands. What it is asked to be and is not becomes a fault, and the answer
/// `None`.
#[derive(Clone)]
pub struct Value<'d> {
    document: &'d Document<'d>,
    value: &'d Spanned<DeValue<'d>>,
    /// The key with its sections, `log.access.retention`.
    path: String,
    key: &'d str,
    in_list: bool,
}

impl<'d> Value<'d> {
    pub(super) fn of_key(
        document: &'d Document<'d>,
        path: String,
        key: &'d str,
        value: &'d Spanned<DeValue<'d>>,
    ) -> Self {
        Self {
            document,
            value,
            path,
            key,
            in_list: false,
        }
    }

    /// A text that is not empty, of one line and without control characters.
    pub fn string(&self) -> Option<&'d str> {
        self.plain_text(|char| char.is_control(), "is not one plain line")
    }

    /// A text that is not empty and may have several lines.
    pub fn prose(&self) -> Option<&'d str> {
        self.plain_text(
            |char| char.is_control() && !matches!(char, '\n' | '\r' | '\t'),
            "has control characters",
        )
    }

    /// `true` or `false`.
    pub fn boolean(&self) -> Option<bool> {
        match self.value.get_ref() {
            DeValue::Boolean(yes) => Some(*yes),
            _ => self.wrong_type("true or false", "write true or false, without quotes"),
        }
    }

    /// A whole number.
    pub fn integer(&self, range: RangeInclusive<u64>) -> Option<u64> {
        let allowed = format!("write a number from {} to {}", range.start(), range.end());
        let DeValue::Integer(written) = self.value.get_ref() else {
            return self.wrong_type("a whole number", &allowed);
        };
        match i128::from_str_radix(written.as_str(), written.radix()) {
            Ok(number) if number < i128::from(*range.start()) => self.fault("is too little", &allowed),
            Ok(number) if number <= i128::from(*range.end()) => u64::try_from(number).ok(),
            _ => self.fault("is too much", &allowed),
        }
    }

    /// A time with its unit: `"30 s"`, `"5 min"`, `"8 h"`, `"90 days"`.
    pub fn duration(&self, range: RangeInclusive<Duration>) -> Option<Duration> {
        let millis = |time: &Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.measure(&TIME, millis(range.start())..=millis(range.end()))
            .map(Duration::from_millis)
    }

    /// A number of bytes with its unit: `"64 KiB"`, `"256 MiB"`.
    pub fn size(&self, range: RangeInclusive<u64>) -> Option<u64> {
        self.measure(&SIZE, range)
    }

    /// One of a few words.
    pub fn one_of<T: Copy>(&self, words: &[(&str, T)]) -> Option<T> {
        let list = alternatives(words.iter().map(|(word, _)| *word));
        let DeValue::String(written) = self.value.get_ref() else {
            return self.wrong_type("one of its words", format!("write {list}"));
        };
        if let Some((_, meaning)) = words.iter().find(|(word, _)| word == written) {
            return Some(*meaning);
        }
        let remedy = match nearest(written, words.iter().map(|(word, _)| *word)) {
            Some(near) if words.len() > 1 => format!("write \"{near}\"; its words are {list}"),
            _ => format!("write {list}"),
        };
        self.fault("is not one of its words", remedy)
    }

    /// A day: `2026-11-30`, without quotes.
    pub fn date(&self) -> Option<Date> {
        const REMEDY: &str = "write year-month-day without quotes, like 2026-11-30";
        let DeValue::Datetime(written) = self.value.get_ref() else {
            return self.wrong_type("a date", REMEDY);
        };
        let (Some(date), None) = (written.date, written.time) else {
            return self.fault("is not a day alone", REMEDY);
        };
        let parts = (
            i16::try_from(date.year),
            i8::try_from(date.month),
            i8::try_from(date.day),
        );
        let (Ok(year), Ok(month), Ok(day)) = parts else {
            return self.fault("is not a day", REMEDY);
        };
        Date::new(year, month, day).map_or_else(|_| self.fault("is not a day", REMEDY), Some)
    }

    /// A section.
    pub fn section(&self) -> Option<Section<'d>> {
        let span = self.value.span();
        match self.value.get_ref() {
            DeValue::Table(table) => Some(Section::of(self.document, table, span, self.path.clone())),
            DeValue::Array(list) if list.iter().all(|item| matches!(item.get_ref(), DeValue::Table(_))) => self.fault(
                "is a list of sections",
                format!("write a single [{}], in single brackets", self.path),
            ),
            _ => self.wrong_type("a section", format!("write its settings below a line [{}]", self.path)),
        }
    }

    /// Sections of one kind: a single one, `[tls]`, or a list of them, `[[tls]]`.
    pub fn sections(&self) -> Option<Vec<Section<'d>>> {
        if self.is_list() {
            return self.items()?.iter().map(Self::section).collect();
        }
        Some(vec![self.section()?])
    }

    /// The values of a list, which may be empty.
    pub fn items(&self) -> Option<Vec<Value<'d>>> {
        match self.value.get_ref() {
            DeValue::Array(list) => Some(
                list.iter()
                    .map(|value| Self {
                        value,
                        in_list: true,
                        ..self.clone()
                    })
                    .collect(),
            ),
            DeValue::Table(_) => self.wrong_type(
                "a list of sections",
                format!("write [[{}]], in double brackets", self.path),
            ),
            _ => self.wrong_type("a list", format!("write {} = [{}]", self.key, self.shown_alone())),
        }
    }

    /// The number, if it is one without a unit.
    pub fn bare_number(&self) -> Option<u64> {
        match self.value.get_ref() {
            DeValue::Integer(written) => u64::from_str_radix(written.as_str(), written.radix()).ok(),
            _ => None,
        }
    }

    /// Whether it is a section or an inline table.
    pub fn is_section(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Table(_))
    }

    /// Whether it is a list.
    pub fn is_list(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Array(_))
    }

    /// Whether it is a list without values.
    pub fn is_empty_list(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Array(list) if list.is_empty())
    }

    /// Whether it is `false`.
    pub fn is_false(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::Boolean(false))
    }

    /// Whether it is a text.
    pub fn is_string(&self) -> bool {
        matches!(self.value.get_ref(), DeValue::String(_))
    }

    /// Reports that it cannot stay: what was written, and `wrong` behind it.
    pub fn fault<T>(&self, wrong: impl fmt::Display, remedy: impl Into<String>) -> Option<T> {
        self.report(format!("{} {wrong}", self.shown()), remedy.into())
    }

    /// The same, without what was written: it may hold a secret.
    pub fn fault_unseen<T>(&self, wrong: impl fmt::Display, remedy: impl Into<String>) -> Option<T> {
        self.report(format!("{} {wrong}", self.key), remedy.into())
    }

    fn report<T>(&self, found: String, remedy: String) -> Option<T> {
        self.document.fault(&self.value.span(), found, remedy);
        None
    }

    fn wrong_type<T>(&self, expected: &str, remedy: impl Into<String>) -> Option<T> {
        let is = match self.value.get_ref() {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or time",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a section",
        };
        self.fault(format_args!("is {is}, not {expected}"), remedy)
    }

    fn plain_text(&self, unfit: fn(char) -> bool, wrong: &str) -> Option<&'d str> {
        let DeValue::String(written) = self.value.get_ref() else {
            let example = match self.value.get_ref() {
                DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {
                    format!("put it in double quotes: \"{}\"", self.shown_alone())
                }
                _ => "write a text in double quotes".to_owned(),
            };
            return self.wrong_type("a text", example);
        };
        if written.trim().is_empty() {
            return self.fault("is empty", "write something there");
        }
        if written.contains(unfit) {
            return self.fault(wrong, "take out the control characters");
        }
        Some(written)
    }

    fn measure(&self, scale: &Scale, range: RangeInclusive<u64>) -> Option<u64> {
        let (least, most) = (scale.tell(*range.start()), scale.tell(*range.end()));
        let allowed = format!("write \"{least}\" to \"{most}\"");
        let no_unit = |number: u64| {
            let likely = scale.likely(number).find(|(_, meant)| range.contains(meant));
            let remedy = likely.map_or(allowed.clone(), |(unit, _)| format!("write \"{number} {unit}\""));
            self.fault("has no unit", remedy)
        };
        let DeValue::String(written) = self.value.get_ref() else {
            return match self.bare_number() {
                Some(number) => no_unit(number),
                None => self.wrong_type("a number with a unit", allowed),
            };
        };
        match scale.read(written) {
            Ok(number) if number < *range.start() => self.fault("is too little", allowed),
            Ok(number) if number <= *range.end() => Some(number),
            Ok(_) | Err(Slip::TooLarge) => self.fault("is too much", allowed),
            Err(Slip::NoUnit(number)) => no_unit(number),
            Err(Slip::Unit(number, word)) => {
                let units = format!("the units are {}", scale.names());
                let meant = scale.meant(word).map(|unit| format!("write \"{number} {unit}\""));
                self.fault("has an unknown unit", meant.unwrap_or(units))
            }
            Err(Slip::Number) => self.fault(
                "is not a whole number with a unit",
                format!("write a number and a unit, like \"{least}\""),
            ),
        }
    }

    /// `retention = "90"`, `"x" in hosts`, `[log.access]`; only the key where the value is a secret.
    fn shown(&self) -> String {
        let is_header = self.is_section() && !self.in_list && !self.written().starts_with('{');
        match (is_header, self.is_secret(), self.in_list) {
            (true, ..) => format!("[{}]", self.path),
            (_, true, _) => self.key.to_owned(),
            (_, _, true) => format!("{} in {}", self.shown_alone(), self.key),
            (_, _, false) => format!("{} = {}", self.key, self.shown_alone()),
        }
    }

    fn shown_alone(&self) -> String {
        match self.value.get_ref() {
            _ if self.is_secret() => "…".to_owned(),
            // Its keys may be named like secrets.
            DeValue::Table(_) => "{ … }".to_owned(),
            _ => self.written(),
        }
    }

    fn written(&self) -> String {
        self.document.written(self.value.span())
    }

    fn is_secret(&self) -> bool {
        const NAMES: [&str; 5] = ["key", "secret", "password", "passphrase", "token"];
        self.key
            .split(['_', '-'])
            .any(|word| NAMES.contains(&word.to_ascii_lowercase().as_str()))
    }
}

/// `"url", "host" or "omitted"`.
fn alternatives<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let mut quoted: Vec<_> = words.map(|word| format!("\"{word}\"")).collect();
    let last = quoted.pop().unwrap_or_default();
    if quoted.is_empty() {
        last
    } else {
        format!("{} or {last}", quoted.join(", "))
    }
}
