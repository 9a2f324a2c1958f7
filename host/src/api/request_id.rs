//! The id of the request that is being answered, for what is logged meanwhile.
//!
//! It is no span of `tracing`: those are written out when they begin, for each request, though hardly any has something to log.

use std::future::Future;

use axum::http::HeaderValue;

tokio::task_local! {
    static ID: HeaderValue;
}

/// Works for the request of an id.
pub(super) fn scope<F: Future>(id: HeaderValue, work: F) -> impl Future<Output = F::Output> {
    ID.scope(id, work)
}

/// The id of the request that this task works for, if it works for one.
pub(crate) fn current() -> Option<String> {
    ID.try_with(|id| id.to_str().unwrap_or_default().to_owned()).ok()
}
