//! The Debian package, in a container of Debian that systemd has booted: it is installed, serves, is upgraded, removed
//! and purged, and what is recorded outlives it.

mod machine;
mod service;

use std::path::Path;
use std::process::Command;

use self::machine::{AS_TOWNCLERK, Image, Machine, docker, run};
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
        machine.does("stat --format '%U %a' /etc/townclerk /var/lib/townclerk"),
        "root 750\ntownclerk 700\n"
    );
    machine.does("test -s /usr/share/man/man1/townclerk-journal-verify.1.gz");
    machine.does("test -s /usr/share/bash-completion/completions/townclerk -a -s /usr/share/doc/townclerk/copyright");
    machine.does("grep -q '\"name\": \"hyper\"' /usr/share/doc/townclerk/townclerk.cdx.json");

    machine.does(
        "cd /usr/share/doc/townclerk/examples; cp policy.toml townclerk.toml /etc/townclerk; \
         sed -i 's|\"../journal\"|\"/var/lib/townclerk/www\"|; s|../admin.sock|/run/townclerk/admin.sock|' /etc/townclerk/townclerk.toml",
    );
    let said = machine.does(&format!("{AS_TOWNCLERK} townclerk journal init"));
    assert!(said.contains("localhost/townclerk/access"), "{said}");
    machine.does("systemctl enable --now townclerk townclerk-nightly.timer");
    assert_eq!(machine.state("StatusText"), "serving localhost under policy 2026-1");
    machine.visit();
    machine.keeps(1);
    machine.does("systemctl reload townclerk; systemctl is-active townclerk");
    machine.does("townclerk reload && townclerk health");

    let kept = 1 + service::is_run_by_systemd(&machine, &said);

    // Upgraded, it is another process, and goes on.
    let before = machine.state("MainPID");
    machine.does(&install[1]);
    assert_eq!(machine.state("ActiveState"), "active");
    assert_ne!(machine.state("MainPID"), before);
    machine.visit();
    machine.keeps(kept + 1);

    // Removed and purged, it leaves the record to its user.
    machine.does("dpkg --remove townclerk");
    assert!(
        machine.sh("systemctl is-active --quiet townclerk").is_err(),
        "it has ended"
    );
    machine.does("test -s /var/lib/townclerk/www/access/current -a -s /etc/townclerk/policy.toml");
    let said = machine.does("dpkg --purge townclerk 2>&1");
    assert!(said.contains("/var/lib/townclerk is kept"), "{said}");
    machine.does("test -s /var/lib/townclerk/www/access/current -a -s /var/lib/townclerk/www.key");
    let owner = machine.does("stat --format %U /var/lib/townclerk/www");
    assert_eq!(owner.trim(), "townclerk");

    machine.does(&install[1]);
    machine.does("systemctl enable --now townclerk");
    machine.visit();
    machine.keeps(kept + 2);
}
