//! Whether a bundle is what the office disclosed: without the journal and without a network.
//!
//! First the files: each must have its hash in the manifests, and none may be missing or too many. What is neither
//! below `data/` nor a tag manifest stands in two manifests, and `data/` in one that stands in both: so of a file and a
//! manifest that disagree, the one that was changed can be told. Then what is in them: every record has its proof, all
//! by one checkpoint, and the register tells of this very bundle.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256, Sha512};

use super::bag::{DECLARATION, Manifest, PAYLOAD, TAGS, files};
use super::section::proof_of;
use super::{hex, sha256};
use crate::journal::Log;
use crate::journal::checkpoint::Signed;
use crate::journal::note::{Algorithm, VerifierKey, VerifyError};
use crate::journal::proof::RecordProof;

/// What is wrong with a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The file.
    pub file: String,
    /// What is wrong with it.
    pub what: Wrong,
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Wrong {
    /// Its bytes are not those that the manifests tell of.
    #[error("was changed")]
    Changed,
    /// It is not there.
    #[error("is missing")]
    Missing,
    /// No manifest tells of it.
    #[error("does not belong to the bundle")]
    Strange,
    /// It does not say what townclerk writes there.
    #[error("is not as townclerk writes it: {0}")]
    Form(String),
    /// Its key is not among those that were given.
    #[error("is not a key that was given")]
    Key,
    /// What it holds is not proved.
    #[error("proves nothing: {0}")]
    Unproved(String),
    /// It says something else than another file of the bundle.
    #[error("says something else than {0}")]
    Differs(String),
}

/// What one log has in a bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proved {
    /// The log's name, with the site's.
    pub origin: String,
    /// Records that are proved.
    pub records: u64,
    /// The records of the checkpoint.
    pub size: u64,
    /// Witnesses whose keys were given and who have signed the checkpoint: their names, and when, in seconds
    /// since 1970.
    pub cosigned: Vec<(String, Option<u64>)>,
}

/// What the verification of a bundle came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// What is wrong; nothing if the bundle is whole.
    pub findings: Vec<Finding>,
    /// What is proved, log by log.
    pub proved: Vec<Proved>,
    /// The name of the matter.
    pub id: Option<String>,
    /// Whether the keys were compared with some that were given.
    pub is_pinned: bool,
}

/// Verifies the bundle in a folder. Of the keys, those of the logs are what the office has published, and those of
/// witnesses are looked for in the checkpoints. Without a key of a log, the bundle's own are believed, which proves
/// only that it is of one piece.
///
/// # Errors
///
/// A file cannot be read.
pub fn verify(folder: &Path, keys: &[VerifierKey]) -> io::Result<Report> {
    let (witnesses, published): (Vec<_>, Vec<_>) = keys
        .iter()
        .cloned()
        .partition(|key| key.algorithm() == Algorithm::Cosignature);
    let mut bundle = Bundle {
        folder: folder.to_owned(),
        report: Report {
            is_pinned: !published.is_empty(),
            ..Report::default()
        },
        witnesses,
        published,
    };
    bundle.compare_files()?;
    if bundle.report.findings.is_empty() {
        bundle.look_inside()?;
    }
    Ok(bundle.report)
}

struct Bundle {
    folder: PathBuf,
    report: Report,
    witnesses: Vec<VerifierKey>,
    published: Vec<VerifierKey>,
}

impl Bundle {
    fn find(&mut self, file: &str, what: Wrong) {
        let finding = Finding {
            file: file.to_owned(),
            what,
        };
        if !self.report.findings.contains(&finding) {
            self.report.findings.push(finding);
        }
    }

    fn read(&self, file: &str) -> io::Result<Vec<u8>> {
        fs::read(self.folder.join(file))
    }

    /// A file that should be there: nothing, and a finding, if it is not.
    fn expect(&mut self, file: &str) -> io::Result<Option<Vec<u8>>> {
        match self.read(file) {
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::IsADirectory) => {
                self.find(file, Wrong::Missing);
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    fn manifest(&mut self, file: &str, letters: usize) -> io::Result<Option<Manifest>> {
        let Some(text) = self.expect(file)? else {
            return Ok(None);
        };
        match Manifest::parse(&text, letters) {
            Ok(manifest) => Ok(Some(manifest)),
            Err(error) => {
                self.find(file, Wrong::Form(error.to_string()));
                Ok(None)
            }
        }
    }

    fn compare_files(&mut self) -> io::Result<()> {
        let there = files(&self.folder)?;
        let is_tag_manifest = |file: &str| TAGS.iter().any(|(tag, _)| *tag == file);
        let (payload, beside): (Vec<&str>, Vec<&str>) = there
            .iter()
            .map(String::as_str)
            .filter(|file| !is_tag_manifest(file))
            .partition(|file| file.starts_with("data/"));
        let [first, second] = TAGS;
        let tags = [self.manifest(first.0, first.1)?, self.manifest(second.0, second.1)?];
        self.compare_tags(&tags, &beside)?;
        let is_right = |finding: &Finding| finding.file != PAYLOAD;
        if self.report.findings.iter().all(is_right)
            && let Some(manifest) = self.manifest(PAYLOAD, 64)?
        {
            self.compare_payload(&manifest, &payload)?;
        }
        Ok(())
    }

    /// The files that stand in both tag manifests: of those that are whole, each one's word is held against the
    /// other's.
    fn compare_tags(&mut self, tags: &[Option<Manifest>; 2], beside: &[&str]) -> io::Result<()> {
        let mut all: BTreeSet<&str> = beside.iter().copied().collect();
        all.extend(tags.iter().flatten().flat_map(Manifest::paths));
        for file in all {
            let hashes = match beside.contains(&file) {
                true if self.is_file(file)? => {
                    Some(self.read(file)?).map(|bytes| [hex(&Sha256::digest(&bytes)), hex(&Sha512::digest(&bytes))])
                }
                _ => None,
            };
            // What each manifest that can be read says: that the file is as it is, or not.
            let words: Vec<_> = tags
                .iter()
                .enumerate()
                .filter_map(|(which, manifest)| {
                    let told = manifest.as_ref()?.of(file);
                    let is = hashes.as_ref().map(|hashes| hashes[which].as_str());
                    Some((TAGS[which].0, told == is, told.is_some()))
                })
                .collect();
            let agree = words.iter().filter(|(_, agrees, _)| *agrees).count();
            if agree == words.len() {
                if words.is_empty() {
                    self.find(file, Wrong::Strange);
                }
            } else if agree > 0 {
                let liars = words.iter().filter(|(_, agrees, _)| !agrees);
                let liars: Vec<_> = liars.map(|(manifest, ..)| *manifest).collect();
                liars.iter().for_each(|manifest| self.find(manifest, Wrong::Changed));
            } else {
                let is_told = words.iter().any(|(_, _, told)| *told);
                self.find(
                    file,
                    match (hashes.is_some(), is_told) {
                        (true, true) => Wrong::Changed,
                        (true, false) => Wrong::Strange,
                        (false, _) => Wrong::Missing,
                    },
                );
            }
        }
        if let Some(declaration) = self.expect(DECLARATION.0)?
            && declaration != DECLARATION.1.as_bytes()
        {
            self.find(DECLARATION.0, Wrong::Changed);
        }
        Ok(())
    }

    fn compare_payload(&mut self, manifest: &Manifest, payload: &[&str]) -> io::Result<()> {
        for file in payload {
            match manifest.of(file) {
                None => self.find(file, Wrong::Strange),
                Some(hash) => {
                    if !self.is_file(file)? || self.hash(file)? != hash {
                        self.find(file, Wrong::Changed);
                    }
                }
            }
        }
        let there: BTreeSet<_> = payload.iter().copied().collect();
        for file in manifest.paths() {
            if !file.starts_with("data/") {
                self.find(PAYLOAD, Wrong::Form(format!("{file} is not below data/")));
            } else if !there.contains(file) {
                self.find(file, Wrong::Missing);
            }
        }
        Ok(())
    }

    /// Links lead elsewhere, and are not followed.
    fn is_file(&self, file: &str) -> io::Result<bool> {
        Ok(fs::symlink_metadata(self.folder.join(file))?.is_file())
    }

    fn hash(&self, file: &str) -> io::Result<String> {
        let mut hasher = Sha256::new();
        io::copy(&mut File::open(self.folder.join(file))?, &mut Into(&mut hasher))?;
        Ok(hex(&hasher.finalize()))
    }

    fn look_inside(&mut self) -> io::Result<()> {
        let mut records = Vec::new();
        for log in [Log::Access, Log::Addresses, Log::Arrivals, Log::Events] {
            let is_there = self.folder.join(format!("data/{log}")).is_dir();
            if is_there || matches!(log, Log::Access | Log::Events) {
                let proved = self.log(log)?;
                records.push((log, proved.as_ref().map_or(0, |proved| proved.records)));
                self.report.proved.extend(proved);
            }
        }
        let query = self.json("data/query.json")?;
        let order = self.json("data/order.json")?;
        for (log, count) in records {
            if query["records"][log.folder()].as_u64() != Some(count) {
                self.find("data/query.json", Wrong::Differs(format!("data/{log}/index.jsonl")));
            }
        }
        for (version, hash) in query["policies.sha256"].as_object().into_iter().flatten() {
            let file = format!("data/policies/{version}.toml");
            if let Some(text) = self.expect(&file)?
                && hash.as_str() != Some(&sha256(&text))
            {
                self.find(&file, Wrong::Differs("data/query.json".to_owned()));
            }
        }
        self.register(&query, &order)?;
        self.report.id = order["id"].as_str().map(str::to_owned);
        Ok(())
    }

    fn json(&mut self, file: &str) -> io::Result<Value> {
        let text = self.expect(file)?.unwrap_or_default();
        Ok(serde_json::from_slice(&text).unwrap_or_else(|_| {
            self.find(file, Wrong::Form("it is not JSON".to_owned()));
            Value::Null
        }))
    }

    /// The key in a file, if it is the log's and, where some were given, one of these.
    fn key(&mut self, file: &str, log: Log) -> io::Result<Option<VerifierKey>> {
        let Some(text) = self.expect(file)? else {
            return Ok(None);
        };
        let text = String::from_utf8_lossy(&text);
        let key: Option<VerifierKey> = text.strip_suffix('\n').and_then(|text| text.parse().ok());
        let is_of_log = |key: &VerifierKey| {
            let is_named = key.name().as_str().ends_with(&format!("/townclerk/{log}"));
            is_named && key.algorithm() == Algorithm::Ed25519
        };
        let Some(key) = key.filter(is_of_log) else {
            self.find(file, Wrong::Form(format!("it is not the public key of a log {log}")));
            return Ok(None);
        };
        if self.report.is_pinned && !self.published.contains(&key) {
            self.find(file, Wrong::Key);
            return Ok(None);
        }
        Ok(Some(key))
    }

    fn log(&mut self, log: Log) -> io::Result<Option<Proved>> {
        let path = |file: &str| format!("data/{log}/{file}");
        let Some(key) = self.key(&path("key"), log)? else {
            return Ok(None);
        };
        let note = self.expect(&path("checkpoint"))?.unwrap_or_default();
        let signed = match Signed::open(&note, &key) {
            Ok(signed) => signed,
            Err(error) => {
                self.find(&path("checkpoint"), Wrong::Unproved(error.to_string()));
                return Ok(None);
            }
        };
        let cosigned = self.witnesses(&signed, &path("checkpoint"));
        let index = self.expect(&path("index.jsonl"))?.unwrap_or_default();
        let mut files: Vec<(String, Vec<u8>, usize)> = Vec::new();
        let (mut records, mut last) = (0, None);
        for line in index.split_inclusive(|byte| *byte == b'\n') {
            let Some(Place { index, file }) =
                Place::parse(line).filter(|place| last.is_none_or(|last| last < place.index))
            else {
                self.find(&path("index.jsonl"), Wrong::Form(format!("line {}", records + 1)));
                return Ok(None);
            };
            last = Some(index);
            let at = match files.iter().position(|(name, ..)| *name == file) {
                Some(at) => at,
                None => {
                    let text = self.expect(&path(&file))?.unwrap_or_default();
                    files.push((file.clone(), text, 0));
                    files.len() - 1
                }
            };
            let (_, text, read) = &mut files[at];
            let left = text.get(*read..).unwrap_or_default();
            let Some(length) = memchr::memchr(b'\n', left) else {
                self.find(&path(&file), Wrong::Differs(path("index.jsonl")));
                return Ok(None);
            };
            let record = left.get(..length).unwrap_or_default().to_vec();
            *read += length + 1;
            self.prove(&path(&proof_of(index)), &record, index, &key, &signed)?;
            records += 1;
        }
        for (file, text, read) in &files {
            if *read != text.len() {
                self.find(&path(file), Wrong::Differs(path("index.jsonl")));
            }
        }
        Ok(Some(Proved {
            origin: key.name().as_str().to_owned(),
            records,
            size: signed.checkpoint().size().0,
            cosigned,
        }))
    }

    /// Whether a record is proved, by this checkpoint.
    fn prove(&mut self, file: &str, record: &[u8], index: u64, key: &VerifierKey, by: &Signed) -> io::Result<()> {
        let Some(text) = self.expect(file)? else {
            return Ok(());
        };
        let proof = match RecordProof::parse(&text) {
            Ok(proof) => proof,
            Err(error) => {
                self.find(file, Wrong::Form(error.to_string()));
                return Ok(());
            }
        };
        match proof.verify(record, key) {
            Err(error) => self.find(file, Wrong::Unproved(error.to_string())),
            Ok(signed) if signed.note() != by.note() => {
                self.find(file, Wrong::Unproved("it is by another checkpoint".to_owned()));
            }
            Ok(_) if proof.index().0 != index => {
                self.find(file, Wrong::Unproved("it is that of another record".to_owned()));
            }
            Ok(_) => {}
        }
        Ok(())
    }

    fn witnesses(&mut self, signed: &Signed, file: &str) -> Vec<(String, Option<u64>)> {
        let mut cosigned = Vec::new();
        for witness in self.witnesses.clone() {
            let name = witness.name().as_str().to_owned();
            match signed.cosigned_at(&witness) {
                Ok(time) => cosigned.push((name, time)),
                Err(VerifyError::Unsigned) => {}
                Err(error @ VerifyError::Wrong) => self.find(file, Wrong::Unproved(format!("{name}: {error}"))),
            }
        }
        cosigned
    }

    /// The line of the register: proved, and about this bundle.
    fn register(&mut self, query: &Value, order: &Value) -> io::Result<()> {
        const LINE: &str = "register/record.jsonl";
        const PROOF: &str = "register/record.tlog-proof";
        let Some(key) = self.key("register/key", Log::Disclosures)? else {
            return Ok(());
        };
        let (Some(line), Some(proof)) = (self.expect(LINE)?, self.expect(PROOF)?) else {
            return Ok(());
        };
        let record = line.strip_suffix(b"\n").unwrap_or(&line);
        match RecordProof::parse(&proof).map(|proof| proof.verify(record, &key)) {
            Err(error) => self.find(PROOF, Wrong::Form(error.to_string())),
            Ok(Err(error)) => self.find(PROOF, Wrong::Unproved(error.to_string())),
            Ok(Ok(_)) => {}
        }
        let told = self.json(LINE)?;
        let manifest = self.expect(PAYLOAD)?.unwrap_or_default();
        if told["manifest.sha256"].as_str() != Some(&sha256(&manifest)) {
            self.find(LINE, Wrong::Differs(PAYLOAD.to_owned()));
        }
        let of_order = ["id", "case", "authority", "basis", "by"];
        if of_order.iter().any(|key| told[key] != order[key]) {
            self.find(LINE, Wrong::Differs("data/order.json".to_owned()));
        }
        let of_query = ["from", "to", "addresses", "scanned", "matched", "disclosed"];
        if of_query.iter().any(|key| told[key] != query[key]) {
            self.find(LINE, Wrong::Differs("data/query.json".to_owned()));
        }
        Ok(())
    }
}

/// A line of `index.jsonl`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The record's position in its log.
    pub index: u64,
    /// The file in which it is, beside.
    pub file: String,
}

impl Place {
    /// Reads one, with its end; `None` if it is none.
    pub fn parse(line: &[u8]) -> Option<Self> {
        let place: Value = serde_json::from_slice(line.strip_suffix(b"\n")?).ok()?;
        let file = place.get("file")?.as_str()?;
        matches!(file, "records.jsonl" | "records.log").then_some(())?;
        Some(Self {
            index: place.get("index")?.as_u64()?,
            file: file.to_owned(),
        })
    }
}

/// Lets a hash be written to.
struct Into<'a>(&'a mut Sha256);

impl io::Write for Into<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
