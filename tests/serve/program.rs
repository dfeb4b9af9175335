//! The built program, as somebody at a terminal has it.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};

/// Runs to its end.
pub fn run(arguments: &[impl AsRef<OsStr>]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_townclerk"))
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    Ended::of(output.expect("the program starts"))
}

/// Runs to its end with `--config FILE`.
pub fn run_with(arguments: &[&str], config: &Path) -> Ended {
    let mut all: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    all.extend([OsStr::new("--config"), config.as_os_str()]);
    run(&all)
}

/// What is left of a program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// `None` if a signal ended it.
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ended {
    fn of(output: Output) -> Self {
        let text = |bytes| String::from_utf8(bytes).expect("text");
        Self {
            code: output.status.code(),
            out: text(output.stdout),
            err: text(output.stderr),
        }
    }
}

/// One that serves. It ends with the test.
pub struct Serving {
    child: Child,
    stderr: BufReader<ChildStderr>,
    /// The lines of its diagnostics up to where it was read.
    pub said: Vec<String>,
    pub address: SocketAddr,
}

impl Serving {
    /// Starts it and reads its diagnostics up to the line that names the journal, the last of its introduction.
    pub fn start(config: &Path) -> Self {
        Self::start_as(&["serve"], config)
    }

    /// The same with these arguments before `--config`.
    pub fn start_as(arguments: &[&str], config: &Path) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_townclerk"));
        command.args(arguments).arg("--config").arg(config);
        Self::start_by(&mut command).unwrap_or_else(|said| panic!("it ended: {said:#?}"))
    }

    /// The same by a command of its own. What it said, if it ended before it served.
    pub fn start_by(command: &mut Command) -> Result<Self, Vec<String>> {
        Self::start_with(command.stdin(Stdio::null()).stdout(Stdio::null()))
    }

    /// The same with what the command has for standard input and output.
    pub fn start_with(command: &mut Command) -> Result<Self, Vec<String>> {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the program starts");
        let mut stderr = BufReader::new(child.stderr.take().expect("piped"));
        let (mut said, mut address) = (Vec::new(), None);
        while !said.last().is_some_and(|line: &String| line.contains(", journal in ")) {
            let mut line = String::new();
            if stderr.read_line(&mut line).expect("text") == 0 {
                let _ = child.wait();
                return Err(said);
            }
            if let Some((_, listens)) = line.split_once("listening on http://") {
                address = listens.trim().parse().ok();
            }
            said.push(line);
        }
        let address = address.expect("a line that says where it listens");
        Ok(Self {
            child,
            stderr,
            said,
            address,
        })
    }

    /// Where it speaks HTTP over TLS.
    pub fn https(&self) -> SocketAddr {
        let mut listens = self
            .said
            .iter()
            .filter_map(|line| line.split_once("listening on https://"));
        let (_, address) = listens.next().expect("a line that says so");
        address.trim().parse().expect("an address")
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal: `TERM`, `INT`, `KILL`.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(sent.expect("kill runs").success());
    }

    /// Kills it as a crash would, and waits for its end.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Whether it runs; not as sure as [`Serving::end`].
    pub fn is_there(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_none())
    }

    /// Reads its diagnostics up to a line with these words.
    pub fn hear(&mut self, words: &str) {
        loop {
            let mut line = String::new();
            assert_ne!(
                self.stderr.read_line(&mut line).expect("text"),
                0,
                "it ended: {:#?}",
                self.said
            );
            self.said.push(line);
            if self.said.last().is_some_and(|line| line.contains(words)) {
                return;
            }
        }
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ended {
        let mut err = self.said.concat();
        self.stderr.read_to_string(&mut err).expect("text");
        Ended {
            code: self.child.wait().expect("it ends").code(),
            out: String::new(),
            err,
        }
    }

    /// Ends it in good order.
    pub fn stop(self) -> Ended {
        self.signal("TERM");
        self.end()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill(); // it may have ended
        let _ = self.child.wait();
    }
}
