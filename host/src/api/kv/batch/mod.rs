//! `POST /v1/kv/batch`

mod items;

use axum::http::StatusCode;
use axum::response::Response;

use super::write::mark_replay;
use super::{respond, unexpected_outcome};
use crate::api::error::{ApiError, BatchItem, batch_rejected};
use crate::api::extract::{BodyText, Caller, Conditions, Idempotency, Query};
use crate::api::fields::Fields;
use crate::api::if_version::IfVersion;
use crate::api::json::{self, Object};
use crate::engine::types::{Once, Outcome, Rejection, Request};
use crate::service::Answer;
use crate::vault::TimestampMs;
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
    let (request, batch) = Batch::read(&body, caller.now(), idempotency.once(&body))?;
    let (request, answer) = caller.write(request).await?;
    let is_replay = answer.as_ref().is_ok_and(|reply| reply.is_replay);
    let mut response = respond(StatusCode::OK, batch.word(&request, answer)?);
    mark_replay(&mut response, is_replay);
    Ok(response)
}

/// A batch as it was sent.
pub(in crate::api) struct Batch {
    items: Vec<Item>,
    if_version: Option<IfVersion>,
}

impl Batch {
    /// Reads the body of a request that happens at `now`. Gives what the engine is to be asked, and the rest.
    pub(in crate::api) fn read(body: &str, now: TimestampMs, once: Option<Once>) -> Result<(Request, Self), ApiError> {
        let mut fields = Fields::of_body(body)?;
        let if_version = fields.if_version();
        let mut items = items::read(&mut fields, now);
        fields.done()?;
        let request = Request {
            if_version: if_version.as_ref().map(|version| version.number),
            always_bump: true,
            once,
            ..Request::of(items.iter_mut().flat_map(Item::take_operations).collect())
        };
        Ok((request, Self { items, if_version }))
    }

    /// Words what the engine answered to the request.
    pub(in crate::api) fn word(self, request: &Request, answer: Answer) -> Result<Object, ApiError> {
        let Self { items, if_version } = self;
        let refused = |rejection: Rejection| {
            let (items, scope) = (named(&items, request), request.scope.as_ref());
            batch_rejected(&rejection, &items, if_version.as_ref(), scope)
        };
        let reply = answer.map_err(refused)?;
        let mut outcomes = reply.outcomes.as_slice();
        let results = items.into_iter().map(|item| {
            let (own, others) = outcomes.split_at_checked(item.count).ok_or_else(unexpected_outcome)?;
            outcomes = others;
            result(item, own)
        });
        let results = results.collect::<Result<Vec<_>, _>>()?;
        Ok(Object::new()
            .number("version", reply.version)
            .raw("results", &json::list(results)))
    }
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
