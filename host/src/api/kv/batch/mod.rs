//! `POST /v1/kv/batch`

mod asked;
mod items;

use std::borrow::Borrow;

use axum::http::StatusCode;
use axum::response::Response;

use super::write::mark_replay;
use super::{respond, unexpected_outcome};
use crate::api::error::{ApiError, BatchItem, batch_refused};
use crate::api::extract::{BodyText, Caller, Conditions, Idempotency, Query};
use crate::api::fields::Fields;
use crate::api::if_version::IfVersion;
use crate::api::json::{self, Object};
use crate::engine::types::{Once, Operation, Outcome, Request};
use crate::engine::{Done, Transaction};
use crate::plugins::Plugins;
use crate::service::TransactionAnswer;
use crate::vault::TimestampMs;
use items::{Item, Read};

pub(in crate::api) use asked::{Asked, of_request};
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
    let (asked, batch) = Batch::read(&body, caller.now(), idempotency.once(&body), caller.plugins())?;
    let (asked, answer) = asked.carry_out(&caller).await?;
    let is_replay = answer.as_ref().is_ok_and(|carried| carried.reply.is_replay);
    let mut response = respond(StatusCode::OK, batch.word(&asked, answer)?);
    mark_replay(&mut response, is_replay);
    Ok(response)
}

/// A batch as it was sent.
pub(in crate::api) struct Batch {
    items: Vec<Item>,
    if_version: Option<IfVersion>,
}

impl Batch {
    /// Reads the body of a request that happens at `now`. Gives what is to be asked, and the rest.
    pub(in crate::api) fn read(
        body: &str,
        now: TimestampMs,
        once: Option<Once>,
        plugins: &Plugins,
    ) -> Result<(Asked, Self), ApiError> {
        let mut fields = Fields::of_body(body)?;
        let if_version = fields.if_version();
        let Read { mut items, missing } = items::read(&mut fields, now, plugins);
        fields.done()?;
        if let Some((index, plugin)) = missing {
            return Err(ApiError::no_plugin(&plugin).with("operation_index", index.to_string()));
        }
        let asked = Asked::by(&mut items, if_version.as_ref(), once);
        Ok((asked, Self { items, if_version }))
    }

    /// Words what came of it.
    pub(in crate::api) fn word(
        self,
        asked: &Asked<impl Borrow<Request>, impl Borrow<Transaction>>,
        answer: TransactionAnswer,
    ) -> Result<Object, ApiError> {
        let Self { items, if_version } = self;
        let carried = answer.map_err(|refusal| {
            let operations = asked.operations();
            batch_refused(
                &refusal,
                &named(&items, &operations),
                if_version.as_ref(),
                asked.scope(),
            )
        })?;
        let mut done = carried.done.into_iter();
        let results = items.into_iter().map(|item| {
            let own: Vec<Done> = done.by_ref().take(item.count).collect();
            result(item, own)
        });
        let results = results.collect::<Result<Vec<_>, _>>()?;
        Ok(Object::new()
            .number("version", carried.reply.version)
            .raw("results", &json::list(results)))
    }
}

fn result(item: Item, done: Vec<Done>) -> Result<String, ApiError> {
    let (member, name) = item.subject.member();
    let object = Object::new()
        .string("op", &item.name)
        .string(member, name)
        .boolean("success", true);
    if let [Done::Output(output)] = done.as_slice() {
        return Ok(object.raw("output", output).finish());
    }
    let outcome = |done| match done {
        Done::Outcome(outcome) => Ok(outcome),
        Done::Output(_) => Err(unexpected_outcome()),
    };
    let outcomes = done.into_iter().map(outcome).collect::<Result<Vec<Outcome>, _>>()?;
    if outcomes.len() != item.count {
        return Err(unexpected_outcome());
    }
    Ok(item.wording.word(object, &outcomes)?.finish())
}

/// The items, each with what was asked for it.
fn named<'a>(items: &'a [Item], operations: &'a [Option<&'a Operation>]) -> Vec<BatchItem<'a>> {
    let mut operations = operations;
    let named = items.iter().map(|item| {
        let (own, others) = operations.split_at(item.count.min(operations.len()));
        operations = others;
        BatchItem {
            name: &item.name,
            subject: item.subject.member(),
            operations: own,
        }
    });
    named.collect()
}
