//! The exact value of a number, whatever its spelling.

use alloc::format;
use alloc::string::{String, ToString};

/// `digits × 10^exponent`, negative or not. Equal numbers are equal here.
#[derive(Debug, PartialEq, Eq)]
pub struct Decimal {
    negative: bool,
    /// Without zeros at either end; none for 0.
    digits: String,
    exponent: i64,
}

impl Decimal {
    /// Reads a JSON number, also one with zeros in front. None if it is no number, or has an exponent that no 64 bits hold.
    pub fn read(text: &str) -> Option<Self> {
        let (negative, unsigned) = match text.strip_prefix('-') {
            Some(unsigned) => (true, unsigned),
            None => (false, text),
        };
        let (mantissa, exponent) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let all = format!("{whole}{fraction}");
        if all.is_empty() || !all.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let significant = all.trim_end_matches('0');
        let digits = significant.trim_start_matches('0').to_string();
        if digits.is_empty() {
            return Some(Self {
                negative: false,
                digits,
                exponent: 0,
            });
        }
        let behind_point = i64::try_from(fraction.len()).ok()?;
        let zeros = i64::try_from(all.len() - significant.len()).ok()?;
        let exponent: i64 = exponent.parse().ok()?;
        Some(Self {
            negative,
            digits,
            exponent: exponent.checked_sub(behind_point)?.checked_add(zeros)?,
        })
    }

    /// The largest integer that is not above a thousand times the number; where that has more than 36 digits, only its
    /// sign is right.
    pub fn floor_of_thousandfold(&self) -> i128 {
        const MOST_DIGITS: i64 = 36;
        let exponent = self.exponent.saturating_add(3);
        let length = i64::try_from(self.digits.len()).unwrap_or(i64::MAX);
        let whole_digits = length.saturating_add(exponent);
        if whole_digits > MOST_DIGITS {
            return if self.negative { i128::MIN } else { i128::MAX };
        }
        // No last digit is 0, so whatever is cut off is more than nothing.
        let is_cut = exponent < 0;
        let kept = usize::try_from(whole_digits.clamp(0, length)).unwrap_or(0);
        let mut whole: i128 = self.digits[..kept].parse().unwrap_or(0);
        for _ in 0..exponent.max(0) {
            whole = whole.saturating_mul(10);
        }
        if self.negative {
            -whole - i128::from(is_cut)
        } else {
            whole
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_number_are_equal_and_neighbours_are_not() {
        let read = |text| Decimal::read(text).unwrap();
        for (left, right) in [
            ("1", "1.0"),
            ("1", "1e0"),
            ("1", "10e-1"),
            ("100", "1E+2"),
            ("-0", "0.00"),
            ("0e5", "0"),
            ("0.5", "5e-1"),
            ("123456789012345678901234567890", "1.23456789012345678901234567890e29"),
        ] {
            assert_eq!(read(left), read(right), "{left} {right}");
        }
        for (left, right) in [
            ("1", "-1"),
            ("1", "10"),
            ("9007199254740993", "9007199254740992"),
            ("0.1", "0.10000000000000001"),
            ("1e-400", "0"),
        ] {
            assert_ne!(read(left), read(right), "{left} {right}");
        }
    }

    #[test]
    fn what_is_no_number_is_none() {
        for text in ["", "-", "NaN", "-Infinity", "1e99999999999999999999", "x", "."] {
            assert_eq!(Decimal::read(text), None, "{text}");
        }
    }

    #[test]
    fn milliseconds_are_rounded_down() {
        let floor = |text| Decimal::read(text).unwrap().floor_of_thousandfold();
        for (seconds, milliseconds) in [
            ("0", 0),
            ("1700000000", 1_700_000_000_000),
            ("1700000000.1239", 1_700_000_000_123),
            ("17e8", 1_700_000_000_000),
            ("0.0009", 0),
            ("-0.0001", -1),
            ("-1.5", -1_500),
            ("-1.5001", -1_501),
            ("1e-300", 0),
            ("-1e-300", -1),
        ] {
            assert_eq!(floor(seconds), milliseconds, "{seconds}");
        }
        assert_eq!(floor("1e300"), i128::MAX);
        assert_eq!(floor("-1e300"), i128::MIN);
    }
}
