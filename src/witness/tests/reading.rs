use proptest::prelude::*;

use super::*;
use crate::journal::checkpoint::CheckpointError;
use crate::journal::note::NoteError;
use crate::witness::{Malformed, Place, PlaceError};

#[test]
fn the_request_of_the_specification_is_read() {
    let text = "old 20852014\n\
        PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n\
        jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\
        \n\
        example.com/behind-the-sofa\n\
        20852163\n\
        CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\
        \n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+\
        zyWE+xeMcTOAYQ8=\n";
    let request = Request::parse(text.as_bytes()).unwrap();
    assert_eq!((request.old(), request.proof().len()), (TreeSize(20_852_014), 2));
    assert_eq!(request.checkpoint().origin(), "example.com/behind-the-sofa");
    assert_eq!(request.to_string(), text);
}

#[test]
fn what_is_not_a_request_says_why() {
    let log = Log::of(9);
    let right = log.request(5, 9);
    let hash = log.root(3).to_string();
    let many = format!("old 5\n{}\n", format!("{hash}\n").repeat(64));
    let cases = [
        (String::new(), Malformed::End),
        ("old 5\n".into(), Malformed::End),
        ("\n\n".into(), Malformed::Old),
        (right.replace("old 5", "new 5"), Malformed::Old),
        (right.replace("old 5", "old  5"), Malformed::Old),
        (right.replace("old 5", "old 05"), Malformed::Old),
        (right.replace("old 5", "old +5"), Malformed::Old),
        (right.replace("old 5", "old -5"), Malformed::Old),
        (right.replace("old 5", "old 5 "), Malformed::Old),
        (right.replace("old 5", "old 9223372036854775808"), Malformed::Old),
        (right.replace("old 5\n", "old 5\nhash\n"), Malformed::Proof),
        (right.replace("old 5\n", &format!("old 5\n{hash} \n")), Malformed::Proof),
        (right.replace("old 5\n", "old 5\r\n"), Malformed::Old),
        (right.replace("\n\n", "\n"), Malformed::End),
        (many, Malformed::End),
        (right.replace("old 5", "old 10"), Malformed::Backwards),
        (
            right.replace("\n9\n", "\nnine\n"),
            Malformed::Checkpoint(CheckpointError::Size),
        ),
        (right.trim_end().into(), Malformed::Note(NoteError::NotText)),
    ];
    for (text, error) in cases {
        assert_eq!(Request::parse(text.as_bytes()), Err(error), "{text:?}");
    }
}

#[test]
fn places_are_read_and_written() {
    let cases = [
        (
            "unix:/run/townclerk-witness/socket",
            "unix:/run/townclerk-witness/socket",
        ),
        ("http://w.example", "http://w.example:80"),
        ("http://w.example:8090/", "http://w.example:8090"),
        ("http://w.example/a/b/", "http://w.example:80/a/b"),
        ("http://[::1]:8090", "http://[::1]:8090"),
        ("http://[::1]", "http://[::1]:80"),
        ("https://w.example", "https://w.example:443"),
        ("https://[::1]:8443/a", "https://[::1]:8443/a"),
    ];
    for (text, written) in cases {
        let place: Place = text.parse().unwrap();
        assert_eq!(place.to_string(), written);
        assert_eq!(written.parse(), Ok(place));
    }
}

#[test]
fn what_is_no_place_says_why() {
    let cases = [
        ("unix:socket", PlaceError::Relative),
        ("", PlaceError::Form),
        ("/run/socket", PlaceError::Form),
        ("w.example:80", PlaceError::Form),
        ("ftp://w.example", PlaceError::Form),
        ("http://user@w.example", PlaceError::Form),
        ("http://w.example:99999", PlaceError::Form),
        ("http://[]:80", PlaceError::Form),
        ("http://[w.example]", PlaceError::Form),
        ("http://w.example:", PlaceError::Form),
        ("http://w.example/?query", PlaceError::Form),
    ];
    for (text, error) in cases {
        assert_eq!(text.parse::<Place>(), Err(error), "{text:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_request_or_not(bytes: Vec<u8>) {
        let _ = Request::parse(&bytes);
    }

    #[test]
    fn any_lines_are_a_request_or_not(
        text in "(old [0-9]{1,20}|\n|town.example|[0-9]|— [a-z]{3} AAAAAAE=|CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=){0,20}",
    ) {
        if let Ok(request) = Request::parse(text.as_bytes()) {
            prop_assert_eq!(request.to_string(), text);
        }
    }

    #[test]
    fn every_request_is_read_back(old in 0..=9u64, grown in 0..=9u64) {
        let text = Log::of(18).request(old, old + grown);
        prop_assert_eq!(Request::parse(text.as_bytes()).unwrap().to_string(), text);
    }

    #[test]
    fn any_text_is_a_place_or_not(text in "(unix:|http://|https://|\\PC|[:/@\\[\\]?]){0,20}") {
        if let Ok(place) = text.parse::<Place>() {
            prop_assert_eq!(place.to_string().parse(), Ok(place));
        }
    }
}
