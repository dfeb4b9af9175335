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

/// What PHP needs of this machine, and DokuWiki.
pub const PHP: [&str; 4] = ["/etc/php", "/usr/lib/php", "/usr/share/php", "/usr/share/zoneinfo"];
const WIKI: [&str; 3] = ["/etc/dokuwiki", "/usr/share/dokuwiki", "/var/lib/dokuwiki"];
pub const PHP_ENV: &str = "ENV PATH=/usr/bin PHP_CLI_SERVER_WORKERS=4";

/// The libraries that townclerk is linked with; and the program, where the Dockerfile expects it.
pub fn make_base(engine: &Engine) {
    let program = engine.folder.path().join("target/release/townclerk");
    fs::create_dir_all(program.parent().expect("a folder")).expect("a folder");
    strip(Path::new(env!("CARGO_BIN_EXE_townclerk")), &program);
    import(engine, "base", &libraries(&[program]), &[], &[]);
}

/// DokuWiki, run by PHP, with a page that takes its time.
pub fn make_wiki(engine: &Engine) {
    let wiki = engine.folder.path().join("wiki");
    fs::create_dir_all(wiki.join("tmp")).expect("a folder");
    dokuwiki::configure(&wiki, CMS_WORD);
    let router = format!(
        "<?php if ($_SERVER['SCRIPT_NAME'] !== '/slow.php') {{ return false; }}\n\
         touch('/tmp/slow'); sleep(3); echo '{CMS_SLOW}';\n"
    );
    fs::write(wiki.join("router.php"), router).expect("a file");

    let wiki = wiki.display().to_string();
    let command = format!(
        "php -d display_errors=0 -d auto_prepend_file={wiki}/prepend.php -d session.save_path={wiki}/sessions \
         -S 0.0.0.0:80 -t /usr/share/dokuwiki {wiki}/router.php"
    );
    let folders = [&PHP[..], &WIKI, &[&wiki]].concat();
    import(engine, "cms", &php(), &folders, &[&runs(&command), PHP_ENV]);
}

/// HAProxy with this certificate and key, PEM, before http://townclerk:80.
pub fn make_tls_front(engine: &Engine, certificate: &str) {
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
    let command = format!("{haproxy} -db -f {front}/haproxy.cfg");
    import(engine, "tls", &files, &[&front], &[&runs(&command)]);
}

/// The program without what only a debugger reads, so that the image is made sooner.
fn strip(program: &Path, to: &Path) {
    let mut strip = Command::new("strip");
    strip.arg("--strip-debug").arg("-o").arg(to).arg(program);
    if run(strip).is_err() {
        fs::copy(program, to).expect("a copy");
    }
}

/// PHP with all its extensions, and what they are linked with.
pub fn php() -> BTreeSet<String> {
    let php = Path::new("/usr/bin/php");
    let extensions = text(Command::new(php).args(["-r", "echo PHP_EXTENSION_DIR;"]));
    let extensions = fs::read_dir(&extensions).expect("PHP's extensions").flatten();
    let mut programs: Vec<_> = extensions.map(|file| file.path()).collect();
    programs.push(php.to_owned());
    let mut files = libraries(&programs);
    files.insert(php.display().to_string());
    files
}

/// The command of an image, which no shell reads.
pub fn runs(command: &str) -> String {
    let words: Vec<_> = command.split_whitespace().map(|word| format!("\"{word}\"")).collect();
    format!("CMD [{}]", words.join(","))
}

/// What programs are linked with.
pub fn libraries(programs: &[PathBuf]) -> BTreeSet<String> {
    let said = text(Command::new("ldd").args(programs));
    let words = said.lines().flat_map(str::split_whitespace);
    words
        .filter(|word| word.starts_with("/") && !word.ends_with(':'))
        .map(str::to_owned)
        .collect()
}

/// An image of these files, as what they lead to, and these folders, as they are; and of what [`prepared`] holds.
pub fn import(engine: &Engine, what: &str, files: &BTreeSet<String>, folders: &[&str], changes: &[&str]) {
    let name = engine.image(what);
    let archive = engine.folder.path().join(format!("{name}.tar"));
    let tar = |how: &[&str], of: &Path, what: &mut dyn Iterator<Item = &str>| {
        let mut tar = Command::new("tar");
        let what = what.map(|path| path.trim_start_matches('/'));
        tar.arg("--directory")
            .arg(of)
            .arg("--file")
            .arg(&archive)
            .args(how)
            .args(what);
        run(tar).unwrap_or_else(|said| panic!("tar {how:?}: {said}"));
    };
    let root = Path::new("/");
    tar(
        &["--create", "--dereference"],
        root,
        &mut files.iter().map(String::as_str),
    );
    if !folders.is_empty() {
        tar(&["--append"], root, &mut folders.iter().copied());
    }
    let prepared = prepared(engine, what);
    if prepared.exists() {
        tar(&["--append", "--dereference"], &prepared, &mut std::iter::once("."));
    }
    let mut arguments = vec!["import"];
    arguments.extend(changes.iter().flat_map(|change| ["--change", change]));
    let archive = archive.display().to_string();
    arguments.extend([archive.as_str(), &name]);
    engine.docker(&arguments);
    fs::remove_file(archive).expect("it goes");
}

/// What goes into an image from its root on.
pub fn prepared(engine: &Engine, what: &str) -> PathBuf {
    engine.folder.path().join("prepared").join(what)
}

fn text(command: &mut Command) -> String {
    let output = command.output().expect("it runs");
    String::from_utf8(output.stdout).expect("text")
}
