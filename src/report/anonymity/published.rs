//! What may be known to everybody.

use std::ops::Deref;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::super::Period;

/// Statistics of a site that identify nobody. The step of anonymity alone makes them, and renderers take nothing else.
///
/// ```compile_fail,E0423
/// let published = townclerk::report::Published(loop {});
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Published(Told);

/// What they say. Nobody needs to be kept from reading it; only a [`Published`] vouches that it was made as it should
/// be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Told {
    /// The version of this form.
    pub form: u32,
    /// The site's first host name.
    pub site: String,
    /// Whose site it is.
    pub office: String,
    /// The days that it is about, in UTC.
    pub period: Period,
    /// The day on which it was published.
    pub published: Date,
    /// The version of the policy under which it was.
    pub policy: String,
    /// No group is smaller.
    pub smallest_group: u32,
    /// How the size of a group is measured.
    pub measured_by: MeasuredBy,
    /// Every number is a multiple of it.
    pub rounded_to: u64,
    /// The day on which the entries begin, where earlier days have none any more or had none yet.
    pub entries_begin: Option<Date>,
    /// Lines and segments that could not be read and are missing.
    pub unreadable: u64,
    /// Whether robots could be told from visitors.
    pub robots_apart: bool,
    /// Whether pages could be told from parts of pages.
    pub pages_apart: bool,
    /// The sums.
    pub totals: Totals,
    /// Views of pages by day; by month where the period has several.
    pub days: Table,
    /// Views of pages by hour, in UTC.
    pub hours: Table,
    /// Views of pages by weekday, 1 for Monday.
    pub weekdays: Table,
    /// All requests, by what they were for.
    pub things: Table,
    /// Views of pages.
    pub pages: Table,
    /// Visits by the page they began with.
    pub entries: Table,
    /// Files that were fetched.
    pub files: Table,
    /// Views of pages by the site whose link led there.
    pub sites: Table,
    /// Views of pages by browser.
    pub browsers: Table,
    /// Views of pages by system.
    pub systems: Table,
    /// All requests by status.
    pub statuses: Table,
    /// Exchanges that failed, by how.
    pub errors: Table,
    /// Links to what is not there: where they lead, and the page that holds them.
    pub broken: Table,
    /// Pages by how long their answers took.
    pub slow: Table,
}

/// How the size of a group is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MeasuredBy {
    /// By its visitors.
    Visitors,
    /// By requests: the policy keeps nothing that tells visitors apart.
    Requests,
}

/// Sums, each `None` if it is that of a group too small, or cannot be known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Totals {
    /// Views of pages.
    pub views: Option<u64>,
    /// Visits, where the first page of a visit is known.
    pub visits: Option<u64>,
    /// Different visitors: addresses. In several months nobody is told apart.
    pub visitors: Option<u64>,
    /// All requests but those of robots.
    pub requests: Option<u64>,
    /// The bytes of their answers, to two digits.
    pub bytes: Option<u64>,
    /// Requests of robots.
    pub robots: Option<u64>,
    /// Whether visits are counted: the policy keeps which page was the first.
    pub counts_visits: bool,
}

/// Groups by name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Table {
    /// The policy keeps nothing that could be counted here.
    NotKept,
    /// There are not enough visitors for any row.
    TooFew,
    /// Something to see.
    Shown {
        /// The largest first, or in their own order.
        rows: Vec<Row>,
        /// What is in none of them: the groups that are too small, together.
        other: Option<Row>,
    },
}

/// A group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What it is; empty for the others.
    pub name: String,
    /// The page that holds the link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<String>,
    /// How many; `None` if the group is too small.
    pub count: Option<u64>,
    /// From how many visitors, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub visitors: Option<u64>,
    /// What half of the answers took at most, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub typical_ms: Option<u64>,
    /// What 95 of 100 answers took at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slow_ms: Option<u64>,
}

impl Table {
    /// Its rows; none if there is nothing to see.
    pub fn rows(&self) -> &[Row] {
        match self {
            Self::Shown { rows, .. } => rows,
            Self::NotKept | Self::TooFew => &[],
        }
    }

    /// What is in none of its rows.
    pub fn other(&self) -> Option<&Row> {
        match self {
            Self::Shown { other, .. } => other.as_ref(),
            Self::NotKept | Self::TooFew => None,
        }
    }

    /// The row of a name.
    pub fn row(&self, name: &str) -> Option<&Row> {
        self.rows().iter().find(|row| row.name == name)
    }
}

impl Deref for Published {
    type Target = Told;

    fn deref(&self) -> &Told {
        &self.0
    }
}

impl Published {
    pub(super) fn vouch(told: Told) -> Self {
        Self(told)
    }

    /// As it is kept.
    pub fn freeze(&self) -> String {
        serde_json::to_string_pretty(self).map_or_else(|_| String::new(), |text| text + "\n") // all keys are texts
    }

    /// What was kept; `None` if it is damaged, or of a later townclerk.
    pub fn thaw(text: &str) -> Option<Self> {
        let told: Told = serde_json::from_str(text).ok()?;
        (told.form == super::FORM).then_some(Self(told))
    }
}
