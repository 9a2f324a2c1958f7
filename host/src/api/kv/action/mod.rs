//! What can be done to a key: the same as a call of its own, `POST /v1/kv/{key}/{name}`, and as an operation of a batch.
//! One file for each kind; each reads its members and makes the engine's operations of them.

mod check;
mod counter;
mod lease;
mod lifetime;
mod list;
mod removal;
mod value;
mod wording;

use axum::http::StatusCode;
use axum::response::Response;

use super::write::Write;
use super::{openapi, unexpected_outcome};
use crate::api::error::ApiError;
use crate::api::extract::{BodyText, Call};
use crate::api::fields::Fields;
use crate::api::json::Object;
use crate::api::openapi::Describe;
use crate::engine::types::{ListEnd, Operation};
use crate::vault::TimestampMs;

pub(super) use counter::DEFAULT_BY;
pub(super) use list::MAX_COUNT;
pub(super) use wording::{NamedStep, Wording};

/// The actions that are calls of their own, and what the OpenAPI document says of each.
pub(super) const CALLS: [(&str, Describe); 14] = [
    ("incr", openapi::incr),
    ("decr", openapi::decr),
    ("lpush", openapi::lpush),
    ("rpush", openapi::rpush),
    ("lpop", openapi::lpop),
    ("rpop", openapi::rpop),
    ("trim", openapi::trim),
    ("remove", openapi::remove),
    ("prune", openapi::prune),
    ("expire", openapi::expire),
    ("persist", openapi::persist),
    ("claim", openapi::claim),
    ("renew", openapi::renew),
    ("release", openapi::release),
];

/// Calls whose members all have defaults, so that they need no body.
const WITHOUT_BODY: [&str; 5] = ["incr", "decr", "lpop", "rpop", "persist"];

/// All names that an operation of a batch may have, for messages.
pub(super) const NAMES: &str = "set, delete, incr, decr, lpush, rpush, lpop, rpop, patch, read, check, expire, persist, \
                                range, trim, remove, prune, len, claim, renew, release";

/// What is to be done to a key.
pub(super) struct Action {
    /// What the engine is asked, in this order.
    pub(super) operations: Vec<Operation>,
    /// How the outcomes are told.
    pub(super) wording: Wording,
}

impl Action {
    /// One operation.
    pub(super) fn of(operation: Operation, wording: Wording) -> Self {
        Self {
            operations: vec![operation],
            wording,
        }
    }

    /// Reads the members of the action with a name; none if there is no such action.
    pub(super) fn read(name: &str, key: &str, fields: &mut Fields<'_>, now: TimestampMs) -> Option<Self> {
        Some(match name {
            "read" => value::get(key, fields),
            "set" => value::set(key, fields, now),
            "patch" => super::patch::of_fields(key, fields),
            "delete" => value::delete(key),
            "check" => check::check(key, fields),
            "expire" => lifetime::expire(key, fields, now),
            "persist" => lifetime::persist(key),
            "incr" => counter::count(key, fields, Operation::Increment),
            "decr" => counter::count(key, fields, Operation::Decrement),
            "lpush" => list::push(key, fields, ListEnd::Head, now),
            "rpush" => list::push(key, fields, ListEnd::Tail, now),
            "lpop" => list::pop(key, fields, ListEnd::Head),
            "rpop" => list::pop(key, fields, ListEnd::Tail),
            "range" => list::range(key, fields),
            "trim" => list::trim(key, fields),
            "len" => list::length(key),
            "remove" => removal::remove(key, fields),
            "prune" => removal::prune(key, fields),
            "claim" => lease::claim(key, fields, now),
            "renew" => lease::renew(key, fields, now),
            "release" => lease::release(key, fields),
            _ => return None,
        })
    }
}

/// Carries out the action with this name as a call of its own.
pub(super) async fn act(name: &'static str, call: Call, BodyText(body): BodyText) -> Result<Response, ApiError> {
    let write = Write::new(call, &[], &body)?;
    let is_left_out = WITHOUT_BODY.contains(&name) && matches!(body.trim(), "" | "null");
    let mut fields = Fields::of_body(if is_left_out { "{}" } else { &body })?;
    let action = Action::read(name, write.key(), &mut fields, write.now());
    fields.done()?;
    let Action { operations, wording } = action.ok_or_else(unexpected_outcome)?;
    let written = write.carry_out(operations).await?;
    let object = wording.word(Object::new().string("key", write.key()), &written.outcomes)?;
    Ok(written.respond(StatusCode::OK, object))
}
