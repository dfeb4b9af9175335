//! What the events tell of cookies and of other sites: how it is read, dated and judged by the commands that show it.

use std::io;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;

use super::super::speech::{self, Done, Problem};

/// When it was first and last told of.
type Told = Option<(Timestamp, Timestamp)>;

pub(super) fn cannot_read(folder: &Path, error: &io::Error) -> Problem {
    let what = format!("{}: {error}", folder.display());
    Problem::with_hint(
        what,
        "see what is mounted, and run this as the user that runs townclerk",
    )
}

/// The days on which it was first and last seen.
pub(super) fn days(told: Told, is_new: bool) -> [String; 2] {
    let day = |time: Timestamp| time.strftime("%F").to_string();
    match told {
        None => ["never", "never"].map(str::to_owned),
        Some((first, last)) if is_new => [format!("{}, new", day(first)), day(last)],
        Some((first, last)) => [first, last].map(day),
    }
}

/// The same for programs.
pub(super) fn times(told: Told) -> Option<[String; 2]> {
    told.map(|(first, last)| [first, last].map(|time| time.to_string()))
}

/// Whether the policy lists all of it.
pub(super) fn judge(undeclared: usize, [one, many]: [&str; 2], hint: &str) -> Done {
    if undeclared == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    let what = if undeclared == 1 { one } else { many };
    speech::remark(&format!("{undeclared} {what} not in the policy"));
    speech::hint(hint);
    Ok(ExitCode::from(speech::NO))
}
