//! Beside the writer: what may take the disk its time is done there, while lines go on to the kernel.

use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use super::disk::Errand;

/// Where errands are done, one at a time.
pub(crate) trait Aside: Send {
    /// Begins one. The one before has come home.
    fn begin(&mut self, errand: Errand);
    /// How it ended; `None` if it is still under way and this is not to wait.
    fn outcome(&mut self, wait: bool) -> Option<io::Result<()>>;
}

/// A thread for them.
pub(crate) struct Runner {
    errands: Option<Sender<Errand>>,
    outcomes: Receiver<io::Result<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Runner {
    /// One that calls `home` whenever one has ended.
    pub(crate) fn start(name: &str, home: impl Fn() + Send + 'static) -> io::Result<Self> {
        let (errands, received) = mpsc::channel::<Errand>();
        let (ended, outcomes) = mpsc::channel();
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            for errand in received {
                let _ = ended.send(errand());
                home();
            }
        })?;
        Ok(Self {
            errands: Some(errands),
            outcomes,
            thread: Some(thread),
        })
    }
}

impl Aside for Runner {
    fn begin(&mut self, errand: Errand) {
        if let Some(errands) = &self.errands {
            let _ = errands.send(errand); // if the thread is gone, the outcome says so
        }
    }

    fn outcome(&mut self, wait: bool) -> Option<io::Result<()>> {
        let gone = || {
            Some(Err(io::Error::other(
                "the thread that syncs has stopped by a fault of its own",
            )))
        };
        match wait {
            true => self.outcomes.recv().map_or_else(|_| gone(), Some),
            false => match self.outcomes.try_recv() {
                Ok(outcome) => Some(outcome),
                Err(mpsc::TryRecvError::Empty) => None,
                Err(mpsc::TryRecvError::Disconnected) => gone(),
            },
        }
    }
}

/// Nothing is under way any more when the journal's lock is given back.
impl Drop for Runner {
    fn drop(&mut self) {
        self.errands = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
