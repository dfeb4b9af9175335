//! What is handed out of a log is verified by programs that somebody else wrote.

use tlog_tiles::{Error, TileHashReader, TileReader};

use super::fixture::record;
use super::*;
use crate::journal::evidence::{EvidenceError, Exported, prove_on, tiles_on};
use crate::journal::proof::RecordProof;
use std::collections::BTreeMap;

fn exported(fixture: &Fixture) -> (Exported, BTreeMap<String, Vec<u8>>) {
    let mut files = BTreeMap::new();
    let key = fixture.signer(Log::Access).verifier();
    let exported = tiles_on(&fixture.disk(), Log::Access, key, &mut |path, bytes| {
        assert!(files.insert(path.to_owned(), bytes.to_vec()).is_none());
        Ok(())
    });
    (exported.unwrap(), files)
}

/// Serves what was exported as a client sees it.
struct Served(BTreeMap<String, Vec<u8>>);

impl TileReader for Served {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, Error> {
        let path = |tile: &tlog_tiles::Tile| tile.path().replacen("tile/8/", "tile/", 1);
        Ok(tiles.iter().map(|tile| self.0[&path(tile)].clone()).collect())
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

#[test]
fn exported_tiles_give_tlog_tiles_all_it_needs() {
    let fixture = Fixture::whole();
    let (exported, files) = exported(&fixture);
    let (tiles, removed) = (16, 0); // 14 full ones, the edge, and one above
    assert_eq!(
        exported,
        Exported {
            size: 3700,
            tiles,
            removed
        }
    );
    let theirs = tlog_tiles::Tile::new_tiles(8, 0, 3700);
    assert_eq!(theirs.len() as u64, tiles);
    let text = files["checkpoint"].clone();
    let end = text.windows(2).position(|pair| pair == b"\n\n").unwrap() + 1;
    let checkpoint = tlog_tiles::Checkpoint::from_bytes(&text[..end]).unwrap();
    let served = Served(files);
    let reader = TileHashReader::new(checkpoint.size(), *checkpoint.hash(), &served);
    for index in [0, 1234, 3699] {
        let key = fixture.signer(Log::Access).verifier();
        let proven = prove_on(&fixture.disk(), Log::Access, key, index).unwrap();
        let theirs = tlog_tiles::prove_record(3700, index, &reader).unwrap();
        let theirs: Vec<_> = theirs
            .iter()
            .map(|hash| crate::journal::tree::Hash(hash.0).to_string())
            .collect();
        let ours = proven.proof.to_string();
        let path: Vec<_> = ours.lines().skip(3).take_while(|line| !line.is_empty()).collect();
        assert_eq!(path, theirs);
    }
}

#[test]
fn a_record_is_proven_and_no_other_by_the_same_proof() {
    let fixture = Fixture::whole();
    let key = fixture.signer(Log::Access).verifier();
    let proven = prove_on(&fixture.disk(), Log::Access, key, 1234).unwrap();
    assert_eq!(proven.record, record(1234).as_bytes());
    let proof = RecordProof::parse(proven.proof.to_string().as_bytes()).unwrap();
    assert!(proof.verify(&proven.record, key).is_ok());
    assert!(proof.verify(record(1235).as_bytes(), key).is_err());
    assert!(
        proof
            .verify(&proven.record, fixture.signer(Log::Events).verifier())
            .is_err()
    );
}

#[test]
fn after_retention_the_rest_is_still_exported_and_proven() {
    let mut fixture = Fixture::whole();
    fixture.retire(&[(0, 1000), (1000, 2000)], true, true);
    let (exported, _) = exported(&fixture);
    // Tiles 0 to 2 and the first part of tile 3, whose rest is there, but not in one piece.
    assert_eq!((exported.tiles, exported.removed), (12, 4));
    let key = fixture.signer(Log::Access).verifier();
    assert!(prove_on(&fixture.disk(), Log::Access, key, 2000).is_ok());
    let gone = prove_on(&fixture.disk(), Log::Access, key, 1999).map(drop);
    assert!(matches!(gone, Err(EvidenceError::Gone)));
}

#[test]
fn what_cannot_be_proven_says_why() {
    let mut fixture = Fixture::whole();
    let key = fixture.signer(Log::Access).verifier().clone();
    let prove = |fixture: &Fixture, index| prove_on(&fixture.disk(), Log::Access, &key, index).map(drop);
    assert!(matches!(
        prove(&fixture, 3700),
        Err(EvidenceError::Unsigned { size: 3700 })
    ));
    fixture.file(&format!("{}.jsonl", fixture::stem(1000)))[0] ^= 1;
    assert!(matches!(prove(&fixture, 1000), Err(EvidenceError::Differs)));
    assert!(prove(&fixture, 1001).is_ok());
    fixture.file("access/tree/1")[0] ^= 1;
    let tiles = tiles_on(&fixture.disk(), Log::Access, &key, &mut |_, _| Ok(()));
    assert!(matches!(tiles, Err(EvidenceError::Differs)));
    fixture.remove("access/checkpoint");
    assert!(matches!(prove(&fixture, 1001), Err(EvidenceError::NoCheckpoint)));
}
