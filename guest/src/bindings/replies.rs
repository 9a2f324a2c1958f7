//! Replies and rejections, from the model to WIT.

use alloc::string::ToString;

use super::automation::kv::types;
use super::exports::automation::kv::engine;
use crate::model;

impl From<model::Reply> for types::Reply {
    fn from(reply: model::Reply) -> Self {
        Self {
            outcomes: reply.outcomes.into_iter().map(Into::into).collect(),
            version: reply.version,
            size_bytes: reply.size_bytes,
            limit_bytes: reply.limit_bytes,
            is_replay: reply.is_replay,
            has_expired: reply.has_expired,
        }
    }
}

impl From<model::RememberedAnswer> for engine::Remembered {
    fn from(remembered: model::RememberedAnswer) -> Self {
        Self {
            answer: remembered.answer,
            reply: remembered.reply.into(),
        }
    }
}

impl From<model::Outcome> for types::Outcome {
    fn from(outcome: model::Outcome) -> Self {
        match outcome {
            model::Outcome::Keys(page) => Self::Keys(types::Page {
                keys: page.keys.into_iter().map(Into::into).collect(),
                next: page.next,
            }),
            model::Outcome::Value(entry) => Self::Value(types::Entry {
                value: entry.value,
                attributes: entry.attributes.into(),
            }),
            model::Outcome::Checked => Self::Checked,
            model::Outcome::Stored(stored) => Self::Stored(types::Stored {
                created: stored.created,
                value: stored.value,
                updated_at: stored.updated_at,
                expires_at: stored.expires_at,
            }),
            model::Outcome::Expires(time) => Self::Expires(time),
            model::Outcome::Edited(effects) => Self::Edited(effects.into_iter().map(Into::into).collect()),
            model::Outcome::Removed(count) => Self::Removed(count),
            model::Outcome::Number(number) => Self::Number(number),
            model::Outcome::Length(length) => Self::Length(length),
            model::Outcome::Items(items) => Self::Items(items),
            model::Outcome::Claimed(lease) => Self::Claimed(lease.into()),
        }
    }
}

impl From<model::Listed> for types::Listed {
    fn from(listed: model::Listed) -> Self {
        Self {
            key: listed.key,
            value: listed.value,
            attributes: listed.attributes.into(),
        }
    }
}

impl From<model::Attributes> for types::Attributes {
    fn from(attributes: model::Attributes) -> Self {
        Self {
            size_bytes: attributes.size_bytes,
            key_version: attributes.key_version,
            created_at: attributes.created_at,
            updated_at: attributes.updated_at,
            expires_at: attributes.expires_at,
        }
    }
}

impl From<model::Effect> for types::Effect {
    fn from(effect: model::Effect) -> Self {
        match effect {
            model::Effect::Placed(value) => Self::Placed(value),
            model::Effect::Done => Self::Done,
            model::Effect::Removed(removed) => Self::Removed(removed),
            model::Effect::Number(number) => Self::Number(number),
            model::Effect::Length(length) => Self::Length(length),
        }
    }
}

impl From<model::Lease> for types::Lease {
    fn from(lease: model::Lease) -> Self {
        Self {
            owner: lease.owner,
            fence: lease.fence,
            expires_at: lease.expires_at,
        }
    }
}

impl From<model::Rejection> for types::Rejection {
    fn from(rejection: model::Rejection) -> Self {
        Self {
            operation: rejection.operation,
            reason: rejection.reason.into(),
        }
    }
}

impl From<model::Reason> for types::Reason {
    fn from(reason: model::Reason) -> Self {
        match reason {
            model::Reason::Forbidden(forbidden) => Self::Forbidden(forbidden.into()),
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
            model::Reason::CheckFailed { key_version } => Self::CheckFailed(types::CheckFailure { key_version }),
            model::Reason::Held(lease) => Self::Held(lease.into()),
            model::Reason::NotHeld => Self::NotHeld,
            model::Reason::NotALease => Self::NotALease,
            model::Reason::OnceMismatch => Self::OnceMismatch,
            model::Reason::ValueTooLarge {
                key,
                size_bytes,
                limit_bytes,
            } => Self::ValueTooLarge(types::ValueTooLarge {
                key,
                size_bytes,
                limit_bytes,
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

impl From<model::Forbidden> for types::Forbidden {
    fn from(forbidden: model::Forbidden) -> Self {
        match forbidden {
            model::Forbidden::Write => Self::Write,
            model::Forbidden::Operation(name) => {
                Self::Operation(types::OperationNames::from_bits_truncate(name.bits()))
            }
            model::Forbidden::Key(key) => Self::Key(key),
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
