//! Sessions and requests in few words.

use automation_kv_engine::Session;
use automation_kv_engine::document::Document;
use automation_kv_engine::model::{
    Condition, Entry, Expiry, Limits, ListEnd, Operation, Outcome, Place, Reason, Rejection, Reply, Request, Step, Test,
};

pub const NOW: u64 = 1_700_000_000_000;
pub const SEALED_AT: u64 = 1_600_000_000_000;

pub fn empty() -> Session {
    limited(0)
}

pub fn limited(state_bytes: u64) -> Session {
    Session::new(Document::default(), limits(state_bytes), NOW)
}

pub fn limits(state_bytes: u64) -> Limits {
    Limits {
        state_bytes,
        value_bytes: 0,
    }
}

/// A session with one key, at version 1.
pub fn holding(key: &str, value: &str) -> Session {
    let mut session = empty();
    accept(&mut session, [set(key, value)]);
    session
}

pub fn open(bytes: &[u8], state_bytes: u64) -> Session {
    let document = Document::decode(bytes.to_vec(), SEALED_AT).unwrap();
    Session::new(document, limits(state_bytes), NOW)
}

/// The next session on what a session that wrote leaves.
pub fn reopened(session: &Session, state_bytes: u64) -> Session {
    open(&session.changed().expect("a write").encode(), state_bytes)
}

/// The next session on what a session that wrote leaves, at another time.
pub fn at_time(session: &Session, now: u64) -> Session {
    let bytes = session.changed().expect("a write").encode();
    Session::new(Document::decode(bytes, 0).unwrap(), limits(0), now)
}

pub fn request<const N: usize>(operations: [Operation; N], if_version: Option<i64>) -> Request {
    Request {
        operations: operations.into(),
        if_version,
        always_bump: false,
        once: None,
        scope: None,
    }
}

pub fn accept<const N: usize>(session: &mut Session, operations: [Operation; N]) -> Reply {
    session.execute(request(operations, None)).expect("an accepted request")
}

pub fn refuse<const N: usize>(session: &mut Session, operations: [Operation; N]) -> Rejection {
    session
        .execute(request(operations, None))
        .expect_err("a refused request")
}

/// What the only operation of an accepted request gives.
pub fn outcome(session: &mut Session, operation: Operation) -> Outcome {
    accept(session, [operation]).outcomes.remove(0)
}

pub fn list_keys() -> Operation {
    Operation::ListKeys {
        prefix: String::new(),
        limit: None,
        cursor: None,
        values: false,
    }
}

pub fn keys(session: &mut Session) -> Vec<String> {
    match outcome(session, list_keys()) {
        Outcome::Keys(page) => page.keys.into_iter().map(|listed| listed.key).collect(),
        other => panic!("{other:?} are no keys"),
    }
}

pub fn entry(session: &mut Session, key: &str) -> Entry {
    match outcome(session, get(key)) {
        Outcome::Value(entry) => entry,
        other => panic!("{other:?} is no value"),
    }
}

pub fn value(session: &mut Session, key: &str) -> String {
    entry(session, key).value
}

pub fn get(key: &str) -> Operation {
    Operation::Get {
        key: key.to_owned(),
        path: None,
    }
}

pub fn set(key: &str, value: &str) -> Operation {
    set_if(key, value, Condition::Always)
}

pub fn set_if(key: &str, value: &str, condition: Condition) -> Operation {
    Operation::Set {
        key: key.to_owned(),
        value: value.to_owned(),
        condition,
        expiry: Expiry::Keep,
    }
}

pub fn set_until(key: &str, value: &str, expiry: Expiry) -> Operation {
    Operation::Set {
        key: key.to_owned(),
        value: value.to_owned(),
        condition: Condition::Always,
        expiry,
    }
}

pub fn expire(key: &str, expiry: Expiry) -> Operation {
    Operation::Expire {
        key: key.to_owned(),
        expiry,
    }
}

pub fn check(key: &str, test: Test) -> Operation {
    Operation::Check {
        key: key.to_owned(),
        path: None,
        test,
    }
}

pub fn claim(key: &str, owner: &str, milliseconds: u64) -> Operation {
    Operation::Claim {
        key: key.to_owned(),
        owner: owner.to_owned(),
        milliseconds,
    }
}

pub fn renew(key: &str, owner: &str, fence: Option<u64>, milliseconds: u64) -> Operation {
    Operation::Renew {
        key: key.to_owned(),
        owner: owner.to_owned(),
        fence,
        milliseconds,
    }
}

pub fn release(key: &str, owner: &str, fence: Option<u64>) -> Operation {
    Operation::Release {
        key: key.to_owned(),
        owner: owner.to_owned(),
        fence,
    }
}

pub fn edit<const N: usize>(key: &str, steps: [Step; N]) -> Operation {
    Operation::Edit {
        key: key.to_owned(),
        steps: steps.into(),
        create: false,
    }
}

pub fn path(text: &str) -> Place {
    Place::Path(text.to_owned())
}

pub fn pointer(text: &str) -> Place {
    Place::Pointer(text.to_owned())
}

pub fn patch(key: &str, path: &str, value: &str) -> Operation {
    edit(key, [patch_step(path, value)])
}

pub fn patch_or_create(key: &str, path: &str, value: &str) -> Operation {
    Operation::Edit {
        key: key.to_owned(),
        steps: vec![patch_step(path, value)],
        create: true,
    }
}

fn patch_step(path: &str, value: &str) -> Step {
    Step::Set {
        at: Place::Members(path.to_owned()),
        value: value.to_owned(),
    }
}

pub fn delete(key: &str) -> Operation {
    Operation::Delete { key: key.to_owned() }
}

pub fn increment(key: &str, by: &str) -> Operation {
    Operation::Increment {
        key: key.to_owned(),
        by: by.to_owned(),
    }
}

pub fn decrement(key: &str, by: &str) -> Operation {
    Operation::Decrement {
        key: key.to_owned(),
        by: by.to_owned(),
    }
}

pub fn push(key: &str, value: &str) -> Operation {
    Operation::Push {
        key: key.to_owned(),
        value: value.to_owned(),
        end: ListEnd::Tail,
        max_length: None,
        expiry: Expiry::Keep,
    }
}

pub fn pop(key: &str) -> Operation {
    Operation::Pop {
        key: key.to_owned(),
        end: ListEnd::Head,
        count: 1,
    }
}

pub fn length(key: &str) -> Operation {
    Operation::Length { key: key.to_owned() }
}

/// So many lists in one another, the innermost one empty.
pub fn lists(levels: usize) -> String {
    around("", levels)
}

pub fn around(inside: &str, lists: usize) -> String {
    format!("{}{inside}{}", "[".repeat(lists), "]".repeat(lists))
}

pub fn steps(count: usize) -> String {
    vec!["a"; count].join(".")
}

pub fn too_large(key: &str, current_bytes: u64, size_bytes: u64, limit_bytes: u64) -> Reason {
    Reason::TooLarge {
        key: key.to_owned(),
        current_bytes,
        size_bytes,
        limit_bytes,
    }
}

pub fn at(index: u32, reason: Reason) -> Rejection {
    Rejection {
        operation: Some(index),
        reason,
    }
}

pub fn whole(reason: Reason) -> Rejection {
    Rejection {
        operation: None,
        reason,
    }
}
