//! `[admin]`: where the administrator's programs ask how the server is.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use super::load::Files;
use crate::reader::{Section, Value};

/// No socket's path is longer, in bytes (sun_path of Linux, without its final NUL).
const PATH_MAX: usize = 107;

/// Where the administrator's programs are listened to, apart from visitors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminPlace {
    /// An address and a port.
    Tcp(SocketAddr),
    /// A socket in the file system.
    Unix(PathBuf),
}

impl AdminPlace {
    /// Whether only programs of this machine can reach it. What others can reach tells how the server is, and takes no
    /// orders.
    pub fn is_of_this_machine(&self) -> bool {
        match self {
            Self::Tcp(address) => address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => true,
        }
    }

    /// Where a program on this machine finds it: an address of its own, where it is all addresses.
    pub fn from_here(&self) -> Self {
        match self {
            Self::Tcp(address) if address.ip().is_unspecified() => {
                let own: IpAddr = match address {
                    SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                    SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
                };
                Self::Tcp(SocketAddr::new(own, address.port()))
            }
            other => other.clone(),
        }
    }
}

/// As it is written: `127.0.0.1:9465`, `unix:/run/townclerk/admin.sock`.
impl fmt::Display for AdminPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => write!(f, "{address}"),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Reads `[admin]`; nobody is listened to where it is not written. `taken` is where visitors are listened to.
pub(super) fn admin(section: Option<Section<'_>>, taken: &[SocketAddr], files: &Files<'_>) -> Vec<AdminPlace> {
    let Some(mut section) = section else {
        return Vec::new();
    };
    let listen = section.required("listen", "listen = [\"127.0.0.1:9465\"]");
    section.finish();
    let mut places = Vec::new();
    for item in listen.and_then(|value| value.items()).unwrap_or_default() {
        match place(&item, files) {
            Some(AdminPlace::Tcp(address)) if address.port() != 0 && taken.contains(&address) => {
                item.fault::<()>("is where visitors are listened to", "choose another port");
            }
            Some(place) if places.contains(&place) => {
                item.fault::<()>("is listened on twice", "keep one of the two");
            }
            Some(place) => places.push(place),
            None => {}
        }
    }
    places
}

fn place(value: &Value<'_>, files: &Files<'_>) -> Option<AdminPlace> {
    let Some(path) = value.string()?.strip_prefix("unix:") else {
        return value.socket_address(None).map(AdminPlace::Tcp);
    };
    if path.is_empty() {
        return value.fault("names no file", "write \"unix:/run/townclerk/admin.sock\"");
    }
    let path = files.path(path);
    if path.as_os_str().len() > PATH_MAX {
        return value.fault(
            "is too long for the path of a socket",
            format!("choose one of at most {PATH_MAX} bytes, its folder included"),
        );
    }
    Some(AdminPlace::Unix(path))
}
