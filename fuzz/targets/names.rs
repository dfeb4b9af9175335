//! Small texts that name something: what is read is written as it was.
#![no_main]

use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use townclerk::config::fuzzing::host;
use townclerk::journal::note::KeyName;
use townclerk::journal::tree::Tile;
use townclerk::journal::{Case, Name};
use townclerk::policy::NamePattern;
use townclerk::witness::Place;

fuzz_target!(|text: &str| {
    if let Ok(pattern) = NamePattern::parse(text) {
        assert_eq!(pattern.to_string(), text);
    }
    if let Some(meant) = host(text) {
        assert_eq!(host(&meant), Some(meant));
    }
    if let Some(case) = Case::parse(text) {
        assert_eq!(case.as_str(), text);
        assert!(!text.contains('/') && !text.starts_with('.'));
    }
    if let Some(name) = Name::parse(text) {
        assert_eq!(name.to_string(), text);
    }
    if let Some(tile) = Tile::parse(text) {
        assert_eq!(tile.to_string(), text);
    }
    if let Ok(name) = KeyName::from_str(text) {
        assert_eq!(name.as_str(), text);
    }
    if let Ok(place) = Place::from_str(text) {
        assert_eq!(Place::from_str(&place.to_string()), Ok(place));
    }
});
