//! All parts of a single write but its body, in the order in which they are looked at.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::{Caller, Conditions, Idempotency, Key, Query};
use crate::api::Api;
use crate::api::error::ApiError;

/// A write on one key.
pub(in crate::api) struct Call {
    pub(in crate::api) caller: Caller,
    pub(in crate::api) key: String,
    pub(in crate::api) query: Query,
    pub(in crate::api) conditions: Conditions,
    pub(in crate::api) idempotency: Idempotency,
}

impl FromRequestParts<Api> for Call {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, api).await?;
        let Key(key) = Key::from_request_parts(parts, api).await?;
        Ok(Self {
            caller,
            key,
            query: Query::from_request_parts(parts, api).await?,
            conditions: Conditions::from_request_parts(parts, api).await?,
            idempotency: Idempotency::from_request_parts(parts, api).await?,
        })
    }
}
