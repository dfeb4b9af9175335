//! Chromium without a window, told what to do by its DevTools protocol over two pipes.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::town::HOST;

/// For anything that the browser is asked, on the slowest machine.
const PATIENCE: Duration = Duration::from_secs(240);

/// A browser with one tab at a time. It ends with the test.
pub struct Chromium {
    child: Child,
    orders: ChildStdin,
    heard: Receiver<Value>,
    asked: u64,
    /// What came while something else was waited for.
    events: Vec<Value>,
    /// The tab, and the jar that it has to itself.
    session: String,
    jar: String,
    _profile: tempfile::TempDir,
}

/// A cookie of the jar.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    pub name: String,
    /// Whether it outlives the browser.
    pub lasts: bool,
}

impl Chromium {
    /// Starts it. It knows the site's name, and no other on the internet.
    pub fn start() -> Self {
        let profile = tempfile::tempdir().expect("a folder");
        let mut child = Command::new("sh")
            .args(["-c", "exec chromium \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1", "sh"])
            .args([
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
            ])
            .args(["--disable-background-networking", "--disable-features=HttpsUpgrades"])
            .arg("--remote-debugging-pipe")
            .arg(format!(
                "--host-resolver-rules=MAP {HOST} 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
            ))
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank")
            .env("HOME", profile.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a shell");
        let mut said = BufReader::new(child.stdout.take().expect("piped"));
        let (tell, heard) = channel();
        thread::spawn(move || {
            let mut message = Vec::new();
            while said.read_until(0, &mut message).is_ok_and(|length| length > 0) {
                message.pop_if(|byte| *byte == 0);
                let told = serde_json::from_slice(&message).map(|message| tell.send(message));
                if !told.is_ok_and(|told| told.is_ok()) {
                    return;
                }
                message.clear();
            }
        });
        Self {
            orders: child.stdin.take().expect("piped"),
            child,
            heard,
            asked: 0,
            events: Vec::new(),
            session: String::new(),
            jar: String::new(),
            _profile: profile,
        }
    }

    /// A new tab with an empty jar, in place of the one before.
    pub fn begin(&mut self) {
        self.session.clear();
        if !self.jar.is_empty() {
            let jar = self.jar.clone();
            self.order("Target.disposeBrowserContext", json!({ "browserContextId": jar }));
        }
        let text = |value: &Value| value.as_str().expect("an id").to_owned();
        let jar = self.order("Target.createBrowserContext", json!({}));
        self.jar = text(&jar["browserContextId"]);
        let tab = json!({ "url": "about:blank", "browserContextId": self.jar });
        let tab = self.order("Target.createTarget", tab);
        let tab = json!({ "targetId": tab["targetId"], "flatten": true });
        let session = self.order("Target.attachToTarget", tab);
        self.session = text(&session["sessionId"]);
        self.order("Page.enable", json!({}));
    }

    /// Opens an address, and waits until everything on the page is there.
    pub fn open(&mut self, url: &str) {
        self.events.clear();
        let opened = self.order("Page.navigate", json!({ "url": url }));
        assert!(opened["errorText"].is_null(), "{url}: {opened}");
        self.loaded();
    }

    /// Runs a script that leads to another page, and waits until that is there.
    pub fn go_by(&mut self, script: &str) {
        self.events.clear();
        self.run(script);
        self.loaded();
    }

    /// What a script comes to, its promise kept.
    pub fn run(&mut self, script: &str) -> Value {
        let asked = json!({ "expression": script, "awaitPromise": true, "returnByValue": true });
        let mut answer = self.order("Runtime.evaluate", asked);
        assert!(answer["exceptionDetails"].is_null(), "{script}: {answer:#}");
        answer["result"]["value"].take()
    }

    /// What a script comes to, as text.
    pub fn text(&mut self, script: &str) -> String {
        let value = self.run(script);
        value.as_str().unwrap_or_else(|| panic!("{script}: {value}")).to_owned()
    }

    /// Everything in the jar, whoever put it there.
    pub fn jar(&mut self) -> Vec<Held> {
        let jar = json!({ "browserContextId": self.jar });
        let session = std::mem::take(&mut self.session); // it is the browser's, not the tab's
        let held = self.order("Storage.getCookies", jar);
        self.session = session;
        let cookies = held["cookies"].as_array().expect("a list").iter();
        let mut held: Vec<_> = cookies
            .map(|cookie| Held {
                name: cookie["name"].as_str().expect("a name").to_owned(),
                lasts: cookie["session"] == false,
            })
            .collect();
        held.sort();
        held
    }

    fn loaded(&mut self) {
        while !self
            .events
            .drain(..)
            .any(|event| event["method"] == "Page.loadEventFired")
        {
            let event = self.hear();
            self.events.push(event);
        }
    }

    fn order(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut order = json!({ "id": self.asked, "method": method, "params": parameters });
        if !self.session.is_empty() {
            order["sessionId"] = self.session.clone().into();
        }
        let mut message = order.to_string().into_bytes();
        message.push(0);
        self.orders.write_all(&message).expect("chromium listens");
        loop {
            let mut heard = self.hear();
            if heard["id"] == self.asked {
                assert!(heard["error"].is_null(), "{method}: {heard}");
                return heard["result"].take();
            }
            self.events.push(heard);
        }
    }

    fn hear(&mut self) -> Value {
        let heard = self.heard.recv_timeout(PATIENCE);
        heard.unwrap_or_else(|error| panic!("chromium says nothing: {error}"))
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        let _ = self.orders.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0"); // it may have ended
        let closed = (0..200).any(|_| {
            thread::sleep(Duration::from_millis(50));
            matches!(self.child.try_wait(), Ok(Some(_)))
        });
        if !closed {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
