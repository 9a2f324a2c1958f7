//! Who calls: the automation that a valid token names, or an administrator.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

use crate::api::error::ApiError;
use crate::api::{Api, Keyed};
use crate::automation::Writer;
use crate::engine::Transaction;
use crate::engine::types::{OperationNames, Request, Scope};
use crate::plugins::Plugins;
use crate::service::{Answer, Service, TransactionAnswer};
use crate::storage::Kept;
use crate::token::Identity;
use crate::vault::TimestampMs;

/// How [`wire`](crate::api::wire) hands on `Bearer` with an empty token, whose blank a parser would drop.
pub(in crate::api) const EMPTY_BEARER: &[u8] = b"Bearer\xa0";

/// An authenticated automation.
pub(in crate::api) struct Caller {
    writer: Writer,
    /// What it may do; none for everything.
    scope: Option<Arc<Scope>>,
    service: Service,
    plugins: Plugins,
    arrival: Instant,
}

/// An authenticated administrator.
pub(in crate::api) struct Administrator {
    pub(in crate::api) service: Service,
    pub(in crate::api) arrival: Instant,
}

impl FromRequestParts<Api> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let arrival = Instant::now();
        match identify(parts, api)? {
            (Identity::Automation(writer, scope), service) => Ok(Self {
                writer,
                scope,
                service: service.clone(),
                plugins: api.shared.plugins.clone(),
                arrival,
            }),
            (Identity::Administrator, _) => Err(ApiError::forbidden(
                "an administrator's token opens no state; use one of the automation",
            )),
        }
    }
}

impl FromRequestParts<Api> for Administrator {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, ApiError> {
        let arrival = Instant::now();
        match identify(parts, api)? {
            (Identity::Administrator, service) => Ok(Self {
                service: service.clone(),
                arrival,
            }),
            (Identity::Automation(..), _) => Err(ApiError::forbidden(
                "this needs an administrator's token (automation-kv token --admin)",
            )),
        }
    }
}

fn identify<'a>(parts: &Parts, api: &'a Api) -> Result<(Identity, &'a Service), ApiError> {
    let Keyed { service, tokens } = api.shared.keyed.as_ref().ok_or_else(ApiError::not_configured)?;
    Ok((tokens.verify(bearer_token(parts)?)?, service))
}

impl Caller {
    /// The time that requests happen at.
    pub(in crate::api) fn now(&self) -> TimestampMs {
        self.service.now()
    }

    /// Carries out a request that only reads. Gives it back as it was asked: within the caller's scope.
    pub(in crate::api) async fn read(&self, request: Request) -> Result<(Arc<Request>, Answer), ApiError> {
        let request = self.within_scope(request);
        let answer = self
            .service
            .read(self.writer.automation, Arc::clone(&request), self.arrival);
        let answer = answer.await?;
        Ok((request, answer))
    }

    /// The same for a request that may write.
    pub(in crate::api) async fn write(&self, request: Request) -> Result<(Arc<Request>, Answer), ApiError> {
        let request = self.within_scope(request);
        let answer = self
            .service
            .write(self.writer.clone(), Arc::clone(&request), self.arrival);
        let answer = answer.await?;
        Ok((request, answer))
    }

    /// The same for a transaction, whose plugins may do no more than the caller.
    pub(in crate::api) async fn transact(
        &self,
        transaction: Transaction,
    ) -> Result<(Arc<Transaction>, TransactionAnswer), ApiError> {
        let transaction = Arc::new(Transaction {
            scope: self.scope.as_deref().cloned(),
            ..transaction
        });
        let answer = self
            .service
            .transact(self.writer.clone(), Arc::clone(&transaction), self.arrival);
        let answer = answer.await?;
        Ok((transaction, answer))
    }

    /// The plugins that it can call.
    pub(in crate::api) fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// What is kept of the automation's states. It tells when the state was how large, whatever the keys, so it is for those
    /// who may see all of it.
    pub(in crate::api) async fn history(&self) -> Result<Vec<Kept>, ApiError> {
        if let Some(scope) = &self.scope
            && (scope.key_prefixes.is_some() || scope.operations != OperationNames::all())
        {
            return Err(ApiError::forbidden(
                "the history is for tokens that are restricted to neither keys nor operations",
            ));
        }
        Ok(self.service.history(self.writer.automation, self.arrival).await?)
    }

    /// Every request of a caller goes through here, so none can miss its scope.
    fn within_scope(&self, request: Request) -> Arc<Request> {
        Arc::new(Request {
            scope: self.scope.as_deref().cloned(),
            ..request
        })
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750). The scheme's case does not matter.
fn bearer_token(parts: &Parts) -> Result<&str, ApiError> {
    const SCHEME: &str = "bearer ";
    let header = parts
        .headers
        .get(AUTHORIZATION)
        .ok_or_else(ApiError::no_authorization)?;
    if header.as_bytes().eq_ignore_ascii_case(EMPTY_BEARER) {
        return Err(missing_token());
    }
    let scheme_and_token = header
        .to_str()
        .ok()
        .and_then(|value| value.split_at_checked(SCHEME.len()));
    match scheme_and_token {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(SCHEME) => match token.trim() {
            "" => Err(missing_token()),
            token => Ok(token),
        },
        _ => Err(ApiError::unauthorized(
            "invalid_authorization",
            "Invalid authorization header format",
            "the header must be `Authorization: Bearer <token>`",
        )),
    }
}

fn missing_token() -> ApiError {
    ApiError::unauthorized("missing_token", "Missing token", "there is no token behind `Bearer`")
}
