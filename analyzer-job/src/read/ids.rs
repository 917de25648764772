//! Identifiers that join datasets: when two of them are the same.

use crate::values::typing;

/// How identifiers are compared: as numbers only if every identifier of every dataset is a number without leading
/// zeros, else as exact text. A missing one has no partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    Numbers,
    Texts,
}

impl Ids {
    /// Puts what an identifier is compared by into `key`. False for a missing identifier; none for one that shows
    /// that identifiers are texts.
    pub(crate) fn key(self, written: &str, key: &mut String) -> Option<bool> {
        key.clear();
        if typing::is_missing(written) {
            return Some(false);
        }
        match self {
            Ids::Texts => key.push_str(written),
            Ids::Numbers => decimal(written.trim_ascii(), key)?,
        }
        Some(true)
    }
}

/// An identifier for a message, cut to a length that fits there.
pub(crate) fn shown(written: &str) -> String {
    const LONGEST: usize = 40;
    match written.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("`{}...`", &written[..end]),
        None => format!("`{written}`"),
    }
}

/// Appends the value of a decimal number, digit for digit: `7.0`, `+7` and `70e-1` are the same text, and numbers of
/// any length stay apart, which they would not as doubles. None for what is no number or has leading zeros.
fn decimal(number: &str, key: &mut String) -> Option<()> {
    let (negative, number) = match number.strip_prefix(['+', '-']) {
        Some(rest) => (number.starts_with('-'), rest),
        None => (false, number),
    };
    let (digits, exponent) = match number.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i64>().ok()?),
        None => (number, 0),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = whole.len() + fraction.len() > 0
        && [whole, fraction].iter().all(|part| part.bytes().all(|byte| byte.is_ascii_digit()));
    if !is_number || (whole.starts_with('0') && whole.len() > 1) {
        return None;
    }
    let start = key.len();
    key.push_str(whole.trim_start_matches('0'));
    if key.len() == start {
        key.push_str(fraction.trim_start_matches('0'));
    } else {
        key.push_str(fraction);
    }
    let zeros = key.len() - start - key[start..].trim_end_matches('0').len();
    key.truncate(key.len() - zeros);
    if key.len() == start {
        key.push('0');
        return Some(());
    }
    // The number is the digits before it, times ten to this power.
    let power = exponent.checked_add(zeros as i64)?.checked_sub(fraction.len() as i64)?;
    if negative {
        key.insert(start, '-');
    }
    key.push('e');
    key.push_str(&power.to_string());
    Some(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(id: &str) -> String {
        let mut key = String::new();
        assert_eq!(Ids::Numbers.key(id, &mut key), Some(true), "{id}");
        key
    }

    #[test]
    fn identifiers_are_numbers_only_without_leading_zeros() {
        for (one, two) in [
            ("7", "7.0"),
            ("1E5", "100000"),
            (" 7", "7"),
            ("+7", "7"),
            ("0.5", "5e-1"),
            (".5", "0.50"),
            ("5.", "5"),
            ("-0", "0"),
            ("0.00e7", "0"),
            ("1e+25", "10000000000000000000000000"),
            ("1e400", "10e399"),
        ] {
            assert_eq!(key(one), key(two), "{one} {two}");
        }
        let mut key = String::new();
        for id in [
            "007",
            "00",
            "-07",
            "a7",
            "inf",
            "nan1",
            "1_000",
            "True",
            "--1",
            "7a",
            ".",
            "e5",
            "1e",
            "1e5.0",
            "0x1",
            "1e99999999999999999999",
        ] {
            assert_eq!(Ids::Numbers.key(id, &mut key), None, "{id}");
            assert_eq!((Ids::Texts.key(id, &mut key), key.as_str()), (Some(true), id));
        }
        for id in ["", "NA", "NaN"] {
            assert_eq!(
                (Ids::Numbers.key(id, &mut key), Ids::Texts.key(id, &mut key)),
                (Some(false), Some(false))
            );
        }
    }

    #[test]
    fn different_numbers_stay_apart_however_long_they_are() {
        for (one, two) in [
            ("9007199254740993", "9007199254740992"),
            ("9223372036854775808", "9223372036854775809"),
            ("18446744073709551615", "18446744073709551614"),
            ("10000000000000000000000027", "10000000000000000000000026"),
            ("0.1", "0.1000000000000000055511151231257827"),
            ("1e400", "1e401"),
            ("1e-400", "0"),
            ("-9223372036854775809", "9223372036854775809"),
            ("10", "1"),
            ("1.5", "15"),
        ] {
            assert_ne!(key(one), key(two), "{one} {two}");
        }
    }

    proptest! {
        /// Whole numbers of 128 bits, however they are written.
        #[test]
        fn two_numbers_have_one_key_exactly_when_they_are_equal(one: i128, two: i128, near in -2_i128..=2, zeros in 0_usize..4) {
            for other in [two, one.saturating_add(near)] {
                let zeros = "0".repeat(zeros);
                let written = [format!("{other}"), format!("{other}.{zeros}"), format!("{other}{zeros}e-{}", zeros.len())];
                for text in written {
                    // Zero with more zeros has leading ones.
                    prop_assume!(other != 0 || zeros.is_empty());
                    prop_assert_eq!(key(&one.to_string()) == key(&text), one == other, "{} {}", one, text);
                }
            }
        }
    }
}
