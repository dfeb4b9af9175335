//! Where the account and the certificates are kept:
//!
//! ```text
//! acme/                                     mode 0700, made on purpose
//! └── acme-v02.api.letsencrypt.org-directory/    for each directory that was ever asked
//!     ├── account.json                      the account and its key
//!     ├── www.um.example.pl.pem             a certificate, those that signed it, and its key
//!     └── www.um.example.pl.refused.json    when it was refused, why, and when it is asked for again
//! ```
//!
//! Every file has mode 0600, and is replaced whole or not at all.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;
use thiserror::Error;

use super::failure::Failure;
use crate::config::{self, Tls};
use crate::server::Certificate;

/// Why a folder cannot be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// There is none.
    #[error("the folder is not there")]
    Missing,
    /// Others than its user can look into it.
    #[error("others can look into it")]
    Exposed,
    /// The disk failed.
    #[error("{0}")]
    Disk(#[from] io::Error),
}

impl FolderError {
    /// What to do about it, for a hint.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => "see what is mounted there; `townclerk journal init` makes it",
            Self::Exposed => "run `chmod 700 FOLDER`; if somebody may have read the keys in it, take its files away",
            Self::Disk(_) => "see that it is a folder, mounted, and allowed for this user",
        }
    }
}

/// The last order for a certificate, which led to none.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Refused {
    pub(crate) asked: Timestamp,
    pub(crate) again: Timestamp,
    /// How many led to none, one after the other.
    pub(crate) times: u32,
    pub(crate) why: String,
}

/// The folder for one directory.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    whole: PathBuf,
    /// Its part of the whole.
    path: PathBuf,
}

impl Folder {
    pub(crate) fn of(settings: &config::Acme) -> Self {
        let url = &settings.directory;
        let place = url.split_once("://").map_or(url.as_str(), |(_, place)| place);
        let plain = |char: char| match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '-' => char,
            _ => '-',
        };
        let name: String = place.chars().map(plain).collect();
        Self {
            whole: settings.folder.clone(),
            path: settings.folder.join(name.trim_start_matches('.')),
        }
    }

    /// Makes the whole folder. Whether it was not there.
    ///
    /// # Errors
    /// See [`FolderError`].
    pub(crate) fn create(whole: &Path) -> Result<bool, FolderError> {
        match DirBuilder::new().mode(0o700).create(whole) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => look(whole).map(|()| false),
            Err(error) => Err(error.into()),
        }
    }

    /// Whether it can be used.
    ///
    /// # Errors
    /// See [`FolderError`].
    pub(crate) fn look(&self) -> Result<(), FolderError> {
        look(&self.whole)
    }

    /// The file of a certificate for these names, and of its key.
    pub(crate) fn certificate(&self, names: &[Box<str>]) -> Tls {
        let file = self.file(names, "pem");
        Tls {
            certificate: file.clone(),
            key: file,
        }
    }

    /// Why there is no newer certificate for these names, as far as it is known.
    pub(crate) fn refused(&self, names: &[Box<str>]) -> Option<Refused> {
        self.read(&self.file(names, "refused.json")).ok().flatten()
    }

    pub(super) fn keep_refused(&self, names: &[Box<str>], refused: &Refused) -> io::Result<()> {
        self.write(&self.file(names, "refused.json"), refused)
    }

    pub(super) fn account<T: DeserializeOwned>(&self) -> io::Result<Option<T>> {
        self.read(&self.path.join("account.json"))
    }

    pub(super) fn keep_account(&self, account: &impl Serialize) -> io::Result<()> {
        self.write(&self.path.join("account.json"), account)
    }

    pub(super) fn forget_account(&self) -> io::Result<()> {
        fs::remove_file(self.path.join("account.json"))
    }

    /// Puts a certificate in the place of the one before, if it is what was asked for.
    pub(super) fn keep_certificate(&self, names: &[Box<str>], pem: &str) -> Result<Certificate, Failure> {
        let draft = self.draft(pem.as_bytes())?;
        let certificate = Certificate::load(&Tls {
            certificate: draft.path().to_owned(),
            key: draft.path().to_owned(),
        })?;
        if let Some(name) = names.iter().find(|name| !certificate.is_for(name)) {
            return Err(Failure::Useless(format!("it is not for {name}")));
        }
        self.put(draft, &self.file(names, "pem"))?;
        match fs::remove_file(self.file(names, "refused.json")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Ok(certificate),
        }
    }

    fn file(&self, names: &[Box<str>], kind: &str) -> PathBuf {
        let first = names.first().map_or("", |name| name);
        self.path.join(format!("{first}.{kind}"))
    }

    fn read<T: DeserializeOwned>(&self, file: &Path) -> io::Result<Option<T>> {
        match fs::read(file) {
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn write(&self, file: &Path, value: &impl Serialize) -> io::Result<()> {
        let draft = self.draft(&serde_json::to_vec_pretty(value)?)?;
        self.put(draft, file)
    }

    /// A file that is on the disk and has no name yet that anybody looks for.
    fn draft(&self, bytes: &[u8]) -> io::Result<NamedTempFile> {
        match DirBuilder::new().mode(0o700).create(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let mut draft = NamedTempFile::new_in(&self.path)?; // mode 0600
        draft.write_all(bytes)?;
        draft.as_file().sync_all()?;
        Ok(draft)
    }

    fn put(&self, draft: NamedTempFile, file: &Path) -> io::Result<()> {
        draft.persist(file).map_err(|error| error.error)?;
        File::open(&self.path)?.sync_all()
    }
}

fn look(whole: &Path) -> Result<(), FolderError> {
    let found = fs::metadata(whole).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => FolderError::Missing,
        _ => error.into(),
    })?;
    if !found.is_dir() {
        return Err(FolderError::Disk(io::ErrorKind::NotADirectory.into()));
    }
    match found.permissions().mode() & 0o077 {
        0 => Ok(()),
        _ => Err(FolderError::Exposed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Challenge;

    fn folder(whole: &Path, directory: &str) -> Folder {
        Folder::of(&config::Acme {
            directory: directory.to_owned(),
            ca: None,
            folder: whole.to_owned(),
            contact: None,
            challenge: Challenge::default(),
            certificates: Vec::new(),
        })
    }

    /// A certificate and its key.
    fn pem(name: &str) -> String {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        made.cert.pem() + &made.signing_key.serialize_pem()
    }

    #[test]
    fn it_is_made_on_purpose_for_its_user_alone_and_others_are_refused() {
        let place = tempfile::tempdir().unwrap();
        let whole = place.path().join("acme");
        let look = || folder(&whole, "https://ca.example/dir").look();
        assert!(matches!(look(), Err(FolderError::Missing)));
        assert!(Folder::create(&whole).unwrap());
        assert!(!Folder::create(&whole).unwrap(), "it was there");
        assert_eq!(fs::metadata(&whole).unwrap().permissions().mode() & 0o7777, 0o700);
        fs::set_permissions(&whole, fs::Permissions::from_mode(0o750)).unwrap();
        assert!(matches!(look(), Err(FolderError::Exposed)));
        fs::remove_dir(&whole).unwrap();
        fs::write(&whole, "").unwrap();
        assert!(matches!(look(), Err(FolderError::Disk(_))));
    }

    #[test]
    fn each_directory_has_a_part_of_its_own() {
        let whole = Path::new("acme");
        for (url, part) in [
            (
                "https://acme-v02.api.letsencrypt.org/directory",
                "acme-v02.api.letsencrypt.org-directory",
            ),
            ("https://[::1]:14000/dir?a=b", "---1--14000-dir-a-b"),
            ("https://../../etc", "-..-etc"),
        ] {
            assert_eq!(folder(whole, url).path, whole.join(part), "{url}");
        }
    }

    #[test]
    fn what_is_not_what_was_asked_for_does_not_take_its_place() {
        let place = tempfile::tempdir().unwrap();
        let folder = folder(place.path(), "https://ca.example/dir");
        let names = ["um.example.pl".into()];
        folder.keep_certificate(&names, &pem("um.example.pl")).unwrap();
        let file = folder.certificate(&names).certificate;
        let kept = fs::read(&file).unwrap();
        let (one, other) = (pem("um.example.pl"), pem("um.example.pl"));
        let (certificate, key) = (
            one.split_once("-----BEGIN PRIVATE").unwrap().0,
            other.find("-----BEGIN PRIVATE"),
        );
        for wrong in [
            pem("other.example"),
            certificate.to_owned() + &other[key.unwrap()..],
            "no PEM".to_owned(),
        ] {
            let refused = folder.keep_certificate(&names, &wrong);
            assert!(matches!(refused, Err(Failure::Useless(_))), "{refused:?}");
            assert_eq!(fs::read(&file).unwrap(), kept);
        }
        let files = fs::read_dir(&folder.path).unwrap().count();
        assert_eq!(files, 1, "nothing half made is left");
    }
}
