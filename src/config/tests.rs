//! Faulty configurations as data, the example file, and files mutated at random.

use std::path::Path;

use proptest::prelude::*;

use super::load::{Unreadable, load};
use super::*;
use crate::reader::table;

const EXAMPLE: &str = include_str!("../../config/townclerk.toml");
const POLICY: &str = include_str!("../../config/policy.toml");

const LOG: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const WITNESS: &str = "witness.example/w1+b3c3fd45+BIbq/sutYiAqDaVeh5A6QdLUrmK9AOjXtWvEwUVKgc76";
const WITNESS_TOO: &str = "witness.example/w2+64b51250+BIbq/sutYiAqDaVeh5A6QdLUrmK9AOjXtWvEwUVKgc76";

/// A folder in memory: the configuration, a right policy, a faulty one, a certificate and its key.
fn loaded(text: &str) -> Result<Config, Faults> {
    load(Path::new("/etc/townclerk/townclerk.toml"), &|path| {
        let file = path.strip_prefix("/etc/townclerk").unwrap_or(path);
        let text = match file.to_str() {
            Some("townclerk.toml") => text,
            Some("policy.toml") => POLICY,
            Some("lasting.toml") => &POLICY.replace("ends_when_leaving = true", ""),
            Some("faulty.toml") => "version = 1\n",
            Some("logs.keys") => LOG,
            Some("witness.keys") => &format!("# printed by init\n{LOG}\n{WITNESS}\r\n\n{WITNESS}\n"),
            Some("two.keys") => &format!("{WITNESS}\n{}\n", WITNESS_TOO),
            Some("private.keys") => &format!("{LOG}\nPRIVATE+KEY+x+b3c3fd45+BIbq\n{WITNESS}\n"),
            Some("chain.pem" | "bip.pem") => "-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n",
            Some("key.pem") => "-----BEGIN EC PRIVATE KEY-----\nMA==\n-----END EC PRIVATE KEY-----\n",
            _ => {
                return Err(Unreadable {
                    found: "does not exist".into(),
                    remedy: "write another path",
                });
            }
        };
        Ok(text.to_owned())
    })
}

fn config(text: &str) -> Config {
    loaded(text).unwrap_or_else(|faults| panic!("{faults}"))
}

const SHORT: &str = "\
    [listen]\n\
    http = [\"0.0.0.0:80\"]\n\
    [[site]]\n\
    hosts = [\"www.um.example.pl\"]\n\
    policy = \"policy.toml\"\n\
    upstream = { url = \"http://cms\" }\n\
    journal = { folder = \"journal\" }\n";

#[test]
fn every_fault_of_a_configuration_is_named_with_its_place_and_remedy() {
    table::run("townclerk.txt", |text| {
        let faults = loaded(text).err().map(|faults| faults.to_string()).unwrap_or_default();
        faults.replace("/etc/townclerk/", "")
    });
}

#[test]
fn a_site_needs_ten_lines() {
    assert!(SHORT.lines().count() <= 10);
    let config = config(SHORT);
    assert_eq!(config.http, ["0.0.0.0:80".parse().unwrap()]);
    assert_eq!(
        (config.https.len(), config.tls.len(), config.trusted_proxies.len()),
        (0, 0, 0)
    );
    assert_eq!(
        (config.limits, config.resolver),
        (Limits::default(), Resolver::default())
    );
    assert!(config.workers >= 1);
    let site = &config.sites[0];
    assert_eq!(*site.hosts, ["www.um.example.pl".into()]);
    assert_eq!(site.upstream, Upstream::new("cms", 80));
    assert_eq!(site.journal, defaults::journal("/etc/townclerk/journal".into()));
    assert_eq!(
        (site.policy_file.as_path(), site.policy_text.as_str()),
        (Path::new("/etc/townclerk/policy.toml"), POLICY)
    );
}

#[test]
fn the_key_for_cookies_lies_beside_the_journal_where_the_policy_needs_one() {
    let keys = |text: &str| config(text).sites[0].cookie_keys.clone();
    assert_eq!(keys(SHORT).unwrap(), Path::new("/etc/townclerk/journal.cookies.key"));
    let lasting = SHORT.replace("policy.toml", "lasting.toml");
    assert_eq!(keys(&lasting), None);
    let written = format!("{lasting}cookies = {{ key = \"shared.key\" }}\n");
    assert_eq!(keys(&written).unwrap(), Path::new("/etc/townclerk/shared.key"));
}

#[test]
fn a_witness_is_known_by_its_key_or_by_the_file_that_holds_it() {
    let written = |key: &str| {
        let witness = format!("\"journal\", witness = [{{ url = \"unix:/run/w\", {key} }}]");
        config(&SHORT.replace("\"journal\"", &witness))
            .sites
            .remove(0)
            .journal
            .witnesses
    };
    let by_key = written(&format!("key = \"{WITNESS}\""));
    assert_eq!(by_key.len(), 1);
    assert_eq!(by_key, written("key_file = \"witness.keys\""));
}

#[test]
fn every_setting_means_what_it_says() {
    let config = config(&SHORT.replace(
        "http = [\"0.0.0.0:80\"]\n",
        "http = [\"0.0.0.0:80\", \"[::]:80\"]\nhttps = [\"0.0.0.0:443\"]\nworkers = 3\n\
         trusted_proxies = [\"172.16.0.0/12\", \"192.0.2.1\"]\nproxy_protocol = [\"0.0.0.0:443\"]\n\
         [tls]\ncertificate = \"chain.pem\"\nkey = \"key.pem\"\n\
         [limits]\nconnections = 5\nbody_bytes = \"2 GiB\"\nidle_time = \"5 min\"\n\
         [resolver]\nservers = [\"192.0.2.53\", \"[2001:db8::53]:5353\"]\ndeadline = \"250 ms\"\n\
         [admin]\nlisten = [\"[::1]:9465\", \"0.0.0.0:9465\", \"unix:admin.sock\"]\n",
    ));
    assert_eq!((config.http.len(), config.https.len(), config.workers), (2, 1, 3));
    assert_eq!(
        config.trusted_proxies,
        ["172.16.0.0/12".parse().unwrap(), "192.0.2.1/32".parse().unwrap()]
    );
    assert_eq!(config.proxy_protocol, config.https);
    assert_eq!(config.tls[0].key, Path::new("/etc/townclerk/key.pem"));
    assert_eq!((config.limits.connections, config.limits.body_bytes), (5, 2 << 30));
    assert_eq!(config.limits.idle_time, Duration::from_secs(300));
    assert_eq!(
        config.resolver.servers,
        ["192.0.2.53:53".parse().unwrap(), "[2001:db8::53]:5353".parse().unwrap()]
    );
    assert_eq!(config.resolver.deadline, Duration::from_millis(250));
    let admin = config.admin.iter().map(ToString::to_string);
    assert_eq!(
        admin.collect::<Vec<_>>(),
        ["[::1]:9465", "0.0.0.0:9465", "unix:/etc/townclerk/admin.sock"]
    );
    let own = config.admin.iter().map(AdminPlace::is_of_this_machine);
    assert_eq!(own.collect::<Vec<_>>(), [true, false, true]);
    assert_eq!(config.admin[1].from_here().to_string(), "127.0.0.1:9465");
}

#[test]
fn an_upstream_is_a_host_and_a_port() {
    for (url, host, port) in [
        ("http://cms", "cms", 80),
        ("http://CMS:8000/", "cms", 8000),
        ("http://192.0.2.7:81", "192.0.2.7", 81),
        ("http://[2001:db8::7]", "2001:db8::7", 80),
        ("http://[2001:db8::7]:81", "2001:db8::7", 81),
        ("http://127.0.0.1:81", "127.0.0.1", 81),
    ] {
        let config = config(&SHORT.replace("http://cms", url));
        assert_eq!(config.sites[0].upstream, Upstream::new(host, port), "{url}");
    }
}

#[test]
fn an_upstream_is_reached_over_tls_and_sockets_too_and_may_have_several_places() {
    let config = config(&SHORT.replace(
        "url = \"http://cms\"",
        "url = [\"https://CMS\", \"https://[2001:db8::7]:8443/\", \"unix:/run/cms.sock\", \"unix:cms.sock\"], \
         ca = \"chain.pem\"",
    ));
    let upstream = &config.sites[0].upstream;
    assert_eq!(
        upstream.to_string(),
        "https://cms:443, https://[2001:db8::7]:8443, unix:/run/cms.sock, unix:/etc/townclerk/cms.sock"
    );
    assert_eq!(upstream.ca.as_deref(), Some(Path::new("/etc/townclerk/chain.pem")));
}

#[test]
fn several_certificates_are_several_tables() {
    let table = |key: &str, certificate: &str| format!("{key}\ncertificate = \"{certificate}\"\nkey = \"key.pem\"\n");
    let text = format!(
        "{SHORT}{}{}",
        table("[[tls]]", "chain.pem"),
        table("[[tls]]", "bip.pem")
    );
    let config = config(&text.replace("[listen]\n", "[listen]\nhttps = [\"0.0.0.0:443\"]\n"));
    assert_eq!(config.tls.len(), 2);
}

#[test]
fn an_authority_is_asked_for_the_names_of_each_site() {
    let with = |acme: &str| {
        let listen = "https = [\"0.0.0.0:443\"]\n[acme]\naccept_terms = true\nfolder = \"acme\"\n";
        let site = SHORT
            .split_once("[[site]]")
            .unwrap()
            .1
            .replace("\"journal\"", "\"other\"");
        let site = site.replace("www.um.example.pl", "192.0.2.7\", \"localhost\", \"bip.example.pl");
        let text = SHORT.replace("[[site]]", &format!("{listen}{acme}[[site]]"));
        config(&format!("{text}[[site]]{site}")).acme.unwrap()
    };
    let acme = with("");
    assert_eq!(acme.directory, "https://acme-v02.api.letsencrypt.org/directory");
    assert_eq!(
        (acme.challenge, acme.ca, acme.contact),
        (Challenge::TlsAlpn01, None, None)
    );
    assert_eq!(acme.folder, Path::new("/etc/townclerk/acme"));
    assert_eq!(
        acme.certificates,
        [["www.um.example.pl".into()], ["bip.example.pl".into()]]
    );
    let acme = with(
        "directory = \"https://ca.example/dir\"\nca = \"chain.pem\"\ncontact = \"it@um.example.pl\"\n\
         challenge = \"http-01\"\nnames = [\"bip.example.pl\"]\n",
    );
    assert_eq!(acme.directory, "https://ca.example/dir");
    assert_eq!(acme.ca.as_deref(), Some(Path::new("/etc/townclerk/chain.pem")));
    assert_eq!(
        (acme.challenge, acme.contact.as_deref()),
        (Challenge::Http01, Some("it@um.example.pl"))
    );
    assert_eq!(acme.certificates, [["bip.example.pl".into()]]);
}

/// The example with every setting that is remarked out made a setting.
fn uncommented() -> String {
    let is_setting = |rest: &&str| rest.starts_with(|first: char| first.is_ascii_lowercase());
    let lines = EXAMPLE
        .lines()
        .map(|line| line.strip_prefix('#').filter(is_setting).unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn the_example_shows_the_program_s_own_defaults() {
    assert_ne!(uncommented(), EXAMPLE);
    assert_eq!(config(&uncommented()), config(EXAMPLE));
    let example = config(EXAMPLE);
    assert_eq!(
        (example.limits, example.resolver),
        (Limits::default(), Resolver::default())
    );
}

#[test]
fn the_example_shows_every_setting() {
    let text = uncommented();
    let document = crate::reader::Document::read("townclerk.toml", &text);
    let read = |_: &Path| Ok(POLICY.to_owned());
    let files = load::Files::new(Path::new(""), &read);
    load::config(document.root(), &files, &mut load::Policies::default());
    for path in document.asked() {
        let key = path.rsplit('.').next().unwrap_or_default();
        let shown = [
            format!("\n{key} = "),
            format!("\n[{path}]"),
            format!("\n[[{path}]]"),
            format!("#   [{path}]"),
            format!("#   [[{path}]]"),
            format!("#   {key} = "),
        ];
        assert!(
            shown.iter().any(|form| text.contains(form)),
            "{path} is not in the example"
        );
    }
}

#[test]
fn the_files_of_the_repository_are_right() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("config/townclerk.toml");
    let config = Config::load(&path).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(config.sites[0].policy_text, POLICY);
}

#[test]
fn a_file_that_cannot_be_read_is_a_fault_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("townclerk.toml");
    let said = |path: &Path| {
        Config::load(path)
            .unwrap_err()
            .to_string()
            .replace(&format!("{}/", folder.path().display()), "")
    };
    assert_eq!(
        said(&path),
        "townclerk.toml: the file does not exist\n  hint: write the path of a file that exists"
    );
    std::fs::write(&path, b"a = \"\xff\"").unwrap();
    assert_eq!(
        said(&path),
        "townclerk.toml: the file is not UTF-8 text from byte 5 on\n  hint: save it as UTF-8"
    );
    std::fs::write(&path, " ".repeat(2 << 20)).unwrap();
    assert_eq!(
        said(&path),
        "townclerk.toml: the file is longer than 1 MiB\n  hint: write the path of the right file"
    );
    assert!(said(folder.path()).contains("cannot be read"));
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_has_faults(text in "\\PC{0,200}|[\\[\\]{}=.,\"'#a-c0-9 \\n\\r\\\\-]{0,80}") {
        prop_assert!(loaded(&text).is_err_and(|faults| !faults.is_empty()));
    }

    #[test]
    fn a_mutated_configuration_is_one_or_has_faults(
        cut: prop::sample::Index, long in 0usize..40, put in "(\\PC|\n|\"|\\[|\\]){0,8}",
    ) {
        let text = uncommented();
        let mut bytes = text.into_bytes();
        let start = cut.index(bytes.len());
        let end = (start + long).min(bytes.len());
        bytes.splice(start..end, put.bytes());
        if let Err(faults) = loaded(&String::from_utf8_lossy(&bytes)) {
            prop_assert!(!faults.is_empty());
        }
    }
}
