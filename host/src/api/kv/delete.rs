//! `DELETE /v1/kv/{key}`, all of it or what a path names

use axum::http::StatusCode;
use axum::response::Response;

use super::unexpected_outcome;
use super::write::{Write, Written};
use crate::api::error::{ApiError, Problem};
use crate::api::extract::Call;
use crate::api::json::Object;
use crate::api::precondition::check;
use crate::engine::types::{EditOperation, Effect, Operation, Outcome, Place, Reason, RemoveStep, Step, Test};

/// Removes a key, or something inside its value (`path`). There being nothing is a success that says so.
pub(super) async fn delete(call: Call) -> Result<Response, ApiError> {
    let write = Write::new(call, &["path"], "")?;
    match write.query().text("path") {
        None => whole(&write).await,
        Some("") => {
            let message = "must name something; leave it out to delete the key";
            Err(ApiError::invalid_request(&[Problem::new(
                ["query", "path"],
                message,
                "value_error",
            )]))
        }
        Some(path) => part(&write, path).await,
    }
}

async fn whole(write: &Write) -> Result<Response, ApiError> {
    let written = write
        .carry_out(vec![Operation::Delete(write.key().to_string())])
        .await?;
    let [Outcome::Removed(removed)] = written.outcomes.as_slice() else {
        return Err(unexpected_outcome());
    };
    let object = Object::new()
        .string("key", write.key())
        .boolean("deleted", *removed > 0);
    Ok(written.respond(StatusCode::OK, object))
}

async fn part(write: &Write, path: &str) -> Result<Response, ApiError> {
    let edit = Operation::Edit(EditOperation {
        key: write.key().to_string(),
        steps: vec![Step::Remove(RemoveStep {
            at: Place::Path(path.to_string()),
            must_exist: false,
        })],
        create: false,
    });
    let written = match write.attempt(vec![edit.clone()]).await? {
        Ok(written) => written,
        Err(refusal) if matches!(refusal.reason(), Some(Reason::KeyNotFound)) => absent(write, edit).await?,
        Err(refusal) => return Err(refusal.into_error()),
    };
    let deleted = match written.outcomes.as_slice() {
        [Outcome::Edited(effects)] => matches!(effects.as_slice(), [Effect::Removed(true)]),
        [Outcome::Checked] => false,
        _ => return Err(unexpected_outcome()),
    };
    let object = Object::new()
        .string("key", write.key())
        .string("path", path)
        .boolean("deleted", deleted);
    Ok(written.respond(StatusCode::OK, object))
}

/// Makes sure that there is no such key, to answer with the version at which that was so. If the key has come up in
/// between, `edit` has something to work on again.
async fn absent(write: &Write, edit: Operation) -> Result<Written, ApiError> {
    loop {
        let is_absent = check(write.key(), None, Test::Absent);
        match write.attempt(vec![is_absent]).await? {
            Ok(written) => return Ok(written),
            Err(refusal) if matches!(refusal.reason(), Some(Reason::CheckFailed(_))) => {}
            Err(refusal) => return Err(refusal.into_error()),
        }
        match write.attempt(vec![edit.clone()]).await? {
            Ok(written) => return Ok(written),
            Err(refusal) if matches!(refusal.reason(), Some(Reason::KeyNotFound)) => {}
            Err(refusal) => return Err(refusal.into_error()),
        }
    }
}
