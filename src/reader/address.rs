//! Values that are addresses.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::Value;

impl Value<'_> {
    /// An IP address and a port: `"0.0.0.0:80"`, `"[::]:80"`. Without `port` the text must have one.
    pub fn socket_address(&self, port: Option<u16>) -> Option<SocketAddr> {
        let written = self.string()?;
        if let Ok(address) = written.parse() {
            return Some(address);
        }
        let bare = written
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
            .unwrap_or(written);
        match (bare.parse::<IpAddr>(), port) {
            (Ok(address), Some(port)) => Some(SocketAddr::new(address, port)),
            (Ok(address), None) => self.fault("has no port", format!("write \"{}\"", SocketAddr::new(address, 80))),
            (Err(_), Some(_)) => self.fault(
                "is not an IP address",
                "write it like \"192.0.2.53\" or \"[2001:db8::53]:53\"",
            ),
            (Err(_), None) => self.fault(
                "is not an IP address with a port",
                "write it like \"0.0.0.0:80\" or \"[::]:80\"",
            ),
        }
    }

    /// A prefix of IP addresses, or a single one: `"172.16.0.0/12"`, `"::1"`.
    pub fn prefix(&self) -> Option<IpNet> {
        let written = self.string()?;
        let prefix = written
            .parse::<IpNet>()
            .or_else(|_| written.parse::<IpAddr>().map(IpNet::from));
        match prefix {
            Ok(prefix) if prefix != prefix.trunc() => {
                self.fault("has bits behind its prefix", format!("write \"{}\"", prefix.trunc()))
            }
            Ok(prefix) => Some(prefix),
            Err(_) => self.fault(
                "is not a prefix of IP addresses",
                "write it like \"172.16.0.0/12\" or \"fd00::/8\"",
            ),
        }
    }
}
