//! What the document says of plugins.

use serde_json::json;
use utoipa::openapi::path::HttpMethod;

use crate::api::openapi::refusals::{
    GROWTH, INVALID_INPUT, PLUGIN_CONFLICT, PLUGIN_FAILED, PLUGIN_FAULT, PLUGIN_NOT_FOUND, PLUGIN_REJECTED,
};
use crate::api::openapi::schema::{
    Schema, anything, boolean, list as list_of, must, named, natural, object, pattern, string,
};
use crate::api::openapi::{Answer, IDEMPOTENCY_REPLAYED, Operation, idempotency_key, if_version, in_path};

pub(super) fn list() -> Vec<Operation> {
    let plugin = object([
        must("name", named("PluginName")),
        must("version", string("The plugin's own version.")),
        must("documentation", string("What it does.")),
        must("writes", boolean("Whether it ever writes.")),
        must("sha256", string("Of its component, in hexadecimal.")),
        must("input_schema", anything("JSON Schema of the input.")),
        must("output_schema", anything("JSON Schema of the output.")),
    ]);
    let answer = object([
        must("plugins", list_of(plugin, "The plugins, in the order of their names.")),
        must("count", natural("How many there are.")),
    ]);
    let operation = Operation::with_token(HttpMethod::Get, "listPlugins", "What plugins there are")
        .tagged("Plugins")
        .text("The plugins that the operator has installed, with what they take and give.")
        .answers(
            200,
            Answer::json(
                "The plugins.",
                answer.into(),
                &[(
                    "one",
                    r#"{"plugins":[{"name":"rate-limiter","version":"1.0.0","documentation":"Allows so many in a window.",
                        "writes":true,"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                        "input_schema":{"type":"object"},"output_schema":{"type":"object"}}],"count":1}"#,
                )],
            ),
        );
    vec![operation]
}

pub(super) fn call() -> Vec<Operation> {
    let answer = object([
        must("plugin", named("PluginName")),
        must("output", anything("What the plugin gave.")),
        must("version", natural("The state's version afterwards.")),
    ]);
    let operation = Operation::write(HttpMethod::Post, "callPlugin", "Call a plugin")
        .tagged("Plugins")
        .text(
            "Calls a plugin on the state: all that it does happens, as one new version at most, or nothing. The body is its \
             input, as its `input_schema` says; without a body the input is `{}`. It may do what the token may do.",
        )
        .takes([
            in_path("name", "Which plugin.", named("PluginName"), "rate-limiter"),
            if_version(),
            idempotency_key(),
        ])
        .body(
            anything("The input.").into(),
            &[("a visit", r#"{"key":"visits","limit":10,"window_ms":60000}"#)],
        )
        .answers(
            200,
            Answer::json(
                "It is done.",
                answer.into(),
                &[(
                    "allowed",
                    r#"{"plugin":"rate-limiter","output":{"allowed":true,"remaining":9,"retry_after_ms":0},"version":12}"#,
                )],
            )
            .carries([IDEMPOTENCY_REPLAYED]),
        )
        .refuses(&[
            &INVALID_INPUT,
            &PLUGIN_FAILED,
            &PLUGIN_NOT_FOUND,
            &PLUGIN_CONFLICT,
            &PLUGIN_REJECTED,
            &PLUGIN_FAULT,
        ])
        .refuses(&GROWTH);
    vec![operation]
}

/// The schemas that are worth a name.
pub(in crate::api) fn schemas() -> [(&'static str, Schema); 1] {
    let name = pattern("^[a-z][a-z0-9-]{0,63}$", "A plugin's name.").examples([json!("rate-limiter")]);
    [("PluginName", name.into())]
}
