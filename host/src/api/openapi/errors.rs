//! What refusals are in the document: one answer for each status, with the codes that it may have, and the schema of
//! their bodies.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use utoipa::openapi::content::ContentBuilder;
use utoipa::openapi::example::ExampleBuilder;
use utoipa::openapi::schema::AllOf;
use utoipa::openapi::{Response, ResponseBuilder};

use super::headers;
use super::refusals::{Detail, Refusal};
use super::schema::{self, Schema, any_of, integer, list, may, must, named, natural, object, string, time, word};

/// The answers that refusals are, one for each status: with a name that tells all their codes.
pub(super) fn answers(refusals: &[&'static Refusal]) -> Vec<(u16, String, Response)> {
    let mut by_status: BTreeMap<u16, Vec<&Refusal>> = BTreeMap::new();
    for refusal in refusals {
        let alike = by_status.entry(refusal.status).or_default();
        if !alike.iter().any(|other| other.code == refusal.code) {
            alike.push(refusal);
        }
    }
    by_status
        .into_iter()
        .map(|(status, alike)| (status, name(status, &alike), answer(status, &alike)))
        .collect()
}

/// The body of every refusal.
pub(super) fn error_schema() -> Schema {
    let size = |description| may_be_size(description);
    object([
        must(
            "error",
            string("What went wrong, for programs: a code that stays the same."),
        ),
        must(
            "message",
            string("What went wrong and what to do, for people. The wording may change."),
        ),
        may("detail", detail()),
        may(
            "reason",
            string("The code that the failed operation of a batch would have got alone, or `check_failed`."),
        ),
        may(
            "operation_index",
            natural("Which operation failed; the first one is 0."),
        ),
        may("key", string("Which key it is about.")),
        may("created", schema::boolean("Always `false`.")),
        may("expected_version", integer("What `if_version` was.")),
        may("actual_version", natural("The state's version.")),
        may("expected_key_version", natural("What `if_key_version` was.")),
        may(
            "actual_key_version",
            natural("The key's version; 0 if there is no such key."),
        ),
        may(
            "claim",
            string("The claim of the token that does not allow it: `access`, `keys` or `ops`."),
        ),
        may("needed", string("What the claim would have to allow.")),
        may(
            "allowed",
            any_of("What it does allow.", [string("").into(), list(string(""), "").into()]),
        ),
        may("owner", string("Who has the lease.")),
        may("fence", natural("The fence of the lease that its owner has.")),
        may("expires_at", time("When that lease ends.")),
        size("size_bytes")("How large the state or the value would have become."),
        size("current_size_bytes")("How large the state is."),
        size("limit_bytes")("How large it may be."),
        size("free_bytes")("How much room is left."),
    ])
    .description(Some(
        "Why a request was refused. Which members there are beside `error`, `message` and `detail` depends on the \
         code.",
    ))
    .into()
}

/// One thing that is wrong with the shape of a request.
pub(super) fn problem_schema() -> Schema {
    let step = any_of("", [string("A name.").into(), natural("An index.").into()]);
    object([
        must(
            "loc",
            list(
                step,
                "Where: `[\"query\", \"nx\"]`, `[\"body\", \"operations\", 3, \"by\"]`.",
            ),
        ),
        must("msg", string("What is wrong, for people.")),
        must(
            "type",
            string("What is wrong, for programs: `missing`, `extra_forbidden`, `int_parsing`, …"),
        ),
    ])
    .description(Some("One thing that is wrong with the shape of a request."))
    .into()
}

fn may_be_size(name: &'static str) -> impl Fn(&str) -> schema::Member {
    move |description| may(name, natural(description))
}

fn detail() -> Schema {
    any_of(
        "What the Python service put there, for scripts that look at it: a text, an object, or a list of problems.",
        [string("").into(), object([]).into(), list(named("Problem"), "").into()],
    )
}

fn name(status: u16, refusals: &[&Refusal]) -> String {
    let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code).collect();
    format!("{status}.{}", codes.join("."))
}

fn answer(status: u16, refusals: &[&Refusal]) -> Response {
    const UNPROCESSABLE: u16 = 422;
    let meanings: Vec<String> = refusals
        .iter()
        .map(|refusal| format!("`{}`: {}", refusal.code, refusal.when))
        .collect();
    let description = match meanings.as_slice() {
        [only] => only.clone(),
        several => format!("- {}", several.join("\n- ")),
    };
    let mut members = vec![must("error", word(refusals.iter().map(|refusal| refusal.code)))];
    if status == UNPROCESSABLE {
        members.push(must("detail", list(named("Problem"), "All problems at once.")));
    }
    let mut schema = AllOf::new();
    schema.items = vec![named("Error"), object(members).into()];
    let examples = refusals.iter().map(|refusal| {
        let example = ExampleBuilder::new()
            .summary(refusal.when)
            .value(Some(example(refusal)));
        (refusal.code, example)
    });
    let content = ContentBuilder::new()
        .schema(Some(utoipa::openapi::Schema::AllOf(schema)))
        .examples_from_iter(examples);
    let response = ResponseBuilder::new()
        .description(description)
        .content("application/json", content.build());
    let own = refusals.iter().flat_map(|refusal| refusal.headers);
    headers::with(response, own.copied()).build()
}

/// A body that a refusal may have.
fn example(refusal: &Refusal) -> Value {
    let (code, message) = (refusal.code, refusal.message);
    let mut body = json!({"error": code, "message": message});
    if let (Some(body), Value::Object(members)) = (body.as_object_mut(), parsed(refusal.members)) {
        body.extend(members);
    }
    match refusal.detail {
        Detail::None => {}
        Detail::Message => body["detail"] = json!(message),
        Detail::Code => body["detail"] = json!(code),
        Detail::CodeAndMessage => body["detail"] = json!(format!("{code}: {message}")),
        Detail::Json(detail) => body["detail"] = parsed(detail),
    }
    body
}

/// JSON text of this source; `tests/openapi.rs` validates what becomes of each.
pub(super) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
