//! All certificates: which one a visitor is shown, and how a new one takes the place of an old one.
//!
//! A set is one value behind one pointer: a handshake that has begun keeps the set it began with, and the next one has
//! the new set. Open connections notice nothing.
//!
//! A certificate that an authority gives by itself may not be there yet. Until it is, nobody is shown anything in its
//! place.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::certificate::{Certificate, TlsError};
use crate::acme::{self, Challenges};
use crate::config::Tls;

/// The certificates in use, and their files.
#[derive(Debug)]
pub(crate) struct Certificates {
    set: ArcSwap<Set>,
    files: Mutex<Vec<Watched>>,
    challenges: Challenges,
}

/// In the order of the configuration, the awaited ones last, with places for those that are not there yet; the first is
/// for visitors who ask for no name that any of them has.
type Set = Vec<Option<Arc<Certificate>>>;

/// A certificate's files, and how they were when they were last looked at.
#[derive(Debug)]
struct Watched {
    files: Tls,
    /// When they were last read, rightly or not.
    read: Stamps,
    /// At the last look.
    seen: Stamps,
}

impl Certificates {
    /// Reads them all. Those that are awaited from an authority may be missing.
    ///
    /// # Errors
    /// That of the first one of one's own that cannot be used.
    pub(super) fn open(own: &[Tls], awaited: &[Tls], challenges: &Challenges) -> Result<Self, TlsError> {
        // Before the files are read: what changes in between is read again.
        let files = own.iter().chain(awaited).map(Watched::new).collect();
        let own = own.iter().map(|files| Certificate::load(files).map(Arc::new).map(Some));
        let awaited = awaited.iter().map(|files| Ok(there(files).map(Arc::new)));
        Ok(Self {
            set: ArcSwap::from_pointee(own.chain(awaited).collect::<Result<Set, _>>()?),
            files: Mutex::new(files),
            challenges: challenges.clone(),
        })
    }

    /// Those in use.
    pub(super) fn all(&self) -> Vec<Arc<Certificate>> {
        self.set.load().iter().flatten().cloned().collect()
    }

    /// Takes over the certificates of another one. Whether any is not the one that was shown so far.
    pub(super) fn replace(&self, new: Self) -> bool {
        let new_files = new.files.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        let (old, new) = (self.set.load(), new.set.load_full());
        let chain = |one: &Arc<Certificate>| one.chain_and_key.cert.clone();
        let chains = |set: &Set| set.iter().flatten().map(chain).collect::<Vec<_>>();
        let differs = chains(&old) != chains(&new);
        *files = new_files;
        self.set.store(new);
        differs
    }

    /// Looks at the files, and reads those that have changed and hold still since the last look: one that is being
    /// written, or whose key is yet to come, is left alone until it is whole.
    pub(super) fn renew(&self) {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        for (place, watched) in files.iter_mut().enumerate() {
            if !watched.has_settled() {
                continue;
            }
            let name = watched.files.certificate.display();
            match Certificate::load(&watched.files) {
                Ok(certificate) => {
                    let mut set = Set::clone(&self.set.load());
                    if let Some(old) = set.get_mut(place) {
                        *old = Some(Arc::new(certificate));
                    }
                    self.set.store(Arc::new(set));
                    tracing::info!("the certificate {name} was read, and is in use");
                }
                Err(error) => tracing::warn!("{error}; the certificate that was read before stays in use"),
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let name = hello.server_name().map(str::to_ascii_lowercase);
        if is_of_an_authority(&hello) {
            return self.challenges.certificate(&name?);
        }
        let (set, schemes) = (self.set.load(), hello.signature_schemes());
        if set.iter().all(Option::is_none) {
            tracing::warn!(target: crate::OFTEN, "https is refused: there is no certificate yet");
        }
        choose(&set, name.as_deref(), |certificate| {
            certificate.chain_and_key.key.choose_scheme(schemes).is_some()
        })
        .map(|certificate| Arc::clone(&certificate.chain_and_key))
    }
}

/// Whether nothing but what authorities speak is offered.
fn is_of_an_authority(hello: &ClientHello<'_>) -> bool {
    hello.alpn().is_some_and(|offered| offered.eq([acme::ALPN]))
}

/// A certificate that may not be there. One that is faulty is as good as none: its authority is asked for another one.
fn there(files: &Tls) -> Option<Certificate> {
    let there = Certificate::load_if_there(files);
    there.unwrap_or_else(|error| {
        tracing::warn!("{error}; another one is asked for");
        None
    })
}

/// The certificate for a host name in lower case, of those whose key the visitor can verify: one that has the name,
/// else one that has a wildcard for it, else the first.
fn choose<'s>(
    set: &'s Set,
    name: Option<&str>,
    is_usable: impl Fn(&Certificate) -> bool,
) -> Option<&'s Arc<Certificate>> {
    let usable = || set.iter().flatten().filter(|certificate| is_usable(certificate));
    name.and_then(|name| {
        usable()
            .find(|certificate| certificate.names(name))
            .or_else(|| usable().find(|certificate| certificate.has_wildcard_for(name)))
    })
    .or_else(|| usable().next())
}

impl Watched {
    fn new(files: &Tls) -> Self {
        let stamps = Stamps::of(files);
        Self {
            files: files.clone(),
            read: stamps.clone(),
            seen: stamps,
        }
    }

    /// Whether the files are others than those that were read, and the same as at the last look.
    fn has_settled(&mut self) -> bool {
        let now = Stamps::of(&self.files);
        let settled = now != self.read && now == self.seen;
        if settled {
            self.read = now.clone();
        }
        self.seen = now;
        settled
    }
}

/// What tells a file from the one that was there before; `None` where it cannot be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamps {
    certificate: Option<Stamp>,
    key: Option<Stamp>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    seconds: i64,
    nanoseconds: i64,
}

impl Stamps {
    fn of(files: &Tls) -> Self {
        let stamp = |file: &Path| -> io::Result<Stamp> {
            let file = fs::metadata(file)?;
            Ok(Stamp {
                device: file.dev(),
                inode: file.ino(),
                length: file.len(),
                seconds: file.mtime(),
                nanoseconds: file.mtime_nsec(),
            })
        };
        Self {
            certificate: stamp(&files.certificate).ok(),
            key: stamp(&files.key).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with a certificate for these names and its key.
    fn files(folder: &Path, file: &str, names: &[&str]) -> Tls {
        let made = rcgen::generate_simple_self_signed(names.iter().map(ToString::to_string).collect::<Vec<_>>());
        let made = made.unwrap();
        let files = Tls {
            certificate: folder.join(format!("{file}.pem")),
            key: folder.join(format!("{file}.key")),
        };
        fs::write(&files.certificate, made.cert.pem()).unwrap();
        fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
        files
    }

    fn open(own: &[Tls]) -> Certificates {
        Certificates::open(own, &[], &Challenges::default()).unwrap()
    }

    fn shown(certificates: &Certificates, name: Option<&str>) -> String {
        let set = certificates.set.load();
        let chosen = choose(&set, name, |_| true).unwrap();
        chosen
            .files
            .certificate
            .file_stem()
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned()
    }

    #[test]
    fn the_exact_name_comes_before_a_wildcard_and_the_first_is_for_everybody_else() {
        let folder = tempfile::tempdir().unwrap();
        let of = |file, names: &[&str]| files(folder.path(), file, names);
        let certificates = open(&[
            of("first", &["um.example.pl"]),
            of("wild", &["*.example.pl", "example.org"]),
            of("bip", &["BIP.example.pl"]),
        ]);
        for (name, certificate) in [
            (Some("um.example.pl"), "first"),
            (Some("bip.example.pl"), "bip"),
            (Some("szkola.example.pl"), "wild"),
            (Some("a.b.example.pl"), "first"),
            (Some("example.pl"), "first"),
            (Some(".example.pl"), "first"),
            (Some("example.org"), "wild"),
            (None, "first"),
        ] {
            assert_eq!(shown(&certificates, name), certificate, "{name:?}");
        }
    }

    #[test]
    fn a_visitor_who_cannot_verify_one_key_is_shown_another() {
        let folder = tempfile::tempdir().unwrap();
        let of = |file| files(folder.path(), file, &["um.example.pl"]);
        let set: Set = [of("one"), of("two")]
            .iter()
            .map(|files| Some(Arc::new(Certificate::load(files).unwrap())))
            .collect();
        let chosen = choose(&set, Some("um.example.pl"), |one| one.files.key.ends_with("two.key"));
        assert!(chosen.unwrap().files.key.ends_with("two.key"));
        assert!(choose(&set, None, |_| false).is_none());
    }

    #[test]
    fn a_certificate_is_read_again_once_its_files_hold_still() {
        let folder = tempfile::tempdir().unwrap();
        let used = files(folder.path(), "used", &["um.example.pl"]);
        let certificates = open(std::slice::from_ref(&used));
        let in_use = || certificates.all().remove(0);
        let first = in_use();
        certificates.renew();
        certificates.renew();
        assert!(Arc::ptr_eq(&first, &in_use()), "nothing changed");

        let next = files(folder.path(), "next", &["um.example.pl"]);
        fs::rename(&next.certificate, &used.certificate).unwrap();
        certificates.renew();
        fs::rename(&next.key, &used.key).unwrap();
        certificates.renew();
        assert!(Arc::ptr_eq(&first, &in_use()), "it was still being changed");
        certificates.renew();
        assert!(!Arc::ptr_eq(&first, &in_use()));

        let second = in_use();
        fs::write(&used.certificate, "-----BEGIN CERTIFICATE-----\nMIIB").unwrap();
        certificates.renew();
        certificates.renew();
        assert!(Arc::ptr_eq(&second, &in_use()), "half a file is no certificate");
        fs::remove_file(&used.certificate).unwrap();
        certificates.renew();
        certificates.renew();
        assert!(Arc::ptr_eq(&second, &in_use()), "nor is none");
    }

    #[test]
    fn one_that_is_awaited_may_be_missing_or_broken_and_nothing_is_shown_in_its_place() {
        let folder = tempfile::tempdir().unwrap();
        let awaited = Tls {
            certificate: folder.path().join("awaited.pem"),
            key: folder.path().join("awaited.pem"),
        };
        let open = || Certificates::open(&[], std::slice::from_ref(&awaited), &Challenges::default()).unwrap();
        assert!(open().all().is_empty());
        fs::write(&awaited.certificate, "no PEM").unwrap();
        let certificates = open();
        assert!(choose(&certificates.set.load(), Some("um.example.pl"), |_| true).is_none());

        let made = files(folder.path(), "made", &["um.example.pl"]);
        let both = fs::read_to_string(&made.certificate).unwrap() + &fs::read_to_string(&made.key).unwrap();
        fs::write(&awaited.certificate, both).unwrap();
        certificates.renew();
        certificates.renew();
        assert_eq!(shown(&certificates, Some("um.example.pl")), "awaited");
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let one = files(folder.path(), "one", &["a.example"]);
        let two = files(folder.path(), "two", &["a.example"]);
        let mixed = Tls { key: two.key, ..one };
        assert!(matches!(Certificate::load(&mixed), Err(TlsError::Mismatch { .. })));
    }
}
