//! The endpoints of `/v1/plugins`: what plugins there are, and calling one.

mod openapi;

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::error::{ApiError, Problem, call_refused, call_rejected};
use super::extract::{BodyText, Caller, Conditions, Idempotency, Query};
use super::json::{self, Object};
use super::openapi::Endpoint;
use crate::engine::plugin::{Misfit, Plugin};
use crate::engine::{Done, Refusal, Step, Transaction};

pub(super) use openapi::schemas;

/// Where the plugins are.
pub(super) const PLUGINS: &str = "/v1/plugins";

/// What a plugin is given if nothing is sent.
pub(super) const NO_INPUT: &str = "{}";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new("", get(list), openapi::list),
        Endpoint::new("/{name}", post(call), openapi::call),
    ]
}

/// The problems of an input that does not fit its plugin's schema. `location` is where it is.
pub(super) fn problems(misfits: Vec<Misfit>, location: &[&str]) -> Vec<Problem> {
    let problem = |misfit: Misfit| {
        let steps = misfit.path.iter().map(String::as_str);
        Problem::new(location.iter().copied().chain(steps), misfit.message, "schema")
    };
    misfits.into_iter().map(problem).collect()
}

async fn list(caller: Caller, query: Query) -> Result<Response, ApiError> {
    query.allow(&[])?;
    let plugins = caller.plugins().all();
    let object = Object::new()
        .raw("plugins", &json::list(plugins.iter().map(|plugin| describe(plugin))))
        .number("count", plugins.len() as u64);
    Ok(respond(object))
}

/// Calls a plugin: all that it does is one new version at most.
async fn call(
    caller: Caller,
    name: Result<Path<String>, PathRejection>,
    query: Query,
    conditions: Conditions,
    idempotency: Idempotency,
    BodyText(body): BodyText,
) -> Result<Response, ApiError> {
    let query = query.allow(&["if_version"])?;
    let if_version = query.if_version()?;
    conditions.refuse()?;
    let name = name.map(|Path(name)| name).unwrap_or_default();
    let plugin = caller.plugins().get(&name).ok_or_else(|| ApiError::no_plugin(&name))?;
    let input = if body.trim().is_empty() { NO_INPUT } else { &body };
    plugin
        .check_input(input)
        .map_err(|misfits| ApiError::invalid_request(&problems(misfits, &["body"])))?;
    let transaction = Transaction {
        steps: vec![Step::Call {
            plugin,
            input: input.to_string(),
        }],
        if_version: if_version.as_ref().map(|version| version.number),
        always_bump: false,
        once: idempotency.once(&body),
        scope: None,
    };
    let (transaction, answer) = caller.transact(transaction).await?;
    let carried = answer.map_err(|refusal| match refusal {
        Refusal::Call { error, .. } => call_refused(&name, &error, transaction.scope.as_ref()),
        Refusal::Rejected(rejection) => {
            call_rejected(&rejection.reason, if_version.as_ref(), transaction.scope.as_ref())
        }
    })?;
    let output = match carried.done.first() {
        Some(Done::Output(output)) => output.as_str(),
        _ => json::NULL,
    };
    let mut response = respond(
        Object::with_capacity(output.len() + name.len() + 64)
            .string("plugin", &name)
            .raw("output", output)
            .number("version", carried.reply.version),
    );
    super::kv::mark_replay(&mut response, carried.reply.is_replay);
    Ok(response)
}

fn describe(plugin: &Plugin) -> String {
    let description = plugin.description();
    Object::new()
        .string("name", &description.name)
        .string("version", &description.version)
        .string("documentation", &description.documentation)
        .boolean("writes", description.writes)
        .string("sha256", plugin.sha256())
        .raw("input_schema", &description.input_schema)
        .raw("output_schema", &description.output_schema)
        .finish()
}

fn respond(object: Object) -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], object.finish()).into_response()
}
