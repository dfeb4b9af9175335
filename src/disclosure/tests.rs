use proptest::prelude::*;
use serde_json::{Value, json};

use super::bag::{Manifest, TAGS};
use super::register::{self, Entry, Kind, Year};
use super::verify::Place;

fn entry(kind: Kind, time: &str, id: &str, disclosed: u64) -> Entry {
    Entry {
        time: time.parse().unwrap(),
        kind,
        line: json!({ "id": id, "disclosed": disclosed }),
    }
}

#[test]
fn a_manifest_is_read_as_it_is_written_and_in_no_other_way() {
    let hash = "ab".repeat(32);
    let right = format!("{hash}  bagit.txt\n{hash}  data/access/key\n");
    assert_eq!(Manifest::parse(right.as_bytes(), 64).unwrap().to_string(), right);
    for (line, wrong) in [
        (1, format!("{hash} bagit.txt\n")),
        (1, format!("{hash}  ../bagit.txt\n")),
        (1, format!("{hash}  /etc/passwd\n")),
        (1, format!("{hash}  a//b\n")),
        (1, format!("{hash}  a\\b\n")),
        (1, format!("{hash}  a%0Ab\n")),
        (1, format!("{}  a\n", hash.to_uppercase())),
        (1, format!("{hash}  a")),
        (1, format!("{hash}  \n")),
        (2, format!("{hash}  b\n{hash}  a\n")),
        (2, format!("{hash}  a\n{hash}  a\n")),
        (2, format!("{hash}  a\n\n")),
    ] {
        let said = Manifest::parse(wrong.as_bytes(), 64).map_err(|error| error.line);
        assert_eq!(said, Err(line), "{wrong}");
    }
}

#[test]
fn matters_have_a_year_and_a_number() {
    let now = "2026-11-21T20:00:00Z".parse().unwrap();
    assert_eq!(register::next_id(&[], now), "2026-0001");
    let entries = [
        entry(Kind::Made, "2025-01-01T00:00:00Z", "2025-0041", 1),
        entry(Kind::Requested, "2026-01-01T00:00:00Z", "2026-0009", 0),
        entry(Kind::Refused, "2026-01-02T00:00:00Z", "2026-0009", 0),
    ];
    assert_eq!(register::next_id(&entries, now), "2026-0010");
}

#[test]
fn a_year_counts_matters_once_whatever_became_of_them() {
    let mut entries = vec![
        entry(Kind::Requested, "2026-01-01T00:00:00Z", "2026-0001", 0),
        entry(Kind::Made, "2026-01-02T00:00:00Z", "2026-0001", 12),
        entry(Kind::Refused, "2026-02-01T00:00:00Z", "2026-0002", 0),
        entry(Kind::Requested, "2026-12-31T00:00:00Z", "2026-0003", 0),
        entry(Kind::Requested, "2026-12-31T00:00:00Z", "2026-0004", 0),
        entry(Kind::Made, "2027-01-01T00:00:00Z", "2026-0004", 3),
    ];
    entries.push(Entry {
        line: Value::Null,
        ..entry(Kind::Answered, "2027-01-01T00:00:00Z", "", 0)
    });
    let years = register::years(&entries);
    let first = Year {
        demands: 4,
        disclosed: 2,
        refused: 1,
        pending: 1,
        records: 12,
        answered: 0,
    };
    let second = Year {
        records: 3,
        answered: 1,
        ..Year::default()
    };
    assert_eq!(years.into_iter().collect::<Vec<_>>(), [(2026, first), (2027, second)]);
}

proptest! {
    #[test]
    fn any_manifest_is_survived_and_what_is_read_is_the_same_again(
        text in "((ab){32}|[0-9a-fA-F]{0,70}|\\PC{0,9})?( {0,3})([a-z./%]{0,9}|\\PC{0,9})\n?(.|\n){0,90}",
        letters in prop::sample::select(vec![TAGS[0].1, TAGS[1].1, 0]),
    ) {
        if let Ok(manifest) = Manifest::parse(text.as_bytes(), letters) {
            prop_assert_eq!(manifest.to_string(), text);
        }
    }

    #[test]
    fn every_manifest_is_read_back(files in prop::collection::btree_map("[a-z]{1,5}(/[a-z.-]{1,5}x)?", "[0-9a-f]{64}", 0..9)) {
        let text: String = files.iter().map(|(path, hash)| format!("{hash}  {path}\n")).collect();
        let manifest = Manifest::parse(text.as_bytes(), 64).unwrap();
        prop_assert!(files.iter().all(|(path, hash)| manifest.of(path) == Some(hash)));
        prop_assert!(manifest.paths().eq(files.keys()));
    }

    #[test]
    fn any_line_of_an_index_is_survived(text in "(\\{\"file\":\"records.(jsonl|log|x)\",\"index\":-?[0-9]{1,25}\\})?\\PC{0,9}\n?") {
        if let Some(place) = Place::parse(text.as_bytes()) {
            prop_assert!(text.contains(&place.file) && text.contains(&place.index.to_string()));
        }
    }
}
