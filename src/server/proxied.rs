//! The visitor behind a load balancer: the header before the first byte of a connection, read and taken away.

use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;

use jiff::Timestamp;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::proxy_protocol::{self, Header, LONGEST};
use super::{Connection, End, Stage, Worker};
use crate::entry::NotARequest;
use crate::proxy;

/// Whose connection it is: the visitor's address, as the trusted proxy at the other end says, or the proxy's own where
/// it speaks for itself. `None` if there is no such header: that is recorded, and the connection is over.
pub(super) async fn visitor(worker: &Rc<Worker>, stream: &mut TcpStream, peer: IpAddr) -> Option<IpAddr> {
    let connection = Connection::new(Rc::clone(worker), peer, false, Stage::Handshake);
    let begun = Cell::new(None);
    let is_trusted = {
        let proxies = &worker.edition().shared.trusted_proxies;
        proxies.iter().any(|proxy| proxy.contains(&connection.peer))
    };
    let read = read(stream, is_trusted, || {
        begun.set(begun.get().or_else(|| Some(connection.meter.clock().now())))
    });
    let what = match connection.until_overdue(read).await {
        End::Itself(Ok(client)) => return Some(client.unwrap_or(peer)),
        End::Itself(Err(what)) => what,
        End::Overdue => NotARequest::Timeout,
    };
    // Without one byte nothing happened.
    if let Some(arrived) = Cell::<Option<Timestamp>>::take(&begun) {
        proxy::not_a_request(&connection, arrived, None, what);
    }
    None
}

/// Reads the header and not one byte more.
async fn read(stream: &mut TcpStream, is_trusted: bool, begun: impl Fn()) -> Result<Option<IpAddr>, NotARequest> {
    let mut bytes = vec![0; LONGEST]; // not in the future, which lives as long as the connection
    let mut known = 0;
    while known < LONGEST {
        let peeked = stream.peek(&mut bytes[known..]).await;
        let more = peeked.ok().filter(|more| *more > 0).ok_or(NotARequest::Incomplete)?;
        begun();
        if !is_trusted {
            break;
        }
        let (end, client) = match proxy_protocol::parse(&bytes[..known + more]) {
            Header::Whole { length, client } => (length, Some(client)),
            Header::Incomplete => (known + more, None),
            Header::Malformed => break,
        };
        let taken = stream.read_exact(&mut bytes[known..end]).await;
        taken.map_err(|_| NotARequest::Incomplete)?;
        if let Some(client) = client {
            return Ok(client);
        }
        known = end;
    }
    Err(NotARequest::Malformed)
}
