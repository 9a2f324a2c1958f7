//! The parts of a request, in the order in which a handler takes them: who calls, which key, which
//! parameters, what body. The first one that is wrong decides the answer.

mod body;
mod caller;
mod key;
mod query;

pub(super) use body::BodyText;
pub(super) use caller::{Administrator, Caller, EMPTY_BEARER};
pub(super) use key::Key;
pub(super) use query::Query;
