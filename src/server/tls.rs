//! How TLS is spoken: versions 1.2 and 1.3, hybrid post-quantum key exchange preferred, sessions resumed.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ResolvesServerCert, ServerSessionMemoryCache};

use super::certificate::TlsError;
use crate::acme;

/// Sessions of TLS 1.2 clients that know no tickets, remembered in memory; the oldest goes first.
const SESSIONS: usize = 4_096;

/// Speaks TLS with these certificates. Tickets are sealed with a key that lives in memory alone and changes every six
/// hours, so that a session can be resumed for twelve hours at most, and never after a restart.
///
/// # Errors
/// [`TlsError::Setup`]: the system gives no random numbers.
pub(super) fn speak(certificates: Arc<dyn ResolvesServerCert>) -> Result<Arc<ServerConfig>, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_protocol_versions(rustls::ALL_VERSIONS)?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.ticketer = aws_lc_rs::Ticketer::new()?;
    config.session_storage = ServerSessionMemoryCache::new(SESSIONS);
    // The last is spoken by authorities alone, and leads to a handshake and no further.
    config.alpn_protocols = [&b"h2"[..], b"http/1.1", acme::ALPN].map(<[u8]>::to_vec).into();
    Ok(Arc::new(config))
}
