//! A statement as plain text, for a notice board or a terminal.

use super::{Block, Lang, Statement, Table};

/// Letters in a line.
const WIDTH: usize = 80;

pub(super) fn page(statement: &Statement) -> String {
    let mut lines = vec![statement.title.to_uppercase()];
    lines.extend(wrapped(&statement.office, ""));
    if let Some((said, link)) = &statement.outdated {
        lines.push(String::new());
        lines.extend(wrapped(said, ""));
        lines.extend(link.iter().flat_map(|link| wrapped(&link.text, "")));
    }
    lines.push(String::new());
    lines.extend(wrapped(statement.introduction, ""));
    for section in &statement.sections {
        lines.extend([String::new(), String::new(), section.title.to_owned()]);
        lines.push("-".repeat(section.title.chars().count()));
        for block in &section.blocks {
            lines.push(String::new());
            lines.extend(block_of(statement, block));
        }
    }
    lines.join("\n") + "\n"
}

fn block_of(statement: &Statement, block: &Block) -> Vec<String> {
    match block {
        Block::Says(text) | Block::Explains(text) => wrapped(text, ""),
        Block::Declares(text) => wrapped(&format!("[{}] {text}", statement.declaration()), "  "),
        Block::List(items) | Block::Ends(items) => items.iter().flat_map(|item| listed(item)).collect(),
        Block::Facts(facts) => facts
            .iter()
            .flat_map(|(name, cell)| listed(&format!("{name}: {}", cell.plain(statement.lang))))
            .collect(),
        Block::Table(table) => table_of(table, statement.lang),
    }
}

/// A row is a paragraph of its own, so that it can be read at any width.
fn table_of(table: &Table, lang: Lang) -> Vec<String> {
    let mut lines = wrapped(&format!("{}:", table.caption), "");
    for row in &table.rows {
        lines.push(String::new());
        for (head, cell) in table.heads.iter().zip(row) {
            lines.extend(wrapped(&format!("{head}: {}", cell.plain(lang)), "  "));
        }
    }
    lines
}

fn listed(item: &str) -> Vec<String> {
    let mut lines = wrapped(item, "  ");
    if let Some(first) = lines.first_mut() {
        first.replace_range(..1, "-");
    }
    lines
}

/// Lines of whole words behind an indent; a word that is longer than a line has one of its own.
fn wrapped(text: &str, indent: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let width = |text: &str| text.chars().count();
    for word in text.split_whitespace() {
        if !line.is_empty() && width(indent) + width(&line) + 1 + width(word) > WIDTH {
            lines.push(format!("{indent}{line}"));
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines.push(format!("{indent}{line}"));
    lines
}
