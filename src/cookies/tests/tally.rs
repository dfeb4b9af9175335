//! The inventory.

use super::*;

/// The inventory after these `Cookie` fields and `Set-Cookie` lines.
fn counted(fields: &[&str], lines: &[&str]) -> Snapshot {
    let rules = rules();
    let tally = Tally::new(&rules);
    for field in fields {
        judge_crumbs(field.as_bytes(), &rules).for_each(|crumb| tally.count_sent(&crumb));
    }
    for line in lines {
        tally.count_set(&judge(line.as_bytes(), &rules, false, &clock()));
    }
    tally.snapshot()
}

fn undeclared(snapshot: &Snapshot) -> Vec<&str> {
    snapshot
        .seen
        .iter()
        .filter(|seen| !seen.declared)
        .map(|seen| &*seen.name)
        .collect()
}

#[test]
fn names_are_listed_with_who_set_them_and_what_became_of_them() {
    let snapshot = counted(
        &["sid=1; _ga=1", "sid=1; theme=1"],
        &[
            "sid=1; Max-Age=60",
            "sid=1; SameSite=Lax",
            "theme=1",
            "theme=; Max-Age=0",
        ],
    );
    let seen = |name: &str| snapshot.seen.iter().find(|seen| seen.name == name).unwrap();

    assert!(seen("sid").declared && seen("sid").from_cms());
    assert_eq!(seen("sid").traffic.sent, Counts::from([(Verdict::Passed, 2)]));
    assert_eq!(
        seen("sid").traffic.set,
        Counts::from([(Verdict::Passed, 1), (Verdict::Limited, 1)])
    );
    assert!(!seen("theme").declared && seen("theme").from_cms());
    assert_eq!(
        seen("theme").traffic.set,
        Counts::from([(Verdict::Deletion, 1), (Verdict::Stripped, 1)])
    );
    assert!(!seen("_ga").declared && !seen("_ga").from_cms());
    assert_eq!(seen("_ga").traffic.sent, Counts::from([(Verdict::Stripped, 1)]));
    assert_eq!(
        snapshot.total.sent,
        Counts::from([(Verdict::Passed, 2), (Verdict::Stripped, 2)])
    );
    assert_eq!(
        snapshot.total.set,
        Counts::from([
            (Verdict::Passed, 1),
            (Verdict::Limited, 1),
            (Verdict::Deletion, 1),
            (Verdict::Stripped, 1)
        ])
    );
    assert!(snapshot.seen.is_sorted_by(|one, other| one.name < other.name));
}

#[test]
fn patterns_are_counted_as_the_policy_writes_them() {
    let hash = "0123456789abcdef0123456789abcdef";
    let snapshot = counted(
        &[&format!(
            "wordpress_logged_in_{hash}=1; wp-settings-7=1; wp-settings-8=1; DW{hash}=1"
        )],
        &[],
    );
    let names: Vec<(&str, u64)> = snapshot
        .seen
        .iter()
        .map(|seen| (&*seen.name, seen.traffic.sent.sum()))
        .collect();
    assert_eq!(
        names,
        [
            ("DW<hex32>", 1),
            ("__Host-sid", 0),
            ("__secure-sid", 0),
            ("sid", 0),
            ("wordpress_logged_in_<hex32>", 1),
            ("wp-*", 2)
        ]
    );
}

#[test]
fn strangers_can_neither_fill_the_inventory_nor_name_persons_in_it() {
    let many: Vec<String> = (0..1000).map(|number| format!("x{number}=1")).collect();
    let snapshot = counted(
        &[
            &format!(
                "{}=1; a%40gmina.pl=1; a@gmina.pl=1; x44051401359y=1; =x; nameless; $Path=1",
                "x".repeat(65)
            ),
            &many.join("; "),
        ],
        &["theme=1", "nameless", "prefs[size]=1", "a\u{0142}=1"],
    );
    assert_eq!(undeclared(&snapshot).len(), 128 + 3);
    assert!(
        ["", "prefs[size]", "theme"]
            .iter()
            .all(|name| undeclared(&snapshot).contains(name))
    );
    assert!(
        undeclared(&snapshot)
            .iter()
            .filter(|name| name.starts_with('x'))
            .all(|name| name.len() <= 4)
    );
    assert!(
        !undeclared(&snapshot)
            .iter()
            .any(|name| name.contains("gmina") || name.contains("440"))
    );
    assert_eq!(snapshot.others.sent.of(Verdict::Stripped), 7 + 1000 - 128);
    assert_eq!(snapshot.others.set.of(Verdict::Stripped), 1);
    assert_eq!(snapshot.total.sent.of(Verdict::Stripped), 1007);
}

#[test]
fn the_cms_can_fill_it_and_no_more() {
    let lines: Vec<String> = (0..300).map(|number| format!("x{number}=1")).collect();
    let snapshot = counted(&[], &lines.iter().map(String::as_str).collect::<Vec<_>>());
    assert_eq!(undeclared(&snapshot).len(), 256);
    assert_eq!(snapshot.others.set.of(Verdict::Stripped), 300 - 256);
}

#[test]
fn threads_lose_no_count() {
    let rules = rules();
    let tally = Tally::new(&rules);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..500 {
                    judge_crumbs(b"sid=1; _ga=1; a b=1", &rules).for_each(|crumb| tally.count_sent(&crumb));
                }
            });
        }
    });
    let snapshot = tally.snapshot();
    assert_eq!(
        snapshot.total.sent,
        Counts::from([(Verdict::Passed, 2000), (Verdict::Stripped, 4000)])
    );
    assert_eq!(snapshot.others.sent.of(Verdict::Stripped), 2000);
}
