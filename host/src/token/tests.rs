//! Tokens, good and bad.

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
