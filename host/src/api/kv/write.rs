//! A single write: what must hold before it, and what every answer to one has.

use axum::http::header::ETAG;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::Response;

use super::respond;
use crate::api::error::{ApiError, Asked, rejected, tag};
use crate::api::extract::{Call, Caller, Query};
use crate::api::if_version::IfVersion;
use crate::api::json::Object;
use crate::api::precondition::Precondition;
use crate::engine::types::{Effect, Expiry, Once, Operation, Outcome, Reply, Request, Step};
use crate::vault::TimestampMs;

/// The parameters that every single write takes.
const PARAMETERS: [&str; 2] = ["if_version", "if_key_version"];

/// Says that the answer is the one that the same request got before.
const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// A write on one key that is about to be made.
pub(super) struct Write {
    caller: Caller,
    key: String,
    query: Query,
    if_version: Option<IfVersion>,
    preconditions: Vec<Precondition>,
    once: Option<Once>,
    now: TimestampMs,
}

/// What a write gave.
pub(super) struct Written {
    /// One for each operation.
    pub(super) outcomes: Vec<Outcome>,
    /// Of the state.
    pub(super) version: u64,
    is_replay: bool,
    /// Of the key, where that is known.
    key_version: Option<u64>,
}

impl Write {
    /// Reads what all writes take. `names` are the parameters that this one takes first.
    pub(super) fn new(call: Call, names: &[&str], body: &str) -> Result<Self, ApiError> {
        let query = call.query.allow(&[names, &PARAMETERS].concat())?;
        let if_version = query.if_version()?;
        let if_key_version = query.if_key_version()?.map(Precondition::KeyVersion);
        let of_headers = call.conditions.preconditions()?;
        Ok(Self {
            now: call.caller.now(),
            caller: call.caller,
            key: call.key,
            query,
            if_version,
            preconditions: if_key_version.into_iter().chain(of_headers).collect(),
            once: call.idempotency.once(body),
        })
    }

    pub(super) fn key(&self) -> &str {
        &self.key
    }

    pub(super) fn query(&self) -> &Query {
        &self.query
    }

    /// The time that its parameters are judged at.
    pub(super) fn now(&self) -> TimestampMs {
        self.now
    }

    /// Carries out operations on the key, all or none, if everything holds that must.
    pub(super) async fn carry_out(&self, operations: Vec<Operation>) -> Result<Written, ApiError> {
        let checks = self
            .preconditions
            .iter()
            .map(|precondition| precondition.check(&self.key));
        let request = Request {
            if_version: self.if_version.as_ref().map(|version| version.number),
            once: self.once.clone(),
            ..Request::of(checks.chain(operations).collect())
        };
        let (request, answer) = self.caller.write(request).await?;
        let operations = &request.operations[self.preconditions.len()..];
        match answer {
            Ok(reply) => Ok(self.written(operations, reply)),
            Err(rejection) => Err(rejected(
                &rejection,
                &Asked {
                    key: &self.key,
                    if_version: self.if_version.as_ref(),
                    preconditions: &self.preconditions,
                    scope: request.scope.as_ref(),
                    operations,
                    now: self.caller.now(),
                },
            )),
        }
    }

    fn written(&self, operations: &[Operation], reply: Reply) -> Written {
        let mut outcomes = reply.outcomes;
        outcomes.drain(..self.preconditions.len().min(outcomes.len()));
        let last = operations.last().zip(outcomes.last());
        Written {
            key_version: last.and_then(|(operation, outcome)| key_version(operation, outcome, reply.version, self.now)),
            outcomes,
            version: reply.version,
            is_replay: reply.is_replay,
        }
    }
}

impl Written {
    /// The answer: a body, to which the state's version is added, and the headers that go with it.
    pub(super) fn respond(&self, status: StatusCode, object: Object) -> Response {
        let mut response = respond(status, object.number("version", self.version));
        if let Some(version) = self.key_version {
            response.headers_mut().insert(ETAG, tag(version));
        }
        mark_replay(&mut response, self.is_replay);
        response
    }
}

/// Says so in the answer if it is a repeated one.
pub(in crate::api) fn mark_replay(response: &mut Response, is_replay: bool) {
    if is_replay {
        let headers = response.headers_mut();
        headers.insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
    }
}

/// The version of the key after an operation, if it surely exists and was surely written: then it is the state's.
fn key_version(operation: &Operation, outcome: &Outcome, version: u64, now: TimestampMs) -> Option<u64> {
    let is_over = |time: Option<TimestampMs>| time.is_some_and(|time| time <= now);
    match (operation, outcome) {
        (Operation::Set(_), Outcome::Stored(stored)) => !is_over(stored.expires_at),
        (Operation::Push(push), _) => !matches!(push.expiry, Expiry::At(time) if time <= now),
        (Operation::Pop(_), Outcome::Items(items)) => !items.is_empty(),
        (Operation::Remove(_), Outcome::Removed(removed)) => *removed > 0,
        (Operation::Increment(_) | Operation::Decrement(_) | Operation::Claim(_) | Operation::Renew(_), _) => true,
        (Operation::Edit(edit), Outcome::Edited(effects)) => edit.steps.iter().zip(effects).any(has_written),
        // Setting the time that a key has already, or trimming nothing, is no write.
        _ => false,
    }
    .then_some(version)
}

fn has_written((step, effect): (&Step, &Effect)) -> bool {
    !matches!((step, effect), (Step::Test(_), _) | (_, Effect::Removed(false)))
}
