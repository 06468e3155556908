//! Whole numbers, in every spelling that relays give them.

use std::borrow::Cow;

/// The most digits that a number is written out with. The greatest that is taken has 20.
const DIGITS_MAX: usize = 40;

/// The number that a text spells, if it is whole, not negative, and not too large: `5`, `5.0`
/// and `0.5e1` are the same number. It never passes through a float.
pub fn whole_number(text: &str) -> Option<u64> {
    whole_digits(text)?.parse().ok()
}

/// The digits of a whole number from 0. `None` if the text spells no such number.
pub(super) fn whole_digits(text: &str) -> Option<Cow<'_, str>> {
    if is_digits(text) {
        return Some(text.into());
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
        None => (text, 0),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) if is_digits(fraction) => (whole, fraction),
        Some(_) => return None,
        None => (mantissa, ""),
    };
    if !is_digits(whole) {
        return None;
    }
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0').len();
    if significant == 0 || digits.bytes().all(|digit| digit == b'0') {
        return Some("0".into());
    }
    // How many of the digits are before the point, once the exponent has moved it.
    let point = usize::try_from(i64::try_from(whole.len()).ok()? + exponent).ok()?;
    let is_whole = (significant..=DIGITS_MAX).contains(&point);
    is_whole.then(|| {
        let mut digits = digits;
        digits.truncate(point);
        let zeros = point - digits.len();
        digits.extend(std::iter::repeat_n('0', zeros));
        digits.trim_start_matches('0').to_owned().into()
    })
}

fn parse_exponent(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let size: i64 = digits.parse().ok().filter(|_| is_digits(digits))?;
    // No number with more is written out.
    (size <= 1_000).then_some(sign * size)
}

pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_values_are_the_same_number_in_every_spelling() {
        let rows = [
            ("5.0", Some(5)),
            ("0.5e1", Some(5)),
            ("50e-1", Some(5)),
            ("5E0", Some(5)),
            ("1.79E12", Some(1_790_000_000_000)),
            ("1790000000123.0", Some(1_790_000_000_123)),
            ("1.790000000123e+12", Some(1_790_000_000_123)),
            ("18446744073709551615.00", Some(u64::MAX)),
            ("1.8446744073709551615e19", Some(u64::MAX)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("0.0", Some(0)),
            ("0e9", Some(0)),
            ("007", Some(7)),
            ("18446744073709551616.0", None),
            ("1e20", None),
            ("1e999999999999", None),
            ("1e-999999999999", None),
            ("1.5", None),
            ("5e-1", None),
            ("1.79E1", None),
            ("-5.0", None),
            ("+5.0", None),
            ("5.", None),
            (".5", None),
            ("5e", None),
            ("e5", None),
            ("5e1.0", None),
            ("", None),
            ("0x5", None),
            ("5.0.0", None),
        ];
        for (text, number) in rows {
            assert_eq!(whole_number(text), number, "{text}");
        }
    }

    proptest! {
        #[test]
        fn moving_the_point_changes_nothing(number: u64, places in 0usize..25) {
            let digits = format!("{number:025}");
            let (whole, fraction) = digits.split_at(25 - places);
            let whole = if whole.is_empty() { "0" } else { whole };
            let fraction = if fraction.is_empty() { "0" } else { fraction };
            prop_assert_eq!(whole_number(&format!("{whole}.{fraction}e{places}")), Some(number));
        }

        #[test]
        fn no_text_makes_it_panic(text in "[-+0-9.eE]{0,30}") {
            let _ = whole_number(&text);
        }
    }
}
