//! Where a witness is.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;

/// Where a witness listens: `unix:/run/townclerk-witness/socket`, or `http://host:port` or `https://host`, with a path
/// before `/add-checkpoint` if need be. The protocol needs no secrecy, for what is asked is signed, and so is a
/// signature; but a refusal is not, and over https nobody on the way can pretend one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A socket on this machine.
    Unix(PathBuf),
    /// HTTP.
    Http {
        /// Over TLS. The certificate must be for `host`, by an authority that this system trusts.
        secure: bool,
        /// A name or an address; of IPv6 without brackets.
        host: String,
        /// Default 80, with TLS 443.
        port: u16,
        /// What comes before `/add-checkpoint`: nothing, or a path without a slash at its end.
        prefix: String,
    },
}

impl FromStr for Place {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self::Unix(path))
            } else {
                Err(PlaceError::Relative)
            };
        }
        let uri: Uri = text.parse().map_err(|_| PlaceError::Form)?;
        let secure = match uri.scheme_str() {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(PlaceError::Form),
        };
        let authority = uri.authority().ok_or(PlaceError::Form)?;
        if authority.as_str().contains('@') || uri.query().is_some() || authority.host().is_empty() {
            return Err(PlaceError::Form);
        }
        let host = authority.host();
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        if inner.is_some_and(|address| address.parse::<Ipv6Addr>().is_err()) {
            return Err(PlaceError::Form);
        }
        let behind_host = &authority.as_str()[host.len()..];
        let port = match behind_host.strip_prefix(':') {
            None if secure => 443,
            None => 80,
            Some(port) => port.parse().map_err(|_| PlaceError::Form)?,
        };
        Ok(Self::Http {
            secure,
            host: inner.unwrap_or(host).to_owned(),
            port,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl Place {
    /// The host and port, as they stand in a URL; empty for a socket.
    pub(super) fn authority(&self) -> String {
        match self {
            Self::Unix(_) => String::new(),
            Self::Http { host, port, .. } if host.contains(':') => format!("[{host}]:{port}"),
            Self::Http { host, port, .. } => format!("{host}:{port}"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http { secure, prefix, .. } => {
                let scheme = if *secure { "https" } else { "http" };
                write!(f, "{scheme}://{}{prefix}", self.authority())
            }
        }
    }
}

/// Why a text does not say where a witness is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// It is neither `unix:` with a path nor `http://` or `https://` with a host.
    #[error("not a place of a witness: unix:/path, http://host:port or https://host")]
    Form,
    /// The path does not begin at the root.
    #[error("the path of a witness's socket must begin with /")]
    Relative,
}
