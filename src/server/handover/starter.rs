//! Whoever starts the process after: a process of its own, from before this one was confined to its files. So the one
//! that serves need not be able to run anything, and what it has started is bound by nothing that it gave up.
//!
//! It does one thing: for each socket that it is sent, it starts the program, whichever is installed by then, with that
//! socket for its standard input, and answers with its number, or with 0. It ends with the process that it is for.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::sockets::{receive, transmit};

/// What belongs to one process, and would mislead the next.
const NOT_PASSED_ON: [&str; 4] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"];

/// The way to it.
pub struct Starter(UnixStream);

impl Starter {
    /// Starts it: this program with these arguments, which make it call [`Starter::serve`].
    ///
    /// # Errors
    /// The system starts no process.
    pub fn begin(arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let mut command = Command::new(env::current_exe()?);
        for name in NOT_PASSED_ON {
            command.env_remove(name);
        }
        command
            .args(arguments)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .spawn()?;
        Ok(Self(ours))
    }

    /// Is it, until the process that it is for has ended. The program is where it is now, with these arguments.
    ///
    /// # Errors
    /// Standard input is no such process, or this program does not know where it is installed.
    pub fn serve(arguments: &[OsString]) -> io::Result<()> {
        let program: PathBuf = env::current_exe()?; // later it may lead to what was replaced
        let mut asked = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let mut started: Vec<Child> = Vec::new();
        loop {
            let (mut byte, mut sockets) = ([0], Vec::new());
            if receive(&asked, &mut byte, &mut sockets)? == 0 {
                return Ok(());
            }
            started.retain_mut(|process| matches!(process.try_wait(), Ok(None)));
            let socket = sockets.pop().ok_or(ErrorKind::InvalidData)?;
            let id = match Command::new(&program)
                .args(arguments)
                .stdin(Stdio::from(socket))
                .spawn()
            {
                Ok(process) => {
                    let id = process.id();
                    started.push(process);
                    id
                }
                Err(error) => {
                    tracing::error!("{} cannot be started: {error}", program.display());
                    0
                }
            };
            asked.write_all(&id.to_ne_bytes())?;
        }
    }

    /// Has the program started with this socket.
    pub(super) fn start(&self, socket: UnixStream) -> io::Result<Started> {
        let mut id = [0; 4];
        let asked = transmit(&self.0, &[0], &[socket.as_fd()]);
        asked
            .and_then(|_| (&self.0).read_exact(&mut id))
            .map_err(|_| io::Error::other("who would start it has gone, and only a restart brings it back"))?;
        let id = i32::try_from(u32::from_ne_bytes(id)).ok().and_then(Pid::from_raw);
        id.map(Started)
            .ok_or_else(|| io::Error::other("the reason stands above"))
    }
}

/// A process that was started.
#[derive(Clone, Copy)]
pub(super) struct Started(Pid);

impl Started {
    pub(super) fn id(self) -> u32 {
        self.0.as_raw_nonzero().get().unsigned_abs()
    }

    pub(super) fn kill(self) {
        let _ = kill_process(self.0, Signal::KILL); // it may have ended
    }
}
