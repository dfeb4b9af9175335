//! A small writer of journals, by the format alone, with time in its own hands; and the tools of who tampers.

use std::collections::BTreeMap;

use jiff::civil::Date;
use zeroize::Zeroizing;

use super::*;
use crate::journal::age::Identities;
use crate::journal::checkpoint::Checkpoint;
use crate::journal::disk::Disk;
use crate::journal::event::Event;
use crate::journal::note::Signer;
use crate::journal::segment::Name;
use crate::journal::simulated::Simulated;
use crate::journal::tree::{EntryIndex, Frontier, Hash, Salt, TreeSize, first_kept, tile_level};
use crate::journal::{Format, Log};

pub(super) const NOW: &str = "2026-11-21T20:00:00Z";

/// The files of a journal by their paths, and what its writer remembers.
#[derive(Clone)]
pub(super) struct Fixture {
    pub(super) files: BTreeMap<String, Vec<u8>>,
    pub(super) events: Writing,
    pub(super) access: Writing,
    keys: std::rc::Rc<[Signer; 2]>,
}

/// What the writer of one log remembers.
#[derive(Clone)]
pub(super) struct Writing {
    pub(super) frontier: Frontier,
    segment: Option<(Name, Salt)>,
    segments: u8,
}

pub(super) fn salt(log: Log, number: u8) -> Salt {
    Salt::new(Zeroizing::new([number + 80 * log as u8; 32]))
}

pub(super) fn stem(first: u64) -> String {
    format!("access/20261121-{first:020}")
}

pub(super) fn record(index: u64) -> String {
    format!(
        "{{\"timestamp\":\"2026-11-21T19:{:02}:00.000Z\",\"url\":{{\"path\":\"/{index}\"}}}}",
        index % 60
    )
}

impl Fixture {
    pub(super) fn empty() -> Self {
        let keys = [Log::Events, Log::Access]
            .map(|log| Signer::generate(key_name("town.example", log).parse().unwrap()).unwrap());
        Self::signed_with(std::rc::Rc::new(keys))
    }

    fn signed_with(keys: std::rc::Rc<[Signer; 2]>) -> Self {
        let writing = || Writing {
            frontier: Frontier::new(),
            segment: None,
            segments: 0,
        };
        let mut fixture = Self {
            files: BTreeMap::new(),
            events: writing(),
            access: writing(),
            keys,
        };
        fixture.put("journal", b"townclerk journal 1\norigin town.example\n");
        fixture.begin(Log::Events);
        fixture.event(&Event::Start { version: "1" });
        fixture
    }

    /// Segments of so many records, a checkpoint each `interval` records, at each segment's end and at the end.
    pub(super) fn of(segments: &[u64], interval: u64) -> Self {
        Self::empty().filled(segments, interval, record)
    }

    /// Another history, of other records, signed with the same keys.
    pub(super) fn again(&self, segments: &[u64], interval: u64, record: impl Fn(u64) -> String) -> Self {
        Self::signed_with(self.keys.clone()).filled(segments, interval, record)
    }

    fn filled(mut self, segments: &[u64], interval: u64, record: impl Fn(u64) -> String) -> Self {
        for records in segments {
            self.begin(Log::Access);
            for _ in 0..*records {
                let index = self.access.frontier.size().0;
                self.line(Log::Access, &record(index));
                if (index + 1).is_multiple_of(interval) {
                    self.sign(Log::Access);
                }
            }
            self.sign(Log::Access);
        }
        self.sign(Log::Events);
        self
    }

    /// That of the matrix: 3,700 records in four segments.
    pub(super) fn whole() -> Self {
        thread_local!(static WHOLE: Fixture = Fixture::of(&[1000, 1000, 1000, 700], 500));
        WHOLE.with(Clone::clone)
    }

    pub(super) fn put(&mut self, path: &str, bytes: &[u8]) {
        self.files.insert(path.to_owned(), bytes.to_vec());
    }

    pub(super) fn file(&mut self, path: &str) -> &mut Vec<u8> {
        self.files.entry(path.to_owned()).or_default()
    }

    pub(super) fn remove(&mut self, path: &str) {
        self.files.remove(path).expect(path);
    }

    pub(super) fn signer(&self, log: Log) -> &Signer {
        match log {
            Log::Events => &self.keys[0],
            Log::Access => &self.keys[1],
            Log::Addresses | Log::Arrivals | Log::Disclosures => unreachable!("the fixture has none"),
        }
    }

    pub(super) fn writing(&mut self, log: Log) -> &mut Writing {
        match log {
            Log::Events => &mut self.events,
            Log::Access => &mut self.access,
            Log::Addresses | Log::Arrivals | Log::Disclosures => unreachable!("the fixture has none"),
        }
    }

    pub(super) fn begin(&mut self, log: Log) {
        let writing = self.writing(log);
        let name = Name {
            day: Date::constant(2026, 11, 21),
            first: writing.frontier.size().0,
            format: Format::JsonLines,
        };
        let salt = salt(log, writing.segments);
        writing.segments += 1;
        writing.segment = Some((name, salt.clone()));
        let path = name.path(log);
        let stem = path.strip_suffix(".jsonl").unwrap();
        self.put(&format!("{stem}.salt"), salt.bytes());
        if log == Log::Access {
            self.event(&Event::Segment {
                log,
                segment: name,
                addresses: None,
                policy: "1".to_owned(),
            });
        }
        self.put(&path, b"");
        self.put(&format!("{stem}.leaves"), b"");
    }

    pub(super) fn event(&mut self, event: &Event) {
        let mut line = Vec::new();
        event.encode(at("2026-11-21T19:59:50Z"), &mut line);
        let line = String::from_utf8(line).unwrap();
        self.line(Log::Events, line.trim_end());
    }

    /// Writes a line, its leaf, and what it settles.
    pub(super) fn line(&mut self, log: Log, line: &str) {
        let writing = self.writing(log);
        let (name, salt) = writing.segment.clone().unwrap();
        let leaf = salt.leaf(EntryIndex(writing.frontier.size().0), line.as_bytes());
        let mut settled = Vec::new();
        writing.frontier.append(leaf, |level, hash| {
            if let Some(level @ 1..) = tile_level(level) {
                settled.push((level, *hash));
            }
        });
        let path = name.path(log);
        let text = self.file(&path);
        text.extend_from_slice(line.as_bytes());
        text.push(b'\n');
        let leaves = path.replace(".jsonl", ".leaves");
        self.file(&leaves).extend_from_slice(&leaf.0);
        for (level, hash) in settled {
            self.file(&format!("{log}/tree/{level}")).extend_from_slice(&hash.0);
        }
    }

    pub(super) fn sign(&mut self, log: Log) {
        let frontier = &self.writing(log).frontier;
        let (size, root) = (frontier.size(), frontier.root());
        let note = self.note(log, size.0, root);
        self.file(&format!("{log}/checkpoints")).extend_from_slice(&note);
        self.put(&format!("{log}/checkpoint"), &note);
    }

    pub(super) fn note(&self, log: Log, size: u64, root: Hash) -> Vec<u8> {
        let signer = self.signer(log);
        let checkpoint = Checkpoint::new(signer.verifier().name(), TreeSize(size), root);
        checkpoint.sign(signer).unwrap().note().to_string().into_bytes()
    }

    /// Removes the first segments of `access` as retention does.
    pub(super) fn retire(&mut self, segments: &[(u64, u64)], told: bool, signed: bool) {
        let next = segments.last().unwrap().1;
        if told {
            self.event(&Event::Retention {
                log: Log::Access,
                segments: segments.len() as u64,
                first: segments[0].0,
                next,
                policy: "1".to_owned(),
            });
        }
        if signed {
            self.sign(Log::Events);
        }
        for (first, end) in segments {
            self.remove(&format!("{}.jsonl", stem(*first)));
            self.remove(&format!("{}.salt", stem(*first)));
            if *end <= first_kept(0, EntryIndex(next)) {
                self.remove(&format!("{}.leaves", stem(*first)));
            }
        }
    }

    /// The byte of `access` at which a record's line begins, counted within its segment.
    pub(super) fn place(&self, first: u64, index: u64) -> usize {
        let text = &self.files[&format!("{}.jsonl", stem(first))];
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        lines.take((index - first) as usize).map(<[u8]>::len).sum()
    }

    /// Puts the lines of a segment in another order, or others in their place.
    pub(super) fn edit(&mut self, first: u64, edit: impl FnOnce(&mut Vec<Vec<u8>>)) {
        let text = self.file(&format!("{}.jsonl", stem(first)));
        let mut lines: Vec<_> = text
            .split_inclusive(|byte| *byte == b'\n')
            .map(<[u8]>::to_vec)
            .collect();
        edit(&mut lines);
        *text = lines.concat();
    }

    pub(super) fn disk(&self) -> Simulated {
        let disk = Simulated::default();
        for folder in ["", "access", "access/tree", "events", "events/tree"] {
            disk.make_folder(folder).unwrap();
        }
        for (path, bytes) in &self.files {
            disk.put(path, bytes);
        }
        disk
    }

    pub(super) fn verify(&self, trusted: &[Vec<u8>]) -> Result<Report, CannotVerify> {
        let keys: Vec<_> = self.keys.iter().map(|signer| signer.verifier().clone()).collect();
        let pinned = Pinned {
            keys: &keys,
            trusted,
            identities: &Identities::default(),
        };
        verify_on(&self.disk(), pinned, at(NOW), &mut no_progress)
    }
}

/// Writes 3,000 records and their checkpoint; the same writer then writes 700 more.
pub(super) fn older_and_newer() -> (Fixture, Fixture) {
    let older = Fixture::of(&[1000, 1000, 1000], 500);
    let mut newer = older.clone();
    newer.begin(Log::Access);
    for index in 3000..3700 {
        newer.line(Log::Access, &record(index));
    }
    newer.sign(Log::Access);
    newer.sign(Log::Events);
    (older, newer)
}
