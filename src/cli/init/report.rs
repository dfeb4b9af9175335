//! What a look at the site showed, for people and for programs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::files::{Found, left_open};
use super::words::Words;
use crate::cli::demo;
use crate::cli::journal::readable;
use crate::cli::table::{Paint, short, table};
use crate::policy::Lang;
use crate::survey::{Bound, Cookie, Lasts, Survey};

/// Names and signs are cut to so many letters: a site may call itself anything.
const WIDTH: usize = 60;

pub(super) struct Report<'a> {
    pub(super) found: &'a Found<'a>,
    /// The files, with their texts.
    pub(super) files: &'a [(PathBuf, String)],
}

impl Report<'_> {
    /// Tables, and what to do next.
    pub(super) fn text(&self, lang: Lang, paint: Paint) -> String {
        let words = Words::of(lang);
        [
            self.site(words, paint),
            self.cookies(words, lang, paint),
            self.foreign(words, paint),
            self.written(words, paint),
            self.next(words, paint),
        ]
        .join("\n")
    }

    fn survey(&self) -> &Survey {
        self.found.survey
    }

    fn site(&self, words: &Words, paint: Paint) -> String {
        let survey = self.survey();
        let mut text = paint.strong(&format!("{}, {}", self.found.url, (words.read)(survey.pages.len()))) + "\n";
        let mut rows = vec![(words.of_host, readable(&survey.host))];
        match &survey.made_with {
            Some(made_with) => {
                rows.push((words.made_with, made_with.preset.signs.title.to_owned()));
                let signs: Vec<_> = made_with.signs.iter().map(|sign| clean(&sign.to_string())).collect();
                rows.push((words.signs, signs.join(", ")));
            }
            None => rows.push((words.made_with, words.unknown.to_owned())),
        }
        rows.push((
            words.log_in,
            match survey.log_ins.first() {
                Some(path) => clean(path),
                None => words.no_log_in.to_owned(),
            },
        ));
        let width = rows
            .iter()
            .map(|(name, _)| name.chars().count())
            .max()
            .unwrap_or_default();
        for (name, value) in rows {
            text += &format!("   {}  {value}\n", paint.quiet(&format!("{name:width$}")));
        }
        if let Some(bound) = survey.bound {
            text += &format!("   {}\n", (words.bound)(bound));
        }
        if survey.unread > 0 {
            text += &format!("   {}\n", (words.unread)(survey.unread));
        }
        text
    }

    fn cookies(&self, words: &Words, lang: Lang, paint: Paint) -> String {
        let row = |(name, cookie): (&String, &Cookie)| {
            [
                if name.is_empty() {
                    words.no_name.to_owned()
                } else {
                    clean(name)
                },
                match cookie.lasts {
                    Lasts::Deleted => words.deleted.to_owned(),
                    Lasts::Session => words.session.to_owned(),
                    Lasts::For(time) => demo::lasts(lang, time.as_secs()),
                },
                places(&cookie.set_on),
                self.found.listed_by(name).unwrap_or(words.unlisted).to_owned(),
            ]
        };
        let rows: Vec<_> = self.survey().cookies.iter().map(row).collect();
        titled(words.cookies, words.cookie_heads, &rows, words.no_cookies, paint)
    }

    fn foreign(&self, words: &Words, paint: Paint) -> String {
        let rows: Vec<_> = self
            .survey()
            .foreign
            .iter()
            .map(|(host, foreign)| {
                let uses: Vec<_> = foreign.uses.iter().map(|what| (words.uses)(*what)).collect();
                [clean(host), uses.join(", "), places(&foreign.called_on)]
            })
            .collect();
        titled(words.foreign, words.foreign_heads, &rows, words.no_foreign, paint)
    }

    fn written(&self, words: &Words, paint: Paint) -> String {
        let mut text = paint.strong(words.written) + "\n";
        for (path, draft) in self.files {
            let open = left_open(draft);
            let open = if open.is_empty() {
                String::new()
            } else {
                format!("   {}", (words.open)(&open))
            };
            text += &format!("   {}{open}\n", path.display());
        }
        text
    }

    fn next(&self, words: &Words, paint: Paint) -> String {
        let config = self
            .files
            .first()
            .map(|(path, _)| path.display().to_string())
            .unwrap_or_default();
        let mut text = paint.strong(words.next) + "\n";
        let steps = [
            (words.fill_in, ""),
            (words.check, "check"),
            (words.make_journal, "journal init"),
            (words.serve, "serve"),
            (words.look, "cookies"),
            (words.enforce, ""),
        ];
        for (number, (what, command)) in (1..).zip(steps) {
            text += &format!("   {number}. {what}\n");
            if !command.is_empty() {
                text += &format!("      townclerk {command} --config {config}\n");
            }
        }
        text
    }

    /// Everything, by its names in English.
    pub(super) fn json(&self) -> Value {
        let survey = self.survey();
        let made_with = survey.made_with.as_ref().map(|made_with| {
            let signs: Vec<_> = made_with.signs.iter().map(ToString::to_string).collect();
            json!({ "name": made_with.preset.signs.title, "preset": made_with.preset.name, "signs": signs })
        });
        let cookies = survey.cookies.iter().map(|(name, cookie)| {
            let (lasts, seconds) = match cookie.lasts {
                Lasts::Deleted => ("deleted", None),
                Lasts::Session => ("session", None),
                Lasts::For(time) => ("time", Some(time.as_secs())),
            };
            json!({
                "name": name,
                "lasts": lasts,
                "seconds": seconds,
                "set_on": cookie.set_on,
                "preset": self.found.listed_by(name),
            })
        });
        let foreign = survey.foreign.iter().map(|(host, foreign)| {
            let uses: Vec<_> = foreign.uses.iter().map(|what| what.name()).collect();
            json!({ "host": host, "uses": uses, "called_on": foreign.called_on })
        });
        let files = self
            .files
            .iter()
            .map(|(path, draft)| json!({ "path": path, "open": left_open(draft) }));
        let pages = survey
            .pages
            .iter()
            .map(|(path, status)| json!({ "path": path, "status": status }));
        json!({
            "upstream": self.found.url,
            "host": survey.host,
            "host_is_known": self.found.names_are_known(),
            "https": survey.is_secure,
            "made_with": made_with,
            "log_in": survey.log_ins,
            "pages": pages.collect::<Vec<_>>(),
            "unread": survey.unread,
            "ended_by": survey.bound.map(|bound| match bound {
                Bound::Pages => "pages",
                Bound::Bytes => "bytes",
                Bound::Time => "time",
            }),
            "cookies": cookies.collect::<Vec<_>>(),
            "foreign": foreign.collect::<Vec<_>>(),
            "files": files.collect::<Vec<_>>(),
        })
    }
}

fn titled<const COLUMNS: usize>(
    title: &str,
    heads: [&str; COLUMNS],
    rows: &[[String; COLUMNS]],
    none: &str,
    paint: Paint,
) -> String {
    let below = match rows {
        [] => format!("   {none}\n"),
        rows => table(heads, rows, paint),
    };
    format!("{}\n{below}", paint.strong(title))
}

fn places(paths: &BTreeSet<String>) -> String {
    let paths: Vec<_> = paths.iter().map(|path| clean(path)).collect();
    paths.join(", ")
}

fn clean(text: &str) -> String {
    short(&readable(text), WIDTH)
}
