//! Values that hold no others.

use serde_json::{Number, Value};

use super::show;

/// `Ok` when both are of one kind and the same.
pub(super) fn compare(want: &Value, got: &Value, place: &str) -> Result<(), String> {
    let (own, other) = (kind(want), kind(got));
    if own != other {
        return Err(format!(
            "{place}: expected {own} {}, got {other} {}",
            show(want),
            show(got)
        ));
    }
    let same = match (want, got) {
        (Value::Number(want), Value::Number(got)) if is_integer(want) => integer(want) == integer(got),
        (Value::Number(want), Value::Number(got)) => bits(want) == bits(got),
        _ => want == got,
    };
    if same {
        Ok(())
    } else {
        Err(format!("{place}: expected {}, got {}", show(want), show(got)))
    }
}

/// Whether a value is a number without fraction part and exponent.
pub(super) fn is_integral(value: &Value) -> bool {
    value.as_number().is_some_and(is_integer)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if is_integer(number) => "integer",
        Value::Number(_) => "float",
        Value::String(_) => "string",
        Value::Array(_) => "list",
        Value::Object(_) => "object",
    }
}

fn is_integer(number: &Number) -> bool {
    !number.to_string().contains(['.', 'e', 'E'])
}

/// JSON has one spelling for each integer, but for zero.
fn integer(number: &Number) -> String {
    let text = number.to_string();
    if text == "-0" { "0".to_owned() } else { text }
}

/// The double, bit by bit: that tells the zeros apart. A number beyond all doubles is infinite. Every JSON number reads
/// as a double.
fn bits(number: &Number) -> Option<u64> {
    number.to_string().parse().ok().map(f64::to_bits)
}
