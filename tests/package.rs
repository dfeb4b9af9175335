//! The Debian package, in a container of Debian that systemd has booted: it is installed, serves, is upgraded, removed
//! and purged, and what is recorded outlives it.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

use crate::skip::{cannot, without};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const WHAT: &str = "the Debian package";
/// What the package needs, and the test.
const PACKAGES: &str = "--include=systemd,systemd-sysv,ca-certificates,curl";
/// Enough for a systemd to be the first process, and no more; it has control groups of its own.
const AS_A_MACHINE: [&str; 13] = [
    "--detach",
    "--cap-add=SYS_ADMIN",
    "--security-opt=seccomp=unconfined",
    "--tmpfs=/run",
    "--tmpfs=/run/lock",
    "--tmpfs=/tmp",
    "--volume=/sys/fs/cgroup:/sys/fs/cgroup:rw",
    "--env=container=docker",
    "--network=none",
    "--stop-signal=SIGRTMIN+3",
    "--pull=never",
    "--init=false",
    "--rm",
];

/// What it prints, or all that it says if it goes wrong.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let Output { status, stdout, stderr } = output;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match status.success() {
        true => Ok(text(&stdout)),
        false => Err(text(&stdout) + &text(&stderr)),
    }
}

fn docker(arguments: &[&str]) -> Result<String, String> {
    run(Command::new("docker").args(arguments))
}

/// An image of Debian's base system, which is kept as an archive from one run to the next.
struct Image(String);

impl Image {
    fn make() -> Result<Self, String> {
        let archive = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bookworm.tar");
        if !archive.exists() {
            let new = archive.with_extension("new");
            let mut debootstrap = Command::new("debootstrap");
            debootstrap.args(["--variant=minbase", PACKAGES, "bookworm"]);
            let folder = tempfile::tempdir().expect("a folder");
            let root = folder.path().join("root");
            run(debootstrap.arg(&root))?;
            run(Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&new).arg("."))?;
            fs::rename(new, &archive).expect("a file");
        }
        let name = format!("townclerk-test-package-{}", std::process::id());
        docker(&[
            "import",
            "--change",
            "CMD [\"/sbin/init\"]",
            &archive.display().to_string(),
            &name,
        ])?;
        Ok(Self(name))
    }
}

impl Drop for Image {
    fn drop(&mut self) {
        let _ = docker(&["image", "rm", "--force", &self.0]);
    }
}

/// A container of it, whose first process is systemd.
struct Machine(String);

impl Machine {
    fn boot(image: &Image, packages: &Path) -> Result<Self, String> {
        let packages = format!("--volume={}:/packages:ro", packages.display());
        let id = docker(&[&["run"], &AS_A_MACHINE[..], &[&packages, &image.0]].concat())?;
        let machine = Self(id.trim().to_owned());
        for _ in 0..300 {
            let state = machine.sh("systemctl is-system-running --wait");
            match state.as_deref().map(str::trim) {
                Ok("running") => return Ok(machine),
                Ok(_) | Err(_) => thread::sleep(Duration::from_millis(100)),
            }
        }
        Err("systemd does not run in a container here".to_owned())
    }

    fn sh(&self, script: &str) -> Result<String, String> {
        docker(&["exec", &self.0, "sh", "-ec", script])
    }

    fn does(&self, script: &str) -> String {
        self.sh(script)
            .unwrap_or_else(|said| panic!("{script}\n{said}\n{}", self.diagnostics()))
    }

    fn diagnostics(&self) -> String {
        self.sh("journalctl --no-pager --lines 50").unwrap_or_default()
    }

    fn state(&self, of: &str) -> String {
        let said = self.does(&format!("systemctl show --property {of} --value townclerk"));
        said.trim().to_owned()
    }

    /// Somebody asks; there is no CMS.
    fn visit(&self) {
        let said = self.does("curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:8080/");
        assert_eq!(said, "502");
    }

    /// How many entries are kept, once there are so many.
    fn keeps(&self, entries: usize) {
        let count = format!(
            "for i in $(seq 100); do {AS_TOWNCLERK} townclerk journal cat | wc -l >/tmp/n; \
             test $(cat /tmp/n) -ge {entries} && break; sleep 0.1; done; cat /tmp/n"
        );
        assert_eq!(self.does(&count).trim(), entries.to_string());
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = docker(&["rm", "--force", &self.0]);
    }
}

const AS_TOWNCLERK: &str = "setpriv --reuid=townclerk --regid=townclerk --clear-groups";

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
    machine.does("systemctl start townclerk-report && systemctl is-active townclerk");

    // Upgraded, it is another process, and goes on.
    let before = machine.state("MainPID");
    machine.does(&install[1]);
    assert_eq!(machine.state("ActiveState"), "active");
    assert_ne!(machine.state("MainPID"), before);
    machine.visit();
    machine.keeps(2);

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
    machine.keeps(3);
}
