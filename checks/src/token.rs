//! Tokens, good and bad.

use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Map, Value, json};
use sha2::{Sha256, Sha384, Sha512};
use uuid::Uuid;

const LIFETIME_SECONDS: i64 = 3600;

/// A token that opens one automation for the next hour.
pub fn valid(secret: &str, automation: &str) -> String {
    mint(secret, &claims(automation).into(), &Map::new())
}

/// A token of an administrator for the next hour.
pub fn administrator(secret: &str) -> String {
    let mut claims = times();
    claims.insert("admin".to_owned(), json!(true));
    mint(secret, &claims.into(), &Map::new())
}

/// The claims of a token that opens one automation.
pub fn claims(automation: &str) -> Map<String, Value> {
    let mut claims = Map::from_iter([
        ("automation_id".to_owned(), json!(automation)),
        ("run_id".to_owned(), json!(Uuid::new_v4().to_string())),
    ]);
    claims.extend(times());
    claims
}

fn times() -> Map<String, Value> {
    let now = now();
    Map::from_iter([
        ("iat".to_owned(), json!(now)),
        ("exp".to_owned(), json!(now + LIFETIME_SECONDS)),
    ])
}

/// A compact JWS around any payload. `header` is laid over the usual one; its `alg` chooses the hash, and one that
/// names none is signed like HS256, so that it is the name alone that a service has to refuse.
pub fn mint(secret: &str, payload: &Value, header: &Map<String, Value>) -> String {
    let mut full = Map::from_iter([("alg".to_owned(), json!("HS256")), ("typ".to_owned(), json!("JWT"))]);
    full.extend(header.clone());
    let algorithm = full.get("alg").and_then(Value::as_str).unwrap_or_default().to_owned();
    let signed = format!("{}.{}", encode(&Value::from(full)), encode(payload));
    let signature = match algorithm.as_str() {
        "none" => Vec::new(),
        "HS384" => signature::<Hmac<Sha384>>(secret, &signed),
        "HS512" => signature::<Hmac<Sha512>>(secret, &signed),
        _ => signature::<Hmac<Sha256>>(secret, &signed),
    };
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.as_secs().try_into().unwrap_or(i64::MAX)
}

fn encode(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

fn signature<H: Mac + KeyInit>(secret: &str, signed: &str) -> Vec<u8> {
    // HMAC takes a key of any length (RFC 2104), so there always is one.
    let Ok(mut code) = <H as KeyInit>::new_from_slice(secret.as_bytes()) else {
        return Vec::new();
    };
    code.update(signed.as_bytes());
    code.finalize().into_bytes().to_vec()
}
