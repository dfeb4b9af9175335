//! The keys that cookies are sealed with, and their file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aws_lc_rs::aead::RandomizedNonceKey;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::seal::{self, Content, KEY_BYTES};

/// Keys in one file; every one of them is tried on a value that none opens.
const KEYS_MAX: usize = 8;
/// No file of keys is longer, in bytes.
const LONGEST: u64 = 4_096;

/// The keys of a site: the first seals, all of them open. Replicas that share the file share the sessions. It has no
/// `Debug`: it cannot be printed.
///
/// The file, mode 0600, holds a key a line, 32 bytes as base64; lines that start with `#` are remarks.
pub struct Keys {
    first: RandomizedNonceKey,
    others: Vec<RandomizedNonceKey>,
    /// Of the file's bytes: by it two readings are told apart.
    fingerprint: [u8; 32],
}

/// Why there are no keys to seal cookies with. [`KeysError::remedy`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// There is no file.
    #[error("there is no key to seal cookies with")]
    Missing,
    /// There is one already, and it is not written over.
    #[error("there is a file already")]
    Exists,
    /// Others than its user can read it.
    #[error("others can read the key")]
    Exposed,
    /// It holds no key.
    #[error("the file holds no key")]
    Empty,
    /// A line, counted from 1, is neither a key nor a remark.
    #[error("line {0} is no key")]
    NotAKey(usize),
    /// It holds too many.
    #[error("the file holds more than {KEYS_MAX} keys")]
    TooMany,
    /// There are no random bytes to make one of.
    #[error("there are no random bytes")]
    Random,
    /// The disk failed.
    #[error("the file cannot be read or written: {0}")]
    Disk(#[from] io::Error),
}

impl KeysError {
    /// What to do about it, for a hint.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Missing => {
                "make it with `townclerk journal init`, or bring the file that other machines of the site use"
            }
            Self::Empty => "remove the file, and make a key with `townclerk keygen --cookies FILE`",
            Self::Exists => "keep it: who is logged in is known by it; a new key belongs on a line above the old one",
            Self::Exposed => "run `chmod 600 FILE`; if somebody may have read it, make a new one",
            Self::NotAKey(_) => {
                "name the file that `townclerk keygen --cookies` made; each line is a key, or begins with #"
            }
            Self::TooMany => "take out the lines at the end: they are the oldest keys",
            Self::Random => "try again",
            Self::Disk(_) => "see that the file's folder is there, mounted, and allowed for this user",
        }
    }
}

impl Keys {
    /// Makes a key and keeps it, mode 0600, in a file that must not be there.
    ///
    /// # Errors
    /// [`KeysError::Exists`], [`KeysError::Random`], [`KeysError::Disk`].
    pub fn create(file: &Path) -> Result<(), KeysError> {
        let mut key = Zeroizing::new([0; KEY_BYTES]);
        aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(|_| KeysError::Random)?;
        let mut text = Zeroizing::new(String::with_capacity(256));
        text.push_str("# Seals the cookies of a site. The first key seals, all of them open: a new one goes above.\n");
        BASE64.encode_string(key.as_slice(), &mut text);
        text.push('\n');
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file);
        let mut made = made.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => KeysError::Exists,
            _ => error.into(),
        })?;
        made.write_all(text.as_bytes())?;
        Ok(made.sync_all()?)
    }

    /// Reads a file of keys.
    ///
    /// # Errors
    /// See [`KeysError`].
    pub fn load(file: &Path) -> Result<Self, KeysError> {
        let file = File::open(file).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => KeysError::Missing,
            _ => error.into(),
        })?;
        if file.metadata()?.permissions().mode() & 0o077 != 0 {
            return Err(KeysError::Exposed);
        }
        let mut text = Zeroizing::new(String::with_capacity(LONGEST as usize + 1));
        file.take(LONGEST + 1)
            .read_to_string(&mut text)
            .map_err(|error| match error.kind() {
                io::ErrorKind::InvalidData => KeysError::NotAKey(1),
                _ => error.into(),
            })?;
        if text.len() as u64 > LONGEST {
            return Err(KeysError::TooMany);
        }
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self, KeysError> {
        let mut keys = Vec::new();
        for (number, line) in (1..).zip(text.lines().map(str::trim)) {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let mut bytes = Zeroizing::new([0; KEY_BYTES + 1]); // the decoder wants room for one more
            let read = BASE64.decode_slice(line, bytes.as_mut_slice());
            let whole = read.ok().filter(|length| *length == KEY_BYTES).and(bytes.first_chunk());
            let key = whole.and_then(|bytes| seal::key(bytes).ok());
            keys.push(key.ok_or(KeysError::NotAKey(number))?);
        }
        if keys.is_empty() {
            return Err(KeysError::Empty);
        }
        if keys.len() > KEYS_MAX {
            return Err(KeysError::TooMany);
        }
        Ok(Self {
            first: keys.remove(0),
            others: keys,
            fingerprint: Sha256::digest(text).into(),
        })
    }

    /// See [`seal::seal`]. `None` where that fails.
    pub(super) fn seal(&self, site: &str, name: &[u8], content: &Content) -> Option<String> {
        seal::seal(&self.first, site, name, content).ok()
    }

    /// See [`seal::open`].
    pub(super) fn open(&self, site: &str, name: &[u8], sealed: &[u8]) -> Option<Content> {
        let mut keys = std::iter::once(&self.first).chain(&self.others);
        keys.find_map(|key| seal::open(key, site, name, sealed))
    }

    /// Whether both were read from the same bytes.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};

    use super::*;

    fn content() -> Content {
        Content {
            begun: 1,
            used: 2,
            attributes: (*b"; Path=/").into(),
            value: (*b"abc").into(),
        }
    }

    fn opens(keys: &Keys, sealed: &str) -> bool {
        keys.open("um.example.pl", b"sid", sealed.as_bytes()).is_some()
    }

    fn sealed(keys: &Keys) -> String {
        keys.seal("um.example.pl", b"sid", &content()).unwrap()
    }

    #[test]
    fn the_first_key_seals_and_all_of_them_open() {
        let folder = tempfile::tempdir().unwrap();
        let [old, new, both] = ["old", "new", "both"].map(|name| folder.path().join(name));
        Keys::create(&old).unwrap();
        Keys::create(&new).unwrap();
        assert_eq!(fs::metadata(&old).unwrap().permissions().mode() & 0o7777, 0o600);
        fs::write(
            &both,
            fs::read_to_string(&new).unwrap() + &fs::read_to_string(&old).unwrap(),
        )
        .unwrap();
        fs::set_permissions(&both, Permissions::from_mode(0o600)).unwrap();
        let [old, new, both] = [old, new, both].map(|file| Keys::load(&file).ok().unwrap());
        assert!(opens(&both, &sealed(&old)) && opens(&both, &sealed(&new)));
        assert!(opens(&new, &sealed(&both)) && !opens(&old, &sealed(&both)));
        assert!(old.is(&old) && !old.is(&both));
    }

    #[test]
    fn a_file_of_keys_is_never_written_over_nor_used_when_others_can_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cookies.key");
        assert!(matches!(Keys::load(&file), Err(KeysError::Missing)));
        Keys::create(&file).unwrap();
        assert!(matches!(Keys::create(&file), Err(KeysError::Exists)));
        fs::set_permissions(&file, Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(Keys::load(&file), Err(KeysError::Exposed)));
    }

    #[test]
    fn what_is_no_key_is_named_by_its_line() {
        let key = BASE64.encode([7; 32]);
        let parse = |text: &str| Keys::parse(text).err().map(|error| error.to_string());
        assert_eq!(parse(&format!("# a remark\n\n {key} \r\n")), None);
        assert_eq!(parse("# a remark\n").as_deref(), Some("the file holds no key"));
        for wrong in [&BASE64.encode([7; 31]), &BASE64.encode([7; 33]), &key[1..], "x", "ą"] {
            let text = format!("{key}\n{wrong}\n");
            assert_eq!(parse(&text).as_deref(), Some("line 2 is no key"), "{wrong}");
        }
        let many = format!("{key}\n").repeat(9);
        assert_eq!(parse(&many).as_deref(), Some("the file holds more than 8 keys"));
    }
}
