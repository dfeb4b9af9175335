//! What is wrong in a file, where, and how to mend it.

use std::fmt;

use serde_json::json;

/// Something in a file that cannot stay as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file, as it was named to us.
    pub file: String,
    /// Where in the file; `None` if it is the file as a whole.
    pub place: Option<Place>,
    /// What was found, as a clause without a full stop: `retention = "90" has no unit`.
    pub found: String,
    /// What to do about it: `write "90 days"`.
    pub remedy: String,
}

/// A place in a text file, counted from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
}

/// All faults of all files: in the order in which the files were read, within a file from top to bottom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a fault at its place.
    pub fn push(&mut self, fault: Fault) {
        let below = |other: &Fault| other.file == fault.file && other.place > fault.place;
        let end = self
            .0
            .iter()
            .rposition(|other| other.file == fault.file)
            .map_or(self.0.len(), |last| last + 1);
        let at = self.0.iter().position(below).unwrap_or(end);
        self.0.insert(at, fault);
    }

    /// Adds the faults of further files.
    pub fn extend(&mut self, others: Faults) {
        others.0.into_iter().for_each(|fault| self.push(fault));
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// One by one.
    pub fn iter(&self) -> std::slice::Iter<'_, Fault> {
        self.0.iter()
    }

    /// `[{"file": …, "line": …, "column": …, "found": …, "remedy": …}, …]`. Line and column are null where the file as
    /// a whole is meant.
    pub fn to_json(&self) -> serde_json::Value {
        self.0
            .iter()
            .map(|fault| {
                json!({
                    "file": fault.file,
                    "line": fault.place.map(|place| place.line),
                    "column": fault.place.map(|place| place.column),
                    "found": fault.found,
                    "remedy": fault.remedy,
                })
            })
            .collect()
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(Place { line, column }) => write!(f, "{}:{line}:{column}: {}", self.file, self.found)?,
            None => write!(f, "{}: {}", self.file, self.found)?,
        }
        write!(f, "\n  hint: {}", self.remedy)
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(file: &str, line: usize) -> Fault {
        let place = Some(Place { line, column: 1 });
        Fault {
            file: file.into(),
            place,
            found: "x = 1 is odd".into(),
            remedy: "write 2".into(),
        }
    }

    #[test]
    fn files_keep_their_order_and_lines_are_sorted() {
        let mut faults = Faults::new();
        for (file, line) in [
            ("town.toml", 7),
            ("town.toml", 2),
            ("policy.toml", 9),
            ("town.toml", 5),
            ("policy.toml", 1),
        ] {
            faults.push(fault(file, line));
        }
        let order: Vec<_> = faults
            .iter()
            .map(|f| (f.file.as_str(), f.place.map(|p| p.line)))
            .collect();
        assert_eq!(
            order,
            [
                ("town.toml", Some(2)),
                ("town.toml", Some(5)),
                ("town.toml", Some(7)),
                ("policy.toml", Some(1)),
                ("policy.toml", Some(9))
            ]
        );
    }

    #[test]
    fn a_fault_is_two_lines_and_a_json_object() {
        let mut faults = Faults::new();
        faults.push(fault("policy.toml", 3));
        faults.push(Fault {
            place: None,
            ..fault("other.toml", 0)
        });
        assert_eq!(
            faults.to_string(),
            "policy.toml:3:1: x = 1 is odd\n  hint: write 2\nother.toml: x = 1 is odd\n  hint: write 2"
        );
        let json = faults.to_json();
        assert_eq!(json[0]["line"], 3);
        assert!(json[1]["line"].is_null());
        assert_eq!(json[1]["remedy"], "write 2");
    }
}
