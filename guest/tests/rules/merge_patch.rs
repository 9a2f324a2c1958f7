//! The examples of RFC 7396, appendix A.

use automation_kv_engine::model::{Operation, Step};

use crate::support::*;

fn merged(before: &str, patch: &str) -> String {
    let mut session = holding("a", before);
    let step = Step::Merge {
        at: pointer(""),
        value: patch.to_owned(),
    };
    accept(&mut session, [edit("a", [step])]);
    value(&mut session, "a")
}

#[test]
fn the_examples_of_the_rfc_give_what_it_says() {
    for (before, patch, after) in [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, "{}"),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (
            r#"{"a":{"b":"c"}}"#,
            r#"{"a":{"b":"d","c":null}}"#,
            r#"{"a":{"b":"d"}}"#,
        ),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        (r#"{"a":"foo"}"#, "null", "null"),
        (r#"{"a":"foo"}"#, "\"bar\"", "\"bar\""),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    ] {
        assert_eq!(merged(before, patch), after, "{before} {patch}");
    }
}

#[test]
fn what_the_patch_does_not_name_keeps_place_and_spelling() {
    let before = r#"{"a":1.0,"b":{"c":1E2,"d":[{}]},"e":-0}"#;
    let patch = r#"{"b":{"c":2,"x":{"y":null,"z":[null]}},"a":null}"#;
    assert_eq!(
        merged(before, patch),
        r#"{"b":{"c":2,"d":[{}],"x":{"z":[null]}},"e":-0}"#
    );
}

#[test]
fn a_merge_at_a_place_makes_what_is_missing() {
    let operation = |create| Operation::Edit {
        key: "a".to_owned(),
        steps: vec![Step::Merge {
            at: path("x.y"),
            value: r#"{"z":1,"w":null}"#.to_owned(),
        }],
        create,
    };
    refuse(&mut empty(), [operation(false)]);
    let mut session = empty();
    accept(&mut session, [operation(true)]);
    assert_eq!(value(&mut session, "a"), r#"{"x":{"y":{"z":1}}}"#);
}
