//! Events in which what was counted is told once an hour: each tells all of it again, until a start or another policy
//! begins the counting anew. Here they are read as though it had been one long day.

use std::io;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::disk::Disk;
use super::{Lines, Log};

/// The first and the last event in which something was told of.
pub(super) type Told = Option<(Timestamp, Timestamp)>;

/// What was first told of within such a time is new.
const NEW: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Hands out the events of a name, each with its time and with what `take` has noted since the counting began.
pub(super) fn read<R: Default>(
    disk: Arc<dyn Disk>,
    name: &str,
    mut take: impl FnMut(&Value, Timestamp, &mut R),
) -> io::Result<()> {
    let finder = |name: &str| memchr::memmem::Finder::new(&format!("\"event.name\":\"{name}\"")).into_owned();
    let (wanted, begins) = (finder(name), ["journal.start", "policy.in_force"].map(finder));
    let mut events = Lines::on(disk, Log::Events)?;
    let mut noted = R::default();
    while let Some(line) = events.next_line()? {
        if begins.iter().any(|begin| begin.find(line.text).is_some()) {
            noted = R::default();
        } else if wanted.find(line.text).is_some() {
            // Another's line tells nothing.
            let event: Value = serde_json::from_slice(line.text).unwrap_or_default();
            if let Some(time) = event["time"].as_str().and_then(|time| time.parse().ok()) {
                take(&event, time, &mut noted);
            }
        }
    }
    Ok(())
}

/// It is told of once more.
pub(super) fn tell(told: &mut Told, time: Timestamp) {
    *told = Some((told.map_or(time, |(first, _)| first), time));
}

/// Whether it came only in the last week, where all was watched for longer.
pub(super) fn is_new(told: Told, all: Told) -> bool {
    told.zip(all).is_some_and(|((first, _), (begun, last))| {
        last.duration_since(first) < NEW && last.duration_since(begun) >= NEW
    })
}
