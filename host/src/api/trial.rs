//! What a dry run adds: every call is noted, and some fail as they would on a busy day.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use serde::{Deserialize, Serialize};

use super::error::ApiError;
use crate::service::ServiceError;

/// The faults to inject, and the calls so far.
#[derive(Debug, Default)]
pub struct Trial {
    faults: Vec<(Fault, f64)>,
    calls: Mutex<Vec<Call>>,
}

/// A failure that no call is to blame for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// 409 `kv_store_busy`, of writes only.
    Busy,
    /// 503 `storage_unavailable`.
    Unavailable,
}

/// A call that was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Its method.
    pub method: String,
    /// Its path and query, as they were sent.
    pub path: String,
    /// The status of its answer.
    pub status: u16,
    /// The state's version that the answer told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
    /// Whether the answer is an injected fault.
    pub injected: bool,
}

impl Fault {
    /// The fault with a status.
    pub fn with_status(status: u16) -> Option<Self> {
        match status {
            409 => Some(Self::Busy),
            503 => Some(Self::Unavailable),
            _ => None,
        }
    }

    fn can_strike(self, method: &Method) -> bool {
        match self {
            Self::Busy => *method != Method::GET && *method != Method::HEAD,
            Self::Unavailable => true,
        }
    }
}

impl From<Fault> for ServiceError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Busy => Self::Busy,
            Fault::Unavailable => Self::TimedOut,
        }
    }
}

impl Trial {
    /// With each of the faults as often as its share of the calls says, from 0 to 1.
    pub fn new(faults: Vec<(Fault, f64)>) -> Self {
        Self {
            faults,
            calls: Mutex::default(),
        }
    }

    /// The calls so far, in the order of their answers.
    pub fn calls(&self) -> Vec<Call> {
        self.noted().clone()
    }

    fn fault(&self, method: &Method) -> Option<Fault> {
        let struck = self
            .faults
            .iter()
            .find(|(fault, share)| fault.can_strike(method) && fastrand::f64() < *share);
        struck.map(|(fault, _)| *fault)
    }

    fn noted(&self) -> MutexGuard<'_, Vec<Call>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes a call with its answer, which a fault may take the place of. The call is not carried out then.
pub(super) async fn watch(State(trial): State<Arc<Trial>>, request: Request, next: Next) -> Response {
    let method = request.method().clone();
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |path| path.as_str())
        .to_string();
    let fault = trial.fault(&method);
    let response = match fault {
        Some(fault) => ApiError::from(ServiceError::from(fault)).into_response(),
        None => next.run(request).await,
    };
    let status = response.status().as_u16();
    let (version, response) = version(response).await;
    trial.noted().push(Call {
        method: method.to_string(),
        path,
        status,
        version,
        injected: fault.is_some(),
    });
    response
}

/// The version in an answer, which is read for that and put together again.
async fn version(response: Response) -> (Option<u64>, Response) {
    #[derive(Deserialize)]
    struct Versioned {
        version: Option<u64>,
    }
    let (head, body) = response.into_parts();
    // The service's own bodies are in memory: to collect one neither waits nor fails.
    let bytes = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes)
        .unwrap_or_default();
    let versioned = serde_json::from_slice::<Versioned>(&bytes).ok();
    let version = versioned.and_then(|versioned| versioned.version);
    (version, Response::from_parts(head, Body::from(bytes)))
}
