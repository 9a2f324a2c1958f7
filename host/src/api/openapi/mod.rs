//! The API in OpenAPI 3.1: what `/openapi.json` answers and `automation-kv openapi` prints.
//!
//! The document is made of what the [`Endpoint`]s say of themselves; the router is made of the same endpoints. The
//! texts are beside the handlers: `kv/openapi` for `/v1/kv`, in their own files for the rest.

mod components;
mod endpoint;
mod errors;
mod finish;
mod headers;
mod operation;
mod parameters;
pub(super) mod refusals;
pub(super) mod schema;

use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::Value;
use utoipa::openapi::path::{Paths, PathsBuilder};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::server::Server;
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};

use operation::BEARER;
use schema::object;

pub(super) use endpoint::{Describe, Endpoint, routes, routes_with_slashes};
pub(super) use headers::{ETAG, IDEMPOTENCY_REPLAYED};
pub(super) use operation::{Answer, Examples, JSON, Operation};
pub(super) use parameters::{conditional_read, flag, idempotency_key, if_version, in_path, lifetime, path, query};

/// The longest key; the engine's limit.
const MAX_KEY_CHARS: usize = 255;

/// The longest path; the engine's limit.
const MAX_PATH_SEGMENTS: usize = 32;

/// The longest name of the owner of a lease; the engine's limit.
pub(super) const MAX_OWNER_CHARS: usize = 255;

/// The groups of operations, in the order in which they are shown.
const TAGS: [(&str, &str); 10] = [
    ("Values", "Keys and their values."),
    ("Time to live", "Keys that end by themselves."),
    ("Counters", "Exact integers of any size."),
    (
        "Lists",
        "Queues, logs, and whatever else has items or members that come and go.",
    ),
    ("Leases", "One owner at a time, for a time."),
    ("Batches", "Several operations at once, all or none."),
    (
        "The key named batch",
        "`/v1/kv/batch` is where batches go, and a key like any other for the other methods.",
    ),
    ("History", "What states were before runs changed them."),
    (
        "Administration",
        "For administrators: tokens of `automation-kv token --admin`.",
    ),
    ("Service", "The service itself. These need no token."),
];

const DESCRIPTION: &str = include_str!("description.md");

/// The document of a service, made when it is first asked for.
pub(super) struct Document {
    base_path: String,
    text: OnceLock<Bytes>,
}

impl Document {
    /// The document of a service that serves its API under `base_path` too.
    pub(super) fn new(base_path: &str) -> Arc<Self> {
        Arc::new(Self {
            base_path: base_path.to_string(),
            text: OnceLock::new(),
        })
    }

    /// `/openapi.json`
    pub(super) fn endpoint(self: &Arc<Self>) -> Endpoint {
        let document = Arc::clone(self);
        let answer = move || async move {
            let text = document
                .text
                .get_or_init(|| value(&document.base_path).to_string().into());
            ([(CONTENT_TYPE, JSON)], text.clone()).into_response()
        };
        Endpoint::new("/openapi.json", get(answer), describe)
    }
}

/// The document of a service that serves its API under `base_path` too, for people to read: indented.
pub fn document(base_path: &str) -> String {
    format!("{:#}\n", value(base_path))
}

fn describe() -> Vec<Operation> {
    let operation = Operation::open("getOpenApi", "This document")
        .tagged("Service")
        .text("`automation-kv openapi` prints the same.")
        .answers(200, Answer::json("A document of OpenAPI 3.1.", object([]).into(), &[]));
    vec![operation]
}

fn value(base_path: &str) -> Value {
    let mut document = serde_json::to_value(open_api(base_path)).unwrap_or_default();
    finish::finish(&mut document);
    document
}

fn open_api(base_path: &str) -> OpenApi {
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "A JSON Web Token, HS256 with the service's secret. An automation's names it in `automation_id` and opens \
             its state; an administrator's has `admin: true` and opens `/v1/automations`.",
        ));
    let mut components = ComponentsBuilder::new()
        .schemas_from_iter(components::schemas())
        .security_scheme(BEARER, SecurityScheme::Http(bearer.build()));
    for (_, endpoint) in super::endpoints() {
        for (name, response) in endpoint.refused() {
            components = components.response(name, response);
        }
    }
    let info = InfoBuilder::new()
        .title("Automation KV")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(DESCRIPTION))
        .license(Some(LicenseBuilder::new().name(env!("CARGO_PKG_LICENSE")).build()));
    let tags = TAGS.map(|(name, description)| TagBuilder::new().name(name).description(Some(description)).build());
    OpenApiBuilder::new()
        .info(info.build())
        .servers(Some(servers(base_path)))
        .paths(paths(base_path))
        .components(Some(components.build()))
        .tags(Some(tags))
        .build()
}

/// The root of the server, and the base path.
fn servers(base_path: &str) -> Vec<Server> {
    let base_path = Some(base_path).filter(|path| !path.is_empty());
    ["/"].into_iter().chain(base_path).map(Server::new).collect()
}

fn paths(base_path: &str) -> Paths {
    let paths = super::endpoints().into_iter().map(|(prefix, endpoint)| {
        let (path, mut item) = endpoint.described(prefix);
        // What is at the root of the server is nowhere else.
        let is_at_root_only = prefix.is_empty() && path != "/openapi.json";
        item.servers = (is_at_root_only && !base_path.is_empty()).then(|| servers(""));
        (path, item)
    });
    paths
        .fold(PathsBuilder::new(), |paths, (path, item)| paths.path(path, item))
        .build()
}
