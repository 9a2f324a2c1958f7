//! A batch without a connection: for whoever gives it to an engine of their own.

use super::error::ApiError;
use super::kv::Batch;
use crate::engine::types::Request;
use crate::service::Answer;
use crate::vault::TimestampMs;

/// A batch as `POST /v1/kv/batch` takes it.
pub struct OfflineBatch {
    request: Request,
    batch: Batch,
}

/// A batch that was refused, as HTTP would answer it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The status.
    pub status: u16,
    /// The body, JSON text.
    pub body: String,
}

impl OfflineBatch {
    /// Reads the body of a request that happens at `now`.
    pub fn read(body: &str, now: TimestampMs) -> Result<Self, Refused> {
        let (request, batch) = Batch::read(body, now, None)?;
        Ok(Self { request, batch })
    }

    /// What the engine is to be asked.
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// The body of the answer, JSON text, for what the engine said.
    pub fn answer(self, answer: Answer) -> Result<String, Refused> {
        Ok(self.batch.word(&self.request, answer)?.finish())
    }
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Self {
        Self {
            status: error.status().as_u16(),
            body: error.body(),
        }
    }
}
