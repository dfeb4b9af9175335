//! Numbers as people write them.

use crate::policy::Lang;

/// A number with its thousands apart.
pub(crate) fn number(number: u64, lang: Lang) -> String {
    let digits = number.to_string();
    if lang == Lang::Pl && digits.len() == 4 {
        return digits;
    }
    let between = if lang == Lang::Pl { '\u{a0}' } else { ',' };
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(between);
        }
        text.push(digit);
    }
    text
}

/// A size that people can take in.
pub(crate) fn size(bytes: u64, lang: Lang) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let (mut size, mut unit) = (bytes as f64, 0);
    while size >= 1_000.0 && unit + 1 < UNITS.len() {
        size /= 1_000.0;
        unit += 1;
    }
    let text = if size < 10.0 && unit > 0 {
        format!("{size:.1}")
    } else {
        format!("{size:.0}")
    };
    format!("{}\u{a0}{}", decimal(&text, lang), UNITS[unit])
}

/// A time that people can take in.
pub(crate) fn time(milliseconds: u64, lang: Lang) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds}\u{a0}ms"),
        1_000..100_000 => format!(
            "{}\u{a0}s",
            decimal(&format!("{:.1}", milliseconds as f64 / 1_000.0), lang)
        ),
        _ => format!("{}\u{a0}s", number(milliseconds / 1_000, lang)),
    }
}

/// A part of a whole, in per cent.
pub(crate) fn share(part: u64, whole: u64, lang: Lang) -> String {
    let percent = part as f64 * 100.0 / whole.max(1) as f64;
    let text = if percent < 9.95 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    };
    let space = if lang == Lang::Pl { "\u{a0}" } else { "" };
    format!("{}{space}%", decimal(&text, lang))
}

/// How much it changed, in per cent.
pub(in crate::report) fn change(now: u64, before: u64, lang: Lang) -> Option<String> {
    (before > 0).then(|| {
        let percent = (now as f64 / before as f64 - 1.0) * 100.0;
        let sign = if percent >= 0.5 {
            "+"
        } else if percent <= -0.5 {
            "−"
        } else {
            "±"
        };
        let space = if lang == Lang::Pl { "\u{a0}" } else { "" };
        format!("{sign}{}{space}%", number(percent.abs().round() as u64, lang))
    })
}

fn decimal(text: &str, lang: Lang) -> String {
    if lang == Lang::Pl {
        text.replace('.', ",")
    } else {
        text.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_each_language_does() {
        let both = |write: fn(Lang) -> String| [Lang::Pl, Lang::En].map(write);
        assert_eq!(both(|lang| number(1_234, lang)), ["1234", "1,234"]);
        assert_eq!(
            both(|lang| number(1_234_567, lang)),
            ["1\u{a0}234\u{a0}567", "1,234,567"]
        );
        assert_eq!(both(|lang| size(1_500, lang)), ["1,5\u{a0}kB", "1.5\u{a0}kB"]);
        assert_eq!(both(|lang| size(999, lang)), ["999\u{a0}B", "999\u{a0}B"]);
        assert_eq!(both(|lang| time(2_500, lang)), ["2,5\u{a0}s", "2.5\u{a0}s"]);
        assert_eq!(both(|lang| share(1, 3, lang)), ["33\u{a0}%", "33%"]);
        assert_eq!(both(|lang| share(1, 40, lang)), ["2,5\u{a0}%", "2.5%"]);
        assert_eq!(change(90, 100, Lang::En).as_deref(), Some("−10%"));
        assert_eq!(change(100, 100, Lang::En).as_deref(), Some("±0%"));
        assert_eq!(change(1, 0, Lang::En), None);
    }
}
