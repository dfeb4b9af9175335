//! Makes a bundle.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::bag::{Bag, DECLARATION};
use super::gaps::Gaps;
use super::question::{Found, Question, Read};
use super::register::{self, Kind, Order};
use super::section::Section;
use super::statement::Statement;
use super::{DisclosureError, sha256};
use crate::journal::age::{self, FileKey, Recipient};
use crate::journal::evidence::EvidenceError;
use crate::journal::key::Key;
use crate::journal::{self, Log, Register};
use crate::policy::{Lang, Policy};

/// How to verify a bundle.
pub const VERIFY: &str = include_str!("VERIFY.md");
/// A program that does.
pub const CHECK: &str = include_str!("check.go");

/// Everything that a bundle is made of.
pub struct Plan<'a> {
    /// The name of the matter in the register.
    pub id: &'a str,
    /// Who asked, and who decided.
    pub order: &'a Order,
    /// Who had entered the demand, where two persons decide.
    pub requested_by: Option<&'a str>,
    /// What is asked.
    pub question: Question<'a>,
    /// What a first reading of the journal came to.
    pub expected: &'a Read,
    /// The site's policy.
    pub policy: &'a Policy,
    /// The journal's key; only its public keys are needed here.
    pub key: &'a Key,
    /// Who alone can open it; empty if everybody can.
    pub encrypt_to: &'a [Recipient],
    /// The folder in which the bundle will be.
    pub out: &'a Path,
    /// Now.
    pub now: Timestamp,
}

/// A bundle that was made.
#[derive(Clone, Debug)]
pub struct Made {
    /// The bundle: a folder, or an encrypted file.
    pub path: PathBuf,
    /// Requests that are in it.
    pub disclosed: u64,
    /// Requests that match and are not signed yet.
    pub unsigned: u64,
}

/// The sections of a bundle.
struct Sections<'a> {
    plan: &'a Plan<'a>,
    access: Section,
    addresses: Option<Section>,
    arrivals: Option<Section>,
    /// The segments of `access` whose records are disclosed.
    touched: HashSet<journal::Name>,
}

impl<'a> Sections<'a> {
    fn begin(plan: &'a Plan<'a>, bag: &Bag) -> Result<Self, DisclosureError> {
        let expected = plan.expected;
        let begin = |log, last| section(plan, bag, log, last);
        let optional = |wanted: bool, log, last| match wanted.then(|| begin(log, last)) {
            // The policy never had one.
            Some(Err(DisclosureError::Evidence {
                error: EvidenceError::NoCheckpoint,
                ..
            }))
            | None => Ok(None),
            Some(begun) => begun.map(Some),
        };
        Ok(Self {
            access: begin(Log::Access, expected.access.last)?,
            addresses: optional(plan.question.addresses, Log::Addresses, expected.last_address)?,
            arrivals: optional(expected.arrivals.matched > 0, Log::Arrivals, expected.arrivals.last)?,
            touched: HashSet::new(),
            plan,
        })
    }

    fn take(&mut self, bag: &mut Bag, found: &Found<'_>) -> Result<(), DisclosureError> {
        let Found {
            log,
            index,
            segment,
            text,
            ref address,
            ..
        } = *found;
        if log == Log::Arrivals {
            // One that came after the first reading, for want of a section: the next disclosure has it.
            return match &mut self.arrivals {
                Some(arrivals) => arrivals.add(bag, index, segment, text),
                None => Ok(()),
            };
        }
        let before = self.access.records;
        self.access.add(bag, index, segment, text)?;
        if self.access.records == before {
            return Ok(());
        }
        self.touched.insert(segment);
        match (&mut self.addresses, address) {
            (Some(addresses), Some(address)) if self.plan.question.addresses => {
                addresses.add(bag, address.index, address.segment, &address.text)
            }
            _ => Ok(()),
        }
    }
}

fn section(plan: &Plan<'_>, bag: &Bag, log: Log, last: Option<u64>) -> Result<Section, DisclosureError> {
    let Question { folder, identities, .. } = plan.question;
    Section::begin(bag, folder, log, plan.key.verifier(log), last, identities)
}

/// Makes a bundle: writes it under a name that is none, enters it into the register, then gives it its name.
///
/// # Errors
///
/// See [`DisclosureError`]. Whatever fails before the line is in the register leaves no trace; what fails after it
/// leaves the line without a bundle.
pub fn make(
    plan: &Plan<'_>,
    register: &mut Register,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Made, DisclosureError> {
    let mut folder = tempfile::Builder::new();
    let folder = folder
        .prefix(".unfinished-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(plan.out)?;
    let mut bag = Bag::begin(folder.path());
    let mut sections = Sections::begin(plan, &bag)?;
    let read = plan
        .question
        .read(progress, &mut |found| sections.take(&mut bag, &found))?;
    let gaps = Gaps::read(&plan.question, &sections.touched).map_err(DisclosureError::Journal)?;
    let mut events = section(plan, &bag, Log::Events, gaps.events.last().map(|told| told.index))?;
    for told in &gaps.events {
        events.add(&mut bag, told.index, told.segment, &told.text)?;
    }
    let Sections {
        access,
        addresses,
        arrivals,
        ..
    } = sections;
    let of = |section: &Option<Section>| {
        section
            .as_ref()
            .map_or((0, 0), |section| (section.records, section.unsigned))
    };
    let (of_addresses, of_arrivals) = (of(&addresses), of(&arrivals));
    let made = Made {
        path: PathBuf::new(),
        disclosed: access.records + of_arrivals.0,
        unsigned: access.unsigned + of_arrivals.1,
    };
    let records = [
        (Log::Access, access.records),
        (Log::Addresses, of_addresses.0),
        (Log::Arrivals, of_arrivals.0),
        (Log::Events, events.records),
    ];
    let unsigned = [
        (Log::Access, access.unsigned),
        (Log::Addresses, of_addresses.1),
        (Log::Arrivals, of_arrivals.1),
        (Log::Events, events.unsigned),
    ];
    for section in [Some(access), addresses, arrivals, Some(events)].into_iter().flatten() {
        section.end(&mut bag)?;
    }
    let counts = counts(&read, &made);
    write_payload(plan, &mut bag, &read, &gaps, &made, &counts, &records, &unsigned)?;
    let manifest = bag.close()?;
    let encrypted = !plan.encrypt_to.is_empty();
    let line = register::made(
        plan.id,
        plan.order,
        plan.requested_by,
        &plan.question,
        &counts,
        &manifest,
        encrypted,
    );
    // Nothing but the last files and the name comes after this.
    let proven = register.add(Kind::Made.name(), &line)?;
    bag.tag("register/record.jsonl", &[&proven.record[..], b"\n"].concat())?;
    bag.tag("register/record.tlog-proof", proven.proof.to_string().as_bytes())?;
    bag.tag("register/key", format!("{}\n", register.key()).as_bytes())?;
    bag.tag("VERIFY.md", VERIFY.as_bytes())?;
    bag.tag("tools/check.go", CHECK.as_bytes())?;
    bag.tag(DECLARATION.0, DECLARATION.1.as_bytes())?;
    bag.tag("bag-info.txt", information(plan, &bag).as_bytes())?;
    bag.finish()?;
    let path = match encrypted {
        false => name(plan, folder)?,
        true => encrypt(plan, folder)?,
    };
    Ok(Made { path, ..made })
}

fn counts(read: &Read, made: &Made) -> Map<String, Value> {
    let counts = [
        ("scanned", read.access.scanned + read.arrivals.scanned),
        ("matched", read.access.matched + read.arrivals.matched),
        ("disclosed", made.disclosed),
        ("not_signed_yet", made.unsigned),
    ];
    counts
        .into_iter()
        .map(|(key, count)| (key.to_owned(), count.into()))
        .collect()
}

#[allow(clippy::too_many_arguments)] // each is another thing
fn write_payload(
    plan: &Plan<'_>,
    bag: &mut Bag,
    read: &Read,
    gaps: &Gaps,
    made: &Made,
    counts: &Map<String, Value>,
    records: &[(Log, u64)],
    unsigned: &[(Log, u64)],
) -> Result<(), DisclosureError> {
    let Plan {
        id,
        order,
        requested_by,
        question,
        policy,
        ..
    } = plan;
    let mut policies = Map::new();
    for version in &gaps.policies {
        let text = journal::policy_text(question.folder, version).map_err(DisclosureError::Journal)?;
        bag.put(&format!("policies/{version}.toml"), text.as_bytes())?;
        policies.insert(version.clone(), sha256(text.as_bytes()).into());
    }
    let told = json!({
        "id": id,
        "case": order.case.as_str(),
        "authority": order.authority,
        "basis": order.basis,
        "document.sha256": order.document,
        "by": order.by,
        "requested_by": requested_by,
        "made": plan.now.to_string(),
        "controller": policy.controller.name,
        "site": plan.key.origin(),
    });
    bag.put("order.json", format!("{told:#}\n").as_bytes())?;
    let narrowed = question
        .narrowed
        .iter()
        .map(|(by, value)| ((*by).to_owned(), value.as_str().into()));
    let mut query = json!({
        "from": question.from.to_string(),
        "to": question.to.to_string(),
        "narrowed": narrowed.collect::<Map<String, Value>>(),
        "addresses": question.addresses,
        "records": records.iter().map(|(log, count)| (log.folder().to_owned(), (*count).into())).collect::<Map<String, Value>>(),
        "policies.sha256": policies,
        "service.version": env!("CARGO_PKG_VERSION"),
    });
    if let Some(query) = query.as_object_mut() {
        query.extend(counts.clone());
    }
    bag.put("query.json", format!("{query:#}\n").as_bytes())?;
    bag.put("gaps.json", format!("{:#}\n", gaps.to_json(read, unsigned)).as_bytes())?;
    let statement = Statement {
        id,
        made: plan.now,
        order,
        requested_by: *requested_by,
        policy,
        origin: plan.key.origin(),
        question,
        read,
        gaps,
        disclosed: made.disclosed,
        unsigned: made.unsigned,
    };
    bag.put("statement.pl.md", statement.text(Lang::Pl).as_bytes())?;
    Ok(bag.put("statement.en.md", statement.text(Lang::En).as_bytes())?)
}

fn information(plan: &Plan<'_>, bag: &Bag) -> String {
    format!(
        "Source-Organization: {}\nExternal-Identifier: {}\nBagging-Date: {}\nPayload-Oxum: {}\nBag-Software-Agent: townclerk {}\n",
        plan.policy.controller.name,
        plan.id,
        plan.now.strftime("%F"),
        bag.oxum(),
        env!("CARGO_PKG_VERSION")
    )
}

/// Gives a finished bundle its name. Nothing of that name is there.
fn name(plan: &Plan<'_>, folder: TempDir) -> io::Result<PathBuf> {
    let path = plan.out.join(format!("disclosure-{}", plan.id));
    fs::rename(folder.path(), &path)?;
    let _ = folder.keep(); // it has another name now
    File::open(plan.out)?.sync_all()?;
    Ok(path)
}

/// Puts a finished bundle into one file that the recipients alone can open, and gives that its name.
fn encrypt(plan: &Plan<'_>, folder: TempDir) -> io::Result<PathBuf> {
    let inside = format!("disclosure-{}", plan.id);
    let path = plan.out.join(format!("{inside}.tar.age"));
    let unfinished = folder.path().with_extension("age");
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&unfinished)?;
    let sealed = || -> io::Result<()> {
        let sealing = age::seal(&FileKey::generate()?, plan.encrypt_to, io::BufWriter::new(file))?;
        let mut tar = tar::Builder::new(sealing);
        tar.mode(tar::HeaderMode::Deterministic);
        tar.append_dir_all(&inside, folder.path())?;
        let mut file = tar.into_inner()?.finish()?;
        file.flush()?;
        file.get_ref().sync_all()?;
        match path.try_exists()? {
            true => Err(io::ErrorKind::AlreadyExists.into()),
            false => fs::rename(&unfinished, &path),
        }
    };
    if let Err(error) = sealed() {
        let _ = fs::remove_file(&unfinished); // it may have its name already
        return Err(error);
    }
    File::open(plan.out)?.sync_all()?;
    Ok(path)
}
