//! Requests as JSON, for hosts in other languages that play them without the HTTP layer.
//!
//! Each WIT value is told as itself: a record is an object with the names of `wit/types.wit`, a variant is
//! `{"tag": case, "val": payload}` (without `val` where there is no payload), an enum is its case's name, and no value is null.

use serde_json::{Value, json};

use super::types::{
    Condition, Expiry, Filter, ListEnd, Operation, Place, PlacedValue, RangeOperation, Request, Step, Test, TwoPlaces,
};

/// The record `request`.
pub fn request(request: &Request) -> Value {
    let once = request.once.as_ref();
    json!({
        "operations": request.operations.iter().map(operation).collect::<Vec<_>>(),
        "if-version": request.if_version,
        "always-bump": request.always_bump,
        "once": once.map(|once| json!({"key": once.key, "fingerprint": once.fingerprint})),
        // Nobody who gives requests straight to an engine is restricted.
        "scope": null,
    })
}

fn operation(operation: &Operation) -> Value {
    match operation {
        Operation::ListKeys(list) => case(
            "list-keys",
            json!({"prefix": list.prefix, "limit": list.limit, "cursor": list.cursor, "values": list.values}),
        ),
        Operation::Get(get) => case("get", json!({"key": get.key, "path": get.path})),
        Operation::Check(check) => case(
            "check",
            json!({"key": check.key, "path": check.path, "test": test(&check.test)}),
        ),
        Operation::Set(set) => case(
            "set",
            json!({"key": set.key, "value": set.value, "condition": condition(set.condition), "expiry": expiry(&set.expiry)}),
        ),
        Operation::Expire(expire) => case("expire", json!({"key": expire.key, "expiry": expiry(&expire.expiry)})),
        Operation::Edit(edit) => case(
            "edit",
            json!({"key": edit.key, "steps": edit.steps.iter().map(step).collect::<Vec<_>>(), "create": edit.create}),
        ),
        Operation::Delete(key) => case("delete", json!(key)),
        Operation::Increment(count) => case("increment", json!({"key": count.key, "by": count.by})),
        Operation::Decrement(count) => case("decrement", json!({"key": count.key, "by": count.by})),
        Operation::Push(push) => case(
            "push",
            json!({"key": push.key, "value": push.value, "end": end(push.end), "max-length": push.max_length, "expiry": expiry(&push.expiry)}),
        ),
        Operation::Pop(pop) => case("pop", json!({"key": pop.key, "end": end(pop.end), "count": pop.count})),
        Operation::Range(given) => case("range", range(given)),
        Operation::Trim(given) => case("trim", range(given)),
        Operation::Remove(remove) => case(
            "remove",
            json!({"key": remove.key, "matching": filter(&remove.matching)}),
        ),
        Operation::Length(key) => case("length", json!(key)),
        Operation::Claim(claim) => case(
            "claim",
            json!({"key": claim.key, "owner": claim.owner, "milliseconds": claim.milliseconds}),
        ),
        Operation::Renew(renew) => case(
            "renew",
            json!({"key": renew.key, "owner": renew.owner, "fence": renew.fence, "milliseconds": renew.milliseconds}),
        ),
        Operation::Release(release) => case(
            "release",
            json!({"key": release.key, "owner": release.owner, "fence": release.fence}),
        ),
    }
}

fn case(tag: &str, val: Value) -> Value {
    let mut variant = bare(tag);
    variant["val"] = val;
    variant
}

fn bare(tag: &str) -> Value {
    json!({"tag": tag})
}

fn range(range: &RangeOperation) -> Value {
    json!({"key": range.key, "start": range.start, "stop": range.stop})
}

fn condition(condition: Condition) -> &'static str {
    match condition {
        Condition::Always => "always",
        Condition::IfAbsent => "if-absent",
        Condition::IfPresent => "if-present",
    }
}

fn end(end: ListEnd) -> &'static str {
    match end {
        ListEnd::Head => "head",
        ListEnd::Tail => "tail",
    }
}

fn expiry(expiry: &Expiry) -> Value {
    match expiry {
        Expiry::Keep => bare("keep"),
        Expiry::Never => bare("never"),
        Expiry::At(time) => case("at", json!(time)),
        Expiry::After(milliseconds) => case("after", json!(milliseconds)),
    }
}

fn test(test: &Test) -> Value {
    match test {
        Test::Exists => bare("exists"),
        Test::Absent => bare("absent"),
        Test::Equals(value) => case("equals", json!(value)),
        Test::KeyVersion(versions) => case("key-version", json!(versions)),
    }
}

fn filter(filter: &Filter) -> Value {
    match filter {
        Filter::Equals(value) => case("equals", json!(value)),
        Filter::FieldEquals(field) => case("field-equals", json!({"field": field.field, "value": field.value})),
        Filter::OlderThan(age) => case(
            "older-than",
            json!({"field": age.field, "milliseconds": age.milliseconds}),
        ),
    }
}

fn step(step: &Step) -> Value {
    match step {
        Step::Set(value) => case("set", placed(value)),
        Step::Insert(value) => case("insert", placed(value)),
        Step::Replace(value) => case("replace", placed(value)),
        Step::Remove(remove) => case(
            "remove",
            json!({"at": place(&remove.at), "must-exist": remove.must_exist}),
        ),
        Step::Append(value) => case("append", placed(value)),
        Step::Increment(count) => case("increment", json!({"at": place(&count.at), "by": count.by})),
        Step::Merge(value) => case("merge", placed(value)),
        Step::Move(places) => case("move", two(places)),
        Step::Copy(places) => case("copy", two(places)),
        Step::Test(value) => case("test", placed(value)),
    }
}

fn placed(placed: &PlacedValue) -> Value {
    json!({"at": place(&placed.at), "value": placed.value})
}

fn two(places: &TwoPlaces) -> Value {
    json!({"source": place(&places.source), "destination": place(&places.destination)})
}

fn place(place: &Place) -> Value {
    match place {
        Place::Path(path) => case("path", json!(path)),
        Place::Members(path) => case("members", json!(path)),
        Place::Pointer(pointer) => case("pointer", json!(pointer)),
    }
}
