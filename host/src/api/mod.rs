//! HTTP: from a request to operations, and from an outcome to a response. Nothing here knows what an
//! operation means.

mod automations;
mod error;
mod expiry;
mod extract;
mod fields;
mod health;
mod history;
mod if_version;
mod info;
mod json;
mod kv;
mod metrics;
mod observe;
mod offline;
mod openapi;
mod plugins;
mod precondition;
pub(crate) mod request_id;
mod server;
mod spread;
mod trial;
mod wire;

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use tower::Layer;
use tower_http::cors::{Any, CorsLayer};

use crate::plugins::Plugins;
use crate::service::Service;
use crate::token::Tokens;
use error::ApiError;
use observe::Patterns;
use openapi::{Document, Endpoint, routes, routes_with_slashes};
use plugins::PLUGINS;

pub use offline::{OfflineBatch, Refused};
pub use openapi::document as openapi_document;
pub use server::Stopped;
pub(crate) use spread::{Inbox, spread};
pub use trial::{Call, Fault, Trial};

/// Where the states are.
const KV: &str = "/v1/kv";

/// Where the automations are.
const AUTOMATIONS: &str = "/v1/automations";

/// What the handlers share. Without a secret there is no service, and every call on states is 503. Every request takes some
/// copies, so they are cheap.
#[derive(Clone)]
pub struct Api {
    shared: Arc<Shared>,
}

#[derive(Clone)]
struct Shared {
    keyed: Option<Keyed>,
    max_body_bytes: usize,
    trial: Option<Arc<Trial>>,
    plugins: Plugins,
}

/// What needs the secret.
#[derive(Clone)]
struct Keyed {
    service: Service,
    tokens: Arc<Tokens>,
}

impl Api {
    /// An API over a service.
    pub fn new(service: Service, tokens: Tokens) -> Self {
        let max_state_bytes = service.options().max_state_bytes;
        let tokens = Arc::new(tokens);
        Self::with(Some(Keyed { service, tokens }), max_state_bytes)
    }

    /// An API that answers 503 to every call on states.
    pub fn without_secret() -> Self {
        Self::with(None, 1)
    }

    fn with(keyed: Option<Keyed>, max_state_bytes: u64) -> Self {
        Self {
            shared: Arc::new(Shared {
                keyed,
                max_body_bytes: max_body_bytes(max_state_bytes),
                trial: None,
                plugins: Plugins::none(),
            }),
        }
    }

    /// The same, with the faults of a trial, which notes all calls.
    #[must_use]
    pub fn on_trial(mut self, trial: Arc<Trial>) -> Self {
        Arc::make_mut(&mut self.shared).trial = Some(trial);
        self
    }

    /// The same, with plugins that can be called.
    #[must_use]
    pub fn with_plugins(mut self, plugins: Plugins) -> Self {
        Arc::make_mut(&mut self.shared).plugins = plugins;
        self
    }

    /// All routes: the states under `/v1/kv` and under `base_path` + `/v1/kv`, health beside them.
    /// `base_path` is empty, or starts with a slash and does not end in one.
    fn routes(self, base_path: &str) -> Router {
        let document = Document::new(base_path);
        let under = |path| states(path).merge(routes(path, vec![document.endpoint()]));
        let mut router = match base_path {
            "" => under(""),
            path => under("").merge(under(path)),
        };
        if let Some(trial) = &self.shared.trial {
            router = router.layer(from_fn_with_state(Arc::clone(trial), trial::watch));
        }
        router
            .merge(routes("", at_root()))
            .fallback(not_found)
            .method_not_allowed_fallback(method_not_allowed)
            .with_state(self)
    }

    /// The routes, and around them what every request goes through. What a router has as a layer is copied with each of its
    /// routes for each request, so these are not.
    fn app(
        self,
        base_path: &str,
    ) -> impl tower::Service<Request, Response = Response, Error = Infallible, Future: Send> + Clone + Send + use<>
    {
        let patterns = Patterns::new(patterns(base_path));
        let cors = CorsLayer::new().allow_origin(Any).allow_methods(Any).allow_headers(Any);
        from_fn_with_state(patterns, observe::observe).layer(cors.layer(self.routes(base_path)))
    }
}

/// The states under `base_path` + `/v1/kv`, and what stands beside them.
fn states(base_path: &str) -> Router<Api> {
    let path = format!("{base_path}{KV}");
    routes_with_slashes(&path, vec![kv::state()])
        .merge(routes_with_slashes(&path, kv::keys()))
        .merge(routes_with_slashes(
            &format!("{base_path}{AUTOMATIONS}"),
            automations::endpoints(),
        ))
        .merge(routes_with_slashes(
            &format!("{base_path}{PLUGINS}"),
            plugins::endpoints(),
        ))
        .merge(routes_with_slashes(base_path, beside_states()))
}

/// What stands beside the states.
fn beside_states() -> Vec<Endpoint> {
    vec![history::endpoint(), info::endpoint()]
}

/// What is at the root of the server only.
fn at_root() -> Vec<Endpoint> {
    let [healthz, readyz] = health::endpoints();
    vec![healthz, readyz, metrics::endpoint()]
}

/// The paths of all endpoints.
fn patterns(base_path: &str) -> Vec<String> {
    let paths: Vec<String> = endpoints()
        .iter()
        .map(|(prefix, endpoint)| endpoint.under(prefix))
        .collect();
    let based = paths.iter().map(|path| format!("{base_path}{path}"));
    based.chain(paths.iter().cloned()).collect()
}

/// All endpoints, each with what comes before its path.
fn endpoints() -> Vec<(&'static str, Endpoint)> {
    let states = [kv::state()]
        .into_iter()
        .chain(kv::keys())
        .map(|endpoint| (KV, endpoint));
    let automations = automations::endpoints()
        .into_iter()
        .map(|endpoint| (AUTOMATIONS, endpoint));
    let plugins = plugins::endpoints().into_iter().map(|endpoint| (PLUGINS, endpoint));
    let others = at_root().into_iter().chain([Document::new("").endpoint()]);
    let others = beside_states().into_iter().chain(others);
    states
        .chain(automations)
        .chain(plugins)
        .chain(others.map(|endpoint| ("", endpoint)))
        .collect()
}

/// The largest body that is read. A value may grow by escapes on its way (up to six times), and a batch
/// may write a value more than once; what is larger than any of that is refused unread.
fn max_body_bytes(max_state_bytes: u64) -> usize {
    const AT_LEAST: u64 = 1 << 20;
    const WITHOUT_LIMIT: u64 = 64 << 20;
    let bytes = match max_state_bytes {
        0 => WITHOUT_LIMIT,
        limit => limit.saturating_mul(8).max(AT_LEAST),
    };
    usize::try_from(bytes).unwrap_or(usize::MAX)
}

async fn not_found() -> Response {
    ApiError::new(StatusCode::NOT_FOUND, "not_found", "there is nothing at this path")
        .with_detail("Not Found")
        .into_response()
}

async fn method_not_allowed() -> Response {
    ApiError::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not take this method; the Allow header names those it does",
    )
    .with_detail("Method Not Allowed")
    .into_response()
}
