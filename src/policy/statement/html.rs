//! A statement as one page of HTML. Every text that comes from a policy is escaped by maud, by its type.

use maud::{Markup, html};

use super::{Block, Cell, Lang, Link, Statement, Table, day, other};

/// The style of every page, for those who allow it by its hash.
pub const STYLE: &str = concat!(include_str!("../../page/base.css"), include_str!("page.css"));

pub(super) fn page(statement: &Statement) -> String {
    let lang = statement.lang;
    let contents = match lang {
        Lang::Pl => "Spis treści",
        Lang::En => "Contents",
    };
    let above = html! {
        p.office { (statement.office) }
        @if let Some(link) = &statement.other_language {
            p.language { (linked_in(link, other(lang))) }
        }
    };
    let content = html! {
        h1 { (statement.title) }
        @if let Some((said, link)) = &statement.outdated {
            p.outdated {
                strong { (said) }
                @if let Some(link) = link { " " (linked(link)) }
            }
        }
        p.introduction { (statement.introduction) }
        nav aria-labelledby="contents" {
            h2 #contents { (contents) }
            ol {
                @for section in &statement.sections {
                    li { a href={ "#" (section.id) } { (section.title) } }
                }
            }
        }
        @for section in &statement.sections {
            section aria-labelledby=(section.id) {
                h2 id=(section.id) { (section.title) }
                @for block in &section.blocks { (block_of(statement, block)) }
            }
        }
    };
    let title = format!("{} – {}", statement.title, statement.office);
    crate::page::page(lang, &title, STYLE, &above, &content)
}

fn block_of(statement: &Statement, block: &Block) -> Markup {
    html! {
        @match block {
            Block::Says(text) | Block::Explains(text) => p { (text) },
            Block::Declares(text) => div.declares {
                p.whose { (statement.declaration()) }
                p { (text) }
            },
            Block::List(items) | Block::Ends(items) => ul { @for item in items { li { (item) } } },
            Block::Facts(facts) => dl {
                @for (name, cell) in facts {
                    div { dt { (name) } dd { (cell_of(cell, statement.lang)) } }
                }
            },
            Block::Table(table) => (table_of(table, statement.lang)),
        }
    }
}

fn table_of(table: &Table, lang: Lang) -> Markup {
    html! {
        table {
            caption { (table.caption) }
            thead { tr { @for head in &table.heads { th scope="col" { (head) } } } }
            tbody {
                @for row in &table.rows {
                    tr {
                        @for (at, cell) in row.iter().enumerate() {
                            @if at == 0 { th scope="row" { (cell_of(cell, lang)) } }
                            @else { td { (cell_of(cell, lang)) } }
                        }
                    }
                }
            }
        }
    }
}

fn cell_of(cell: &Cell, lang: Lang) -> Markup {
    html! {
        @match cell {
            Cell::Plain(text) | Cell::Says(text) => (text),
            Cell::Code(text) => code { (text) },
            Cell::Link(link) => (linked(link)),
            Cell::Date(date) => time datetime=(date) { (day(*date, lang)) },
        }
    }
}

fn linked(link: &Link) -> Markup {
    html! { a href=(link.to) { (link.text) } }
}

fn linked_in(link: &Link, lang: Lang) -> Markup {
    html! { a href=(link.to) lang=(lang.tag()) hreflang=(lang.tag()) { (link.text) } }
}
