//! PESEL, the number of every person registered in Poland: a date of birth, a serial number, a check digit.

/// The digits of a number.
pub(super) const DIGITS: usize = 11;

/// Whether these are 11 digits with a valid date and check digit (Act on the register of the population, art. 15).
pub(super) fn is_valid(digits: &[u8]) -> bool {
    const WEIGHTS: [u32; DIGITS] = [1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1];
    if digits.len() != DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let value = |i: usize| u32::from(digits[i] - b'0');
    let sum: u32 = WEIGHTS.iter().enumerate().map(|(i, weight)| weight * value(i)).sum();
    sum.is_multiple_of(10)
        && is_date(
            value(0) * 10 + value(1),
            value(2) * 10 + value(3),
            value(4) * 10 + value(5),
        )
}

/// The month carries the century: 80 for the 19th, nothing for the 20th, then 20, 40, 60.
fn is_date(year: u32, month: u32, day: u32) -> bool {
    let century = match month / 20 {
        4 => 1800,
        0 => 1900,
        1 => 2000,
        2 => 2100,
        _ => 2200,
    };
    jiff::civil::Date::new((century + year) as i16, (month % 20) as i8, day as i8).is_ok()
}

#[cfg(test)]
mod tests {
    use super::is_valid;

    #[test]
    fn numbers_of_every_century_are_known() {
        for number in ["44051401359", "02070803628", "00222911111", "00822800006"] {
            let mut number = number.as_bytes().to_vec();
            let check = (0..10u8).filter(|digit| {
                number[10] = b'0' + digit;
                is_valid(&number)
            });
            assert_eq!(check.count(), 1, "one check digit fits");
        }
        assert!(is_valid(b"44051401359"));
        assert!(is_valid(b"02070803628"));
    }

    #[test]
    fn a_wrong_check_digit_or_date_is_no_number() {
        assert!(!is_valid(b"44051401358"));
        for day in ["440230", "441301", "010229", "440500", "440532", "002230"] {
            for rest in 0..=99_999 {
                assert!(!is_valid(format!("{day}{rest:05}").as_bytes()));
            }
        }
        assert!(!is_valid(b"4405140135"));
        assert!(!is_valid(b"4405140135x"));
    }
}
