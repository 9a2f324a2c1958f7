//! Exact integers of any size, as decimal text: fast for 64 bits, right beyond.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cmp::Ordering;

/// The sum of two JSON integers.
pub fn add(left: &str, right: &str) -> String {
    match (left.parse::<i64>(), right.parse::<i64>()) {
        (Ok(left), Ok(right)) => match left.checked_add(right) {
            Some(sum) => sum.to_string(),
            None => (i128::from(left) + i128::from(right)).to_string(),
        },
        _ => add_text(left, right),
    }
}

/// The negative of a JSON integer.
pub fn negate(integer: &str) -> String {
    match integer.strip_prefix('-') {
        Some(magnitude) => magnitude.to_owned(),
        None if integer == "0" => integer.to_owned(),
        None => format!("-{integer}"),
    }
}

/// Reads the argument `by` of a counter: an integer, a number without fraction, or a string of
/// decimal digits, as normalized JSON text. The error says what is wrong with it.
pub fn parse_by(text: &str) -> Result<String, &'static str> {
    const NOT_AN_INTEGER: &str = "must be an integer";
    if let Some(digits) = text.strip_prefix('"') {
        let digits = digits.strip_suffix('"').unwrap_or(digits);
        return if is_plain_integer(digits) {
            Ok(canonical(digits))
        } else {
            Err(NOT_AN_INTEGER)
        };
    }
    if is_plain_integer(text) {
        return Ok(canonical(text));
    }
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return Err(NOT_AN_INTEGER);
    }
    if !text.parse::<f64>().is_ok_and(f64::is_finite) {
        return Err("must be a finite integer");
    }
    whole_float(text).ok_or("must be an integer, not a fraction")
}

/// `-?(0|[1-9][0-9]*)`
fn is_plain_integer(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    !digits.is_empty()
        && digits.bytes().all(|byte| byte.is_ascii_digit())
        && (digits.len() == 1 || !digits.starts_with('0'))
}

fn canonical(integer: &str) -> String {
    if integer == "-0" {
        "0".to_owned()
    } else {
        integer.to_owned()
    }
}

/// The exact integer that a finite JSON number with fraction part or exponent stands for, if it
/// stands for one.
fn whole_float(text: &str) -> Option<String> {
    let (sign, unsigned) = match text.strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", text),
    };
    let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0').len();
    if significant == 0 {
        return Some("0".to_owned());
    }
    // The value is 0.digits × 10^point; it is whole if no digit but zeros is behind the point.
    let point = i64::try_from(whole.len()).ok()?.checked_add(exponent.parse().ok()?)?;
    let point = usize::try_from(point).ok()?;
    if point < significant {
        return None;
    }
    digits.truncate(significant);
    digits.extend(core::iter::repeat_n('0', point - significant));
    Some(format!("{sign}{}", digits.trim_start_matches('0')))
}

fn add_text(left: &str, right: &str) -> String {
    let (left_negative, left) = split_sign(left);
    let (right_negative, right) = split_sign(right);
    if left_negative == right_negative {
        return with_sign(left_negative, add_magnitudes(left, right));
    }
    match compare_magnitudes(left, right) {
        Ordering::Equal => "0".to_owned(),
        Ordering::Greater => with_sign(left_negative, subtract_magnitudes(left, right)),
        Ordering::Less => with_sign(right_negative, subtract_magnitudes(right, left)),
    }
}

fn split_sign(integer: &str) -> (bool, &str) {
    match integer.strip_prefix('-') {
        Some(magnitude) => (true, magnitude),
        None => (false, integer),
    }
}

fn with_sign(negative: bool, digits_reversed: Vec<u8>) -> String {
    let sign = negative.then_some('-');
    let digits = digits_reversed.into_iter().rev().skip_while(|&digit| digit == 0);
    sign.into_iter()
        .chain(digits.map(|digit| char::from(b'0' + digit)))
        .collect()
}

fn compare_magnitudes(left: &str, right: &str) -> Ordering {
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

/// Digits from the last to the first, then zeros for ever.
fn digits_reversed(magnitude: &str) -> impl Iterator<Item = u8> + '_ {
    magnitude
        .bytes()
        .rev()
        .map(|byte| byte - b'0')
        .chain(core::iter::repeat(0))
}

fn add_magnitudes(left: &str, right: &str) -> Vec<u8> {
    let mut carry = 0;
    let length = left.len().max(right.len()) + 1;
    digits_reversed(left)
        .zip(digits_reversed(right))
        .take(length)
        .map(|(left, right)| {
            let sum = left + right + carry;
            carry = sum / 10;
            sum % 10
        })
        .collect()
}

/// `larger - smaller`, for magnitudes where that is not negative.
fn subtract_magnitudes(larger: &str, smaller: &str) -> Vec<u8> {
    let mut borrow = 0;
    digits_reversed(larger)
        .zip(digits_reversed(smaller))
        .take(larger.len())
        .map(|(left, right)| {
            let taken = right + borrow;
            borrow = u8::from(left < taken);
            left + 10 * borrow - taken
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sums_go_past_every_machine_integer_without_rounding() {
        assert_eq!(add("9223372036854775807", "1"), "9223372036854775808");
        assert_eq!(add("-9223372036854775808", "-1"), "-9223372036854775809");
        assert_eq!(add("99999999999999999999", "1"), "100000000000000000000");
        assert_eq!(add("-100000000000000000000", "1"), "-99999999999999999999");
        assert_eq!(add("100000000000000000000", "-100000000000000000000"), "0");
        assert_eq!(add("-0", "5"), "5");
    }

    #[test]
    fn by_takes_whole_numbers_in_any_spelling() {
        for (text, integer) in [
            ("5", "5"),
            ("-5", "-5"),
            ("2.0", "2"),
            ("1e3", "1000"),
            ("1.5e1", "15"),
            ("10e-1", "1"),
            ("-0", "0"),
            ("-0.0", "0"),
            ("0e-999999999999", "0"),
            ("9007199254740993.0", "9007199254740993"),
            ("0.00012e5", "12"),
            ("\"5\"", "5"),
            ("\"-2\"", "-2"),
        ] {
            assert_eq!(parse_by(text).as_deref(), Ok(integer), "{text}");
        }
    }

    #[test]
    fn by_refuses_everything_else() {
        for text in [
            "1.5",
            "1e-1",
            "1e400",
            "NaN",
            "Infinity",
            "null",
            "true",
            "[1]",
            "{}",
            "\"\"",
            "\"x\"",
            "\" 5\"",
            "\"+3\"",
            "\"007\"",
            "\"5.0\"",
            "\"1_0\"",
            "\"1e3\"",
            "1e-99999999999999999999",
        ] {
            assert!(parse_by(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn text_sums_agree_with_machine_sums(left in any::<i64>(), right in any::<i64>()) {
            let sum = (i128::from(left) + i128::from(right)).to_string();
            prop_assert_eq!(add_text(&left.to_string(), &right.to_string()), sum.clone());
            prop_assert_eq!(add(&left.to_string(), &right.to_string()), sum);
        }
    }
}
