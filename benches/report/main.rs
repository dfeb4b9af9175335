//! What a month's statistics cost, beside GoAccess and AWStats as Debian has them, over the same lines in the same run.
//!
//! `cargo bench --bench report`. Behind `--`: `--lines 2000000`; `--times 50`, so often the same lines are read again,
//! by townclerk alone; `--keep FOLDER` leaves the journal there with its configuration, and measures nothing.

mod traffic;

use std::env;
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use townclerk::entry::Encoder;
use townclerk::journal::{self, Format};
use townclerk::policy::{self, Policy};
use townclerk::reader::Faults;

use self::traffic::{DAYS, Dice, exchange, weight};

const POLICY: &str = include_str!("../../config/policy.toml");
const HOST: &str = "um.example.pl";
const PERIOD: &str = "2026-10";
const ROUNDS: usize = 3;
/// Ticks in a second, as Linux counts them for programs (USER_HZ).
const TICKS: f64 = 100.0;

/// What a program took.
struct Cost {
    cpu: f64,
    memory: f64,
}

#[allow(clippy::print_stdout, reason = "a benchmark prints")]
fn main() {
    let option = |name: &str| {
        let mut arguments = env::args().skip_while(|argument| argument != name);
        arguments.nth(1)
    };
    let number = |name, default| option(name).map_or(default, |text: String| text.parse().expect("a number"));
    let (lines, times) = (number("--lines", 2_000_000), number("--times", 1));
    if let Some(folder) = option("--keep") {
        let site = Site::make(Path::new(&folder), Format::JsonLines, lines, times);
        println!("{}", site.config.display());
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let combined = Site::make(&folder.path().join("combined"), Format::Combined, lines, times);
    let json = Site::make(&folder.path().join("json"), Format::JsonLines, lines, times);
    println!("{lines} lines, read {times} times; {ROUNDS} rounds, the median of each figure\n");
    println!(
        "{:<34}{:>9}{:>12}{:>11}{:>12}",
        "", "CPU s", "lines/CPU s", "memory MB", "× townclerk"
    );
    let ours = of_rounds(ROUNDS, || combined.report());
    let ours_json = of_rounds(ROUNDS, || json.report());
    let row = |name: &str, cost: &Cost, than: &Cost| {
        let speed = (lines * times) as f64 / cost.cpu;
        println!(
            "{name:<34}{:>9.2}{speed:>12.0}{:>11.0}{:>12.1}",
            cost.cpu,
            cost.memory,
            cost.cpu / than.cpu
        );
    };
    row("townclerk report, Combined", &ours, &ours);
    row("townclerk report, JSON Lines", &ours_json, &ours_json);
    if times > 1 {
        return;
    }
    let files = combined.segments();
    match is_there("goaccess", "--version") {
        false => println!("goaccess is not installed"),
        true => row(
            "GoAccess, Combined",
            &of_rounds(ROUNDS, || goaccess(folder.path(), &files)),
            &ours,
        ),
    }
    let awstats = Path::new("/usr/lib/cgi-bin/awstats.pl");
    match awstats.exists() {
        false => println!("awstats is not installed"),
        true => row(
            "AWStats, Combined",
            &of_rounds(1, || self::awstats(awstats, folder.path(), &files)),
            &ours,
        ),
    }
}

/// A site with a journal.
struct Site {
    config: PathBuf,
    journal: PathBuf,
}

impl Site {
    fn make(folder: &Path, format: Format, lines: usize, times: usize) -> Self {
        fs::create_dir_all(folder).expect("a folder");
        let text = POLICY
            .replace("bytes = false", "bytes = true")
            .replace("first_page = false", "first_page = true")
            .replacen(
                "\n[[cookies.allow]]\n",
                "\n[cookies.first_page]\nname = \"first\"\npurpose = { pl = \"Tak.\", en = \"Yes.\" }\n[[cookies.allow]]\n",
                1,
            )
            .replace("client_host = true", "client_host = false");
        let policy = policy::parse("policy.toml", &text, &mut Faults::default()).expect("the policy that we ship");
        fs::write(folder.join("policy.toml"), &text).expect("a file");
        let (config, journal) = (folder.join("townclerk.toml"), folder.join("journal"));
        let listen = "[listen]\nhttp = [\"127.0.0.1:0\"]\n[[site]]\npolicy = \"policy.toml\"\n";
        let site = format!(
            "hosts = [\"{HOST}\"]\nupstream = {{ url = \"http://127.0.0.1:9\" }}\njournal = {{ folder = \"journal\" }}\n"
        );
        fs::write(&config, listen.to_owned() + &site).expect("a file");
        journal::init(&journal, &folder.join("journal.key"), HOST).expect("a journal");
        write(&journal, &policy, format, lines, times);
        Self { config, journal }
    }

    fn segments(&self) -> Vec<PathBuf> {
        let files = fs::read_dir(self.journal.join("access")).expect("a folder").flatten();
        let mut files: Vec<_> = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_some_and(|end| end == "log"))
            .collect();
        files.sort();
        files
    }

    /// Published anew, for what is published already costs nothing.
    fn report(&self) -> Cost {
        let _ = fs::remove_dir_all(self.journal.join("reports"));
        let mut command = Command::new(env!("CARGO_BIN_EXE_townclerk"));
        command
            .args(["report", "--period", PERIOD, "--format", "html", "--config"])
            .arg(&self.config);
        cost(&mut command)
    }
}

/// Segments as the writer leaves them, one a day.
fn write(journal: &Path, policy: &Policy, format: Format, lines: usize, times: usize) {
    let begin: Timestamp = "2026-10-01T00:00:00Z".parse().expect("a time");
    let all: u64 = (0..DAYS).map(weight).sum();
    let (mut encoder, mut dice) = (Encoder::new(format), Dice::new(1));
    let hosts = [HOST.into()];
    let end = match format {
        Format::JsonLines => "jsonl",
        Format::Combined => "log",
    };
    let (mut index, mut written) = (0, Vec::new());
    for day in 0..DAYS {
        let parts = lines as u64 * weight(day) / all;
        let date = (begin + SignedDuration::from_hours(24 * day as i64))
            .strftime("%Y%m%d")
            .to_string();
        let path = journal.join(format!("access/{date}-{index:020}.{end}"));
        let mut file = BufWriter::new(File::create(&path).expect("a file"));
        let mut line = Vec::new();
        for part in 0..parts {
            line.clear();
            encoder.encode(
                &exchange(begin, day, part, parts, &mut dice).redact(policy, &hosts),
                None,
                &mut line,
            );
            file.write_all(&line).expect("room");
        }
        file.flush().expect("room");
        written.push((date, path, parts));
        index += parts;
    }
    for _ in 1..times {
        for (date, path, parts) in &written {
            fs::hard_link(path, journal.join(format!("access/{date}-{index:020}.{end}"))).expect("a link");
            index += parts;
        }
    }
}

fn goaccess(folder: &Path, files: &[PathBuf]) -> Cost {
    let mut command = Command::new("goaccess");
    command
        .args([
            "--log-format=COMBINED",
            "--no-strict-status",
            "--no-global-config",
            "--no-progress",
            "--output",
        ])
        .arg(folder.join("goaccess.html"))
        .args(files);
    cost(&mut command)
}

fn awstats(program: &Path, folder: &Path, files: &[PathBuf]) -> Cost {
    let data = folder.join("awstats");
    fs::create_dir_all(&data).expect("a folder");
    let one = folder.join("one.log");
    let mut whole = File::create(&one).expect("a file");
    for file in files {
        std::io::copy(&mut File::open(file).expect("a file"), &mut whole).expect("room");
    }
    let config = format!(
        "LogFile=\"{}\"\nLogType=W\nLogFormat=1\nSiteDomain=\"{HOST}\"\nDNSLookup=0\nDirData=\"{}\"\n",
        one.display(),
        data.display()
    );
    fs::write(folder.join("awstats.town.conf"), config).expect("a file");
    let mut command = Command::new("perl");
    command
        .arg(program)
        .args(["-config=town", "-update"])
        .arg(format!("-configdir={}", folder.display()));
    cost(&mut command)
}

fn is_there(program: &str, version: &str) -> bool {
    let ran = Command::new(program)
        .arg(version)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    ran.is_ok_and(|status| status.success())
}

fn of_rounds(rounds: usize, mut measure: impl FnMut() -> Cost) -> Cost {
    let costs: Vec<_> = (0..rounds).map(|_| measure()).collect();
    let median = |of: fn(&Cost) -> f64| {
        let mut figures: Vec<f64> = costs.iter().map(of).collect();
        figures.sort_unstable_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    Cost {
        cpu: median(|cost| cost.cpu),
        memory: median(|cost| cost.memory),
    }
}

/// Runs a program to its end: its CPU time, user and system, and the most memory that it had at a time.
fn cost(command: &mut Command) -> Cost {
    let before = children_seconds();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    let mut peak = 0;
    let status = loop {
        let text = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0));
        if let Some(status) = child.try_wait().expect("it runs") {
            break status;
        }
        thread::sleep(Duration::from_millis(20));
    };
    assert!(status.success(), "{command:?}: {status}");
    Cost {
        cpu: children_seconds() - before,
        memory: peak as f64 * 1024.0 / 1e6,
    }
}

/// The CPU seconds of the children that this process has waited for.
fn children_seconds() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text
        .rsplit_once(')')
        .map_or("", |(_, fields)| fields)
        .split_whitespace()
        .collect();
    let ticks = |field: usize| {
        fields
            .get(field)
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or(0)
    };
    (ticks(13) + ticks(14)) as f64 / TICKS
}
