//! `/v1/automations`: which automations there are, and getting rid of one. For administrators.

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};

use super::Api;
use super::error::{ApiError, Problem};
use super::extract::{Administrator, Query};
use super::json::{self, Object};
use crate::automation::AutomationId;
use crate::service::AutomationSummary;

/// Automations in a page, unless asked otherwise.
const DEFAULT_LIMIT: u32 = 100;

/// The most automations in a page.
const MAX_LIMIT: u32 = 1000;

/// The routes under `path`, each with and without a slash at its end.
pub(super) fn routes(path: &str) -> Router<Api> {
    Router::new()
        .route(path, get(list))
        .route(&format!("{path}/"), get(list))
        .route(&format!("{path}/{{id}}"), delete(remove))
        .route(&format!("{path}/{{id}}/"), delete(remove))
}

/// A page of automations, in the order of their ids.
async fn list(administrator: Administrator, query: Query) -> Result<Response, ApiError> {
    let query = query.allow(&["limit", "cursor"])?;
    let limit = query.limit(MAX_LIMIT)?.unwrap_or(DEFAULT_LIMIT);
    let after = cursor(&query)?;
    // One more than asked for tells whether there is a next page.
    let mut page = administrator.service.automations(after, limit + 1).await?;
    let is_last = page.len() <= limit as usize;
    page.truncate(limit as usize);
    let next = page.last().filter(|_| !is_last).map(|last| last.automation);
    let next = next.map_or_else(|| "null".to_string(), |id| json::string(&id.to_string()));
    let object = Object::new()
        .raw("automations", &json::list(page.iter().map(describe)))
        .number("count", page.len() as u64)
        .raw("next_cursor", &next);
    Ok(respond(object))
}

/// Removes an automation's state for good.
async fn remove(
    administrator: Administrator,
    id: Result<Path<String>, PathRejection>,
    query: Query,
) -> Result<Response, ApiError> {
    query.allow(&[])?;
    // One that is not UTF-8 is no UUID either.
    let id = id.map_or_else(|_| String::new(), |Path(id)| id);
    let automation = AutomationId::parse(&id).map_err(|error| {
        ApiError::invalid_request(&[Problem::new(["path", "id"], error.to_string(), "uuid_parsing")])
    })?;
    let deleted = administrator
        .service
        .delete_automation(automation, administrator.arrival)
        .await?;
    tracing::info!(%automation, deleted, "an automation was deleted");
    let object = Object::new()
        .string("automation_id", &automation.to_string())
        .boolean("deleted", deleted);
    Ok(respond(object))
}

fn describe(summary: &AutomationSummary) -> String {
    let number = |number: Option<u64>| number.map_or_else(|| "null".to_string(), |number| number.to_string());
    Object::new()
        .string("automation_id", &summary.automation.to_string())
        .raw("version", &number(summary.state.map(|(version, _)| version)))
        .raw("size_bytes", &number(summary.state.map(|(_, bytes)| bytes)))
        .number("stored_bytes", summary.stored_bytes)
        .raw("created_at", &json::time(summary.created_at))
        .raw("updated_at", &json::time(summary.updated_at))
        .finish()
}

fn cursor(query: &Query) -> Result<Option<AutomationId>, ApiError> {
    let parse = |text| {
        AutomationId::parse(text).map_err(|_| {
            let message = "must be a next_cursor of an earlier page";
            ApiError::invalid_request(&[Problem::new(["query", "cursor"], message, "cursor_parsing")])
        })
    };
    query.text("cursor").map(parse).transpose()
}

fn respond(object: Object) -> Response {
    (StatusCode::OK, [(CONTENT_TYPE, "application/json")], object.finish()).into_response()
}
