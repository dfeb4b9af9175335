//! DokuWiki as Debian packages it, with a folder of its own for everything it writes. What is installed is read and
//! never changed, and no user of the machine is needed.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::browser::Browser;
use crate::drain::until;

/// Where Debian puts what the web server shows.
const FILES: &str = "/usr/share/dokuwiki";

pub const LOGIN: &str = "anna";
pub const PASSWORD: &str = "zielony-parasol";
pub const NAME: &str = "Anna Nowak-Testowa";

pub fn is_installed() -> bool {
    Path::new(FILES).join("doku.php").exists()
}

pub struct DokuWiki {
    /// A shell that ends PHP as soon as its standard input is closed, so also when the test is killed.
    keeper: Child,
    address: SocketAddr,
    _folder: tempfile::TempDir,
}

impl DokuWiki {
    pub fn start() -> Self {
        // A port that was free may be taken a moment later, so it must be this wiki that answers.
        (0..5).find_map(|_| Self::try_start()).expect("a port for PHP")
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    fn try_start() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("wiki").tempdir().expect("a folder");
        let title = folder
            .path()
            .file_name()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        configure(folder.path(), &title);
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|port| port.local_addr())
            .expect("a port");
        let keeper = Command::new("sh")
            .args([
                "-c",
                "php \"$@\" </dev/null & php=$!; read -r _; kill $php; wait $php",
                "keeper",
            ])
            .args(["-d", "display_errors=0"])
            .args([
                "-d".to_owned(),
                format!("auto_prepend_file={}", folder.path().join("prepend.php").display()),
            ])
            .args([
                "-d".to_owned(),
                format!("session.save_path={}", folder.path().join("sessions").display()),
            ])
            .args(["-S", &address.to_string(), "-t", FILES])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a shell");
        let wiki = Self {
            keeper,
            address,
            _folder: folder,
        };
        until(|| TcpStream::connect(address).is_ok());
        Browser::to(address)
            .get("/doku.php")
            .text()
            .contains(&title)
            .then_some(wiki)
    }
}

impl Drop for DokuWiki {
    fn drop(&mut self) {
        drop(self.keeper.stdin.take());
        let _ = self.keeper.wait(); // it has ended either way
    }
}

/// Debian lets a file that PHP reads first say where the configuration is, and the configuration where the data is.
pub fn configure(folder: &Path, title: &str) {
    let (data, conf) = (folder.join("data"), folder.join("conf"));
    for part in "pages attic media media_attic media_meta meta cache index locks tmp log".split(' ') {
        fs::create_dir_all(data.join(part)).expect("a folder");
    }
    fs::create_dir(&conf).expect("a folder");
    fs::create_dir(folder.join("sessions")).expect("a folder");
    let hash = Command::new("php")
        .args([
            "-r",
            "echo password_hash($argv[1], PASSWORD_BCRYPT, ['cost' => 4]);",
            PASSWORD,
        ])
        .output()
        .expect("php");
    let hash = String::from_utf8(hash.stdout).expect("text");
    let write = |name: &str, text: String| fs::write(folder.join(name), text).expect("a file");
    write(
        "prepend.php",
        format!("<?php define('DOKU_CONF', '{}/');\n", conf.display()),
    );
    write(
        "conf/local.php",
        format!(
            "<?php\n$conf['title'] = '{title}';\n$conf['useacl'] = 1;\n$conf['superuser'] = '@admin';\n\
             $conf['updatecheck'] = 0;\n$conf['savedir'] = '{}';\n",
            data.display()
        ),
    );
    write(
        "conf/acl.auth.php",
        "# <?php exit()?>\n*  @ALL  1\n*  @user  8\n".to_owned(),
    );
    write(
        "conf/users.auth.php",
        format!("# <?php exit()?>\n{LOGIN}:{hash}:{NAME}:anna@um.example.pl:admin,user\n"),
    );
}
