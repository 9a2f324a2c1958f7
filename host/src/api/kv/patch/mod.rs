//! `PATCH /v1/kv/{key}`: changing parts of a value.

mod document;
mod steps;

use axum::http::StatusCode;
use axum::response::Response;

use super::action::{Action, Wording};
use super::unexpected_outcome;
use super::write::{Write, Written};
use crate::api::error::{ApiError, Problem};
use crate::api::extract::{BodyText, Call, PatchFormat};
use crate::api::fields::Fields;
use crate::api::json::Object;
use crate::engine::types::{EditOperation, Effect, Operation, Outcome, Place, PlacedValue, Step};

pub(super) use steps::MAX_STEPS;

/// Sets one member (`{"path", "value"}`), carries out steps (`{"operations": […]}`), or does what a document of RFC 6902 or
/// RFC 7396 says. `create` makes a key that is absent.
pub(super) async fn patch(call: Call, format: PatchFormat, BodyText(body): BodyText) -> Result<Response, ApiError> {
    let write = Write::new(call, &["create"], &body)?;
    let create = write.query().flag("create")?;
    if body.trim().is_empty() {
        let problem = Problem::new(["body"], "a JSON body is required", "missing");
        return Err(ApiError::invalid_request(&[problem]));
    }
    match format {
        PatchFormat::JsonPatch => {
            let (steps, names) = document::steps(&body)?;
            let edit = edit(write.key(), steps, create);
            edited(&write, Action::of(edit, Wording::Steps(names))).await
        }
        PatchFormat::MergePatch => {
            let edit = edit(write.key(), vec![document::merge(body)], create);
            edited(&write, Action::of(edit, Wording::Silent)).await
        }
        PatchFormat::Steps => {
            let mut fields = Fields::of_body(&body)?;
            if fields.has("operations") {
                let action = of_steps(write.key(), &mut fields, create);
                fields.done()?;
                return edited(&write, action).await;
            }
            let (path, edit) = of_member(write.key(), &mut fields, create);
            fields.done()?;
            let written = write.carry_out(vec![edit]).await?;
            member_set(&write, &path, &written)
        }
    }
}

/// The operation `patch` of a batch, of either kind.
pub(super) fn of_fields(key: &str, fields: &mut Fields<'_>) -> Action {
    const CREATE: bool = true;
    if fields.has("operations") {
        return of_steps(key, fields, CREATE);
    }
    Action::of(of_member(key, fields, CREATE).1, Wording::Silent)
}

fn of_steps(key: &str, fields: &mut Fields<'_>, create: bool) -> Action {
    for name in ["path", "value"] {
        if fields.take(name).is_some() {
            fields.problem(name, "cannot be used together with operations", "value_error");
        }
    }
    let (steps, names) = steps::read(fields);
    Action::of(edit(key, steps, create), Wording::Steps(names))
}

fn of_member(key: &str, fields: &mut Fields<'_>, create: bool) -> (String, Operation) {
    let path = fields.required_string("path");
    let set = Step::Set(PlacedValue {
        at: Place::Members(path.clone()),
        value: fields.required("value").to_string(),
    });
    (path, edit(key, vec![set], create))
}

fn edit(key: &str, steps: Vec<Step>, create: bool) -> Operation {
    Operation::Edit(EditOperation {
        key: key.to_string(),
        steps,
        create,
    })
}

async fn edited(write: &Write, action: Action) -> Result<Response, ApiError> {
    let written = write.carry_out(action.operations).await?;
    let object = action
        .wording
        .word(Object::new().string("key", write.key()), &written.outcomes)?;
    Ok(written.respond(StatusCode::OK, object))
}

fn member_set(write: &Write, path: &str, written: &Written) -> Result<Response, ApiError> {
    let value = match written.outcomes.as_slice() {
        [Outcome::Edited(effects)] => match effects.as_slice() {
            [Effect::Placed(value)] => value,
            _ => return Err(unexpected_outcome()),
        },
        _ => return Err(unexpected_outcome()),
    };
    let object = Object::new()
        .string("key", write.key())
        .string("path", path)
        .raw("value", value);
    Ok(written.respond(StatusCode::OK, object))
}
