//! Changing a value in place, beside what the RFCs say.

use automation_kv_engine::model::{Effect, Kind, Operation, Outcome, Place, Reason, Step};

use crate::support::*;

fn set_step(at: Place, value: &str) -> Step {
    Step::Set {
        at,
        value: value.to_owned(),
    }
}

fn append(at: Place, value: &str) -> Step {
    Step::Append {
        at,
        value: value.to_owned(),
    }
}

fn count(at: Place, by: &str) -> Step {
    Step::Increment { at, by: by.to_owned() }
}

fn remove(at: Place) -> Step {
    Step::Remove { at, must_exist: false }
}

fn copy(source: &str, destination: &str) -> Step {
    Step::Copy {
        source: pointer(source),
        destination: pointer(destination),
    }
}

fn members(text: &str) -> Place {
    Place::Members(text.to_owned())
}

fn reason_of(before: &str, step: Step) -> Reason {
    refuse(&mut holding("a", before), [edit("a", [step])]).reason
}

#[test]
fn a_path_enters_lists_and_makes_missing_objects() {
    let mut session = holding("a", r#"{"l":[{"x":1},2]}"#);
    let steps = [
        set_step(path("l[0].y.z"), "3"),
        set_step(path("l.1"), "\"two\""),
        set_step(path("new[0].m"), "4"),
    ];
    accept(&mut session, [edit("a", steps)]);
    let expected = r#"{"l":[{"x":1,"y":{"z":3}},"two"],"new":{"0":{"m":4}}}"#;
    assert_eq!(value(&mut session, "a"), expected);
}

#[test]
fn a_set_replaces_items_and_adds_none() {
    for at in [
        path("[2]"),
        path("x"),
        path("[\"0\"]"),
        pointer("/-"),
        pointer("/2"),
        path("[2].x"),
    ] {
        assert_eq!(reason_of("[1,2]", set_step(at, "1")), Reason::PathNotFound);
    }
    assert!(matches!(
        reason_of("[1,2]", set_step(path("[0].x"), "1")),
        Reason::InvalidPath(_)
    ));
}

#[test]
fn members_enter_objects_only() {
    assert_eq!(
        reason_of("[1]", set_step(members("[0]"), "1")),
        Reason::TypeMismatch {
            expected: Kind::Object,
            found: Kind::List
        }
    );
    let message = "Cannot set path 'l.0': intermediate value is not a dict".to_owned();
    assert_eq!(
        reason_of(r#"{"l":[1]}"#, set_step(members("l.0"), "1")),
        Reason::InvalidPath(message)
    );
}

#[test]
fn an_append_makes_the_list_and_counts() {
    let mut session = holding("a", r#"{"l":[1]}"#);
    let steps = [
        append(path("l"), "[2]"),
        append(path("x.y"), "3"),
        append(pointer("/l/1"), "4"),
    ];
    let expected = vec![Effect::Length(2), Effect::Length(1), Effect::Length(2)];
    assert_eq!(outcome(&mut session, edit("a", steps)), Outcome::Edited(expected));
    assert_eq!(value(&mut session, "a"), r#"{"l":[1,[2,4]],"x":{"y":[3]}}"#);
    let reason = reason_of(r#"{"l":{}}"#, append(path("l"), "1"));
    let expected = Reason::TypeMismatch {
        expected: Kind::List,
        found: Kind::Object,
    };
    assert_eq!(reason, expected);
}

#[test]
fn a_count_is_exact_and_starts_from_nothing() {
    let mut session = holding("a", r#"{"n":9223372036854775807}"#);
    let steps = [
        count(path("n"), "1"),
        count(path("x.m"), "-2e0"),
        count(path("n"), "\"1\""),
    ];
    let expected = ["9223372036854775808", "-2", "9223372036854775809"];
    let expected = expected.map(|number| Effect::Number(number.to_owned()));
    assert_eq!(
        outcome(&mut session, edit("a", steps)),
        Outcome::Edited(expected.into())
    );
    let reason = reason_of(r#"{"n":1.0}"#, count(path("n"), "1"));
    let expected = Reason::TypeMismatch {
        expected: Kind::Integer,
        found: Kind::Float,
    };
    assert_eq!(reason, expected);
    let reason = refuse(&mut empty(), [edit("$a", [count(path("n"), "1.5")])]).reason;
    assert!(matches!(reason, Reason::InvalidArgument { name: "by", .. }));
}

#[test]
fn steps_that_change_nothing_are_no_write() {
    let test = Step::Test {
        at: path("x"),
        value: "1".to_owned(),
    };
    let mut session = holding("a", r#"{"x":1.0}"#);
    let reply = accept(
        &mut session,
        [edit("a", [test, remove(path("y")), remove(path("y.z"))])],
    );
    assert_eq!(reply.version, 1);
    assert_eq!(accept(&mut session, [edit("a", [])]).version, 1);
    assert_eq!(value(&mut session, "a"), r#"{"x":1.0}"#);
    let create = |steps| Operation::Edit {
        key: "b".to_owned(),
        steps,
        create: true,
    };
    accept(&mut session, [create(vec![]), create(vec![remove(path("x"))])]);
    assert_eq!(keys(&mut session), ["a"]);
    accept(
        &mut session,
        [create(vec![set_step(path("x"), "1"), remove(path("x"))])],
    );
    assert_eq!(value(&mut session, "b"), "{}");
}

#[test]
fn a_step_that_fails_undoes_the_ones_before_it() {
    let mut session = holding("a", "{}");
    let replace = Step::Replace {
        at: path("y"),
        value: "1".to_owned(),
    };
    let rejection = refuse(
        &mut session,
        [set("b", "1"), edit("a", [set_step(path("x"), "1"), replace])],
    );
    assert_eq!(rejection, at(1, Reason::PathNotFound));
    assert_eq!(keys(&mut session), ["a"]);
    assert_eq!(value(&mut session, "a"), "{}");
}

#[test]
fn many_steps_on_one_container_see_each_other() {
    let list: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    let mut session = holding("a", &format!("{{\"l\":[{}],\"o\":{{}}}}", list.join(",")));
    let mut steps = Vec::new();
    for n in 0..40 {
        // Each takes the first item that is left, and puts a member.
        steps.push(Step::Move {
            source: pointer("/l/0"),
            destination: pointer(&format!("/o/{n}")),
        });
        steps.push(count(path(&format!("o[\"{n}\"]")), "100"));
    }
    let operation = Operation::Edit {
        key: "a".to_owned(),
        steps,
        create: false,
    };
    accept(&mut session, [operation]);
    let moved: Vec<String> = (0..40).map(|n| format!("\"{n}\":{}", n + 100)).collect();
    let expected = format!("{{\"l\":[{}],\"o\":{{{}}}}}", list[40..].join(","), moved.join(","));
    assert_eq!(value(&mut session, "a"), expected);
}

#[test]
fn what_is_copied_or_moved_must_not_reach_below_32_levels() {
    let deep = format!("{{\"d\":{},\"x\":{{\"y\":{{}}}}}}", lists(31));
    accept(&mut holding("a", &deep), [edit("a", [copy("/d", "/e")])]);
    let move_down = Step::Move {
        source: pointer("/d"),
        destination: pointer("/x/y"),
    };
    for step in [copy("/d", "/x/y"), copy("", "/x/y"), move_down] {
        assert!(matches!(reason_of(&deep, step), Reason::InvalidValue(_)));
    }
    // Also where what is copied was put there in pieces.
    let grow: Vec<Step> = (0..40).map(|_| copy("", "/x")).collect();
    let operation = Operation::Edit {
        key: "a".to_owned(),
        steps: grow,
        create: true,
    };
    assert!(matches!(
        refuse(&mut empty(), [operation]).reason,
        Reason::InvalidValue(_)
    ));
}

#[test]
fn values_of_every_step_have_32_levels_with_their_place() {
    let here = || pointer("/x");
    let steps = |value: String| {
        [
            set_step(here(), &value),
            Step::Insert {
                at: here(),
                value: value.clone(),
            },
            Step::Replace {
                at: here(),
                value: value.clone(),
            },
            Step::Merge { at: here(), value },
        ]
    };
    for step in steps(lists(31)) {
        accept(&mut holding("a", r#"{"x":1}"#), [edit("a", [step])]);
    }
    for step in steps(lists(32)) {
        assert!(matches!(reason_of(r#"{"x":1}"#, step), Reason::InvalidValue(_)));
    }
    accept(&mut holding("a", "{}"), [edit("a", [append(here(), &lists(30))])]);
    assert!(matches!(
        reason_of("{}", append(here(), &lists(31))),
        Reason::InvalidValue(_)
    ));
}

#[test]
fn absurd_nesting_in_a_merge_or_a_test_is_no_crash() {
    let objects = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let merge = Step::Merge {
        at: pointer(""),
        value: objects.clone(),
    };
    assert!(matches!(reason_of("{}", merge), Reason::InvalidValue(_)));
    let test = Step::Test {
        at: pointer("/x"),
        value: objects.replace('1', "1.0"),
    };
    let reason = reason_of("{}", test.clone());
    assert_eq!(reason, Reason::PathNotFound);
    let rejection = refuse(
        &mut holding("a", "{}"),
        [edit("a", [set_step(pointer("/x"), &objects), test])],
    );
    assert!(matches!(rejection.reason, Reason::CheckFailed { .. }));
}

#[test]
fn copies_without_end_are_stopped() {
    let value = format!("{{\"x\":\"{}\"}}", "x".repeat(1_000_000));
    let steps: Vec<Step> = (0..30).map(|n| copy("/x", &format!("/y{n}"))).collect();
    let operation = Operation::Edit {
        key: "a".to_owned(),
        steps,
        create: false,
    };
    let reason = refuse(&mut holding("a", &value), [operation]).reason;
    assert!(matches!(
        reason,
        Reason::ValueTooLarge {
            limit_bytes: 16_777_216,
            ..
        }
    ));
}

#[test]
fn an_edit_has_at_most_1000_steps() {
    let operation = |count| Operation::Edit {
        key: "a".to_owned(),
        steps: vec![append(path("l"), "1"); count],
        create: true,
    };
    accept(&mut empty(), [operation(1_000)]);
    let reason = refuse(&mut empty(), [operation(1_001)]).reason;
    assert!(matches!(reason, Reason::InvalidArgument { name: "steps", .. }));
}

#[test]
fn an_edit_keeps_the_time_of_the_key() {
    let mut session = empty();
    accept(
        &mut session,
        [set_until("a", "{}", automation_kv_engine::model::Expiry::After(5))],
    );
    accept(&mut session, [edit("a", [set_step(path("x"), "1")])]);
    assert_eq!(entry(&mut session, "a").attributes.expires_at, Some(NOW + 5));
}
