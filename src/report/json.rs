//! For programs: what was published, as it is kept, and what was of the time before.

use serde::Serialize;

use super::Edition;
use super::anonymity::Published;

#[derive(Serialize)]
struct Site<'a> {
    statistics: &'a Published,
    before: Option<&'a Published>,
}

pub(super) fn text(editions: &[Edition]) -> String {
    let site = |edition: &'_ Edition| {
        serde_json::to_value(Site {
            statistics: &edition.now,
            before: edition.before.as_ref(),
        })
        .unwrap_or_default() // all keys are texts
    };
    let sites: Vec<_> = editions.iter().map(site).collect();
    format!("{:#}\n", serde_json::json!({ "sites": sites }))
}
