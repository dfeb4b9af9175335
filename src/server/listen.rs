//! Listening sockets that several workers share: the kernel spreads connections over them (SO_REUSEPORT).

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// Connections that the kernel completes for us while we are busy.
const BACKLOG: i32 = 4096;

/// One socket for each worker, all on one address. Port 0 is chosen by the system, once for all of them.
///
/// # Errors
/// The address is not ours, is in use, or its port is below 1024 and we may not use it.
pub(crate) fn bind(address: SocketAddr, workers: usize) -> io::Result<Vec<TcpListener>> {
    let first = bind_one(address)?;
    let address = first.local_addr()?;
    let mut all = vec![first];
    for _ in 1..workers {
        all.push(bind_one(address)?);
    }
    Ok(all)
}

fn bind_one(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Deals sockets out that listen already: at least one for each worker, and none is left without a worker, for the
/// kernel gives each of them its part of the connections.
///
/// # Errors
/// The system gives no further file.
pub(crate) fn deal(mut sockets: Vec<TcpListener>, workers: usize) -> io::Result<Vec<TcpListener>> {
    let there = sockets.len();
    for socket in &sockets {
        socket.set_nonblocking(true)?;
    }
    for worker in there..workers {
        sockets.push(sockets[worker % there].try_clone()?);
    }
    Ok(sockets)
}
