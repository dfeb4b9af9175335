//! Opening a journal, and what the rest of townclerk sees of it.

use std::any::Any;
use std::fmt;
use std::io;
use std::iter;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use jiff::Timestamp;
use jiff::civil::Date;

use super::appender::Appender;
use super::aside::{Aside, Runner};
use super::copy::Copy;
use super::cosigning::{self, Cosigning};
use super::disk::{Disk, Folder};
use super::event::{Event, Stop};
use super::fault::Fault;
use super::key::{Key, KeyFileError};
use super::log_tree::LogTree;
use super::note::{Signer, VerifierKey};
use super::queue::{Gate, Message, Queue, Slot, Unavailable};
use super::recovery::{self, Found, Torn};
use super::requests::Requests;
use super::retention::Bounds;
use super::writer::Writer;
use super::{Durability, Format, Log, OnDisk, Settings, Vitals, policies, writing};
use crate::clock::Clock;
use crate::policy::{Addresses, Policy, Retention, history};
use crate::witness::ask::AskError;

/// A site's journal, open for writing: a queue, and the one thread that writes. Workers share it by reference or `Arc`.
pub struct Journal {
    folder: PathBuf,
    origin: String,
    pub(super) disk: Arc<dyn Disk>,
    durability: Durability,
    keys: Keys,
    pub(super) queue: Arc<Queue>,
    writer: Mutex<Option<JoinHandle<Result<(), CloseError>>>>,
}

/// The public key of each log.
type Keys = [(Log, VerifierKey); Log::ALL.len()];

/// What the process has that writes a journal, given back in this order: the last checkpoint is shown to the witnesses
/// before another process may write.
pub(crate) struct Hold {
    pub(super) writer: Writer,
    _cosigning: Cosigning,
    _lock: Box<dyn Any + Send>,
    origin: String,
    keys: Keys,
}

impl Hold {
    /// Takes the lock, and does everything at start that may fail.
    pub(super) fn take(
        disk: &Arc<dyn Disk>,
        queue: &Arc<Queue>,
        settings: &Settings,
        policy: &Policy,
        policy_text: &str,
        clock: Clock,
    ) -> Result<Self, OpenError> {
        let (origin, lock) = recovery::claim(&**disk)?;
        let key = Key::load(&settings.key)?;
        if key.origin() != origin {
            return Err(OpenError::KeyOfAnother);
        }
        let keys = Log::ALL.map(|log| (log, key.verifier(log).clone()));
        let aside = Box::new(Runner::start("journal-sync", {
            let queue = Arc::clone(queue);
            move || queue.tell(Message::Home)
        })?);
        let writer = prepare(
            disk,
            settings,
            key,
            policy,
            policy_text,
            clock,
            Arc::clone(queue),
            aside,
        )?;
        Ok(Self {
            writer,
            _cosigning: Cosigning::start(disk, queue, &settings.witnesses, &keys)?,
            _lock: lock,
            origin,
            keys,
        })
    }
}

/// What a journal needs of the policy in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PolicyInForce {
    pub(crate) version: String,
    pub(crate) effective: Date,
    pub(crate) retention: Retention,
    /// How long addresses are kept, where they are in a log of their own.
    pub(crate) addresses: Option<Retention>,
}

impl From<&Policy> for PolicyInForce {
    fn from(policy: &Policy) -> Self {
        Self {
            version: policy.version.clone(),
            effective: policy.effective,
            retention: policy.access.retention,
            addresses: policy.addresses.as_ref().map(Addresses::retention),
        }
    }
}

/// Why a journal could not be opened. [`OpenError::remedy`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is no journal in the folder, or no folder.
    #[error("there is no journal here")]
    NotAJournal,
    /// The file `journal` is not one that townclerk wrote.
    #[error("the file `journal` is not one of ours")]
    Foreign,
    /// A later version of townclerk wrote it.
    #[error("the journal has format {version}, which this version does not know")]
    Newer {
        /// The format's version.
        version: u32,
    },
    /// A file or folder of the journal is missing.
    #[error("a file or folder of the journal is missing")]
    Incomplete,
    /// Others than its user can read the journal.
    #[error("others can read the journal")]
    Exposed,
    /// Another process writes to it.
    #[error("another process has the journal open")]
    Locked,
    /// The key to sign with is not there, or not to be used.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The key to sign with was made for another site.
    #[error("the key was made for another site than the journal")]
    KeyOfAnother,
    /// A log was signed with another key.
    #[error("the newest checkpoint of `{log}` was signed with another key")]
    AnotherKey {
        /// The log.
        log: Log,
    },
    /// A log's file `checkpoint` cannot be read, or its signature is wrong.
    #[error("the newest checkpoint of `{log}` is damaged")]
    CheckpointDamaged {
        /// The log.
        log: Log,
    },
    /// Records that were signed are not there.
    #[error("records of `{log}` that were signed are missing")]
    SignedMissing {
        /// The log.
        log: Log,
    },
    /// Records that were signed are not what they were.
    #[error("records of `{log}` that were signed have been altered")]
    SignedAltered {
        /// The log.
        log: Log,
    },
    /// A witness has signed more of a log than there is, or another history of it.
    #[error("the witness {witness} contradicts `{log}`: {error}")]
    Contradicted {
        /// The log.
        log: Log,
        /// The name of its key.
        witness: String,
        /// What it says.
        error: AskError,
    },
    /// A witness without which the journal is not to be opened does not vouch for a log.
    #[error("the witness {witness} is required, and does not sign for `{log}`: {error}")]
    Unwitnessed {
        /// The log.
        log: Log,
        /// The name of its key.
        witness: String,
        /// What it says.
        error: AskError,
    },
    /// The policy must not follow the versions before it (P19).
    #[error(transparent)]
    Policy(#[from] history::Refusal),
    /// The disk failed.
    #[error("the journal cannot be read or written: {0}")]
    Disk(#[from] io::Error),
    /// The disk failed at the journal's first lines.
    #[error("the journal cannot be written: {0}")]
    Fault(#[from] Fault),
}

impl OpenError {
    /// What to do about it, for a hint.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::NotAJournal => {
                "to create one, run `townclerk journal init`; if there should be one, see what is mounted"
            }
            Self::Foreign => "see what is mounted at this folder",
            Self::Newer { .. } => "run the version of townclerk that wrote it, or a later one",
            Self::Incomplete => "restore the folder from a backup, or move it away and run `townclerk journal init`",
            Self::Exposed => "run `chmod -R go= FOLDER`",
            Self::Locked => "stop the other process, or give this one a folder of its own",
            Self::Key(error) => error.remedy(),
            Self::KeyOfAnother | Self::AnotherKey { .. } => {
                "put back the key that the journal was made with; see `key` in [site.journal]"
            }
            Self::CheckpointDamaged { .. } | Self::SignedMissing { .. } | Self::SignedAltered { .. } => {
                "keep the folder as it is: it is evidence; restore it elsewhere from a backup, or begin a new journal in \
                 another folder"
            }
            Self::Contradicted { .. } => {
                "was a backup restored, or a copy of the folder started? Put the newest folder back, or keep this one as \
                 evidence and begin a new journal, with a new key, in another folder; `townclerk witness show`, where \
                 the witness is, prints what it has signed"
            }
            Self::Unwitnessed { .. } => {
                "see that the witness runs and was told of this log's key; or set `required = false` in \
                 [[site.journal.witness]]"
            }
            Self::Policy(_) => "give the policy a new version and date, or put its old text back",
            Self::Disk(_) | Self::Fault(_) => "see that the disk is mounted, writable for this user, and not full",
        }
    }
}

/// Why a journal did not end in good order.
#[derive(Debug, thiserror::Error)]
pub enum CloseError {
    /// The disk failed to the end.
    #[error("{lost} entries could not be written: {fault}")]
    Disk {
        /// How it failed.
        fault: Fault,
        /// Entries that were recorded and are not durable.
        lost: u64,
    },
    /// Another process was to write it, and did not take everything.
    #[error("{lost} entries could not be handed to the process that writes the journal")]
    NotTaken {
        /// Entries that were recorded and not taken.
        lost: u64,
    },
    /// The thread that writes had panicked.
    #[error("the journal's writer stopped by a fault of its own")]
    Writer,
}

/// How a journal is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status {
    /// Durable entries in `access`, removed ones included: the index of the next one.
    pub records: u64,
    /// Places taken: open exchanges, and entries that are not durable yet.
    pub waiting: usize,
    /// Whether the disk takes no entries.
    pub failed: bool,
}

impl Journal {
    /// Opens a journal for writing: takes its lock, looks at how it ended, holds the end against what was signed, keeps
    /// the policy's text, starts the thread that writes, and records that all this happened. It never creates a
    /// journal; [`super::init`] does.
    ///
    /// # Errors
    ///
    /// See [`OpenError`]. Nothing is changed by an attempt that fails before the policy is kept.
    pub fn open(settings: &Settings, policy: &Policy, policy_text: &str, clock: Clock) -> Result<Self, OpenError> {
        let disk: Arc<dyn Disk> = Arc::new(match settings.immutable {
            true => Folder::guarded(&settings.folder),
            false => Folder::new(&settings.folder),
        });
        let queue = Queue::new(settings.queue, settings.on_failure, clock.clone(), settings.format);
        let queue = Arc::new(queue);
        let hold = Hold::take(&disk, &queue, settings, policy, policy_text, clock)?;
        let (origin, keys) = (hold.origin.clone(), hold.keys.clone());
        let writer = thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writing::run(hold))?;
        Ok(Self {
            folder: settings.folder.clone(),
            origin,
            disk,
            durability: settings.durability,
            keys,
            queue,
            writer: Mutex::new(Some(writer)),
        })
    }

    /// Takes a place for one exchange's entry, before the exchange begins, so that its entry cannot be lost for want of
    /// room. It costs two or three atomic operations.
    ///
    /// # Errors
    ///
    /// When there is no place, or the disk does not take entries, and the journal is set to refuse. It is counted. A
    /// journal set to serve gives a slot all the same, which only counts.
    pub fn reserve(&self) -> Result<Slot, Unavailable> {
        self.gate().reserve()
    }

    /// Where one thread takes its places.
    pub fn gate(&self) -> Gate {
        Gate::new(Arc::clone(&self.queue))
    }

    /// What is to be durable before an exchange is answered.
    pub fn durability(&self) -> Durability {
        self.durability
    }

    /// Records what happened to the journal. It never blocks; it is durable soon after.
    pub fn event(&self, event: Event) {
        self.queue.event(event);
    }

    /// Goes over to another policy: keeps its text, and begins a new segment. Exchanges that are open end under the
    /// policy that they began with.
    ///
    /// # Errors
    ///
    /// [`OpenError::Policy`] and [`OpenError::Disk`]; the policy in force then stays.
    pub fn adopt(&self, policy: &Policy, policy_text: &str) -> Result<(), OpenError> {
        self.keep(policy, policy_text)?;
        self.go_over(policy);
        Ok(())
    }

    /// Whether [`Journal::adopt`] would be refused. Nothing is changed.
    pub(crate) fn may_adopt(&self, policy: &Policy, policy_text: &str) -> Result<(), OpenError> {
        policies::judge(&*self.disk, policy, policy_text).map(drop)
    }

    /// The half of [`Journal::adopt`] that may fail.
    pub(crate) fn keep(&self, policy: &Policy, policy_text: &str) -> Result<(), OpenError> {
        policies::keep(&*self.disk, policy, policy_text)
    }

    /// The other half.
    pub(crate) fn go_over(&self, policy: &Policy) {
        self.queue.tell(Message::Policy(Box::new(policy.into())));
    }

    /// The policies that were in force, the oldest first.
    pub(crate) fn policies(&self) -> io::Result<Vec<history::Version>> {
        policies::versions(&*self.disk)
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The site whose journal it is, as `init` was told.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// How it is doing.
    pub fn status(&self) -> Status {
        Status {
            records: self.queue.durable(),
            waiting: self.queue.taken(),
            failed: self.queue.has_failed(),
        }
    }

    /// How it is doing, in full.
    pub(crate) fn vitals(&self, now: Timestamp) -> Vitals {
        let queue = &self.queue;
        Vitals::of(self.status(), queue.places(), queue.lost(), &queue.pulse, now)
    }

    /// What can be seen on its disk, which may take its time.
    pub(crate) fn on_disk(&self) -> OnDisk {
        OnDisk::of(&Folder::new(&self.folder), &self.keys)
    }

    /// Asks the writer to turn once. It has when [`Journal::turns`] is another number.
    pub(crate) fn nudge(&self) -> u64 {
        let turns = self.turns();
        self.queue.tell(Message::Home);
        turns
    }

    /// How often the writer has turned.
    pub(crate) fn turns(&self) -> u64 {
        self.queue.pulse.turns()
    }

    /// Writes what is queued, makes it durable, says `journal.stop` and gives the lock back. Afterwards there are no
    /// places; exchanges still open are counted as unrecorded. A second call does nothing.
    ///
    /// # Errors
    ///
    /// See [`CloseError`].
    pub fn close(&self) -> Result<(), CloseError> {
        self.end(Stop::Closed)
    }

    fn end(&self, reason: Stop) -> Result<(), CloseError> {
        let Some(writer) = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take() else {
            return Ok(());
        };
        self.queue.tell(Message::Close(reason));
        writer.join().unwrap_or(Err(CloseError::Writer))
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("folder", &self.folder)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if let Err(error) = self.end(Stop::Dropped) {
            tracing::error!(%error, "the journal did not end in good order");
        }
    }
}

/// What a start has found of a log.
pub(super) struct Looked {
    log: Log,
    pub(super) found: Found,
    tree: LogTree,
    pub(super) copies: Vec<Copy>,
}

impl Looked {
    pub(super) fn at(disk: &Arc<dyn Disk>, log: Log, signer: Signer) -> Result<Self, OpenError> {
        let found = recovery::find(&**disk, log)?;
        let tree = recovery::tree(disk, log, signer, &found)?;
        let copies = Copy::plan(&**disk, log, tree.size().0, found.next)?;
        Ok(Self {
            log,
            found,
            tree,
            copies,
        })
    }

    pub(super) fn appender(self, disk: &Arc<dyn Disk>, format: Format) -> Appender {
        let Found { next, leftovers, .. } = self.found;
        Appender::new(Arc::clone(disk), self.log, format, next, leftovers, self.tree)
    }
}

/// Everything at start that may fail, in the order in which a crash in between does no harm: what was signed is looked
/// at before anything is changed, and shown to the witnesses, what is not signed is copied before it is, unfinished
/// lines are told before they are closed, and a policy's text is kept before it is told.
#[allow(clippy::too_many_arguments)] // each is another thing
pub(crate) fn prepare(
    disk: &Arc<dyn Disk>,
    settings: &Settings,
    key: Key,
    policy: &Policy,
    policy_text: &str,
    clock: Clock,
    queue: Arc<Queue>,
    aside: Box<dyn Aside>,
) -> Result<Writer, OpenError> {
    let look = |log, signer| Looked::at(disk, log, signer);
    let signers = key.into_signers();
    let access = look(Log::Access, signers.access)?;
    let events = look(Log::Events, signers.events)?;
    let mut told = recovery::told(disk)?;
    let look_if_told = |log, signer| -> Result<_, OpenError> {
        Ok(match told.tells_of(log) {
            true => Ok(look(log, signer)?),
            false => Err(signer),
        })
    };
    let addresses = look_if_told(Log::Addresses, signers.addresses)?;
    let arrivals = look_if_told(Log::Arrivals, signers.arrivals)?;
    let untold = recovery::untold(&**disk, &mut told)?;
    let about_requests: Vec<_> = iter::once(&access).chain(&addresses).chain(&arrivals).collect();
    let all = || about_requests.iter().copied().chain([&events]);
    let trees: Vec<_> = all().map(|looked| (looked.log, &looked.tree)).collect();
    cosigning::start::judge(&**disk, &settings.witnesses, &trees)?;
    policies::keep(&**disk, policy, policy_text)?;
    let policy_in_force = PolicyInForce::from(policy);
    let bounds = Bounds::under(&**disk, &policy_in_force)?;
    for looked in all() {
        disk.sync_folder(looked.log.folder())?;
    }
    let torn: Vec<_> = all()
        .filter_map(|looked| Some((looked.log, looked.found.torn?, !looked.copies.is_empty())))
        .filter(|(log, torn, _)| torn.is_new(*log, &told))
        .collect();
    let copies: Vec<_> = about_requests
        .iter()
        .flat_map(|looked| looked.copies.iter().map(|copy| (looked.log, copy.clone())))
        .collect();
    let access = access.appender(disk, settings.format);
    let optional = |log, looked: Result<Looked, Signer>| match looked {
        Ok(looked) => looked.appender(disk, Format::JsonLines),
        Err(signer) => Appender::unmade(disk, log, Format::JsonLines, signer),
    };
    let addresses = optional(Log::Addresses, addresses);
    let arrivals = optional(Log::Arrivals, arrivals);
    let copied_events = events.copies.clone();
    let mut events = events.appender(disk, Format::JsonLines);
    // Told in the last copy itself: nothing tells it otherwise before there is a log of events to go on with.
    let mut of_itself = Vec::new();
    for copy in &copied_events {
        Event::copied(Log::Events, copy).encode(clock.now(), &mut of_itself);
        let is_last = copied_events.last() == Some(copy);
        events.take_over(copy, if is_last { &of_itself } else { b"" })?;
    }
    let mut writer = Writer::new(
        Arc::clone(disk),
        settings,
        clock,
        queue,
        aside,
        policy_in_force,
        bounds,
        Requests::new(access, addresses, policy.addresses.is_some()),
        arrivals,
        events,
    );
    writer.events.push(&Event::Start {
        version: env!("CARGO_PKG_VERSION"),
    });
    writer.events.push(&Event::Policy {
        version: policy.version.clone(),
        effective: policy.effective,
    });
    for &(log, Torn { segment, lines, .. }, _) in &torn {
        tracing::warn!(%log, %segment, lines, "an unfinished line was found");
        writer.events.push(&Event::Torn { log, segment, lines });
    }
    for (segment, lines) in untold {
        let log = Log::Events;
        tracing::warn!(%log, %segment, lines, "an unfinished line was found that a failing disk had left");
        writer.events.push(&Event::Torn { log, segment, lines });
    }
    for (log, copy) in &copies {
        writer.events.push(&Event::copied(*log, copy));
    }
    writer.sync_events()?;
    for (log, copy) in &copies {
        writer.take_over(*log, copy)?;
    }
    // Where a copy was made the void rule takes back the end. A segment without one whole line is a leftover, and will
    // be or has been replaced.
    for &(log, torn, copied) in &torn {
        if torn.lines > 0 && !torn.is_closed && !copied {
            recovery::close_line(&**disk, log, torn.segment)?;
        }
    }
    writer.seal()?;
    writer.go_round();
    Ok(writer)
}
