//! The name of a segment, the rule that says which of its lines count, and the order of a log's segments.

use std::fmt;
use std::io::{self, Read};

use jiff::civil::Date;

use super::disk::{Disk, Status};
use super::{Format, Log, layout};

/// ASCII CAN, "what precedes is to be disregarded" (ECMA-48, section 8.3.6): closes a torn line. No encoder writes it.
pub(crate) const CANCEL: u8 = 0x18;

/// What a file system leaves where data never arrived. No encoder writes it.
const HOLE: u8 = 0;

/// A segment's file name: `<yyyymmdd>-<index of the first record, 20 digits>.jsonl`, or `.log` for Combined Log Format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Name {
    /// The day, in UTC, on which it was begun.
    pub day: Date,
    /// The index of its first record.
    pub first: u64,
    /// What its lines are.
    pub format: Format,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let extension = match self.format {
            Format::JsonLines => "jsonl",
            Format::Combined => "log",
        };
        write!(f, "{}.{extension}", self.stem())
    }
}

/// How the bytes of a closed segment are packed: compressed first, then encrypted. Of two forms of one segment the
/// lesser counts; the other is one that a crash has kept from being finished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Form {
    /// To the administrator, by age.
    pub encrypted: bool,
    /// By zstd (RFC 8878).
    pub compressed: bool,
}

impl Form {
    /// As it was written.
    pub const PLAIN: Self = Self {
        encrypted: false,
        compressed: false,
    };

    /// Every form, the least first.
    pub(crate) const ALL: [Self; 4] = [
        Self::PLAIN,
        Self {
            encrypted: false,
            compressed: true,
        },
        Self {
            encrypted: true,
            compressed: false,
        },
        Self {
            encrypted: true,
            compressed: true,
        },
    ];

    /// What a segment's file name ends in.
    pub fn suffix(self) -> &'static str {
        match (self.compressed, self.encrypted) {
            (false, false) => "",
            (true, false) => ".zst",
            (false, true) => ".age",
            (true, true) => ".zst.age",
        }
    }
}

/// A segment in one of its forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Packed {
    pub(crate) name: Name,
    pub(crate) form: Form,
}

impl Packed {
    /// Reads a file name; `None` if it is no segment's.
    pub(crate) fn parse(file: &str) -> Option<Self> {
        // The most packed first: its suffix ends in that of another.
        let (name, form) = Form::ALL
            .iter()
            .rev()
            .find_map(|form| Some((Name::parse(file.strip_suffix(form.suffix())?)?, *form)))?;
        Some(Self { name, form })
    }

    /// Its path from the journal's folder.
    pub(crate) fn path(&self, log: Log) -> String {
        self.name.path(log) + self.form.suffix()
    }
}

/// A file beside a segment, by its segment's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// The secret of the leaves.
    Salt,
    /// The same, encrypted as the segment is.
    SealedSalt,
    /// The leaves.
    Leaves,
}

impl Beside {
    fn extension(self) -> &'static str {
        match self {
            Self::Salt => ".salt",
            Self::SealedSalt => ".salt.age",
            Self::Leaves => ".leaves",
        }
    }

    /// Whose it is, by its file name; `None` if it is no such file. A name says nothing about the segment's format.
    pub(crate) fn parse(self, name: &str) -> Option<Name> {
        Name::parse(&format!("{}.jsonl", name.strip_suffix(self.extension())?))
    }

    /// Every kind of them.
    pub(crate) const ALL: [Self; 3] = [Self::Salt, Self::SealedSalt, Self::Leaves];
}

impl Name {
    /// Reads a file name; `None` if it is no segment's.
    pub fn parse(name: &str) -> Option<Self> {
        let (stem, extension) = name.split_once('.')?;
        let format = match extension {
            "jsonl" => Format::JsonLines,
            "log" => Format::Combined,
            _ => return None,
        };
        let (day, first) = stem.split_once('-')?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(day, 8) || !digits(first, 20) {
            return None;
        }
        let (year, month, day) = (day[..4].parse().ok()?, day[4..6].parse().ok()?, day[6..].parse().ok()?);
        Some(Self {
            day: Date::new(year, month, day).ok()?,
            first: first.parse().ok()?,
            format,
        })
    }

    /// Its day and first index: its name without the extension.
    pub(crate) fn stem(&self) -> String {
        format!("{}-{:020}", self.day.strftime("%Y%m%d"), self.first)
    }

    /// The name of a file that goes with it, in the same folder.
    pub(crate) fn beside(&self, which: Beside) -> String {
        self.stem() + which.extension()
    }

    /// Its path from the journal's folder.
    pub(crate) fn path(&self, log: Log) -> String {
        format!("{}/{self}", log.folder())
    }
}

/// The segments of a log in the order of their records. Where two begin at the same index, the later one counts: a
/// start or a retry was cut short between creating it and removing the other. A log that is not there yet has none.
pub(crate) fn list(disk: &dyn Disk, log: Log) -> io::Result<Vec<Name>> {
    let mut names: Vec<_> = forms(disk, log)?.iter().map(|packed| packed.name).collect();
    names.dedup();
    Ok(names)
}

/// The same, each in every form that is there, the one that counts first.
pub(crate) fn forms(disk: &dyn Disk, log: Log) -> io::Result<Vec<Packed>> {
    let names = match disk.list(log.folder()) {
        Err(error) if log.is_optional() && error.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names?,
    };
    let mut forms: Vec<_> = names.iter().filter_map(|name| Packed::parse(name)).collect();
    forms.sort_by_key(|Packed { name, form }| (name.first, name.day, name.format == Format::Combined, *form));
    Ok(forms)
}

/// The file of a segment that counts.
pub(crate) fn status(disk: &dyn Disk, log: Log, name: Name) -> io::Result<Status> {
    in_its_form(|form| disk.status(&Packed { name, form }.path(log)))
}

/// Does something with the first form of a segment that is there. A form is removed only after another is there, later
/// in this order.
pub(crate) fn in_its_form<T>(mut work: impl FnMut(Form) -> io::Result<T>) -> io::Result<T> {
    for form in Form::ALL {
        match work(form) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            done => return done,
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Removes a segment, whatever its form.
pub(crate) fn remove(disk: &dyn Disk, log: Log, name: Name) -> io::Result<()> {
    for form in Form::ALL {
        layout::remove(disk, &Packed { name, form }.path(log))?;
    }
    Ok(())
}

/// Whether a line, taken without its `\n`, is void, and with it the rest of its segment.
pub(crate) fn is_void(line: &[u8]) -> bool {
    memchr::memchr2(HOLE, CANCEL, line).is_some()
}

/// What the bytes of a segment say about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Scan {
    /// Lines before the first void one.
    pub(crate) lines: u64,
    /// Whether there is a void or an unfinished line.
    pub(crate) torn: bool,
    /// Whether the last byte is not `\n`.
    pub(crate) unfinished: bool,
}

impl Scan {
    /// Reads a segment to its end, 64 KiB at a time.
    pub(crate) fn of(mut segment: impl Read) -> io::Result<Self> {
        let mut scan = Self::default();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let chunk = match segment.read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => buffer.get(..length).unwrap_or_default(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            for at in memchr::memchr3_iter(b'\n', HOLE, CANCEL, chunk) {
                if chunk[at] != b'\n' {
                    scan.torn = true;
                } else if !scan.torn {
                    scan.lines += 1;
                }
            }
            scan.unfinished = chunk.last() != Some(&b'\n');
        }
        scan.torn |= scan.unfinished;
        Ok(scan)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_name_is_read_as_it_is_written() {
        let name = Name {
            day: Date::constant(2026, 11, 21),
            first: 1_048_576,
            format: Format::JsonLines,
        };
        assert_eq!(name.to_string(), "20261121-00000000000001048576.jsonl");
        assert_eq!(Name::parse(&name.to_string()), Some(name));
    }

    #[test]
    fn other_names_are_no_segments() {
        for name in [
            "",
            "current",
            "20261121-1.jsonl",
            "20261321-00000000000000000000.jsonl",
            "20261121-99999999999999999999.jsonl",
            "20261121-00000000000000000000.jsonl.gz",
            "20261121-00000000000000000000.salt",
            "20261121-+0000000000000000000.log",
        ] {
            assert_eq!(Name::parse(name), None, "{name}");
        }
    }

    #[test]
    fn only_lines_before_the_first_void_one_count() {
        let scan = |bytes: &[u8]| Scan::of(bytes).unwrap();
        assert_eq!(scan(b""), Scan::default());
        assert_eq!(
            scan(b"a\nb\n"),
            Scan {
                lines: 2,
                torn: false,
                unfinished: false
            }
        );
        assert_eq!(
            scan(b"a\nb"),
            Scan {
                lines: 1,
                torn: true,
                unfinished: true
            }
        );
        assert_eq!(
            scan(b"a\nb\x18\n"),
            Scan {
                lines: 1,
                torn: true,
                unfinished: false
            }
        );
        assert_eq!(
            scan(b"a\n\0\0\0\nb\n"),
            Scan {
                lines: 1,
                torn: true,
                unfinished: false
            }
        );
    }

    #[test]
    fn a_packed_name_says_whose_form_it_is_and_the_least_packed_comes_first() {
        let name = Name::parse("20261121-00000000000001048576.log").unwrap();
        for form in Form::ALL {
            let packed = Packed { name, form };
            let file = format!("{name}{}", form.suffix());
            assert_eq!(Packed::parse(&file), Some(packed));
            assert_eq!(packed.path(Log::Access), format!("access/{file}"));
        }
        assert!(Form::ALL.is_sorted());
        assert_eq!(Packed::parse("20261121-00000000000001048576.log.age.zst"), None);
    }

    proptest! {
        #[test]
        fn a_segment_of_any_bytes_is_survived_and_counted_as_a_reader_would(bytes in "[\n\u{0}\u{18}a]{0,40}") {
            let lines = bytes.split_inclusive('\n').take_while(|line| {
                line.strip_suffix('\n').is_some_and(|line| !is_void(line.as_bytes()))
            });
            prop_assert_eq!(Scan::of(bytes.as_bytes()).unwrap().lines, lines.count() as u64);
        }

        #[test]
        fn any_name_is_survived(name in "\\PC*") {
            if let Some(parsed) = Name::parse(&name) {
                prop_assert_eq!(parsed.to_string(), name);
            }
        }
    }
}
