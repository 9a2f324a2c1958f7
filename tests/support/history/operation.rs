//! Requests at random, on their way over HTTP, and what the engine's answer to one looks like there.

use std::io;

use automation_kv::engine::types::{
    Condition, CountOperation, EditOperation, Effect, Expiry, GetOperation, ListEnd, ListOperation, Operation, Outcome,
    Place, PlacedValue, PopOperation, PushOperation, Reason, Rejection, Reply, Request, SetOperation, Step,
};
use fastrand::Rng;
use serde_json::{Value, json};

use super::super::client::Client;

/// Keys by what they mostly hold; now and then one is used as what it is not.
const KEYS: [&str; 7] = [
    "count-0", "count-1", "list-0", "list-1", "object-0", "value-0", "value-1",
];

/// Makes up requests.
pub struct Author {
    random: Rng,
}

impl Author {
    /// One whose requests depend on the seed only.
    pub fn new(seed: u64) -> Self {
        Self {
            random: Rng::with_seed(seed),
        }
    }

    /// The next request; `seen` is the version that its client saw last.
    pub fn request(&mut self, seen: u64) -> Request {
        let is_batch = self.random.u8(..10) == 0;
        let count = if is_batch { self.random.usize(1..5) } else { 1 };
        let operations: Vec<Operation> = (0..count).map(|_| self.operation(is_batch)).collect();
        let can_be_conditional = is_batch || is_write(&operations[0]);
        let if_version = (can_be_conditional && self.random.u8(..5) == 0).then(|| {
            let guess = seen + self.random.u64(..2);
            i64::try_from(guess).expect("a small version")
        });
        Request {
            operations,
            if_version,
            always_bump: is_batch,
            once: None,
            scope: None,
        }
    }

    fn operation(&mut self, is_batch: bool) -> Operation {
        let reads = if is_batch { 0 } else { 5 };
        match self.random.u8(..13 + reads) {
            0 | 1 => Operation::Increment(self.count()),
            2 => Operation::Decrement(self.count()),
            3 | 4 => self.push(),
            5..=7 => Operation::Pop(PopOperation {
                key: self.key("list"),
                end: self.end(),
                count: 1,
            }),
            8 | 9 => Operation::Set(SetOperation {
                key: self.any_key(),
                value: self.value(),
                condition: [Condition::Always, Condition::IfAbsent, Condition::IfPresent][self.random.usize(..3)],
                expiry: Expiry::Never,
            }),
            10 => Operation::Edit(EditOperation {
                key: self.key("object"),
                steps: vec![Step::Set(PlacedValue {
                    at: Place::Members(["a", "a.b", "c[\"d.e\"]"][self.random.usize(..3)].to_owned()),
                    value: self.value(),
                })],
                create: is_batch,
            }),
            11 | 12 => Operation::Delete(self.any_key()),
            13 => Operation::ListKeys(ListOperation {
                prefix: String::new(),
                limit: None,
                cursor: None,
                values: false,
            }),
            14 => Operation::Length(self.key("list")),
            15 => Operation::Get(GetOperation {
                key: self.key("object"),
                path: Some("a.b".to_owned()),
            }),
            _ => Operation::Get(GetOperation {
                key: self.any_key(),
                path: None,
            }),
        }
    }

    fn count(&mut self) -> CountOperation {
        CountOperation {
            key: self.key("count"),
            by: self.random.i32(1..1000).to_string(),
        }
    }

    fn push(&mut self) -> Operation {
        Operation::Push(PushOperation {
            key: self.key("list"),
            value: self.value(),
            end: self.end(),
            max_length: None,
            expiry: Expiry::Keep,
        })
    }

    fn end(&mut self) -> ListEnd {
        if self.random.bool() {
            ListEnd::Head
        } else {
            ListEnd::Tail
        }
    }

    /// Never `null`, so that a pop that gave `null` surely found nothing; hardly ever twice the same.
    fn value(&mut self) -> String {
        let number = self.random.u32(..);
        match self.random.u8(..4) {
            0 => number.to_string(),
            1 => format!("{{\"n\":{number}}}"),
            2 => format!("[{number}]"),
            _ => format!("\"{number}\""),
        }
    }

    fn any_key(&mut self) -> String {
        KEYS[self.random.usize(..KEYS.len())].to_owned()
    }

    fn key(&mut self, kind: &str) -> String {
        if self.random.u8(..20) == 0 {
            return self.any_key();
        }
        let keys: Vec<&str> = KEYS.into_iter().filter(|key| key.starts_with(kind)).collect();
        keys[self.random.usize(..keys.len())].to_owned()
    }
}

/// Whether an operation may change something.
pub fn is_write(operation: &Operation) -> bool {
    !matches!(
        operation,
        Operation::ListKeys(_) | Operation::Get(_) | Operation::Length(_)
    )
}

/// Sends a request over HTTP.
pub fn send(client: &mut Client, request: &Request) -> io::Result<(u16, Value)> {
    let (method, path, body) = http(request);
    client.call(method, &path, body.as_ref())
}

/// Method, path behind `/v1/kv`, and body of a request.
fn http(request: &Request) -> (&'static str, String, Option<Value>) {
    if request.always_bump {
        let operations: Vec<Value> = request.operations.iter().map(in_batch).collect();
        let mut body = json!({"operations": operations});
        if let Some(version) = request.if_version {
            body["if_version"] = version.into();
        }
        return ("POST", "/batch".to_owned(), Some(body));
    }
    let condition = request.if_version.map(|version| format!("if_version={version}"));
    let query = |more: &str| match (&condition, more) {
        (None, "") => String::new(),
        (None, more) => format!("?{more}"),
        (Some(condition), "") => format!("?{condition}"),
        (Some(condition), more) => format!("?{condition}&{more}"),
    };
    match &request.operations[0] {
        Operation::ListKeys(_) => ("GET", String::new(), None),
        Operation::Get(get) => {
            let path = get.path.as_ref().map(|path| format!("path={path}")).unwrap_or_default();
            ("GET", format!("/{}{}", get.key, query(&path)), None)
        }
        Operation::Length(key) => ("GET", format!("/{key}/len"), None),
        Operation::Set(set) => {
            let flag = match set.condition {
                Condition::Always => "",
                Condition::IfAbsent => "nx=true",
                Condition::IfPresent => "xx=true",
            };
            ("PUT", format!("/{}{}", set.key, query(flag)), Some(parse(&set.value)))
        }
        Operation::Edit(edit) => {
            let (path, value) = member(edit);
            let body = json!({"path": path, "value": value});
            ("PATCH", format!("/{}{}", edit.key, query("")), Some(body))
        }
        Operation::Delete(key) => ("DELETE", format!("/{key}{}", query("")), None),
        operation @ (Operation::Increment(_) | Operation::Decrement(_) | Operation::Push(_) | Operation::Pop(_)) => {
            let mut body = in_batch(operation);
            let members = body.as_object_mut().expect("an object");
            let name = members.remove("op").expect("a name");
            let key = members.remove("key").expect("a key");
            let path = format!("/{}/{}{}", text(&key), text(&name), query(""));
            ("POST", path, (!members.is_empty()).then_some(body))
        }
        other => unreachable!("{other:?} has no author"),
    }
}

fn in_batch(operation: &Operation) -> Value {
    let side = |end: ListEnd, head: &'static str, tail: &'static str| if end == ListEnd::Head { head } else { tail };
    match operation {
        Operation::Set(set) => {
            let mut body = json!({"op": "set", "key": set.key, "value": parse(&set.value)});
            match set.condition {
                Condition::Always => {}
                Condition::IfAbsent => body["nx"] = true.into(),
                Condition::IfPresent => body["xx"] = true.into(),
            }
            body
        }
        Operation::Edit(edit) => {
            let (path, value) = member(edit);
            json!({"op": "patch", "key": edit.key, "path": path, "value": value})
        }
        Operation::Delete(key) => json!({"op": "delete", "key": key}),
        Operation::Increment(count) => json!({"op": "incr", "key": count.key, "by": parse(&count.by)}),
        Operation::Decrement(count) => json!({"op": "decr", "key": count.key, "by": parse(&count.by)}),
        Operation::Push(push) => {
            json!({"op": side(push.end, "lpush", "rpush"), "key": push.key, "value": parse(&push.value)})
        }
        Operation::Pop(pop) => json!({"op": side(pop.end, "lpop", "rpop"), "key": pop.key}),
        other => unreachable!("{other:?} has no author in a batch"),
    }
}

/// The member that an edit sets, and to what.
fn member(edit: &EditOperation) -> (&str, Value) {
    match edit.steps.as_slice() {
        [
            Step::Set(PlacedValue {
                at: Place::Members(path),
                value,
            }),
        ] => (path, parse(value)),
        other => unreachable!("{other:?} has no author"),
    }
}

/// The status and the members that an answer over HTTP must have, given the engine's answer.
pub fn expected(request: &Request, answer: &Result<Reply, Rejection>) -> (u16, Value) {
    match answer {
        Err(rejection) if request.always_bump => refused_batch(rejection),
        Err(rejection) => {
            let (status, code) = refusal(&rejection.reason);
            (status, json!({"error": code}))
        }
        Ok(reply) if request.always_bump => {
            let results: Vec<Value> = reply.outcomes.iter().map(in_results).collect();
            (200, json!({"version": reply.version, "results": results}))
        }
        Ok(reply) => {
            let mut body = alone(&reply.outcomes[0]);
            body["version"] = reply.version.into();
            let created = matches!(&reply.outcomes[0], Outcome::Stored(stored) if stored.created);
            (if created { 201 } else { 200 }, body)
        }
    }
}

fn alone(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Keys(page) => {
            let keys: Vec<&str> = page.keys.iter().map(|listed| listed.key.as_str()).collect();
            json!({"keys": keys, "count": keys.len()})
        }
        Outcome::Value(entry) => json!({"value": parse(&entry.value)}),
        Outcome::Stored(stored) => json!({"value": parse(&stored.value), "created": stored.created}),
        Outcome::Edited(effects) => match effects.as_slice() {
            [Effect::Placed(value)] => json!({"value": parse(value)}),
            other => unreachable!("{other:?} has no author"),
        },
        Outcome::Number(value) => json!({"value": parse(value)}),
        Outcome::Removed(removed) => json!({"deleted": *removed > 0}),
        Outcome::Length(length) => json!({"length": length}),
        Outcome::Items(items) => json!({"value": items.first().map_or(Value::Null, |item| parse(item))}),
        other => unreachable!("{other:?} has no author"),
    }
}

/// In a batch, a value that was stored or patched is not repeated.
fn in_results(outcome: &Outcome) -> Value {
    match outcome {
        Outcome::Stored(stored) => json!({"success": true, "created": stored.created}),
        Outcome::Edited(_) => json!({"success": true}),
        outcome => {
            let mut body = alone(outcome);
            body["success"] = true.into();
            body
        }
    }
}

fn refused_batch(rejection: &Rejection) -> (u16, Value) {
    match (&rejection.reason, rejection.operation) {
        (Reason::VersionMismatch(_) | Reason::TooLarge(_) | Reason::InvalidValue(_), _) | (_, None) => {
            let (status, code) = refusal(&rejection.reason);
            (status, json!({"error": code}))
        }
        (_, Some(index)) => (400, json!({"error": "operation_failed", "operation_index": index})),
    }
}

fn refusal(reason: &Reason) -> (u16, &'static str) {
    match reason {
        Reason::VersionMismatch(_) => (409, "version_mismatch"),
        Reason::KeyExists => (409, "key_exists"),
        Reason::KeyAbsent => (409, "key_not_exists"),
        Reason::KeyNotFound => (404, "key_not_found"),
        Reason::PathNotFound => (404, "invalid_path"),
        Reason::TypeMismatch(_) => (400, "type_mismatch"),
        Reason::InvalidPath(_) => (400, "invalid_path"),
        Reason::InvalidValue(_) => (400, "invalid_value"),
        Reason::TooLarge(_) => (413, "state_too_large"),
        Reason::ValueTooLarge(_) => (413, "value_too_large"),
        Reason::InvalidJson(_) | Reason::InvalidArgument(_) => (422, "invalid_request"),
        Reason::InvalidKey(_) => (400, "invalid_key"),
        Reason::Forbidden(_)
        | Reason::CheckFailed(_)
        | Reason::Held(_)
        | Reason::NotHeld
        | Reason::NotALease
        | Reason::OnceMismatch => {
            unreachable!("{reason:?} has no author")
        }
    }
}

/// Whether an answer has everything that is expected of it; it may have more.
pub fn fits(expected: &Value, given: &Value) -> bool {
    match (expected, given) {
        (Value::Object(expected), Value::Object(given)) => expected
            .iter()
            .all(|(name, value)| given.get(name).is_some_and(|given| fits(value, given))),
        (Value::Array(expected), Value::Array(given)) => {
            expected.len() == given.len() && expected.iter().zip(given).all(|(one, other)| fits(one, other))
        }
        (expected, given) => expected == given,
    }
}

fn parse(json: &str) -> Value {
    serde_json::from_str(json).expect("JSON of our own")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("text of our own")
}
