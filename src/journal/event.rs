//! What happens to a journal itself: a closed list. No event can hold anything about a visitor; the only free strings
//! are policy versions, names of cookies, of other sites and of this one's pages, redacted, and the names of cases and
//! of witnesses.

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Map, Value};

use super::copy::Copy;
use super::fault::{Fault, Kind, Step};
use super::holds::Case;
use super::note::KeyName;
use super::segment::{Form, Name};
use super::tree::Hash;
use super::{Log, queue::Tally};
use crate::cookies::{Counts, Seen, Snapshot, Traffic};
use crate::policy::Mode;
use crate::third_parties::{self, Called};
use crate::witness::ask::AskError;

/// What happens to a journal itself, a line of `events` each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// `journal.start`: a process began to write.
    Start {
        /// The version of townclerk.
        version: &'static str,
    },
    /// `journal.stop`: a process ended in good order; a start without a stop before it followed a crash.
    Stop {
        /// Why.
        reason: Stop,
    },
    /// `policy.in_force`: entries are made under this version from here on.
    Policy {
        /// Names it, and its text in `policies/`.
        version: String,
        /// The day from which it says that it is in force.
        effective: Date,
    },
    /// `segment.begin`: durable before the segment's first line is written.
    Segment {
        /// In which log.
        log: Log,
        /// Its name.
        segment: Name,
        /// In `access`, where its records have something in `addresses`: the index there of what belongs to the first.
        /// The others follow, one by one.
        addresses: Option<u64>,
        /// The version of the policy under which it is written.
        policy: String,
    },
    /// `segment.torn`: what follows a segment's last whole line was found unfinished at start, and is void.
    Torn {
        /// In which log.
        log: Log,
        /// Its name.
        segment: Name,
        /// Its whole lines.
        lines: u64,
    },
    /// `segment.copy`: lines of a segment that a start found, and no checkpoint covers, are copied to be signed. It is
    /// durable before the copy of `access` is there; for `events` it is at the end of the last copy. The lines follow
    /// the policy of the segment that they were in.
    Copied {
        /// In which log.
        log: Log,
        /// The name of the copy; perhaps the same.
        segment: Name,
        /// The segment in which they stand.
        from: Name,
        /// How many.
        lines: u64,
    },
    /// `journal.gap`: exchanges that have no entry.
    Gap {
        /// Exchanges refused with 503 for want of a place.
        refused: u64,
        /// Exchanges served, or cut off at the stop, without an entry.
        unrecorded: u64,
        /// Exchanges answered though their arrival was not durable yet, which strict durability forbids otherwise.
        unsynced: u64,
        /// Events that were given up while the disk failed.
        events: u64,
        /// When the first of them was counted.
        from: Timestamp,
        /// When recording went on.
        to: Timestamp,
        /// The index of the next entry.
        index: u64,
        /// How the disk failed; `None` if it was only too slow for the queue.
        kind: Option<Kind>,
    },
    /// `journal.failure`: the disk failed; the entries at stake went, or will go, into another segment.
    Failure {
        /// In which log.
        log: Log,
        /// What was asked of the disk.
        what: Step,
        /// How it failed.
        kind: Kind,
    },
    /// `hold.set`: what is kept of this time is held back from retention for a case.
    Hold {
        /// The case.
        case: Case,
        /// From here on.
        from: Timestamp,
        /// Up to here.
        to: Timestamp,
    },
    /// `hold.release`: the case needs it no longer.
    Release {
        /// The case.
        case: Case,
    },
    /// `retention.remove`: segments are about to be removed because the policy keeps them no longer.
    Retention {
        /// In which log.
        log: Log,
        /// How many.
        segments: u64,
        /// The index of their first record.
        first: u64,
        /// The index of the first record after them, which stays.
        next: u64,
        /// The version of the policy that asks for it.
        policy: String,
    },
    /// `clock.doubted`: the clock, whose time the event has, is more than a week ahead of the last time that has
    /// certainly come. For a day retention goes by that one.
    Doubt {
        /// It.
        sure: Timestamp,
    },
    /// `segment.pack`: a closed segment is about to take another form; its lines stay what they are.
    Pack {
        /// In which log.
        log: Log,
        /// Its name, without what the form adds to it.
        segment: Name,
        /// The form that it takes.
        form: Form,
        /// The SHA-256 of the file, if it is encrypted: whoever cannot open it can see that it is the same file. It was
        /// read back; if a later event names the segment again, that one counts.
        sha256: Option<Hash>,
    },
    /// `witness.refused`: a witness that answers does not sign a log's newest checkpoint. `witness.conflict`: because
    /// it has signed more than there is, or another history. Told once, until it signs or says something else.
    Witness {
        /// The name of its key.
        witness: KeyName,
        /// Which log.
        log: Log,
        /// The records of the checkpoint.
        size: u64,
        /// What it says.
        answer: AskError,
    },
    /// `cookies.seen`: which cookies there were since the start or the last change of the policy, and what became of
    /// them, or would have where they are only observed.
    Cookies {
        /// Whether rules were enforced, or only counted.
        mode: Mode,
        /// Names and counts.
        cookies: Box<Snapshot>,
    },
    /// `third_parties.seen`: what browsers reported of calls to other sites since the start or the last change of the
    /// policy.
    ThirdParties {
        /// Whether these calls were kept from happening, or only reported.
        mode: Mode,
        /// Names and counts.
        calls: Box<third_parties::Snapshot>,
    },
}

/// Why a process stopped writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The journal was closed.
    Closed,
    /// Another process goes on at once, and is handed the entries of exchanges that are still open.
    HandedOver,
    /// The journal was dropped without being closed: a fault of our own, said in the diagnostics.
    Dropped,
}

impl Event {
    /// Its name, as OpenTelemetry's `event.name`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start { .. } => "journal.start",
            Self::Stop { .. } => "journal.stop",
            Self::Policy { .. } => "policy.in_force",
            Self::Segment { .. } => "segment.begin",
            Self::Torn { .. } => "segment.torn",
            Self::Copied { .. } => "segment.copy",
            Self::Gap { .. } => "journal.gap",
            Self::Failure { .. } => "journal.failure",
            Self::Hold { .. } => "hold.set",
            Self::Release { .. } => "hold.release",
            Self::Retention { .. } => "retention.remove",
            Self::Doubt { .. } => "clock.doubted",
            Self::Pack { .. } => "segment.pack",
            Self::Witness { answer, .. } if answer.contradicts() => "witness.conflict",
            Self::Witness { .. } => "witness.refused",
            Self::Cookies { .. } => "cookies.seen",
            Self::ThirdParties { .. } => "third_parties.seen",
        }
    }

    /// Appends its line: `time`, `event.name`, then its own keys.
    pub(crate) fn encode(&self, time: Timestamp, line: &mut Vec<u8>) {
        line.extend_from_slice(format!("{{\"time\":\"{time}\",\"event.name\":\"{}\"", self.name()).as_bytes());
        for (key, value) in self.attributes() {
            line.extend_from_slice(format!(",\"{key}\":{value}").as_bytes());
        }
        line.extend_from_slice(b"}\n");
    }

    fn attributes(&self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Start { version } => vec![("service.version", (*version).into())],
            Self::Stop { reason } => vec![("reason", reason.name().into())],
            Self::Policy { version, effective } => {
                vec![
                    ("policy.version", version.as_str().into()),
                    ("policy.effective", effective.to_string().into()),
                ]
            }
            Self::Segment {
                log,
                segment,
                addresses,
                policy,
            } => {
                let mut attributes = vec![("log", log.folder().into()), ("segment", segment.to_string().into())];
                attributes.extend(addresses.map(|first| ("addresses.first", first.into())));
                attributes.push(("policy.version", policy.as_str().into()));
                attributes
            }
            Self::Torn { log, segment, lines } => vec![
                ("log", log.folder().into()),
                ("segment", segment.to_string().into()),
                ("lines", (*lines).into()),
            ],
            Self::Copied {
                log,
                segment,
                from,
                lines,
            } => vec![
                ("log", log.folder().into()),
                ("segment", segment.to_string().into()),
                ("from", from.to_string().into()),
                ("lines", (*lines).into()),
            ],
            Self::Gap {
                refused,
                unrecorded,
                unsynced,
                events,
                from,
                to,
                index,
                kind,
            } => {
                let mut gap = vec![("refused", (*refused).into()), ("unrecorded", (*unrecorded).into())];
                gap.extend((*unsynced > 0).then(|| ("unsynced", (*unsynced).into())));
                gap.extend([
                    ("events", (*events).into()),
                    ("from", from.to_string().into()),
                    ("to", to.to_string().into()),
                    ("index", (*index).into()),
                    ("error.type", kind.map_or("queue_full", Kind::name).into()),
                ]);
                gap
            }
            Self::Failure { log, what, kind } => vec![
                ("log", log.folder().into()),
                ("what", what.name().into()),
                ("error.type", kind.name().into()),
            ],
            Self::Hold { case, from, to } => vec![
                ("case", case.as_str().into()),
                ("from", from.to_string().into()),
                ("to", to.to_string().into()),
            ],
            Self::Release { case } => vec![("case", case.as_str().into())],
            Self::Retention {
                log,
                segments,
                first,
                next,
                policy,
            } => vec![
                ("log", log.folder().into()),
                ("segments", (*segments).into()),
                ("first", (*first).into()),
                ("next", (*next).into()),
                ("policy.version", policy.as_str().into()),
            ],
            Self::Doubt { sure } => vec![("sure", sure.to_string().into())],
            Self::Pack {
                log,
                segment,
                form,
                sha256,
            } => {
                let mut pack = vec![
                    ("log", log.folder().into()),
                    ("segment", segment.to_string().into()),
                    ("form", form.suffix().trim_start_matches('.').into()),
                ];
                pack.extend(sha256.map(|sha256| ("sha256", hex(&sha256).into())));
                pack
            }
            Self::Witness {
                witness,
                log,
                size,
                answer,
            } => {
                let mut said = vec![
                    ("witness", witness.as_str().into()),
                    ("log", log.folder().into()),
                    ("size", (*size).into()),
                    ("error.type", answer.name().into()),
                ];
                if let AskError::KnowsMore { size } | AskError::Forked { size } = answer {
                    said.push(("witness.size", size.0.into()));
                }
                said
            }
            Self::Cookies { mode, cookies } => vec![
                ("mode", word(*mode)),
                (
                    "cookies",
                    cookies
                        .seen
                        .iter()
                        .map(|seen| (seen.name.clone(), of(seen)))
                        .collect::<Map<_, _>>()
                        .into(),
                ),
                ("others", traffic(cookies.others).into()),
            ],
            Self::ThirdParties { mode, calls } => {
                let called = calls.called.iter();
                vec![
                    ("mode", word(*mode)),
                    (
                        "called",
                        called
                            .map(|(host, called)| (host.to_string(), of_site(called)))
                            .collect::<Map<_, _>>()
                            .into(),
                    ),
                    ("others", calls.others.into()),
                    ("unread", calls.unread.into()),
                ]
            }
        }
    }

    pub(crate) fn copied(log: Log, copy: &Copy) -> Self {
        Self::Copied {
            log,
            segment: copy.segment,
            from: copy.from,
            lines: copy.next - copy.segment.first,
        }
    }

    pub(crate) fn gap(tally: Tally, to: Timestamp, index: u64, kind: Option<Kind>) -> Self {
        let Tally {
            refused,
            unrecorded,
            unsynced,
            events,
            since,
        } = tally;
        Self::Gap {
            refused,
            unrecorded,
            unsynced,
            events,
            from: since.unwrap_or(to),
            to,
            index,
            kind,
        }
    }
}

impl From<Fault> for Event {
    fn from(Fault { log, step, kind, .. }: Fault) -> Self {
        Self::Failure { log, what: step, kind }
    }
}

impl Stop {
    fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HandedOver => "handed_over",
            Self::Dropped => "dropped",
        }
    }
}

/// A hash as `sha256sum` tells it.
pub(crate) fn hex(hash: &Hash) -> String {
    hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn word(mode: Mode) -> Value {
    if mode == Mode::Enforce { "enforce" } else { "observe" }.into()
}

/// Another site's place: how often it was called, by kind and page.
fn of_site(called: &Called) -> Value {
    let mut kinds: Map<String, Value> = Map::new();
    for ((kind, page), count) in &called.calls {
        let pages = kinds.entry(kind.name()).or_insert_with(|| Map::new().into());
        pages[page.as_ref()] = (*count).into();
    }
    let mut of = Map::from_iter([("declared".to_owned(), called.declared.into())]);
    if !kinds.is_empty() {
        of.insert("calls".to_owned(), kinds.into());
    }
    of.into()
}

/// A cookie's place in the inventory.
fn of(seen: &Seen) -> Value {
    let mut of = traffic(seen.traffic);
    of.insert("declared".to_owned(), seen.declared.into());
    of.into()
}

/// What browsers sent and what the CMS set, zeros left out.
fn traffic(traffic: Traffic) -> Map<String, Value> {
    let counts = |counts: Counts| {
        let seen = counts.by_verdict();
        seen.map(|(verdict, count)| (verdict.name().to_owned(), count.into()))
            .collect::<Map<_, _>>()
    };
    let directions = [("sent", counts(traffic.sent)), ("set", counts(traffic.set))];
    let used = directions.into_iter().filter(|(_, counts)| !counts.is_empty());
    used.map(|(direction, counts)| (direction.to_owned(), counts.into()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cookies::Verdict;

    fn line(event: &Event) -> String {
        let mut line = Vec::new();
        event.encode("2026-11-21T20:00:00Z".parse().unwrap(), &mut line);
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn an_event_is_one_line_that_says_when_and_what_first() {
        let event = Event::Policy {
            version: "3".to_owned(),
            effective: Date::constant(2026, 12, 1),
        };
        let expected = r#"{"time":"2026-11-21T20:00:00Z","event.name":"policy.in_force","policy.version":"3","policy.effective":"2026-12-01"}"#;
        assert_eq!(line(&event), format!("{expected}\n"));
    }

    #[test]
    fn a_hostile_cookie_name_stays_inside_its_line() {
        let set = Counts::from([(Verdict::Stripped, 2)]);
        let seen = Seen {
            name: "a\"\n\u{18}\0,b".to_owned(),
            declared: false,
            traffic: Traffic {
                set,
                ..Traffic::default()
            },
        };
        let cookies = Snapshot {
            seen: vec![seen],
            ..Snapshot::default()
        };
        let event = Event::Cookies {
            mode: Mode::Observe,
            cookies: Box::new(cookies),
        };
        let line = line(&event);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(!super::super::segment::is_void(line.as_bytes()));
        let value: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(value["cookies"]["a\"\n\u{18}\0,b"]["set"]["stripped"], 2);
    }
}
