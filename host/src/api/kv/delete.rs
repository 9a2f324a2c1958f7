//! `DELETE /v1/kv/{key}`, all of it or what a path names

use axum::http::StatusCode;
use axum::response::Response;

use super::unexpected_outcome;
use super::write::Write;
use crate::api::error::{ApiError, Problem};
use crate::api::extract::Call;
use crate::api::json::Object;
use crate::engine::types::{EditOperation, Effect, Operation, Outcome, Place, RemoveStep, Step};

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

/// An absent key is like an empty object here: there is nothing to remove, so nothing is made or written.
async fn part(write: &Write, path: &str) -> Result<Response, ApiError> {
    let edit = EditOperation {
        key: write.key().to_string(),
        steps: vec![Step::Remove(RemoveStep {
            at: Place::Path(path.to_string()),
            must_exist: false,
        })],
        create: true,
    };
    let written = write.carry_out(vec![Operation::Edit(edit)]).await?;
    let deleted = match written.outcomes.as_slice() {
        [Outcome::Edited(effects)] => matches!(effects.as_slice(), [Effect::Removed(true)]),
        _ => return Err(unexpected_outcome()),
    };
    let object = Object::new()
        .string("key", write.key())
        .string("path", path)
        .boolean("deleted", deleted);
    Ok(written.respond(StatusCode::OK, object))
}
