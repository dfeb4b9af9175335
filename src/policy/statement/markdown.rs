//! A statement as CommonMark, for sites that make pages of it themselves. Nothing in a policy is taken for markup.

use std::fmt::Write as _;

use super::{Block, Cell, Lang, Link, Statement, Table};

pub(super) fn page(statement: &Statement) -> String {
    let mut page = format!("# {}\n\n", escaped(statement.title));
    let mut put = |text: String| {
        let _ = write!(page, "{text}\n\n"); // a String takes everything
    };
    put(format!("**{}**", escaped(&statement.office)));
    if let Some((said, link)) = &statement.outdated {
        let link = link
            .as_ref()
            .map(|link| format!(" {}", linked(link)))
            .unwrap_or_default();
        put(format!("**{}**{link}", escaped(said)));
    }
    put(escaped(statement.introduction));
    for section in &statement.sections {
        put(format!("## {}", escaped(section.title)));
        for block in &section.blocks {
            put(block_of(statement, block));
        }
    }
    page.truncate(page.trim_end().len());
    page.push('\n');
    page
}

fn block_of(statement: &Statement, block: &Block) -> String {
    let list = |items: Vec<String>| {
        items
            .iter()
            .map(|item| format!("- {item}"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    match block {
        Block::Says(text) | Block::Explains(text) => escaped(text),
        Block::Declares(text) => format!("> **{}.** {}", statement.declaration(), escaped(text)),
        Block::List(items) | Block::Ends(items) => list(items.iter().map(|item| escaped(item)).collect()),
        Block::Facts(facts) => list(
            facts
                .iter()
                .map(|(name, cell)| format!("{}: {}", escaped(name), cell_of(cell, statement.lang)))
                .collect(),
        ),
        Block::Table(table) => table_of(table, statement.lang),
    }
}

fn table_of(table: &Table, lang: Lang) -> String {
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let mut lines = vec![
        format!("**{}**\n", escaped(table.caption)),
        line(table.heads.iter().map(|head| escaped(head)).collect()),
        line(table.heads.iter().map(|_| "---".to_owned()).collect()),
    ];
    lines.extend(
        table
            .rows
            .iter()
            .map(|row| line(row.iter().map(|cell| cell_of(cell, lang)).collect())),
    );
    lines.join("\n")
}

fn cell_of(cell: &Cell, lang: Lang) -> String {
    match cell {
        Cell::Link(link) => linked(link),
        other => escaped(&other.plain(lang)),
    }
}

fn linked(link: &Link) -> String {
    // A path or an address of ours; what could end the link early is not in a URL as it is.
    let to = link.to.replace('<', "%3C").replace('>', "%3E").replace('\\', "%5C");
    format!("[{}](<{to}>)", escaped(&link.text))
}

/// On one line, each sign that could be markup behind a backslash (CommonMark 0.31, section 2.4).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, word) in text.split_whitespace().enumerate() {
        if at > 0 {
            escaped.push(' ');
        }
        // What begins a list or a heading does so at the beginning only.
        let digits = word.bytes().take_while(u8::is_ascii_digit).count();
        for (place, sign) in word.char_indices() {
            let first = at == 0 && place == 0 && matches!(sign, '-' | '+' | '=');
            let numbered = at == 0 && place > 0 && place == digits && matches!(sign, '.' | ')');
            if first || numbered || "\\`*_[]<>#|~&!".contains(sign) {
                escaped.push('\\');
            }
            escaped.push(sign);
        }
    }
    escaped
}
