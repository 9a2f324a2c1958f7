//! How the outcome of an action is told.

use crate::api::error::ApiError;
use crate::api::json::{self, Object};
use crate::api::kv::unexpected_outcome;
use crate::engine::types::{Effect, Outcome};

/// How the last outcome of an action becomes members of an object.
pub(in crate::api::kv) enum Wording {
    /// Under the name that is usual for its kind.
    Usual,
    /// All items that a range has, and how many: `values`, `count`.
    Range,
    /// The item that was taken, or `null`: `value`.
    OneItem,
    /// Whether the key was there: `deleted`.
    Deleted,
    /// `released`, which it is if it was done at all.
    Released,
    /// Not at all.
    Silent,
    /// The steps of an edit: `results`.
    Steps(Vec<NamedStep>),
    /// The lease that its owner has now, for this time.
    Lease { ttl_ms: u64 },
}

/// A step as it was sent.
pub(in crate::api::kv) struct NamedStep {
    pub(in crate::api::kv) name: &'static str,
    /// None where it was left out.
    pub(in crate::api::kv) path: Option<String>,
}

impl Wording {
    /// Adds what came out.
    pub(in crate::api::kv) fn word(self, object: Object, outcomes: &[Outcome]) -> Result<Object, ApiError> {
        let outcome = outcomes.last().ok_or_else(unexpected_outcome)?;
        Ok(match (self, outcome) {
            (Self::Silent, _) => object,
            (Self::Released, _) => object.boolean("released", true),
            (Self::Deleted, Outcome::Removed(removed)) => object.boolean("deleted", *removed > 0),
            (Self::OneItem, Outcome::Items(items)) => {
                object.raw("value", items.first().map_or(json::NULL, String::as_str))
            }
            (Self::Range, Outcome::Items(items)) => object
                .raw("values", &json::list(items.iter().cloned()))
                .number("count", items.len() as u64),
            (Self::Steps(steps), Outcome::Edited(effects)) => object.raw("results", &results(steps, effects)),
            (Self::Lease { ttl_ms }, Outcome::Claimed(lease)) => object
                .string("owner", &lease.owner)
                .number("fence", lease.fence)
                .raw("expires_at", &json::time(lease.expires_at))
                .number("ttl_ms", ttl_ms),
            (Self::Usual, outcome) => usual(object, outcome)?,
            _ => return Err(unexpected_outcome()),
        })
    }
}

fn usual(object: Object, outcome: &Outcome) -> Result<Object, ApiError> {
    Ok(match outcome {
        Outcome::Checked => object,
        Outcome::Value(entry) => object
            .raw("value", &entry.value)
            .number("key_version", entry.attributes.key_version),
        Outcome::Stored(stored) => {
            let object = object.boolean("created", stored.created);
            match stored.expires_at {
                Some(expires_at) => object.raw("expires_at", &json::time(expires_at)),
                None => object,
            }
        }
        Outcome::Expires(expires_at) => object.raw("expires_at", &json::optional_time(*expires_at)),
        Outcome::Removed(removed) => object.number("removed", *removed),
        Outcome::Number(number) => object.raw("value", number),
        Outcome::Length(length) => object.number("length", *length),
        Outcome::Items(items) => object.raw("values", &json::list(items.iter().cloned())),
        Outcome::Keys(_) | Outcome::Edited(_) | Outcome::Claimed(_) => return Err(unexpected_outcome()),
    })
}

fn results(steps: Vec<NamedStep>, effects: &[Effect]) -> String {
    json::list(steps.into_iter().zip(effects).map(|(step, effect)| {
        let mut object = Object::new().string("op", step.name);
        if let Some(path) = &step.path {
            object = object.string("path", path);
        }
        let object = match effect {
            Effect::Placed(_) | Effect::Done => object,
            Effect::Removed(removed) => object.boolean("removed", *removed),
            Effect::Number(number) => object.raw("value", number),
            Effect::Length(length) => object.number("length", *length),
        };
        object.finish()
    }))
}
