//! `POST /v1/kv/batch`

mod items;

use std::sync::Arc;

use axum::http::StatusCode;
use axum::response::Response;

use super::write::mark_replay;
use super::{respond, unexpected_outcome};
use crate::api::error::{ApiError, BatchItem, batch_rejected};
use crate::api::extract::{BodyText, Caller, Conditions, Idempotency, Query};
use crate::api::fields::Fields;
use crate::api::json::{self, Object};
use crate::engine::types::{Outcome, Rejection, Request};
use items::Item;

pub(super) use items::MAX_OPERATIONS;

/// Carries out up to 100 operations, all or none, as one new version.
pub(super) async fn batch(
    caller: Caller,
    query: Query,
    conditions: Conditions,
    idempotency: Idempotency,
    BodyText(body): BodyText,
) -> Result<Response, ApiError> {
    query.allow(&[])?;
    conditions.refuse()?;
    let mut fields = Fields::of_body(&body)?;
    let if_version = fields.if_version();
    let mut items = items::read(&mut fields, caller.now());
    fields.done()?;
    let request = Arc::new(Request {
        operations: items.iter_mut().flat_map(Item::take_operations).collect(),
        if_version: if_version.as_ref().map(|version| version.number),
        always_bump: true,
        once: idempotency.once(&body),
    });
    let answer = caller.write(Arc::clone(&request)).await?;
    let reply = answer
        .map_err(|rejection: Rejection| batch_rejected(&rejection, &named(&items, &request), if_version.as_ref()))?;
    let mut outcomes = reply.outcomes.as_slice();
    let results = items.into_iter().map(|item| {
        let (own, others) = outcomes.split_at_checked(item.count).ok_or_else(unexpected_outcome)?;
        outcomes = others;
        result(item, own)
    });
    let results = results.collect::<Result<Vec<_>, _>>()?;
    let object = Object::new()
        .number("version", reply.version)
        .raw("results", &json::list(results));
    let mut response = respond(StatusCode::OK, object);
    mark_replay(&mut response, reply.is_replay);
    Ok(response)
}

fn result(item: Item, outcomes: &[Outcome]) -> Result<String, ApiError> {
    let object = Object::new()
        .string("op", &item.name)
        .string("key", &item.key)
        .boolean("success", true);
    Ok(item.wording.word(object, outcomes)?.finish())
}

/// The items, each with what the engine was asked for it.
fn named<'a>(items: &'a [Item], request: &'a Request) -> Vec<BatchItem<'a>> {
    let mut operations = request.operations.as_slice();
    let named = items.iter().map(|item| {
        let (own, others) = operations.split_at(item.count.min(operations.len()));
        operations = others;
        BatchItem {
            name: &item.name,
            key: &item.key,
            operations: own,
        }
    });
    named.collect()
}
