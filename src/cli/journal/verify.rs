//! `townclerk journal verify`: whether a journal is what was signed, in words.

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::super::check::Form;
use super::super::speech::{self, Done, Problem};
use super::pinned::{self, Keys};
use super::progress::Progress;
use super::source::{Opener, Source};
use crate::clock::Clock;
use crate::journal::verify::{
    CannotVerify, Cosigned, Finding, Gaps, LogReport, Pinned, Removed, Report, Sealed, Verdict, verify,
};

/// Whole, and something should be looked at: neither yes nor no.
pub(super) const WARNINGS: u8 = 3;

pub(super) const EXIT_CODES: &str = "Exit codes:\n  0  all that was signed is there and unchanged\n  \
    1  something was changed, or is missing\n  2  it could not be verified\n  \
    3  as 0, with warnings\n\nWithout --checkpoint and the key of a witness, whoever holds the signing key could have rewritten all of it.";

#[derive(Args, Debug)]
pub(in crate::cli) struct Verify {
    #[command(flatten)]
    keys: Keys,
    /// A checkpoint of this journal that was kept elsewhere, or several in one file. May be given several times.
    #[arg(long = "checkpoint", value_name = "FILE")]
    checkpoints: Vec<PathBuf>,
    #[command(flatten)]
    opener: Opener,
    #[command(flatten)]
    source: Source,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

pub(super) fn run(asked: &Verify) -> Done {
    let folder = asked.source.folder()?;
    let keys = asked.keys.read()?;
    let trusted = asked
        .checkpoints
        .iter()
        .map(|file| pinned::read(file))
        .collect::<Result<Vec<_>, _>>()?;
    let clock = Clock::system();
    let now = clock.now();
    let identities = asked.opener.identities()?;
    let pinned = Pinned {
        keys: &keys,
        trusted: &trusted,
        identities: &identities,
    };
    let mut progress = None;
    let verified = verify(&folder, pinned, now, &mut |done, total| {
        progress.get_or_insert_with(|| Progress::of(total, &clock)).at(done);
    });
    drop(progress);
    let report = verified.map_err(|error| could_not(&folder, &asked.checkpoints, &error))?;
    let mut stdout = io::stdout().lock();
    match asked.format {
        Form::Text => tell(&report, now, &mut stdout)?,
        Form::Json => writeln!(stdout, "{:#}", to_json(&report))?,
    }
    Ok(match report.verdict() {
        Verdict::Whole => ExitCode::SUCCESS,
        Verdict::Wrong => ExitCode::from(speech::NO),
        Verdict::Warnings => ExitCode::from(WARNINGS),
    })
}

fn could_not(folder: &Path, checkpoints: &[PathBuf], error: &CannotVerify) -> Problem {
    let folder = folder.display();
    match error {
        CannotVerify::NoKey { name } => pinned::no_key(name),
        CannotVerify::Trusted { at, error } => {
            let file = checkpoints
                .get(*at)
                .map(|file| file.display().to_string())
                .unwrap_or_default();
            Problem::with_hint(
                format!("{file}: {error}"),
                "a checkpoint is a copy of the file `checkpoint` or `checkpoints` of one of the journal's logs",
            )
        }
        CannotVerify::Changed => Problem::with_hint(format!("{folder}: {error}"), "verify it again"),
        _ => Problem::new(format!("{folder}: {error}")),
    }
}

pub(super) fn tell(report: &Report, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    let verdict = match report.verdict() {
        Verdict::Whole => "whole: all that was signed is there, and unchanged",
        Verdict::Warnings => "whole: all that was signed is there, and unchanged; there are warnings",
        Verdict::Wrong => "NOT WHOLE: something was changed, or is missing",
    };
    row(out, "journal", &report.origin)?;
    row(out, "verdict", &verdict)?;
    tell_gaps(&report.gaps, out)?;
    for log in report.logs() {
        writeln!(out, "\n{}", log.log)?;
        tell_log(log, now, out)?;
    }
    Ok(())
}

pub(super) fn row(out: &mut dyn Write, head: &str, text: &dyn fmt::Display) -> io::Result<()> {
    writeln!(out, "{head:<11} {text}")
}

fn tell_log(log: &LogReport, now: Timestamp, out: &mut dyn Write) -> io::Result<()> {
    match log.signed {
        Some(signed) => row(
            out,
            "checked",
            &format!("{}, of {signed} that are signed", records(log.records)),
        )?,
        None => row(out, "checked", &"nothing: there is no checkpoint to believe")?,
    }
    match log.sealed {
        Sealed { segments: 0, .. } => {}
        sealed => row(
            out,
            "encrypted",
            &format!(
                "{} in {} were not read: their hashes are compared, and their files with what was packed; \
                 --identity FILE reads them",
                records(sealed.records),
                count(sealed.segments, "segment")
            ),
        )?,
    }
    for Removed {
        first,
        next,
        policy,
        events,
    } in &log.removed
    {
        let by = match events.end - events.start {
            0 | 1 => format!("event {}", events.start),
            _ => format!("events {} to {}", events.start, events.end - 1),
        };
        let last = next.saturating_sub(1);
        row(
            out,
            "removed",
            &format!("records {first} to {last}, by retention: {by}, policy {policy}"),
        )?;
    }
    let unsigned = match (log.unsigned.records, log.unsigned.since) {
        (0, _) => "nothing".to_owned(),
        (count, Some(since)) => format!("{}, since {}", records(count), age(now, since)),
        (count, None) => records(count),
    };
    row(out, "unsigned", &unsigned)?;
    let reached = match log.notes_out_of_reach {
        0 => String::new(),
        count => format!("; {count} of them end among removed records, and only their signatures were verified"),
    };
    row(
        out,
        "history",
        &format!("{} in `checkpoints`{reached}", count(log.notes, "checkpoint")),
    )?;
    for Cosigned { witness, size, time } in &log.cosigned {
        let time = time.map_or("?".to_owned(), |time| age(now, time));
        row(out, "cosigned", &format!("by {witness} at {time}: {}", records(*size)))?;
    }
    if log.cosigned_by_strangers > 0 {
        let what = count(log.cosigned_by_strangers, "checkpoint");
        row(
            out,
            "cosigned",
            &format!("{what} by witnesses whose keys were not given (--key)"),
        )?;
    }
    let (from, changeable) = log.changeable();
    match log.trusted {
        Some(trusted) => {
            let time = trusted
                .time
                .map(|time| format!(", {}", age(now, time)))
                .unwrap_or_default();
            row(
                out,
                "elsewhere",
                &format!(
                    "the newest checkpoint that agrees is of {}{time}",
                    records(trusted.size)
                ),
            )?;
            row(
                out,
                "trust",
                &format!(
                    "who holds the key could still have changed everything after that: {}",
                    match changeable {
                        0 => "no records".to_owned(),
                        many => format!("{}, from record {from} on", records(many)),
                    }
                ),
            )?;
        }
        None => {
            row(
                out,
                "elsewhere",
                &match log.trusted_compared {
                    0 => "no checkpoint that was kept elsewhere was given",
                    _ => "no checkpoint that was kept elsewhere agrees",
                },
            )?;
            row(
                out,
                "trust",
                &format!(
                    "who holds the key could have changed everything: {}",
                    records(changeable)
                ),
            )?;
        }
    }
    for finding in log.findings.listed() {
        row(out, if finding.is_warning() { "warning" } else { "WRONG" }, finding)?;
    }
    match log.findings.more() {
        0 => Ok(()),
        more => row(out, "", &format!("and {more} more")),
    }
}

fn tell_gaps(gaps: &Gaps, out: &mut dyn Write) -> io::Result<()> {
    for gap in &gaps.listed {
        let time = |time: Option<Timestamp>| time.map_or("?".to_owned(), |time| format!("{time:.0}"));
        let mut what = format!("{} to {}: ", time(gap.from), time(gap.to));
        let counts = [
            (gap.refused, "refused"),
            (gap.unrecorded, "served without an entry"),
            (gap.unsynced, "answered before their arrival was durable"),
            (gap.events, "events given up"),
        ];
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        what += &counts
            .map(|(count, what)| format!("{count} {what}"))
            .collect::<Vec<_>>()
            .join(", ");
        if !gap.signed {
            what += " (not signed yet)";
        }
        row(out, "gap", &what)?;
    }
    match gaps.more {
        0 => Ok(()),
        more => row(
            out,
            "",
            &format!(
                "and {more} more; in all {} refused, {} without an entry",
                gaps.refused, gaps.unrecorded
            ),
        ),
    }
}

fn records(number: u64) -> String {
    count(number, "record")
}

fn count(number: u64, what: &str) -> String {
    match number {
        1 => format!("1 {what}"),
        _ => format!("{number} {what}s"),
    }
}

/// A time, and how long ago that is.
fn age(now: Timestamp, time: Timestamp) -> String {
    let seconds = now.duration_since(time).max(SignedDuration::ZERO).as_secs();
    let (number, unit) = match seconds {
        0..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "min"),
        7_200..172_800 => (seconds / 3_600, "h"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{time:.0}, {number} {unit} ago")
}

fn to_json(report: &Report) -> Value {
    let verdict = match report.verdict() {
        Verdict::Whole => "whole",
        Verdict::Warnings => "warnings",
        Verdict::Wrong => "wrong",
    };
    let gap = report.gaps.listed.iter().map(|gap| {
        json!({
            "refused": gap.refused,
            "unrecorded": gap.unrecorded,
            "unsynced": gap.unsynced,
            "events": gap.events,
            "from": text(gap.from),
            "to": text(gap.to),
            "signed": gap.signed,
        })
    });
    let mut json = json!({
        "origin": report.origin,
        "verdict": verdict,
        "gaps": {
            "refused": report.gaps.refused,
            "unrecorded": report.gaps.unrecorded,
            "unsynced": report.gaps.unsynced,
            "events": report.gaps.events,
            "listed": gap.collect::<Vec<_>>(),
            "more": report.gaps.more,
        },
    });
    for log in report.logs() {
        json[log.log.folder()] = log_json(log);
    }
    json
}

fn text(time: Option<Timestamp>) -> Option<String> {
    time.map(|time| time.to_string())
}

fn log_json(log: &LogReport) -> Value {
    let (from, records) = log.changeable();
    let cosigned = log
        .cosigned
        .iter()
        .map(|Cosigned { witness, size, time }| json!({ "witness": witness, "size": size, "time": text(*time) }));
    let removed = log.removed.iter().map(|removed| {
        json!({
            "first": removed.first,
            "next": removed.next,
            "policy.version": removed.policy,
            "events": [removed.events.start, removed.events.end.saturating_sub(1)],
        })
    });
    json!({
        "signed": log.signed,
        "records": log.records,
        "encrypted": { "segments": log.sealed.segments, "records": log.sealed.records },
        "removed": removed.collect::<Vec<_>>(),
        "unsigned": { "records": log.unsigned.records, "since": text(log.unsigned.since) },
        "checkpoints": { "notes": log.notes, "out_of_reach": log.notes_out_of_reach },
        "cosigned": cosigned.collect::<Vec<_>>(),
        "cosigned_by_strangers": log.cosigned_by_strangers,
        "trusted": log.trusted.map(|trusted| json!({ "size": trusted.size, "time": text(trusted.time) })),
        "changeable": { "from": from, "records": records },
        "findings": log.findings.listed().iter().map(finding_json).collect::<Vec<_>>(),
        "more_findings": log.findings.more(),
    })
}

fn finding_json(finding: &Finding) -> Value {
    let mut json = json!({
        "finding": finding.name(),
        "warning": finding.is_warning(),
        "text": finding.to_string(),
    });
    if let Finding::RecordsDiffer { place, records, .. } = finding {
        json["index"] = place.index.into();
        json["segment"] = place.segment.to_string().into();
        json["line"] = place.line.into();
        json["byte"] = place.byte.into();
        json["records"] = (*records).into();
    }
    json
}
