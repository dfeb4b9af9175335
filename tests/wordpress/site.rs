//! WordPress as Debian packages it, with a MariaDB of its own, both in a folder of their own. What is installed is read
//! and never changed, and no service of the machine is needed.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::drain::until;
use crate::skip::{skip, without};
use crate::town::{HOST, Visitor};

/// Where Debian puts it.
pub const FILES: &str = "/usr/share/wordpress";
const THEME: &str = "wp-content/themes/twentytwentythree";

/// A file that no page names.
const LAST: &str = "/readme.html";

pub const LOGIN: &str = "anna";
pub const PASSWORD: &str = "zielony-parasol";

/// Whether something is missing that it takes; says what.
pub fn is_missing() -> bool {
    const WHAT: &str = "WordPress";
    for (file, package) in [
        ("wp-login.php", "wordpress"),
        (THEME, "wordpress-theme-twentytwentythree"),
    ] {
        if !Path::new(FILES).join(file).exists() {
            skip(WHAT, &format!("the package {package} is not installed"));
            return true;
        }
    }
    let programs = [
        ("php", "-v"),
        ("mariadbd", "--version"),
        ("mariadb", "--version"),
        ("chromium", "--version"),
    ];
    if programs
        .iter()
        .any(|(program, version)| without(program, version, WHAT))
    {
        return true;
    }
    let mysqli = ["-r", "exit(extension_loaded('mysqli') ? 0 : 1);"];
    let is_there = Command::new("php")
        .args(mysqli)
        .status()
        .is_ok_and(|status| status.success());
    if !is_there {
        skip(WHAT, "the package php-mysql is not installed");
    }
    !is_there
}

pub struct WordPress {
    /// Dropped in this order: PHP asks the database.
    _php: Keeper,
    _database: Keeper,
    address: SocketAddr,
    folder: tempfile::TempDir,
}

/// A shell that ends its program as soon as its standard input is closed, so also when the test is killed.
struct Keeper(Child);

impl Keeper {
    fn of(command: &str, arguments: &[String], log: &Path) -> Self {
        let log = fs::File::create(log).expect("a file");
        let script = format!("{command} \"$@\" </dev/null & kept=$!; read -r _; kill $kept; wait $kept");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "keeper"]).args(arguments);
        shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(log);
        Self(shell.spawn().expect("a shell"))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _ = self.0.wait(); // it has ended either way
    }
}

impl WordPress {
    /// Installs it without asking, and starts it.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("wp").tempdir().expect("a folder");
        let database = start_database(folder.path());
        lay_out(folder.path());
        let prepend = format!("auto_prepend_file={}", folder.path().join("prepend.php").display());
        let installed = Command::new("php")
            .args(["-d", &prepend, "-d", "sendmail_path=/bin/true"])
            .arg(folder.path().join("install.php"))
            .output()
            .expect("php");
        assert_eq!(String::from_utf8_lossy(&installed.stdout), "installed", "{installed:?}");
        // A port that was free may be taken a moment later, so it must be this WordPress that answers.
        let (php, address) = (0..5)
            .find_map(|_| serve(folder.path(), &prepend))
            .expect("a port for PHP");
        Self {
            _php: php,
            _database: database,
            address,
            folder,
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every request that reached it so far: method and path. PHP answers one after the other and notes each at its
    /// end, so one more makes sure that none is still on its way, whoever has left meanwhile.
    pub fn asked(&self) -> Vec<(String, String)> {
        let mut visitor = Visitor::to(self.address);
        visitor.send(format!(
            "GET {LAST} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n"
        ));
        assert_eq!(visitor.answer().status, 200);
        let log = fs::read_to_string(self.folder.path().join("php.log")).expect("text");
        let asked = log.lines().filter_map(|line| {
            let (_, request) = line.split_once("]: ")?;
            let (method, target) = request.split_once(' ')?;
            let is_method = !method.is_empty() && method.bytes().all(|byte| byte.is_ascii_uppercase());
            let path = target.split(['?', ' ']).next()?;
            (is_method && path.starts_with('/') && path != LAST).then(|| (method.to_owned(), path.to_owned()))
        });
        asked.collect()
    }
}

fn start_database(folder: &Path) -> Keeper {
    let user = Command::new("id").arg("-un").output().expect("id runs").stdout;
    let user = String::from_utf8(user).expect("a name");
    let data = format!("--datadir={}", folder.join("db").display());
    let own = format!("--user={}", user.trim());
    let made = Command::new("mariadb-install-db")
        .args([
            "--no-defaults",
            "--auth-root-authentication-method=normal",
            "--skip-test-db",
            &data,
            &own,
        ])
        .stdin(Stdio::null())
        .output()
        .expect("mariadb-install-db");
    assert!(made.status.success(), "{made:?}");
    let socket = folder.join("db.sock");
    let arguments = [
        "--no-defaults".to_owned(),
        "--skip-networking".to_owned(),
        "--innodb-flush-log-at-trx-commit=0".to_owned(),
        data,
        own,
        format!("--socket={}", socket.display()),
        format!("--pid-file={}", folder.join("db.pid").display()),
    ];
    let database = Keeper::of("mariadbd", &arguments, &folder.join("db.log"));
    until(|| {
        let made = Command::new("mariadb")
            .args([
                "--no-defaults",
                "-uroot",
                "-e",
                "CREATE DATABASE IF NOT EXISTS wordpress",
            ])
            .arg(format!("--socket={}", socket.display()))
            .stderr(Stdio::null())
            .status();
        made.is_ok_and(|status| status.success())
    });
    database
}

/// A folder that looks like Debian's, but for its configuration and for what WordPress writes. WordPress looks for the
/// former where ABSPATH says, which a file can say that PHP reads first.
fn lay_out(folder: &Path) {
    let (site, content) = (folder.join("site"), folder.join("content"));
    for part in [
        &site,
        &content.join("themes"),
        &content.join("plugins"),
        &content.join("uploads"),
    ] {
        fs::create_dir_all(part).expect("a folder");
    }
    for file in fs::read_dir(FILES).expect("a folder").flatten() {
        let name = file.file_name();
        if !matches!(name.to_str(), Some("wp-config.php" | "wp-content")) {
            symlink(file.path(), site.join(name)).expect("a link");
        }
    }
    symlink(&content, site.join("wp-content")).expect("a link");
    symlink(Path::new(FILES).join(THEME), content.join("themes/twentytwentythree")).expect("a link");

    let write = |name: &str, text: String| fs::write(folder.join(name), text).expect("a file");
    write(
        "prepend.php",
        format!("<?php define('ABSPATH', '{}/');\n", site.display()),
    );
    let keys = ["AUTH", "SECURE_AUTH", "LOGGED_IN", "NONCE"];
    let keys = keys.map(|name| format!("define('{name}_KEY', '{name} key'); define('{name}_SALT', '{name} salt');\n"));
    write(
        "site/wp-config.php",
        format!(
            "<?php\ndefine('DB_NAME', 'wordpress'); define('DB_USER', 'root'); define('DB_PASSWORD', '');\n\
             define('DB_HOST', 'localhost:{}'); define('DB_CHARSET', 'utf8mb4');\n\
             define('WP_HOME', 'http://' . $_SERVER['HTTP_HOST']); define('WP_SITEURL', WP_HOME);\n\
             define('WP_CONTENT_DIR', '{}');\n\
             define('WP_HTTP_BLOCK_EXTERNAL', true); define('DISABLE_WP_CRON', true);\n{}\
             $table_prefix = 'wp_';\nrequire_once ABSPATH . 'wp-settings.php';\n\
             add_filter('comment_flood_filter', '__return_false', 99); // a test writes faster than people\n",
            folder.join("db.sock").display(),
            content.display(),
            keys.concat(),
        ),
    );
    write(
        "install.php",
        format!(
            "<?php\n$_SERVER['HTTP_HOST'] = '{HOST}';\ndefine('WP_INSTALLING', true);\n\
             require ABSPATH . 'wp-load.php';\nrequire ABSPATH . 'wp-admin/includes/upgrade.php';\n\
             wp_install('Gmina', '{LOGIN}', 'anna@{HOST}', true, '', '{PASSWORD}');\n\
             update_option('show_avatars', 0);\nupdate_option('comment_previously_approved', 0);\necho 'installed';\n"
        ),
    );
}

fn serve(folder: &Path, prepend: &str) -> Option<(Keeper, SocketAddr)> {
    let address = TcpListener::bind("127.0.0.1:0")
        .and_then(|port| port.local_addr())
        .expect("a port");
    let site = folder.join("site");
    let arguments = [
        "-d",
        prepend,
        "-d",
        "display_errors=0",
        "-d",
        "sendmail_path=/bin/true",
        "-S",
    ];
    let mut arguments: Vec<_> = arguments.map(ToOwned::to_owned).into();
    arguments.extend([address.to_string(), "-t".to_owned(), site.display().to_string()]);
    let php = Keeper::of("php", &arguments, &folder.join("php.log"));
    until(|| TcpStream::connect(address).is_ok());
    let said = fs::read_to_string(folder.join("php.log")).expect("text");
    (!said.contains("Failed to listen")).then_some((php, address))
}
