//! What becomes of the spelling of a value.

use crate::support::*;

#[test]
fn numbers_come_back_byte_for_byte() {
    for number in [
        "1.0",
        "-0",
        "-0.0",
        "0.10",
        "1E5",
        "1e+05",
        "1e-400",
        "123456789012345678901234567890",
        "3.14159265358979323846264338327950288",
    ] {
        let mut session = reopened(&holding("a", number), 0);
        assert_eq!(value(&mut session, "a"), number);
        let nested = format!("{{\"n\":[{number}]}}");
        accept(&mut session, [set("a", &nested)]);
        assert_eq!(value(&mut session, "a"), nested);
    }
}

#[test]
fn of_duplicate_members_the_first_place_and_the_last_value_stay() {
    let mut session = holding("a", r#"{"x":1,"y":2,"x":{"z":1,"z":2}}"#);
    assert_eq!(value(&mut session, "a"), r#"{"x":{"z":2},"y":2}"#);
}

#[test]
fn members_are_duplicates_whatever_the_spelling_of_their_names() {
    let mut session = holding("a", r#"{"é/":1,"\u00e9\/":2}"#);
    assert_eq!(value(&mut session, "a"), r#"{"é/":2}"#);
}

#[test]
fn the_depth_of_a_duplicate_that_does_not_count_does_not_count() {
    let value = format!("{{\"x\":{},\"x\":1}}", lists(32));
    accept(&mut empty(), [set("a", &value)]);
}

#[test]
fn white_space_and_escapes_go_unless_json_demands_them() {
    let mut session = holding("a", " [ \"\\u0041\\/\\u00e9\\u000a\\u001F\\ud83e\\udd80 \" ,\r\n\t1 ] ");
    assert_eq!(value(&mut session, "a"), "[\"A/é\\n\\u001f🦀 \",1]");
}

#[test]
fn a_patched_member_leaves_the_spelling_of_its_neighbours() {
    let mut session = holding("a", r#"{"x":1.0,"y":{"z":1E2},"w":-0}"#);
    accept(&mut session, [patch("a", "y.z", "2.50"), patch("a", "y.new.er", "[]")]);
    assert_eq!(
        value(&mut session, "a"),
        r#"{"x":1.0,"y":{"z":2.50,"new":{"er":[]}},"w":-0}"#
    );
}
