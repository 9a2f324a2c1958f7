//! What a token's scope did not let through.

use super::ApiError;
use super::rejection::unexpected;
use crate::api::json;
use crate::engine::types::{Forbidden, Scope};
use crate::scope;

/// 403 naming the claim, what it would have to allow, and what it does allow.
pub(super) fn forbidden(what: &Forbidden, scope: Option<&Scope>) -> ApiError {
    let Some(scope) = scope else {
        return unexpected();
    };
    match what {
        Forbidden::Write => refusal(
            "the token may only read",
            "access",
            json::string("write"),
            json::string("read"),
        ),
        Forbidden::Operation(operation) => {
            let (needed, allowed) = (scope::names(*operation).join(", "), scope.operation_names());
            refusal(
                &format!("the token may not {needed}, only {}", allowed.join(", ")),
                "ops",
                json::string(&needed),
                texts(&allowed),
            )
        }
        Forbidden::Key(key) => {
            let needed = json::string(key);
            let prefixes = scope.key_prefixes.as_deref().unwrap_or_default();
            let shown: Vec<_> = prefixes.iter().map(|prefix| json::string(prefix)).collect();
            let message = format!(
                "{needed} is not among the token's keys, which start with {}",
                shown.join(", ")
            );
            refusal(&message, "keys", needed, texts(prefixes))
        }
    }
}

fn refusal(message: &str, claim: &str, needed: String, allowed: String) -> ApiError {
    ApiError::forbidden(message)
        .with("claim", json::string(claim))
        .with("needed", needed)
        .with("allowed", allowed)
}

fn texts(texts: &[impl AsRef<str>]) -> String {
    json::list(texts.iter().map(|text| json::string(text.as_ref())))
}
