//! The certificate, and how TLS is spoken: versions 1.2 and 1.3, hybrid post-quantum key exchange preferred.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use thiserror::Error;

use crate::config::Tls;

/// Why the certificate cannot be used.
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
    /// The key does not belong to the certificate, or one of them is of a kind that is not supported.
    #[error("the certificate {} and its key do not work together: {error}", certificate.display())]
    Mismatch {
        /// The certificate's file.
        certificate: PathBuf,
        /// What rustls says.
        error: rustls::Error,
    },
}

/// Reads a certificate and its key.
///
/// # Errors
/// See [`TlsError`].
pub(crate) fn load(files: &Tls) -> Result<Arc<ServerConfig>, TlsError> {
    let read = |file: &Path| {
        let file = file.to_owned();
        move |error| TlsError::Read { file, error }
    };
    let chain = CertificateDer::pem_file_iter(&files.certificate)
        .and_then(|certificates| certificates.collect::<Result<Vec<_>, _>>())
        .map_err(read(&files.certificate))?;
    if chain.is_empty() {
        return Err(TlsError::NoCertificate(files.certificate.clone()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(read(&files.key))?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mismatch = |error| TlsError::Mismatch {
        certificate: files.certificate.clone(),
        error,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .map_err(mismatch)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(mismatch)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
