//! The witness beside the sidecar: who it is, what it has, and that a journal that was put back does not start.

use super::Deployed;

/// Where the copy of the journal is that is put back later.
const COPY: &str = "/var/lib/townclerk/copy";

/// Neither has anything of the other's but the socket and the public keys.
pub fn is_apart(here: &Deployed) {
    let inspected = here.inspect("witness");
    assert_eq!(inspected["Config"]["User"], "65533:65532");
    assert_eq!(inspected["HostConfig"]["ReadonlyRootfs"], true);
    assert_eq!(inspected["HostConfig"]["CapDrop"][0], "ALL");
    assert_eq!(here.networks("witness"), ["none"]);
    assert_eq!(
        here.mounts("witness", true),
        ["/run/townclerk-witness", "/var/lib/townclerk-witness"]
    );
    assert_eq!(here.mounts("witness", false), ["/etc/townclerk/journal.keys"]);
    assert_eq!(
        here.mounts("townclerk", false),
        ["/etc/townclerk", "/run/townclerk-witness"]
    );
    // Nor could townclerk's user read the state if it had it.
    let state = format!("{}_witness:/var/lib/townclerk-witness", here.engine.name);
    let image = here.engine.image("townclerk");
    assert!(
        here.engine
            .fails(&["run", "--rm", "--volume", &state, &image, "witness", "show"])
    );
}

/// Its newest signature is over so many entries.
pub fn has_signed(here: &Deployed, entries: usize) {
    let said = here
        .engine
        .compose(&["exec", "-T", "witness", "townclerk", "witness", "show"]);
    let note = format!("localhost/townclerk/access\n{entries}\n");
    assert!(
        said.contains(&note) && said.contains("— town.example/witness "),
        "{said}"
    );
}

/// A backup, as the README says.
pub fn copy(here: &Deployed) {
    let copy = ["exec", "-T", "townclerk", "townclerk", "journal", "copy", COPY];
    here.engine.compose(&copy);
}

/// That backup in the journal's place.
pub fn an_older_copy_is_not_started(here: &Deployed) {
    let engine = &here.engine;
    let volume = format!("{}_journal:/var/lib/townclerk", engine.name);
    let put_back =
        format!("chdir('/var/lib/townclerk'); exit(rename('www', 'newer') && rename('{COPY}', 'www') ? 0 : 1);");
    let cms = engine.image("cms");
    engine.docker(&["run", "--rm", "--volume", &volume, &cms, "php", "-r", &put_back]);
    let said = engine.compose_fails(&["run", "--rm", "--no-deps", "-T", "townclerk", "serve"]);
    assert!(
        said.contains("town.example/witness") && said.contains("more than it has now"),
        "{said}"
    );
}
