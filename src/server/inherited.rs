//! Sockets that listen before this process does: systemd's (`sd_listen_fds(3)`), or those of the process before it.
//! A listener of the configuration takes the one at its own address, and listens by itself where there is none.

use std::env;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::Path;

use listenfd::ListenFd;
use rustix::net::{AddressFamily, sockopt};
use serde::{Deserialize, Serialize};

/// A listener as the configuration has it. A port 0 stands for one that the system chose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    pub(crate) of: Of,
    /// `127.0.0.1:80`, `unix:/run/townclerk/admin.sock`.
    pub(crate) address: String,
    /// Whether the file of a socket is somebody else's, and stays.
    pub(crate) stays: bool,
}

/// What it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Of {
    Http,
    Https,
    Admin,
}

/// Sockets that nobody has taken yet.
#[derive(Default)]
pub struct Inherited(Vec<Socket>);

struct Socket {
    listener: Listener,
    /// What the process before used it for; systemd does not say.
    place: Option<Place>,
    /// How systemd calls it.
    name: String,
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Inherited {
    /// What systemd has passed to this process, and to no other.
    ///
    /// # Errors
    /// It is no socket that listens, or one of another kind.
    pub fn from_systemd() -> io::Result<Self> {
        let names = env::var("LISTEN_FDNAMES").unwrap_or_default();
        let mut passed = ListenFd::from_env();
        let mut sockets = Vec::new();
        for at in 0..passed.len() {
            let listener = match passed.take_unix_listener(at) {
                Ok(Some(listener)) => Listener::Unix(listener),
                Ok(None) => continue,
                Err(_) => match passed.take_tcp_listener(at)? {
                    Some(listener) => Listener::Tcp(listener),
                    None => continue,
                },
            };
            let name = names.split(':').nth(at).unwrap_or_default().to_owned();
            sockets.push(Socket {
                listener,
                place: None,
                name,
            });
        }
        Ok(Self(sockets))
    }

    /// Takes one that the process before this one has passed.
    ///
    /// # Errors
    /// It is no socket.
    pub(super) fn add(&mut self, place: Place, socket: OwnedFd) -> io::Result<()> {
        let listener = match sockopt::socket_domain(&socket)? {
            AddressFamily::UNIX => Listener::Unix(socket.into()),
            _ => Listener::Tcp(socket.into()),
        };
        let (place, name) = (Some(place), String::new());
        self.0.push(Socket { listener, place, name });
        Ok(())
    }

    /// Those that listen at this address, all at the same one if its port is 0.
    pub(crate) fn take_tcp(&mut self, of: Of, address: SocketAddr) -> Vec<TcpListener> {
        let mut chosen = (address.port() != 0).then_some(address);
        let asked = address.to_string();
        let mut taken = Vec::new();
        for socket in std::mem::take(&mut self.0) {
            let is_for = socket
                .place
                .as_ref()
                .is_some_and(|place| place.of == of && place.address == asked);
            match socket.listener {
                Listener::Tcp(listener)
                    if listener.local_addr().is_ok_and(|at| match chosen {
                        Some(chosen) => at == chosen,
                        None => is_for,
                    }) =>
                {
                    chosen = listener.local_addr().ok();
                    taken.push(listener);
                }
                _ => self.0.push(socket),
            }
        }
        taken
    }

    /// The one with this path, and whether its file is somebody else's.
    pub(crate) fn take_unix(&mut self, path: &Path) -> Option<(UnixListener, bool)> {
        let is_there = |socket: &Socket| match &socket.listener {
            Listener::Unix(listener) => listener.local_addr().is_ok_and(|at| at.as_pathname() == Some(path)),
            Listener::Tcp(_) => false,
        };
        let at = self.0.iter().position(is_there)?;
        let Socket { listener, place, .. } = self.0.swap_remove(at);
        match listener {
            Listener::Unix(listener) => Some((listener, place.is_none_or(|place| place.stays))),
            Listener::Tcp(_) => None,
        }
    }

    /// Where those listen that nobody took: systemd would have visitors wait there for ever. What the process before
    /// listened on and this one does not is closed.
    pub(super) fn unwanted(&self) -> Vec<String> {
        let by_systemd = self.0.iter().filter(|socket| socket.place.is_none());
        by_systemd.map(Socket::to_string).collect()
    }
}

impl std::fmt::Display for Socket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.listener {
            Listener::Tcp(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "{address}")?,
                Err(_) => write!(f, "a socket without an address")?,
            },
            Listener::Unix(listener) => match listener.local_addr().ok().as_ref().and_then(|at| at.as_pathname()) {
                Some(path) => write!(f, "unix:{}", path.display())?,
                None => write!(f, "a socket without a path")?,
            },
        }
        match self.name.as_str() {
            "" | "unknown" => Ok(()),
            name => write!(f, " ({name})"),
        }
    }
}
