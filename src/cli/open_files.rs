//! How many files the process may have open. Every visitor's connection is one, and every connection to the CMS.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// For journals, listeners, and whatever libraries open.
const OTHERS: u64 = 500;

/// Takes as many as the system's administrator allows. The lower limit that programs start with is there for those that
/// use `select`, which we do not.
pub(super) fn allow_all() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    let _ = setrlimit(Resource::Nofile, all); // where that is forbidden, the warning tells what there is
}

/// What to tell the administrator if they may not be enough for so many connections.
pub(super) fn warning(connections: usize) -> Option<String> {
    let allowed = getrlimit(Resource::Nofile).current?;
    too_few(connections, allowed)
}

fn too_few(connections: usize, allowed: u64) -> Option<String> {
    let needed = (connections as u64).saturating_mul(2);
    (allowed < needed).then(|| {
        let enough = allowed.saturating_sub(OTHERS) / 2;
        let wanted = needed.saturating_add(OTHERS);
        format!(
            "limits.connections is {connections}, but the {allowed} files that this process may have open are enough \
             for some {enough}: lower it, or allow {wanted} (LimitNOFILE in systemd, --ulimit nofile in Docker)"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_takes_two_files() {
        assert_eq!(too_few(10_000, 20_000), None);
        let warning = too_few(10_000, 1_024).expect("too few");
        assert!(warning.contains("262") && warning.contains("20500"), "{warning}");
    }

    #[test]
    fn all_that_are_allowed_are_taken() {
        allow_all();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
        assert!(warning(usize::MAX).is_some() || limit.current.is_none());
    }
}
