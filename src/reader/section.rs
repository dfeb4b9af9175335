//! A table of a TOML file, asked for the keys it may hold.

use std::borrow::Cow;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Document, Value, nearest};

/// A table of a TOML file. Every key it may hold is asked for; [`Section::finish`] reports the others.
pub struct Section<'d> {
    document: &'d Document<'d>,
    /// `None` where the file has no such section.
    table: Option<&'d DeTable<'d>>,
    span: Range<usize>,
    /// Its header without brackets, `log.access`; empty for the file itself.
    name: String,
    known: Vec<&'static str>,
    /// What must be there and is not, until a misspelt key explains it: key, what was found, remedy.
    missing: Vec<(&'static str, String, String)>,
}

impl<'d> Section<'d> {
    pub(super) fn root(document: &'d Document<'d>, table: &'d DeTable<'d>) -> Self {
        Self {
            document,
            table: Some(table),
            span: 0..0,
            name: String::new(),
            known: Vec::new(),
            missing: Vec::new(),
        }
    }

    pub(super) fn of(document: &'d Document<'d>, table: &'d DeTable<'d>, span: Range<usize>, name: String) -> Self {
        Self {
            document,
            table: Some(table),
            span,
            name,
            known: Vec::new(),
            missing: Vec::new(),
        }
    }

    /// The value of a key, if it is there.
    pub fn optional(&mut self, key: &'static str) -> Option<Value<'d>> {
        self.known.push(key);
        #[cfg(test)]
        self.document.ask(&self.path(key));
        let (key, value) = self.table?.get_key_value(key)?;
        Some(Value::of_key(
            self.document,
            self.path(key.get_ref()),
            key.get_ref(),
            value,
        ))
    }

    /// The value of a key that must be there. `example` is what to add if it is not: `version = "2026-1"`.
    pub fn required(&mut self, key: &'static str, example: &str) -> Option<Value<'d>> {
        let value = self.optional(key);
        if value.is_none() {
            self.missing.push((
                key,
                format!("{key} is missing{}", self.inside()),
                format!("add {example}"),
            ));
        }
        value
    }

    /// A section of this one. One that is not there reads as one without keys.
    pub fn section(&mut self, key: &'static str) -> Section<'d> {
        let section = self.optional(key).and_then(|value| value.section());
        section.unwrap_or_else(|| Section {
            document: self.document,
            table: None,
            span: self.span.clone(),
            name: self.path(key),
            known: Vec::new(),
            missing: Vec::new(),
        })
    }

    /// A section that must be there. `holds` names what belongs into it: `name, address and contact`.
    pub fn required_section(&mut self, key: &'static str, holds: &str) -> Option<Section<'d>> {
        match self.optional(key) {
            Some(value) => value.section(),
            None => {
                let path = self.path(key);
                self.missing.push((
                    key,
                    format!("the section [{path}] is missing"),
                    format!("add [{path}] with {holds}"),
                ));
                None
            }
        }
    }

    /// Whether the file has it.
    pub fn is_there(&self) -> bool {
        self.table.is_some()
    }

    /// Reports something that should be in it and is not.
    pub fn missing(&self, found: impl Into<String>, remedy: impl Into<String>) {
        if self.is_there() {
            self.document.missing(&self.span, found.into(), remedy.into());
        }
    }

    /// Reports the keys that nobody asked for, each with the nearest one that was, and those that are missing. What was
    /// asked for as [`Section::required`] is not reported before.
    pub fn finish(mut self) {
        for (key, value) in self.table.into_iter().flatten() {
            if !self.known.contains(&key.get_ref().as_ref()) {
                self.unknown(key, value);
            }
        }
        for (_, found, remedy) in std::mem::take(&mut self.missing) {
            self.missing(found, remedy);
        }
    }

    fn unknown(&mut self, key: &Spanned<Cow<'_, str>>, value: &Spanned<DeValue<'_>>) {
        let written = key.get_ref();
        let is_section = matches!(value.get_ref(), DeValue::Table(_));
        let shown = |key: &str| {
            if is_section {
                format!("[{}]", self.path(key))
            } else {
                key.to_owned()
            }
        };
        let near = nearest(written, self.missing.iter().map(|(key, ..)| *key));
        let near = near.or_else(|| nearest(written, self.known.iter().copied()));
        let remedy = match near {
            Some(near) => format!("write {}", shown(near)),
            None if self.known.is_empty() => "remove it".to_owned(),
            None => format!("remove it; what can stand there: {}", self.known.join(", ")),
        };
        let found = if is_section {
            format!("unknown section {}", shown(written))
        } else {
            format!("unknown key {written}{}", self.inside())
        };
        self.document.fault(&key.span(), found, remedy);
        self.missing.retain(|(key, ..)| Some(*key) != near);
    }

    fn path(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }

    fn inside(&self) -> String {
        if self.name.is_empty() {
            String::new()
        } else {
            format!(" in [{}]", self.name)
        }
    }
}
