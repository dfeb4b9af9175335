//! A shipped file, filled in: values change, remarks are added, and every other line stays as it is shipped.

use serde_json::Value as Json;

/// Stands where something could not be known, and is looked for by `check`.
pub(in crate::cli) const OPEN: &str = "???";

/// The lines of a TOML file that explains itself in remarks.
pub(super) struct Sheet {
    lines: Vec<String>,
}

/// What was to be changed is not there: the shipped file and this program do not belong together.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the shipped file has no {0}")]
pub(super) struct NoPlace(String);

impl Sheet {
    pub(super) fn of(text: &str) -> Self {
        let lines = text.lines().map(ToOwned::to_owned).collect();
        Self { lines }
    }

    /// Gives a key its value; one at its default, behind a `#`, is put in force.
    pub(super) fn set(&mut self, section: &str, key: &str, value: &str) -> Result<(), NoPlace> {
        let at = self.key(section, key)?;
        self.lines[at] = format!("{key} = {value}");
        Ok(())
    }

    /// Gives a default another value, which stays behind its `#`.
    pub(super) fn set_default(&mut self, section: &str, key: &str, value: &str) -> Result<(), NoPlace> {
        let at = self.key(section, key)?;
        self.lines[at] = format!("#{key} = {value}");
        Ok(())
    }

    /// Adds a remark above a key.
    pub(super) fn remark(&mut self, section: &str, key: &str, remark: &str) -> Result<(), NoPlace> {
        let at = self.key(section, key)?;
        self.insert(at, wrapped(remark));
        Ok(())
    }

    /// Adds lines behind one that begins so.
    pub(super) fn add_behind(&mut self, section: &str, line: &str, added: &[String]) -> Result<(), NoPlace> {
        let at = self.find(section, |own| own.starts_with(line));
        let at = at.ok_or_else(|| NoPlace(format!("{line} in {section}")))?;
        self.insert(at + 1, added.iter().cloned());
        Ok(())
    }

    /// Puts lines in the place of a section, its header included.
    pub(super) fn replace_section(&mut self, section: &str, by: &[String]) -> Result<(), NoPlace> {
        let start = self.lines.iter().position(|line| line == section);
        let start = start.ok_or_else(|| NoPlace(section.to_owned()))?;
        let length = self.lines[start..].iter().take_while(|line| !line.is_empty()).count();
        self.lines.splice(start..start + length, by.iter().cloned());
        Ok(())
    }

    /// Adds a remark at the top.
    pub(super) fn introduce(&mut self, remark: &str) {
        let lines = wrapped(remark).chain([String::new()]);
        self.insert(0, lines);
    }

    pub(super) fn into_text(self) -> String {
        self.lines.into_iter().map(|line| line + "\n").collect()
    }

    fn insert(&mut self, at: usize, lines: impl IntoIterator<Item = String>) {
        self.lines.splice(at..at, lines);
    }

    fn key(&self, section: &str, key: &str) -> Result<usize, NoPlace> {
        let is_key = |line: &str| {
            let line = line.strip_prefix('#').unwrap_or(line);
            line.strip_prefix(key).is_some_and(|rest| rest.starts_with(" ="))
        };
        self.find(section, is_key)
            .ok_or_else(|| NoPlace(format!("{key} in {section}")))
    }

    /// The first such line below a section's header; the empty header is the top of the file.
    fn find(&self, section: &str, is: impl Fn(&str) -> bool) -> Option<usize> {
        let mut header = "";
        self.lines.iter().position(|line| {
            if line.starts_with('[') {
                header = line;
            }
            header == section && is(line)
        })
    }
}

/// A text as TOML writes it.
pub(super) fn quoted(text: &str) -> String {
    Json::from(text).to_string() // what JSON escapes TOML escapes alike
}

/// A list of texts as TOML writes it.
pub(super) fn list<'t>(items: impl IntoIterator<Item = &'t str>) -> String {
    let items: Vec<_> = items.into_iter().map(quoted).collect();
    format!("[{}]", items.join(", "))
}

/// Lines of a remark, as wide as the shipped ones.
pub(super) fn wrapped(remark: &str) -> impl Iterator<Item = String> {
    const WIDTH: usize = 118;
    let mut lines: Vec<String> = Vec::new();
    for word in remark.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("# {word}")),
        }
    }
    lines.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str =
        "# top\nversion = \"1\"\n[a]\n# about x\nx = 1\n#y = 2\n\n[[b]]\nx = 3\nz = \"\"\"\nlong\"\"\"\n\n[c]\n";

    #[test]
    fn only_what_is_filled_in_changes() {
        let mut sheet = Sheet::of(SHIPPED);
        sheet.set("", "version", &quoted("2")).unwrap();
        sheet.set("[a]", "y", "[1]").unwrap();
        sheet.remark("[a]", "x", "why").unwrap();
        sheet.add_behind("[a]", "# about", &["w = 0".to_owned()]).unwrap();
        sheet.replace_section("[[b]]", &["# gone".to_owned()]).unwrap();
        sheet.introduce("made");
        assert_eq!(
            sheet.into_text(),
            "# made\n\n# top\nversion = \"2\"\n[a]\n# about x\nw = 0\n# why\nx = 1\ny = [1]\n\n# gone\n\n[c]\n"
        );
    }

    #[test]
    fn what_is_not_there_is_named() {
        let mut sheet = Sheet::of(SHIPPED);
        assert_eq!(sheet.set("[c]", "x", "1"), Err(NoPlace("x in [c]".to_owned())));
        assert_eq!(sheet.set("[a]", "z", "1"), Err(NoPlace("z in [a]".to_owned())));
        assert_eq!(sheet.replace_section("[b]", &[]), Err(NoPlace("[b]".to_owned())));
        assert_eq!(sheet.into_text(), SHIPPED);
    }

    #[test]
    fn texts_are_quoted_and_remarks_are_wrapped() {
        assert_eq!(list(["a\"b", "ż"]), "[\"a\\\"b\", \"ż\"]");
        let lines: Vec<_> = wrapped(&"słowo ".repeat(50)).collect();
        assert!(
            lines.len() > 1
                && lines
                    .iter()
                    .all(|line| line.starts_with("# ") && line.chars().count() <= 118)
        );
    }
}
