//! The visitor's host name: asked of the office's own name server, confirmed forward, never in the way of the visitor.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::thread;

use crate::town::{Cms, HOST, Kept, Plan, Town};

/// Told by a trusted proxy: nobody asks a name server about loopback addresses.
const VISITOR: Ipv4Addr = Ipv4Addr::new(203, 0, 113, 77);

/// A name server that says who the visitor is, and which address that name has; it knows nothing else.
pub struct NameServer(SocketAddr);

/// What it says.
#[derive(Clone, Copy)]
pub enum Says {
    Name { address: Ipv4Addr },
    Nothing,
    NotAWord,
}

const NAME: &[&str] = &["stanowisko", "urzad", "example"];

impl NameServer {
    pub fn new(says: Says) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
        let address = socket.local_addr().expect("an address");
        thread::spawn(move || {
            let mut query = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut query) {
                if let Some(answer) = answer(&query[..length], says) {
                    let _ = socket.send_to(&answer, from);
                }
            }
        });
        Self(address)
    }

    pub fn address(&self) -> SocketAddr {
        self.0
    }

    fn asked_by(&self, plan: Plan) -> Plan {
        plan.listen("trusted_proxies = [\"127.0.0.0/8\"]")
            .policy("method = true", "method = true\nclient_host = true")
            .table(&format!("[resolver]\nservers = [\"{}\"]\ndeadline = \"1 s\"", self.0))
    }
}

/// A DNS answer (RFC 1035, section 4): the question repeated, and at most one record.
fn answer(query: &[u8], says: Says) -> Option<Vec<u8>> {
    let end = 12 + query[12..].iter().position(|&byte| byte == 0)? + 1 + 4;
    let kind = query[end - 3];
    let data = match (kind, says) {
        (_, Says::NotAWord) => return None,
        (12, Says::Name { .. }) => {
            let mut name: Vec<u8> = NAME
                .iter()
                .flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat())
                .collect();
            name.push(0);
            Some(name)
        }
        (1, Says::Name { address }) => Some(address.octets().to_vec()),
        _ => None,
    };
    let mut answer = query[..2].to_vec();
    // A response, recursion available; without a record the name does not exist.
    answer.extend(if data.is_some() { [0x81, 0x80] } else { [0x81, 0x83] });
    answer.extend([0, 1, 0, u8::from(data.is_some()), 0, 0, 0, 0]);
    answer.extend(&query[12..end]);
    if let Some(data) = data {
        answer.extend([0xc0, 12, 0, kind, 0, 1, 0, 0, 0, 60, 0, data.len() as u8]);
        answer.extend(data);
    }
    Some(answer)
}

fn kept(says: Says) -> Kept {
    let server = NameServer::new(says);
    let town = server.asked_by(Town::before(&Cms::page("x"))).open();
    for path in ["/1", "/2"] {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {VISITOR}\r\nConnection: close\r\n\r\n");
        assert_eq!(town.ask(request).status, 200);
    }
    town.close()
}

fn hosts(kept: &Kept) -> Vec<(Option<&str>, Option<&str>)> {
    kept.entries
        .iter()
        .map(|entry| {
            (
                entry["townclerk.client.host"].as_str(),
                entry["townclerk.client.host_status"].as_str(),
            )
        })
        .collect()
}

#[test]
fn a_name_that_has_the_address_is_kept_as_confirmed() {
    let kept = kept(Says::Name { address: VISITOR });
    assert_eq!(hosts(&kept), [(Some("stanowisko.urzad.example"), Some("confirmed")); 2]);
}

#[test]
fn a_name_that_has_another_address_is_a_claim_and_not_kept() {
    let kept = kept(Says::Name {
        address: Ipv4Addr::new(203, 0, 113, 7),
    });
    assert_eq!(hosts(&kept), [(None, Some("unconfirmed")); 2]);
    assert!(!kept.holds("stanowisko"), "anybody could claim it");
}

#[test]
fn an_address_without_a_name_has_none() {
    assert_eq!(hosts(&kept(Says::Nothing)), [(None, Some("none")); 2]);
}

#[test]
fn a_silent_name_server_delays_no_visitor_and_loses_no_entry() {
    assert_eq!(hosts(&kept(Says::NotAWord)), [(None, Some("timeout")); 2]);
}
