//! The images that there are where no registry is: made of what is installed on this machine.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::engine::{Engine, run};
use crate::dokuwiki;

/// What stands on every page of the wiki, and what its slow page says after a while.
pub const CMS_WORD: &str = "Wiki w kontenerze";
pub const CMS_SLOW: &str = "już";

pub struct Images {
    /// The libraries that townclerk is linked with.
    pub base: String,
    /// PHP, DokuWiki and its data.
    pub cms: String,
}

/// What DokuWiki needs of this machine.
const WIKI: [&str; 7] = [
    "/etc/dokuwiki",
    "/etc/php",
    "/usr/lib/php",
    "/usr/share/dokuwiki",
    "/usr/share/php",
    "/usr/share/zoneinfo",
    "/var/lib/dokuwiki",
];

impl Images {
    pub fn make(engine: &Engine) -> Self {
        let program = engine.folder.path().join("target/release/townclerk");
        fs::create_dir_all(program.parent().expect("a folder")).expect("a folder");
        strip(Path::new(env!("CARGO_BIN_EXE_townclerk")), &program);
        let base = format!("{}-base", engine.name);
        import(engine, &base, &libraries(&[program]), &[], &[]);
        let cms = format!("{}-cms", engine.name);
        make_cms(engine, &cms);
        Self { base, cms }
    }
}

/// DokuWiki, run by PHP, with a page that takes its time.
fn make_cms(engine: &Engine, name: &str) {
    let wiki = engine.folder.path().join("wiki");
    fs::create_dir_all(wiki.join("tmp")).expect("a folder");
    dokuwiki::configure(&wiki, CMS_WORD);
    let router = format!(
        "<?php if ($_SERVER['SCRIPT_NAME'] !== '/slow.php') {{ return false; }}\n\
         touch('/tmp/slow'); sleep(3); echo '{CMS_SLOW}';\n"
    );
    fs::write(wiki.join("router.php"), router).expect("a file");

    let php = Path::new("/usr/bin/php");
    let extensions = text(Command::new(php).args(["-r", "echo PHP_EXTENSION_DIR;"]));
    let extensions = fs::read_dir(&extensions).expect("PHP's extensions").flatten();
    let mut programs: Vec<_> = extensions.map(|file| file.path()).collect();
    programs.push(php.to_owned());
    let mut files = libraries(&programs);
    files.insert(php.display().to_string());

    let wiki = wiki.display().to_string();
    let command = format!(
        "php -d display_errors=0 -d auto_prepend_file={wiki}/prepend.php -d session.save_path={wiki}/sessions \
         -S 0.0.0.0:80 -t /usr/share/dokuwiki {wiki}/router.php"
    );
    let words: Vec<_> = command.split_whitespace().map(|word| format!("\"{word}\"")).collect();
    let command = format!("CMD [{}]", words.join(","));
    let folders = [&WIKI[..], &[&wiki]].concat();
    let changes = [&command, "ENV PATH=/usr/bin PHP_CLI_SERVER_WORKERS=4"];
    import(engine, name, &files, &folders, &changes);
}

/// HAProxy with this certificate and key, PEM, before http://townclerk:80.
pub fn make_tls_front(engine: &Engine, name: &str, certificate: &str) {
    let front = engine.folder.path().join("front");
    fs::create_dir(&front).expect("a folder");
    fs::write(front.join("site.pem"), certificate).expect("a file");
    let settings = format!(
        "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n option forwardfor\n\
         frontend visitors\n bind :443 ssl crt {0}/site.pem\n http-request set-header X-Forwarded-Proto https\n \
         default_backend sidecar\nbackend sidecar\n server townclerk townclerk:80\n",
        front.display()
    );
    fs::write(front.join("haproxy.cfg"), settings).expect("a file");
    let haproxy = "/usr/sbin/haproxy";
    let mut files = libraries(&[haproxy.into()]);
    files.insert(haproxy.to_owned());
    let front = front.display().to_string();
    let command = format!("CMD [\"{haproxy}\",\"-db\",\"-f\",\"{front}/haproxy.cfg\"]");
    import(engine, name, &files, &[&front], &[&command]);
}

/// The program without what only a debugger reads, so that the image is made sooner.
fn strip(program: &Path, to: &Path) {
    let mut strip = Command::new("strip");
    strip.arg("--strip-debug").arg("-o").arg(to).arg(program);
    if run(strip).is_err() {
        fs::copy(program, to).expect("a copy");
    }
}

/// What programs are linked with.
fn libraries(programs: &[PathBuf]) -> BTreeSet<String> {
    let said = text(Command::new("ldd").args(programs));
    let words = said.lines().flat_map(str::split_whitespace);
    words
        .filter(|word| word.starts_with("/") && !word.ends_with(':'))
        .map(str::to_owned)
        .collect()
}

/// An image of these files, as what they lead to, and these folders, as they are.
fn import(engine: &Engine, name: &str, files: &BTreeSet<String>, folders: &[&str], changes: &[&str]) {
    let archive = engine.folder.path().join(format!("{name}.tar"));
    let tar = |how: &[&str], what: &mut dyn Iterator<Item = &str>| {
        let mut tar = Command::new("tar");
        let what = what.map(|path| path.trim_start_matches('/'));
        tar.args(["--directory", "/", "--file"])
            .arg(&archive)
            .args(how)
            .args(what);
        run(tar).unwrap_or_else(|said| panic!("tar {how:?}: {said}"));
    };
    tar(&["--create", "--dereference"], &mut files.iter().map(String::as_str));
    if !folders.is_empty() {
        tar(&["--append"], &mut folders.iter().copied());
    }
    let mut arguments = vec!["import"];
    arguments.extend(changes.iter().flat_map(|change| ["--change", change]));
    let archive = archive.display().to_string();
    arguments.extend([archive.as_str(), name]);
    engine.docker(&arguments);
    fs::remove_file(archive).expect("it goes");
}

fn text(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    String::from_utf8(output.stdout).expect("text")
}
