//! `POST /v1/kv/batch`

use axum::http::StatusCode;
use axum::response::Response;

use super::counter::DEFAULT_BY;
use super::{respond, unexpected_outcome};
use crate::api::error::{ApiError, BatchOperation, Problem, batch_rejected};
use crate::api::extract::{BodyText, Caller, Query};
use crate::api::fields::Fields;
use crate::api::json::{self, Object};
use crate::engine::types::{
    Condition, CountOperation, ListEnd, Operation, Outcome, PatchOperation, PopOperation, PushOperation, Request,
    SetOperation,
};

/// The most operations in one batch.
const MAX_OPERATIONS: usize = 100;

const OPERATION_NAMES: &str = "set, delete, incr, decr, lpush, rpush, lpop, rpop, patch";

/// An operation as it was sent, and what the engine is asked to do.
struct Item {
    name: String,
    key: String,
    operation: Operation,
}

/// Carries out up to 100 operations, all or none, as one new version.
pub(super) async fn batch(caller: Caller, query: Query, BodyText(body): BodyText) -> Result<Response, ApiError> {
    query.allow(&[])?;
    let mut fields = Fields::of_body(&body)?;
    let if_version = fields.if_version();
    let operations = fields.required("operations");
    let mut problems = Vec::new();
    let items = match operations {
        "" => Vec::new(),
        operations => read_operations(operations, &mut problems),
    };
    let mut all_problems = fields.finish();
    all_problems.append(&mut problems);
    if !all_problems.is_empty() {
        return Err(ApiError::invalid_request(&all_problems));
    }
    let (named, operations): (Vec<_>, Vec<_>) = items
        .into_iter()
        .map(|item| ((item.name, item.key), item.operation))
        .unzip();
    let request = Request {
        operations,
        if_version: if_version.as_ref().map(|version| version.number),
        always_bump: true,
    };
    let reply = caller.write(request).await?.map_err(|rejection| {
        let named: Vec<_> = named.iter().map(|(name, key)| BatchOperation { name, key }).collect();
        batch_rejected(
            &rejection,
            &named,
            if_version.as_ref().map(|version| version.text.as_str()),
        )
    })?;
    let results = named
        .iter()
        .zip(reply.outcomes)
        .map(|((name, key), outcome)| result(name, key, outcome));
    let results = results.collect::<Result<Vec<_>, _>>()?;
    let object = Object::new()
        .number("version", reply.version)
        .raw("results", &json::list(results));
    Ok(respond(StatusCode::OK, object))
}

fn read_operations(json: &str, problems: &mut Vec<Problem>) -> Vec<Item> {
    let location = ["body", "operations"];
    let Ok(list) = serde_json::from_str::<Vec<&serde_json::value::RawValue>>(json) else {
        problems.push(Problem::new(location, "must be a list", "list_type"));
        return Vec::new();
    };
    if list.is_empty() {
        problems.push(Problem::new(location, "must have at least 1 operation", "too_short"));
    }
    if list.len() > MAX_OPERATIONS {
        let message = format!("must have at most {MAX_OPERATIONS} operations, not {}", list.len());
        problems.push(Problem::new(location, message, "too_long"));
        return Vec::new();
    }
    let items = list
        .iter()
        .enumerate()
        .map(|(index, json)| read_operation(index, json.get(), problems));
    items.flatten().collect()
}

fn read_operation(index: usize, json: &str, problems: &mut Vec<Problem>) -> Option<Item> {
    let location = vec!["body".to_string(), "operations".to_string(), index.to_string()];
    let mut fields = match Fields::of_value(json, location) {
        Ok(fields) => fields,
        Err(problem) => {
            problems.push(problem);
            return None;
        }
    };
    let name = fields.required_string("op");
    let key = fields.required_string("key");
    let Some(operation) = operation(&name, &key, &mut fields) else {
        if !name.is_empty() {
            // The name may be anything, so it is not repeated.
            fields.problem("op", &format!("must be one of {OPERATION_NAMES}"), "literal_error");
        }
        // Without a known name, no other member can be judged.
        problems.extend(
            fields
                .finish()
                .into_iter()
                .filter(|problem| problem.kind != "extra_forbidden"),
        );
        return None;
    };
    problems.append(&mut fields.finish());
    Some(Item { name, key, operation })
}

fn operation(name: &str, key: &str, fields: &mut Fields<'_>) -> Option<Operation> {
    let key = key.to_string();
    let push = |key, fields: &mut Fields<'_>, end| {
        Operation::Push(PushOperation {
            key,
            value: fields.required("value").to_string(),
            end,
        })
    };
    let count = |key, fields: &mut Fields<'_>| CountOperation {
        key,
        by: fields.take("by").unwrap_or(DEFAULT_BY).to_string(),
    };
    let operation = match name {
        "set" => Operation::Set(SetOperation {
            key,
            value: fields.required("value").to_string(),
            condition: condition(fields),
        }),
        "patch" => Operation::Patch(PatchOperation {
            key,
            path: fields.required_string("path"),
            value: fields.required("value").to_string(),
            create: true,
        }),
        "delete" => Operation::Delete(key),
        "incr" => Operation::Increment(count(key, fields)),
        "decr" => Operation::Decrement(count(key, fields)),
        "lpush" => push(key, fields, ListEnd::Head),
        "rpush" => push(key, fields, ListEnd::Tail),
        "lpop" => Operation::Pop(PopOperation {
            key,
            end: ListEnd::Head,
        }),
        "rpop" => Operation::Pop(PopOperation {
            key,
            end: ListEnd::Tail,
        }),
        _ => return None,
    };
    Some(operation)
}

fn condition(fields: &mut Fields<'_>) -> Condition {
    match (fields.flag("nx"), fields.flag("xx")) {
        (true, true) => {
            fields.problem("nx", "cannot be used together with xx", "value_error");
            Condition::Always
        }
        (true, false) => Condition::IfAbsent,
        (false, true) => Condition::IfPresent,
        (false, false) => Condition::Always,
    }
}

fn result(name: &str, key: &str, outcome: Outcome) -> Result<String, ApiError> {
    let object = Object::new()
        .string("op", name)
        .string("key", key)
        .boolean("success", true);
    let object = match outcome {
        Outcome::Stored(stored) => object.boolean("created", stored.created),
        Outcome::Deleted(deleted) => object.boolean("deleted", deleted),
        Outcome::Number(number) => object.raw("value", &number),
        Outcome::Length(length) => object.number("length", length),
        Outcome::Popped(item) => object.raw("value", item.as_deref().unwrap_or("null")),
        Outcome::Patched(_) => object,
        Outcome::Keys(_) | Outcome::Value(_) => return Err(unexpected_outcome()),
    };
    Ok(object.finish())
}
