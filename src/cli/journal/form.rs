//! Records as they are shown.

use std::io::{self, Write};
use std::path::Path;

use clap::{Args, ValueEnum};
use jiff::Timestamp;
use jiff::tz::Offset;
use serde_json::Value;

use super::super::speech::Problem;
use super::cat::cannot_read;
use super::columns::{Columns, readable};
use super::filter::{Filter, Period};
use super::pinned::Which;
use crate::clock::Clock;
use crate::entry::{Encoder, Record, Undecodable};
use crate::journal::age::Identities;
use crate::journal::{Addresses, Format, Line, Lines, Log, Name};

/// What is shown, and how.
#[derive(Args, Debug)]
pub(super) struct View {
    /// Which log.
    #[arg(long, value_enum, default_value_t)]
    log: Which,
    /// How it is shown.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    filter: Filter,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Form {
    /// JSON Lines, as they are on disk where that is their format.
    #[default]
    Json,
    /// Combined Log Format, as it is on disk where that is its format.
    Combined,
    /// Columns for reading.
    Table,
}

/// A record that is to be shown later.
pub(super) struct Chosen {
    segment: Name,
    index: u64,
    text: Vec<u8>,
}

/// Chooses records and shows them.
pub(super) struct Shower<'a, W> {
    filter: &'a Filter,
    period: Period,
    log: Log,
    form: Form,
    encoder: Encoder,
    columns: Columns,
    line: Vec<u8>,
    out: W,
    /// Lines that are no records: how many, and the first one.
    missed: Option<(u64, u64, Name)>,
}

impl View {
    pub(super) fn log(&self) -> Log {
        self.log.into()
    }

    /// What completes the lines of requests; `None` for the other logs.
    ///
    /// # Errors
    ///
    /// When the events cannot be read.
    pub(super) fn addresses(&self, folder: &Path, identities: &Identities) -> Result<Option<Addresses>, Problem> {
        match self.log {
            Which::Access => Addresses::of(folder, identities).map(Some).map_err(cannot_read),
            _ => Ok(None),
        }
    }

    /// # Errors
    ///
    /// When a log is asked for something that only requests have.
    pub(super) fn shower<W: Write>(&self, clock: &Clock, out: W) -> Result<Shower<'_, W>, Problem> {
        let is_of_visitors = self.log().is_of_visitors();
        if !is_of_visitors && (self.filter.is_about_requests() || self.format == Form::Combined) {
            return Err(Problem::with_hint(
                "events are not requests",
                "with --log events or disclosures leave out --status, --path, --address, --error and --format combined",
            ));
        }
        let asks_for_more = self.filter.is_about_more_than_addresses() || self.filter.has_period();
        if self.log == Which::Addresses && (asks_for_more || self.format == Form::Combined) {
            return Err(Problem::with_hint(
                "the log of addresses holds neither times nor requests",
                "with --log addresses leave out all but --address; without it, requests are shown with their addresses",
            ));
        }
        Ok(Shower {
            filter: &self.filter,
            period: self.filter.period(clock.now()),
            log: self.log(),
            form: self.format,
            encoder: Encoder::new(match self.format {
                Form::Combined => Format::Combined,
                Form::Json | Form::Table => Format::JsonLines,
            }),
            columns: Columns::new(match self.log {
                Which::Access | Which::Arrivals => &["time (UTC)", "address", "status", "bytes", "error", "request"],
                Which::Addresses => &["record", "address", "host", "user", "browser"],
                Which::Events | Which::Disclosures => &["time (UTC)", "event", "what"],
            }),
            line: Vec::new(),
            out,
            missed: None,
        })
    }
}

impl<W: Write> Shower<'_, W> {
    /// Passes over the segments that hold nothing that is wanted.
    pub(super) fn skip(&self, lines: Lines) -> Lines {
        match self.period.from {
            Some(from) => lines.since(Offset::UTC.to_datetime(from).date()),
            None => lines,
        }
    }

    /// Whether the record is one that is wanted. A line that is no record is counted.
    pub(super) fn takes(&mut self, line: &Line<'_>) -> bool {
        self.wants(line).unwrap_or_else(|_| self.miss(line.index, line.segment))
    }

    /// Shows a record.
    pub(super) fn show_line(&mut self, line: &Line<'_>) -> io::Result<()> {
        self.show(line.text, line.index, line.segment)
    }

    /// Keeps the record for later, if it is one that is wanted.
    pub(super) fn choose(&mut self, line: &Line<'_>) -> Option<Chosen> {
        self.takes(line).then(|| Chosen {
            segment: line.segment,
            index: line.index,
            text: line.text.to_vec(),
        })
    }

    pub(super) fn show_chosen(&mut self, chosen: &Chosen) -> io::Result<()> {
        self.show(&chosen.text, chosen.index, chosen.segment)
    }

    /// Hands over what was shown so far.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        self.columns.flush(&mut self.out)?;
        self.out.flush()
    }

    /// The end.
    ///
    /// # Errors
    ///
    /// Those of the writer, and that there were lines that are no records.
    pub(super) fn finish(mut self) -> Result<(), Problem> {
        self.flush()?;
        match self.missed {
            None => Ok(()),
            Some((count, index, segment)) => Err(Problem::with_hint(
                format!("{count} lines are not as townclerk writes them; the first is record {index}, in {segment}"),
                "look at them with a text editor; somebody or something has changed the journal",
            )),
        }
    }

    fn wants(&self, line: &Line<'_>) -> Result<bool, Undecodable> {
        if !self.log.is_of_visitors() {
            return Ok(self.period.is_all() || self.period.contains(event(line.text)?.1));
        }
        if self.period.is_all() && !self.filter.is_about_requests() {
            return Ok(true);
        }
        let record = decode(line.text, line.segment)?;
        Ok(self.period.contains(record.timestamp_or_midnight()) && self.filter.takes(&record))
    }

    fn show(&mut self, text: &[u8], index: u64, segment: Name) -> io::Result<()> {
        let as_it_is = matches!(
            (self.form, segment.format),
            (Form::Json, Format::JsonLines) | (Form::Combined, Format::Combined)
        );
        if as_it_is {
            self.out.write_all(text)?;
            return self.out.write_all(b"\n");
        }
        if !self.log.is_of_visitors() {
            let Ok((event, time)) = event(text) else {
                self.miss(index, segment);
                return Ok(());
            };
            return self.columns.row(event_row(&event, time), Mark::None, &mut self.out);
        }
        let Ok(record) = decode(text, segment) else {
            self.miss(index, segment);
            return Ok(());
        };
        if self.form == Form::Table {
            let mark = Mark::of(&record);
            let row = match self.log {
                Log::Addresses => address_row(index, &record),
                _ => row(&record),
            };
            return self.columns.row(row, mark, &mut self.out);
        }
        self.line.clear();
        self.encoder.encode_record(&record, &mut self.line);
        self.out.write_all(&self.line)
    }

    /// Counts a line that is no record; it is not shown.
    fn miss(&mut self, index: u64, segment: Name) -> bool {
        self.missed.get_or_insert((0, index, segment)).0 += 1;
        false
    }
}

/// How a row strikes the eye.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    None,
    /// A fault of the server, or an exchange that failed.
    Bad,
}

impl Mark {
    fn of(record: &Record<'_>) -> Self {
        let failed = record.http_response_status_code().is_some_and(|status| status >= 500);
        if failed || record.error_type().is_some() {
            Self::Bad
        } else {
            Self::None
        }
    }
}

fn decode(text: &[u8], segment: Name) -> Result<Record<'_>, Undecodable> {
    Record::decode(text, segment.format, segment.day)
}

/// An event, or a line of the register, and when it happened.
pub(in crate::cli) fn event(text: &[u8]) -> Result<(Value, Timestamp), Undecodable> {
    let event: Value = serde_json::from_slice(text).map_err(|_| Undecodable)?;
    let time = event.get("time").and_then(Value::as_str);
    let time = time.and_then(|time| time.parse().ok()).ok_or(Undecodable)?;
    Ok((event, time))
}

fn seconds(time: Timestamp) -> String {
    time.strftime("%F %T").to_string()
}

fn row(record: &Record<'_>) -> Vec<String> {
    let text = |bytes: &[u8]| readable(&String::from_utf8_lossy(bytes));
    let mut request = record.http_request_method().map_or_else(|| "–".to_owned(), readable);
    if let Some(path) = record.url_path() {
        request = format!("{request} {}", text(path));
    }
    if let Some(query) = record.url_query() {
        request = format!("{request}?{}", text(query));
    }
    let dash = |cell: Option<String>| cell.unwrap_or_else(|| "–".to_owned());
    vec![
        dash(record.timestamp().map(seconds)),
        dash(record.client_address().map(|address| address.to_string())),
        dash(record.http_response_status_code().map(|status| status.to_string())),
        dash(record.http_response_body_size().map(|bytes| bytes.to_string())),
        record.error_type().map(readable).unwrap_or_default(),
        request,
    ]
}

fn address_row(index: u64, record: &Record<'_>) -> Vec<String> {
    let text = |bytes: Option<&[u8]>| bytes.map_or("–".to_owned(), |bytes| readable(&String::from_utf8_lossy(bytes)));
    vec![
        index.to_string(),
        record
            .client_address()
            .map_or("–".to_owned(), |address| address.to_string()),
        text(record.client_host()),
        text(record.user_name()),
        text(record.user_agent_original().or(record.user_agent_name())),
    ]
}

fn event_row(event: &Value, time: Timestamp) -> Vec<String> {
    let name = event.get("event.name").and_then(Value::as_str).unwrap_or("–");
    let others = event.as_object().into_iter().flatten();
    let what: Vec<_> = others
        .filter(|(key, _)| !matches!(key.as_str(), "time" | "event.name"))
        .map(|(key, value)| match value {
            Value::String(text) => format!("{key}={text}"),
            value => format!("{key}={value}"),
        })
        .collect();
    vec![seconds(time), readable(name), readable(&what.join(" "))]
}
