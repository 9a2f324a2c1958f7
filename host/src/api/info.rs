//! `GET /v1/info`: what this service is. Needs no token and tells no secret.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Api;
use super::json::{self, Object};
use super::openapi::schema::{list, must, named, object, string};
use super::openapi::{Answer, Endpoint, Operation};
use crate::engine;
use crate::engine::plugin::Plugin;
use crate::plugins::Plugins;

pub(super) fn endpoint() -> Endpoint {
    Endpoint::new("/v1/info", get(info), describe)
}

async fn info(State(api): State<Api>) -> Response {
    (
        StatusCode::OK,
        [(CONTENT_TYPE, "application/json")],
        text(&api.shared.plugins),
    )
        .into_response()
}

/// The version of the service, the engine that it carries (`automation-kv engine export` gives that very file), and the
/// plugins that it runs.
fn text(plugins: &Plugins) -> String {
    let engine = Object::new()
        .string("sha256", engine::built_in_sha256())
        .string("wit", engine::WIT_PACKAGE)
        .finish();
    Object::new()
        .string("version", env!("CARGO_PKG_VERSION"))
        .raw("engine", &engine)
        .raw(
            "plugins",
            &json::list(plugins.all().iter().map(|plugin| describe_plugin(plugin))),
        )
        .finish()
}

fn describe_plugin(plugin: &Plugin) -> String {
    let description = plugin.description();
    Object::new()
        .string("name", &description.name)
        .string("version", &description.version)
        .string("sha256", plugin.sha256())
        .finish()
}

fn describe() -> Vec<Operation> {
    let engine = object([
        must("sha256", string("Of the component, in hexadecimal.")),
        must("wit", string("The package that it implements.")),
    ]);
    let plugin = object([
        must("name", named("PluginName")),
        must("version", string("The plugin's own version.")),
        must("sha256", string("Of the component, in hexadecimal.")),
    ]);
    let answer = object([
        must("version", string("Of the service.")),
        must("engine", engine),
        must("plugins", list(plugin, "The plugins that it runs.")),
    ]);
    let operation = Operation::open("getInfo", "What this service is")
        .tagged("Service")
        .text("The engine is the one that `automation-kv engine export` gives.")
        .answers(
            200,
            Answer::json(
                "Version, engine and plugins.",
                answer.into(),
                &[(
                    "info",
                    r#"{"version":"0.1.0","engine":{"sha256":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                        "wit":"automation:kv@1.0.0"},"plugins":[]}"#,
                )],
            ),
        );
    vec![operation]
}
