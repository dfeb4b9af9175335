//! A container of Debian that systemd has booted: the machine of an administrator.

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::thread;
use std::time::Duration;

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
pub fn run(command: &mut Command) -> Result<String, String> {
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

pub fn docker(arguments: &[&str]) -> Result<String, String> {
    run(Command::new("docker").args(arguments))
}

/// An image of Debian's base system, which is kept as an archive from one run to the next.
pub struct Image(String);

impl Image {
    pub fn make() -> Result<Self, String> {
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
pub struct Machine(String);

impl Machine {
    pub fn boot(image: &Image, packages: &Path) -> Result<Self, String> {
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

    pub fn sh(&self, script: &str) -> Result<String, String> {
        docker(&["exec", &self.0, "sh", "-ec", script])
    }

    pub fn does(&self, script: &str) -> String {
        self.sh(script)
            .unwrap_or_else(|said| panic!("{script}\n{said}\n{}", self.diagnostics()))
    }

    fn diagnostics(&self) -> String {
        self.sh("journalctl --no-pager --lines 50").unwrap_or_default()
    }

    pub fn state(&self, of: &str) -> String {
        let said = self.does(&format!("systemctl show --property {of} --value townclerk"));
        said.trim().to_owned()
    }

    /// Somebody asks; there is no CMS.
    pub fn visit(&self) {
        let said = self.does("curl --silent --output /dev/null --write-out '%{http_code}' http://127.0.0.1:8080/");
        assert_eq!(said, "502");
    }

    /// How many entries are kept, once there are so many.
    pub fn keeps(&self, entries: usize) {
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

pub const AS_TOWNCLERK: &str = "runuser -u townclerk --";
pub const AS_WITNESS: &str = "runuser -u townclerk-witness --";
