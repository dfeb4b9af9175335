//! Where a witness is.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;

/// Where a witness listens: `unix:/run/townclerk-witness/socket`, or `http://host:port` with a path before
/// `/add-checkpoint` if need be. The protocol needs no secrecy: what is asked is signed, and so is what is answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A socket on this machine.
    Unix(PathBuf),
    /// Plain HTTP.
    Http {
        /// A name or an address; of IPv6 without brackets.
        host: String,
        /// Default 80.
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
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(PlaceError::Https),
            _ => return Err(PlaceError::Form),
        }
        let authority = uri.authority().ok_or(PlaceError::Form)?;
        if authority.as_str().contains('@') || uri.query().is_some() || authority.host().is_empty() {
            return Err(PlaceError::Form);
        }
        let host = authority.host();
        let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let behind_host = &authority.as_str()[host.len()..];
        let port = match behind_host.strip_prefix(':') {
            None => 80,
            Some(port) => port.parse().map_err(|_| PlaceError::Form)?,
        };
        Ok(Self::Http {
            host: inner.unwrap_or(host).to_owned(),
            port,
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
            Self::Http { host, port, prefix } if host.contains(':') => write!(f, "http://[{host}]:{port}{prefix}"),
            Self::Http { host, port, prefix } => write!(f, "http://{host}:{port}{prefix}"),
        }
    }
}

/// Why a text does not say where a witness is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// It is neither `unix:` with a path nor `http://` with a host.
    #[error("not a place of a witness: unix:/path or http://host:port")]
    Form,
    /// The path does not begin at the root.
    #[error("the path of a witness's socket must begin with /")]
    Relative,
    /// TLS is not spoken yet.
    #[error("https is not spoken to witnesses yet: use http, nothing secret is said, and all of it is signed")]
    Https,
}
