//! The witness that comes along: another user, whom townclerk can ask, and neither reads what is the other's.

use super::machine::{AS_TOWNCLERK, AS_WITNESS, Machine};

/// It runs, though nobody has named its unit.
pub fn is_apart(machine: &Machine) {
    assert_eq!(
        machine.does("stat --format '%U:%G %a' /run/townclerk-witness/socket /etc/townclerk/journal.keys"),
        "townclerk-witness:townclerk 660\nroot:townclerk 640\n"
    );
    machine.does(&format!("! {AS_TOWNCLERK} ls /var/lib/townclerk-witness"));
    machine.does(&format!("! {AS_TOWNCLERK} tee /etc/townclerk/journal.keys </dev/null"));
    machine.does(&format!("! {AS_WITNESS} ls /var/lib/townclerk"));
    // Of what is configured it has the public keys alone.
    let mounted = "awk '$5 ~ \"^/etc/townclerk\" { print $5, $(NF - 2) }' \
                   /proc/$(systemctl show --property MainPID --value townclerk-witness)/mountinfo";
    let mounted = machine.does(mounted);
    let [all, keys] = mounted.lines().collect::<Vec<_>>()[..] else {
        panic!("{mounted}");
    };
    assert!(
        all == "/etc/townclerk tmpfs" && keys.starts_with("/etc/townclerk/journal.keys "),
        "{mounted}"
    );
}

/// Its newest signature is over so many entries.
pub fn has_signed(machine: &Machine, entries: usize) {
    let said = machine.does(&format!("{AS_WITNESS} townclerk witness show"));
    let note = format!("localhost/townclerk/access\n{entries}\n");
    assert!(said.contains(&note), "{note}{said}");
}
