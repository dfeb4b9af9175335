//! Those who are measured: how each is started and stopped, and how many lines it has written.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use clap::ValueEnum;
use tempfile::TempDir;

use crate::Fault;
use crate::processes;

const TOWNCLERK: &str = env!("CARGO_BIN_EXE_townclerk");
const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Contestant {
    /// As Debian has it
    Nginx,
    /// As Debian has it
    Haproxy,
    /// With cookie rules, redaction and a journal
    Townclerk,
    /// townclerk under a policy that keeps nothing and lets cookies pass
    NothingKept,
}

/// What all contestants are given.
pub struct Site {
    pub upstream: SocketAddr,
    folder: TempDir,
}

impl Site {
    /// A certificate with an EC P-256 key, in the forms that the contestants want.
    pub fn new(upstream: SocketAddr) -> Result<Self, Fault> {
        let folder = tempfile::tempdir()?;
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names)?;
        let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        fs::write(folder.path().join("certificate.pem"), &certificate)?;
        fs::write(folder.path().join("key.pem"), &key)?;
        fs::write(folder.path().join("both.pem"), certificate + &key)?;
        Ok(Self { upstream, folder })
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }
}

impl Contestant {
    pub fn title(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::Townclerk => "townclerk",
            Self::NothingKept => "townclerk, nothing kept",
        }
    }

    /// Whether the cookies of the CMS end with the session behind it.
    pub fn limits_cookies(self) -> bool {
        self != Self::NothingKept
    }

    /// How many lines may be missing. HAProxy was seen to lose a few in a thousand where it had too little CPU.
    pub fn may_lose(self, requests: u64) -> u64 {
        match self {
            Self::Haproxy => requests / 50,
            Self::Nginx | Self::Townclerk | Self::NothingKept => 0,
        }
    }

    /// Its name and version, if it is installed.
    pub fn version(self) -> Result<String, String> {
        let (program, argument) = match self {
            Self::Nginx => ("nginx", "-v"),
            Self::Haproxy => ("haproxy", "-v"),
            Self::Townclerk | Self::NothingKept => (TOWNCLERK, "--version"),
        };
        let said = Command::new(path(program)).arg(argument).output();
        let said = said.map_err(|_| format!("{program} is not installed: on Debian, apt install {program}"))?;
        let said = String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned();
        let number = said
            .split(|part: char| part.is_whitespace() || part == '/')
            .find(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        Ok(format!("{} {}", self.title(), number.unwrap_or("of unknown version")))
    }

    /// Starts it afresh, and waits until it listens.
    pub fn start(self, site: &Site) -> Result<Running, Fault> {
        let folder = tempfile::tempdir()?;
        let [http, tls] = free_ports()?;
        let file = folder.path().join("configuration");
        fs::write(&file, self.configuration(site, folder.path(), http.port(), tls.port()))?;
        let (program, arguments) = match self {
            Self::Nginx => ("nginx", vec!["-p", ".", "-e", "errors", "-c", "configuration"]),
            Self::Haproxy => ("haproxy", vec!["-db", "-f", "configuration"]),
            Self::Townclerk | Self::NothingKept => (
                TOWNCLERK,
                vec!["serve", "--create-journal", "--config", "configuration"],
            ),
        };
        // nginx takes a relative name for one below its prefix, which must be whole.
        let prefix = folder.path().to_str().ok_or("a folder that is not UTF-8")?;
        let arguments = arguments
            .into_iter()
            .map(|word| if word == "." { prefix } else { word });
        let process = Command::new(path(program))
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join("log"))?)
            .stderr(File::create(folder.path().join("stderr"))?)
            .spawn()
            .map_err(|error| format!("{program}: {error}"))?;
        let mut running = Running {
            contestant: self,
            http,
            tls,
            process,
            folder,
        };
        running.wait_until_it_listens()?;
        Ok(running)
    }

    fn configuration(self, site: &Site, folder: &Path, http: u16, tls: u16) -> String {
        let template = match self {
            Self::Nginx => include_str!("nginx.conf").to_owned(),
            Self::Haproxy => include_str!("haproxy.cfg").to_owned(),
            Self::Townclerk => include_str!("townclerk.toml").to_owned(),
            Self::NothingKept => include_str!("townclerk.toml").replace("/policy.toml", "/nothing.toml"),
        };
        let certificates = site.folder.path();
        [
            ("@HTTP@", http.to_string()),
            ("@TLS@", tls.to_string()),
            ("@UP@", site.upstream.port().to_string()),
            ("@CERT@", site.certificate().display().to_string()),
            ("@KEY@", certificates.join("key.pem").display().to_string()),
            ("@PEM@", certificates.join("both.pem").display().to_string()),
            ("@DIR@", folder.display().to_string()),
            ("@ROOT@", ROOT.to_owned()),
        ]
        .iter()
        .fold(template, |text, (name, value)| text.replace(name, value))
    }
}

/// A contestant at work in a folder of its own; both go when this does.
pub struct Running {
    contestant: Contestant,
    pub http: SocketAddr,
    pub tls: SocketAddr,
    process: Child,
    folder: TempDir,
}

impl Running {
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends it as an administrator does, and counts the lines that it leaves in its log.
    pub fn stop_and_count_lines(mut self) -> Result<usize, Fault> {
        self.stop();
        let mut lines = 0;
        for file in self.logs()? {
            lines += BufReader::new(File::open(file)?).split(b'\n').count();
        }
        Ok(lines)
    }

    fn logs(&self) -> Result<Vec<PathBuf>, Fault> {
        match self.contestant {
            Contestant::Nginx | Contestant::Haproxy => Ok(vec![self.folder().join("log")]),
            Contestant::Townclerk | Contestant::NothingKept => {
                let mut files: Vec<PathBuf> = Vec::new();
                for file in fs::read_dir(self.folder().join("journal/access"))? {
                    files.push(file?.path());
                }
                files.retain(|file| file.extension().is_some_and(|end| end == "jsonl"));
                Ok(files)
            }
        }
    }

    fn wait_until_it_listens(&mut self) -> Result<(), Fault> {
        for _ in 0..200 {
            if self.process.try_wait()?.is_some() {
                break;
            }
            if [self.http, self.tls]
                .iter()
                .all(|address| TcpStream::connect(address).is_ok())
            {
                return Ok(());
            }
            sleep(Duration::from_millis(50));
        }
        let said = fs::read_to_string(self.folder().join("stderr")).unwrap_or_default();
        Err(format!("it does not listen: {}", said.trim()).into())
    }

    fn stop(&mut self) {
        if matches!(self.process.try_wait(), Ok(Some(_))) {
            return;
        }
        let all = processes::tree(self.pid());
        processes::signal(self.pid(), "TERM");
        for _ in 0..500 {
            if matches!(self.process.try_wait(), Ok(Some(_))) {
                return;
            }
            sleep(Duration::from_millis(20));
        }
        all.into_iter().for_each(|pid| processes::signal(pid, "KILL"));
        let _ = self.process.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Two ports that nobody uses at the moment.
fn free_ports() -> Result<[SocketAddr; 2], Fault> {
    let any = || TcpListener::bind("127.0.0.1:0");
    let (one, other) = (any()?, any()?);
    Ok([one.local_addr()?, other.local_addr()?])
}

/// Where a program is: Debian has nginx and HAProxy where only root's shell looks.
fn path(program: &str) -> PathBuf {
    let aside = Path::new("/usr/sbin").join(program);
    if aside.is_file() { aside } else { PathBuf::from(program) }
}
