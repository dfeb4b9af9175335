//! Before a journal is opened: whether a witness knows better.

use std::io;
use std::thread;
use std::time::Duration;

use super::hashes_of;
use crate::journal::checkpoint::Signed;
use crate::journal::disk::Disk;
use crate::journal::evidence::{self, EvidenceError};
use crate::journal::log_tree::LogTree;
use crate::journal::note::VerifierKey;
use crate::journal::{Log, OpenError};
use crate::witness::Place;
use crate::witness::ask::{self, AskError, Witness};

/// For one answer. There are two at most, and all are asked at once: a start waits for twice as long.
const PATIENCE: Duration = Duration::from_secs(2);
/// A witness of this machine is asked so often before it counts as silent: it may be starting at this very moment, as
/// containers do together.
const TRIES: u32 = 20;
/// Between two of them.
const PAUSE: Duration = Duration::from_millis(100);

/// Asks every witness about every log. One that contradicts forbids the start; so does one that is required and does
/// not vouch for the log. All else is said while serving.
///
/// A witness then signs a checkpoint that is there already, and nothing is changed here.
pub(crate) fn judge(disk: &dyn Disk, witnesses: &[Witness], trees: &[(Log, &LogTree)]) -> Result<(), OpenError> {
    if witnesses.is_empty() {
        return Ok(());
    }
    let logs: Vec<_> = trees
        .iter()
        .map(|(log, tree)| Ok((*log, tree.verifier().clone(), tree.noted()?)))
        .collect::<io::Result<_>>()?;
    let asked = thread::scope(|scope| {
        let mut asking = Vec::new();
        for witness in witnesses {
            for (log, key, noted) in &logs {
                let thread = thread::Builder::new().name("witness".to_owned());
                let asked = thread.spawn_scoped(scope, move || ask_about(disk, witness, *log, key, noted))?;
                asking.push((witness, *log, asked));
            }
        }
        let gone = |_| Err(AskError::Unreachable(io::ErrorKind::Other));
        let asked = asking
            .into_iter()
            .map(|(witness, log, asked)| (witness, log, asked.join().unwrap_or_else(gone)));
        Ok::<Vec<_>, io::Error>(asked.collect())
    })?;
    let failed = |forbids: fn(&Witness, AskError) -> bool| {
        let mut failed = asked.iter().filter_map(|(witness, log, asked)| {
            let error = asked.err().filter(|error| forbids(witness, *error))?;
            Some((*log, witness.key().name().to_string(), error))
        });
        failed.next()
    };
    if let Some((log, witness, error)) = failed(|_, error| error.contradicts()) {
        return Err(OpenError::Contradicted { log, witness, error });
    }
    match failed(|witness, _| witness.is_required()) {
        Some((log, witness, error)) => Err(OpenError::Unwitnessed { log, witness, error }),
        None => Ok(()),
    }
}

fn ask_about(disk: &dyn Disk, witness: &Witness, log: Log, key: &VerifierKey, noted: &Signed) -> Result<(), AskError> {
    let knows = noted.checkpoint().size();
    let unread = |kind| AskError::CannotProve { knows, kind };
    let hashes = hashes_of(disk, log).map_err(|error| unread(error.kind()))?;
    // As though it knew all: so it says first of all what it does know.
    let ask = |signed| {
        let ask = || ask::ask(witness, signed, knows, &hashes, PATIENCE).map(drop);
        let mut asked = ask();
        for _ in 1..TRIES {
            match asked {
                Err(error) if may_be_starting(witness, error) => thread::sleep(PAUSE),
                _ => break,
            }
            asked = ask();
        }
        asked
    };
    let published = evidence::checkpoint(disk, log, key).map_err(|error| match error {
        EvidenceError::Disk(error) => unread(error.kind()),
        _ => unread(io::ErrorKind::NotFound),
    })?;
    match ask(&published.1) {
        // A power cut can have taken back the name of the newest one, and left its note in the history. Nobody is shown
        // it before that, because it might not be durable.
        Err(AskError::KnowsMore { size }) if size <= knows => ask(noted),
        asked => asked,
    }
}

/// Whether nobody listens on its socket yet. Elsewhere that takes too long to find out.
fn may_be_starting(witness: &Witness, error: AskError) -> bool {
    use io::ErrorKind::{ConnectionRefused, NotFound};
    matches!(witness.place(), Place::Unix(_)) && matches!(error, AskError::Unreachable(NotFound | ConnectionRefused))
}
