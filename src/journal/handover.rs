//! A journal that changes hands while exchanges are open: the process that writes it ends in good order and gives the
//! lock back, and still takes what its exchanges leave. That waits, until another process writes the journal and is
//! handed it, or this one writes again.
//!
//! ```text
//!           release               hand_on
//! writing ──────────▶ it waits ──────────────▶ it goes to the heir
//!    ▲                 │    ▲                    │
//!    └─────────────────┘    └────────────────────┘
//!           resume             hold, or no heir any more
//! ```
//!
//! Whoever serves notices nothing: places, slots and the inbox stay what they are. What is handed on has its line
//! already, so that an entry is made where its policy is known, and only there.

use std::io;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::arrivals::Promise;
use super::disk::Folder;
use super::inbox::Batch;
use super::key::Key;
use super::open::Hold;
use super::queue::{Message, Queue, Tally, Texts};
use super::writer::ROUND;
use super::{Arrival, CloseError, Journal, OpenError, Settings, policies, recovery};
use crate::clock::Clock;
use crate::policy::Policy;

/// How often it is looked whether the heir has decided on an arrival.
const PAUSE: Duration = Duration::from_millis(1);

/// An exchange's lines in `access` and, should the policy in force have such a log, in `addresses`, each with its `\n`.
/// It has no `Debug`: it cannot be printed.
pub(crate) struct Handed {
    pub(crate) access: String,
    pub(crate) addresses: String,
}

impl Handed {
    /// Lines that came from elsewhere; `None` if they are not one line each, which would let them pass for others.
    pub(crate) fn new(access: String, addresses: String) -> Option<Self> {
        (is_line(&access) && is_line(&addresses)).then_some(Self { access, addresses })
    }
}

/// Whether it is a record as a segment may have it.
pub(crate) fn is_line(text: &str) -> bool {
    let whole = text.strip_suffix('\n');
    whole.is_some_and(|line| !line.is_empty() && !line.bytes().any(|byte| byte.is_ascii_control()))
}

/// The process that writes the journal now, as the one before it sees it.
pub(crate) trait Heir: Send {
    /// So many exchanges are open, whose lines will come.
    fn open(&mut self, exchanges: u64) -> io::Result<()>;
    /// Hands over an exchange that has ended; so many are still open.
    fn entry(&mut self, handed: &Handed, open: u64) -> io::Result<()>;
    /// Hands over what is to be durable before an exchange is answered, and whom to tell of it.
    fn arrival(&mut self, line: String, promise: Promise) -> io::Result<()>;
    /// Tells what has no entry.
    fn count(&mut self, tally: Tally) -> io::Result<()>;
}

impl Journal {
    /// Whether [`Journal::open`] would be refused for what can be seen while another process writes. Nothing is
    /// changed.
    ///
    /// # Errors
    ///
    /// See [`OpenError`].
    pub(crate) fn may_open(settings: &Settings, policy: &Policy, policy_text: &str) -> Result<(), OpenError> {
        let disk = Folder::new(&settings.folder);
        let origin = recovery::recognise(&disk)?;
        if Key::load(&settings.key)?.origin() != origin {
            return Err(OpenError::KeyOfAnother);
        }
        policies::judge(&disk, policy, policy_text).map(drop)
    }

    /// Writes what is queued, makes it durable, says `journal.stop` and gives the lock back. What is recorded from here
    /// on waits for [`Journal::hand_on`] or [`Journal::resume`].
    ///
    /// # Errors
    ///
    /// See [`CloseError`]; the journal is then written as before.
    pub(crate) fn release(&self) -> Result<(), CloseError> {
        let (told, outcome) = mpsc::channel();
        self.queue.tell(Message::Release(told));
        outcome.recv().unwrap_or(Err(CloseError::Writer))
    }

    /// Hands everything that waits, and what comes, to the process that writes now.
    pub(crate) fn hand_on(&self, heir: Box<dyn Heir>) {
        self.queue.tell(Message::HandOn(heir));
    }

    /// Hands nothing over any more: when it returns, what comes waits again.
    pub(crate) fn hold(&self) {
        let (told, done) = mpsc::channel();
        self.queue.tell(Message::Hold(told));
        let _ = done.recv(); // if there is nobody who could tell, nobody hands anything over
    }

    /// Writes again, and what has waited first.
    ///
    /// # Errors
    ///
    /// As [`Journal::open`]; it then waits as before.
    pub(crate) fn resume(
        &self,
        settings: &Settings,
        policy: &Policy,
        policy_text: &str,
        clock: Clock,
    ) -> Result<(), OpenError> {
        let hold = Hold::take(&self.disk, &self.queue, settings, policy, policy_text, clock)?;
        self.queue.tell(Message::Resume(Box::new(hold)));
        Ok(())
    }

    /// Takes what an exchange has left that the process before this one served.
    pub(crate) fn take_handed(&self, handed: Handed) {
        let Handed { access, addresses } = handed;
        let lines = Texts {
            access: access.len(),
            addresses: addresses.len(),
            begun: None,
        };
        self.queue.take_place();
        self.queue
            .inbox
            .put(Message::Entry(lines), [access, addresses].concat().as_bytes());
    }

    /// Takes the line of an arrival that the process before this one has seen.
    pub(crate) fn take_arrival(&self, line: &str) -> Arrival {
        self.queue.arrive(line.as_bytes())
    }

    /// Counts exchanges of the process before this one that have no entry.
    pub(crate) fn count(&self, refused: u64, unrecorded: u64, unsynced: u64) {
        self.queue.count(|tally| {
            tally.refused += refused;
            tally.unrecorded += unrecorded;
            tally.unsynced += unsynced;
        });
    }
}

/// What is taken while another process writes.
pub(super) struct Released {
    queue: Arc<Queue>,
    heir: Option<Box<dyn Heir>>,
    /// Entries and arrivals.
    waiting: Batch,
}

/// How that ends.
pub(super) enum Then {
    /// It is written again; what has waited comes first.
    Resumed(Box<Hold>, Batch),
    Ended(Result<(), CloseError>),
}

impl Released {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        Self {
            queue,
            heir: None,
            waiting: Batch::default(),
        }
    }

    pub(super) fn live(mut self) -> Then {
        let queue = Arc::clone(&self.queue);
        let mut batch = Batch::default();
        'open: loop {
            queue.inbox.wait(ROUND, |_| ());
            queue.inbox.take(&mut batch);
            while let Some((message, text)) = batch.pop() {
                match message {
                    Message::Resume(hold) => {
                        // What came behind that word waits too.
                        while let Some((message, text)) = batch.pop() {
                            self.waiting.push(message, text);
                        }
                        return Then::Resumed(hold, self.waiting);
                    }
                    Message::HandOn(heir) => self.begin(heir),
                    Message::Hold(told) => {
                        self.end();
                        let _ = told.send(());
                    }
                    Message::Close(_) => break 'open,
                    Message::Entry(_) | Message::Arrival(..) => {
                        self.waiting.push(message, text);
                        self.hand_over();
                    }
                    // Of a journal that others write, they tell their own.
                    Message::Event(_) => queue.events_done(1),
                    Message::Release(told) => drop(told.send(Ok(()))), // nobody writes here
                    Message::Policy(_) | Message::Home | Message::Packed(_) => {}
                }
            }
            queue.pulse.turned();
        }
        self.end();
        Then::Ended(match self.waiting.len() as u64 {
            0 => Ok(()),
            lost => Err(CloseError::NotTaken { lost }),
        })
    }

    fn begin(&mut self, mut heir: Box<dyn Heir>) {
        if heir.open(self.queue.taken() as u64).is_ok() {
            self.heir = Some(heir);
            self.hand_over();
        }
    }

    /// As far as the heir takes it.
    fn hand_over(&mut self) {
        while let Some(heir) = &mut self.heir
            && let Some((message, text)) = self.waiting.first()
        {
            let taken = match message {
                Message::Entry(lines) => {
                    let open = self.queue.taken().saturating_sub(1) as u64;
                    let taken = heir.entry(&handed(lines, text), open).is_ok();
                    if taken {
                        self.waiting.pop();
                        self.queue.release(1);
                    }
                    taken
                }
                _ => match self.waiting.pop() {
                    Some((Message::Arrival(_, promise), line)) => heir.arrival(utf8(line), promise).is_ok(),
                    _ => true, // nothing else waits
                },
            };
            if !taken {
                self.heir = None; // whoever made it notices by itself that it is gone
            }
        }
    }

    /// The last word to the heir, if there is one.
    fn end(&mut self) {
        self.hand_over();
        if let Some(mut heir) = self.heir.take()
            && let Some(tally) = self.queue.take_tally()
            && heir.count(tally).is_err()
        {
            tracing::warn!("how many exchanges have no entry could not be told to the process that writes the journal");
        }
    }
}

/// An entry's lines with their ends.
fn handed(lines: &Texts, text: &[u8]) -> Handed {
    let (access, addresses) = lines.split(text);
    let mut access = access.to_vec();
    if let Some((begun, arrival)) = &lines.begun {
        // Its visitor may have left before its arrival was decided on, which the line names.
        while arrival.is_open() {
            thread::sleep(PAUSE);
        }
        begun.end(arrival.index(), &mut access);
    }
    Handed {
        access: utf8(&access),
        addresses: utf8(addresses),
    }
}

/// Every encoder writes UTF-8.
fn utf8(line: &[u8]) -> String {
    String::from_utf8_lossy(line).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_handed_over_is_a_line_and_no_more() {
        assert!(is_line("{}\n") && is_line("zażółć\n"));
        for other in ["", "\n", "{}", "{}\n{}\n", "a\u{0}b\n", "a\u{18}\n", "a\rb\n"] {
            assert!(!is_line(other), "{other:?}");
            assert!(Handed::new("{}\n".to_owned(), other.to_owned()).is_none());
        }
    }
}
