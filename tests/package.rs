//! The Debian package, in a container of Debian that systemd has booted: it is installed, serves, is upgraded, removed
//! and purged, and what is recorded outlives it.

mod machine;
mod service;
mod witness;

use std::fs;
use std::path::Path;
use std::process::Command;

use self::machine::{Image, Machine, docker, run};
use crate::skip::{cannot, without};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const WHAT: &str = "the Debian package";

/// The package of the program that was built for the tests.
fn make_package(folder: &Path, revision: &str) {
    let mut package = Command::new(Path::new(ROOT).join("deploy/package"));
    package.env("TOWNCLERK_PROGRAM", env!("CARGO_BIN_EXE_townclerk"));
    package.args(["--fast", "--deb-revision", revision, "--output"]);
    package.arg(folder.join(format!("{revision}.deb")));
    run(&mut package).unwrap_or_else(|said| panic!("{said}"));
}

/// What the README has somebody type who has installed it, but for the editor.
fn typed() -> Vec<String> {
    let readme = fs::read_to_string(format!("{ROOT}/README.md")).expect("text");
    let (_, section) = readme.split_once("\n### Debian\n").expect("a section on Debian");
    let typed = section.split("\n##").next().unwrap_or_default().lines();
    let typed = typed.filter_map(|line| line.strip_prefix("# "));
    let typed = typed.filter(|line| !line.starts_with("apt-get ") && !line.starts_with("editor "));
    typed.map(str::to_owned).collect()
}

#[test]
fn the_package_is_installed_serves_is_upgraded_and_leaves_what_is_recorded() {
    let needed = [
        ("debootstrap", "--version"),
        ("cargo-deb", "--version"),
        ("cargo-cyclonedx", "--help"),
    ];
    if needed.iter().any(|(program, version)| without(program, version, WHAT)) {
        return;
    }
    if docker(&["info"]).is_err() {
        return cannot(WHAT, "no Docker engine answers");
    }
    let packages = tempfile::tempdir().expect("a folder");
    let install = ["1", "2"].map(|revision| {
        make_package(packages.path(), revision);
        format!("dpkg --install /packages/{revision}.deb")
    });
    let image = Image::make().unwrap_or_else(|said| panic!("{said}"));
    let machine = match Machine::boot(&image, packages.path()) {
        Ok(machine) => machine,
        Err(why) => return cannot(WHAT, &why),
    };

    // Installed, it waits for a configuration.
    machine.does(&install[0]);
    assert_eq!(
        (machine.state("ActiveState"), machine.state("UnitFileState")),
        ("inactive".into(), "disabled".into())
    );
    assert_eq!(
        machine.does("cd /var/lib; stat --format '%U %a' /etc/townclerk townclerk townclerk-witness"),
        "root 750\ntownclerk 700\ntownclerk-witness 700\n"
    );
    machine.does("test -s /usr/share/man/man1/townclerk-journal-verify.1.gz");
    machine.does("test -s /usr/share/bash-completion/completions/townclerk -a -s /usr/share/doc/townclerk/copyright");
    machine.does("grep -q '\"name\": \"hyper\"' /usr/share/doc/townclerk/townclerk.cdx.json");

    let typed = typed();
    assert!(typed.len() >= 4, "{typed:?}");
    for command in typed {
        machine.does(&command);
    }
    assert_eq!(machine.state("StatusText"), "serving localhost under policy 2026-1");
    machine.visit();
    machine.keeps(1);
    machine.does("systemctl reload townclerk; systemctl is-active townclerk");
    machine.does("townclerk reload && townclerk health");

    witness::is_apart(&machine);
    let kept = 1 + service::is_run_by_systemd(&machine);

    // Upgraded, it is another process, and goes on.
    let before = machine.state("MainPID");
    machine.does(&install[1]);
    assert_eq!(machine.state("ActiveState"), "active");
    assert_ne!(machine.state("MainPID"), before);
    machine.visit();
    machine.keeps(kept + 1);

    // Removed and purged, it leaves the record to its user.
    machine.does("dpkg --remove townclerk");
    for unit in ["townclerk", "townclerk-witness"] {
        let ends = machine.sh(&format!("systemctl is-active --quiet {unit}"));
        assert!(ends.is_err(), "{unit} has ended");
    }
    machine.does("test -s /var/lib/townclerk/www/access/current -a -s /etc/townclerk/policy.toml");
    let said = machine.does("dpkg --purge townclerk 2>&1");
    for folder in ["/var/lib/townclerk", "/var/lib/townclerk-witness"] {
        assert!(said.contains(&format!("{folder} is kept")), "{said}");
    }
    machine.does("test -s /var/lib/townclerk/www/access/current -a -s /var/lib/townclerk/www.key");
    let owner = machine.does("stat --format %U /var/lib/townclerk/www");
    assert_eq!(owner.trim(), "townclerk");

    machine.does(&install[1]);
    machine.does("systemctl enable --now townclerk");
    machine.visit();
    machine.keeps(kept + 2);
}
