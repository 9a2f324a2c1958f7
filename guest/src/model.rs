//! The vocabulary of the WIT interface `types`, as plain Rust. What each thing means is said
//! there; `bindings` translates one into the other.

#![allow(missing_docs, reason = "wit/types.wit documents every one of these")]

use alloc::string::String;
use alloc::vec::Vec;

/// Milliseconds since the Unix epoch.
pub type TimestampMs = u64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    Always,
    IfAbsent,
    IfPresent,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    Keep,
    Never,
    At(TimestampMs),
    After(u64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ListEnd {
    Head,
    Tail,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    Exists,
    Absent,
    Equals(String),
    KeyVersion(Vec<u64>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Path(String),
    Members(String),
    Pointer(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Set { at: Place, value: String },
    Insert { at: Place, value: String },
    Replace { at: Place, value: String },
    Remove { at: Place, must_exist: bool },
    Append { at: Place, value: String },
    Increment { at: Place, by: String },
    Merge { at: Place, value: String },
    Move { source: Place, destination: Place },
    Copy { source: Place, destination: Place },
    Test { at: Place, value: String },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    Equals(String),
    FieldEquals { field: String, value: String },
    OlderThan { field: Option<String>, milliseconds: u64 },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    ListKeys {
        prefix: String,
        limit: Option<u32>,
        cursor: Option<String>,
        values: bool,
    },
    Get {
        key: String,
        path: Option<String>,
    },
    Check {
        key: String,
        path: Option<String>,
        test: Test,
    },
    Set {
        key: String,
        value: String,
        condition: Condition,
        expiry: Expiry,
    },
    Expire {
        key: String,
        expiry: Expiry,
    },
    Edit {
        key: String,
        steps: Vec<Step>,
        create: bool,
    },
    Delete {
        key: String,
    },
    Increment {
        key: String,
        by: String,
    },
    Decrement {
        key: String,
        by: String,
    },
    Push {
        key: String,
        value: String,
        end: ListEnd,
        max_length: Option<u64>,
        expiry: Expiry,
    },
    Pop {
        key: String,
        end: ListEnd,
        count: u32,
    },
    Range {
        key: String,
        start: i64,
        stop: i64,
    },
    Trim {
        key: String,
        start: i64,
        stop: i64,
    },
    Remove {
        key: String,
        matching: Filter,
    },
    Length {
        key: String,
    },
    Claim {
        key: String,
        owner: String,
        milliseconds: u64,
    },
    Renew {
        key: String,
        owner: String,
        fence: Option<u64>,
        milliseconds: u64,
    },
    Release {
        key: String,
        owner: String,
        fence: Option<u64>,
    },
}

bitflags::bitflags! {
    /// In the order of the WIT.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct OperationNames: u32 {
        const LIST = 1;
        const GET = 1 << 1;
        const CHECK = 1 << 2;
        const SET = 1 << 3;
        const PATCH = 1 << 4;
        const DELETE = 1 << 5;
        const EXPIRE = 1 << 6;
        const PERSIST = 1 << 7;
        const INCR = 1 << 8;
        const DECR = 1 << 9;
        const LPUSH = 1 << 10;
        const RPUSH = 1 << 11;
        const LPOP = 1 << 12;
        const RPOP = 1 << 13;
        const LEN = 1 << 14;
        const RANGE = 1 << 15;
        const TRIM = 1 << 16;
        const REMOVE = 1 << 17;
        const PRUNE = 1 << 18;
        const CLAIM = 1 << 19;
        const RENEW = 1 << 20;
        const RELEASE = 1 << 21;
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scope {
    pub may_write: bool,
    pub key_prefixes: Option<Vec<String>>,
    pub operations: OperationNames,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub operations: Vec<Operation>,
    pub if_version: Option<i64>,
    pub always_bump: bool,
    pub once: Option<Once>,
    pub scope: Option<Scope>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Once {
    pub key: String,
    pub fingerprint: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    pub size_bytes: u64,
    pub key_version: u64,
    pub created_at: TimestampMs,
    pub updated_at: TimestampMs,
    pub expires_at: Option<TimestampMs>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub value: String,
    pub attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub key: String,
    pub value: Option<String>,
    pub attributes: Attributes,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub keys: Vec<Listed>,
    pub next: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub created: bool,
    pub value: String,
    pub updated_at: TimestampMs,
    pub expires_at: Option<TimestampMs>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    Placed(String),
    Done,
    Removed(bool),
    Number(String),
    Length(u64),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    pub owner: String,
    pub fence: u64,
    pub expires_at: TimestampMs,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Keys(Page),
    Value(Entry),
    Checked,
    Stored(Stored),
    Expires(Option<TimestampMs>),
    Edited(Vec<Effect>),
    Removed(u64),
    Number(String),
    Length(u64),
    Items(Vec<String>),
    Claimed(Lease),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    pub if_version: Option<i64>,
    pub always_bump: bool,
    pub once: Option<Once>,
    pub scope: Option<Scope>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedAnswer {
    pub answer: String,
    pub reply: Reply,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub outcomes: Vec<Outcome>,
    pub version: u64,
    pub size_bytes: u64,
    pub limit_bytes: u64,
    pub is_replay: bool,
    pub has_expired: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Null,
    Boolean,
    Integer,
    Float,
    Text,
    List,
    Object,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forbidden {
    Write,
    Operation(OperationNames),
    Key(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    Forbidden(Forbidden),
    InvalidJson(String),
    InvalidValue(String),
    InvalidKey(String),
    InvalidPath(String),
    InvalidArgument {
        name: &'static str,
        message: String,
    },
    VersionMismatch {
        expected: i64,
        actual: u64,
    },
    KeyExists,
    KeyAbsent,
    KeyNotFound,
    PathNotFound,
    TypeMismatch {
        expected: Kind,
        found: Kind,
    },
    CheckFailed {
        key_version: Option<u64>,
    },
    Held(Lease),
    NotHeld,
    NotALease,
    OnceMismatch,
    ValueTooLarge {
        key: String,
        size_bytes: u64,
        limit_bytes: u64,
    },
    TooLarge {
        key: String,
        current_bytes: u64,
        size_bytes: u64,
        limit_bytes: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    pub operation: Option<u32>,
    pub reason: Reason,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Limits {
    pub state_bytes: u64,
    pub value_bytes: u64,
}
