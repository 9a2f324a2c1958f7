//! Tokens: JSON Web Tokens (RFC 7519), HS256 with the secret as it stands, as the platform's dispatcher
//! signs them.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use lru::LruCache;
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::automation::{AutomationId, RunId, Writer};
use crate::engine::types::Scope;
use crate::scope::{self, Restrictions, ScopeError};

/// How long a token lives unless asked otherwise.
pub const DEFAULT_LIFETIME: Duration = Duration::from_hours(24);

/// The longest that a token may live, counted from now; a token that claims more is refused.
pub const MAX_LIFETIME: Duration = Duration::from_hours(24 * 366);

/// The most tokens that are remembered: some 20 MB.
const MAX_REMEMBERED: NonZeroUsize = NonZeroUsize::new(131_072).unwrap();

/// Makes and checks tokens. Former secrets still check.
pub struct Tokens {
    signing: EncodingKey,
    verifying: Vec<DecodingKey>,
    validation: Validation,
    /// What is known of tokens whose signature was found good, by the SHA-256 of their text: they come again with every
    /// request of a run.
    remembered: Mutex<LruCache<[u8; 32], Verified>>,
}

/// What a token with a good signature says.
#[derive(Debug, Clone)]
struct Verified {
    identity: Identity,
    /// The times that it holds between, in seconds since 1970: after or at the first, before the second.
    from: f64,
    until: f64,
}

/// Whom a token that holds speaks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Identity {
    /// An automation, in the run that the token is for (`run_id`) if it names one, whose state it opens: all of it, or what is
    /// within a scope.
    Automation(Writer, Option<Arc<Scope>>),
    /// An administrator (`admin: true`), who manages automations and opens no state.
    Administrator,
}

/// Why a token does not hold. The texts are the contract's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Its time is over.
    #[error("Token has expired")]
    Expired,
    /// It does not say for whom it is.
    #[error("Token missing automation_id claim")]
    NoAutomation,
    /// It says so in a way that is not an id.
    #[error("Invalid automation_id format: {0}")]
    BadAutomation(&'static str),
    /// It does not say what it may do in a way that can be understood.
    #[error("Invalid token: {0}")]
    Scope(#[from] ScopeError),
    /// Anything else.
    #[error("Invalid token: {0}")]
    Invalid(String),
}

/// A token was asked for that would not hold.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// The lifetime is zero or beyond the maximum.
    #[error("a token can live from 1 second to 366 days, not {0:?}")]
    Lifetime(Duration),
    /// The restrictions are none that a token can have.
    #[error(transparent)]
    Scope(#[from] ScopeError),
    /// The library refused.
    #[error("the token could not be signed")]
    Signing(#[source] jsonwebtoken::errors::Error),
}

impl Tokens {
    /// Tokens signed with the current secret, checked with it and the previous ones.
    pub fn new(current: &SecretString, previous: &[SecretString]) -> Self {
        let verifying = std::iter::once(current).chain(previous);
        let mut validation = Validation::new(Algorithm::HS256);
        // The times are checked here, exactly and with the contract's texts.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_nbf = false;
        validation.validate_aud = false;
        Self {
            signing: EncodingKey::from_secret(current.expose_secret().as_bytes()),
            verifying: verifying
                .map(|secret| DecodingKey::from_secret(secret.expose_secret().as_bytes()))
                .collect(),
            validation,
            remembered: Mutex::new(LruCache::new(MAX_REMEMBERED)),
        }
    }

    /// A token for one run of an automation, which may do everything.
    pub fn mint(&self, automation: AutomationId, run: Uuid, lifetime: Duration) -> Result<String, MintError> {
        self.mint_restricted(automation, run, lifetime, &Restrictions::default())
    }

    /// A token for one run of an automation, which may do less than everything.
    pub fn mint_restricted(
        &self,
        automation: AutomationId,
        run: Uuid,
        lifetime: Duration,
        restrictions: &Restrictions,
    ) -> Result<String, MintError> {
        let mut claims = restrictions.claims();
        Scope::of_claims(&claims)?;
        claims.insert("automation_id".to_string(), automation.to_string().into());
        claims.insert("run_id".to_string(), run.to_string().into());
        self.sign(claims.into(), lifetime)
    }

    /// A token for an administrator.
    pub fn mint_for_administrator(&self, lifetime: Duration) -> Result<String, MintError> {
        self.sign(serde_json::json!({"admin": true}), lifetime)
    }

    fn sign(&self, mut claims: Value, lifetime: Duration) -> Result<String, MintError> {
        if lifetime < Duration::from_secs(1) || lifetime > MAX_LIFETIME {
            return Err(MintError::Lifetime(lifetime));
        }
        let now = now_seconds();
        claims["iat"] = now.into();
        claims["exp"] = (now + lifetime.as_secs()).into();
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing).map_err(MintError::Signing)
    }

    /// Checks a token: signature, algorithm, times, and whom it speaks for.
    pub fn verify(&self, token: &str) -> Result<Identity, TokenError> {
        let now = seconds(now_seconds());
        let hash: [u8; 32] = Sha256::digest(token).into();
        let remembered = self.remembered().get(&hash).cloned();
        if let Some(verified) = remembered.filter(|verified| (verified.from..verified.until).contains(&now)) {
            return Ok(verified.identity);
        }
        let claims = self.verified_claims(token)?;
        let (from, until) = check_times(&claims, now)?;
        let identity = identity(&claims)?;
        let verified = Verified {
            identity: identity.clone(),
            from,
            until,
        };
        self.remembered().put(hash, verified);
        Ok(identity)
    }

    fn remembered(&self) -> MutexGuard<'_, LruCache<[u8; 32], Verified>> {
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn verified_claims(&self, token: &str) -> Result<Map<String, Value>, TokenError> {
        let mut failure = TokenError::Invalid("no secret is configured".to_string());
        for key in &self.verifying {
            match jsonwebtoken::decode::<Map<String, Value>>(token, key, &self.validation) {
                Ok(decoded) => return Ok(decoded.claims),
                Err(error) => failure = describe(&error),
            }
        }
        Err(failure)
    }
}

/// The library's verdict in words that do not quote the token.
fn describe(error: &jsonwebtoken::errors::Error) -> TokenError {
    let reason = match error.kind() {
        ErrorKind::InvalidSignature => "Signature verification failed",
        ErrorKind::InvalidAlgorithm | ErrorKind::InvalidAlgorithmName | ErrorKind::MissingAlgorithm => {
            "The specified alg value is not allowed, it must be HS256"
        }
        _ => "Not a JSON Web Token signed with HS256",
    };
    TokenError::Invalid(reason.to_string())
}

/// `exp` must be there and ahead, by not too much; `nbf` and `iat` must not be ahead. Gives the times that the token holds
/// between.
fn check_times(claims: &Map<String, Value>, now: f64) -> Result<(f64, f64), TokenError> {
    let invalid = |message: &str| Err(TokenError::Invalid(message.to_string()));
    let max_lifetime = seconds(MAX_LIFETIME.as_secs());
    let until = match number(claims, "exp")? {
        None => return invalid("Token is missing the \"exp\" claim"),
        Some(exp) if exp <= now => return Err(TokenError::Expired),
        Some(exp) if exp > now + max_lifetime => {
            return invalid("Expiration Time claim (exp) is more than 366 days ahead");
        }
        Some(exp) => exp,
    };
    let mut from = until - max_lifetime;
    for claim in ["nbf", "iat"] {
        let time = number(claims, claim)?.map_or(from, f64::floor);
        if time > now {
            return invalid(&format!("The token is not yet valid ({claim})"));
        }
        from = from.max(time);
    }
    Ok((from, until))
}

/// A time claim (RFC 7519 `NumericDate`: seconds, perhaps with a fraction).
fn number(claims: &Map<String, Value>, name: &str) -> Result<Option<f64>, TokenError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_f64().filter(|_| value.is_number()) {
            Some(time) if time.is_finite() => Ok(Some(time)),
            _ => Err(TokenError::Invalid(format!("The {name} claim must be a number"))),
        },
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds since 1970 are exact in a double for 285 million years"
)]
fn seconds(whole: u64) -> f64 {
    whole as f64
}

/// Whom a token speaks for, and what they may do.
fn identity(claims: &Map<String, Value>) -> Result<Identity, TokenError> {
    if claims.get("admin") != Some(&Value::Bool(true)) {
        let writer = Writer {
            automation: automation(claims)?,
            run: run(claims),
        };
        return Ok(Identity::Automation(writer, Scope::of_claims(claims)?.map(Arc::new)));
    }
    if scope::is_restricted(claims) {
        return Err(ScopeError::Administrator.into());
    }
    Ok(Identity::Administrator)
}

fn automation(claims: &Map<String, Value>) -> Result<AutomationId, TokenError> {
    match claims.get("automation_id") {
        None | Some(Value::Null) => Err(TokenError::NoAutomation),
        Some(Value::String(text)) if text.is_empty() => Err(TokenError::NoAutomation),
        Some(Value::String(text)) => AutomationId::parse(text).map_err(|_| TokenError::BadAutomation("not a UUID")),
        Some(_) => Err(TokenError::BadAutomation("not a string")),
    }
}

/// The run; none if the token names none, or one that cannot be kept: platforms are free in this, and it decides nothing
/// but whether a history is kept.
fn run(claims: &Map<String, Value>) -> Option<RunId> {
    RunId::parse(claims.get("run_id")?.as_str()?).ok()
}

fn now_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

#[cfg(test)]
mod tests;
