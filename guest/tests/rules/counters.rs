//! Counters beyond machine integers.

use crate::support::*;
use automation_kv_engine::model::{Kind, Outcome, Reason};

#[test]
fn a_counter_passes_64_and_128_bits_without_rounding() {
    for (start, by, sum) in [
        ("9223372036854775807", "1", "9223372036854775808"),
        ("-9223372036854775808", "-1", "-9223372036854775809"),
        ("18446744073709551615", "1", "18446744073709551616"),
        (
            "340282366920938463463374607431768211455",
            "1",
            "340282366920938463463374607431768211456",
        ),
    ] {
        let outcomes = accept(&mut holding("a", start), [increment("a", by)]).outcomes;
        assert_eq!(outcomes, [Outcome::Number(sum.to_owned())]);
    }
    let nines = "9".repeat(100);
    let outcomes = accept(&mut holding("a", &nines), [increment("a", "1"), decrement("a", "1")]).outcomes;
    let one_more = format!("1{}", "0".repeat(100));
    assert_eq!(outcomes, [Outcome::Number(one_more), Outcome::Number(nines)]);
}

#[test]
fn what_is_not_an_integer_is_not_counted_even_when_it_is_whole() {
    for (value, found) in [
        ("1.0", Kind::Float),
        ("1e3", Kind::Float),
        ("true", Kind::Boolean),
        ("null", Kind::Null),
        ("\"1\"", Kind::Text),
        ("[1]", Kind::List),
        ("{}", Kind::Object),
    ] {
        let expected = Kind::Integer;
        let rejection = refuse(&mut holding("a", value), [increment("a", "1")]);
        assert_eq!(rejection, at(0, Reason::TypeMismatch { expected, found }), "{value}");
    }
}

#[test]
fn a_step_of_nothing_is_a_write() {
    assert_eq!(accept(&mut holding("a", "5"), [increment("a", "-0")]).version, 2);
}
