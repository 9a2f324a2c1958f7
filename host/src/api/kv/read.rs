//! A single read.

use super::unexpected_outcome;
use crate::api::error::{ApiError, Asked, rejected};
use crate::api::extract::Caller;
use crate::engine::types::{Operation, Outcome, Request};

/// What a read gave.
pub(super) struct Read {
    pub(super) outcome: Outcome,
    /// Of the state.
    pub(super) version: u64,
    /// Of the state.
    pub(super) size_bytes: u64,
    /// Of the state; none if there is none.
    pub(super) limit_bytes: Option<u64>,
}

/// Carries out an operation on `key` that reads.
pub(super) async fn read(caller: &Caller, key: &str, operation: Operation) -> Result<Read, ApiError> {
    let (request, answer) = caller.read(Request::of(vec![operation])).await?;
    let reply = answer.map_err(|rejection| {
        rejected(
            &rejection,
            &Asked {
                key,
                if_version: None,
                preconditions: &[],
                scope: request.scope.as_ref(),
                operations: &request.operations,
                now: caller.now(),
            },
        )
    })?;
    Ok(Read {
        outcome: reply.outcomes.into_iter().next().ok_or_else(unexpected_outcome)?,
        version: reply.version,
        size_bytes: reply.size_bytes,
        limit_bytes: Some(reply.limit_bytes).filter(|limit| *limit > 0),
    })
}
