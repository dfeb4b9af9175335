//! The same trees by programs that somebody else wrote: `ct-merkle`, and Cloudflare's `tlog_tiles`.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use sha2::Sha256;
use tlog_tiles::{Error, TileHashReader, TileReader};

use super::tests::{SIZE, TREE, record, salt};
use super::*;

/// A record as any other program sees it: the nonce, and the line.
fn whole_record(index: u64) -> Vec<u8> {
    [&salt().nonce(EntryIndex(index)).0[..], &record(index)].concat()
}

fn bytes(path: &[Hash]) -> Vec<u8> {
    path.iter().flat_map(|hash| hash.0).collect()
}

fn theirs(path: &[Hash]) -> Vec<tlog_tiles::Hash> {
    path.iter().map(|hash| tlog_tiles::Hash(hash.0)).collect()
}

/// The path of one of their tiles. Theirs are of any height, and name it; C2SP's are all of height 8.
fn path(tile: &tlog_tiles::Tile) -> String {
    tile.path().replacen("tile/8/", "tile/", 1)
}

/// Serves our level files as tiles, by their C2SP paths.
struct LevelFiles(Vec<Vec<u8>>);

impl LevelFiles {
    fn new() -> Self {
        let file = |level: u8| bytes(&TREE.levels.hashes(8 * level, 0, SIZE >> (8 * level)).unwrap());
        Self((0..3).map(file).collect())
    }
}

impl TileReader for LevelFiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let read = |tile: &tlog_tiles::Tile| {
            let tile = Tile::parse(&path(tile)).expect("a path that we know");
            let bytes = tile.bytes();
            self.0[usize::from(tile.level)][bytes.start as usize..bytes.end as usize].to_vec()
        };
        Ok(tiles.iter().map(read).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn ct_merkle_has_the_same_roots_and_proofs() {
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for size in 1..=270 {
        tree.push(whole_record(size - 1));
        let root = tree.root();
        assert_eq!(root.as_bytes()[..], TREE.roots[size as usize].0);
        for other in (0..size).filter(|other| size < 40 || size > 254 && other % 37 == size % 37) {
            let included = inclusion::prove(&TREE.levels, EntryIndex(other), TreeSize(size)).unwrap();
            assert_eq!(bytes(&included), tree.prove_inclusion(other as usize).as_bytes());
            let proof = InclusionProof::try_from_bytes(bytes(&included)).unwrap();
            root.verify_inclusion(&whole_record(other), other, &proof).unwrap();

            let old = other + 1;
            let consistent = consistency::prove(&TREE.levels, TreeSize(old), TreeSize(size)).unwrap();
            assert_eq!(
                bytes(&consistent),
                tree.prove_consistency((size - old) as usize).as_bytes()
            );
            let proof = ConsistencyProof::try_from_bytes(bytes(&consistent)).unwrap();
            let old_root = RootHash::new(TREE.roots[old as usize].0.into(), old);
            root.verify_consistency(&old_root, &proof).unwrap();
        }
    }
}

#[test]
fn tlog_tiles_accepts_our_proofs() {
    let root = tlog_tiles::Hash(TREE.frontier.root().0);
    for index in [0, 1, 255, 256, 65_535, 65_536, 69_887, 69_888, SIZE - 1] {
        let path = inclusion::prove(&TREE.levels, EntryIndex(index), TreeSize(SIZE)).unwrap();
        let leaf = tlog_tiles::record_hash(&whole_record(index));
        tlog_tiles::check_record(&theirs(&path), SIZE, root, index, leaf).unwrap();
        let path = consistency::prove(&TREE.levels, TreeSize(index + 1), TreeSize(SIZE)).unwrap();
        let old_root = Frontier::read(&TREE.levels, TreeSize(index + 1)).unwrap().root();
        tlog_tiles::check_tree(&theirs(&path), SIZE, root, index + 1, tlog_tiles::Hash(old_root.0)).unwrap();
    }
}

#[test]
fn tlog_tiles_makes_its_proofs_from_slices_of_our_levels() {
    let (size, files) = (TreeSize(SIZE), LevelFiles::new());
    let reader = TileHashReader::new(SIZE, tlog_tiles::Hash(TREE.frontier.root().0), &files);
    for index in [0, 300, 65_536, SIZE - 1] {
        let path = tlog_tiles::prove_record(SIZE, index, &reader).unwrap();
        assert_eq!(
            path,
            theirs(&inclusion::prove(&TREE.levels, EntryIndex(index), size).unwrap())
        );
        let path = tlog_tiles::prove_tree(SIZE, index + 1, &reader).unwrap();
        assert_eq!(
            path,
            theirs(&consistency::prove(&TREE.levels, TreeSize(index + 1), size).unwrap())
        );
    }
}

#[test]
fn tlog_tiles_has_the_same_tiles_at_the_same_paths() {
    for (old, new) in [
        (0, 1),
        (0, 256),
        (255, 257),
        (256, 70_000),
        (65_000, 66_000),
        (70_000, 70_000),
    ] {
        let theirs = tlog_tiles::Tile::new_tiles(8, old, new);
        let theirs: Vec<_> = theirs.iter().map(path).collect();
        let ours: Vec<_> = Tile::grown(TreeSize(old), TreeSize(new))
            .map(|tile| tile.to_string())
            .collect();
        assert_eq!(ours, theirs, "{old} to {new}");
    }
}
