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

/// The most tokens that are remembered.
const MAX_REMEMBERED: NonZeroUsize = NonZeroUsize::new(16_384).unwrap();

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
mod tests {
    use super::*;
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use serde_json::json;

    fn tokens() -> Tokens {
        Tokens::new(&SecretString::from("secret"), &[SecretString::from("old")])
    }

    fn id() -> AutomationId {
        AutomationId::parse("123e4567-e89b-12d3-a456-426614174000").unwrap()
    }

    fn automation(run: Option<&str>) -> Identity {
        Identity::Automation(
            Writer {
                automation: id(),
                run: run.map(|run| RunId::parse(run).unwrap()),
            },
            None,
        )
    }

    fn verify(secret: &str, change: impl FnOnce(&mut Value)) -> Result<Identity, TokenError> {
        let now = now_seconds();
        let mut claims = json!({"automation_id": id().to_string(), "run_id": "r", "iat": now, "exp": now + 60});
        change(&mut claims);
        let key = EncodingKey::from_secret(secret.as_bytes());
        let token = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key).unwrap();
        tokens().verify(&token)
    }

    #[test]
    fn a_minted_token_holds() {
        let run = Uuid::new_v4();
        let token = tokens().mint(id(), run, DEFAULT_LIFETIME).unwrap();
        assert_eq!(tokens().verify(&token), Ok(automation(Some(&run.to_string()))));
    }

    #[test]
    fn a_run_that_cannot_be_kept_is_none() {
        for run in [
            json!(null),
            json!(7),
            json!(""),
            json!("it's"),
            json!("a b"),
            json!("x".repeat(256)),
        ] {
            let result = verify("secret", |claims| claims["run_id"] = run);
            assert_eq!(result, Ok(automation(None)));
        }
        let without = verify("secret", |claims| {
            drop(claims.as_object_mut().unwrap().remove("run_id"));
        });
        assert_eq!(without, Ok(automation(None)));
    }

    #[test]
    fn a_restricted_token_says_what_it_may_do_each_time() {
        let tokens = tokens();
        let restrictions = Restrictions {
            read_only: true,
            key_prefixes: vec!["a:".to_string()],
            operations: Vec::new(),
        };
        let token = tokens
            .mint_restricted(id(), Uuid::new_v4(), DEFAULT_LIFETIME, &restrictions)
            .unwrap();
        for _ in 0..2 {
            let Ok(Identity::Automation(_, Some(scope))) = tokens.verify(&token) else {
                panic!("no scope");
            };
            assert!(!scope.may_write);
            assert_eq!(scope.key_prefixes, Some(vec!["a:".to_string()]));
        }
    }

    #[test]
    fn restrictions_that_no_token_can_have_are_refused_before_it_is_signed() {
        for restrictions in [
            Restrictions {
                key_prefixes: vec![String::new()],
                ..Restrictions::default()
            },
            Restrictions {
                operations: vec!["read".to_string()],
                ..Restrictions::default()
            },
        ] {
            let minted = tokens().mint_restricted(id(), Uuid::new_v4(), DEFAULT_LIFETIME, &restrictions);
            assert!(matches!(minted, Err(MintError::Scope(_))));
        }
    }

    #[test]
    fn claims_that_restrict_and_cannot_be_understood_are_not_ignored() {
        for (claim, value) in [
            ("access", json!(null)),
            ("access", json!("admin")),
            ("keys", json!([])),
            ("keys", json!("a")),
            ("ops", json!(["gett"])),
        ] {
            let result = verify("secret", |claims| claims[claim] = value.clone());
            assert!(matches!(result, Err(TokenError::Scope(_))), "{claim} {value}");
        }
    }

    #[test]
    fn an_administrator_s_token_cannot_be_restricted() {
        for claim in ["access", "keys", "ops"] {
            let result = verify("secret", |claims| {
                claims["admin"] = json!(true);
                claims[claim] = json!("read");
            });
            assert_eq!(result, Err(TokenError::Scope(ScopeError::Administrator)));
        }
    }

    #[test]
    fn only_a_true_admin_claim_makes_an_administrator() {
        let token = tokens().mint_for_administrator(DEFAULT_LIFETIME).unwrap();
        assert_eq!(tokens().verify(&token), Ok(Identity::Administrator));
        for value in [json!(false), json!("true"), json!(1), json!(null)] {
            let result = verify("secret", |claims| claims["admin"] = value);
            assert_eq!(result, Ok(automation(Some("r"))));
        }
    }

    #[test]
    fn a_lifetime_out_of_bounds_is_refused() {
        assert!(tokens().mint(id(), Uuid::new_v4(), Duration::ZERO).is_err());
        assert!(
            tokens()
                .mint(id(), Uuid::new_v4(), MAX_LIFETIME + Duration::from_secs(1))
                .is_err()
        );
    }

    #[test]
    fn a_previous_secret_still_verifies_and_another_does_not() {
        assert!(verify("old", |_| {}).is_ok());
        assert!(matches!(verify("other", |_| {}), Err(TokenError::Invalid(_))));
    }

    #[test]
    fn times_are_checked_without_leeway() {
        let now = now_seconds();
        assert_eq!(
            verify("secret", |claims| claims["exp"] = json!(now)),
            Err(TokenError::Expired)
        );
        for (claim, value) in [
            ("exp", json!(null)),
            ("exp", json!("tomorrow")),
            ("exp", json!(1e30)),
            ("nbf", json!(now + 600)),
            ("iat", json!(now + 600)),
        ] {
            let result = verify("secret", |claims| claims[claim] = value.clone());
            assert!(matches!(result, Err(TokenError::Invalid(_))), "{claim} {value}");
        }
        let without = verify("secret", |claims| drop(claims.as_object_mut().unwrap().remove("exp")));
        assert!(matches!(without, Err(TokenError::Invalid(_))));
    }

    #[test]
    fn the_automation_must_be_a_uuid_in_a_string() {
        for value in [json!(null), json!("")] {
            let result = verify("secret", |claims| claims["automation_id"] = value);
            assert_eq!(result, Err(TokenError::NoAutomation));
        }
        for value in [
            json!(5),
            json!(true),
            json!([]),
            json!({}),
            json!("x"),
            json!(format!("{{{}}}", id())),
        ] {
            let result = verify("secret", |claims| claims["automation_id"] = value);
            assert!(matches!(result, Err(TokenError::BadAutomation(_))));
        }
    }

    #[test]
    fn a_remembered_token_still_ends() {
        let tokens = tokens();
        let token = tokens.mint(id(), Uuid::new_v4(), Duration::from_secs(1)).unwrap();
        assert!(tokens.verify(&token).is_ok());
        assert!(tokens.verify(&token).is_ok());
        std::thread::sleep(Duration::from_millis(1100));
        assert_eq!(tokens.verify(&token), Err(TokenError::Expired));
    }

    #[test]
    fn a_token_like_a_remembered_one_does_not_hold() {
        let tokens = tokens();
        let token = tokens.mint(id(), Uuid::new_v4(), DEFAULT_LIFETIME).unwrap();
        assert!(tokens.verify(&token).is_ok());
        let forged = token.replace(&token[token.len() - 6..], "AAAAAA");
        assert!(tokens.verify(&forged).is_err());
    }

    #[test]
    fn a_token_whose_claims_were_changed_does_not_hold() {
        let restrictions = Restrictions {
            read_only: true,
            ..Restrictions::default()
        };
        let tokens = tokens();
        let token = tokens
            .mint_restricted(id(), Uuid::new_v4(), DEFAULT_LIFETIME, &restrictions)
            .unwrap();
        assert!(tokens.verify(&token).is_ok());
        let [header, claims, signature] = token.split('.').collect::<Vec<_>>()[..] else {
            panic!("three parts");
        };
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
        for (claim, value) in [
            ("access", json!("write")),
            ("automation_id", json!(Uuid::new_v4().to_string())),
            ("exp", json!(now_seconds() + 1_000_000)),
            ("admin", json!(true)),
        ] {
            let mut changed = claims.clone();
            changed[claim] = value;
            let changed = URL_SAFE_NO_PAD.encode(changed.to_string());
            let result = tokens.verify(&format!("{header}.{changed}.{signature}"));
            assert!(matches!(result, Err(TokenError::Invalid(_))), "{claim}");
        }
    }

    #[test]
    fn an_audience_is_ignored() {
        assert!(verify("secret", |claims| claims["aud"] = json!("somebody")).is_ok());
    }
}
