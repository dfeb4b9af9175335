//! A Docker engine, with a folder and names of its own for this run. What was made goes with it.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::ROOT;
use crate::town::HOST;

/// Engines found so far, so that each has names of its own.
static FOUND: AtomicU32 = AtomicU32::new(0);

/// What images are made.
const IMAGES: [&str; 5] = ["townclerk", "base", "cms", "db", "tls"];

pub struct Engine {
    /// A copy of what the README's commands need.
    pub folder: tempfile::TempDir,
    /// The name of the project, and the beginning of every other name.
    pub name: String,
    /// `docker compose`, or `docker-compose` where it is a program of its own.
    compose: &'static [&'static str],
    /// Which of the files in deploy/.
    pub file: &'static str,
    port: u16,
    outside: Ipv4Addr,
}

impl Engine {
    /// One that answers, or why there is none.
    pub fn find(file: &'static str) -> Result<Self, String> {
        let runs = |words: &[&str]| run(command(words)).is_ok();
        if !runs(&["docker", "info"]) {
            return Err("no Docker engine answers".to_owned());
        }
        let all: [&[&str]; 2] = [&["docker", "compose"], &["docker-compose"]];
        let compose = all.into_iter().find(|compose| runs(&[*compose, &["version"]].concat()));
        let compose = compose.ok_or("Docker has no compose")?;
        let id = std::process::id() * 4 + FOUND.fetch_add(1, Relaxed);
        let folder = tempfile::tempdir().expect("a folder");
        copy(&Path::new(ROOT).join("config"), &folder.path().join("config"));
        copy(&Path::new(ROOT).join("deploy"), &folder.path().join("deploy"));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr());
        Ok(Self {
            folder,
            name: format!("townclerk-test-{id}"),
            compose,
            file,
            port: port.expect("a port").port(),
            // Of the addresses for tests of networks (RFC 2544), eight for each run.
            outside: Ipv4Addr::from_bits(u32::from_be_bytes([198, 18, 0, 0]) + (id % (1 << 14)) * 8),
        })
    }

    /// Changes a file of the copy.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let file = self.folder.path().join(file);
        let text = fs::read_to_string(&file).expect("text");
        assert!(text.contains(from), "{text}");
        fs::write(file, text.replacen(from, to, 1)).expect("a file");
    }

    /// Types these commands one after the other, as they are but for what belongs to this machine: the images that
    /// there are, and how compose is called.
    pub fn type_in(&self, commands: &[String], outside: &Outside) -> String {
        assert!(commands.len() > 4, "{commands:?}");
        let compose = self.compose.join(" ");
        let script = format!(
            "docker() {{ case $1 in\n\
             build) shift; command docker build --quiet --target prebuilt --build-arg BASE={} \"$@\" ;;\n\
             compose) shift; case \"$*\" in *' -T '*) ;; 'run '* | 'exec '*) in=$1; shift; set -- \"$in\" -T \"$@\" ;; esac; \
             command {compose} \"$@\" ;;\n\
             *) command docker \"$@\" ;; esac; }}\n{}",
            self.image("base"),
            commands.join("\n"),
        );
        let script = script
            .replace("--tag townclerk ", &format!("--tag {} ", self.image("townclerk")))
            .replace("your-cms", &self.image("cms"));
        let mut shell = self.at_home(&["sh", "-e", "-c", &script], self.folder.path());
        shell.env("TOWNCLERK_PORT", outside.door.to_string());
        run(shell).unwrap_or_else(|said| panic!("{script}\n{said}"))
    }

    /// The name of one of [`IMAGES`].
    pub fn image(&self, what: &str) -> String {
        assert!(IMAGES.contains(&what), "{what} would stay when all goes");
        format!("{}-{what}", self.name)
    }

    /// Makes the sidecar's image anew.
    pub fn build(&self, arguments: &[&str]) {
        let (image, base) = (self.image("townclerk"), format!("BASE={}", self.image("base")));
        let build = ["build", "--quiet", "--target", "prebuilt", "--build-arg", &base];
        let of = ["--tag", &image, "--file", "deploy/Dockerfile", "."];
        self.docker(&[&build, arguments, &of].concat());
    }

    pub fn docker(&self, arguments: &[&str]) -> String {
        let docker = self.at_home(&[&["docker"], arguments].concat(), self.folder.path());
        run(docker).unwrap_or_else(|said| panic!("docker {arguments:?}\n{said}"))
    }

    pub fn fails(&self, arguments: &[&str]) -> bool {
        run(self.at_home(&[&["docker"], arguments].concat(), self.folder.path())).is_err()
    }

    pub fn compose(&self, arguments: &[&str]) -> String {
        run(self.composing(arguments)).unwrap_or_else(|said| panic!("compose {arguments:?}\n{said}"))
    }

    /// What compose says, which is to fail.
    pub fn compose_fails(&self, arguments: &[&str]) -> String {
        run(self.composing(arguments)).expect_err("it fails")
    }

    /// Whether a container in a network can connect to port 80 of an address.
    pub fn reaches(&self, network: &str, address: &str) -> bool {
        let connect = format!("exit(@fsockopen('{address}', 80, $e, $s, 2) ? 0 : 1);");
        let cms = self.image("cms");
        !self.fails(&["run", "--rm", "--network", network, &cms, "php", "-r", &connect])
    }

    fn composing(&self, arguments: &[&str]) -> Command {
        let mut command = self.at_home(&[self.compose, arguments].concat(), &self.folder.path().join("deploy"));
        command.env("TOWNCLERK_PORT", format!("{}:{}", self.outside(), self.port));
        command
    }

    /// An address on the network of [`Outside`].
    pub fn tls_front(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.outside.to_bits() + 6)
    }

    fn outside(&self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.outside.to_bits() + 1)
    }

    fn at_home(&self, words: &[&str], folder: &Path) -> Command {
        let mut command = command(words);
        command
            .current_dir(folder)
            .env("COMPOSE_PROJECT_NAME", &self.name)
            .env("TOWNCLERK_IMAGE", self.image("townclerk"))
            .env("COMPOSE_FILE", self.file)
            .env("SITE", HOST)
            .env("WP_PASSWORD", "of the database")
            .env("TLS_NETWORK", &self.name)
            .env("CMS_IMAGE", self.image("cms"))
            .env("DB_IMAGE", self.image("db"))
            .env("DOCKER_BUILDKIT", "0"); // with no registry, BuildKit would look for images of this machine elsewhere
        command
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let _ = run(command(&["docker", "rm", "--force", &self.image("tls")]));
        let _ = run(self.composing(&["down", "--volumes", "--remove-orphans", "--timeout", "0"]));
        let _ = run(command(&["docker", "network", "rm", &self.name]));
        for what in IMAGES {
            let _ = run(command(&["docker", "image", "rm", "--force", &self.image(what)]));
        }
    }
}

/// A network that visitors come from: this machine has an address on it, to which the sidecar's port is published.
pub struct Outside {
    pub visitor: IpAddr,
    pub door: SocketAddr,
}

impl Outside {
    pub fn make(engine: &Engine) -> Self {
        let subnet = format!("{}/29", engine.outside);
        // Otherwise Docker would put an address of its own in the place of the visitor's.
        let as_they_are = "com.docker.network.bridge.enable_ip_masquerade=false";
        engine.docker(&[
            "network",
            "create",
            "--subnet",
            &subnet,
            "--opt",
            as_they_are,
            &engine.name,
        ]);
        let visitor = IpAddr::from(engine.outside());
        let door = SocketAddr::new(visitor, engine.port);
        Self { visitor, door }
    }
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdin(Stdio::null());
    command
}

/// What it prints, or all that it says if it goes wrong.
pub fn run(mut command: Command) -> Result<String, String> {
    let Output { status, stdout, stderr } = command.output().map_err(|error| error.to_string())?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match status.success() {
        true => Ok(text(&stdout)),
        false => Err(text(&stdout) + &text(&stderr)),
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).expect("a folder");
    for file in fs::read_dir(from).expect("a folder").flatten() {
        let to = to.join(file.file_name());
        match file.path().is_dir() {
            true => copy(&file.path(), &to),
            false => drop(fs::copy(file.path(), to).expect("a copy")),
        }
    }
}
