//! Stopping: what has begun may end, nothing new begins, and every exchange has its entry.

use std::io::Write;
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;

use crate::town::{Cms, HOST, Town};

/// Waits for something that is sure to come, with patience for a slow machine.
pub fn until(mut come: impl FnMut() -> bool) {
    for _ in 0..2000 {
        if come() {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("it did not come");
}

/// A CMS that tells when it was asked, and answers when it is told to.
pub fn waiting() -> (Cms, mpsc::Receiver<()>, mpsc::Sender<()>) {
    let (asked, heard) = mpsc::channel();
    let (go_on, wait) = mpsc::channel::<()>();
    let (asked, wait) = (Mutex::new(asked), Mutex::new(wait));
    let cms = Cms::writing(move |_, stream| {
        let _ = asked.lock().expect("one").send(());
        let _ = wait.lock().expect("one").recv();
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone");
    });
    (cms, heard, go_on)
}

#[test]
fn an_open_exchange_ends_before_the_server_does() {
    let (cms, heard, go_on) = waiting();
    let town = Town::before(&cms).open();
    let mut idle = town.visitor();
    let mut visitor = town.visitor();
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    heard.recv().expect("the CMS was asked");

    let closing = thread::spawn(move || town.close());
    assert_eq!(idle.rest(), b"", "an idle connection is closed at once");
    go_on.send(()).expect("the CMS waits");
    let answer = visitor.answer();
    assert_eq!((answer.status, answer.text().as_str()), (200, "done"));
    assert_eq!(visitor.rest(), b"", "and then its connection is closed");
    assert_eq!(closing.join().expect("it closes").errors(), ["-"]);
}

#[test]
fn what_does_not_end_in_time_is_cut_off_and_recorded() {
    let (cms, heard, go_on) = waiting();
    let town = Town::before(&cms).table("[limits]\ndrain_time = \"1 s\"").open();
    let mut visitor = town.visitor();
    visitor.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n\r\n"));
    heard.recv().expect("the CMS was asked");
    let kept = town.close();
    drop(go_on);
    assert_eq!(kept.errors(), ["cut_off.shutdown"]);
    assert_eq!(visitor.rest(), b"");
}

#[test]
fn the_journal_tells_its_start_its_policy_and_its_stop() {
    let town = Town::before(&Cms::page("")).open();
    town.get("/");
    let kept = town.close();
    let names: Vec<&str> = kept
        .events
        .iter()
        .filter_map(|event| event["event.name"].as_str())
        .collect();
    assert_eq!(names.first(), Some(&"journal.start"), "{names:?}");
    assert!(
        names.contains(&"policy.in_force") && names.contains(&"segment.begin"),
        "{names:?}"
    );
    assert_eq!(names.last(), Some(&"journal.stop"), "{names:?}");
}
