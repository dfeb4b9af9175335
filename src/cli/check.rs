//! `townclerk check`: whether the files are right, and what they mean. It opens no port and no journal.

use std::io::{self, Write};
use std::path::Path;

use clap::ValueEnum;
use serde_json::{Value, json};

use super::sample::{self, Sample};
use super::{acme, certificates, warnings};
use crate::clock::Clock;
use crate::config::{Config, Site};
use crate::cookies::{Keys, KeysError};
use crate::journal::{Durability, Format, OnFailure};
use crate::policy::{AllowedHost, Ends, Lang, Mode, Policy, Retention, ThirdParties, Unlisted};
use crate::reader::{Bytes, Fault, Faults, Span};

/// How it is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Form {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Reads a `townclerk.toml` and every file it names. Says all that is wrong with them, or what they mean; the sentences
/// for visitors in one language. True if nothing is wrong.
///
/// # Errors
///
/// Only those of `out`.
pub(super) fn check(
    config: &Path,
    lang: Lang,
    form: Form,
    sample: &Sample,
    clock: &Clock,
    out: &mut dyn Write,
) -> io::Result<bool> {
    let file = config;
    let read = Config::load(file).and_then(|config| {
        let warnings = warnings::of(&config, clock.now());
        let mut warnings = warnings.map_err(|error| certificates::fault(file, &error))?;
        warnings.extend(warnings::of_file(file));
        for keys in config.sites.iter().filter_map(|site| site.cookie_keys.as_deref()) {
            match Keys::load(keys) {
                Ok(_) | Err(KeysError::Missing) => {} // like the journal, it is made later
                Err(error) => return Err(cookie_fault(file, keys, &error)),
            }
        }
        Ok((config, warnings))
    });
    match (&read, form) {
        (Ok((config, warnings)), Form::Text) => {
            tell(config, out)?;
            for warning in warnings {
                writeln!(out, "warning: {warning}")?;
            }
            for site in &config.sites {
                tell_site(site, lang, out)?;
                sample::show(sample, site, lang, clock, out)?;
            }
        }
        (Ok((config, warnings)), Form::Json) => json(
            out,
            json!({ "faults": [], "warnings": warnings, "means": config_json(config) }),
        )?,
        (Err(faults), Form::Text) => writeln!(out, "{faults}\n{}", count(faults))?,
        (Err(faults), Form::Json) => json(out, json!({ "faults": faults.to_json() }))?,
    }
    Ok(read.is_ok())
}

/// Keys for cookies that cannot be used, as a fault of the configuration that names them.
fn cookie_fault(config: &Path, keys: &Path, error: &KeysError) -> Faults {
    let mut faults = Faults::new();
    faults.push(Fault {
        file: config.display().to_string(),
        place: None,
        found: format!("{}: {error}", keys.display()),
        remedy: error.remedy().to_owned(),
    });
    faults
}

fn count(faults: &Faults) -> String {
    match faults.len() {
        1 => "1 fault".to_owned(),
        many => format!("{many} faults"),
    }
}

fn json(out: &mut dyn Write, value: Value) -> io::Result<()> {
    writeln!(out, "{value:#}")
}

fn tell(config: &Config, out: &mut dyn Write) -> io::Result<()> {
    let mut table = Table::default();
    table.row("http", [list(&config.http)]);
    table.row("https", [list(&config.https)]);
    if !config.tls.is_empty() {
        let files: Vec<_> = config.tls.iter().map(|tls| tls.certificate.display()).collect();
        table.row("certificates", [list(&files)]);
    }
    acme::tell(config, |head, what| table.row(head, [what]));
    table.row("workers", [config.workers.to_string()]);
    table.row("trusted proxies", [list(&config.trusted_proxies)]);
    if !config.proxy_protocol.is_empty() {
        table.row("PROXY protocol", [list(&config.proxy_protocol)]);
    }
    table.row(
        "name servers",
        [if config.resolver.servers.is_empty() {
            "of the system".into()
        } else {
            list(&config.resolver.servers)
        }],
    );
    table.write(out)
}

fn tell_site(site: &Site, lang: Lang, out: &mut dyn Write) -> io::Result<()> {
    let policy = &site.policy;
    writeln!(out)?;
    let mut table = Table::default();
    table.row("site", [list(&site.hosts)]);
    table.row("upstream", [site.upstream.to_string()]);
    table.row("journal", [journal(site)]);
    table.row(
        "policy",
        [format!(
            "{}, version {}, effective from {}",
            site.policy_file.display(),
            policy.version,
            policy.effective
        )],
    );
    table.row("controller", [policy.controller.name.clone()]);
    table.row("purpose", [policy.access.purpose.get(lang).to_owned()]);
    table.row("retention", [policy.access.retention.sentence(lang)]);
    if let Some(addresses) = &policy.addresses {
        table.row("addresses", [addresses.purpose.get(lang).to_owned()]);
        table.row("", [addresses.retention().sentence(lang)]);
    }
    table.row(
        "redaction",
        [policy.access.redact.sentence(lang).unwrap_or_else(|| "none".to_owned())],
    );
    table.row("cookies", [cookies(policy).to_owned()]);
    if let Some(keys) = &site.cookie_keys {
        table.row("", [format!("sealed with the key in {}", keys.display())]);
    }
    table.row("third parties", [third_parties(policy).to_owned()]);
    table.write(out)?;

    writeln!(out, "\nWhat is kept of a request, and what a visitor is told:")?;
    let mut table = Table::default();
    for kept in policy.kept() {
        table.row(kept.field.key(), [kept.treatment.to_string(), kept.sentence(lang)]);
    }
    table.write(out)?;

    if !policy.cookies.allowed.is_empty() {
        writeln!(out, "\nCookies that pass, what they remember, and when they end:")?;
        let mut table = Table::default();
        for cookie in &policy.cookies.allowed {
            let ends = policy.cookies.ends_sentence(&cookie.ends, lang);
            table.row(&cookie.name.to_string(), [cookie.purpose.get(lang).to_owned(), ends]);
        }
        table.write(out)?;
    }
    if let Some(mark) = &policy.cookies.first_page {
        writeln!(out, "\nThe mark of the first page, which never reaches the CMS:")?;
        let mut table = Table::default();
        let ends = policy.cookies.ends_sentence(&Ends::default(), lang);
        table.row(&mark.name, [mark.purpose.get(lang).to_owned(), ends]);
        table.write(out)?;
    }
    let listed = policy.third_parties.iter().flat_map(|rules| &rules.allowed);
    let mut table = Table::default();
    listed.for_each(|site| table.row(&site.host.to_string(), [site.purpose.get(lang).to_owned()]));
    if !table.0.is_empty() {
        writeln!(out, "\nOther sites that pages may call, and why:")?;
        table.write(out)?;
    }
    Ok(())
}

fn journal(site: &Site) -> String {
    let journal = &site.journal;
    let on_failure = match journal.on_failure {
        OnFailure::Refuse => "what cannot be recorded is refused",
        OnFailure::ServeAndCount => "what cannot be recorded is served and counted",
    };
    let packed = journal.closed.as_ref().map(|closed| {
        let how = match (closed.compress, closed.encrypt_to.is_empty()) {
            (true, true) => "compressed",
            (true, false) => "compressed and encrypted",
            (false, _) => "encrypted",
        };
        format!("; {how} after {}", Span(closed.after))
    });
    format!(
        "{}, {}, segments of a day or {}, on the disk within {}{}{}; {on_failure}",
        journal.folder.display(),
        format(journal.format),
        Bytes(journal.segment_bytes),
        Span(journal.sync_interval),
        match journal.durability {
            Durability::Interval => "",
            Durability::Strict => ", arrivals before the answer",
        },
        packed.unwrap_or_default(),
    )
}

fn format(format: Format) -> &'static str {
    match format {
        Format::JsonLines => "JSON Lines",
        Format::Combined => "Combined Log Format",
    }
}

fn cookies(policy: &Policy) -> &'static str {
    match (
        policy.cookies.mode,
        policy.cookies.unlisted,
        policy.cookies.expire_unlisted,
    ) {
        (Mode::Observe, ..) => "observed: nothing is changed, what would be is counted",
        (Mode::Enforce, Unlisted::Strip, false) => "enforced: those not listed below are stripped",
        (Mode::Enforce, Unlisted::Strip, true) => {
            "enforced: those not listed below are stripped, and deleted in the browser"
        }
        (Mode::Enforce, Unlisted::Limit, false) => "enforced: those not listed below are limited to the session",
        (Mode::Enforce, Unlisted::Limit, true) => {
            "enforced: those not listed below are limited to the session, and deleted in the browser"
        }
    }
}

fn third_parties(policy: &Policy) -> &'static str {
    match policy
        .third_parties
        .as_ref()
        .map(|rules| (rules.mode, rules.allowed.is_empty()))
    {
        None => "the policy says nothing of them: pages may call any site",
        Some((Mode::Observe, _)) => "observed: pages may call any site, and browsers report those not listed",
        Some((Mode::Enforce, true)) => "enforced: browsers are told to call no other site",
        Some((Mode::Enforce, false)) => "enforced: browsers are told to call no other site but those listed below",
    }
}

fn config_json(config: &Config) -> Value {
    let sites: Vec<_> = config.sites.iter().map(site_json).collect();
    json!({
        "http": config.http,
        "https": config.https,
        "acme": acme::to_json(config),
        "workers": config.workers,
        "trusted_proxies": config.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "proxy_protocol": config.proxy_protocol,
        "sites": sites,
    })
}

fn site_json(site: &Site) -> Value {
    let policy = &site.policy;
    let days = match policy.access.retention {
        Retention::Unlimited => None,
        Retention::Days(days) => Some(days),
    };
    let kept = policy.kept().map(|kept| {
        json!({
            "field": kept.field.key(),
            "treatment": kept.treatment.to_string(),
            "retention_days": kept.days.or(days),
            "pl": kept.sentence(Lang::Pl),
            "en": kept.sentence(Lang::En),
        })
    });
    let allowed = policy.cookies.allowed.iter().map(|cookie| {
        let told = |lang| {
            format!(
                "{} {}",
                cookie.purpose.get(lang),
                policy.cookies.ends_sentence(&cookie.ends, lang)
            )
        };
        json!({ "name": cookie.name.to_string(), "pl": told(Lang::Pl), "en": told(Lang::En) })
    });
    json!({
        "hosts": site.hosts,
        "upstream": site.upstream.to_string(),
        "journal": site.journal.folder.display().to_string(),
        "cookie_keys": site.cookie_keys.as_ref().map(|file| file.display().to_string()),
        "policy": {
            "file": site.policy_file.display().to_string(),
            "version": policy.version,
            "effective": policy.effective.to_string(),
            "controller": policy.controller.name,
            "retention_days": days,
            "kept": kept.collect::<Vec<_>>(),
            "cookies": allowed.collect::<Vec<_>>(),
            "first_page": policy.cookies.first_page.as_ref().map(|mark| {
                json!({ "name": mark.name, "pl": mark.purpose.pl, "en": mark.purpose.en })
            }),
            "third_parties": policy.third_parties.as_ref().map(third_parties_json),
        },
    })
}

fn third_parties_json(rules: &ThirdParties) -> Value {
    let site =
        |site: &AllowedHost| json!({ "host": site.host.to_string(), "pl": site.purpose.pl, "en": site.purpose.en });
    json!({
        "mode": if rules.mode == Mode::Enforce { "enforce" } else { "observe" },
        "allowed": rules.allowed.iter().map(site).collect::<Vec<_>>(),
    })
}

fn list(items: &[impl ToString]) -> String {
    if items.is_empty() {
        return "none".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Rows whose columns stand below each other.
#[derive(Default)]
struct Table(Vec<Vec<String>>);

impl Table {
    fn row<const N: usize>(&mut self, head: &str, cells: [String; N]) {
        let one_line = |cell: String| cell.split_whitespace().collect::<Vec<_>>().join(" ");
        self.0
            .push(std::iter::once(head.to_owned()).chain(cells).map(one_line).collect());
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let width = |column: usize| {
            let cells = self.0.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or_default()
        };
        for row in &self.0 {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                line += &format!("{cell:<width$}  ", width = width(column));
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(config: &Path, lang: Lang, form: Form) -> (bool, String) {
        let mut out = Vec::new();
        let clock = Clock::set_to("2026-11-21T12:00:00Z".parse().unwrap());
        let right = check(config, lang, form, &Sample::default(), &clock, &mut out).unwrap();
        (right, String::from_utf8(out).unwrap())
    }

    fn example() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("config/townclerk.toml")
    }

    #[test]
    fn the_right_files_are_told_with_every_sentence() {
        for lang in [Lang::Pl, Lang::En] {
            let (right, said) = said(&example(), lang, Form::Text);
            assert!(right);
            let policy = Config::load(&example()).unwrap().sites.remove(0).policy;
            for kept in policy.kept() {
                assert!(said.contains(&kept.sentence(lang)), "{said}");
            }
            assert!(said.contains(policy.cookies.allowed[0].purpose.get(lang)));
            assert!(said.contains("\nupstream       http://127.0.0.1:8000\n"), "{said}");
            assert!(said.contains("\nthird parties  enforced: "), "{said}");
            assert!(said.lines().all(|line| line == line.trim_end()));
        }
    }

    #[test]
    fn a_request_is_shown_as_it_is_kept_and_its_cookies_before_and_after() {
        let (_, said) = said(&example(), Lang::En, Form::Text);
        let kept = said.lines().find(|line| line.starts_with("  kept  ")).unwrap();
        assert!(
            kept.contains("2026-11-21T12:00:00.000Z") && kept.contains("[email]") && kept.contains("[pesel]"),
            "{kept}"
        );
        assert!(!kept.contains("kowalski") && !kept.contains("44051401359"), "{kept}");
        assert!(
            said.contains("\n  _ga=GA1.2.1234567890.1700000000  does not reach the CMS: not in the policy\n"),
            "{said}"
        );
        assert!(
            said.contains(
                "\n  after   PHPSESSID=(sealed); Path=/; HttpOnly; SameSite=Lax  (limited, and its value sealed"
            ),
            "{said}"
        );
        assert!(said.contains("(a deletion, passes as it is"), "{said}");
        assert!(
            said.contains("\n  after   nothing  (stripped: not in the policy)\n"),
            "{said}"
        );
    }

    #[test]
    fn the_right_files_are_json_without_faults() {
        let (right, said) = said(&example(), Lang::Pl, Form::Json);
        let json: Value = serde_json::from_str(&said).unwrap();
        assert!(right);
        assert_eq!(json["faults"], json!([]));
        assert_eq!(json["means"]["http"], json!(["127.0.0.1:8080"]));
        assert_eq!(json["means"]["sites"][0]["policy"]["kept"][0]["field"], "arrived");
    }

    #[test]
    fn the_key_for_cookies_is_looked_at_and_their_ends_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: String| std::fs::write(folder.path().join(name), text).unwrap();
        let policy = include_str!("../../config/policy.toml");
        let limits = "idle = \"30 min\"\npresets = [\"wordpress\"]\nexpire_unlisted = false\n";
        put("policy.toml", policy.replace("expire_unlisted = false\n", limits));
        let config = include_str!("../../config/townclerk.toml");
        put(
            "townclerk.toml",
            config.replace("#key = \"../journal.cookies.key\"", "key = \"cookies.key\""),
        );
        let file = folder.path().join("townclerk.toml");
        let (right, text) = said(&file, Lang::En, Form::Text);
        assert!(right && text.contains("sealed with the key in "), "{text}");

        put("cookies.key", "x\n".to_owned());
        let (right, text) = said(&file, Lang::En, Form::Text);
        assert!(
            !right && text.contains("cookies.key: others can read the key\n  hint: "),
            "{text}"
        );

        std::fs::remove_file(folder.path().join("cookies.key")).unwrap();
        Keys::create(&folder.path().join("cookies.key")).unwrap();
        let (right, text) = said(&file, Lang::En, Form::Text);
        assert!(right, "{text}");
        let told = |name: &str| {
            text.lines()
                .find(|line| line.starts_with(name))
                .expect("a line")
                .to_owned()
        };
        assert!(told("PHPSESSID ").contains("at the latest: 30 minutes after the last request"));
        assert!(told("wp_lang ").contains("which some browsers make last for weeks"));
        assert!(
            text.contains(
                "  after   PHPSESSID=(sealed); Path=/; HttpOnly; SameSite=Lax  (limited, and its value sealed"
            )
        );
        assert!(
            text.contains("PHPSESSID=a1b2  reaches the CMS if it comes sealed, and has not ended"),
            "{text}"
        );
    }

    #[test]
    fn faults_are_told_all_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("townclerk.toml");
        std::fs::write(&path, "[listen]\nhttp = [\"80\"]\n").unwrap();
        let (right, text) = said(&path, Lang::En, Form::Text);
        assert!(!right);
        let expected = "townclerk.toml:1:1: there is no site\n  \
                        hint: add [[site]] with hosts, upstream, policy and journal\n\
                        townclerk.toml:2:9: \"80\" in http is not an IP address with a port\n  \
                        hint: write it like \"0.0.0.0:80\" or \"[::]:80\"\n2 faults\n";
        assert_eq!(text.replace(&format!("{}/", folder.path().display()), ""), expected);
        let (right, json) = said(&path, Lang::En, Form::Json);
        let json: Value = serde_json::from_str(&json).unwrap();
        assert!(!right);
        assert_eq!(
            (json["faults"][1]["line"].clone(), json["faults"][1]["column"].clone()),
            (json!(2), json!(9))
        );
    }
}
