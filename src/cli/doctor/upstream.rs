//! The CMS: whether it can be reached.

use std::io;
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::{Checks, State};
use crate::config::{Origin, Upstream};

/// Whether the CMS takes connections. None is asked for anything.
pub(super) fn look_at(upstream: &Upstream, checks: &mut Checks) {
    const REMEDY: &str = "see that the CMS runs, and what `upstream` says; a firewall may be between";
    for origin in &upstream.origins {
        let (place, connected) = match origin {
            Origin::Http { host, port } | Origin::Https { host, port } => {
                (format!("{host}:{port}"), connect(host, *port, upstream.connect_timeout))
            }
            Origin::Unix(path) => (path.display().to_string(), UnixStream::connect(path).map(drop)),
        };
        match connected {
            Ok(()) => checks.well("upstream", format!("{place} takes connections")),
            Err(error) => checks.add(State::Problem, "upstream", format!("{place}: {error}"), REMEDY),
        }
    }
}

fn connect(host: &str, port: u16, patience: Duration) -> io::Result<()> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, patience) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}
