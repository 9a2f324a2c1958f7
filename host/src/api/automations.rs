//! `/v1/automations`: which automations there are, and getting rid of one. For administrators.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get};
use serde_json::json;
use utoipa::openapi::Type;
use utoipa::openapi::path::HttpMethod;

use super::error::{ApiError, Problem};
use super::extract::{Administrator, Query};
use super::json::{self, Object};
use super::openapi::refusals::{AUTOMATION_NOT_FOUND, BUSY, OUTCOME_UNKNOWN, STORAGE_FULL};
use super::openapi::schema::{
    Schema, boolean, list as list_of, must, named, natural, object, or_null, pattern, string, time, within,
};
use super::openapi::{Answer, Endpoint, Operation, in_path, query};
use crate::automation::AutomationId;
use crate::service::AutomationSummary;

/// Automations in a page, unless asked otherwise.
const DEFAULT_LIMIT: u32 = 100;

/// The most automations in a page.
const MAX_LIMIT: u32 = 1000;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::new("", get(list), describe_list),
        Endpoint::new("/{id}", delete(remove), describe_remove),
    ]
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

fn describe_list() -> Vec<Operation> {
    let answer = object([
        must(
            "automations",
            list_of(named("Automation"), "The automations, in the order of their ids."),
        ),
        must("count", natural("How many there are in this answer.")),
        must(
            "next_cursor",
            or_null(
                string("What the next page needs as `cursor`; `null` on the last one."),
                Type::String,
            ),
        ),
    ]);
    let operation = Operation::with_token(HttpMethod::Get, "listAutomations", "List automations")
        .tagged("Administration")
        .text(
            "The automations that have a state, page by page. A page is no snapshot: what is made or deleted while \
             somebody pages may be in or not. Every state of a page is opened, so a page costs what as many reads do.",
        )
        .takes([
            query(
                "limit",
                "Automations in the answer, at most; 100 unless given.",
                within(1, u64::from(MAX_LIMIT), ""),
                json!(DEFAULT_LIMIT),
            ),
            query(
                "cursor",
                "The `next_cursor` of the page before.",
                named("AutomationId"),
                json!("00000000-0000-4000-8000-0000000000de"),
            ),
        ])
        .answers(
            200,
            Answer::json(
                "A page.",
                answer.into(),
                &[(
                    "page",
                    r#"{"automations":[{"automation_id":"00000000-0000-4000-8000-0000000000de","version":29,
                        "size_bytes":198,"stored_bytes":504,"created_at":"2026-11-25T23:12:20.095+00:00",
                        "updated_at":"2026-11-25T23:12:21.996+00:00"}],"count":1,"next_cursor":null}"#,
                )],
            ),
        );
    vec![operation]
}

fn describe_remove() -> Vec<Operation> {
    let answer = object([
        must("automation_id", named("AutomationId")),
        must("deleted", boolean("Whether there was a state.")),
    ]);
    let operation = Operation::with_token(
        HttpMethod::Delete,
        "deleteAutomation",
        "Delete an automation's state for good",
    )
    .tagged("Administration")
    .text(
        "From then on every call with a token of that automation is 410 `automation_deleted`, and no call brings it \
             back. Repeating it is safe.",
    )
    .takes([in_path(
        "id",
        "Which automation.",
        named("AutomationId"),
        "123e4567-e89b-12d3-a456-426614174000",
    )])
    .answers(
        200,
        Answer::json(
            "The state is gone.",
            answer.into(),
            &[(
                "deleted",
                r#"{"automation_id":"123e4567-e89b-12d3-a456-426614174000","deleted":true}"#,
            )],
        ),
    )
    .refuses(&[&AUTOMATION_NOT_FOUND, &BUSY, &OUTCOME_UNKNOWN, &STORAGE_FULL]);
    vec![operation]
}

/// The schemas that are worth a name.
pub(super) fn schemas() -> [(&'static str, Schema); 2] {
    let or_unknown = |description| or_null(natural(description), Type::Integer);
    let automation = object([
        must("automation_id", named("AutomationId")),
        must(
            "version",
            or_unknown("The state's version; `null` if the state does not open."),
        ),
        must(
            "size_bytes",
            or_unknown("The state as compact JSON, what counts against its limit."),
        ),
        must("stored_bytes", natural("What the state takes sealed.")),
        must("created_at", time("When it was first written.")),
        must("updated_at", time("When it was last written.")),
    ]);
    let id = pattern(
        "^(?:[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32})$",
        "A UUID, with or without hyphens.",
    );
    [("Automation", automation.into()), ("AutomationId", id.into())]
}
