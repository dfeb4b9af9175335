//! BagIt bags (RFC 8493), as far as a bundle needs them: written in one go, and read strictly.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256, Sha512};

use super::hex;

/// The file that makes a folder a bag, and all of it.
pub(crate) const DECLARATION: (&str, &str) = ("bagit.txt", "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n");
/// The manifest of the payload.
pub(crate) const PAYLOAD: &str = "manifest-sha256.txt";
/// Those of the other files, each with the letters of its hashes.
pub(crate) const TAGS: [(&str, usize); 2] = [("tagmanifest-sha256.txt", 64), ("tagmanifest-sha512.txt", 128)];

/// Files and their hashes, by their paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest(BTreeMap<String, String>);

/// Why a text is not a manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line} is not a hash, two spaces and a path, in the order of the paths")]
pub struct ManifestError {
    /// From 1 on.
    pub line: usize,
}

impl Manifest {
    /// Reads a manifest as townclerk writes it: hashes of so many small hexadecimal letters, two spaces, paths below
    /// the bag in their order, each line ended. Written again it is the same, to the byte.
    ///
    /// # Errors
    ///
    /// It is anything else.
    pub fn parse(bytes: &[u8], letters: usize) -> Result<Self, ManifestError> {
        let mut manifest = Self::default();
        for (line, number) in bytes.split_inclusive(|byte| *byte == b'\n').zip(1..) {
            let wrong = ManifestError { line: number };
            let text = std::str::from_utf8(line).ok().and_then(|line| line.strip_suffix('\n'));
            let (hash, path) = text.and_then(|text| text.split_once("  ")).ok_or(wrong)?;
            let is_hash = hash.len() == letters && hash.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let is_next = manifest.0.last_key_value().is_none_or(|(last, _)| last.as_str() < path);
            if !is_hash || !is_path(path) || !is_next {
                return Err(wrong);
            }
            manifest.add(path, hash.to_owned());
        }
        Ok(manifest)
    }

    pub(crate) fn add(&mut self, path: &str, hash: String) {
        self.0.insert(path.to_owned(), hash);
    }

    /// The hash of a file.
    pub fn of(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// The files, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl fmt::Display for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(path, hash)| writeln!(f, "{hash}  {path}"))
    }
}

/// Whether a path stays below the bag, and means the same to everybody.
fn is_path(path: &str) -> bool {
    let part = |part: &str| !part.is_empty() && part != "." && part != "..";
    let letters = |byte: u8| byte.is_ascii_graphic() && byte != b'\\' && byte != b'%';
    path.bytes().all(letters) && path.split('/').all(part)
}

/// A bag that is being written, in a folder of its own.
pub(crate) struct Bag {
    folder: PathBuf,
    payload: Manifest,
    octets: u64,
    tags: [Manifest; TAGS.len()],
}

/// A file of its payload that is being written.
pub(crate) struct Part {
    path: String,
    file: BufWriter<File>,
    hasher: Sha256,
    octets: u64,
}

impl Bag {
    pub(crate) fn begin(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            payload: Manifest::default(),
            octets: 0,
            tags: Default::default(),
        }
    }

    /// Begins a file below `data/`.
    pub(crate) fn part(&self, path: &str) -> io::Result<Part> {
        let path = format!("data/{path}");
        let file = BufWriter::with_capacity(64 * 1024, self.create(&path)?);
        let (hasher, octets) = (Sha256::new(), 0);
        Ok(Part {
            path,
            file,
            hasher,
            octets,
        })
    }

    /// A whole file below `data/`.
    pub(crate) fn put(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let path = format!("data/{path}");
        self.create(&path)?.write_all(content)?;
        self.note(&path, &Sha256::digest(content), content.len() as u64);
        Ok(())
    }

    /// Ends a file that was begun.
    pub(crate) fn end(&mut self, part: Part) -> io::Result<()> {
        let Part {
            path,
            mut file,
            hasher,
            octets,
        } = part;
        file.flush()?;
        self.note(&path, &hasher.finalize(), octets);
        Ok(())
    }

    fn note(&mut self, path: &str, hash: &[u8], octets: u64) {
        self.payload.add(path, hex(hash));
        self.octets += octets;
    }

    /// Ends the payload, and gives the text of its manifest.
    pub(crate) fn close(&mut self) -> io::Result<String> {
        let manifest = self.payload.to_string();
        self.tag(PAYLOAD, manifest.as_bytes())?;
        Ok(manifest)
    }

    /// The bytes and the files of the payload, as `Payload-Oxum` has them.
    pub(crate) fn oxum(&self) -> String {
        format!("{}.{}", self.octets, self.payload.0.len())
    }

    /// A whole file beside the payload.
    pub(crate) fn tag(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        self.create(path)?.write_all(content)?;
        let [sha256, sha512] = &mut self.tags;
        sha256.add(path, hex(&Sha256::digest(content)));
        sha512.add(path, hex(&Sha512::digest(content)));
        Ok(())
    }

    /// Ends the bag, durably.
    pub(crate) fn finish(self) -> io::Result<()> {
        for (manifest, (path, _)) in self.tags.iter().zip(TAGS) {
            self.create(path)?.write_all(manifest.to_string().as_bytes())?;
        }
        // The whole file system at once: a bundle may have a hundred thousand files.
        Ok(rustix::fs::syncfs(File::open(&self.folder)?)?)
    }

    fn create(&self, path: &str) -> io::Result<File> {
        let path = self.folder.join(path);
        if let Some(folder) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        }
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        self.octets += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Every file below a folder, by its path from there, in order. What is neither a file nor a folder is among them.
pub(crate) fn files(folder: &Path) -> io::Result<Vec<String>> {
    let mut folders = vec![String::new()];
    let mut files = Vec::new();
    while let Some(below) = folders.pop() {
        for item in fs::read_dir(folder.join(&below))? {
            let item = item?;
            let name = item.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() {
                name
            } else {
                format!("{below}/{name}")
            };
            match item.file_type()?.is_dir() {
                true => folders.push(path),
                false => files.push(path),
            }
        }
    }
    files.sort();
    Ok(files)
}
