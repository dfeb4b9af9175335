//! Whom we believe behind https: the CMS, and who certifies.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Site;
use crate::config::{Origin, Upstream};
use crate::server::{self, TlsError};

/// The authorities that may vouch for a server, and TLS with it.
pub(crate) struct Trust {
    authorities: Vec<CertificateDer<'static>>,
    connector: TlsConnector,
}

impl Trust {
    /// What an upstream needs of it: nothing if it is not reached over https, and what `before` has if it is the same.
    ///
    /// # Errors
    /// The authority's file cannot be used, or the system has no authorities.
    pub(crate) fn of(upstream: &Upstream, before: Option<&Site>) -> Result<Option<Arc<Self>>, TlsError> {
        if !upstream
            .origins
            .iter()
            .any(|origin| matches!(origin, Origin::Https { .. }))
        {
            return Ok(None);
        }
        let trust = Self::by(upstream.ca.as_deref())?;
        let known = before.and_then(|site| site.trust.as_ref());
        Ok(Some(match known.filter(|known| known.is_like(&trust)) {
            Some(known) => Arc::clone(known),
            None => Arc::new(trust),
        }))
    }

    /// Believes those whom the authorities of this file vouch for, or of the system.
    ///
    /// # Errors
    /// The file cannot be used, or the system has no authorities.
    pub(crate) fn by(ca: Option<&Path>) -> Result<Self, TlsError> {
        let authorities = match ca {
            Some(file) => server::chain(file)?,
            None => rustls_native_certs::load_native_certs().certs,
        };
        let mut roots = RootCertStore::empty();
        match ca {
            // Every certificate of a file of one's own counts; a system's list may hold one that is too old for us.
            Some(file) => authorities.iter().try_for_each(|authority| {
                let added = roots.add(authority.clone());
                added.map_err(|_| TlsError::Malformed(file.to_owned()))
            })?,
            None => drop(roots.add_parsable_certificates(authorities.iter().cloned())),
        }
        if roots.is_empty() {
            return Err(TlsError::NoRoots);
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(rustls::ALL_VERSIONS)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self {
            authorities,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// Whether both believe the same authorities.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        self.authorities == other.authorities
    }

    /// Shakes hands. The certificate must be for this name or address, and an authority must vouch for it.
    ///
    /// # Errors
    /// Those of TLS, and of the connection.
    pub(crate) async fn shake_hands(&self, host: &str, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        self.connector.connect(name, stream).await
    }
}
