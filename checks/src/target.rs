//! The service that is checked, and what opens its states.

use std::io;
use std::sync::{Mutex, PoisonError};

use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use url::Url;
use uuid::Uuid;

use crate::caller::Caller;
use crate::http::Origin;
use crate::token;

/// A service, and what opens its states.
pub struct Target {
    pub(crate) origin: Origin,
    /// What stands before `/v1/kv` in every path.
    pub(crate) prefix: String,
    access: Access,
    /// What the keys begin with that are made under a token that was given.
    key_prefix: String,
    automations: Mutex<Vec<Uuid>>,
}

/// What opens states.
enum Access {
    /// The service's secret: tokens for any automation, good and bad ones.
    Secret(SecretString),
    /// A token: one automation, which belongs to somebody.
    Token(SecretString),
}

/// Why a service cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No connection, or no answer on it.
    #[error("no answer from {url}: {cause}")]
    Unreachable {
        /// The service.
        url: String,
        /// What went wrong.
        cause: String,
    },
    /// It does not take the token, or tokens signed with the secret.
    #[error("the service refuses the token, so the secret or the token is not its: {0}")]
    Unauthorized(String),
    /// Something else than the list of an automation's keys came back.
    #[error("there is no such service at this base URL: GET {path} was answered {answer}")]
    Foreign {
        /// The path of the list.
        path: String,
        /// Status and body.
        answer: String,
    },
}

impl Target {
    /// A service whose secret is known. Each check works on fresh automations of its own. `prefix` stands before
    /// `/v1/kv`.
    pub fn with_secret(origin: impl Into<Origin>, prefix: &str, secret: SecretString) -> Self {
        Self::new(origin.into(), prefix, Access::Secret(secret))
    }

    /// A service of which no more than one automation's token is known.
    pub fn with_token(origin: impl Into<Origin>, prefix: &str, token: SecretString) -> Self {
        Self::new(origin.into(), prefix, Access::Token(token))
    }

    fn new(origin: Origin, prefix: &str, access: Access) -> Self {
        let unique = Uuid::new_v4().simple().to_string();
        Self {
            origin,
            prefix: prefix.trim_end_matches('/').to_owned(),
            access,
            key_prefix: format!("check-{}-", &unique[..8]),
            automations: Mutex::new(Vec::new()),
        }
    }

    /// Finds the service behind a base URL: connects once, and gives what its targets are made of.
    pub fn find(base_url: &Url) -> Result<(Origin, String), ProbeError> {
        let unreachable = |error: io::Error| ProbeError::Unreachable {
            url: base_url.to_string(),
            cause: error.to_string(),
        };
        let origin = Origin::reach(base_url).map_err(unreachable)?;
        Ok((origin, base_url.path().trim_end_matches('/').to_owned()))
    }

    /// Lists the keys of an automation, to see whether there is a service and whether it lets the checks in.
    pub fn probe(&self) -> Result<(), ProbeError> {
        let answer = self
            .caller()
            .and_then(|mut caller| caller.call("GET", "/v1/kv", None))
            .map_err(|cause| ProbeError::Unreachable {
                url: self.origin.to_string(),
                cause,
            })?;
        match answer.status {
            200 if answer.body.get("keys").is_some_and(Value::is_array) => Ok(()),
            401 | 403 => Err(ProbeError::Unauthorized(answer.to_string())),
            _ => Err(ProbeError::Foreign {
                path: format!("{}/v1/kv", self.prefix),
                answer: answer.to_string(),
            }),
        }
    }

    /// What the keys begin with that the checks make in an automation that belongs to somebody.
    pub fn key_prefix(&self) -> &str {
        &self.key_prefix
    }

    /// The secret; the checks that need one are not among those for a token.
    pub(crate) fn secret(&self) -> Result<&str, String> {
        match &self.access {
            Access::Secret(secret) => Ok(secret.expose_secret()),
            Access::Token(_) => Err("bad case: it needs the service's secret".to_owned()),
        }
    }

    /// The token that was given.
    pub(crate) fn token(&self) -> Option<&str> {
        match &self.access {
            Access::Secret(_) => None,
            Access::Token(token) => Some(token.expose_secret()),
        }
    }

    /// A new automation, which is cleaned up with the others.
    pub(crate) fn fresh_automation(&self) -> Uuid {
        let id = Uuid::new_v4();
        let mut automations = self.automations.lock().unwrap_or_else(PoisonError::into_inner);
        automations.push(id);
        id
    }

    /// The automations that were made, from now on counted no more.
    pub(crate) fn take_automations(&self) -> Vec<Uuid> {
        std::mem::take(&mut *self.automations.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A client: of the token's automation, or else of a fresh one.
    pub(crate) fn caller(&self) -> Result<Caller, String> {
        match &self.access {
            Access::Token(token) => Caller::open(self, token.expose_secret()),
            Access::Secret(_) => self.caller_of(self.fresh_automation()),
        }
    }

    /// A client of an automation.
    pub(crate) fn caller_of(&self, automation: Uuid) -> Result<Caller, String> {
        Caller::open(self, &token::valid(self.secret()?, &automation.to_string()))
    }

    /// A client of an administrator.
    pub(crate) fn administrator(&self) -> Result<Caller, String> {
        Caller::open(self, &token::administrator(self.secret()?))
    }
}
