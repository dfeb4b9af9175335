//! `townclerk third-parties`: which other sites pages call, as browsers reported it.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Value, json};

use super::super::check::Form;
use super::super::speech::Done;
use super::super::table::{Paint, table};
use super::columns::readable;
use super::moment::Moment;
use super::source::Source;
use super::told;
use crate::clock::Clock;
use crate::journal::{CallsSeen, SiteSeen};
use crate::third_parties::Kind;

pub(in crate::cli) const EXIT_CODES: &str = "Exit codes:\n  0  the policy lists every site that pages called\n  \
    1  it does not list some\n  2  it could not be found out\n\n\
    Browsers report it where the policy has [third_parties]. Anybody can send such a report, true or not: look at the\n\
    pages before you believe it. What is counted is told to the journal once an hour, and at the end of `serve`.";

#[derive(Args, Debug)]
pub(in crate::cli) struct ThirdParties {
    #[command(flatten)]
    source: Source,
    /// What was reported from this time on: 2026-11-21T20:00:00Z, the beginning of 2026-11-21 or 2026-11 in UTC, or 7d
    /// ago.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    from: Option<Moment>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

pub(in crate::cli) fn run(asked: &ThirdParties) -> Done {
    let folder = asked.source.folder()?;
    let now = Clock::system().now();
    let since = asked.from.map(|from| from.from(now));
    let seen = CallsSeen::of(&folder, since).map_err(|error| told::cannot_read(&folder, &error))?;
    let mut stdout = io::stdout().lock();
    match asked.format {
        Form::Text => tell(&seen, &mut stdout)?,
        Form::Json => writeln!(stdout, "{:#}", to_json(&seen))?,
    }
    told::judge(
        seen.undeclared().count(),
        ["site is", "sites are"],
        "take out of the pages what the office does not need; list the rest in [third_parties], each with its purpose",
    )
}

fn tell(seen: &CallsSeen, out: &mut dyn Write) -> io::Result<()> {
    let Some((begun, last)) = seen.told else {
        return writeln!(
            out,
            "nothing was told of in that time; browsers report where the policy has [third_parties]"
        );
    };
    let mut sites: Vec<_> = seen.sites.iter().collect();
    sites.sort_by_key(|(_, site)| site.declared); // what is not in the policy comes first
    let rows: Vec<_> = sites
        .into_iter()
        .flat_map(|(host, site)| rows(seen, host, site))
        .collect();
    let heads = [
        "site",
        "in the policy",
        "what",
        "page",
        "reports",
        "first seen",
        "last seen",
    ];
    out.write_all(table(heads, &rows, Paint::of_stdout()).as_bytes())?;
    writeln!(out, "\n   told from {begun} to {last}")?;
    for (count, what) in [
        (seen.others, "reports say nothing of another site, or of one too many"),
        (seen.unread, "messages of browsers were not read: too many in a second"),
    ] {
        if count > 0 {
            writeln!(out, "   {count} {what}")?;
        }
    }
    let note = match seen.only_observed {
        true => "The policy is only observed: pages did call these sites.",
        false => "The policy is enforced: browsers were told not to call what it does not list.",
    };
    writeln!(out, "   {note}")
}

/// A row for each kind and page, those that were reported most often first; one for a site of which nothing was.
fn rows(seen: &CallsSeen, host: &str, site: &SiteSeen) -> Vec<[String; 7]> {
    let [first, last] = told::days(site.told, seen.is_new(site));
    let of = |what: &str, page: &str, reports: String| {
        [
            readable(host),
            if site.declared { "yes" } else { "no" }.to_owned(),
            what.to_owned(),
            page.to_owned(),
            reports,
            first.clone(),
            last.clone(),
        ]
    };
    if site.calls.is_empty() {
        return vec![of("", "", String::new())];
    }
    let mut calls: Vec<_> = site.calls.iter().collect();
    calls.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let row = |((kind, page), count): (&(Kind, String), &u64)| {
        let page = if page.is_empty() {
            "(any)".to_owned()
        } else {
            readable(page)
        };
        of(kind.name(), &page, count.to_string())
    };
    calls.into_iter().map(row).collect()
}

fn to_json(seen: &CallsSeen) -> Value {
    let site = |(host, site): (&String, &SiteSeen)| {
        let call = |((kind, page), count): (&(Kind, String), &u64)| json!({ "kind": kind.name(), "page": (!page.is_empty()).then_some(page), "reports": count });
        json!({
            "host": host,
            "declared": site.declared,
            "new": seen.is_new(site),
            "calls": site.calls.iter().map(call).collect::<Vec<_>>(),
            "seen": told::times(site.told),
        })
    };
    json!({
        "mode": if seen.only_observed { "observe" } else { "enforce" },
        "told": told::times(seen.told),
        "sites": seen.sites.iter().map(site).collect::<Vec<_>>(),
        "others": seen.others,
        "unread": seen.unread,
    })
}
