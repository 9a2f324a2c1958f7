//! One log line and one id for each request. Neither holds a key, a value, a token or a query.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::request_id;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over from a request.
const MAX_REQUEST_ID_BYTES: usize = 64;

/// The paths that something answers at, as they are logged: with `{key}` for a key.
pub(super) struct Patterns(Vec<String>);

impl Patterns {
    pub(super) fn new(mut patterns: Vec<String>) -> Arc<Self> {
        // What is spelled out comes before what stands for anything.
        patterns.sort_by_key(|pattern| pattern.matches('{').count());
        Arc::new(Self(patterns))
    }

    /// The first that a path is of.
    fn of(&self, path: &str) -> &str {
        let found = self.0.iter().find(|pattern| is_of(path, pattern));
        found.map_or("none", String::as_str)
    }
}

fn is_of(path: &str, pattern: &str) -> bool {
    let path = path.strip_suffix('/').unwrap_or(path);
    let (mut segments, mut expected) = (path.split('/'), pattern.split('/'));
    loop {
        match (segments.next(), expected.next()) {
            (None, None) => return true,
            (Some(segment), Some(name)) if name.starts_with('{') || name == segment => {}
            _ => return false,
        }
    }
}

/// Gives the request an id, or keeps the one it came with, and logs how it ended: 5xx as errors, the rest
/// at the level `debug`.
pub(super) async fn observe(State(patterns): State<Arc<Patterns>>, mut request: Request, next: Next) -> Response {
    let id = id_of(&request);
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let mut response = request_id::scope(id.clone(), answer(patterns, request, next)).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Has the request answered, and logs how.
async fn answer(patterns: Arc<Patterns>, request: Request, next: Next) -> Response {
    let arrival = Instant::now();
    let (method, uri) = (request.method().clone(), request.uri().clone());
    let response = next.run(request).await;
    let status = response.status();
    let (route, micros) = (|| patterns.of(uri.path()), || arrival.elapsed().as_micros());
    if status.is_server_error() {
        tracing::error!(%method, route = route(), status = status.as_u16(), micros = micros(), "answered");
    } else {
        tracing::debug!(%method, route = route(), status = status.as_u16(), micros = micros(), "answered");
    }
    response
}

fn id_of(request: &Request) -> HeaderValue {
    let sent = request.headers().get(REQUEST_ID);
    sent.filter(|id| is_harmless(id))
        .cloned()
        .unwrap_or_else(new_request_id)
}

/// Letters, digits and a few marks, so that an id cannot forge a line of the log.
fn is_harmless(id: &HeaderValue) -> bool {
    let bytes = id.as_bytes();
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(byte);
    !bytes.is_empty() && bytes.len() <= MAX_REQUEST_ID_BYTES && bytes.iter().all(is_allowed)
}

/// Unique among processes by a random start, within one by counting.
fn new_request_id() -> HeaderValue {
    static PROCESS: LazyLock<u32> = LazyLock::new(|| uuid::Uuid::new_v4().as_fields().0);
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let id = format!("{:08x}-{count:x}", *PROCESS);
    HeaderValue::from_str(&id).unwrap_or_else(|_| HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_logged_without_its_key() {
        let all = ["/v1/kv", "/v1/kv/{key}", "/v1/kv/{key}/len", "/v1/kv/batch"];
        let patterns = Patterns::new(all.map(str::to_string).to_vec());
        for (path, pattern) in [
            ("/v1/kv", "/v1/kv"),
            ("/v1/kv/", "/v1/kv"),
            ("/v1/kv/secret", "/v1/kv/{key}"),
            ("/v1/kv/secret/", "/v1/kv/{key}"),
            ("/v1/kv/secret/len", "/v1/kv/{key}/len"),
            ("/v1/kv/batch", "/v1/kv/batch"),
            ("/v1/kv/secret/other", "none"),
            ("/", "none"),
        ] {
            assert_eq!(patterns.of(path), pattern, "{path}");
        }
    }
}
