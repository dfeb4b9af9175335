//! What a witness's word means for a journal that is about to be opened.

use super::ask::{AskError, Cosigned};
use crate::journal::tree::TreeSize;

/// How a journal's newest checkpoint stands beside what a witness has signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The witness knew this very tree.
    Same,
    /// The witness knew a beginning of it, and knows it now.
    Behind {
        /// How many records it knew; 0 if it knew of none.
        size: TreeSize,
    },
    /// The witness knows more records than the journal has: the journal was rolled back, or the machine restored
    /// from an older copy.
    Ahead {
        /// How many.
        size: TreeSize,
    },
    /// The witness knows another history: the journal was rewritten.
    Forked,
    /// The witness knows a beginning, and the journal no longer has the hashes to show it: the records around that size
    /// were removed, or the disk fails.
    Unproven {
        /// How many records the witness knows.
        size: TreeSize,
    },
    /// The witness does not know the log, or another key of it; or what answers is not the witness.
    Refused,
    /// No answer.
    Unreachable,
}

impl Standing {
    /// From what came of asking the witness for a signature on a journal's newest checkpoint, of this size, as though
    /// it were known to have it: so it says first of all what it does know.
    pub fn of(size: TreeSize, asked: &Result<Cosigned, AskError>) -> Self {
        match *asked {
            Ok(Cosigned { knew, .. }) if knew == size => Self::Same,
            Ok(Cosigned { knew, .. }) => Self::Behind { size: knew },
            Err(AskError::KnowsMore { size }) => Self::Ahead { size },
            Err(AskError::Forked { .. }) => Self::Forked,
            Err(AskError::CannotProve { knows, .. }) => Self::Unproven { size: knows },
            Err(AskError::Unreachable(_) | AskError::TooSlow) => Self::Unreachable,
            Err(
                AskError::UnknownLog
                | AskError::UnknownKey
                | AskError::WrongSignature
                | AskError::NotUnderstood { .. }
                | AskError::Unsteady,
            ) => Self::Refused,
        }
    }

    /// Whether it shows that the journal is not what it was. Such a journal must not be carried on with.
    pub fn contradicts(self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::Forked)
    }
}
