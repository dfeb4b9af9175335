//! One certificate: its chain and key, the names it is for, and until when.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use thiserror::Error;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::config::Tls;

/// Why a certificate, or how TLS is spoken, cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file could not be read, or holds no PEM.
    #[error("cannot read {}: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// What went wrong.
        error: pem::Error,
    },
    /// The certificate file holds no certificate.
    #[error("{} holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    /// What stands in the certificate file is not an X.509 certificate.
    #[error("{} holds a certificate that cannot be understood", .0.display())]
    Malformed(PathBuf),
    /// The key does not belong to the certificate, or one of them is of a kind that is not supported.
    #[error("the certificate {} and its key do not work together: {error}", certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// What rustls says.
        error: rustls::Error,
    },
    /// The system trusts no certificate authority at all, so no CMS behind https can be believed.
    #[error("this system has no list of certificate authorities")]
    NoRoots,
    /// TLS itself could not be set up.
    #[error("cannot speak TLS: {0}")]
    Setup(#[from] rustls::Error),
}

impl TlsError {
    /// What to do about it, for a hint.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Read { .. } => "let the user that runs townclerk read it, and see that it is a whole PEM file",
            Self::NoCertificate(_) | Self::Malformed(_) => "name the PEM file that holds the site's certificate",
            Self::Mismatch { .. } => "name the private key that the certificate was made with",
            Self::NoRoots => "install ca-certificates, or name the authority's file in ca",
            Self::Setup(_) => "report it",
        }
    }
}

/// A certificate with its key, as it was read.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) files: Tls,
    pub(super) chain_and_key: Arc<CertifiedKey>,
    /// Its DNS names in lower case, a wildcard being the first label, and its addresses (RFC 5280, section 4.2.1.6).
    names: Vec<Box<str>>,
    pub(crate) begins: Timestamp,
    pub(crate) ends: Timestamp,
}

impl Certificate {
    /// Reads a certificate and its key.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub(crate) fn load(files: &Tls) -> Result<Self, TlsError> {
        let chain = chain(&files.certificate)?;
        let key = PrivateKeyDer::from_pem_slice(&read(&files.key)?).map_err(unreadable(&files.key))?;
        let malformed = || TlsError::Malformed(files.certificate.clone());
        let own = chain
            .first()
            .ok_or_else(|| TlsError::NoCertificate(files.certificate.clone()))?;
        let (_, parsed) = X509Certificate::from_der(own).map_err(|_| malformed())?;
        let time = |seconds| Timestamp::from_second(seconds).map_err(|_| malformed());
        let (begins, ends) = (
            time(parsed.validity().not_before.timestamp())?,
            time(parsed.validity().not_after.timestamp())?,
        );
        let names = names(&parsed);
        let chain_and_key =
            CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider()).map_err(|error| TlsError::Mismatch {
                certificate: files.certificate.clone(),
                error,
            })?;
        Ok(Self {
            files: files.clone(),
            chain_and_key: Arc::new(chain_and_key),
            names,
            begins,
            ends,
        })
    }

    /// The same for one that may not be there.
    ///
    /// # Errors
    /// See [`TlsError`].
    pub(crate) fn load_if_there(files: &Tls) -> Result<Option<Self>, TlsError> {
        match Self::load(files) {
            Err(TlsError::Read {
                error: pem::Error::Io(error),
                ..
            }) if error.kind() == ErrorKind::NotFound => Ok(None),
            loaded => loaded.map(Some),
        }
    }

    /// The site's own certificate, the first of its chain.
    pub(crate) fn own(&self) -> &CertificateDer<'static> {
        &self.chain_and_key.cert[0] // it was read, and is there
    }

    /// Whether the host, in lower case, stands in it as it is.
    pub(super) fn names(&self, host: &str) -> bool {
        self.names.iter().any(|name| **name == *host)
    }

    /// Whether a wildcard of it stands for the host: for one label, the first (RFC 9525, section 6.3).
    pub(super) fn has_wildcard_for(&self, host: &str) -> bool {
        let Some((first, parent)) = host.split_once('.') else {
            return false;
        };
        let stands_for = |name: &str| name.strip_prefix("*.").is_some_and(|rest| rest == parent);
        !first.is_empty() && self.names.iter().any(|name| stands_for(name))
    }

    /// Whether browsers accept it for the host.
    pub(crate) fn is_for(&self, host: &str) -> bool {
        self.names(host) || self.has_wildcard_for(host)
    }
}

/// The certificates of a PEM file, at least one.
///
/// # Errors
/// See [`TlsError`].
pub(crate) fn chain(file: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain = CertificateDer::pem_slice_iter(&read(file)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(unreadable(file))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(file.to_owned()));
    }
    Ok(chain)
}

fn read(file: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(file).map_err(pem::Error::Io).map_err(unreadable(file))
}

fn unreadable(file: &Path) -> impl Fn(pem::Error) -> TlsError {
    move |error| TlsError::Read {
        file: file.to_owned(),
        error,
    }
}

fn names(certificate: &X509Certificate<'_>) -> Vec<Box<str>> {
    let Ok(Some(alternatives)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    let dns = alternatives.value.general_names.iter().filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
        GeneralName::IPAddress(bytes) => address(bytes),
        _ => None,
    });
    dns.collect()
}

/// An address as the configuration has it, without brackets.
fn address(bytes: &[u8]) -> Option<Box<str>> {
    let v4 = <[u8; 4]>::try_from(bytes).map(std::net::IpAddr::from);
    let v6 = <[u8; 16]>::try_from(bytes).map(std::net::IpAddr::from);
    v4.or(v6).ok().map(|address| address.to_string().into())
}
