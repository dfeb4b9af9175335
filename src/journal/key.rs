//! The key of a journal: one secret, in a file of its own beside the journal's folder, which signs for each log under
//! that log's name.

use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::Log;
use super::disk::{Disk, Folder};
use super::note::{CryptoError, KeyError, KeyName, Signer, VerifierKey};
use super::{layout, recovery};

/// What signs the checkpoints of a journal. Its text is Go's for a private key, by the name `<origin>/townclerk`.
pub struct Key {
    origin: String,
    signers: Signers,
}

/// What signs each log.
pub(crate) struct Signers {
    pub(crate) access: Signer,
    pub(crate) addresses: Signer,
    pub(crate) arrivals: Signer,
    pub(crate) events: Signer,
    pub(crate) disclosures: Signer,
}

/// Why there is no key to sign with. [`KeyFileError::remedy`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// There is no file.
    #[error("there is no key to sign the journal with")]
    Missing,
    /// There is one already, and it is not written over.
    #[error("there is a file already")]
    Exists,
    /// Others than its user can read it.
    #[error("others can read the key")]
    Exposed,
    /// It holds something else.
    #[error("the file does not hold a journal's key: {0}")]
    NotAKey(#[from] KeyError),
    /// There are no random bytes to make it of, or the cryptographic library failed.
    #[error(transparent)]
    Crypto(#[from] CryptoError),
    /// The disk failed.
    #[error("the key cannot be read or written: {0}")]
    Disk(#[from] io::Error),
}

impl KeyFileError {
    /// What to do about it, for a hint.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => {
                "put back the journal's key from where it was saved; see `key` in [site.journal]; for a journal that is \
                 not made yet, run `townclerk journal init`"
            }
            Self::Exists => "keep it: what it has signed can be verified with its own public keys only",
            Self::Exposed => "run `chmod 600 FILE`; if somebody may have read it, this journal can be forged by them",
            Self::NotAKey(_) => "name the file that `townclerk keygen` or `townclerk journal init` made for this site",
            Self::Crypto(_) => "try again",
            Self::Disk(_) => "see that the file's folder is there, mounted, and allowed for this user",
        }
    }
}

impl Key {
    /// A new one for the site `origin`, its first host name.
    ///
    /// # Errors
    ///
    /// [`KeyFileError::NotAKey`] if the origin cannot be in the name of a key, [`KeyFileError::Crypto`].
    pub fn generate(origin: &str) -> Result<Self, KeyFileError> {
        Self::of(&Signer::generate(name(origin, None)?)?)
    }

    /// Makes a new one and keeps it, mode 0600, in a file that must not be there.
    ///
    /// # Errors
    ///
    /// As [`Key::generate`]; [`KeyFileError::Exists`], [`KeyFileError::Disk`].
    pub fn create(file: &Path, origin: &str) -> Result<Self, KeyFileError> {
        let signer = Signer::generate(name(origin, None)?)?;
        let key = Self::of(&signer)?;
        let (folder, file) = place(file)?;
        match folder.status(&file) {
            Ok(_) => return Err(KeyFileError::Exists),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
        folder.make_parents()?;
        let text = signer.private_text();
        let mut line = Zeroizing::new(Vec::with_capacity(text.expose().len() + 1));
        line.extend_from_slice(text.expose().as_bytes());
        line.push(b'\n');
        layout::replace(&folder, "", &file, line.as_slice())?;
        Ok(key)
    }

    /// Reads the one that is kept in a file.
    ///
    /// # Errors
    ///
    /// See [`KeyFileError`].
    pub fn load(file: &Path) -> Result<Self, KeyFileError> {
        let (folder, file) = place(file)?;
        match folder.status(&file) {
            Ok(status) if status.mode & 0o077 != 0 => return Err(KeyFileError::Exposed),
            Ok(status) if status.folder || status.length > LONGEST => return Err(KeyError::Form.into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(KeyFileError::Missing),
            Err(error) => return Err(error.into()),
        }
        match recovery::text(&folder, &file) {
            Ok(text) => Self::parse(&Zeroizing::new(text)),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(KeyError::Form.into()),
            Err(error) => Err(error.into()),
        }
    }

    fn parse(text: &str) -> Result<Self, KeyFileError> {
        Self::of(&Signer::parse(text.strip_suffix('\n').unwrap_or(text))?)
    }

    fn of(signer: &Signer) -> Result<Self, KeyFileError> {
        let origin = signer.verifier().name().as_str().strip_suffix(SUFFIX);
        let origin = origin.ok_or(KeyError::Name)?.to_owned();
        let signer_of = |log| -> Result<_, KeyFileError> { Ok(signer.named(name(&origin, Some(log))?)?) };
        let signers = Signers {
            access: signer_of(Log::Access)?,
            addresses: signer_of(Log::Addresses)?,
            arrivals: signer_of(Log::Arrivals)?,
            events: signer_of(Log::Events)?,
            disclosures: signer_of(Log::Disclosures)?,
        };
        Ok(Self { origin, signers })
    }

    /// The site that it was made for.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// What the checkpoints of a log are verified with. To be kept where whoever can write the journal cannot.
    pub fn verifier(&self, log: Log) -> &VerifierKey {
        let signer = match log {
            Log::Access => &self.signers.access,
            Log::Addresses => &self.signers.addresses,
            Log::Arrivals => &self.signers.arrivals,
            Log::Events => &self.signers.events,
            Log::Disclosures => &self.signers.disclosures,
        };
        signer.verifier()
    }

    /// Taken apart, to sign with.
    pub(crate) fn into_signers(self) -> Signers {
        self.signers
    }
}

/// No key is longer, in bytes.
const LONGEST: u64 = 4_096;

const SUFFIX: &str = "/townclerk";

/// `<origin>/townclerk/<log>`, the origin of a log; without a log, the name of the private key.
fn name(origin: &str, log: Option<Log>) -> Result<KeyName, KeyError> {
    let log = log.map_or(String::new(), |log| format!("/{log}"));
    format!("{origin}{SUFFIX}{log}").parse()
}

/// A file's folder and its name there.
fn place(file: &Path) -> Result<(Folder, String), KeyFileError> {
    let name = file.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidFilename))?;
    let folder = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    Ok((Folder::new(folder.unwrap_or(Path::new("."))), name.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_read_as_it_was_made_and_has_a_name_for_each_log() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("below/journal.key");
        let made = Key::create(&file, "um.example.pl").unwrap();
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
        let read = Key::load(&file).unwrap();
        assert_eq!(read.origin(), "um.example.pl");
        for log in Log::ALL {
            assert_eq!(made.verifier(log), read.verifier(log));
            let name = format!("um.example.pl/townclerk/{log}");
            assert_eq!(read.verifier(log).name().as_str(), name);
            assert_eq!(read.verifier(log).to_string().parse().as_ref(), Ok(read.verifier(log)));
        }
        assert_ne!(made.verifier(Log::Access).id(), made.verifier(Log::Events).id());
        let text = fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("PRIVATE+KEY+um.example.pl/townclerk+"));
        let signers = made.into_signers();
        let line = signers.access.sign("text\n").unwrap();
        let note = crate::journal::note::Note::new("text\n".to_owned(), line).unwrap();
        assert!(note.verify(read.verifier(Log::Access)).is_ok());
        assert!(note.verify(read.verifier(Log::Events)).is_err());
    }

    #[test]
    fn a_key_is_never_written_over_nor_used_when_others_can_read_it() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("journal.key");
        assert!(matches!(Key::load(&file), Err(KeyFileError::Missing)));
        Key::create(&file, "um.example.pl").unwrap();
        let text = fs::read(&file).unwrap();
        assert!(matches!(Key::create(&file, "um.example.pl"), Err(KeyFileError::Exists)));
        assert_eq!(fs::read(&file).unwrap(), text);
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Key::load(&file), Err(KeyFileError::Exposed)));
        fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        for text in [
            &b"\xff"[..],
            b"",
            b"PRIVATE+KEY+a+b+c",
            &text[..text.len() - 3],
            &[b'a'; 5_000],
        ] {
            fs::write(&file, text).unwrap();
            assert!(matches!(Key::load(&file), Err(KeyFileError::NotAKey(_))));
        }
    }
}
