//! One log line and one id for each request. Neither holds a key, a value, a token or a query.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over from a request.
const MAX_REQUEST_ID_BYTES: usize = 64;

/// Gives the request an id, or keeps the one it came with, and logs how it ended: 5xx as errors, the rest
/// at the level `debug`.
pub(super) async fn observe(mut request: Request, next: Next) -> Response {
    let arrival = Instant::now();
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    request.headers_mut().insert(REQUEST_ID, id.clone());
    let id_text = id.to_str().unwrap_or_default();
    let span = tracing::error_span!("request", id = id_text);
    let mut response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    let micros = arrival.elapsed().as_micros();
    span.in_scope(|| {
        if status.is_server_error() {
            tracing::error!(%method, route, status = status.as_u16(), micros, "answered");
        } else {
            tracing::debug!(%method, route, status = status.as_u16(), micros, "answered");
        }
    });
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

fn request_id(request: &Request) -> HeaderValue {
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
