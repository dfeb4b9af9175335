//! What townclerk signs and proves is checked by Go's own libraries, as Debian packages them (`golang-go` and
//! `golang-golang-x-mod-dev`), in the program `interop/check.go`; and townclerk checks what Go signs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use townclerk::journal::checkpoint::{Checkpoint, Signed};
use townclerk::journal::note::{Cosigner, Note, Signer, VerifierKey};
use townclerk::journal::proof::RecordProof;
use townclerk::journal::tree::{EntryIndex, Frontier, Hashes, Levels, Salt, Tile, TreeSize, consistency};

use crate::skip::{skip, without};

/// Where Debian puts Go's libraries.
const GOPATH: &str = "/usr/share/gocode";

/// `check.go`, built, and the folder that it works in.
pub struct Go {
    program: PathBuf,
    folder: TempDir,
}

impl Go {
    /// `None` where Go or its library is not installed.
    pub fn build(what: &str) -> Option<Self> {
        if without("go", "version", what) {
            return None;
        }
        if !Path::new(GOPATH).join("src/golang.org/x/mod/sumdb/tlog").exists() {
            skip(what, "golang-golang-x-mod-dev is not installed");
            return None;
        }
        let folder = tempfile::tempdir().expect("a folder");
        let program = folder.path().join("check");
        let built = Command::new("go")
            .args(["build", "-o"])
            .args([
                &program,
                &Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/check.go"),
            ])
            .env("GOPATH", GOPATH)
            .env("GO111MODULE", "off")
            .env("GOFLAGS", "")
            .env("GOCACHE", folder.path().join("cache"))
            .output()
            .expect("go runs");
        assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
        Some(Self { program, folder })
    }

    /// Where it works.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file there.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).expect("a text")
    }

    /// What the program says against it; `None` if it accepts.
    pub fn objects(&self, command: &str) -> Option<String> {
        let checked = Command::new(&self.program)
            .arg(command)
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .output()
            .expect("check runs");
        (!checked.status.success()).then(|| String::from_utf8_lossy(&checked.stderr).trim().to_owned())
    }
}

/// A log of so many records, its key, and its checkpoints at two sizes.
struct Log {
    signer: Signer,
    salt: Salt,
    levels: Levels,
    old: Signed,
    new: Signed,
}

impl Log {
    fn of(old: u64, new: u64) -> Self {
        let signer = Signer::generate("town.example/townclerk/access".parse().expect("a name")).expect("a key");
        let salt = Salt::generate().expect("a salt");
        let (mut levels, mut frontier) = (Levels::default(), Frontier::new());
        for index in 0..new {
            let leaf = salt.leaf(EntryIndex(index), record(index).as_bytes());
            frontier.append(leaf, |level, hash| levels.push(level, hash));
        }
        let checkpoint = |size| {
            let root = Frontier::read(&levels, TreeSize(size)).expect("all hashes").root();
            Checkpoint::new(signer.verifier().name(), TreeSize(size), root)
                .sign(&signer)
                .expect("signed")
        };
        let (old, new) = (checkpoint(old), checkpoint(new));
        Self {
            signer,
            salt,
            levels,
            old,
            new,
        }
    }
}

fn record(index: u64) -> String {
    format!(r#"{{"time":"2026-11-21T20:00:00Z","url.path":"/news/{index}"}}"#)
}

/// The same with one bit flipped in the middle of the first place where this stands.
fn flipped(text: &str, place: &str) -> Vec<u8> {
    let at = text.find(place).expect("the place") + place.len() / 2;
    let mut bytes = text.as_bytes().to_vec();
    bytes[at] ^= 1;
    bytes
}

#[test]
fn go_accepts_the_proof_of_a_record_and_no_flipped_bit() {
    let Some(go) = Go::build("proofs of records, by Go") else {
        return;
    };
    let log = Log::of(3500, 3700);
    let witness = Cosigner::generate("witness.example/w1".parse().expect("a name")).expect("a key");
    let mut signed = log.new.clone();
    let cosignature = signed.cosign(&witness, 1_800_000_000).expect("signed");
    signed.add(cosignature, witness.verifier()).expect("the witness's");
    go.write("key", log.signer.verifier().to_string());

    for index in [0, 1, 255, 256, 2500, 3699] {
        let nonce = log.salt.nonce(EntryIndex(index));
        let proof = RecordProof::new(&log.levels, EntryIndex(index), nonce, &signed).expect("a proof");
        let (proof, record) = (proof.to_string(), record(index));
        go.write("proof", &proof);
        go.write("record", &record);
        assert_eq!(go.objects("record"), None, "record {index}");

        go.write("record", flipped(&record, "/news/"));
        assert_eq!(go.objects("record").as_deref(), Some("invalid transparency proof"));
        go.write("record", &record);
        for place in [
            proof.lines().nth(1),
            proof.lines().nth(4),
            Some("\n3700\n"),
            proof.lines().nth_back(1),
        ] {
            go.write("proof", flipped(&proof, place.expect("a line")));
            assert!(
                go.objects("record").is_some(),
                "{place:?} changed in the proof of record {index}"
            );
        }
    }
}

#[test]
fn go_accepts_the_growth_of_a_log_and_its_tiles_and_no_flipped_bit() {
    let Some(go) = Go::build("growth and tiles, by Go") else {
        return;
    };
    // 65,536 + 256 + 16: no tile holds two of the subtrees, else this version of Go's library leaves tiles unchecked.
    let log = Log::of(3500, 65_808);
    let (old, new) = (log.old.checkpoint().size(), log.new.checkpoint().size());
    let proof = consistency::prove(&log.levels, old, new).expect("a proof");
    let proof: String = proof.iter().map(|hash| format!("{hash}\n")).collect();
    go.write("key", log.signer.verifier().to_string());
    go.write("old", log.old.note().to_string());
    go.write("new", log.new.note().to_string());
    go.write("growth", &proof);
    assert_eq!(go.objects("growth"), None);

    for tile in Tile::grown(TreeSize(0), new) {
        // What a level's file has at these bytes.
        let (bytes, level) = (tile.bytes(), 8 * tile.level);
        let hashes = log
            .levels
            .hashes(level, bytes.start / 32, (bytes.end - bytes.start) / 32);
        let bytes: Vec<u8> = hashes.expect("all hashes").iter().flat_map(|hash| hash.0).collect();
        go.write(&tile.to_string(), bytes);
    }
    assert_eq!(go.objects("tiles"), None);

    let first = proof.lines().next().expect("a hash");
    go.write("growth", flipped(&proof, first));
    assert!(
        go.objects("growth").is_some(),
        "a changed hash, or what is none any more"
    );
    go.write("growth", &proof);
    let path = go.folder().join("tile/0/007");
    let mut tile = fs::read(&path).expect("a tile");
    tile[4000] ^= 1;
    fs::write(&path, tile).expect("a file");
    assert_eq!(go.objects("tiles").as_deref(), Some("downloaded inconsistent tile"));
}

#[test]
fn go_finds_the_cosignature_of_a_witness_right() {
    let Some(go) = Go::build("cosignatures, by Go") else {
        return;
    };
    let mut log = Log::of(1, 2);
    let witness = Cosigner::generate("witness.example/w1".parse().expect("a name")).expect("a key");
    let cosignature = log.new.cosign(&witness, 1_800_000_000).expect("signed");
    log.new.add(cosignature, witness.verifier()).expect("the witness's");
    let text = log.new.note().to_string();
    go.write("witness", witness.verifier().to_string());
    go.write("new", &text);
    assert_eq!(go.objects("cosignature"), None);

    // The time begins after the id, four bytes; this is a bit of it.
    let digits = text.split(' ').next_back().expect("base64");
    let later = text.replace(digits, &format!("{}B{}", &digits[..8], &digits[9..]));
    go.write("new", later);
    assert!(
        go.objects("cosignature")
            .is_some_and(|why| why.contains("invalid signature"))
    );
    go.write("new", log.old.note().to_string());
    assert!(
        go.objects("cosignature")
            .is_some_and(|why| why.contains("no verifiable signatures"))
    );
}

#[test]
fn go_and_townclerk_sign_with_each_others_keys() {
    let Some(go) = Go::build("keys and notes, by Go") else {
        return;
    };
    let ours = Signer::generate("town.example/key".parse().expect("a name")).expect("a key");
    let text = "a text\n\nwith an empty line, and ł\n";
    go.write("text", text);
    go.write("private", ours.private_text().expose());
    assert_eq!(go.objects("sign"), None);
    let signed = Note::parse(go.read("signed").as_bytes()).expect("a note");
    assert_eq!(signed.text(), text);
    signed.verify(ours.verifier()).expect("our key's");

    assert_eq!(go.objects("keygen"), None);
    let theirs = Signer::parse(&go.read("private")).expect("a private key");
    let key: VerifierKey = go.read("key").parse().expect("a key");
    assert_eq!(theirs.verifier(), &key);
    assert_eq!(go.objects("sign"), None);
    let signed = Note::parse(go.read("signed").as_bytes()).expect("a note");
    signed.verify(&key).expect("their key's");
    assert_eq!(
        signed,
        Note::new(text.into(), theirs.sign(text).expect("signed")).expect("a note")
    );
}
