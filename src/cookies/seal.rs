//! Cookies whose end does not depend on the browser: their values are sealed on the way out and opened on the way back.
//!
//! A sealed value is base64url without padding (RFC 4648, section 5), which is fit for a cookie, of
//!
//! ```text
//! nonce (12 bytes) │ AES-256-GCM-SIV (RFC 8452) of
//!                  │   begun │ used │ length │ attributes │ the CMS's own value     │ tag (16 bytes)
//!                  │   8       8      2        of the Set-Cookie line
//! ```
//!
//! with the site and the cookie's name as associated data: it opens for no other. Times are seconds since 1970, numbers
//! big-endian. It holds the attributes because browsers send none back, and renewing or deleting the cookie takes
//! exactly those it was set with.
//!
//! Replicas that share a key draw nonces by chance and know nothing of each other. GCM and ChaCha20-Poly1305 fall apart
//! when one is drawn twice; GCM-SIV then shows no more than that two equal contents are equal.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of a key.
pub(super) const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 12;
const HEAD_BYTES: usize = 18;

/// The first part of the associated data: what is sealed, and in which form.
const LABEL: &[u8] = b"townclerk cookie 1";

/// What is inside of a sealed value. It holds a visitor's cookie, so it has no `Debug`: it cannot be printed.
#[derive(Clone)]
pub(super) struct Content {
    /// When the session that the cookie belongs to began.
    pub(super) begun: i64,
    /// When it was last used, as far as the seal was renewed.
    pub(super) used: i64,
    /// From the first `;` of the `Set-Cookie` line on, as the browser got it.
    pub(super) attributes: Box<[u8]>,
    /// The CMS's own value.
    pub(super) value: Box<[u8]>,
}

/// Seals for the site `site` and the cookie `name`.
///
/// # Errors
/// If there are no random bytes, or the attributes are longer than any that a head can hold.
pub(super) fn seal(
    key: &RandomizedNonceKey,
    site: &str,
    name: &[u8],
    content: &Content,
) -> Result<String, Unspecified> {
    let length = u16::try_from(content.attributes.len()).map_err(|_| Unspecified)?;
    let mut inside = Vec::with_capacity(HEAD_BYTES + content.attributes.len() + content.value.len() + 16);
    inside.extend_from_slice(&content.begun.to_be_bytes());
    inside.extend_from_slice(&content.used.to_be_bytes());
    inside.extend_from_slice(&length.to_be_bytes());
    inside.extend_from_slice(&content.attributes);
    inside.extend_from_slice(&content.value);
    let nonce = key.seal_in_place_append_tag(bound_to(site, name), &mut inside)?;
    Ok(URL_SAFE_NO_PAD.encode([nonce.as_ref().as_slice(), &inside].concat()))
}

/// Opens what [`seal`] made with this key for this site and name, and nothing else.
pub(super) fn open(key: &RandomizedNonceKey, site: &str, name: &[u8], sealed: &[u8]) -> Option<Content> {
    let mut bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
    let (nonce, inside) = bytes.split_first_chunk_mut::<NONCE_BYTES>()?;
    let inside = key
        .open_in_place(Nonce::from(&*nonce), bound_to(site, name), inside)
        .ok()?;
    let (begun, rest) = inside.split_first_chunk()?;
    let (used, rest) = rest.split_first_chunk()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (attributes, value) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
    Some(Content {
        begun: i64::from_be_bytes(*begun),
        used: i64::from_be_bytes(*used),
        attributes: attributes.into(),
        value: value.into(),
    })
}

/// A key of these bytes.
pub(super) fn key(bytes: &[u8; KEY_BYTES]) -> Result<RandomizedNonceKey, Unspecified> {
    RandomizedNonceKey::new(&AES_256_GCM_SIV, bytes)
}

/// Neither a host name nor a token holds a zero byte.
fn bound_to(site: &str, name: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([LABEL, site.as_bytes(), name].join(&0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Parts = (i64, i64, Vec<u8>, Vec<u8>);

    fn parts() -> impl Strategy<Value = Parts> {
        let bytes = || prop::collection::vec(any::<u8>(), 0..80);
        (any::<i64>(), any::<i64>(), bytes(), bytes())
    }

    fn content((begun, used, attributes, value): &Parts) -> Content {
        Content {
            begun: *begun,
            used: *used,
            attributes: attributes.as_slice().into(),
            value: value.as_slice().into(),
        }
    }

    proptest! {
        #[test]
        fn any_content_comes_back_whole_in_bytes_fit_for_a_cookie(parts in parts(), secret: [u8; 32]) {
            let key = key(&secret).unwrap();
            let sealed = seal(&key, "um.example.pl", b"sid", &content(&parts)).unwrap();
            prop_assert!(sealed.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
            let again = seal(&key, "um.example.pl", b"sid", &content(&parts)).unwrap();
            prop_assert_ne!(&again, &sealed);
            let opened = open(&key, "um.example.pl", b"sid", sealed.as_bytes()).unwrap();
            let opened = (opened.begun, opened.used, opened.attributes.into(), opened.value.into());
            prop_assert_eq!(opened, parts);
        }

        #[test]
        fn what_was_changed_in_one_bit_never_opens(parts in parts(), secret: [u8; 32], bit: prop::sample::Index) {
            let key = key(&secret).unwrap();
            let mut sealed = seal(&key, "um.example.pl", b"sid", &content(&parts)).unwrap().into_bytes();
            let bit = bit.index(sealed.len() * 8);
            sealed[bit / 8] ^= 1 << (bit % 8);
            prop_assert!(open(&key, "um.example.pl", b"sid", &sealed).is_none());
        }

        #[test]
        fn what_was_cut_or_lengthened_never_opens(
            parts in parts(), secret: [u8; 32], cut: prop::sample::Index, more in "[A-Za-z0-9_-]{1,9}",
        ) {
            let key = key(&secret).unwrap();
            let sealed = seal(&key, "um.example.pl", b"sid", &content(&parts)).unwrap();
            let part = &sealed.as_bytes()[..cut.index(sealed.len())];
            prop_assert!(open(&key, "um.example.pl", b"sid", part).is_none());
            prop_assert!(open(&key, "um.example.pl", b"sid", (sealed + &more).as_bytes()).is_none());
        }

        #[test]
        fn it_opens_for_no_other_site_name_or_key(
            parts in parts(), secret: [u8; 32], other: [u8; 32], site in "[a-z.]{1,12}", name in "[a-z_-]{1,12}",
        ) {
            let mine = key(&secret).unwrap();
            let sealed = seal(&mine, "um.example.pl", b"sid", &content(&parts)).unwrap();
            let opens = |key: &RandomizedNonceKey, site: &str, name: &[u8]| {
                open(key, site, name, sealed.as_bytes()).is_some()
            };
            prop_assert_eq!(opens(&mine, &site, b"sid"), site == "um.example.pl");
            prop_assert_eq!(opens(&mine, "um.example.pl", name.as_bytes()), name == "sid");
            prop_assert_eq!(opens(&key(&other).unwrap(), "um.example.pl", b"sid"), other == secret);
        }

        #[test]
        fn no_bytes_that_nobody_sealed_open(bytes in prop::collection::vec(any::<u8>(), 0..120), secret: [u8; 32]) {
            let key = key(&secret).unwrap();
            prop_assert!(open(&key, "um.example.pl", b"sid", &bytes).is_none());
            let encoded = URL_SAFE_NO_PAD.encode(&bytes);
            prop_assert!(open(&key, "um.example.pl", b"sid", encoded.as_bytes()).is_none());
        }
    }
}
