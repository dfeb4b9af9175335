//! What is answered to an authority that looks whether a name is ours. Most of the time: nothing.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::{Method, Request, Response};
use instant_acme::KeyAuthorization;
use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;

use super::failure::Failure;
use crate::config::Challenge;

/// By which a handshake of an authority is known (RFC 8737, section 6.2).
pub(crate) const ALPN: &[u8] = b"acme-tls/1";

/// Below which an authority asks over plain HTTP (RFC 8555, section 8.3).
const PATH: &str = "/.well-known/acme-challenge/";

/// Those that are open. Clones are of the same ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Challenges(Arc<ArcSwap<Open>>);

#[derive(Clone, Debug, Default)]
struct Open {
    /// By the tokens that the authority gave us.
    answers: HashMap<String, Bytes>,
    /// By the names that it asks for.
    certificates: HashMap<String, Arc<CertifiedKey>>,
}

impl Challenges {
    /// The answer to a request with a token that is open; `None` to any other.
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Option<Response<Bytes>> {
        let token = request.uri().path().strip_prefix(PATH)?;
        let open = self.0.load();
        let answer = open.answers.get(token).filter(|_| request.method() == Method::GET)?;
        let mut answer = Response::new(answer.clone());
        let kind = HeaderValue::from_static("application/octet-stream");
        answer.headers_mut().insert(header::CONTENT_TYPE, kind);
        Some(answer)
    }

    /// What is shown in a handshake of an authority for this name, in lower case.
    pub(crate) fn certificate(&self, name: &str) -> Option<Arc<CertifiedKey>> {
        self.0.load().certificates.get(name).cloned()
    }

    /// Those that one order opens; they are closed when this is dropped.
    pub(super) fn of_an_order(&self) -> OfAnOrder<'_> {
        OfAnOrder(self)
    }
}

/// See [`Challenges::of_an_order`]. There is one order at a time.
pub(super) struct OfAnOrder<'a>(&'a Challenges);

impl OfAnOrder<'_> {
    pub(super) fn open(
        &self,
        challenge: Challenge,
        name: &str,
        token: &str,
        authorization: &KeyAuthorization,
    ) -> Result<(), Failure> {
        let mut open = Open::clone(&self.0.0.load());
        match challenge {
            Challenge::Http01 => {
                let answer = Bytes::copy_from_slice(authorization.as_str().as_bytes());
                open.answers.insert(token.to_owned(), answer);
            }
            Challenge::TlsAlpn01 => {
                let shown = shown(name, authorization.digest().as_ref());
                let shown = shown.map_err(|error| Failure::Here(error.to_string()))?;
                open.certificates.insert(name.to_ascii_lowercase(), Arc::new(shown));
            }
        }
        self.0.0.store(Arc::new(open));
        Ok(())
    }
}

impl Drop for OfAnOrder<'_> {
    fn drop(&mut self) {
        self.0.0.store(Arc::default());
    }
}

/// A certificate that nobody but an authority is shown, and that says nothing but the answer (RFC 8737, section 3).
fn shown(name: &str, digest: &[u8]) -> Result<CertifiedKey, Box<dyn std::error::Error>> {
    let key = KeyPair::generate()?;
    let mut parameters = CertificateParams::new([name.to_owned()])?;
    parameters.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
    let certificate = parameters.self_signed(&key)?;
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    // Unlooked at: it has an extension that nobody but an authority may understand.
    let key = aws_lc_rs::default_provider().key_provider.load_private_key(key)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], key))
}
