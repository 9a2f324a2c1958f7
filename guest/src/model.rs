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
pub enum ListEnd {
    Head,
    Tail,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    ListKeys,
    Get {
        key: String,
        path: Option<String>,
    },
    Set {
        key: String,
        value: String,
        condition: Condition,
    },
    Patch {
        key: String,
        path: String,
        value: String,
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
    },
    Pop {
        key: String,
        end: ListEnd,
    },
    Length {
        key: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub operations: Vec<Operation>,
    pub if_version: Option<i64>,
    pub always_bump: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub value: String,
    pub key_version: u64,
    pub created_at: TimestampMs,
    pub updated_at: TimestampMs,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Keys(Vec<String>),
    Value(Entry),
    Stored {
        created: bool,
        value: String,
        updated_at: TimestampMs,
    },
    Patched(String),
    Deleted(bool),
    Number(String),
    Length(u64),
    Popped(Option<String>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub outcomes: Vec<Outcome>,
    pub version: u64,
    pub size_bytes: u64,
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
pub enum Reason {
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
}
