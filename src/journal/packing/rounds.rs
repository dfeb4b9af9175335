//! When segments are packed, and by whom: a thread of its own reads and writes, which takes minutes; the writer's
//! thread, which also removes what is too old, only gives and takes names.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread::{self, JoinHandle};

use jiff::Timestamp;
use jiff::tz::Offset;

use super::pack::{PackError, temporary};
use super::{Closed, Done, Job, pack};
use crate::journal::disk::{Disk, Guard};
use crate::journal::event::Event;
use crate::journal::fault::{Fault, Kind, Step};
use crate::journal::queue::{Message, Queue};
use crate::journal::segment::{self, Beside, Form, Name, Packed};
use crate::journal::writer::{Goal, Writer};
use crate::journal::{Log, layout};

/// The thread that packs, one segment at a time. Dropping it waits until it has stopped, between two reads.
pub(crate) struct Packer {
    jobs: Option<Sender<Job>>,
    stop: Arc<AtomicBool>,
    busy: bool,
    thread: Option<JoinHandle<()>>,
}

impl Packer {
    pub(crate) fn start(disk: Arc<dyn Disk>, queue: Arc<Queue>) -> io::Result<Self> {
        let (jobs, given) = mpsc::channel::<Job>();
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = thread::Builder::new().name("packing".to_owned()).spawn(move || {
            let _ = rustix::process::nice(19); // visitors come first; on Linux it is for this thread alone
            for job in given {
                let at = (job.log, job.name);
                let packed = pack(&*disk, job, &seen).map_err(|error| (at, error));
                queue.tell(Message::Packed(Box::new(packed)));
            }
        })?;
        Ok(Self {
            jobs: Some(jobs),
            stop,
            busy: false,
            thread: Some(thread),
        })
    }

    fn give(&mut self, job: Job) {
        self.busy = self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_ok());
    }
}

impl Drop for Packer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join(); // a panic has been told where it happened
        }
    }
}

impl Writer {
    /// Starts the thread that packs, where something is to be packed.
    pub(crate) fn start_packer(&mut self) {
        if self.closed.is_some() {
            match Packer::start(Arc::clone(&self.disk), Arc::clone(&self.queue)) {
                Ok(packer) => self.packer = Some(packer),
                Err(error) => {
                    tracing::error!(%error, "closed segments stay as they are: there is no thread to pack them")
                }
            }
            self.pack_next();
        }
    }

    /// A round's part: what a crash has left, then the next segment.
    pub(crate) fn look_after_closed(&mut self) {
        match self.tidy_packed().and_then(|()| guard_closed(&*self.disk)) {
            Ok(()) => self.pack_next(),
            Err(fault) => self.not_packed(fault),
        }
    }

    /// Gives the packer its next segment, if it has none and one is due.
    pub(crate) fn pack_next(&mut self) {
        if self.packer.as_ref().is_none_or(|packer| packer.busy) {
            return;
        }
        match self.next_to_pack() {
            Ok(job) => {
                if let (Some(packer), Some(job)) = (&mut self.packer, job) {
                    packer.give(job);
                }
            }
            Err(fault) => self.not_packed(fault),
        }
    }

    /// Takes what the packer has done.
    pub(crate) fn take_packed(&mut self, packed: Result<Done, ((Log, Name), PackError)>) {
        self.give_up_packed();
        match packed {
            Ok(done) => match self.install(done) {
                Ok(()) => self.pack_next(),
                Err(fault) => self.not_packed(fault),
            },
            Err((_, PackError::Stopped)) => {}
            Err(((log, name), error)) => {
                // Not again before the next start: a verification says more.
                self.unpackable.push((log, name));
                let kind = match &error {
                    PackError::Disk(error) => Kind::of(error),
                    _ => Kind::Other,
                };
                tracing::error!(%log, segment = %name, %error, "a segment was not packed");
                self.not_packed(Fault {
                    log,
                    segment: Some(name),
                    step: Step::Pack,
                    kind,
                });
            }
        }
    }

    /// Has the packer ready for another. What it has done is removed by the next round, if it was not taken.
    pub(crate) fn give_up_packed(&mut self) {
        if let Some(packer) = &mut self.packer {
            packer.busy = false;
        }
    }

    fn not_packed(&mut self, fault: Fault) {
        tracing::error!(%fault, segment = fault.segment(), "closed segments stay as they are");
        self.events.push(&fault.into());
        self.settle(Goal::Written);
    }

    /// The oldest segment that is to be packed, of the first log that has one.
    pub(crate) fn next_to_pack(&self) -> Result<Option<Job>, Fault> {
        let Some(closed) = &self.closed else { return Ok(None) };
        for log in Log::OF_VISITORS {
            if let Some(job) = self.next_of(log, closed)? {
                return Ok(Some(job));
            }
        }
        Ok(None)
    }

    fn next_of(&self, log: Log, closed: &Closed) -> Result<Option<Job>, Fault> {
        let signed = self.signed(log);
        let names = segment::list(&*self.disk, log).map_err(fault(log, None))?;
        let now = self.clock.now();
        for pair in names.windows(2) {
            let &[name, next] = pair else { continue };
            let counts = name.first < next.first;
            if !counts || next.first >= signed || !is_due(closed, name, now) || self.unpackable.contains(&(log, name)) {
                continue;
            }
            let (length, from) = length_and_form(&*self.disk, log, name).map_err(fault(log, Some(name)))?;
            let to = closed.form();
            let wanted = (to.encrypted && !from.encrypted) || (to.compressed && from == Form::PLAIN);
            if wanted && length > 0 {
                return Ok(Some(Job {
                    log,
                    name,
                    end: next.first,
                    from,
                    to,
                    recipients: closed.encrypt_to.clone(),
                }));
            }
        }
        Ok(None)
    }

    /// Puts a packed segment in the place of the other. It is told first, durably, and signed.
    pub(crate) fn install(&mut self, done: Done) -> Result<(), Fault> {
        let Done { job, sha256, salt } = done;
        let Job {
            log, name, from, to, ..
        } = job;
        let fault = || fault(log, Some(name));
        // Retention may have been faster.
        if length_and_form(&*self.disk, log, name).is_ok_and(|(length, form)| form == from && length > 0) {
            self.events.push(&Event::Pack {
                log,
                segment: name,
                form: to,
                sha256,
            });
            self.sync_events()?;
            self.seal()?;
            let folder = log.folder();
            if let Some(salt) = &salt {
                let sealed = name.beside(Beside::SealedSalt);
                layout::replace(&*self.disk, folder, &sealed, salt).map_err(fault())?;
            }
            let path = |form| Packed { name, form }.path(log);
            self.disk.rename(&temporary(log), &path(to)).map_err(fault())?;
            self.disk.sync_folder(folder).map_err(fault())?;
            self.disk.remove(&path(from)).map_err(fault())?;
            self.disk.sync_folder(folder).map_err(fault())?;
            self.disk.guard(&path(to), Guard::Immutable);
            if salt.is_some() {
                let plain = format!("{folder}/{}", name.beside(Beside::Salt));
                layout::remove(&*self.disk, &plain).map_err(fault())?;
                self.disk.sync_folder(folder).map_err(fault())?;
            }
            tracing::info!(%log, segment = %name, form = to.suffix(), "a closed segment was packed");
            return Ok(());
        }
        layout::remove(&*self.disk, &temporary(log)).map_err(fault())
    }

    /// Removes what a crash has kept from being finished: of two forms of a segment the greater, the salt of an
    /// encrypted one, and a file that was being packed.
    pub(crate) fn tidy_packed(&mut self) -> Result<(), Fault> {
        Log::OF_VISITORS.into_iter().try_for_each(|log| self.tidy(log))
    }

    fn tidy(&self, log: Log) -> Result<(), Fault> {
        let forms = segment::forms(&*self.disk, log).map_err(fault(log, None))?;
        if forms.is_empty() {
            return Ok(()); // not made yet
        }
        let files = self.disk.list(log.folder()).map_err(fault(log, None))?;
        let is_idle = self.packer.as_ref().is_none_or(|packer| !packer.busy);
        let mut superfluous = Vec::new();
        if is_idle && files.iter().any(|file| file == ".packing") {
            superfluous.push(temporary(log));
        }
        let mut before: Option<Packed> = None;
        for packed in forms {
            let Packed { name, form } = packed;
            let beside = |which| format!("{}/{}", log.folder(), name.beside(which));
            if before.is_some_and(|before| before.name == name) {
                superfluous.push(packed.path(log));
            } else if form.encrypted && files.contains(&name.beside(Beside::SealedSalt)) {
                superfluous.extend(files.contains(&name.beside(Beside::Salt)).then(|| beside(Beside::Salt)));
            } else if files.contains(&name.beside(Beside::Salt)) {
                superfluous.extend(
                    files
                        .contains(&name.beside(Beside::SealedSalt))
                        .then(|| beside(Beside::SealedSalt)),
                );
            }
            before = Some(packed);
        }
        for path in &superfluous {
            layout::remove(&*self.disk, path).map_err(fault(log, None))?;
        }
        if !superfluous.is_empty() {
            self.disk.sync_folder(log.folder()).map_err(fault(log, None))?;
        }
        Ok(())
    }
}

/// Guards every segment that another follows: those that a process closed that was killed, or that was not asked to.
fn guard_closed(disk: &dyn Disk) -> Result<(), Fault> {
    for log in Log::ALL {
        let forms = segment::forms(disk, log).map_err(fault(log, None))?;
        let last = forms.last().map(|last| last.name);
        for packed in forms.iter().filter(|packed| Some(packed.name) != last) {
            disk.guard(&packed.path(log), Guard::Immutable);
        }
    }
    Ok(())
}

fn fault(log: Log, segment: Option<Name>) -> impl FnOnce(io::Error) -> Fault {
    Fault::at(log, segment, Step::Pack)
}

/// How long the file of a segment is that counts, and its form.
fn length_and_form(disk: &dyn Disk, log: Log, name: Name) -> io::Result<(u64, Form)> {
    segment::in_its_form(|form| Ok((disk.status(&Packed { name, form }.path(log))?.length, form)))
}

/// Whether the time has passed since the end of its day.
fn is_due(closed: &Closed, name: Name, now: Timestamp) -> bool {
    let end = name
        .day
        .tomorrow()
        .map(|day| Offset::UTC.to_timestamp(day.at(0, 0, 0, 0)));
    matches!(end, Ok(Ok(end)) if now >= end && now.duration_since(end).unsigned_abs() >= closed.after)
}
