//! How a journal is, seen from beside it: what an administrator should know before something is lost. Nothing is
//! changed, and nothing about a visitor leaves this room.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::cosigning::kept::Cosigned;
use super::disk::{Disk, Folder, Guard};
use super::key::{Key, KeyFileError};
use super::log_tree::CHECKPOINT;
use super::segment::{self, Packed};
use super::verify::time_of;
use super::{Due, Lines, Log, OpenError, Settings, recovery};
use crate::entry::Record;
use crate::policy::{AddressRule, Policy};

/// So many of the newest records are looked at.
const NEWEST: usize = 200;

/// What is found of a journal.
#[derive(Debug)]
pub struct Condition {
    /// Whether it could be opened for writing: [`OpenError::Locked`] if it is being written.
    pub journal: Result<(), OpenError>,
    /// Whether its key can be used.
    pub key: Result<(), KeyFileError>,
    /// Files that belong to another user than the folder does.
    pub strangers: u64,
    /// The witnesses that have not signed what has been there for a while, and when each signed last.
    pub unwitnessed: Vec<(String, Option<Timestamp>)>,
    /// What is left of its disk, in percent; `None` if that cannot be found out.
    pub space_left: Option<u64>,
    /// How long the newest line of a log has been waiting for a checkpoint.
    pub unsigned: Option<Duration>,
    /// How far in the future the newest record is.
    pub ahead: Option<Duration>,
    /// So many of the newest records say that the visitor had one and the same private address.
    pub hidden: Option<usize>,
    /// How the newest segment is guarded, and how many closed ones are not.
    pub guards: io::Result<Guards>,
    /// Segments that retention should have removed.
    pub overdue: usize,
}

/// How segments are guarded by the file system.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Guards {
    /// Those that are.
    pub guarded: usize,
    /// Those that are not.
    pub bare: usize,
}

impl Condition {
    /// Looks at the journal of these settings, under the policy in force. For a moment it takes the lock.
    pub fn of(settings: &Settings, policy: &Policy, now: Timestamp) -> Self {
        let disk = Arc::new(Folder::new(&settings.folder));
        let (journal, origin) = match recovery::claim(&*disk) {
            Ok((origin, _)) => (Ok(()), Some(origin)),
            Err(error) => (Err(error), None),
        };
        let key = Key::load(&settings.key);
        let journal = match (journal, &key, origin) {
            (Ok(()), Ok(key), Some(origin)) if key.origin() != origin => Err(OpenError::KeyOfAnother),
            (journal, ..) => journal,
        };
        let newest = Newest::of(&disk, Log::Access, now).unwrap_or_default();
        let hidden = match &policy.addresses {
            Some(log) if log.fields.client_address != AddressRule::Omitted => {
                Newest::of(&disk, Log::Addresses, now).unwrap_or_default().hidden
            }
            _ => newest.hidden,
        };
        // A round is an hour apart from the next, and may just be under way.
        let overdue = now.checked_sub(SignedDuration::from_hours(2)).ok();
        let overdue = overdue.and_then(|then| Due::now(&settings.folder, policy, then).ok());
        let unwitnessed = key.as_ref().map(|key| unwitnessed(&disk, settings, key, now));
        let unwitnessed = unwitnessed.unwrap_or_default();
        Self {
            journal,
            key: key.map(drop),
            strangers: strangers(&disk).unwrap_or_default(),
            unwitnessed,
            space_left: disk.space_left().ok(),
            unsigned: unsigned(&disk, now),
            ahead: newest.ahead,
            hidden,
            guards: guards(&disk),
            overdue: overdue.map_or(0, |due| due.iter().filter(|due| due.held.is_empty()).count()),
        }
    }
}

#[derive(Default)]
struct Newest {
    ahead: Option<Duration>,
    hidden: Option<usize>,
}

impl Newest {
    fn of(disk: &Arc<Folder>, log: Log, now: Timestamp) -> io::Result<Self> {
        let mut lines = Lines::on(Arc::clone(disk) as Arc<dyn Disk>, log)?;
        let mut addresses: VecDeque<Option<IpAddr>> = VecDeque::new();
        let mut newest: Option<Timestamp> = None;
        while let Some(mut segment) = lines.split_last() {
            let mut here = VecDeque::new();
            while let Some(line) = segment.next_line()? {
                let Ok(record) = Record::decode(line.text, line.segment.format, line.segment.day) else {
                    continue;
                };
                here.push_back(record.client_address());
                if here.len() > NEWEST {
                    here.pop_front();
                }
                newest = newest.max(record.sent().or_else(|| record.timestamp()));
            }
            here.append(&mut addresses);
            addresses = here;
            if addresses.len() >= NEWEST {
                break;
            }
        }
        let ahead = newest.and_then(|newest| Duration::try_from(newest.duration_since(now)).ok());
        let first = addresses.front().copied().flatten();
        let one = first.is_some() && addresses.iter().all(|address| *address == first);
        Ok(Self {
            ahead: ahead.filter(|ahead| *ahead > Duration::from_secs(60)),
            hidden: (one && first.is_some_and(is_private)).then_some(addresses.len()),
        })
    }
}

/// Addresses of networks of one's own (RFC 1918, RFC 4193) and of this machine.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_loopback(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_loopback(),
    }
}

fn strangers(disk: &Folder) -> io::Result<u64> {
    let owner = disk.owner("")?;
    let mut strangers = 0;
    let others = ["", "policies", super::holds::FOLDER];
    for folder in Log::ALL.map(Log::folder).into_iter().chain(others) {
        for name in disk.list(folder).unwrap_or_default() {
            let path = if folder.is_empty() {
                name
            } else {
                format!("{folder}/{name}")
            };
            // What is removed meanwhile belongs to nobody.
            if disk.owner(&path).is_ok_and(|user| user != owner) {
                strangers += 1;
            }
        }
    }
    Ok(strangers)
}

/// Who has not signed the newest checkpoint of `access`, and signed nothing for so long that it is no accident.
fn unwitnessed(disk: &Folder, settings: &Settings, key: &Key, now: Timestamp) -> Vec<(String, Option<Timestamp>)> {
    let own = key.verifier(Log::Access);
    let cosigned = Cosigned::read(disk, Log::Access, own).unwrap_or_default();
    let size = recovery::text(disk, &format!("{}/{CHECKPOINT}", Log::Access.folder())).ok();
    let size: u64 = size
        .and_then(|text| text.lines().nth(1)?.parse().ok())
        .unwrap_or_default();
    let mut silent = Vec::new();
    for witness in &settings.witnesses {
        let signed = cosigned.of(witness.key());
        let when = signed.and_then(|signed| signed.cosigned_at(witness.key()).ok().flatten());
        let when = when.and_then(|seconds| Timestamp::from_second(i64::try_from(seconds).ok()?).ok());
        let is_behind = signed.is_none_or(|signed| signed.checkpoint().size().0 < size);
        let is_long_ago = when.is_none_or(|when| now.duration_since(when) > SignedDuration::from_mins(10));
        if is_behind && is_long_ago {
            silent.push((witness.key().name().to_string(), when));
        }
    }
    silent
}

/// How long the oldest line behind a log's checkpoint has been there. Ten seconds are usual.
fn unsigned(disk: &Arc<Folder>, now: Timestamp) -> Option<Duration> {
    let waits = Log::ALL.into_iter().filter_map(|log| {
        let checkpoint = recovery::text(&**disk, &format!("{}/{CHECKPOINT}", log.folder())).ok()?;
        let signed: u64 = checkpoint.lines().nth(1)?.parse().ok()?;
        let mut lines = Lines::on(Arc::clone(disk) as Arc<dyn Disk>, log).ok()?.from(signed);
        while let Some(line) = lines.next_line().ok()? {
            if line.index >= signed {
                let time = time_of(line.text, log, line.segment)?;
                return Duration::try_from(now.duration_since(time)).ok();
            }
        }
        None
    });
    waits.max().filter(|waits| *waits > Duration::from_secs(60))
}

fn guards(disk: &Folder) -> io::Result<Guards> {
    let mut guards = Guards::default();
    for log in Log::ALL {
        let forms = segment::forms(disk, log)?;
        for Packed { name, form } in &forms {
            let is_last = forms.last().is_some_and(|last| last.name == *name);
            let guard = disk.guard_of(
                &Packed {
                    name: *name,
                    form: *form,
                }
                .path(log),
            )?;
            match guard {
                Some(Guard::Immutable) => guards.guarded += 1,
                Some(Guard::Append) if is_last => guards.guarded += 1,
                _ => guards.bare += 1,
            }
        }
    }
    Ok(guards)
}
