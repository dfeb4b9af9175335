//! What leaves the journal, for an authority or for a person who asks: a bundle that proves itself, and the register in
//! which it was entered before it left.
//!
//! # A bundle
//!
//! is a BagIt bag (RFC 8493): a folder that whoever has it can verify without the journal and without a network, with
//! public tools.
//!
//! ```text
//! disclosure-2026-0001/
//! ├── bagit.txt, bag-info.txt           as RFC 8493 has them
//! ├── manifest-sha256.txt               the SHA-256 of every file below data/
//! ├── tagmanifest-sha256.txt, -sha512   those of the others; two, so that each tells a change of the other
//! ├── VERIFY.md, tools/check.go         how to verify by hand, and a program that does it with Go's libraries
//! ├── register/                         the line of the register, its proof and the key
//! └── data/
//!     ├── order.json                    who asked, on what basis, who decided
//!     ├── query.json                    what was looked for, and how much was read, found and disclosed
//!     ├── gaps.json                     what is known to be missing of that time, and why
//!     ├── statement.pl.md, .en.md       what the custodian states
//!     ├── policies/<version>.toml       the policies that were in force
//!     └── <log>/                        access; addresses, arrivals and events where something of them belongs to it
//!         ├── records.jsonl, .log       lines of the journal, byte for byte, in order
//!         ├── index.jsonl               for each record: its index, its segment, its file
//!         ├── proofs/<index>.tlog-proof that it is in the log (C2SP, tlog-proof)
//!         ├── checkpoint                the one that all the proofs lead to, with the signatures of witnesses
//!         └── key                       the public key, to be compared with the one that the office has published
//! ```
//!
//! The line of the register has the SHA-256 of `manifest-sha256.txt`, and with it that of all below `data/`. It is
//! durable and signed before the bundle has its name. Until then the bundle is a folder `.unfinished-…`, which nothing
//! takes for a bundle. So a crash can leave a line without a bundle, never a bundle without a line.
//!
//! # The register
//!
//! is a log of the journal, [`Log::Disclosures`](crate::journal::Log::Disclosures), and its lines are those of
//! [`register`]. It holds who asked and who decided, and nothing about a visitor: of a filter only what it was by.

pub mod bag;
pub mod bundle;
pub mod gaps;
pub mod question;
pub mod register;
mod section;
mod statement;
pub mod verify;

#[cfg(test)]
mod tests;

use std::io;

use sha2::{Digest, Sha256};

use crate::journal::evidence::EvidenceError;
use crate::journal::{Log, Name, RegisterError};

/// Why nothing was disclosed.
#[derive(Debug, thiserror::Error)]
pub enum DisclosureError {
    /// Segments that may hold what is asked for are encrypted, and no identity opens them: nobody could say that it was
    /// all.
    #[error("{log}/{segment} is encrypted, so what is asked for cannot be looked for in all of it")]
    Sealed {
        /// The log.
        log: Log,
        /// The first of them.
        segment: Name,
    },
    /// A record could not be proved.
    #[error("{log}: {error}")]
    Evidence {
        /// In which log.
        log: Log,
        /// Why.
        error: EvidenceError,
    },
    /// The register takes no line.
    #[error(transparent)]
    Register(#[from] RegisterError),
    /// The journal cannot be read.
    #[error("the journal cannot be read: {0}")]
    Journal(io::Error),
    /// The bundle cannot be written.
    #[error("the bundle cannot be written: {0}")]
    Bundle(#[from] io::Error),
}

/// A SHA-256, in hexadecimal, as `sha256sum` prints it.
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
