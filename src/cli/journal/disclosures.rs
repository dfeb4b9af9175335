//! `townclerk disclose verify`, `register` and `refuse`: what was disclosed, whether it is that, and what was not.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::Language;
use super::super::check::Form;
use super::super::speech::{self, Done, Problem};
use super::super::table::{Paint, short, table};
use super::columns::readable;
use super::disclose::{Papers, entries, is_packed, line, open, say_if_new};
use super::pinned::KnownKeys;
use super::source::{OfSite, Source};
use crate::clock::Clock;
use crate::disclosure::register::{self, Entry, Kind, Year};
use crate::disclosure::verify::{self, Proved, Report};
use crate::journal::verify::time_of_witness;
use crate::policy::Lang;

/// Of one piece, and nobody knows whose.
const UNPINNED: u8 = 3;
/// As wide as texts in the list may be.
const WIDTH: usize = 32;

#[derive(Args, Debug)]
pub(super) struct Verify {
    /// The bundle: its folder.
    bundle: PathBuf,
    #[command(flatten)]
    keys: KnownKeys,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

#[derive(Args, Debug)]
pub(super) struct Listing {
    #[command(flatten)]
    source: Source,
    /// Only this year.
    #[arg(long, value_name = "YEAR")]
    year: Option<i16>,
    /// Only the counts of each year, which may be published.
    #[arg(long)]
    public: bool,
    /// The language of the counts.
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

#[derive(Args, Debug)]
pub(super) struct Refuse {
    #[command(flatten)]
    of: OfSite,
    #[command(flatten)]
    papers: Papers,
    /// Why. It should not name a visitor.
    #[arg(long, value_name = "TEXT", value_parser = line)]
    reason: String,
    /// The demand, if it is entered already.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
}

pub(super) fn verify(asked: &Verify) -> Done {
    let bundle = &asked.bundle;
    if is_packed(bundle) {
        return Err(Problem::with_hint(
            format!("{} is one file", bundle.display()),
            "open it first: age -d -i KEY FILE | tar -x",
        ));
    }
    let keys = asked.keys.read()?;
    let report =
        verify::verify(bundle, &keys).map_err(|error| Problem::new(format!("{}: {error}", bundle.display())))?;
    let mut stdout = io::stdout().lock();
    match asked.format {
        Form::Text => tell(&report, &mut stdout)?,
        Form::Json => writeln!(stdout, "{:#}", to_json(&report))?,
    }
    Ok(match (report.findings.is_empty(), report.is_pinned) {
        (false, _) => ExitCode::from(speech::NO),
        (true, true) => ExitCode::SUCCESS,
        (true, false) => ExitCode::from(UNPINNED),
    })
}

fn tell(report: &Report, out: &mut impl Write) -> io::Result<()> {
    let verdict = match (report.findings.is_empty(), report.is_pinned) {
        (true, true) => "whole: it is what was disclosed",
        (true, false) => "of one piece, by its own keys; with --key, the published ones, it can be said whose it is",
        (false, _) => "NOT WHOLE: it is not what was disclosed",
    };
    writeln!(out, "verdict  {verdict}")?;
    if let Some(id) = &report.id {
        writeln!(out, "register {}", readable(id))?;
    }
    for Proved {
        origin,
        records,
        size,
        cosigned,
    } in &report.proved
    {
        writeln!(out, "proved   {records} of the {size} records of {origin}")?;
        for (witness, time) in cosigned {
            let time = time
                .and_then(time_of_witness)
                .map_or("?".to_owned(), |time| time.to_string());
            writeln!(out, "cosigned by {witness} at {time}")?;
        }
    }
    for finding in &report.findings {
        writeln!(out, "WRONG    {}: {}", readable(&finding.file), finding.what)?;
    }
    Ok(())
}

fn to_json(report: &Report) -> Value {
    let proved = report.proved.iter().map(|proved| {
        let cosigned = proved.cosigned.iter().map(|(witness, time)| {
            let time = time.and_then(time_of_witness).map(|time| time.to_string());
            json!({ "witness": witness, "time": time })
        });
        json!({
            "origin": proved.origin,
            "records": proved.records,
            "size": proved.size,
            "cosigned": cosigned.collect::<Vec<_>>(),
        })
    });
    let findings = report.findings.iter();
    json!({
        "whole": report.findings.is_empty(),
        "pinned": report.is_pinned,
        "id": report.id,
        "proved": proved.collect::<Vec<_>>(),
        "findings": findings.map(|finding| json!({ "file": finding.file, "text": finding.what.to_string() })).collect::<Vec<_>>(),
    })
}

pub(super) fn refuse(asked: &Refuse) -> Done {
    let clock = Clock::system();
    let site = asked.of.site()?;
    let order = asked.papers.order(None)?;
    let mut register = open(&site, &clock)?;
    let entries = entries(&site.journal.folder)?;
    let id = match &asked.request {
        None => register::next_id(&entries, clock.now()),
        Some(id) => {
            let kinds = |kind| entries.iter().any(|entry| entry.id() == Some(id) && entry.kind == kind);
            if !kinds(Kind::Requested) || kinds(Kind::Made) || kinds(Kind::Refused) {
                speech::remark(&format!("{id}: the register has no such demand that is open"));
                speech::hint("`townclerk disclose register` lists them");
                return Ok(ExitCode::from(speech::NO));
            }
            id.clone()
        }
    };
    let added = register.add(Kind::Refused.name(), &register::refused(&id, &order, &asked.reason));
    added.map_err(|error| Problem::with_hint(&error, error.remedy()))?;
    say_if_new(&register);
    writeln!(io::stdout(), "{id}: the refusal is entered in the register")?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn list(listing: &Listing) -> Done {
    let folder = listing.source.folder()?;
    super::cat::open(&folder, crate::journal::Log::Disclosures, &Default::default())?;
    let mut entries = entries(&folder)?;
    let mut stdout = io::stdout().lock();
    if listing.public {
        let years = register::years(&entries);
        let years = years
            .into_iter()
            .filter(|(year, _)| listing.year.is_none_or(|only| only == *year));
        let years: Vec<_> = years.collect();
        match listing.format {
            Form::Text => publish(&years, listing.lang.into(), &mut stdout)?,
            Form::Json => {
                let years = years
                    .iter()
                    .map(|(year, counts)| (year.to_string(), counts_json(counts)));
                writeln!(stdout, "{:#}", Value::from(years.collect::<Map<_, _>>()))?;
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let of_year = |entry: &Entry| {
        let year = entry.time.strftime("%Y").to_string();
        listing.year.is_none_or(|only| year == format!("{only:04}"))
    };
    entries.retain(of_year);
    match listing.format {
        Form::Json => {
            for entry in &entries {
                writeln!(stdout, "{}", entry.line)?;
            }
        }
        Form::Text if entries.is_empty() => writeln!(stdout, "nothing was disclosed or refused")?,
        Form::Text => {
            let rows: Vec<_> = entries.iter().map(row).collect();
            let heads = ["time (UTC)", "id", "what", "case", "authority", "by", "records"];
            stdout.write_all(table(heads, &rows, Paint::of_stdout()).as_bytes())?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn row(entry: &Entry) -> [String; 7] {
    let text = |key: &str| short(&readable(entry.text(key).unwrap_or_default()), WIDTH);
    let what = match entry.kind {
        Kind::Requested => "requested",
        Kind::Made => "disclosed",
        Kind::Refused => "refused",
        Kind::Answered => "a person's question answered",
    };
    let records = match entry.kind {
        Kind::Made => entry.number("disclosed"),
        Kind::Answered => entry.number("matched"),
        Kind::Requested | Kind::Refused => None,
    };
    [
        entry.time.strftime("%F %T").to_string(),
        text("id"),
        what.to_owned(),
        text("case"),
        text("authority"),
        text("by"),
        records.map_or(String::new(), |records| records.to_string()),
    ]
}

fn publish(years: &[(i16, Year)], lang: Lang, out: &mut impl Write) -> io::Result<()> {
    let (title, heads) = match lang {
        Lang::Pl => (
            "Udostępnienia zapisów dziennika serwisu",
            [
                "rok",
                "żądania organów",
                "udostępniono",
                "odmówiono",
                "w toku",
                "zapisy",
                "pytania osób",
            ],
        ),
        Lang::En => (
            "Disclosures of the site's log",
            [
                "year",
                "demands of authorities",
                "disclosed",
                "refused",
                "open",
                "records",
                "persons' questions",
            ],
        ),
    };
    let rows: Vec<_> = years
        .iter()
        .map(|(year, counts)| {
            let Year {
                demands,
                disclosed,
                refused,
                pending,
                records,
                answered,
            } = counts;
            let counts = [demands, disclosed, refused, pending, records, answered].map(u64::to_string);
            let [a, b, c, d, e, f] = counts;
            [year.to_string(), a, b, c, d, e, f]
        })
        .collect();
    writeln!(out, "{title}\n")?;
    out.write_all(table(heads, &rows, Paint::of_stdout()).as_bytes())
}

fn counts_json(counts: &Year) -> Value {
    let Year {
        demands,
        disclosed,
        refused,
        pending,
        records,
        answered,
    } = counts;
    json!({
        "demands": demands,
        "disclosed": disclosed,
        "refused": refused,
        "open": pending,
        "records": records,
        "answered": answered,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_counts_are_in_both_languages_and_not_wide() {
        let year = (2026, Year::default());
        for lang in [Lang::Pl, Lang::En] {
            let mut out = Vec::new();
            publish(&[year], lang, &mut out).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.contains("2026"));
            assert!(text.lines().all(|line| line.chars().count() <= 100), "{text}");
        }
    }
}
