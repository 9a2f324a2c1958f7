//! Differences of values made by hand, and of any values.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn document(members: &[(&str, &str)]) -> Document {
    let entries = members.iter().map(|(key, value)| Entry {
        key: (*key).to_string(),
        value: (*value).to_string(),
        attributes: None,
    });
    Document {
        entries: entries.collect(),
        ..Document::default()
    }
}

fn between(before: &[(&str, &str)], after: &[(&str, &str)]) -> Difference {
    Difference::between(&document(before), &document(after)).unwrap()
}

/// The lines of the text for one key whose value changed, but for the first two.
fn lines(before: &str, after: &str) -> Vec<String> {
    let text = between(&[("key", before)], &[("key", after)]).text(Colour::Never);
    text.lines().skip(2).map(|line| line.trim().to_string()).collect()
}

#[test]
fn keys_are_added_removed_and_changed() {
    let difference = between(
        &[("gone", "1"), ("same", "[1]"), ("other", "1")],
        &[("new", "{\"a\":1.0}"), ("other", "2"), ("same", "[1]")],
    );
    let expected = "3 keys differ\n- gone\n    1\n~ other\n    1 -> 2\n+ new\n    {\"a\":1.0}\n";
    assert_eq!(difference.text(Colour::Never), expected);
    assert_eq!(
        serde_json::to_value(&difference).unwrap(),
        json!({"keys": [
            {"key": "gone", "change": "removed", "value": 1},
            {"key": "other", "change": "changed", "edits": [{"path": "", "change": "changed", "before": 1, "after": 2}]},
            {"key": "new", "change": "added", "value": {"a": 1.0}},
        ]})
    );
}

#[test]
fn equal_documents_do_not_differ() {
    let difference = between(&[("a", "1"), ("b", "2")], &[("b", "2"), ("a", "1")]);
    assert!(difference.is_empty());
    assert_eq!(difference.text(Colour::Never), "no difference\n");
}

#[test]
fn spelling_and_order_of_members_are_no_difference_and_digits_are() {
    assert!(between(&[("a", r#"{"x": 1, "y": "é"}"#)], &[("a", r#"{"y":"\u00e9","x":1}"#)]).is_empty());
    assert_eq!(lines("1", "1.0"), ["1 -> 1.0"]);
    let long = "123456789012345678901234567890";
    assert_eq!(
        lines(&format!("{long}1"), &format!("{long}2")),
        [format!("{long}1 -> {long}2")]
    );
}

#[test]
fn what_changed_within_a_value_is_told_by_its_path() {
    assert_eq!(
        lines(
            r#"{"a":{"b.c":1,"d":2},"e":[{"f":1},2]}"#,
            r#"{"a":{"b.c":3,"g":4},"e":[{"f":9},2]}"#
        ),
        ["a[\"b.c\"]: 1 -> 3", "a.d: removed 2", "a.g: added 4", "e[0].f: 1 -> 9"]
    );
    assert_eq!(lines("{}", "[]"), ["{} -> []"]);
}

#[test]
fn what_happens_at_the_ends_of_a_list_is_told_as_that() {
    assert_eq!(lines("[1,2]", "[1,2,3,4]"), ["appended 2 items: 3, 4"]);
    assert_eq!(lines("[]", "[1]"), ["appended 1 item: 1"]);
    assert_eq!(lines("[1,2]", "[8,9,1,2]"), ["prepended 2 items: 8, 9"]);
    assert_eq!(lines("[1,2,3]", "[3]"), ["popped from the front 2 items: 1, 2"]);
    assert_eq!(lines("[1,2,3]", "[1]"), ["popped from the end 2 items: 2, 3"]);
    // A list that is kept at four items.
    assert_eq!(
        lines("[1,2,3,4]", "[3,4,5,6]"),
        ["popped from the front 2 items: 1, 2", "appended 2 items: 5, 6"]
    );
    assert_eq!(
        lines(r#"{"log":["a"]}"#, r#"{"log":["a","b"]}"#),
        ["log: appended 1 item: \"b\""]
    );
}

#[test]
fn what_happens_within_a_list_is_told_by_its_index() {
    assert_eq!(lines("[1,2,3]", "[1,3]"), ["[1]: removed 2"]);
    assert_eq!(lines("[1,3]", "[1,2,3]"), ["[1]: added 2"]);
    assert_eq!(lines("[1,2,3]", "[1,9,3]"), ["[1]: 2 -> 9"]);
}

#[test]
fn a_key_that_differs_only_in_what_is_beside_it_is_told() {
    let at = |version, expires_at| {
        let mut document = document(&[("lease", "1")]);
        document.version = Some(version);
        document.entries[0].attributes = Some(Attributes {
            version,
            size_bytes: 9,
            created_at: 1,
            updated_at: version,
            expires_at,
        });
        document
    };
    let difference = Difference::between(&at(3, None), &at(4, Some(1_700_000_000_000))).unwrap();
    assert_eq!(
        difference.text(Colour::Never),
        "1 key differs (version 3 -> 4)\n~ lease  (version 3 -> 4, 9 bytes, expires never -> 2023-11-14T22:13:20Z)\n"
    );
    assert!(
        Difference::between(&at(3, None), &document(&[("lease", "1")]))
            .unwrap()
            .is_empty()
    );
}

#[test]
fn long_values_are_cut_and_nothing_steers_the_terminal() {
    let text = between(&[], &[("k\u{1b}[2J", &format!("\"{}\"", "é".repeat(1000)))]).text(Colour::Never);
    assert!(text.contains("+ k\\u{1b}[2J"), "{text}");
    assert!(text.contains("é… (2002 bytes)") && text.chars().count() < 300, "{text}");
}

#[test]
fn colour_is_there_when_asked_for() {
    let difference = between(&[], &[("a", "1")]);
    assert!(difference.text(Colour::Always).contains("\u{1b}[32m+ a\u{1b}[0m"));
    assert!(!difference.text(Colour::Never).contains('\u{1b}'));
}

#[test]
fn a_value_that_is_not_json_is_refused_by_its_key() {
    for value in [
        "",
        "[1",
        "nul",
        "1 2",
        &"[".repeat(1000),
        &format!("{}{}", "[".repeat(200), "]".repeat(200)),
    ] {
        let refused = Difference::between(&document(&[]), &document(&[("bad", value)])).unwrap_err();
        assert!(
            refused.to_string().starts_with("the value of \"bad\" is not JSON"),
            "{refused}"
        );
    }
}

/// Makes the edits.
fn apply(difference: &Difference, before: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut after = before.clone();
    for KeyDifference { key, change, .. } in &difference.keys {
        match change {
            KeyChange::Added { value } => {
                assert!(after.insert(key.clone(), parsed(value)).is_none());
            }
            KeyChange::Removed { value } => assert_eq!(after.remove(key), Some(parsed(value))),
            KeyChange::Changed { edits } => {
                let value = after.get_mut(key).unwrap();
                for edit in edits {
                    make(edit, value);
                }
            }
        }
    }
    after
}

fn make(edit: &Edit, value: &mut Value) {
    let Edit { path, change } = edit;
    match change {
        Change::Added { value: new } => {
            let (last, way) = path.0.split_last().unwrap();
            match (at(value, way), last) {
                (Value::Array(items), Segment::Item(index)) => items.insert(*index, parsed(new)),
                (Value::Object(members), Segment::Member(name)) => {
                    assert!(members.insert(name.clone(), parsed(new)).is_none());
                }
                (place, last) => panic!("no {last:?} in {place}"),
            }
        }
        Change::Removed { value: old } => {
            let (last, way) = path.0.split_last().unwrap();
            let removed = match (at(value, way), last) {
                (Value::Array(items), Segment::Item(index)) => items.remove(*index),
                (Value::Object(members), Segment::Member(name)) => members.remove(name).unwrap(),
                (place, last) => panic!("no {last:?} in {place}"),
            };
            assert_eq!(removed, parsed(old));
        }
        Change::Changed { before, after } => {
            let place = at(value, &path.0);
            assert_eq!(*place, parsed(before));
            *place = parsed(after);
        }
        Change::Appended { items } => list(value, path).extend(items.iter().map(|item| parsed(item))),
        Change::Prepended { items } => {
            list(value, path).splice(0..0, items.iter().map(|item| parsed(item)));
        }
        Change::PoppedFirst { items } => {
            let popped: Vec<_> = list(value, path).drain(..items.len()).collect();
            assert!(
                popped
                    .iter()
                    .eq(items.iter().map(|item| parsed(item)).collect::<Vec<_>>().iter())
            );
        }
        Change::PoppedLast { items } => {
            let list = list(value, path);
            let popped = list.split_off(list.len() - items.len());
            assert!(
                popped
                    .iter()
                    .eq(items.iter().map(|item| parsed(item)).collect::<Vec<_>>().iter())
            );
        }
    }
}

fn at<'a>(value: &'a mut Value, way: &[Segment]) -> &'a mut Value {
    way.iter().fold(value, |value, segment| match segment {
        Segment::Member(name) => &mut value[name.as_str()],
        Segment::Item(index) => &mut value[*index],
    })
}

fn list<'a>(value: &'a mut Value, path: &Path) -> &'a mut Vec<Value> {
    at(value, &path.0).as_array_mut().unwrap()
}

fn parsed(json: &RawValue) -> Value {
    serde_json::from_str(json.get()).unwrap()
}

/// Values that have much in common.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (0..4).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c.\"'\\[]{0,2}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(Value::from),
            prop::collection::vec(0..3, 0..10).prop_map(Value::from),
            prop::collection::btree_map("[a-c.7]{0,2}", inner, 0..5)
                .prop_map(|members| Value::from(members.into_iter().collect::<serde_json::Map<_, _>>())),
        ]
    })
}

fn state() -> impl Strategy<Value = BTreeMap<String, Value>> {
    prop::collection::btree_map("[a-d]", value(), 0..4)
}

fn of(state: &BTreeMap<String, Value>) -> Document {
    let entries = state.iter().map(|(key, value)| Entry {
        key: key.clone(),
        value: value.to_string(),
        attributes: None,
    });
    Document {
        entries: entries.collect(),
        ..Document::default()
    }
}

proptest! {
    #[test]
    fn the_edits_turn_what_was_into_what_is(before in state(), after in state()) {
        let difference = Difference::between(&of(&before), &of(&after)).unwrap();
        prop_assert_eq!(apply(&difference, &before), after);
        prop_assert!(!difference.text(Colour::Always).is_empty());
    }

    #[test]
    fn a_state_does_not_differ_from_itself(state in state()) {
        prop_assert!(Difference::between(&of(&state), &of(&state)).unwrap().is_empty());
    }
}
