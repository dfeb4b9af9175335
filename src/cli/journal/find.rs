//! `townclerk find`: what is kept about an address or a page, for a person who asks (GDPR, Article 15).

use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::Language;
use super::super::check::Form;
use super::super::speech::{Done, Problem};
use super::columns::readable;
use super::disclose::{line, look, of_all_time, open, problem, say_if_new};
use super::filter::Filter;
use super::source::{OfSite, Opener};
use crate::clock::Clock;
use crate::disclosure::question::{Found, Question, Read};
use crate::disclosure::register::{self, Kind};
use crate::entry::{Encoder, Record};
use crate::journal::{Format, Log};
use crate::policy::{Lang, Policy};

#[derive(Args, Debug)]
pub(in crate::cli) struct Find {
    #[command(flatten)]
    of: OfSite,
    #[command(flatten)]
    filter: Filter,
    /// Who answers, of the office's staff.
    #[arg(long, value_name = "NAME", value_parser = line)]
    by: String,
    /// The language of the answer.
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
    #[command(flatten)]
    opener: Opener,
}

pub(in crate::cli) fn run(find: &Find) -> Done {
    let narrowed = find.filter.told();
    if !narrowed.iter().any(|(by, _)| matches!(*by, "address" | "path")) {
        return Err(Problem::with_hint(
            "it is not said what to look for",
            "write --address 203.0.113.7, or --path /page",
        ));
    }
    let clock = Clock::system();
    let site = find.of.site()?;
    let identities = find.opener.identities()?;
    let period = find.filter.period(clock.now());
    let takes = |record: &Record<'_>| find.filter.takes(record);
    let mut question = of_all_time(&site.journal.folder, &identities, &narrowed, &takes);
    question.from = period.from.unwrap_or(question.from);
    question.to = period.to.unwrap_or(question.to);
    let read = look(&question, &clock)?;
    // Before a word of the answer is said.
    let mut register = open(&site, &clock)?;
    let line = register::answered(&find.by, &narrowed, &read);
    let added = register.add(Kind::Answered.name(), &line);
    added.map_err(|error| Problem::with_hint(&error, error.remedy()))?;
    say_if_new(&register);
    drop(register);
    let out = BufWriter::new(io::stdout().lock());
    match find.format {
        Form::Text => tell(&site.policy, find.lang.into(), &question, &read, out),
        Form::Json => to_json(&site.policy, &question, &read, out),
    }?;
    Ok(ExitCode::SUCCESS)
}

/// Every record that was found by the first reading, as JSON; what came since then is another answer's.
fn each(question: &Question<'_>, read: &Read, out: &mut dyn FnMut(Value) -> io::Result<()>) -> Result<(), Problem> {
    let mut encoder = Encoder::new(Format::JsonLines);
    let mut line = Vec::new();
    let mut said = Ok(());
    let mut hand_out = |found: Found<'_>| {
        let counts = match found.log {
            Log::Arrivals => &read.arrivals,
            _ => &read.access,
        };
        if counts.last.is_none_or(|last| found.index > last) || said.is_err() {
            return Ok(());
        }
        if let Ok(record) = Record::decode(found.joined, found.segment.format, found.segment.day) {
            line.clear();
            encoder.encode_record(&record, &mut line);
            said = out(serde_json::from_slice(&line).unwrap_or_default());
        }
        Ok(())
    };
    let again = question.read(&mut |_, _| {}, &mut hand_out);
    again.map_err(|error| problem(question.folder, Path::new(""), &error))?;
    Ok(said?)
}

fn tell(policy: &Policy, lang: Lang, question: &Question<'_>, read: &Read, mut out: impl Write) -> Result<(), Problem> {
    let matched = read.access.matched + read.arrivals.matched;
    let found = match lang {
        Lang::Pl => format!("Znalezione zapisy: {matched}"),
        Lang::En => format!("Records found: {matched}"),
    };
    for told in about(policy, lang) {
        writeln!(out, "{told}")?;
    }
    writeln!(out, "\n{found}")?;
    let mut number = 0_u64;
    each(question, read, &mut |record| {
        number += 1;
        writeln!(out, "\n{number}.")?;
        let mut members = Vec::new();
        flatten("", &record, &mut members);
        members
            .iter()
            .try_for_each(|(name, value)| writeln!(out, "   {name:<44} {}", readable(value)))
    })?;
    Ok(out.flush()?)
}

fn to_json(policy: &Policy, question: &Question<'_>, read: &Read, mut out: impl Write) -> Result<(), Problem> {
    let both = |lang: Lang| about(policy, lang);
    let searched: Map<_, _> = question
        .narrowed
        .iter()
        .map(|(by, value)| ((*by).to_owned(), Value::from(value.as_str())))
        .collect();
    writeln!(
        out,
        "{{\"about\":{},\"searched\":{},\"found\":{},\"records\":[",
        json!({ "pl": both(Lang::Pl), "en": both(Lang::En) }),
        Value::from(searched),
        read.access.matched + read.arrivals.matched
    )?;
    let mut is_first = true;
    each(question, read, &mut |record| {
        let comma = if std::mem::take(&mut is_first) { "" } else { ",\n" };
        write!(out, "{comma}{record}")
    })?;
    writeln!(out, "\n]}}")?;
    Ok(out.flush()?)
}

/// What a person is to be told with the data (GDPR, Article 15(1)).
fn about(policy: &Policy, lang: Lang) -> Vec<String> {
    let controller = &policy.controller;
    let (name, address, contact) = (&controller.name, &controller.address, &controller.contact);
    let mut told = match lang {
        Lang::Pl => vec![
            "Co o Tobie zapisaliśmy (art. 15 RODO)".to_owned(),
            format!("Administrator danych: {name}, {address}. Kontakt: {contact}."),
            format!("Po co: {}", policy.access.purpose.get(lang)),
        ],
        Lang::En => vec![
            "What we have recorded about you (GDPR, Article 15)".to_owned(),
            format!("Controller of the data: {name}, {address}. Contact: {contact}."),
            format!("Why: {}", policy.access.purpose.get(lang)),
        ],
    };
    if let Some(basis) = &policy.legal_basis {
        told.push(basis.sentence(lang));
    }
    told.push(policy.access.retention.sentence(lang));
    told.extend(policy.addresses.as_ref().map(|addresses| addresses.sentence(lang)));
    told.extend(
        policy
            .disclosure
            .as_ref()
            .map(|disclosure| disclosure.get(lang).to_owned()),
    );
    told.push(
        match lang {
            Lang::Pl => {
                "Zapisy powstały z żądań, które wysłała przeglądarka. Nie podejmujemy na ich podstawie żadnych \
                 automatycznych decyzji. Masz prawo żądać sprostowania lub usunięcia danych, ograniczenia ich \
                 przetwarzania, wnieść sprzeciw oraz skargę do Prezesa Urzędu Ochrony Danych Osobowych."
            }
            Lang::En => {
                "The records come from the requests that the browser sent. No automatic decisions are made by them. You may \
                 ask for correction or erasure of the data, or for restriction of processing, object to it, and \
                 complain to the President of the Personal Data Protection Office (UODO)."
            }
        }
        .to_owned(),
    );
    told
}

/// Members by their names with dots, as OpenTelemetry writes them.
fn flatten(above: &str, value: &Value, members: &mut Vec<(String, String)>) {
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                let name = if above.is_empty() {
                    name.clone()
                } else {
                    format!("{above}.{name}")
                };
                flatten(&name, value, members);
            }
        }
        Value::String(text) => members.push((above.to_owned(), text.clone())),
        other => members.push((above.to_owned(), other.to_string())),
    }
}
