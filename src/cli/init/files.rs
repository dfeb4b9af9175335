//! The two files, drafted from those that are shipped.

use std::net::IpAddr;
use std::path::Path;

use jiff::civil::Date;

use super::sheet::{NoPlace, OPEN, Sheet, list, quoted, wrapped};
use crate::cli::journal::readable;
use crate::config::{Origin, Upstream};
use crate::policy::{NamePattern, PRESETS, Preset};
use crate::survey::{Cookie, Foreign, Lasts, Survey};

const TOWNCLERK: &str = include_str!("../../../config/townclerk.toml");
const POLICY: &str = include_str!("../../../config/policy.toml");

/// The files' names.
pub(super) const NAMES: [&str; 2] = ["townclerk.toml", "policy.toml"];

/// What was found, and where it was looked for.
pub(super) struct Found<'a> {
    /// As it was told: `http://cms:80`.
    pub(super) url: &'a str,
    pub(super) upstream: &'a Upstream,
    pub(super) ca: Option<&'a Path>,
    /// Whether the site's name was told.
    pub(super) is_named: bool,
    pub(super) survey: &'a Survey,
    pub(super) today: Date,
}

impl Found<'_> {
    /// `townclerk.toml`.
    pub(super) fn townclerk(&self) -> Result<String, NoPlace> {
        let Survey {
            host,
            lenient,
            is_secure,
            ..
        } = self.survey;
        let mut sheet = Sheet::of(TOWNCLERK);
        sheet.introduce(&self.introduction());
        if self.is_our_listener() {
            sheet.set("[listen]", "http", &list(["127.0.0.1:8081"]))?;
        }
        if *is_secure {
            let remark = format!(
                "{OPEN} The site calls itself https. Either give townclerk its certificate, with [tls] and https below, or \
                 name the proxy that does TLS before it in trusted_proxies."
            );
            sheet.remark("[listen]", "http", &remark)?;
        }
        let site = "[[site]]";
        if self.names_are_known() {
            sheet.set(site, "hosts", &list([host.as_str()]))?;
            if self.survey.renamed {
                sheet.remark(site, "hosts", "The site calls itself so: it sent us to this name.")?;
            }
        } else {
            let local = ["localhost", "127.0.0.1"];
            let other = Some(host.as_str()).filter(|host| !local.contains(host));
            sheet.set(site, "hosts", &list(other.into_iter().chain(local)))?;
            let remark =
                format!("{OPEN} The names by which visitors call the site could not be known. Write them here.");
            sheet.remark(site, "hosts", &remark)?;
        }
        let upstream = "[site.upstream]";
        sheet.set(upstream, "url", &quoted(self.url))?;
        if self.is_reached_by_its_own_name() {
            let remark = format!(
                "{OPEN} This is the name by which visitors call the site. Before it leads to townclerk, write here where the \
                 CMS itself can be reached; otherwise townclerk would ask itself."
            );
            sheet.remark(upstream, "url", &remark)?;
        }
        if let Some(ca) = self.ca {
            let line = format!("ca = {}", quoted(&ca.to_string_lossy()));
            sheet.add_behind(upstream, "#   ca = ", &[line])?;
        }
        let faults: Vec<_> = lenient.words().collect();
        if !faults.is_empty() {
            sheet.set(upstream, "lenient", &list(faults))?;
            sheet.remark(upstream, "lenient", "Without this its answers could not be understood.")?;
        }
        sheet.set("[site.journal]", "folder", &quoted("journal"))?;
        sheet.set_default("[site.journal]", "key", &quoted("journal.key"))?;
        sheet.set_default("[site.cookies]", "key", &quoted("journal.cookies.key"))?;
        Ok(sheet.into_text())
    }

    /// `policy.toml`.
    pub(super) fn policy(&self) -> Result<String, NoPlace> {
        let mut sheet = Sheet::of(POLICY);
        sheet.introduce(&self.introduction());
        sheet.set("", "version", &quoted(&format!("{}-1", self.today.year())))?;
        sheet.set("", "effective", &self.today.to_string())?;
        for key in ["name", "address", "contact"] {
            sheet.set("[controller]", key, &quoted(OPEN))?;
        }
        sheet.set("[cookies]", "mode", &quoted("observe"))?;
        let presets: Vec<_> = self.presets().map(|preset| preset.name).collect();
        if !presets.is_empty() {
            let line = format!("presets = {}", list(presets));
            sheet.add_behind("[cookies]", "#   presets = ", &[String::new(), line])?;
        }
        sheet.replace_section("[[cookies.allow]]", &self.unlisted_cookies())?;
        sheet.set("[third_parties]", "mode", &quoted("observe"))?;
        sheet.add_behind("[third_parties]", "#   purpose.en = ", &self.foreign_hosts())?;
        Ok(sheet.into_text())
    }

    /// The presets that list what was seen: that of the CMS first, then those of what else sets cookies here.
    pub(super) fn presets(&self) -> impl Iterator<Item = &'static Preset> {
        let cms = self.survey.made_with.as_ref().map(|made_with| made_with.preset);
        let others = PRESETS.iter().filter(move |preset| {
            let is_other = preset.signs.log_in.is_empty() && cms.is_none_or(|cms| cms.name != preset.name);
            let lists = |name: &String| preset.covers_named(name) && cms.is_none_or(|cms| !cms.covers_named(name));
            is_other && self.survey.cookies.keys().any(lists)
        });
        cms.into_iter().chain(others)
    }

    /// The preset that lists a cookie, of those that the policy names.
    pub(super) fn listed_by(&self, name: &str) -> Option<&'static str> {
        let preset = self.presets().find(|preset| preset.covers_named(name))?;
        Some(preset.name)
    }

    fn introduction(&self) -> String {
        format!(
            "Drafted by `townclerk init` on {} from what {} showed. Three question marks stand where something could not be \
             known: write it there. `townclerk check` tells how many are left.",
            self.today, self.url
        )
    }

    /// A listing for each cookie that no preset has, behind a `#` each.
    fn unlisted_cookies(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (name, cookie) in &self.survey.cookies {
            if self.listed_by(name).is_some() || NamePattern::parse(name).is_err() {
                continue;
            }
            if !lines.is_empty() {
                lines.push("#".to_owned());
            }
            let told = format!(
                "{OPEN} The site sets it {}. If the site needs it, take away the # before these lines and say what it \
                 remembers; otherwise take the lines away.",
                seen(cookie)
            );
            lines.extend(wrapped(&told));
            lines.push("# [[cookies.allow]]".to_owned());
            lines.push(format!("# name = {}", quoted(name)));
            lines.push("# purpose.pl = \"…\"".to_owned());
            lines.push("# purpose.en = \"…\"".to_owned());
        }
        lines
    }

    /// A listing for each host of others, behind a `#` each.
    fn foreign_hosts(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for (host, Foreign { uses, called_on }) in &self.survey.foreign {
            let uses: Vec<_> = uses.iter().map(|one| one.name()).collect();
            let pages: Vec<_> = called_on.iter().map(|path| readable(path)).collect();
            let told = format!(
                "{OPEN} Pages call it ({}; on {}), so it learns each visitor's address. Take it out of the pages; or take \
                 away the # before these lines and say what for; otherwise take the lines away.",
                uses.join(", "),
                pages.join(", ")
            );
            lines.push(String::new());
            lines.extend(wrapped(&told));
            lines.push("# [[third_parties.allow]]".to_owned());
            lines.push(format!("# host = {}", quoted(&readable(host))));
            lines.push("# purpose.pl = \"…\"".to_owned());
            lines.push("# purpose.en = \"…\"".to_owned());
        }
        lines
    }

    /// Whether visitors are known to call the site by this name.
    pub(super) fn names_are_known(&self) -> bool {
        let host = self.survey.host.as_str();
        let is_name = host.parse::<IpAddr>().is_err() && !host.starts_with('[') && host.contains('.');
        self.is_named || is_name
    }

    /// Whether the CMS is asked by the very name that is to lead to townclerk.
    fn is_reached_by_its_own_name(&self) -> bool {
        self.names_are_known() && self.hosts().any(|(host, _)| host == self.survey.host)
    }

    /// Whether the CMS is where townclerk would listen unless told otherwise.
    fn is_our_listener(&self) -> bool {
        self.hosts()
            .any(|(host, port)| port == 8080 && (host == "localhost" || host.starts_with("127.") || host == "::1"))
    }

    fn hosts(&self) -> impl Iterator<Item = (&str, u16)> {
        self.upstream.origins.iter().filter_map(|origin| match origin {
            Origin::Http { host, port } | Origin::Https { host, port } => Some((host.as_str(), *port)),
            Origin::Unix(_) => None,
        })
    }
}

/// When, and for how long.
fn seen(cookie: &Cookie) -> String {
    let pages: Vec<_> = cookie.set_on.iter().map(|path| readable(path)).collect();
    let lasts = match cookie.lasts {
        Lasts::Deleted => "and has only deleted it so far".to_owned(),
        Lasts::Session => "until the browser is closed".to_owned(),
        Lasts::For(time) => format!(
            "for {}",
            crate::cli::demo::lasts(crate::policy::Lang::En, time.as_secs())
        ),
    };
    format!("on {} {lasts}", pages.join(", "))
}

/// What is left open in a file: numbers of lines, from 1.
pub(in crate::cli) fn left_open(text: &str) -> Vec<usize> {
    let lines = text.lines().enumerate();
    lines
        .filter(|(_, line)| line.contains(OPEN))
        .map(|(at, _)| at + 1)
        .collect()
}
