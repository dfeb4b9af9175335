//! `townclerk cookies`: which cookies were seen, who set them, and what became of them.

use std::io::{self, Write};

use clap::Args;
use serde_json::{Map, Value, json};

use super::super::check::Form;
use super::super::speech::Done;
use super::super::table::{Paint, table};
use super::columns::readable;
use super::moment::Moment;
use super::source::Source;
use super::told;
use crate::clock::Clock;
use crate::cookies::{Counts, Traffic};
use crate::journal::{Inventory, SeenCookie};

pub(in crate::cli) const EXIT_CODES: &str = "Exit codes:\n  0  the policy lists every cookie that was seen\n  \
    1  it does not list some\n  2  it could not be found out\n\n\
    What is counted is told to the journal once an hour, and at the end of `serve`.";

#[derive(Args, Debug)]
pub(in crate::cli) struct Cookies {
    #[command(flatten)]
    source: Source,
    /// What was seen from this time on: 2026-11-21T20:00:00Z, the beginning of 2026-11-21 or 2026-11 in UTC, or 7d ago.
    #[arg(long, value_name = "TIME", value_parser = Moment::parse)]
    from: Option<Moment>,
    /// How the result is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

pub(in crate::cli) fn run(cookies: &Cookies) -> Done {
    let folder = cookies.source.folder()?;
    let now = Clock::system().now();
    let since = cookies.from.map(|from| from.from(now));
    let inventory = Inventory::of(&folder, since).map_err(|error| told::cannot_read(&folder, &error))?;
    let mut stdout = io::stdout().lock();
    match cookies.format {
        Form::Text => tell(&inventory, &mut stdout)?,
        Form::Json => writeln!(stdout, "{:#}", to_json(&inventory))?,
    }
    told::judge(
        inventory.undeclared().count(),
        ["name is", "names are"],
        "list in [cookies] what the site needs, each with its purpose; what it does not need may stay out",
    )
}

fn tell(inventory: &Inventory, out: &mut dyn Write) -> io::Result<()> {
    let Some((begun, last)) = inventory.told else {
        return writeln!(out, "no cookie was told of in that time");
    };
    let row = |(name, cookie): (&String, &SeenCookie)| {
        let [first, last] = told::days(cookie.told, inventory.is_new(cookie));
        [
            if name.is_empty() {
                "(no name)".to_owned()
            } else {
                readable(name)
            },
            if cookie.declared { "yes" } else { "no" }.to_owned(),
            set_by(cookie).to_owned(),
            counts(cookie.traffic.sent),
            counts(cookie.traffic.set),
            first,
            last,
        ]
    };
    let mut rows: Vec<_> = inventory.seen.iter().map(row).collect();
    rows.sort_by(|one, other| one[1].cmp(&other[1])); // what is not in the policy comes first
    if inventory.others != Traffic::default() {
        let [sent, set] = [counts(inventory.others.sent), counts(inventory.others.set)];
        let others = ["(others)", "no", "", &sent, &set, "", ""];
        rows.push(others.map(ToOwned::to_owned));
    }
    let heads = [
        "cookie",
        "in the policy",
        "set by",
        "from browsers",
        "from the CMS",
        "first seen",
        "last seen",
    ];
    out.write_all(table(heads, &rows, Paint::of_stdout()).as_bytes())?;
    writeln!(out, "\n   told from {begun} to {last}")?;
    if inventory.only_observed {
        writeln!(
            out,
            "   The policy is only observed: this is what would become of them."
        )?;
    }
    Ok(())
}

fn set_by(cookie: &SeenCookie) -> &'static str {
    match cookie.told {
        Some(_) if cookie.is_from_cms() => "the CMS",
        Some(_) => "a script, or earlier",
        None => "",
    }
}

/// Each verdict with its number.
fn counts(counts: Counts) -> String {
    let named: Vec<_> = counts
        .by_verdict()
        .map(|(verdict, count)| format!("{count} {}", verdict.name().replace('_', " ")))
        .collect();
    named.join(", ")
}

fn to_json(inventory: &Inventory) -> Value {
    let counts = |counts: Counts| -> Map<_, _> {
        let named = counts.by_verdict().filter(|(_, count)| *count > 0);
        named
            .map(|(verdict, count)| (verdict.name().to_owned(), count.into()))
            .collect()
    };
    let cookie = |(name, cookie): (&String, &SeenCookie)| {
        json!({
            "name": name,
            "declared": cookie.declared,
            "new": inventory.is_new(cookie),
            "sent": counts(cookie.traffic.sent),
            "set": counts(cookie.traffic.set),
            "seen": told::times(cookie.told),
        })
    };
    json!({
        "mode": if inventory.only_observed { "observe" } else { "enforce" },
        "told": told::times(inventory.told),
        "cookies": inventory.seen.iter().map(cookie).collect::<Vec<_>>(),
        "others": { "sent": counts(inventory.others.sent), "set": counts(inventory.others.set) },
    })
}
