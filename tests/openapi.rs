//! The OpenAPI document says what the service does: it is served, printed and committed, its examples are valid, and it
//! has every method of every path.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeSet;
use std::fs;

use automation_kv_engine::limits::{MAX_KEY_CHARS, MAX_OWNER_CHARS};
use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use support::http::{Request, Response, exchange};
use support::service::{self, SECRET, Setup, command};
use support::token;

const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");

const API_DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md");

/// The methods that a path can have in a document.
const METHODS: [&str; 5] = ["get", "put", "post", "patch", "delete"];

#[test]
fn the_committed_document_is_what_the_code_says() {
    let committed = fs::read_to_string(COMMITTED).expect("docs/openapi.json");
    assert!(
        committed == printed(&[]),
        "docs/openapi.json is out of date: cargo run --release -- openapi >docs/openapi.json"
    );
}

#[test]
fn the_document_is_served_on_both_paths_without_a_token_or_a_secret() {
    let folder = service::folder();
    let service = Setup::on(folder.path(), "memory:")
        .without("AUTOMATION_KV_SECRET")
        .environment("AUTOMATION_KV_BASE_PATH", "/base")
        .start();
    let expected = parsed(&printed(&["--base-path", "/base"]));
    for path in ["/openapi.json", "/base/openapi.json"] {
        let response = exchange(service.address(), &Request::new("GET", path)).expect("an answer");
        assert_eq!(response.status, 200, "{path}");
        assert_eq!(response.header("content-type"), Some("application/json"));
        assert_eq!(parsed(&response.text()), expected, "{path}");
    }
    assert_eq!(expected["servers"], json!([{"url": "/"}, {"url": "/base"}]));
}

#[test]
fn every_path_has_its_methods_and_no_others() {
    let folder = service::folder();
    let service = Setup::on(folder.path(), "memory:").start();
    let document = parsed(&printed(&[]));
    for (path, item) in members(&document["paths"]) {
        let path = path.replace("{key}", "a").replace("{id}", "1").replace("{name}", "a");
        let request = Request::new("TRACE", path.as_str());
        let response = exchange(service.address(), &request).expect("an answer");
        assert_eq!(response.status, 405, "{path}");
        assert_eq!(allowed(&response), documented(item), "{path}");
    }
}

#[test]
fn every_example_is_valid() {
    let document = parsed(&printed(&[]));
    let mut seen = 0;
    for (place, schema, example) in examples(&document) {
        seen += 1;
        let validator = validator(&document, &schema);
        let problems: Vec<String> = validator.iter_errors(&example).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{place}: {example}: {problems:?}");
    }
    assert!(seen > 200, "only {seen} examples were found");
}

#[test]
fn every_request_and_every_answer_has_an_example() {
    let document = parsed(&printed(&[]));
    for (name, operation) in operations(&document) {
        let bodies = members(&operation["requestBody"]["content"]);
        let responses = members(&operation["responses"]);
        let answers = responses.flat_map(|(_, response)| members(&resolved(&document, response)["content"]));
        for (media_type, content) in bodies.chain(answers) {
            let is_there = content.get("example").is_some() || content.get("examples").is_some();
            assert!(is_there || name == "getOpenApi", "{name}: {media_type}");
        }
        assert!(
            operation["summary"].is_string() && operation["tags"][0] != json!(""),
            "{name}"
        );
    }
}

/// The table of errors in the text and the errors of the document.
#[test]
fn the_document_has_the_errors_that_the_text_has() {
    /// No operation's, but that of a path or a method that there is not.
    const OF_NO_OPERATION: [(&str, &str); 2] = [("404", "not_found"), ("405", "method_not_allowed")];
    let document = parsed(&printed(&[]));
    let responses = members(&document["components"]["responses"]);
    let documented = responses.flat_map(|(name, response)| {
        let status = name.split('.').next().unwrap_or_default().to_owned();
        let codes = &response["content"]["application/json"]["schema"]["allOf"][1]["properties"]["error"]["enum"];
        let codes = codes.as_array().cloned().unwrap_or_default();
        codes
            .into_iter()
            .map(move |code| (status.clone(), code.as_str().unwrap_or_default().to_owned()))
    });
    let others = OF_NO_OPERATION.map(|(status, code)| (status.to_owned(), code.to_owned()));
    let documented: BTreeSet<_> = documented.chain(others).collect();
    let text = fs::read_to_string(API_DOCUMENT).expect("docs/api.md");
    assert_eq!(documented, errors_of(&text));
}

#[test]
fn the_limits_are_those_of_the_engine() {
    let document = parsed(&printed(&[]));
    let key = &document["components"]["schemas"]["Key"];
    assert_eq!(key["maxLength"], json!(MAX_KEY_CHARS));
    let claim = &document["paths"]["/v1/kv/{key}/claim"]["post"]["requestBody"]["content"]["application/json"];
    assert_eq!(
        claim["schema"]["properties"]["owner"]["maxLength"],
        json!(MAX_OWNER_CHARS)
    );
}

#[test]
fn keys_and_paths_are_told_from_other_texts() {
    let document = parsed(&printed(&[]));
    let is_valid = |name: &str, text: &str| {
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        validator(&document, &schema).is_valid(&json!(text))
    };
    for key in ["a", " a", "\u{a0}$", "a$", "a/len", "é", "."] {
        assert!(is_valid("Key", key), "{key:?}");
    }
    let longest = "k".repeat(MAX_KEY_CHARS);
    assert!(is_valid("Key", &longest) && !is_valid("Key", &(longest + "k")));
    for text in ["", " ", "\u{85}\u{3000}", "$a", "a\n", "\u{7f}"] {
        assert!(!is_valid("Key", text), "{text:?}");
    }
    for path in ["a.b", "['a.b'].c[\"d]e\"][0]", ".a..[1].", "[]", "it's"] {
        assert!(is_valid("Path", path), "{path:?}");
    }
    for text in ["", ".", "[", "a[b", "[\"x]", "name]", "[x]y", "[[x]]", "a[\"x\"y]"] {
        assert!(!is_valid("Path", text), "{text:?}");
    }
    assert!(is_valid("Path", &"n.".repeat(32)) && !is_valid("Path", &"n.".repeat(33)));
}

#[test]
fn every_operation_that_needs_a_token_refuses_calls_without_the_right_one() {
    let folder = service::folder();
    let service = Setup::on(folder.path(), "memory:").start();
    let mut administrator = token::claims(&Uuid::nil().to_string());
    administrator.insert("admin".to_owned(), json!(true));
    let administrator = token::mint(SECRET, &Value::from(administrator), &Map::new());
    let automation = token::valid(SECRET, &Uuid::new_v4().to_string());
    let document = parsed(&printed(&[]));
    let mut needy = 0;
    for (path, item) in members(&document["paths"]) {
        let methods = METHODS.iter().filter(|method| item.get(method).is_some());
        for method in methods.filter(|method| item[**method].get("security").is_some()) {
            needy += 1;
            let other = if path.starts_with("/v1/kv") || path.starts_with("/v1/plugins") || path == "/v1/history" {
                &administrator
            } else {
                &automation
            };
            let cases = [
                (None, 422, "missing_authorization"),
                (Some("Bearer".to_owned()), 401, "invalid_authorization"),
                (Some("Bearer no.real.token".to_owned()), 401, "invalid_token"),
                (Some(format!("Bearer {other}")), 403, "forbidden"),
            ];
            for (authorization, status, error) in cases {
                let mut request = Request::new(&method.to_uppercase(), path.replace("{key}", "a").replace("{id}", "1"));
                if let Some(authorization) = authorization {
                    request = request.header("Authorization", authorization);
                }
                let response = exchange(service.address(), &request).expect("an answer");
                let expected = (status, json!(error));
                assert_eq!(
                    (response.status, parsed(&response.text())["error"].clone()),
                    expected,
                    "{method} {path}"
                );
            }
        }
    }
    assert!(needy > 20, "only {needy} operations need a token");
}

/// What `automation-kv openapi` prints.
fn printed(arguments: &[&str]) -> String {
    let output = command(&[&["openapi"], arguments].concat()).output();
    let output = output.expect("the binary runs");
    assert!(output.status.success() && output.stderr.is_empty());
    String::from_utf8(output.stdout).expect("text")
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// All operations by their ids.
fn operations(document: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let items = members(&document["paths"]).map(|(_, item)| item);
    let operations = items.flat_map(|item| METHODS.iter().filter_map(|method| item.get(method)));
    operations.map(|operation| (operation["operationId"].as_str().unwrap_or_default(), operation))
}

/// What a reference refers to, or the value itself.
fn resolved<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let reference = value.get("$ref").and_then(Value::as_str);
    reference.map_or(value, |reference| {
        document
            .pointer(reference.trim_start_matches('#'))
            .expect("what it refers to")
    })
}

/// The methods that an answer allows.
fn allowed(response: &Response) -> BTreeSet<String> {
    let allowed = response.header("allow").unwrap_or_default().split(',');
    allowed
        .filter(|method| *method != "HEAD")
        .map(str::to_lowercase)
        .collect()
}

/// The methods that a path has in the document.
fn documented(item: &Value) -> BTreeSet<String> {
    let methods = METHODS.iter().filter(|method| item.get(method).is_some());
    methods.map(ToString::to_string).collect()
}

/// Each example of the document with its schema: those of bodies, of parameters and of schemas.
fn examples(document: &Value) -> Vec<(String, Value, Value)> {
    let mut found = Vec::new();
    let mut left = vec![(String::new(), document)];
    while let Some((place, value)) = left.pop() {
        let schema = value.get("schema").cloned();
        if let (Some(schema), Some(example)) = (&schema, value.get("example")) {
            found.push((place.clone(), schema.clone(), example.clone()));
        }
        for (name, example) in members(&value["examples"]) {
            let schema = schema.clone().expect("examples are beside schemas");
            found.push((format!("{place}/{name}"), schema, example["value"].clone()));
        }
        for example in value["examples"].as_array().into_iter().flatten() {
            found.push((place.clone(), value.clone(), example.clone()));
        }
        match value {
            Value::Object(object) => left.extend(
                object
                    .iter()
                    .filter(|(name, _)| !matches!(name.as_str(), "example" | "examples"))
                    .map(|(name, inner)| (format!("{place}/{name}"), inner)),
            ),
            Value::Array(list) => left.extend(list.iter().map(|inner| (place.clone(), inner))),
            _ => {}
        }
    }
    found
}

/// A validator for a schema of the document.
fn validator(document: &Value, schema: &Value) -> Validator {
    let whole = json!({"allOf": [schema], "components": {"schemas": document["components"]["schemas"]}});
    jsonschema::options()
        .with_draft(Draft::Draft202012)
        .should_validate_formats(true)
        .build(&whole)
        .expect("a schema")
}

/// The rows of the tables of `docs/api.md` that name an error: status and code.
fn errors_of(text: &str) -> BTreeSet<(String, String)> {
    let is_status = |text: &str| text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit());
    let rows = text.lines().filter(|line| line.starts_with("| "));
    let cells = rows.map(|line| line.split('|').map(str::trim).collect::<Vec<_>>());
    let errors = cells.filter_map(|cells| match cells.as_slice() {
        ["", status, codes, ..] if is_status(status) => Some((*status, *codes)),
        ["", _, status, codes, ..] if is_status(status) => Some((*status, *codes)),
        _ => None,
    });
    errors
        .flat_map(|(status, codes)| {
            let codes = codes.split(", ");
            let codes = codes.filter_map(|code| code.strip_prefix('`')?.strip_suffix('`'));
            codes.map(move |code| (status.to_owned(), code.to_owned()))
        })
        .collect()
}
