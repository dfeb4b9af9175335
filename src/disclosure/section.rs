//! What a bundle holds of one log: records, where they stood, and their proofs.

use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::DisclosureError;
use super::bag::{Bag, Part};
use crate::journal::age::Identities;
use crate::journal::evidence::{EvidenceError, Proofs};
use crate::journal::note::VerifierKey;
use crate::journal::{Format, Log, Name};

/// The file of records of a format.
pub(crate) fn file_of(format: Format) -> &'static str {
    match format {
        Format::JsonLines => "records.jsonl",
        Format::Combined => "records.log",
    }
}

/// Where the proof of a record is, below its log's folder.
pub(crate) fn proof_of(index: u64) -> String {
    format!("proofs/{index:020}.tlog-proof")
}

/// What is being written of one log.
pub(crate) struct Section {
    log: Log,
    key: VerifierKey,
    proofs: Proofs,
    index: Part,
    json: Option<Part>,
    combined: Option<Part>,
    /// The records that are in it.
    pub(crate) records: u64,
    /// Those that are not, because the checkpoint does not cover them yet.
    pub(crate) unsigned: u64,
}

impl Section {
    /// Begins it, with a checkpoint that covers record `last` if there is one.
    pub(crate) fn begin(
        bag: &Bag,
        folder: &Path,
        log: Log,
        key: &VerifierKey,
        last: Option<u64>,
        identities: &Identities,
    ) -> Result<Self, DisclosureError> {
        let proofs =
            Proofs::of(folder, log, key, last, identities).map_err(|error| DisclosureError::Evidence { log, error })?;
        Ok(Self {
            index: bag.part(&format!("{log}/index.jsonl"))?,
            key: key.clone(),
            log,
            proofs,
            json: None,
            combined: None,
            records: 0,
            unsigned: 0,
        })
    }

    /// Adds a record with its proof; one that is not signed yet is only counted.
    pub(crate) fn add(&mut self, bag: &mut Bag, index: u64, segment: Name, text: &[u8]) -> Result<(), DisclosureError> {
        let log = self.log;
        let proof = match self.proofs.prove(index, segment, text) {
            Err(EvidenceError::Unsigned { .. }) => {
                self.unsigned += 1;
                return Ok(());
            }
            proof => proof.map_err(|error| DisclosureError::Evidence { log, error })?,
        };
        let file = file_of(segment.format);
        let records = match segment.format {
            Format::JsonLines => &mut self.json,
            Format::Combined => &mut self.combined,
        };
        let records = match records {
            Some(records) => records,
            None => records.insert(bag.part(&format!("{log}/{file}"))?),
        };
        records.write_all(text)?;
        records.write_all(b"\n")?;
        let place = json!({ "index": index, "segment": segment.to_string(), "file": file });
        writeln!(self.index, "{place}")?;
        bag.put(&format!("{log}/{}", proof_of(index)), proof.to_string().as_bytes())?;
        self.records += 1;
        Ok(())
    }

    /// Ends it.
    pub(crate) fn end(self, bag: &mut Bag) -> io::Result<()> {
        let log = self.log;
        for part in [Some(self.index), self.json, self.combined].into_iter().flatten() {
            bag.end(part)?;
        }
        let note = self.proofs.signed().note().to_string();
        bag.put(&format!("{log}/checkpoint"), note.as_bytes())?;
        bag.put(&format!("{log}/key"), format!("{}\n", self.key).as_bytes())
    }
}
