//! HTTP/1.1 as it is met in the wild: what must travel, what must not, and what may never be taken for something else.

mod bodies;
mod differential;
mod fields;
mod framing;
mod retry;
mod upstreams;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// Sends bytes, shuts the sending side, and reads whatever comes until the other side closes.
fn exchange(address: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).expect("it accepts");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a socket");
    let _ = stream.write_all(bytes); // it may have refused already
    let _ = stream.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer); // a reset ends it as well
    String::from_utf8_lossy(&answer).into_owned()
}
