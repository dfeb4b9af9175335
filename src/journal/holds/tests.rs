use jiff::civil::date;
use proptest::prelude::*;

use super::*;
use crate::journal::simulated::Simulated;

fn hold(from: &str, to: &str) -> Hold {
    Hold {
        case: Case::parse("RPD-12.2026").unwrap(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        set: "2026-11-21T20:00:00Z".parse().unwrap(),
        reason: Some("pismo \"RPD\" \\ 12".to_owned()),
    }
}

#[test]
fn a_hold_is_read_as_it_is_set_once_and_is_gone_when_released() {
    let disk = Simulated::default();
    layout::init_on(&disk, "town.example").unwrap();
    assert!(list(&disk).unwrap().is_empty());
    let hold = hold("2026-11-01T00:00:00Z", "2026-11-02T00:00:00.5Z");
    set(&disk, &hold).unwrap();
    assert_eq!(list(&disk).unwrap(), std::slice::from_ref(&hold));
    assert!(matches!(set(&disk, &hold), Err(HoldError::Exists)));
    release(&disk, &hold.case).unwrap();
    assert!(list(&disk).unwrap().is_empty());
    assert!(matches!(release(&disk, &hold.case), Err(HoldError::Missing)));
}

#[test]
fn what_is_not_a_hold_is_not_set() {
    let disk = Simulated::default();
    let time = "2026-11-01T00:00:00Z";
    assert!(matches!(set(&disk, &hold(time, time)), Err(HoldError::Empty)));
    for reason in ["a\nb".to_owned(), "a".repeat(501)] {
        let mut hold = hold(time, "2026-11-02T00:00:00Z");
        hold.reason = Some(reason);
        assert!(matches!(set(&disk, &hold), Err(HoldError::Reason)));
    }
    for case in ["", ".new", "../a", "a/b", "a b", "ż", "-a", &"a".repeat(65)] {
        assert_eq!(Case::parse(case), None, "{case}");
    }
}

#[test]
fn a_damaged_hold_is_no_missing_hold() {
    for text in ["", "case = \"b\"", "case = \"a\"\nfrom = 1\n", "\u{0}"] {
        let disk = Simulated::default();
        disk.make_folder(FOLDER).unwrap();
        disk.put("holds/a.toml", text.as_bytes());
        assert!(matches!(list(&disk), Err(HoldError::Damaged { case }) if case == "a"));
    }
}

#[test]
fn a_hold_keeps_the_days_that_it_touches_and_those_next_to_them() {
    let hold = hold("2026-11-10T08:00:00Z", "2026-11-11T00:00:00Z");
    let days = (1..=30).filter(|day| hold.keeps(date(2026, 11, *day), Some(date(2026, 11, *day).tomorrow().unwrap())));
    assert_eq!(days.collect::<Vec<_>>(), [9, 10, 11]);
    let last = Some(date(2026, 11, 20));
    assert!(
        hold.keeps(date(2026, 11, 1), last),
        "it may hold what waited for a failed disk"
    );
}

proptest! {
    #[test]
    fn any_case_and_reason_read_back(case in "\\PC{0,8}|[a-z0-9._-]{1,64}", reason in prop::option::of("\\PC{0,40}")) {
        if let Some(case) = Case::parse(&case) {
            let mut hold = hold("2026-11-10T08:00:00Z", "2026-11-11T00:00:00Z");
            hold.case = case.clone();
            hold.reason = reason.filter(|reason| !reason.chars().any(char::is_control));
            prop_assert_eq!(Hold::parse(&case, &hold.text()), Some(hold));
        }
    }

    #[test]
    fn any_file_is_survived(text in "\\PC{0,60}|(case = \"a\"\n)?(from = [0-9T:Z-]{1,20}\n)?") {
        Hold::parse(&Case::parse("a").unwrap(), &text);
    }
}
