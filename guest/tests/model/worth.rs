//! What values are worth to comparisons, decided in another way than the engine's.

use serde_json::Value;

/// Texts that are times, and the milliseconds since 1970 that they mean, rounded down.
pub const TIMES: [(&str, i64); 7] = [
    ("1700000000.25", 1_700_000_000_250),
    ("1699999999", 1_699_999_999_000),
    ("01699999999.999999", 1_699_999_999_999),
    ("2023-11-14T22:13:20Z", 1_700_000_000_000),
    ("2023-11-14T23:13:19.5+01:00", 1_699_999_999_500),
    ("1969-12-31t23:59:59.9999z", -1),
    ("9999-12-31 23:59:59-23:59", 253_402_387_139_000),
];

/// Whether both are the same value, whatever the order of members and the spelling of numbers.
pub fn is_equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.to_string(), right.to_string());
            left == right || (canonical(&left).is_some() && canonical(&left) == canonical(&right))
        }
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| is_equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            let has_like = |(name, value)| right.get(name).is_some_and(|other| is_equal(value, other));
            left.len() == right.len() && left.iter().all(has_like)
        }
        _ => left == right,
    }
}

/// One spelling for each number: digits, then how many zeros follow, or how many digits are behind the point.
fn canonical(number: &str) -> Option<(String, i64)> {
    let lower = number.to_lowercase();
    let (mantissa, exponent) = lower.split_once('e').unwrap_or((&lower, "0"));
    let mut exponent: i64 = exponent.parse().ok()?;
    let mut digits = mantissa.to_owned();
    if let Some(point) = mantissa.find('.') {
        digits.remove(point);
        exponent -= i64::try_from(mantissa.len() - point - 1).ok()?;
    }
    let sign = if digits.starts_with('-') { "-" } else { "" };
    let mut digits = digits.trim_start_matches('-').trim_start_matches('0').to_owned();
    if digits.is_empty() {
        return Some(("0".to_owned(), 0));
    }
    if digits.contains(|character: char| !character.is_ascii_digit()) {
        return None;
    }
    while digits.ends_with('0') {
        digits.pop();
        exponent += 1;
    }
    Some((format!("{sign}{digits}"), exponent))
}

/// Whether a value is a time before another. Numbers near the sessions' time are exact as doubles.
#[expect(clippy::cast_precision_loss, reason = "where it is lost, only the sign matters")]
pub fn is_before(value: &Value, milliseconds: i128) -> bool {
    let limit = milliseconds as f64;
    match value {
        Value::Number(number) => number
            .to_string()
            .parse::<f64>()
            .is_ok_and(|seconds| (seconds * 1000.0).floor() < limit),
        Value::String(text) => TIMES
            .iter()
            .any(|(time, meaning)| time == text && i128::from(*meaning) < milliseconds),
        _ => false,
    }
}
