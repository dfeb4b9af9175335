//! `townclerk journal retention --dry-run`: what would be removed now.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Args;

use super::super::speech::Done;
use super::hold::problem;
use super::source::OfSite;
use crate::clock::Clock;
use crate::journal::Due;
use crate::policy::Lang;

#[derive(Args, Debug)]
pub(in crate::cli) struct Retention {
    #[command(flatten)]
    of: OfSite,
    /// Change nothing. Segments are removed by `serve` alone, at its start and each hour.
    #[arg(long, required = true)]
    dry_run: bool,
}

pub(super) fn run(retention: &Retention) -> Done {
    let site = retention.of.site()?;
    let (folder, policy) = (&site.journal.folder, &site.policy);
    let due = Due::now(folder, policy, Clock::system().now()).map_err(|error| problem(folder, &error))?;
    let mut stdout = io::stdout().lock();
    let told = policy.access.retention.sentence(Lang::En);
    writeln!(stdout, "policy {}: {told}", policy.version)?;
    if let Some(addresses) = &policy.addresses {
        writeln!(stdout, "addresses: {}", addresses.retention().sentence(Lang::En))?;
    }
    for Due {
        log,
        segment,
        bytes,
        held,
    } in &due
    {
        if held.is_empty() {
            writeln!(stdout, "would remove  {log}/{segment}  {bytes} bytes")?;
        } else {
            let cases: Vec<_> = held.iter().map(ToString::to_string).collect();
            let cases = cases.join(", ");
            writeln!(stdout, "held          {log}/{segment}  {bytes} bytes, for {cases}")?;
        }
    }
    if due.is_empty() {
        writeln!(stdout, "nothing is too old")?;
    }
    Ok(ExitCode::SUCCESS)
}
