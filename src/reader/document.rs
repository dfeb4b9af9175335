//! One TOML file, its places, and the faults found in it so far.

use std::cell::RefCell;
use std::ops::Range;

use toml::de::{DeTable, Error};

use super::{Fault, Faults, Place, Section};

/// One TOML file. What is found wrong in it, here or by its [`Section`]s and values, is gathered until
/// [`Document::finish`].
pub struct Document<'t> {
    file: String,
    text: &'t str,
    root: DeTable<'t>,
    /// Lines that are not TOML. What is read on them or missing from the file may be an echo of that, so it is not a
    /// fault.
    broken: Vec<usize>,
    faults: RefCell<Faults>,
    /// Every key that was asked for, so that a test can tell whether the example files show them all.
    #[cfg(test)]
    asked: RefCell<Vec<String>>,
}

impl<'t> Document<'t> {
    /// Reads a text. `file` is the name by which faults call it.
    pub fn read(file: &str, text: &'t str) -> Self {
        let (root, errors) = DeTable::parse_recoverable(text);
        let mut document = Self {
            file: file.into(),
            text,
            root: root.into_inner(),
            broken: Vec::new(),
            faults: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        };
        document.syntax(errors);
        document
    }

    /// The file as a section: the keys above its first header, and its sections.
    pub fn root(&self) -> Section<'_> {
        Section::root(self, &self.root)
    }

    /// Hands over what was found. True if that is nothing.
    pub fn finish(self, faults: &mut Faults) -> bool {
        let found = self.faults.into_inner();
        let nothing = found.is_empty();
        faults.extend(found);
        nothing
    }

    #[cfg(test)]
    pub(super) fn ask(&self, path: &str) {
        self.asked.borrow_mut().push(path.to_owned());
    }

    /// Every key that was asked for.
    #[cfg(test)]
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    /// What was written at a place, made fit for one line.
    pub(super) fn written(&self, span: Range<usize>) -> String {
        const LONGEST: usize = 60;
        let written = self.text.get(span).unwrap_or_default();
        let line = written.lines().next().unwrap_or_default().trim_end();
        let short: String = line
            .chars()
            .take(LONGEST)
            .map(|char| if char.is_control() { '\u{fffd}' } else { char })
            .collect();
        if short.len() < written.trim_end().len() {
            short + "…"
        } else {
            short
        }
    }

    /// A fault at a place.
    pub(super) fn fault(&self, span: &Range<usize>, found: String, remedy: String) {
        let place = self.place(span.start);
        if !self.broken.contains(&place.line) {
            self.push(Some(place), found, remedy);
        }
    }

    /// Something that should be there and is not.
    pub(super) fn missing(&self, span: &Range<usize>, found: String, remedy: String) {
        if self.broken.is_empty() {
            self.fault(span, found, remedy);
        }
    }

    fn syntax(&mut self, mut errors: Vec<Error>) {
        let start = |error: &Error| error.span().map_or(0, |span| span.start);
        errors.sort_by_key(start);
        let mut in_list = false;
        for error in errors {
            let place = self.place(start(&error));
            // What the parser would have liked instead is in its own terms; the remedy says it in ours.
            let found = error.message().split(", expected").next().unwrap_or_default();
            // One slip makes the parser stumble again on its line, and an open list on every line below.
            let last = self.broken.last().copied();
            let again = last == Some(place.line) || (in_list && last == Some(place.line - 1));
            if !again {
                self.push(Some(place), found.to_owned(), syntax_remedy(found).to_owned());
                in_list = found.contains("array");
            }
            self.broken.push(place.line);
        }
    }

    fn push(&self, place: Option<Place>, found: String, remedy: String) {
        self.faults.borrow_mut().push(Fault {
            file: self.file.clone(),
            place,
            found,
            remedy,
        });
    }

    fn place(&self, offset: usize) -> Place {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Place {
            line: before.bytes().filter(|byte| *byte == b'\n').count() + 1,
            column: before[line_start..].chars().filter(|char| *char != '\u{feff}').count() + 1,
        }
    }
}

/// How to mend what the TOML parser complains of.
fn syntax_remedy(message: &str) -> &'static str {
    const REMEDIES: [(&str, &str); 11] = [
        ("duplicate key", "keep one of the two"),
        ("cannot extend value", "keep one of the two"),
        ("string values must be quoted", "put the value in double quotes"),
        (
            "missing value",
            "write a value behind the equals sign, or remove the line",
        ),
        ("key with no value", "write a value behind the key: key = value"),
        (
            "missing comma between array elements",
            "put a comma between the values, or close the list with ]",
        ),
        ("missing comma", "put commas between the settings"),
        ("unclosed array", "close the list with ]"),
        ("unclosed", "close the brackets on the line that opens them"),
        (
            "invalid basic string",
            "end the text with a double quote on its line, and write \\\\ for a backslash",
        ),
        (
            "invalid date",
            "write a day that exists: year-month-day, like 2026-11-30",
        ),
    ];
    REMEDIES.iter().find(|(start, _)| message.starts_with(start)).map_or(
        "write one setting a line, key = value, and text in double quotes",
        |(_, remedy)| remedy,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults_of(text: &str) -> String {
        let mut faults = Faults::new();
        Document::read("a.toml", text).finish(&mut faults);
        faults.to_string()
    }

    #[test]
    fn places_count_lines_and_characters_from_one() {
        let document = Document::read("a.toml", "żółw = 1\r\n\u{a0}é = 2");
        assert_eq!(document.place(0), Place { line: 1, column: 1 });
        assert_eq!(document.place("żółw ".len()), Place { line: 1, column: 6 });
        assert_eq!(document.place("żółw = 1\r\n\u{a0}".len()), Place { line: 2, column: 2 });
        assert_eq!(document.place(usize::MAX), Place { line: 2, column: 7 });
    }

    #[test]
    fn every_line_that_is_not_toml_is_a_fault() {
        assert_eq!(
            faults_of("a = office\nb = 1\nb = 2\nc = [\"1\" \"2\"]\n"),
            "a.toml:1:5: string values must be quoted\n  hint: put the value in double quotes\n\
             a.toml:3:1: duplicate key\n  hint: keep one of the two\n\
             a.toml:4:10: missing comma between array elements\n  \
             hint: put a comma between the values, or close the list with ]"
        );
    }

    #[test]
    fn files_of_other_systems_are_read_too() {
        assert_eq!(faults_of("\u{feff}a = 1\r\nb = \"x\"\r\n"), "");
    }

    #[test]
    fn what_is_written_is_quoted_in_one_line_and_secrets_are_not() {
        let document = Document::read(
            "a.toml",
            "list = [\n1, 2]\napi_key = 12\ntable = { password = \"34\" }\n",
        );
        let mut root = document.root();
        for key in ["list", "api_key", "table"] {
            assert!(root.required(key, "").is_some_and(|value| value.string().is_none()));
        }
        root.finish();
        let mut faults = Faults::new();
        assert!(!document.finish(&mut faults));
        let said = faults.to_string();
        assert!(said.contains("list = [… is a list, not a text"), "{said}");
        assert!(
            said.contains("api_key is a number, not a text") && !said.contains("12"),
            "{said}"
        );
    }
}
