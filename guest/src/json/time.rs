//! Points in time as scripts keep them in values.

use super::decimal::Decimal;
use super::read;
use crate::model::Kind;

/// Milliseconds since 1970, rounded down, of a number or a text of digits that counts seconds, or of a text as in
/// RFC 3339. None of anything else.
pub fn floor_milliseconds(value: &str) -> Option<i128> {
    match read::kind(value) {
        Kind::Integer | Kind::Float => Some(Decimal::read(value)?.floor_of_thousandfold()),
        Kind::Text => {
            let text = read::inside(value);
            if is_digits_and_fraction(text) {
                Some(Decimal::read(text)?.floor_of_thousandfold())
            } else {
                rfc_3339(text)
            }
        }
        _ => None,
    }
}

/// `1700000000` or `1700000000.000100`, as Slack writes times.
fn is_digits_and_fraction(text: &str) -> bool {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    is_digits(whole) && is_digits(fraction)
}

/// `2024-02-29T23:59:60.123+01:00`.
fn rfc_3339(text: &str) -> Option<i128> {
    let mut rest = text;
    let year = digits(&mut rest, 4)?;
    literal(&mut rest, &['-'])?;
    let month = digits(&mut rest, 2)?;
    literal(&mut rest, &['-'])?;
    let day = digits(&mut rest, 2)?;
    literal(&mut rest, &['T', 't', ' '])?;
    let hour = digits(&mut rest, 2)?;
    literal(&mut rest, &[':'])?;
    let minute = digits(&mut rest, 2)?;
    literal(&mut rest, &[':'])?;
    let second = digits(&mut rest, 2)?;
    let milliseconds = fraction(&mut rest)?;
    let offset_minutes = offset(rest)?;
    let is_date = (1..=12).contains(&month) && (1..=days_in_month(year, month)).contains(&day);
    // A minute can have a second 60, which is told as the first one of the next minute.
    if !is_date || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    let minutes = (days_since_1970(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    Some(i128::from((minutes * 60 + second) * 1_000 + milliseconds))
}

/// A number of exactly so many digits.
fn digits(rest: &mut &str, count: usize) -> Option<i64> {
    let number = rest.get(..count)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    *rest = &rest[count..];
    number.parse().ok()
}

fn literal(rest: &mut &str, one_of: &[char]) -> Option<()> {
    *rest = rest.strip_prefix(one_of)?;
    Some(())
}

/// The milliseconds of a fraction of a second, if there is one.
fn fraction(rest: &mut &str) -> Option<i64> {
    let Some(behind_point) = rest.strip_prefix('.') else {
        return Some(0);
    };
    let length = behind_point.bytes().take_while(u8::is_ascii_digit).count();
    *rest = &behind_point[length..];
    let first_three = behind_point.get(..length.min(3)).filter(|digits| !digits.is_empty())?;
    let scale = [1, 100, 10, 1];
    Some(first_three.parse::<i64>().ok()? * scale[first_three.len()])
}

/// How many minutes a clock is ahead of UTC.
fn offset(text: &str) -> Option<i64> {
    if matches!(text, "Z" | "z") {
        return Some(0);
    }
    let mut rest = text;
    literal(&mut rest, &['+', '-'])?;
    let hours = digits(&mut rest, 2)?;
    literal(&mut rest, &[':'])?;
    let minutes = digits(&mut rest, 2)?;
    if hours > 23 || minutes > 59 || !rest.is_empty() {
        return None;
    }
    let ahead = hours * 60 + minutes;
    Some(if text.starts_with('-') { -ahead } else { ahead })
}

fn is_leap_year(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap_year(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a date of the years 0 to 9999.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    const DAYS_BEFORE_1970: i64 = 719_528;
    // Every fourth year before this one had a day more, but for three of four centuries; year 0 was one of them.
    let leap_days = match year {
        0 => 0,
        _ => (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400 + 1,
    };
    let in_months: i64 = (1..month).map(|month| days_in_month(year, month)).sum();
    365 * year + leap_days + in_months + day - 1 - DAYS_BEFORE_1970
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_milliseconds_since_1970() {
        for (text, milliseconds) in [
            ("1970-01-01T00:00:00Z", 0),
            ("1969-12-31T23:59:59.999Z", -1),
            ("2000-02-29T12:00:00z", 951_825_600_000),
            ("2023-11-14T22:13:20Z", 1_700_000_000_000),
            ("2023-11-14t23:13:20.5+01:00", 1_700_000_000_500),
            ("2023-11-14 16:43:20.123999-05:30", 1_700_000_000_123),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("0000-01-01T00:00:00Z", -62_167_219_200_000),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000),
            ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ] {
            let quoted = alloc::format!("\"{text}\"");
            assert_eq!(floor_milliseconds(&quoted), Some(milliseconds), "{text}");
        }
    }

    #[test]
    fn numbers_and_texts_of_digits_are_seconds() {
        for value in [
            "1700000000.25",
            "\"1700000000.25\"",
            "\"01700000000.2500009\"",
            "170000000025e-2",
        ] {
            assert_eq!(floor_milliseconds(value), Some(1_700_000_000_250), "{value}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for value in [
            "null",
            "true",
            "[]",
            "{}",
            "\"\"",
            "\"-5\"",
            "\"1e3\"",
            "\"5.\"",
            "\".5\"",
            "\"2023-11-14\"",
            "\"2023-11-14T22:13:20\"",
            "\"2023-11-14T22:13:20.Z\"",
            "\"2023-02-29T00:00:00Z\"",
            "\"2023-13-01T00:00:00Z\"",
            "\"2023-11-14T24:00:00Z\"",
            "\"2023-11-14T22:13:20+0100\"",
            "\"2023-11-14T22:13:20Z \"",
            "\"20é3-11-14T22:13:20Z\"",
        ] {
            assert_eq!(floor_milliseconds(value), None, "{value}");
        }
    }
}
