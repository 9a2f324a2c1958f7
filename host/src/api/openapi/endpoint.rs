//! A path of the API: what answers there, and what the document says of it. The router and the document are made of the
//! same list, so neither can have a path that the other has not.

use axum::Router;
use axum::routing::MethodRouter;
use utoipa::openapi::Response;
use utoipa::openapi::path::{PathItem, PathItemBuilder};

use super::operation::Operation;
use crate::api::Api;

/// Gives one operation for each method of an endpoint.
pub(in crate::api) type Describe = fn() -> Vec<Operation>;

/// A path and all that belongs to it.
pub(in crate::api) struct Endpoint {
    /// As axum and OpenAPI both spell it: `/{key}/incr`.
    path: String,
    handlers: MethodRouter<Api>,
    describe: Describe,
}

impl Endpoint {
    /// A path, below that of its router.
    pub(in crate::api) fn new(path: impl Into<String>, handlers: MethodRouter<Api>, describe: Describe) -> Self {
        Self {
            path: path.into(),
            handlers,
            describe,
        }
    }

    /// Its path behind a prefix.
    pub(in crate::api) fn under(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.path)
    }

    /// The components of its refusals, by their names.
    pub(super) fn refused(&self) -> Vec<(String, Response)> {
        (self.describe)().iter().flat_map(Operation::refused).collect()
    }

    /// Its path in the document and what is there.
    pub(super) fn described(&self, prefix: &str) -> (String, PathItem) {
        let item = (self.describe)()
            .into_iter()
            .fold(PathItemBuilder::new(), |item, operation| {
                let (method, operation) = operation.finish();
                item.operation(method, operation)
            });
        (self.under(prefix), item.build())
    }
}

/// Routes to endpoints below `prefix`.
pub(in crate::api) fn routes(prefix: &str, endpoints: Vec<Endpoint>) -> Router<Api> {
    endpoints.into_iter().fold(Router::new(), |router, endpoint| {
        router.route(&endpoint.under(prefix), endpoint.handlers)
    })
}

/// The same, each with and without a slash at its end.
pub(in crate::api) fn routes_with_slashes(prefix: &str, endpoints: Vec<Endpoint>) -> Router<Api> {
    endpoints.into_iter().fold(Router::new(), |router, endpoint| {
        let path = endpoint.under(prefix);
        router
            .route(&format!("{path}/"), endpoint.handlers.clone())
            .route(&path, endpoint.handlers)
    })
}
