//! WordPress and MariaDB by the file for compose: installed by its own page in a browser, through townclerk.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::engine::{Engine, run};
use super::images::{PHP, PHP_ENV, import, libraries, php, prepared, runs};
use super::{CONFIG, Deployed, wait};
use crate::dokuwiki::Browser;
use crate::town::{Answer, HOST};
use crate::wordpress::{self, LOGIN, PASSWORD};

/// Like the image of WordPress, which is told of the database, and what else it is to do, in the same way.
const WORDPRESS: &str = "<?php
define('DB_HOST', getenv('WORDPRESS_DB_HOST')); define('DB_NAME', getenv('WORDPRESS_DB_NAME'));
define('DB_USER', getenv('WORDPRESS_DB_USER')); define('DB_PASSWORD', getenv('WORDPRESS_DB_PASSWORD'));
define('DB_CHARSET', 'utf8mb4');
$table_prefix = 'wp_';
eval(getenv('WORDPRESS_CONFIG_EXTRA'));
require_once ABSPATH . 'wp-settings.php';
";

/// And like that of MariaDB.
const DATABASE: &str = "set -e
echo \"CREATE DATABASE IF NOT EXISTS $MARIADB_DATABASE;
CREATE USER IF NOT EXISTS '$MARIADB_USER'@'%' IDENTIFIED BY '$MARIADB_PASSWORD';
GRANT ALL ON $MARIADB_DATABASE.* TO '$MARIADB_USER'@'%';\" >/first.sql
exec /usr/sbin/mariadbd --no-defaults --user=root --datadir=/var/lib/mysql --socket=/db.sock --pid-file=/db.pid \\
    --tmpdir=/ --init-file=/first.sql
";

/// As the file for compose says at its head; and how visitors call the site.
fn configure(engine: &Engine) {
    engine.edit(
        "config/policy.toml",
        "mode = \"enforce\"",
        "mode = \"enforce\"\npresets = [\"wordpress\"]",
    );
    engine.edit(CONFIG, "\"127.0.0.1\"]", &format!("\"127.0.0.1\", \"{HOST}\"]"));
}

/// WordPress, run by PHP.
fn make_cms(engine: &Engine) {
    let site = prepared(engine, "cms").join("var/www/html");
    fs::create_dir_all(&site).expect("a folder");
    fs::create_dir(prepared(engine, "cms").join("tmp")).expect("a folder");
    let mut copy = Command::new("cp");
    copy.args(["--recursive", "--dereference"])
        .arg(format!("{}/.", wordpress::FILES))
        .arg(&site);
    run(copy).unwrap_or_else(|said| panic!("{said}"));
    fs::write(site.join("wp-config.php"), WORDPRESS).expect("a file");
    let command = "php -d display_errors=0 -S 0.0.0.0:80 -t /var/www/html";
    import(engine, "cms", &php(), &PHP, &[&runs(command), PHP_ENV]);
}

/// MariaDB, with nothing in it yet.
fn make_database(engine: &Engine) {
    let root = prepared(engine, "db");
    let data = root.join("var/lib/mysql");
    fs::create_dir_all(&data).expect("a folder");
    fs::write(root.join("start"), DATABASE).expect("a file");
    let mut make = Command::new("mariadb-install-db");
    make.args([
        "--no-defaults",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
    ]);
    make.arg("--user=root").arg(format!("--datadir={}", data.display()));
    run(make).unwrap_or_else(|said| panic!("{said}"));
    let programs = ["/bin/sh", "/usr/sbin/mariadbd"];
    let mut files = libraries(&programs.map(PathBuf::from));
    files.extend(programs.map(str::to_owned));
    import(engine, "db", &files, &["/usr/share/mysql"], &[&runs("/bin/sh /start")]);
}

/// Fills in the form of a page.
fn fill(browser: &mut Browser, page: &str, fields: &[(&str, &str)]) -> String {
    browser.get(page);
    let fields = fields.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    browser.post(page, &fields.collect::<Vec<_>>()).text()
}

#[test]
fn wordpress_is_installed_through_townclerk_and_is_there_again_when_all_was_taken_down_but_the_volumes() {
    if wordpress::is_missing() {
        return;
    }
    let prepare = |engine: &Engine| {
        configure(engine);
        make_cms(engine);
        make_database(engine);
    };
    let Some(here) = Deployed::by_the_readme("compose.wordpress.yaml", prepare) else {
        return;
    };
    assert!(here.is_inside("cms") && here.is_inside("db") && !here.is_closed("townclerk"));

    // As long as there is no database WordPress says just that.
    let mut asked = Vec::new();
    let mut comes_to = |path: &str, is_there: fn(&Answer) -> bool| {
        wait(|| {
            asked.push(path.to_owned());
            is_there(&here.ask(path))
        });
    };
    comes_to("/", |answer| answer.status == 302);
    let mut browser = Browser::to(here.outside.door);
    let mail = format!("anna@{HOST}");
    let site = [
        ("weblog_title", "Gmina"),
        ("user_name", LOGIN),
        ("admin_password", PASSWORD),
        ("admin_password2", PASSWORD),
        ("pw_weak", "1"),
        ("admin_email", &mail),
    ];
    let installed = fill(&mut browser, "/wp-admin/install.php?step=2", &site);
    assert!(installed.contains("WordPress has been installed"), "{installed}");
    let who = [
        ("log", LOGIN),
        ("pwd", PASSWORD),
        ("rememberme", "forever"),
        ("testcookie", "1"),
    ];
    let dashboard = fill(&mut browser, "/wp-login.php", &who);
    assert!(dashboard.contains("id=\"dashboard-widgets\""), "{dashboard}");

    browser.hang_up();
    here.engine.compose(&["down", "--timeout", "20"]);
    here.engine.compose(&["up", "--detach"]);
    here.wait_until_well();
    comes_to("/wp-login.php", |answer| answer.status == 200);
    let dashboard = browser.get("/wp-admin/").text();
    assert!(
        dashboard.contains("id=\"dashboard-widgets\""),
        "logged in as before: {dashboard}"
    );
    assert_eq!(
        browser.visit.lasting,
        BTreeSet::new(),
        "cookies that outlive the browser"
    );

    let asked = asked
        .into_iter()
        .chain(browser.visit.asked.into_iter().map(|(_, path)| path));
    let visitor = here.outside.visitor.to_string();
    let mut asked: Vec<_> = asked.map(|path| (visitor.clone(), path)).collect();
    let mut kept = here.kept(asked.len());
    asked.sort();
    kept.sort();
    assert_eq!(kept, asked, "an entry for every request, with the visitor's address");
    here.verify();
}
