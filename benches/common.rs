//! What the benchmarks of the journal have in common: how it is set, and the exchange that it keeps.

use std::path::Path;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, Version};
use townclerk::clock::Clock;
use townclerk::entry::{ClientHost, Observation, Outcome, RequestHead};
use townclerk::journal::{Durability, Format, OnFailure, Settings};

/// Those of a journal in a folder, with the defaults of the configuration.
pub fn settings(folder: &Path, durability: Durability) -> Settings {
    Settings {
        folder: folder.join("journal"),
        key: folder.join("journal.key"),
        format: Format::JsonLines,
        segment_bytes: 256 << 20,
        durability,
        sync_interval: Duration::from_secs(1),
        queue: 65_536,
        on_failure: OnFailure::Refuse,
        immutable: false,
        closed: None,
        witnesses: Vec::new(),
    }
}

/// A page view of a browser; each number has a page of its own.
pub fn observation(number: usize) -> Observation {
    let arrived = Clock::system().now();
    Observation {
        arrived,
        sent: Some(arrived),
        client: [192, 0, 2, (number % 250) as u8].into(),
        client_host: ClientHost::NotAsked,
        request: Some(RequestHead {
            method: Method::GET,
            target: format!("/aktualnosci/{number}?strona=2").parse().expect("a target"),
            version: Version::HTTP_11,
            referrer: Some(HeaderValue::from_static("https://town.example/")),
            agent: Some(HeaderValue::from_static(
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            )),
            authorization: None,
        }),
        status: Some(StatusCode::OK),
        bytes: 12_345,
        first_page: false,
        outcome: Outcome::Completed,
    }
}

/// The one in the middle.
pub fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_unstable_by(f64::total_cmp);
    figures[figures.len() / 2]
}
