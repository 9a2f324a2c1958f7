//! `POST /v1/kv/batch`

mod items;

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
    let request = Request {
        if_version: if_version.as_ref().map(|version| version.number),
        always_bump: true,
        once: idempotency.once(&body),
        ..Request::of(items.iter_mut().flat_map(Item::take_operations).collect())
    };
    let (request, answer) = caller.write(request).await?;
    let reply = answer.map_err(|rejection: Rejection| {
        let (items, scope) = (named(&items, &request), request.scope.as_ref());
        batch_rejected(&rejection, &items, if_version.as_ref(), scope)
    })?;
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
