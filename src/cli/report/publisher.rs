//! What of a site is published already, what may be, and what may not.

use std::io;
use std::path::PathBuf;

use jiff::civil::Date;
use jiff::tz::Offset;

use super::super::speech::{self, Problem};
use super::reading::{Damage, Reading};
use crate::clock::Clock;
use crate::config::Site;
use crate::journal::age::Identities;
use crate::journal::{Reports, ReportsError};
use crate::policy::Policy;
use crate::report::{About, Counts, Edition, Period, Published};

/// Why nothing is published.
pub(super) enum Stop {
    /// It may not be.
    No { what: String, hint: String },
    /// It could not be.
    Problem(Problem),
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

/// A site with its journals, of which there are several where it has replicas.
pub(super) struct Publisher<'a> {
    name: String,
    policy: Policy,
    journals: Vec<(PathBuf, Reports)>,
    identities: &'a Identities,
    clock: &'a Clock,
    incomplete: bool,
}

impl<'a> Publisher<'a> {
    pub(super) fn of(
        sites: &[Site],
        identities: &'a Identities,
        clock: &'a Clock,
        incomplete: bool,
    ) -> Result<Self, Problem> {
        let mut policy = sites.first().map(|site| site.policy.clone()).ok_or(Problem::Said)?; // there is one
        policy.smallest_group = sites
            .iter()
            .map(|site| site.policy.smallest_group)
            .max()
            .unwrap_or(policy.smallest_group);
        let mut journals: Vec<(PathBuf, Reports)> = Vec::new();
        for site in sites {
            let folder = site.journal.folder.clone();
            if journals.iter().any(|(known, _)| *known == folder) {
                continue; // the same configuration twice
            }
            let reports = Reports::of(&folder).map_err(|error| {
                let what = format!("{}: {error}", folder.display());
                match error {
                    ReportsError::NotAJournal => {
                        Problem::with_hint(what, "see what is mounted there, or what --config names")
                    }
                    ReportsError::Locked => Problem::with_hint(what, "try again when that is done"),
                    ReportsError::Disk(_) => Problem::with_hint(what, "run this as the user that runs townclerk"),
                }
            })?;
            journals.push((folder, reports));
        }
        Ok(Self {
            name: sites
                .first()
                .and_then(|site| site.hosts.first())
                .map(ToString::to_string)
                .unwrap_or_default(),
            policy,
            journals,
            identities,
            clock,
            incomplete,
        })
    }

    /// A period with the one before it, as far as that can be compared.
    pub(super) fn edition(&self, period: Period) -> Result<Edition, Stop> {
        let over = period.is_over_from();
        if self.clock.now() < over {
            return Err(Stop::No {
                what: format!("{period} is not over, and what is not over cannot be published"),
                hint: format!(
                    "ask again from {over} on; until then `townclerk journal cat` shows entries to the administrator"
                ),
            });
        }
        let mut before = None;
        if let Some(earlier) = period.before() {
            before = self.to_compare(earlier)?;
        }
        let mut parts = Vec::new();
        for part in period.parts() {
            let last = parts.last().or(before.as_ref());
            if let Some(published) = self.part(part, last)? {
                parts.push(published);
            }
        }
        match Published::together(period, parts) {
            Some(now) => Ok(Edition { now, before }),
            None => Err(Stop::No {
                what: format!("the journal has no entries of {period}"),
                hint: "see what it has with `townclerk journal cat`".to_owned(),
            }),
        }
    }

    /// The period before, if all of it is there and may be published.
    fn to_compare(&self, period: Period) -> Result<Option<Published>, Stop> {
        let mut parts: Vec<Published> = Vec::new();
        for part in period.parts() {
            match self.frozen(part)? {
                Some(frozen) => parts.push(frozen),
                None if self.overlapping(part)?.is_some() => return Ok(None),
                None if self.begin(part)?.is_some() => return Ok(None),
                None => {
                    let (counts, damage) = self.count(part)?;
                    if counts.is_empty() || !damage.told.is_empty() {
                        return Ok(None);
                    }
                    parts.push(self.publish(part, counts, None, 0, parts.last())?);
                }
            }
        }
        let is_whole = |published: &Published| published.entries_begin.is_none();
        Ok(Published::together(period, parts).filter(is_whole))
    }

    /// What is published of a period, now or before; `None` if there is nothing to publish.
    fn part(&self, period: Period, before: Option<&Published>) -> Result<Option<Published>, Stop> {
        if let Some(frozen) = self.frozen(period)? {
            return Ok(Some(frozen));
        }
        if let Some(other) = self.overlapping(period)? {
            return Err(Stop::No {
                what: format!("{period} shares days with {other}, which is published"),
                hint: "publish either weeks or months: who has two reports that overlap could subtract one from the other and see \
                       who is in the difference"
                    .to_owned(),
            });
        }
        let begin = self.begin(period)?;
        let (counts, damage) = self.count(period)?;
        for told in &damage.told {
            speech::remark(&format!("{}: {told}", self.name));
        }
        if !damage.told.is_empty() && !self.incomplete {
            let hint = match damage.sealed {
                true => "where the administrator's identity is, add --identity FILE",
                false => {
                    "nothing is published of this time; `townclerk journal verify` says more. To publish what can be read, \
                          once and for all, add --incomplete"
                }
            };
            return Err(
                Problem::with_hint(format!("{}: a part of the journal cannot be read", self.name), hint).into(),
            );
        }
        if counts.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.publish(period, counts, begin, damage.missing, before)?))
    }

    /// The day on which the entries begin, if that is later than a period does.
    fn begin(&self, period: Period) -> Result<Option<Date>, Problem> {
        let reading = self.reading();
        let mut begin = None;
        for (folder, _) in &self.journals {
            begin = begin.max(reading.begin(folder, period)?);
        }
        Ok(begin.filter(|begin| *begin > period.first()))
    }

    /// Counts a period.
    fn count(&self, period: Period) -> Result<(Counts, Damage), Problem> {
        let mut counts = Counts::of(period, &self.policy);
        let mut reading = self.reading();
        for (folder, _) in &self.journals {
            reading.count(folder, period, &mut counts)?;
        }
        Ok((counts, reading.damage))
    }

    fn reading(&self) -> Reading<'a> {
        Reading {
            identities: self.identities,
            clock: self.clock,
            damage: Damage::default(),
        }
    }

    fn publish(
        &self,
        period: Period,
        counts: Counts,
        entries_begin: Option<Date>,
        unreadable: u64,
        before: Option<&Published>,
    ) -> Result<Published, Problem> {
        let about = About {
            site: self.name.clone(),
            office: self.policy.controller.name.clone(),
            published: Offset::UTC.to_datetime(self.clock.now()).date(),
            policy: self.policy.version.clone(),
            smallest_group: self.policy.smallest_group,
            entries_begin,
            unreadable,
        };
        let published = Published::of(counts, about, before);
        let text = published.freeze();
        for (folder, reports) in &self.journals {
            let kept = reports.keep(&period.to_string(), &text);
            kept.map_err(|error| {
                let what = format!("{}: the report cannot be kept: {error}", folder.display());
                Problem::with_hint(
                    what,
                    "nothing is shown that is not kept; run this as the user that runs townclerk",
                )
            })?;
        }
        Ok(published)
    }

    /// What was published of a period.
    fn frozen(&self, period: Period) -> Result<Option<Published>, Stop> {
        let name = period.to_string();
        let mut found: Option<Option<String>> = None;
        for (folder, reports) in &self.journals {
            let text = reports.read(&name).map_err(|error| cannot_read(folder, &error))?;
            match &found {
                Some(other) if *other != text => {
                    return Err(Stop::No {
                        what: format!("{name} was published from other journals than these"),
                        hint: "name the same configurations as then".to_owned(),
                    });
                }
                _ => found = Some(text),
            }
        }
        let Some(text) = found.flatten() else {
            return Ok(None);
        };
        let published = Published::thaw(&text).filter(|published| published.period == period);
        match published {
            Some(published) => Ok(Some(published)),
            None => Err(Stop::Problem(Problem::with_hint(
                format!("{}: reports/{name}.json is damaged, or of a later townclerk", self.name),
                "restore the file from a backup: what was published is not counted again",
            ))),
        }
    }

    /// Another period that is published and shares days with this one.
    fn overlapping(&self, period: Period) -> Result<Option<Period>, Problem> {
        for (folder, reports) in &self.journals {
            let names = reports.periods().map_err(|error| cannot_read(folder, &error))?;
            let periods = names.iter().filter_map(|name| Period::parse(name).ok());
            let other = periods.filter(|other| other.overlaps(period)).min();
            if other.is_some() {
                return Ok(other);
            }
        }
        Ok(None)
    }
}

fn cannot_read(folder: &std::path::Path, error: &io::Error) -> Problem {
    Problem::with_hint(
        format!("{}: the reports cannot be read: {error}", folder.display()),
        "run this as the user that runs townclerk",
    )
}
