//! What `serve` may still touch once it has read its configuration, by the kernel's Landlock (landlock(7)): it writes
//! to its journals and the certificates that it is given alone, makes and removes its own sockets, and listens on its
//! own ports. It reads the folders of what the configuration named, because files are replaced there, and what
//! libraries need of the system. It starts no program.
//!
//! Nobody can loosen it again, so a reload that names something else needs a restart, and says so. Where it connects to
//! is not confined: a reload may name another CMS, and a port says nothing of who is there.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::env;
use std::fmt;
use std::path::{Path, PathBuf};
use std::thread;

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, RulesetStatus, make_bitflags, path_beneath_rules,
};

use super::speech::Problem;
use crate::config::{AdminPlace, Config, Unreadable, read_file};
use crate::reader::Faults;

/// What libraries read of the system at any time: name servers, names of hosts, authorities for certificates, and the
/// libraries that look names up. Whole folders, because such files are replaced.
const SYSTEM: [&str; 10] = [
    "/etc",
    "/gnu/store",
    "/lib",
    "/lib64",
    "/nix/store",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/usr",
    "/var/lib/ca-certificates",
];

/// The newest whose rules are used (Linux 6.10). An older kernel confines as far as it can.
const NEWEST: ABI = ABI::V5;

const REMEDY: &str = "restart townclerk: what it may touch follows from the configuration that it starts with";

/// What a server touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Reach {
    /// Folders, and files that lie in the root folder.
    read: BTreeSet<PathBuf>,
    write: BTreeSet<PathBuf>,
    /// Folders in which it makes and removes sockets.
    sockets: BTreeSet<PathBuf>,
    /// Where it listens. `None`: anywhere, because the system chooses.
    ports: Option<BTreeSet<u16>>,
}

impl Reach {
    /// `files` are those that were read with the configuration, `own` the folders that the service manager gives it.
    fn of(config: &Config, files: &BTreeSet<PathBuf>, own: &[PathBuf]) -> Self {
        let sites = &config.sites;
        let journals = sites.iter().map(|site| site.journal.folder.as_path());
        let certificates = config.acme.iter().map(|acme| acme.folder.as_path());
        let own = own.iter().map(PathBuf::as_path);
        let write = journals.chain(certificates).chain(own).map(real).collect();
        let keys = sites.iter().map(|site| &site.journal.key);
        let cookie_keys = sites.iter().filter_map(|site| site.cookie_keys.as_ref());
        let authority = config.acme.iter().filter_map(|acme| acme.ca.as_ref());
        let read = files
            .iter()
            .chain(keys)
            .chain(cookie_keys)
            .chain(authority)
            .flat_map(|file| places(file));
        let (mut sockets, mut ports) = (BTreeSet::new(), BTreeSet::new());
        ports.extend(config.http.iter().chain(&config.https).map(|address| address.port()));
        for place in &config.admin {
            match place {
                AdminPlace::Tcp(address) => drop(ports.insert(address.port())),
                AdminPlace::Unix(path) => sockets.extend(path.parent().map(real)),
            }
        }
        Self {
            read: read.collect(),
            write,
            sockets,
            ports: (!ports.contains(&0)).then_some(ports),
        }
    }

    /// Binds this thread, and those that it starts from now on.
    fn enforce(&self) -> Result<RestrictionStatus, RulesetError> {
        let read = AccessFs::ReadFile | AccessFs::ReadDir;
        let system = SYSTEM.iter().map(PathBuf::from).chain(authorities());
        let mut ruleset = Ruleset::default().handle_access(AccessFs::from_all(NEWEST))?;
        if self.ports.is_some() {
            ruleset = ruleset.handle_access(AccessNet::BindTcp)?;
        }
        let mut ruleset = ruleset
            .create()?
            .add_rules(path_beneath_rules(system.chain(self.read.iter().cloned()), read))?
            .add_rules(path_beneath_rules(&self.write, writing()))?
            .add_rules(path_beneath_rules(
                &self.sockets,
                AccessFs::MakeSock | AccessFs::RemoveFile,
            ))?;
        for port in self.ports.iter().flatten() {
            ruleset = ruleset.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
        }
        ruleset.restrict_self()
    }
}

/// All that becomes of a journal's files; none of it is run.
fn writing() -> BitFlags<AccessFs> {
    make_bitflags!(AccessFs::{
        ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeDir | MakeSym | RemoveFile | RemoveDir | Refer
    })
}

/// Where this system's certificate authorities are, if its administrator says so.
fn authorities() -> impl Iterator<Item = PathBuf> {
    ["SSL_CERT_FILE", "SSL_CERT_DIR"]
        .into_iter()
        .filter_map(env::var_os)
        .flat_map(|paths| env::split_paths(&paths).collect::<Vec<_>>())
}

/// Where links lead to, as far as something is there.
fn real(path: &Path) -> PathBuf {
    let real = path.canonicalize().or_else(|_| std::path::absolute(path));
    real.unwrap_or_else(|_| path.to_owned())
}

/// The folders in which a file may be replaced: that of its name, and that to which links lead. Never the root.
fn places(file: &Path) -> [PathBuf; 2] {
    let place = |file: PathBuf| match file.parent() {
        Some(folder) if folder != Path::new("/") => real(folder),
        _ => file,
    };
    [
        place(std::path::absolute(file).unwrap_or_else(|_| file.to_owned())),
        place(real(file)),
    ]
}

/// How far the kernel confines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    Whole,
    /// It is older than some of the rules.
    Part,
    Nothing,
}

impl Extent {
    fn of(status: &Result<RestrictionStatus, RulesetError>) -> Self {
        match status.as_ref().map(|status| &status.ruleset) {
            Ok(RulesetStatus::FullyEnforced) => Self::Whole,
            Ok(RulesetStatus::PartiallyEnforced) => Self::Part,
            Ok(RulesetStatus::NotEnforced) | Err(_) => Self::Nothing,
        }
    }

    /// What `serve` has on this machine, tried by a thread that ends with it.
    pub(super) fn here() -> Self {
        let tried = thread::spawn(|| Self::of(&Reach::default().enforce()));
        tried.join().unwrap_or(Self::Nothing)
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole => "confined by Landlock",
            Self::Part => "confined by Landlock, as far as this kernel knows it",
            Self::Nothing => "not confined: this kernel has no Landlock, or does not let it be used here",
        })
    }
}

/// A configuration that is read for the first time, and which files were read for it.
pub(super) fn load(file: &Path) -> (Result<Config, Faults>, BTreeSet<PathBuf>) {
    let files = RefCell::new(BTreeSet::new());
    let config = Config::load_by(file, &|file| {
        files.borrow_mut().insert(file.to_owned());
        read_file(file)
    });
    (config, files.into_inner())
}

/// A process that has confined itself.
pub(super) struct Confined {
    reach: Reach,
    pub(super) extent: Extent,
}

impl Confined {
    /// To what this configuration needs. No other thread may be there yet: each is bound for itself.
    pub(super) fn to(config: &Config, files: &BTreeSet<PathBuf>) -> Self {
        let own = env::var_os("STATE_DIRECTORY"); // systemd's
        let own: Vec<_> = own.iter().flat_map(env::split_paths).collect();
        let reach = Reach::of(config, files, &own);
        let extent = Extent::of(&reach.enforce());
        Self { reach, extent }
    }

    /// Reads a configuration again; what is out of reach is a fault of what names it.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub(super) fn load(&self, file: &Path) -> Result<Config, Faults> {
        Config::load_by(file, &|file| match self.may_read(file) {
            true => read_file(file),
            false => Err(Unreadable {
                found: "townclerk may not read since it started".to_owned(),
                remedy: REMEDY,
            }),
        })
    }

    /// What it cannot have of a configuration that was read again.
    pub(super) fn keeps_from(&self, config: &Config) -> Option<Problem> {
        config.sites.iter().find_map(|site| {
            let (journal, key) = (&site.journal.folder, &site.journal.key);
            let unreadable = [Some(key), site.cookie_keys.as_ref()].into_iter().flatten();
            let unreadable = unreadable
                .filter(|file| !self.may_read(file))
                .map(|file| (file, "read"));
            let unwritable = (!self.may_write(journal)).then_some((journal, "write"));
            let (path, verb) = unwritable.into_iter().chain(unreadable).next()?;
            let what = format!("townclerk may not {verb} {} since it started", path.display());
            Some(Problem::with_hint(what, REMEDY))
        })
    }

    fn may_read(&self, file: &Path) -> bool {
        let real = real(file);
        let mut system = SYSTEM.iter().map(Path::new);
        self.extent == Extent::Nothing
            || self.reach.read.iter().any(|place| real.starts_with(place))
            || system.any(|place| real.starts_with(place))
            || self.may_write(file)
    }

    fn may_write(&self, path: &Path) -> bool {
        let real = real(path);
        self.extent == Extent::Nothing || self.reach.write.iter().any(|place| real.starts_with(place))
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;
    use std::process::Command;
    use std::{fs, io};

    use super::*;

    const POLICY: &str = include_str!("../../config/policy.toml");

    /// A configuration of these lines, the site's last, in /nowhere/etc.
    fn config(listen: &str, site: &str) -> (Config, BTreeSet<PathBuf>) {
        let files = RefCell::new(BTreeSet::new());
        let text = format!(
            "[listen]\n{listen}\n[[site]]\nhosts = [\"a.example\"]\nupstream = {{ url = \"http://cms\" }}\n{site}\n"
        );
        let config = Config::load_by(Path::new("/nowhere/etc/townclerk.toml"), &|file| {
            files.borrow_mut().insert(file.to_owned());
            Ok(match file.extension().and_then(|end| end.to_str()) {
                Some("html") => "<p>".to_owned(),
                _ if file.ends_with("townclerk.toml") => text.clone(),
                _ => POLICY.to_owned(),
            })
        });
        (config.unwrap_or_else(|faults| panic!("{faults}")), files.into_inner())
    }

    fn paths(paths: &[&str]) -> BTreeSet<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn what_is_in_reach_follows_from_the_configuration() {
        let site = "policy = \"/nowhere/office/policy.toml\"\nerror_page = \"/page.html\"\n\
                    journal = { folder = \"/nowhere/lib/a\", key = \"/nowhere/keys/a\" }\n\
                    [site.cookies]\nkey = \"/nowhere/keys/cookies/a\"";
        let listen = "http = [\"0.0.0.0:80\", \"[::]:8080\"]\n[admin]\nlisten = [\"unix:/nowhere/run/a.sock\"]";
        let (own, (config, files)) = (PathBuf::from("/nowhere/state"), config(listen, site));
        let reach = Reach::of(&config, &files, &[own]);
        let expected = Reach {
            read: paths(&[
                "/nowhere/etc",
                "/nowhere/keys",
                "/nowhere/keys/cookies",
                "/nowhere/office",
                "/page.html",
            ]),
            write: paths(&["/nowhere/lib/a", "/nowhere/state"]),
            sockets: paths(&["/nowhere/run"]),
            ports: Some([80, 8080].into()),
        };
        assert_eq!(reach, expected);
    }

    #[test]
    fn where_the_system_chooses_a_port_any_may_be_had() {
        let site = "policy = \"policy.toml\"\njournal = { folder = \"/nowhere/lib/a\" }";
        let (config, files) = config("http = [\"127.0.0.1:80\", \"127.0.0.1:0\"]", site);
        assert_eq!(Reach::of(&config, &files, &[]).ports, None);
    }

    #[test]
    fn what_a_reload_names_elsewhere_is_refused_unless_nothing_confines() {
        let site = |folder: &str| format!("policy = \"policy.toml\"\njournal = {{ folder = \"{folder}\" }}");
        let (before, files) = config("http = [\"127.0.0.1:0\"]", &site("/nowhere/lib/a"));
        let (after, _) = config("http = [\"127.0.0.1:0\"]", &site("/nowhere/other/a"));
        let mut confined = Confined {
            reach: Reach::of(&before, &files, &[]),
            extent: Extent::Whole,
        };
        assert!(confined.keeps_from(&before).is_none());
        let Some(Problem::Is { what, hint: Some(hint) }) = confined.keeps_from(&after) else {
            panic!("it is out of reach");
        };
        assert_eq!(what, "townclerk may not write /nowhere/other/a since it started");
        assert_eq!(hint, REMEDY);
        confined.extent = Extent::Nothing;
        assert!(confined.keeps_from(&after).is_none());
    }

    #[test]
    fn best_effort_is_no_error_whatever_the_kernel_knows() {
        let tried = thread::spawn(|| Reach::default().enforce().map(|status| status.ruleset));
        assert!(tried.join().unwrap().is_ok());
        assert!(
            fs::read("/proc/self/status").is_ok(),
            "this thread is as free as before"
        );
    }

    #[test]
    fn the_kernel_keeps_a_thread_to_its_reach() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["journal", "run", "etc", "other"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("file"), "a").unwrap();
        }
        let reach = Reach {
            read: [at("etc")].into(),
            write: [at("journal")].into(),
            sockets: [at("run")].into(),
            ports: Some([1].into()),
        };
        let denied = |error: io::Error| assert_eq!(error.kind(), io::ErrorKind::PermissionDenied);
        let extent = thread::scope(|scope| {
            let bound = scope.spawn(|| {
                let extent = Extent::of(&reach.enforce());
                if extent == Extent::Nothing {
                    return extent;
                }
                fs::read(at("etc/file")).unwrap();
                fs::write(at("journal/new"), "a").unwrap();
                fs::rename(at("journal/new"), at("journal/file")).unwrap();
                UnixListener::bind(at("run/socket")).unwrap();
                fs::remove_file(at("run/socket")).unwrap();
                denied(fs::read(at("other/file")).unwrap_err());
                denied(fs::read_dir(folder.path()).unwrap_err());
                for place in ["etc", "other", "run"] {
                    denied(fs::write(at(place).join("file"), "b").unwrap_err());
                    denied(fs::write(at(place).join("new"), "b").unwrap_err());
                }
                denied(fs::remove_file(at("etc/file")).unwrap_err());
                denied(Command::new("/bin/true").status().unwrap_err());
                if extent == Extent::Whole {
                    denied(TcpListener::bind("127.0.0.1:0").unwrap_err());
                }
                extent
            });
            bound.join().unwrap()
        });
        assert_eq!(extent, Extent::here());
    }
}
