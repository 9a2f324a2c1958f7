//! The examples of RFC 6902, appendix A, as steps with pointers.

use automation_kv_engine::model::{Effect, Outcome, Reason, Step};

use crate::support::*;

/// What is left of a value, or why not.
fn after<const N: usize>(before: &str, steps: [Step; N]) -> Result<String, Reason> {
    let mut session = holding("a", before);
    match session.execute(request([edit("a", steps)], None)) {
        Ok(_) => Ok(value(&mut session, "a")),
        Err(rejection) => Err(rejection.reason),
    }
}

fn add(at: &str, value: &str) -> Step {
    Step::Insert {
        at: pointer(at),
        value: value.to_owned(),
    }
}

fn remove(at: &str) -> Step {
    Step::Remove {
        at: pointer(at),
        must_exist: true,
    }
}

fn replace(at: &str, value: &str) -> Step {
    Step::Replace {
        at: pointer(at),
        value: value.to_owned(),
    }
}

fn move_to(source: &str, destination: &str) -> Step {
    Step::Move {
        source: pointer(source),
        destination: pointer(destination),
    }
}

fn copy_to(source: &str, destination: &str) -> Step {
    Step::Copy {
        source: pointer(source),
        destination: pointer(destination),
    }
}

fn test(at: &str, value: &str) -> Step {
    Step::Test {
        at: pointer(at),
        value: value.to_owned(),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "what it is compared with can be an error")]
fn ok(text: &str) -> Result<String, Reason> {
    Ok(text.to_owned())
}

#[test]
fn a_1_adding_an_object_member() {
    let steps = [add("/baz", "\"qux\"")];
    assert_eq!(after(r#"{"foo":"bar"}"#, steps), ok(r#"{"foo":"bar","baz":"qux"}"#));
}

#[test]
fn a_2_adding_an_array_element() {
    let steps = [add("/foo/1", "\"qux\"")];
    assert_eq!(
        after(r#"{"foo":["bar","baz"]}"#, steps),
        ok(r#"{"foo":["bar","qux","baz"]}"#)
    );
}

#[test]
fn a_3_removing_an_object_member() {
    assert_eq!(
        after(r#"{"baz":"qux","foo":"bar"}"#, [remove("/baz")]),
        ok(r#"{"foo":"bar"}"#)
    );
}

#[test]
fn a_4_removing_an_array_element() {
    let steps = [remove("/foo/1")];
    assert_eq!(
        after(r#"{"foo":["bar","qux","baz"]}"#, steps),
        ok(r#"{"foo":["bar","baz"]}"#)
    );
}

#[test]
fn a_5_replacing_a_value() {
    let steps = [replace("/baz", "\"boo\"")];
    assert_eq!(
        after(r#"{"baz":"qux","foo":"bar"}"#, steps),
        ok(r#"{"baz":"boo","foo":"bar"}"#)
    );
}

#[test]
fn a_6_moving_a_value() {
    let before = r#"{"foo":{"bar":"baz","waldo":"fred"},"qux":{"corge":"grault"}}"#;
    let expected = r#"{"foo":{"bar":"baz"},"qux":{"corge":"grault","thud":"fred"}}"#;
    assert_eq!(after(before, [move_to("/foo/waldo", "/qux/thud")]), ok(expected));
}

#[test]
fn a_7_moving_an_array_element() {
    let before = r#"{"foo":["all","grass","cows","eat"]}"#;
    let expected = r#"{"foo":["all","cows","eat","grass"]}"#;
    assert_eq!(after(before, [move_to("/foo/1", "/foo/3")]), ok(expected));
}

#[test]
fn a_8_testing_a_value_success() {
    let before = r#"{"baz":"qux","foo":["a",2,"c"]}"#;
    assert_eq!(
        after(before, [test("/baz", "\"qux\""), test("/foo/1", "2")]),
        ok(before)
    );
}

#[test]
fn a_9_testing_a_value_error() {
    let failed = Reason::CheckFailed { key_version: Some(1) };
    assert_eq!(after(r#"{"baz":"qux"}"#, [test("/baz", "\"bar\"")]), Err(failed));
}

#[test]
fn a_10_adding_a_nested_member_object() {
    let steps = [add("/child", r#"{"grandchild":{}}"#)];
    assert_eq!(
        after(r#"{"foo":"bar"}"#, steps),
        ok(r#"{"foo":"bar","child":{"grandchild":{}}}"#)
    );
}

#[test]
fn a_12_adding_to_a_nonexistent_target() {
    assert_eq!(
        after(r#"{"foo":"bar"}"#, [add("/baz/bat", "\"qux\"")]),
        Err(Reason::PathNotFound)
    );
}

#[test]
fn a_14_escape_ordering() {
    let before = r#"{"/":9,"~1":10}"#;
    assert_eq!(after(before, [test("/~01", "10")]), ok(before));
}

#[test]
fn a_15_comparing_strings_and_numbers() {
    let failed = Reason::CheckFailed { key_version: Some(1) };
    assert_eq!(after(r#"{"/":9,"~1":10}"#, [test("/~01", "\"10\"")]), Err(failed));
}

#[test]
fn a_16_adding_an_array_value() {
    let steps = [add("/foo/-", r#"["abc","def"]"#)];
    assert_eq!(
        after(r#"{"foo":["bar"]}"#, steps),
        ok(r#"{"foo":["bar",["abc","def"]]}"#)
    );
}

#[test]
fn the_whole_value_can_be_replaced_tested_and_copied_but_not_removed() {
    assert_eq!(
        after("1", [add("", "[1]"), test("", "[1]"), add("/-", "2")]),
        ok("[1,2]")
    );
    assert_eq!(after("1", [replace("", "null")]), ok("null"));
    assert_eq!(after("{\"x\":1}", [copy_to("", "/y")]), ok(r#"{"x":1,"y":{"x":1}}"#));
    assert_eq!(after("{\"x\":[2]}", [move_to("/x", "")]), ok("[2]"));
    assert_eq!(after("[1]", [move_to("", "")]), ok("[1]"));
    assert!(matches!(after("{}", [remove("")]), Err(Reason::InvalidPath(_))));
    assert!(matches!(
        after("{\"x\":1}", [move_to("", "/x")]),
        Err(Reason::InvalidPath(_))
    ));
}

#[test]
fn a_place_beside_a_list_or_below_a_scalar_is_refused() {
    for (steps, is_not_found) in [
        ([add("/l/3", "1")], true),
        ([add("/l/01", "1")], true),
        ([add("/l/x", "1")], true),
        ([replace("/l/2", "1")], true),
        ([replace("/l/-", "1")], true),
        ([remove("/l/-")], true),
        ([remove("/x")], true),
        ([replace("/x", "1")], true),
        ([move_to("/x", "/y")], true),
        ([copy_to("/l/2", "/y")], true),
        ([test("/x", "null")], true),
        ([add("/n/x", "1")], false),
        ([remove("/n/x/y")], false),
        ([add("x", "1")], false),
        ([move_to("/l", "/l/0")], false),
    ] {
        let reason = after(r#"{"l":[1,2],"n":null}"#, steps.clone()).unwrap_err();
        let found = matches!(reason, Reason::InvalidPath(_)) || reason == Reason::PathNotFound;
        assert!(found, "{steps:?}");
        assert_eq!(reason == Reason::PathNotFound, is_not_found, "{steps:?}");
    }
}

#[test]
fn effects_say_what_each_step_did() {
    let steps = [
        add("/x", " 1 "),
        copy_to("/x", "/y"),
        test("/y", "1.0"),
        remove("/y"),
        Step::Remove {
            at: pointer("/y"),
            must_exist: false,
        },
    ];
    let expected = vec![
        Effect::Placed("1".to_owned()),
        Effect::Done,
        Effect::Done,
        Effect::Removed(true),
        Effect::Removed(false),
    ];
    assert_eq!(
        outcome(&mut holding("a", "{}"), edit("a", steps)),
        Outcome::Edited(expected)
    );
}
