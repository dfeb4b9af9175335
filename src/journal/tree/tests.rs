use std::io;
use std::sync::LazyLock;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;

/// More than a full tile of full tiles, as in tlog-tiles' own example.
pub(super) const SIZE: u64 = 70_000;

pub(super) struct Tree {
    pub levels: Levels,
    /// The root of the first n records, for n up to 1,500.
    pub roots: Vec<Hash>,
    pub frontier: Frontier,
}

pub(super) fn record(index: u64) -> Vec<u8> {
    format!("record {index}").into_bytes()
}

pub(super) fn salt() -> Salt {
    Salt::new(Zeroizing::new([7; 32]))
}

pub(super) static TREE: LazyLock<Tree> = LazyLock::new(|| {
    let (mut levels, mut frontier, salt) = (Levels::default(), Frontier::new(), salt());
    let mut roots = vec![frontier.root()];
    for index in 0..SIZE {
        let leaf = salt.leaf(EntryIndex(index), &record(index));
        frontier.append(leaf, |level, hash| levels.push(level, hash));
        if roots.len() <= 1500 {
            roots.push(frontier.root());
        }
    }
    Tree {
        levels,
        roots,
        frontier,
    }
});

/// The definition in RFC 9162, section 2.1.1, word for word.
fn merkle_tree_hash(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => Hash::of_nothing(),
        [leaf] => *leaf,
        _ => {
            let mut k = 1;
            while 2 * k < leaves.len() {
                k *= 2;
            }
            Hash::above(&merkle_tree_hash(&leaves[..k]), &merkle_tree_hash(&leaves[k..]))
        }
    }
}

fn hex(hash: Hash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a log holds whose records below `minimum` are gone: the levels of tiles, without the tiles that may go.
struct Pruned {
    minimum: EntryIndex,
    size: u64,
}

impl Hashes for Pruned {
    fn hash(&self, level: u8, index: u64) -> io::Result<Hash> {
        let tile_level = tile_level(level).expect("only levels of tiles are asked for");
        assert!(
            index >= first_kept(tile_level, self.minimum),
            "a hash that is gone was asked for"
        );
        assert!(
            index < self.size >> level,
            "a hash that was not there yet was asked for"
        );
        TREE.levels.hash(level, index)
    }
}

#[test]
fn the_trees_of_the_certificate_transparency_tests_have_their_roots() {
    let inputs = ["", "\0", "\x10", " !", "01", "@ABC", "PQRSTUVW", "`abcdefghijklmno"];
    let mut frontier = Frontier::new();
    let roots = inputs.map(|input| {
        let mut bytes = vec![0];
        bytes.extend(input.bytes());
        frontier.append(Hash(Sha256::digest(bytes).into()), |_, _| ());
        hex(frontier.root())
    });
    assert_eq!(
        roots[0],
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
    );
    assert_eq!(
        roots[1],
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"
    );
    assert_eq!(
        roots[2],
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"
    );
    assert_eq!(
        roots[7],
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    );
}

#[test]
fn an_empty_tree_has_the_root_of_rfc_6962() {
    let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(hex(Frontier::new().root()), expected);
}

/// Computed with Python's hmac and hashlib.
#[test]
fn a_leaf_is_the_hash_of_a_nonce_and_the_line() {
    let salt = Salt::new(Zeroizing::new(std::array::from_fn(|n| n as u8)));
    let nonce = salt.nonce(EntryIndex(258));
    assert_eq!(
        nonce.0.map(|byte| format!("{byte:02x}")).concat(),
        "c82dcd3922da9561a1a45609a7e3eb3d"
    );
    assert_eq!(
        hex(salt.leaf(EntryIndex(258), b"a line")),
        "763853274ddefcf8bcfa110379e67dc43621c2e6acbd18309b19ca36ad25a9a4"
    );
    assert_eq!(leaf(&nonce, b"a line"), salt.leaf(EntryIndex(258), b"a line"));
}

#[test]
fn two_salts_are_never_the_same() {
    let (one, other) = (Salt::generate().unwrap(), Salt::generate().unwrap());
    assert_ne!(one.bytes(), other.bytes());
    assert_ne!(one.nonce(EntryIndex(0)), other.nonce(EntryIndex(0)));
}

#[test]
fn the_frontier_gives_the_root_of_the_definition_at_every_size() {
    let leaves = TREE.levels.hashes(0, 0, 600).unwrap();
    for size in 0..=600 {
        assert_eq!(TREE.roots[size], merkle_tree_hash(&leaves[..size]), "{size}");
    }
}

#[test]
fn a_level_has_a_hash_for_each_complete_subtree_in_order() {
    for level in 0..17 {
        let count = SIZE >> level;
        assert!(TREE.levels.hash(level, count).is_err());
        let last = TREE.levels.hash(level, count - 1).unwrap();
        let leaves = TREE.levels.hashes(0, (count - 1) << level, 1 << level).unwrap();
        assert_eq!(last, merkle_tree_hash(&leaves), "{level}");
    }
}

#[test]
fn a_frontier_goes_on_from_what_was_kept() {
    let middle = Frontier::read(&TREE.levels, TreeSize(69_999)).unwrap();
    let mut kept = Frontier::from_hashes(middle.size(), middle.hashes().to_vec()).unwrap();
    kept.append(TREE.levels.hash(0, 69_999).unwrap(), |level, hash| {
        assert_eq!(*hash, TREE.levels.hash(level, (SIZE >> level) - 1).unwrap());
    });
    assert_eq!(kept, TREE.frontier);
    assert_eq!(Frontier::from_hashes(TreeSize(3), vec![Hash::of_nothing()]), None);
    assert_eq!(
        Frontier::from_hashes(TreeSize(u64::MAX), vec![Hash::of_nothing(); 64]),
        None
    );
}

#[test]
fn what_lies_outside_a_tree_is_not_proved() {
    let levels = &TREE.levels;
    assert!(inclusion::prove(levels, EntryIndex(5), TreeSize(5)).is_err());
    assert!(inclusion::prove(levels, EntryIndex(0), TreeSize(0)).is_err());
    assert!(consistency::prove(levels, TreeSize(6), TreeSize(5)).is_err());
    let hash = Hash::of_nothing();
    let outside = inclusion::verify(&[], EntryIndex(5), &hash, TreeSize(5), &hash);
    assert_eq!(outside, Err(ProofError::Outside));
    let backwards = consistency::verify(&[], TreeSize(6), &hash, TreeSize(5), &hash);
    assert_eq!(backwards, Err(ProofError::Outside));
}

#[test]
fn every_tree_goes_on_from_the_empty_one() {
    let root = TREE.roots[9];
    let verify = |path: &[Hash], old: &Hash| consistency::verify(path, TreeSize(0), old, TreeSize(9), &root);
    assert_eq!(consistency::prove(&TREE.levels, TreeSize(0), TreeSize(9)).unwrap(), []);
    assert_eq!(verify(&[], &Hash::of_nothing()), Ok(()));
    assert_eq!(verify(&[], &root), Err(ProofError::Differs));
    assert_eq!(verify(&[root], &Hash::of_nothing()), Err(ProofError::TooLong));
}

#[test]
fn a_tree_of_70000_has_the_tiles_of_the_specification() {
    let tiles: Vec<_> = Tile::grown(TreeSize(0), TreeSize(SIZE)).collect();
    let count = |level, full| {
        let of_level = tiles.iter().filter(|tile| tile.level == level);
        of_level.filter(|tile| (tile.width == 256) == full).count()
    };
    assert_eq!(
        [0, 1, 2].map(|level| (count(level, true), count(level, false))),
        [(273, 1), (1, 1), (0, 1)]
    );
    let partial: Vec<_> = tiles
        .iter()
        .filter(|tile| tile.width < 256)
        .map(Tile::to_string)
        .collect();
    assert_eq!(partial, ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]);
}

#[test]
fn a_tile_has_one_path() {
    let tile = Tile {
        level: 0,
        index: 1_234_067,
        width: 256,
    };
    assert_eq!(tile.to_string(), "tile/0/x001/x234/067");
    assert_eq!(Tile::parse("tile/0/x001/x234/067"), Some(tile));
    assert_eq!(tile.bytes(), 1_234_067 * 8192..1_234_068 * 8192);
    for wrong in [
        "",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/00/001",
        "tile/8/000",
        "tile/0/1",
        "tile/0/0001",
        "tile/0/x001",
        "tile/0/001/002",
        "tile/0/x000/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/+01",
        "tile/7/128",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/0/001 ",
        "/tile/0/001",
        "tile/0/001.p/1.p/1",
    ] {
        assert_eq!(Tile::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn the_leaf_hashes_that_must_stay_begin_with_a_whole_tile() {
    let cases = [
        (0, 0, 0),
        (0, 255, 0),
        (0, 256, 256),
        (0, 70_000, 69_888),
        (1, 65_535, 0),
        (1, 65_536, 256),
    ];
    for (level, minimum, first) in cases {
        assert_eq!(first_kept(level, EntryIndex(minimum)), first);
    }
    assert_eq!(first_kept(200, EntryIndex(u64::MAX)), 0);
}

#[test]
fn a_number_has_one_form() {
    assert_eq!(decimal("0"), Some(0));
    assert_eq!(decimal("9223372036854775807"), Some(i64::MAX as u64));
    for wrong in [
        "",
        "00",
        "01",
        "+1",
        "-1",
        " 1",
        "1 ",
        "9223372036854775808",
        "١",
        "1e3",
    ] {
        assert_eq!(decimal(wrong), None, "{wrong}");
    }
}

proptest! {
    #[test]
    fn a_frontier_is_read_back_from_the_levels(size in 0..1500u64) {
        let frontier = Frontier::read(&TREE.levels, TreeSize(size)).unwrap();
        prop_assert_eq!(frontier.root(), TREE.roots[size as usize]);
        let tiles = Pruned { minimum: EntryIndex(size), size };
        prop_assert_eq!(Frontier::read(&TileLevels(tiles), TreeSize(size)).unwrap(), frontier);
    }

    #[test]
    fn every_record_is_proved_and_no_other((size, index) in (1..1500u64).prop_flat_map(|size| (Just(size), 0..size)),
                                           other in 0..2000u64, flip in any::<prop::sample::Index>(), bit in 0..8) {
        let (size, index, root) = (TreeSize(size), EntryIndex(index), TREE.roots[size as usize]);
        let path = inclusion::prove(&TREE.levels, index, size).unwrap();
        let leaf = TREE.levels.hash(0, index.0).unwrap();
        let verify = |path: &[Hash], index, leaf: &Hash| inclusion::verify(path, index, leaf, size, &root);
        prop_assert_eq!(verify(&path, index, &leaf), Ok(()));
        if other != index.0 {
            prop_assert!(verify(&path, EntryIndex(other), &leaf).is_err());
            prop_assert!(verify(&path, index, &TREE.levels.hash(0, other).unwrap()).is_err());
        }
        prop_assert_eq!(verify(&[path.clone(), vec![leaf]].concat(), index, &leaf), Err(ProofError::TooLong));
        if !path.is_empty() {
            prop_assert_eq!(verify(&path[1..], index, &leaf).is_err(), true);
            prop_assert_eq!(verify(&path[..path.len() - 1], index, &leaf), Err(ProofError::TooShort));
            let mut changed = path.clone();
            let at = flip.index(path.len() * 32);
            changed[at / 32].0[at % 32] ^= 1u8 << bit;
            prop_assert_eq!(verify(&changed, index, &leaf), Err(ProofError::Differs));
        }
    }

    #[test]
    fn every_growth_is_proved_and_no_other((new, old) in (1..1500u64).prop_flat_map(|new| (Just(new), 1..=new)),
                                           other in 1..1500u64, flip in any::<prop::sample::Index>(), bit in 0..8) {
        let root = |size: TreeSize| TREE.roots[size.0 as usize];
        let (new, old, other) = (TreeSize(new), TreeSize(old), TreeSize(other));
        let path = consistency::prove(&TREE.levels, old, new).unwrap();
        let verify = |path: &[Hash], old_root| consistency::verify(path, old, &old_root, new, &root(new));
        prop_assert_eq!(verify(&path, root(old)), Ok(()));
        if other != old {
            prop_assert!(verify(&path, root(other)).is_err());
        }
        prop_assert_eq!(verify(&[path.clone(), vec![root(old)]].concat(), root(old)), Err(ProofError::TooLong));
        if !path.is_empty() {
            prop_assert_eq!(verify(&path[..path.len() - 1], root(old)), Err(ProofError::TooShort));
            let mut changed = path.clone();
            let at = flip.index(path.len() * 32);
            changed[at / 32].0[at % 32] ^= 1u8 << bit;
            prop_assert_eq!(verify(&changed, root(old)), Err(ProofError::Differs));
        }
    }

    #[test]
    fn what_pruning_leaves_is_enough((minimum, index, size) in (0..1400u64).prop_flat_map(|minimum| {
        (Just(minimum), minimum..1450, 1450..1500u64)
    }), old in 0..50u64) {
        let tiles = TileLevels(Pruned { minimum: EntryIndex(minimum), size });
        let (index, old, size) = (EntryIndex(index), TreeSize(minimum + old), TreeSize(size));
        let whole = &TREE.levels;
        prop_assert_eq!(inclusion::prove(&tiles, index, size).unwrap(), inclusion::prove(whole, index, size).unwrap());
        prop_assert_eq!(consistency::prove(&tiles, old, size).unwrap(), consistency::prove(whole, old, size).unwrap());
        prop_assert_eq!(Frontier::read(&tiles, old).unwrap().root(), TREE.roots[old.0 as usize]);
    }

    #[test]
    fn any_proof_whatever_is_judged(path in prop::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..70),
                                    index: u64, size: u64, old: u64) {
        let hash = Hash::of_nothing();
        prop_assert!(inclusion::verify(&path, EntryIndex(index), &hash, TreeSize(size), &hash).is_err() || size == 1);
        let judged = consistency::verify(&path, TreeSize(old), &hash, TreeSize(size), &hash);
        prop_assert!(judged.is_err() || old == 0 || old == size);
    }

    #[test]
    fn every_tile_is_read_back(level in 0..=7u8, index in 0..1u64 << 54, width in 1..=256u16) {
        let tile = Tile { level, index: index >> (8 * level), width };
        let exists = (tile.index * 256 + u64::from(width)) <= TreeSize::MAX.0 >> (8 * level);
        prop_assert_eq!(Tile::parse(&tile.to_string()), exists.then_some(tile));
    }

    #[test]
    fn any_path_of_a_tile_is_the_one_it_has(path in "tile/[0-9]{1,2}/(x?[0-9]{2,4}/){0,9}x?[0-9]{3}(.p/[0-9]{1,3})?|\\PC*") {
        if let Some(tile) = Tile::parse(&path) {
            prop_assert_eq!(tile.to_string(), path);
        }
    }

    #[test]
    fn growth_brings_the_tiles_that_were_not_there(old in 0..SIZE, new in 0..SIZE) {
        let (old, new) = (old.min(new), old.max(new));
        let all = |size| Tile::grown(TreeSize(0), TreeSize(size)).collect::<std::collections::HashSet<_>>();
        let grown: std::collections::HashSet<_> = Tile::grown(TreeSize(old), TreeSize(new)).collect();
        prop_assert_eq!(grown, all(new).difference(&all(old)).copied().collect());
    }

    #[test]
    fn a_hash_has_one_text(bytes: [u8; 32], text in "[A-Za-z0-9+/=]{43,45}|\\PC*") {
        prop_assert_eq!(Hash(bytes).to_string().parse(), Ok(Hash(bytes)));
        if let Ok(hash) = text.parse::<Hash>() {
            prop_assert_eq!(hash.to_string(), text);
        }
    }
}
