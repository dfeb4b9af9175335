//! The privacy statement of a site, made from the policy that is enforced there (P20), in Polish and English.
//!
//! [`Statement::of`] decides what is said; `html`, `markdown` and `text` how it looks. What the office alone can keep
//! is told apart from what townclerk enforces: [`Block::Declares`].

mod html;
mod markdown;
mod sections;
#[cfg(test)]
mod tests;
mod text;

pub use html::STYLE;

use jiff::civil::Date;

use super::history::Version;
use super::{Lang, Policy};

/// Where a statement is published, and beside which others.
#[derive(Clone, Copy, Debug)]
pub struct Publication<'a> {
    /// The names by which visitors call the site; at least one.
    pub hosts: &'a [Box<str>],
    /// Where it is served, `/polityka-prywatnosci`; `None` if it is not. Links to versions and languages lead below it.
    pub path: Option<&'a str>,
    /// The versions that were in force, the oldest first.
    pub versions: &'a [Version],
    /// The version that is in force now.
    pub in_force: &'a str,
}

/// What visitors of a site are told, in one language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    lang: Lang,
    title: &'static str,
    office: String,
    /// Where the same is said in the other language.
    other_language: Option<Link>,
    /// Said before everything else, where this version is in force no longer.
    outdated: Option<(String, Option<Link>)>,
    introduction: &'static str,
    sections: Vec<Section>,
}

/// A part with a heading of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Section {
    /// For links to it; the same in both languages.
    id: &'static str,
    title: &'static str,
    blocks: Vec<Block>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Block {
    /// What townclerk answers for. A file in `tests/statement` proves it.
    Says(String),
    /// What a word means, what the law says, what browsers do.
    Explains(String),
    /// What the office declares; townclerk cannot enforce it.
    Declares(String),
    /// Sentences, behind the block that introduces them.
    List(Vec<String>),
    /// Ends of the sentence that the block before them begins.
    Ends(Vec<String>),
    /// Names, each with what it stands for.
    Facts(Vec<(&'static str, Cell)>),
    Table(Table),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Table {
    caption: &'static str,
    heads: Vec<&'static str>,
    /// The first cell of each names the row.
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Cell {
    Plain(String),
    /// What townclerk answers for, like [`Block::Says`].
    Says(String),
    /// A name as programs write it.
    Code(String),
    Link(Link),
    Date(Date),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Link {
    to: String,
    text: String,
}

impl Statement {
    /// What a policy makes of it. The same policy and publication give the same statement.
    pub fn of(policy: &Policy, publication: &Publication<'_>, lang: Lang) -> Self {
        let (title, introduction) = match lang {
            Lang::Pl => (
                "Polityka prywatności",
                "Tę stronę tworzy program townclerk, który stoi przed serwisem, z tego samego pliku, według którego \
                 działa. Opisuje ona więc to, co program rzeczywiście robi. To, czego program nie może dopilnować, \
                 oznaczamy słowami „oświadczenie urzędu”.",
            ),
            Lang::En => (
                "Privacy policy",
                "This page is made by townclerk, a program that stands before the site, from the same file by which it \
                 works. So it describes what the program really does. What the program cannot see to is marked as a \
                 “declaration of the office”.",
            ),
        };
        let earlier = policy.version != publication.in_force;
        let version = earlier.then_some(policy.version.as_str());
        Self {
            lang,
            title,
            office: policy.controller.name.clone(),
            other_language: publication.path.map(|path| Link {
                to: address(path, version, Some(other(lang))),
                text: match lang {
                    Lang::Pl => "English".to_owned(),
                    Lang::En => "Polski".to_owned(),
                },
            }),
            outdated: earlier.then(|| {
                let (said, text) = match lang {
                    Lang::Pl => (
                        "To jest wcześniejsza wersja. Nie obowiązuje już.",
                        "Wersja, która obowiązuje",
                    ),
                    Lang::En => (
                        "This is an earlier version. It is not in force any more.",
                        "The version in force",
                    ),
                };
                let to = |path| address(path, None, Some(lang));
                let text = format!("{text}: {}", publication.in_force);
                (
                    said.to_owned(),
                    publication.path.map(|path| Link { to: to(path), text }),
                )
            }),
            introduction,
            sections: sections::of(policy, publication, lang),
        }
    }

    /// One page of HTML that needs no script and nothing from elsewhere.
    pub fn html(&self) -> String {
        html::page(self)
    }

    /// CommonMark, with tables as GitHub writes them.
    pub fn markdown(&self) -> String {
        markdown::page(self)
    }

    /// Plain text, in lines of at most 80 letters where words let it.
    pub fn text(&self) -> String {
        text::page(self)
    }

    /// What townclerk answers for, a sentence or a few each, in the order of the page: that of either language.
    pub fn answered_for(&self) -> Vec<String> {
        let mut told = Vec::new();
        for blocks in self.sections.iter().map(|section| &section.blocks) {
            let mut before: Option<&Block> = None;
            for block in blocks {
                match (block, before) {
                    (Block::Says(text), _) => told.push(text.clone()),
                    (Block::List(items), Some(Block::Says(_))) => told.extend(items.iter().cloned()),
                    (Block::Ends(ends), Some(Block::Says(begun))) => {
                        told.pop();
                        told.extend(
                            ends.iter()
                                .map(|end| format!("{begun} {}", end.trim_end_matches([',', '.']))),
                        );
                    }
                    (Block::Table(table), _) => told.extend(table.rows.iter().flatten().filter_map(Cell::answered_for)),
                    (
                        Block::Explains(_) | Block::Declares(_) | Block::Facts(_) | Block::List(_) | Block::Ends(_),
                        _,
                    ) => {}
                }
                before = Some(block);
            }
        }
        told
    }

    /// What stands before a declaration of the office.
    fn declaration(&self) -> &'static str {
        match self.lang {
            Lang::Pl => "Oświadczenie urzędu",
            Lang::En => "Declaration of the office",
        }
    }
}

/// Where a version is served, in one language or in that of the browser.
fn address(path: &str, version: Option<&str>, lang: Option<Lang>) -> String {
    let version = version.map(|version| format!("/{version}")).unwrap_or_default();
    let lang = lang.map(|lang| format!("?lang={}", lang.tag())).unwrap_or_default();
    format!("{path}{version}{lang}")
}

fn other(lang: Lang) -> Lang {
    match lang {
        Lang::Pl => Lang::En,
        Lang::En => Lang::Pl,
    }
}

/// A day as people write it: `1 grudnia 2026 r.`, `1 December 2026`.
pub(crate) fn day(date: Date, lang: Lang) -> String {
    const PL: [&str; 12] = [
        "stycznia",
        "lutego",
        "marca",
        "kwietnia",
        "maja",
        "czerwca",
        "lipca",
        "sierpnia",
        "września",
        "października",
        "listopada",
        "grudnia",
    ];
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let month = usize::try_from(date.month()).map_or(0, |month| month.saturating_sub(1));
    match lang {
        Lang::Pl => format!("{} {} {} r.", date.day(), PL[month], date.year()),
        Lang::En => format!("{} {} {}", date.day(), EN[month], date.year()),
    }
}

impl Cell {
    fn answered_for(&self) -> Option<String> {
        match self {
            Self::Says(text) => Some(text.clone()),
            Self::Plain(_) | Self::Code(_) | Self::Link(_) | Self::Date(_) => None,
        }
    }

    /// What it says, whatever it looks like.
    fn plain(&self, lang: Lang) -> String {
        match self {
            Self::Plain(text) | Self::Says(text) | Self::Code(text) => text.clone(),
            Self::Link(link) => link.text.clone(),
            Self::Date(date) => day(*date, lang),
        }
    }
}
