//! `townclerk selftest`: a visitor of our own goes through the running proxy, and a dated record says whether what
//! happened to it is what the policy promises.

mod proof;
mod record;
mod visit;

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;

use self::proof::Proof;
use self::record::Record;
use self::visit::Visit;
use super::check::Form;
use super::language::Language;
use super::serve;
use super::speech::{self, Done, Problem};
use crate::clock::Clock;
use crate::config::{Config, Site, Upstream};
use crate::journal::key::Key;

pub(super) const EXIT_CODES: &str = "Exit codes:\n  0  what was tried is as the policy says\n  1  something is not\n  \
    2  it could not be tried\n\n\
    It asks for two pages of the site, one of which is not there, and leaves their entries in the journal, with\n\
    nobody's data. Run it as the user that runs townclerk, while `serve` runs.";

#[derive(Args, Debug)]
pub(super) struct Selftest {
    /// Path of townclerk.toml.
    #[arg(long, value_name = "FILE", default_value = "/etc/townclerk/townclerk.toml")]
    config: PathBuf,
    /// One of the site's host names, where the configuration has several sites.
    #[arg(long, value_name = "HOST")]
    site: Option<String>,
    /// Where the site is reached from outside, `https://www.um.example.pl`. Without it: the first listener for HTTP.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The language of the record. Default: that of LC_ALL or LANG.
    #[arg(long, value_enum)]
    lang: Option<Language>,
    /// How the record is printed.
    #[arg(long, value_enum, default_value_t)]
    format: Form,
}

pub(super) fn run(selftest: &Selftest) -> Done {
    let site = serve::site(&selftest.config, selftest.site.as_deref())?;
    let config = serve::load(&selftest.config)?;
    let way = way(selftest, &config, &site)?;
    let key = Key::load(&site.journal.key).map_err(|error| super::keygen::problem(&site.journal.key, &error))?;
    let clock = Clock::system();
    speech::remark("visiting the site, and waiting for the journal; this takes half a minute at most");
    let visit = Visit::go(&site, &way, selftest.url.as_deref(), &clock)?;
    let proof = Proof::find(&site, &key, &visit, clock.now())?;
    let record = Record {
        site: &site,
        visit: &visit,
        proof: &proof,
        now: clock.now(),
    };
    let mut stdout = io::stdout().lock();
    match selftest.format {
        Form::Text => {
            let lang = selftest.lang.unwrap_or_else(Language::of_environment);
            stdout.write_all(record.text(lang.into()).as_bytes())?;
        }
        Form::Json => writeln!(stdout, "{:#}", record.json())?,
    }
    Ok(match proof.is_kept() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(speech::NO),
    })
}

/// How the site is reached.
fn way(selftest: &Selftest, config: &Config, site: &Site) -> Result<Upstream, Problem> {
    if let Some(url) = &selftest.url {
        let mut way = Upstream::read(url, None).map_err(|faults| {
            speech::say_faults(&faults);
            Problem::Said
        })?;
        way.answer_timeout = site.upstream.answer_timeout;
        return Ok(way);
    }
    let plain = config
        .http
        .iter()
        .find(|address| !config.proxy_protocol.contains(address));
    let Some(plain) = plain else {
        let hint = format!("say where it is reached: --url https://{}", site.hosts[0]);
        return Err(Problem::with_hint(
            "no listener for plain HTTP can be asked directly",
            hint,
        ));
    };
    let host = match plain.ip() {
        address if !address.is_unspecified() => address.to_string(),
        address if address.is_ipv4() => "127.0.0.1".to_owned(),
        _ => "::1".to_owned(),
    };
    Ok(Upstream::new(host, plain.port()))
}
