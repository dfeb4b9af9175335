//! The units under a real systemd: a new version takes over, a socket waits, and the nightly ones do their work.

use super::machine::{AS_TOWNCLERK, Machine};
use super::witness;

/// So many ask at the same time, each again and again.
const VISITORS: usize = 3;

/// All of it; how many entries there are more.
pub fn is_run_by_systemd(machine: &Machine) -> usize {
    let mut asked = 0;
    // Heard every five seconds, so that it is soon seen who is.
    drop_in(machine, "townclerk.service", "[Service]\nWatchdogSec=10");
    machine.does("systemctl restart townclerk");
    asked += all_are_answered_while(machine, || takes_over(machine));
    machine.does("systemctl reload townclerk && systemctl is-active townclerk");

    machine.does("systemctl stop townclerk");
    witness::has_signed(machine, 1 + asked);
    let here = "[Socket]\nListenStream=\nListenStream=127.0.0.1:8080";
    drop_in(machine, "townclerk.socket", here);
    machine.does("systemctl start townclerk.socket && ! systemctl is-active townclerk");
    machine.visit(); // which starts it
    asked += 1 + all_are_answered_while(machine, || {
        machine.does("systemctl restart townclerk");
        takes_over(machine);
        machine.does("systemctl restart townclerk");
    });
    machine.keeps(1 + asked);

    nightly(machine);
    copies(machine);
    machine.does("systemctl stop townclerk.socket && systemctl restart townclerk");
    asked
}

/// Changes a unit as its administrator does.
fn drop_in(machine: &Machine, unit: &str, lines: &str) {
    let folder = format!("/etc/systemd/system/{unit}.d");
    machine.does(&format!(
        "mkdir -p {folder}; echo '{lines}' >{folder}/test.conf; systemctl daemon-reload"
    ));
}

/// Visitors ask before it, all the while, and after it, and each has an answer. How many there were.
fn all_are_answered_while(machine: &Machine, what: impl FnOnce()) -> usize {
    // There is no CMS, and townclerk says so.
    let ask = "curl --silent --max-time 60 --output /dev/null --write-out '%{http_code}\\n' http://127.0.0.1:8080/";
    let visitor = format!("while test ! -e /tmp/enough; do {ask} || echo refused; done >>/tmp/asked");
    let crowd = vec![format!("({visitor}) &"); VISITORS].concat();
    machine.does("rm -f /tmp/asked /tmp/enough");
    machine.does(&format!("systemd-run --quiet --unit=crowd sh -c \"{crowd} wait\""));
    let goes_on =
        "before=$(wc -l </tmp/asked); until test $(wc -l </tmp/asked) -ge $((before + 20)); do sleep 0.1; done";
    machine.does(&format!("until test -e /tmp/asked; do sleep 0.1; done; {goes_on}"));
    what();
    machine.does(&format!(
        "{goes_on}; touch /tmp/enough; while systemctl is-active --quiet crowd; do sleep 0.1; done"
    ));
    let answers = machine.does("sort /tmp/asked | uniq --count");
    let words: Vec<_> = answers.split_whitespace().collect();
    let [answered, "502"] = words[..] else {
        panic!("{answers}");
    };
    answered.parse().expect("a number")
}

/// The README's way to a new version. systemd goes over to the new process: it is the one that it hears.
fn takes_over(machine: &Machine) {
    let before = machine.state("MainPID");
    // Another file in the same place, as with a new version.
    machine.does("cp /usr/bin/townclerk /usr/bin/new && mv /usr/bin/new /usr/bin/townclerk");
    machine.does("systemctl kill --signal=USR2 --kill-whom=main townclerk");
    machine.does(&format!(
        "until test ! -e /proc/{before}; do sleep 0.1; done; \
         test \"$(systemctl show --property MainPID --value townclerk)\" != {before}"
    ));
    let heard = "$(systemctl show --property WatchdogTimestampMonotonic --value townclerk)";
    machine.does(&format!(
        "last={heard}; until test {heard} != $last; do sleep 0.1; done"
    ));
    assert_eq!(
        (machine.state("ActiveState"), machine.state("NRestarts")),
        ("active".into(), "0".into())
    );
}

/// What the timer starts each night.
fn nightly(machine: &Machine) {
    // A CMS as far as a doctor looks.
    machine.does("systemd-run --quiet --unit=cms --socket-property=ListenStream=127.0.0.1:8000 sleep infinity");
    machine.does("systemctl start townclerk-nightly && test \"$(systemctl is-failed townclerk-nightly)\" = inactive");
    // It has seen the report off, which there is none of yet.
    machine.does("until test \"$(systemctl show --property ActiveState --value townclerk-report)\" = inactive; do sleep 0.1; done");
    assert_eq!(
        machine
            .does("systemctl show --property Result --value townclerk-nightly townclerk-report")
            .split_whitespace()
            .collect::<Vec<_>>(),
        ["success", "success"]
    );
    machine.does("journalctl --unit townclerk-nightly | grep -q 'cosigned .*by town.example/witness'");
    machine.does("systemctl stop cms.socket cms.service");
}

/// To another disk, and to none where it is not mounted.
fn copies(machine: &Machine) {
    machine.does("! systemctl start townclerk-copy && systemctl is-failed townclerk-copy");
    machine.does(
        "mkdir -p /var/backups/townclerk && mount -t tmpfs tmpfs /var/backups/townclerk && \
         install -d -m 700 -o townclerk -g townclerk /var/backups/townclerk/journal",
    );
    for _ in 0..2 {
        machine.does("systemctl start townclerk-copy");
    }
    let [own, copied] = ["/var/lib/townclerk/www", "/var/backups/townclerk/journal"].map(|folder| {
        let cat = format!("{AS_TOWNCLERK} townclerk journal cat --journal {folder}");
        machine.does(&cat)
    });
    assert!(!copied.is_empty() && own.starts_with(&copied), "{copied}");
    machine
        .does("systemctl list-timers --all | grep -q townclerk-nightly && ! systemctl is-enabled townclerk-copy.timer");
}
