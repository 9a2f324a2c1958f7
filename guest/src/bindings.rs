//! The WIT world `op-engine` over [`Session`]: translation and nothing else.

// An instance is one session and a component has one thread, so the session is the instance's state.
#![allow(unsafe_code, reason = "generated bindings; the ABI is raw pointers")]

use alloc::string::ToString;
use core::cell::RefCell;

use crate::document::Document;
use crate::model;
use crate::session::Session;

wit_bindgen::generate!({
    world: "op-engine",
    path: "../wit",
});

use automation::kv::types::{self, Failure, Reason, Rejection, Reply, Request};
use automation::kv::{storage, vault};
use exports::automation::kv::engine::{Guest, Limits};

struct Engine;

export!(Engine);

/// The session of this instance.
struct Slot(RefCell<Option<Session>>);

// SAFETY: a component instance has exactly one thread.
unsafe impl Sync for Slot {}

static SESSION: Slot = Slot(RefCell::new(None));

fn with_session<T>(work: impl FnOnce(&mut Session) -> T) -> T {
    let mut slot = SESSION.0.borrow_mut();
    work(slot.get_or_insert_with(|| Session::new(Document::default(), model::Limits::default(), 0)))
}

impl Guest for Engine {
    fn open(limits: Limits, now: types::TimestampMs) -> Result<(), Failure> {
        let document = match storage::load()? {
            Some(sealed) => {
                let opened = vault::open(&sealed)?;
                drop(sealed);
                Document::decode(opened.plain, opened.sealed_at)
                    .map_err(|error| Failure::Document(error.0.to_string()))?
            }
            None => Document::default(),
        };
        let limits = model::Limits {
            state_bytes: limits.state_bytes,
        };
        *SESSION.0.borrow_mut() = Some(Session::new(document, limits, now));
        Ok(())
    }

    fn execute(request: Request) -> Result<Reply, Rejection> {
        with_session(|session| session.execute(request.into()))
            .map(Into::into)
            .map_err(Into::into)
    }

    fn savepoint() -> u32 {
        with_session(Session::savepoint)
    }

    fn rollback(savepoint: u32) {
        with_session(|session| session.rollback(savepoint));
    }

    fn commit() -> Result<(), Failure> {
        let Some(session) = SESSION.0.take() else {
            return Ok(());
        };
        let Some(document) = session.changed() else {
            return Ok(());
        };
        let sealed = vault::seal(&document.encode())?;
        storage::save(&sealed)
    }
}

impl From<Request> for model::Request {
    fn from(request: Request) -> Self {
        Self {
            operations: request.operations.into_iter().map(Into::into).collect(),
            if_version: request.if_version,
            always_bump: request.always_bump,
        }
    }
}

impl From<types::Operation> for model::Operation {
    fn from(operation: types::Operation) -> Self {
        match operation {
            types::Operation::ListKeys => Self::ListKeys,
            types::Operation::Get(get) => Self::Get {
                key: get.key,
                path: get.path,
            },
            types::Operation::Set(set) => Self::Set {
                key: set.key,
                value: set.value,
                condition: match set.condition {
                    types::Condition::Always => model::Condition::Always,
                    types::Condition::IfAbsent => model::Condition::IfAbsent,
                    types::Condition::IfPresent => model::Condition::IfPresent,
                },
            },
            types::Operation::Patch(patch) => Self::Patch {
                key: patch.key,
                path: patch.path,
                value: patch.value,
                create: patch.create,
            },
            types::Operation::Delete(key) => Self::Delete { key },
            types::Operation::Increment(count) => Self::Increment {
                key: count.key,
                by: count.by,
            },
            types::Operation::Decrement(count) => Self::Decrement {
                key: count.key,
                by: count.by,
            },
            types::Operation::Push(push) => Self::Push {
                key: push.key,
                value: push.value,
                end: push.end.into(),
            },
            types::Operation::Pop(pop) => Self::Pop {
                key: pop.key,
                end: pop.end.into(),
            },
            types::Operation::Length(key) => Self::Length { key },
        }
    }
}

impl From<types::ListEnd> for model::ListEnd {
    fn from(end: types::ListEnd) -> Self {
        match end {
            types::ListEnd::Head => Self::Head,
            types::ListEnd::Tail => Self::Tail,
        }
    }
}

impl From<model::Reply> for Reply {
    fn from(reply: model::Reply) -> Self {
        Self {
            outcomes: reply.outcomes.into_iter().map(Into::into).collect(),
            version: reply.version,
            size_bytes: reply.size_bytes,
        }
    }
}

impl From<model::Outcome> for types::Outcome {
    fn from(outcome: model::Outcome) -> Self {
        match outcome {
            model::Outcome::Keys(keys) => Self::Keys(keys),
            model::Outcome::Value(entry) => Self::Value(types::Entry {
                value: entry.value,
                key_version: entry.key_version,
                created_at: entry.created_at,
                updated_at: entry.updated_at,
            }),
            model::Outcome::Stored {
                created,
                value,
                updated_at,
            } => Self::Stored(types::Stored {
                created,
                value,
                updated_at,
            }),
            model::Outcome::Patched(value) => Self::Patched(value),
            model::Outcome::Deleted(deleted) => Self::Deleted(deleted),
            model::Outcome::Number(number) => Self::Number(number),
            model::Outcome::Length(length) => Self::Length(length),
            model::Outcome::Popped(item) => Self::Popped(item),
        }
    }
}

impl From<model::Rejection> for Rejection {
    fn from(rejection: model::Rejection) -> Self {
        Self {
            operation: rejection.operation,
            reason: rejection.reason.into(),
        }
    }
}

impl From<model::Reason> for Reason {
    fn from(reason: model::Reason) -> Self {
        match reason {
            model::Reason::InvalidJson(message) => Self::InvalidJson(message),
            model::Reason::InvalidValue(message) => Self::InvalidValue(message),
            model::Reason::InvalidKey(message) => Self::InvalidKey(message),
            model::Reason::InvalidPath(message) => Self::InvalidPath(message),
            model::Reason::InvalidArgument { name, message } => Self::InvalidArgument(types::InvalidArgument {
                name: name.to_string(),
                message,
            }),
            model::Reason::VersionMismatch { expected, actual } => {
                Self::VersionMismatch(types::VersionMismatch { expected, actual })
            }
            model::Reason::KeyExists => Self::KeyExists,
            model::Reason::KeyAbsent => Self::KeyAbsent,
            model::Reason::KeyNotFound => Self::KeyNotFound,
            model::Reason::PathNotFound => Self::PathNotFound,
            model::Reason::TypeMismatch { expected, found } => Self::TypeMismatch(types::TypeMismatch {
                expected: expected.into(),
                found: found.into(),
            }),
            model::Reason::TooLarge {
                key,
                current_bytes,
                size_bytes,
                limit_bytes,
            } => Self::TooLarge(types::TooLarge {
                key,
                current_bytes,
                size_bytes,
                limit_bytes,
            }),
        }
    }
}

impl From<model::Kind> for types::Kind {
    fn from(kind: model::Kind) -> Self {
        match kind {
            model::Kind::Null => Self::Null,
            model::Kind::Boolean => Self::Boolean,
            model::Kind::Integer => Self::Integer,
            model::Kind::Float => Self::Float,
            model::Kind::Text => Self::Text,
            model::Kind::List => Self::List,
            model::Kind::Object => Self::Object,
        }
    }
}
