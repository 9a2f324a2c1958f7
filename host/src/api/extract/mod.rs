//! The parts of a request, in the order in which a handler takes them: who calls, which key, which
//! parameters, on which conditions, what body. The first one that is wrong decides the answer.

mod body;
mod call;
mod caller;
mod conditions;
mod idempotency;
mod key;
mod patch_format;
mod query;

pub(super) use body::BodyText;
pub(super) use call::Call;
pub(super) use caller::{Administrator, Caller, EMPTY_BEARER};
pub(super) use conditions::{Conditions, Verdict};
pub(super) use idempotency::{Idempotency, MAX_KEY_CHARS as MAX_IDEMPOTENCY_KEY_CHARS};
pub(super) use key::Key;
pub(super) use patch_format::PatchFormat;
pub(super) use query::Query;
