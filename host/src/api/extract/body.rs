//! The body: text, whatever its content type says, up to a limit.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header::CONTENT_LENGTH;
use http_body_util::{BodyExt, LengthLimitError, Limited};

use crate::api::Api;
use crate::api::error::{ApiError, Problem};

/// A body that is UTF-8.
pub(in crate::api) struct BodyText(pub(in crate::api) String);

impl FromRequest<Api> for BodyText {
    type Rejection = ApiError;

    async fn from_request(request: Request, api: &Api) -> Result<Self, ApiError> {
        let limit = api.shared.max_body_bytes;
        let announced = request
            .headers()
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        if announced.is_some_and(|bytes: usize| bytes > limit) {
            return Err(ApiError::body_too_large(limit));
        }
        let bytes = read(request.into_body(), limit).await?;
        String::from_utf8(bytes).map(Self).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            ApiError::invalid_value(&format!(
                "Value contains non-JSON-compliant data: not UTF-8 at byte {at}"
            ))
        })
    }
}

async fn read(body: Body, limit: usize) -> Result<Vec<u8>, ApiError> {
    let collected = Limited::new(body, limit).collect().await;
    match collected {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(ApiError::body_too_large(limit)),
        Err(_) => {
            let problem = Problem::new(["body"], "the body ended before it was complete", "body_incomplete");
            Err(ApiError::invalid_request(&[problem]))
        }
    }
}
