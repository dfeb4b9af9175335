//! `townclerk disclose`: records for an authority, once they are entered in the register.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::super::speech::{self, Done, Problem};
use super::disclosures::{self, Listing, Refuse, Verify};
use super::filter::Filter;
use super::hold;
use super::pinned;
use super::progress::Progress;
use super::source::{OfSite, Opener};
use crate::clock::Clock;
use crate::config::Site;
use crate::disclosure::bundle::{self, Made, Plan};
use crate::disclosure::question::{Question, Read};
use crate::disclosure::register::{self, Entry, Kind, Order};
use crate::disclosure::{DisclosureError, sha256};
use crate::entry::Record;
use crate::journal::age::{Identities, Recipient};
use crate::journal::evidence::EvidenceError;
use crate::journal::key::Key;
use crate::journal::{Case, Hold, HoldError, Holds, Register};

pub(in crate::cli) const EXIT_CODES: &str = "Exit codes:\n  0  done, or yes\n  1  no: refused, or not what was disclosed\n  \
    2  it could not be done\n  3  verify without --key: of one piece, and nobody knows whose";

#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(in crate::cli) struct Disclose {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    demand: Demand,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify a bundle, without the journal and without a network.
    Verify(Verify),
    /// List what was disclosed and refused; or count it by the year, for the public.
    Register(Listing),
    /// Enter a refusal.
    Refuse(Refuse),
}

#[derive(Args, Debug)]
struct Demand {
    #[command(flatten)]
    of: OfSite,
    #[command(flatten)]
    papers: Papers,
    #[command(flatten)]
    filter: Filter,
    /// Disclose too what the log of addresses holds about these requests. Only if the demand names it.
    #[arg(long)]
    addresses: bool,
    /// The demand itself, a letter: its SHA-256 is entered.
    #[arg(long, value_name = "FILE")]
    document: Option<PathBuf>,
    /// The demand that somebody else has entered, by its name in the register, where the policy wants two people.
    #[arg(long, value_name = "ID")]
    request: Option<String>,
    /// Keep the entries of that time from being removed by retention, for this case.
    #[arg(long)]
    hold: bool,
    /// Only say how much would be disclosed. Nothing is entered, no record is shown.
    #[arg(long)]
    preview: bool,
    /// A public key of the authority, as age-keygen prints it: the bundle becomes one file that this key alone opens.
    /// May be given several times.
    #[arg(long, value_name = "AGE-KEY", value_parser = recipient)]
    encrypt_to: Vec<Recipient>,
    /// The folder in which the bundle is made.
    #[arg(long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    #[command(flatten)]
    opener: Opener,
}

/// What the office knows of a demand. None of it should name a visitor.
#[derive(Args, Debug)]
pub(super) struct Papers {
    /// The case: its reference, of letters, digits, dots, dashes and underscores.
    #[arg(long, value_name = "CASE", value_parser = hold::case)]
    case: Option<Case>,
    /// The authority that asks.
    #[arg(long, value_name = "TEXT", value_parser = line)]
    authority: Option<String>,
    /// The legal basis that it names.
    #[arg(long, value_name = "TEXT", value_parser = line)]
    basis: Option<String>,
    /// Who does this, of the office's staff.
    #[arg(long, value_name = "NAME", value_parser = line)]
    by: Option<String>,
}

/// A line of text for people.
pub(super) fn line(text: &str) -> Result<String, String> {
    let text = text.trim();
    let right = !text.is_empty() && text.chars().count() <= 300 && !text.chars().any(char::is_control);
    right
        .then(|| text.to_owned())
        .ok_or_else(|| "write a line of at most 300 characters".to_owned())
}

fn recipient(key: &str) -> Result<Recipient, String> {
    key.parse().map_err(|error| format!("{error}; write age1…"))
}

impl Papers {
    /// Everything, or what is missing.
    pub(super) fn order(&self, document: Option<String>) -> Result<Order, Problem> {
        Ok(Order {
            case: needed(self.case.clone(), "--case", "--case RPD-12.2026")?,
            authority: needed(
                self.authority.clone(),
                "--authority",
                "--authority 'Komenda Powiatowa Policji'",
            )?,
            basis: needed(self.basis.clone(), "--basis", "--basis 'art. 15 § 3 k.p.k.'")?,
            by: needed(self.by.clone(), "--by", "--by 'Anna Nowak'")?,
            document,
        })
    }
}

fn needed<T>(value: Option<T>, option: &str, example: &str) -> Result<T, Problem> {
    value.ok_or_else(|| Problem::with_hint(format!("{option} is missing"), format!("write {example}")))
}

pub(in crate::cli) fn run(disclose: &Disclose) -> Done {
    match &disclose.command {
        Some(Command::Verify(verify)) => disclosures::verify(verify),
        Some(Command::Register(listing)) => disclosures::list(listing),
        Some(Command::Refuse(refuse)) => disclosures::refuse(refuse),
        None => demand(&disclose.demand),
    }
}

fn demand(demand: &Demand) -> Done {
    let clock = Clock::system();
    let now = clock.now();
    let period = demand.filter.period(now);
    let from = needed(period.from, "--from", "--from 2026-11-01")?;
    let to = needed(period.to, "--to", "--to 2026-11-08")?;
    if from >= to {
        return Err(Problem::with_hint(
            "the time is empty",
            "--to must be later than --from",
        ));
    }
    let site = demand.of.site()?;
    let identities = demand.opener.identities()?;
    let narrowed = demand.filter.told();
    let question = Question {
        folder: &site.journal.folder,
        identities: &identities,
        from,
        to,
        narrowed: &narrowed,
        takes: &|record: &Record<'_>| demand.filter.takes(record),
        addresses: demand.addresses,
    };
    if demand.preview {
        let read = look(&question, &clock)?;
        preview(&question, &read, &mut io::stdout().lock())?;
        return Ok(ExitCode::SUCCESS);
    }
    let document = match &demand.document {
        Some(file) => Some(sha256(&pinned::read(file)?)),
        None => None,
    };
    let order = demand.papers.order(document)?;
    if demand.hold {
        set_hold(&site.journal.folder, &order.case, &question, now)?;
    }
    let mut register = open(&site, &clock)?;
    let entries = entries(&site.journal.folder)?;
    let matter = match &demand.request {
        None if site.policy.two_people => {
            return request(&mut register, &entries, &order, &question, now);
        }
        None => Matter {
            id: register::next_id(&entries, now),
            requested_by: None,
        },
        Some(id) => match requested(&entries, id, &order, &question)? {
            Ok(matter) => matter,
            Err(no) => {
                speech::remark(&no);
                return Ok(ExitCode::from(speech::NO));
            }
        },
    };
    let out = needed(demand.out.as_deref(), "--out", "--out FOLDER")?;
    let key = load_key(&site)?;
    let read = look(&question, &clock)?;
    let plan = Plan {
        id: &matter.id,
        order: &order,
        requested_by: matter.requested_by.as_deref(),
        question,
        expected: &read,
        policy: &site.policy,
        key: &key,
        encrypt_to: &demand.encrypt_to,
        out,
        now,
    };
    let mut progress = Meter::new(&clock);
    let made = bundle::make(&plan, &mut register, &mut |done, total| progress.at(done, total));
    drop(progress);
    let made = made.map_err(|error| problem(&site.journal.folder, out, &error))?;
    tell(&matter.id, &made, &mut io::stdout().lock())?;
    say_if_new(&register);
    if made.unsigned > 0 {
        speech::remark(&format!(
            "{} more are not signed yet, and so are not disclosed",
            made.unsigned
        ));
        speech::hint("they are signed within seconds while `serve` runs: disclose them then");
    }
    Ok(ExitCode::SUCCESS)
}

/// What the register calls the matter, and who had entered it.
struct Matter {
    id: String,
    requested_by: Option<String>,
}

/// The first of two people.
fn request(register: &mut Register, entries: &[Entry], order: &Order, question: &Question<'_>, now: Timestamp) -> Done {
    let id = register::next_id(entries, now);
    let line = register::requested(&id, order, question);
    let added = register.add(Kind::Requested.name(), &line);
    added.map_err(|error| Problem::with_hint(&error, error.remedy()))?;
    say_if_new(register);
    let mut stdout = io::stdout().lock();
    writeln!(
        stdout,
        "{id}: entered; nothing is disclosed yet, for the policy wants two people"
    )?;
    writeln!(
        stdout,
        "somebody else discloses it with the same command, with --request {id} and a --by of their own"
    )?;
    Ok(ExitCode::SUCCESS)
}

/// The second one. What is not right about it, if it is no.
fn requested(
    entries: &[Entry],
    id: &str,
    order: &Order,
    question: &Question<'_>,
) -> Result<Result<Matter, String>, Problem> {
    let of_matter = |kind: Kind| {
        let mut of_kind = entries.iter().filter(move |entry| entry.kind == kind);
        of_kind.find(|entry| entry.id() == Some(id))
    };
    let Some(entry) = of_matter(Kind::Requested) else {
        return Err(Problem::with_hint(
            "the register has no such demand",
            "`townclerk disclose register` lists them",
        ));
    };
    let by = entry.text("by").unwrap_or_default().to_owned();
    let no = if of_matter(Kind::Made).is_some() {
        Some("it was disclosed already".to_owned())
    } else if of_matter(Kind::Refused).is_some() {
        Some("it was refused".to_owned())
    } else if by.to_lowercase() == order.by.to_lowercase() {
        Some("who has entered the demand cannot disclose it as well".to_owned())
    } else if entry.text("asked.sha256") != Some(&register::fingerprint(order, question)) {
        Some("something else was asked for: case, authority, basis, times and filter must be the same".to_owned())
    } else {
        None
    };
    Ok(match no {
        Some(no) => Err(format!("{id}: {no}")),
        None => Ok(Matter {
            id: id.to_owned(),
            requested_by: Some(by),
        }),
    })
}

fn set_hold(folder: &Path, case: &Case, question: &Question<'_>, now: Timestamp) -> Result<(), Problem> {
    let set = Holds::of(folder).and_then(|holds| {
        holds.set(&Hold {
            case: case.clone(),
            from: question.from,
            to: question.to,
            set: now,
            reason: None,
        })
    });
    match set {
        Ok(()) => Ok(()),
        Err(HoldError::Exists) => {
            speech::remark(&format!("{case} has a hold already; it stays as it is"));
            Ok(())
        }
        Err(error) => Err(hold::problem(folder, &error)),
    }
}

/// How far a reading is, for somebody who waits.
pub(super) struct Meter<'a> {
    clock: &'a Clock,
    progress: Option<Progress>,
}

impl<'a> Meter<'a> {
    pub(super) fn new(clock: &'a Clock) -> Self {
        Self { clock, progress: None }
    }

    pub(super) fn at(&mut self, done: u64, total: u64) {
        let progress = self.progress.get_or_insert_with(|| Progress::of(total, self.clock));
        progress.step(done);
    }
}

/// Reads the journal once, and hands nothing out.
pub(super) fn look(question: &Question<'_>, clock: &Clock) -> Result<Read, Problem> {
    let mut progress = Meter::new(clock);
    let read = question.read(&mut |done, total| progress.at(done, total), &mut |_| Ok(()));
    read.map_err(|error| problem(question.folder, Path::new(""), &error))
}

pub(super) fn open(site: &Site, clock: &Clock) -> Result<Register, Problem> {
    let register = Register::open(&site.journal, clock);
    register.map_err(|error| {
        let what = format!("{}: {error}", site.journal.folder.display());
        Problem::with_hint(what, error.remedy())
    })
}

pub(super) fn entries(folder: &Path) -> Result<Vec<Entry>, Problem> {
    register::read(folder).map_err(super::cat::cannot_read)
}

fn load_key(site: &Site) -> Result<Key, Problem> {
    let file = &site.journal.key;
    Key::load(file).map_err(|error| Problem::with_hint(format!("{}: {error}", file.display()), error.remedy()))
}

pub(super) fn problem(journal: &Path, out: &Path, error: &DisclosureError) -> Problem {
    let journal = journal.display();
    match error {
        DisclosureError::Sealed { .. }
        | DisclosureError::Evidence {
            error: EvidenceError::Sealed,
            ..
        } => Problem::with_hint(
            format!("{journal}: {error}"),
            "where the administrator's identity is, add --identity FILE",
        ),
        DisclosureError::Evidence { .. } => Problem::with_hint(
            format!("{journal}: {error}"),
            "`townclerk journal verify` says more; what retention is removing just now is gone at the next attempt",
        ),
        DisclosureError::Register(error) => Problem::with_hint(format!("{journal}: {error}"), error.remedy()),
        DisclosureError::Journal(error) => Problem::with_hint(
            format!("{journal}: cannot read the journal: {error}"),
            "see what is mounted, and run this as the user that runs townclerk",
        ),
        DisclosureError::Bundle(_) => Problem::with_hint(
            format!("{}: {error}", out.display()),
            "see that --out names a folder that is there, writable for this user, and not full; `townclerk disclose \
             register` says whether the disclosure was entered",
        ),
    }
}

fn preview(question: &Question<'_>, read: &Read, out: &mut impl Write) -> io::Result<()> {
    let by: Vec<_> = question.narrowed.iter().map(|(by, _)| *by).collect();
    let by = if by.is_empty() {
        "time alone".to_owned()
    } else {
        format!("time, {}", by.join(", "))
    };
    writeln!(out, "time       {} to {}", question.from, question.to)?;
    writeln!(out, "filter     by {by}")?;
    let Read { access, arrivals, .. } = read;
    writeln!(
        out,
        "access     {} read, {} of that time, {} would be disclosed",
        access.scanned, access.of_that_time, access.matched
    )?;
    if question.addresses {
        writeln!(out, "addresses  {} of them have something there", read.with_address)?;
    }
    if arrivals.scanned > 0 {
        writeln!(
            out,
            "arrivals   {} without an entry, of that time; {} would be disclosed",
            arrivals.of_that_time, arrivals.matched
        )?;
    }
    let not_understood = access.not_understood + arrivals.not_understood;
    if not_understood > 0 {
        writeln!(
            out,
            "faulty     {not_understood} lines are not as townclerk writes them"
        )?;
    }
    for (log, first, next) in &read.missing {
        writeln!(out, "missing    {log}: records {first} to {}", next - 1)?;
    }
    Ok(())
}

fn tell(id: &str, made: &Made, out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "{id}: {} disclosed and entered in the register",
        match made.disclosed {
            1 => "1 request".to_owned(),
            many => format!("{many} requests"),
        }
    )?;
    writeln!(out, "{}", made.path.display())?;
    Ok(())
}

/// The public key of a register that has begun just now: nobody was told of it when the journal was made earlier.
pub(super) fn say_if_new(register: &Register) {
    if register.is_new() {
        speech::remark(&format!(
            "this was the first line of the register; keep its public key with the others, and tell witnesses of it: {}",
            register.key()
        ));
    }
}

/// The file of a bundle that is encrypted, or packed.
pub(super) fn is_packed(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|status| status.is_file())
}

/// A question of a person, without a time.
pub(super) fn of_all_time<'a>(
    folder: &'a Path,
    identities: &'a Identities,
    narrowed: &'a [(&'static str, String)],
    takes: &'a dyn Fn(&Record<'_>) -> bool,
) -> Question<'a> {
    Question {
        folder,
        identities,
        from: Timestamp::MIN,
        to: Timestamp::MAX,
        narrowed,
        takes,
        addresses: true,
    }
}
