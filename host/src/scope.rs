//! What a token may do where that is less than everything: its claims `access`, `keys` and `ops`, and the engine's scope
//! that they stand for.

use serde_json::{Map, Value, json};

use crate::engine::types::{OperationNames, Scope};

/// The most prefixes that a token may have.
pub const MAX_PREFIXES: usize = 64;

/// The most characters of a prefix: as many as a key may have.
pub const MAX_PREFIX_CHARS: usize = 255;

/// The claims of a token that restrict it.
const CLAIMS: [&str; 3] = ["access", "keys", "ops"];

/// What operations are called, in the claim `ops` as in the API.
pub const NAMES: [&str; 22] = [
    "list", "get", "check", "set", "patch", "delete", "expire", "persist", "incr", "decr", "lpush", "rpush", "lpop",
    "rpop", "len", "range", "trim", "remove", "prune", "claim", "renew", "release",
];

/// What a token is to be restricted to, when it is made.
#[derive(Debug, Clone, Default)]
pub struct Restrictions {
    /// Whether it may only read.
    pub read_only: bool,
    /// What its keys must start with; none for any key.
    pub key_prefixes: Vec<String>,
    /// The operations that it may do, by [their names](NAMES); none for all.
    pub operations: Vec<String>,
}

/// Why a token's claims are no scope. The texts go to whoever sent the token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScopeError {
    /// `access` is something else.
    #[error("The access claim must be \"read\" or \"write\", not {0}")]
    Access(Value),
    /// `keys` is no list, or has too many items or none.
    #[error("The keys claim must be a list of 1 to {MAX_PREFIXES} prefixes; without it every key is allowed")]
    Keys,
    /// An item of `keys` is no prefix.
    #[error("The keys claim must hold texts of 1 to {MAX_PREFIX_CHARS} characters, not {0}")]
    Prefix(Value),
    /// `ops` is no list, or an empty one.
    #[error("The ops claim must be a list of operations, one at least; without it every operation is allowed")]
    Operations,
    /// An item of `ops` is no operation.
    #[error("The ops claim must hold names of operations ({}), not {_0}", NAMES.join(", "))]
    Operation(Value),
    /// An administrator's token has restrictions, which nothing would enforce.
    #[error("An administrator's token cannot be restricted by the claims access, keys and ops")]
    Administrator,
}

impl Restrictions {
    /// The claims that say so.
    pub fn claims(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        if self.read_only {
            claims.insert("access".to_string(), json!("read"));
        }
        if !self.key_prefixes.is_empty() {
            claims.insert("keys".to_string(), json!(self.key_prefixes));
        }
        if !self.operations.is_empty() {
            claims.insert("ops".to_string(), json!(self.operations));
        }
        claims
    }
}

impl Scope {
    /// The scope of a token with these claims; none if they do not restrict it. A claim that is there and cannot be
    /// understood is an error: whoever wrote it wanted to forbid something.
    pub fn of_claims(claims: &Map<String, Value>) -> Result<Option<Self>, ScopeError> {
        if !is_restricted(claims) {
            return Ok(None);
        }
        Ok(Some(Self {
            may_write: claims.get("access").map_or(Ok(true), may_write)?,
            key_prefixes: claims.get("keys").map(prefixes).transpose()?,
            operations: claims.get("ops").map_or(Ok(all()), operations)?,
        }))
    }

    /// The names of the operations in it.
    pub fn operation_names(&self) -> Vec<&'static str> {
        names(self.operations)
    }
}

/// Whether there are claims that restrict a token.
pub fn is_restricted(claims: &Map<String, Value>) -> bool {
    CLAIMS.iter().any(|claim| claims.contains_key(*claim))
}

/// What operations are called.
pub fn names(operations: OperationNames) -> Vec<&'static str> {
    let names = NAMES.into_iter();
    names
        .filter(|name| operation(name).is_some_and(|operation| operations.contains(operation)))
        .collect()
}

fn may_write(access: &Value) -> Result<bool, ScopeError> {
    match access.as_str() {
        Some("read") => Ok(false),
        Some("write") => Ok(true),
        _ => Err(ScopeError::Access(access.clone())),
    }
}

fn prefixes(keys: &Value) -> Result<Vec<String>, ScopeError> {
    let keys = keys.as_array().ok_or(ScopeError::Keys)?;
    if !(1..=MAX_PREFIXES).contains(&keys.len()) {
        return Err(ScopeError::Keys);
    }
    let prefix = |key: &Value| {
        let prefix = key.as_str().ok_or_else(|| ScopeError::Prefix(key.clone()))?;
        // An empty one would allow every key, which is more likely to be a mistake than meant.
        if !(1..=MAX_PREFIX_CHARS).contains(&prefix.chars().count()) {
            return Err(ScopeError::Prefix(key.clone()));
        }
        Ok(prefix.to_string())
    };
    keys.iter().map(prefix).collect()
}

fn operations(ops: &Value) -> Result<OperationNames, ScopeError> {
    let names = ops.as_array().filter(|names| !names.is_empty());
    let mut operations = OperationNames::empty();
    for name in names.ok_or(ScopeError::Operations)? {
        operations |= name
            .as_str()
            .and_then(granted)
            .ok_or_else(|| ScopeError::Operation(name.clone()))?;
    }
    Ok(operations)
}

fn all() -> OperationNames {
    OperationNames::all()
}

/// What a name grants: what is called so, and what is no more than a part of that.
fn granted(name: &str) -> Option<OperationNames> {
    let operation = operation(name)?;
    Some(match name {
        "get" => operation | OperationNames::CHECK,
        "expire" => operation | OperationNames::PERSIST,
        "remove" => operation | OperationNames::PRUNE,
        _ => operation,
    })
}

/// What is called so.
pub fn operation(name: &str) -> Option<OperationNames> {
    Some(match name {
        "list" => OperationNames::LIST,
        "get" => OperationNames::GET,
        "check" => OperationNames::CHECK,
        "set" => OperationNames::SET,
        "patch" => OperationNames::PATCH,
        "delete" => OperationNames::DELETE,
        "expire" => OperationNames::EXPIRE,
        "persist" => OperationNames::PERSIST,
        "incr" => OperationNames::INCR,
        "decr" => OperationNames::DECR,
        "lpush" => OperationNames::LPUSH,
        "rpush" => OperationNames::RPUSH,
        "lpop" => OperationNames::LPOP,
        "rpop" => OperationNames::RPOP,
        "len" => OperationNames::LEN,
        "range" => OperationNames::RANGE,
        "trim" => OperationNames::TRIM,
        "remove" => OperationNames::REMOVE,
        "prune" => OperationNames::PRUNE,
        "claim" => OperationNames::CLAIM,
        "renew" => OperationNames::RENEW,
        "release" => OperationNames::RELEASE,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(claims: &Value) -> Result<Option<Scope>, ScopeError> {
        Scope::of_claims(claims.as_object().unwrap())
    }

    #[test]
    fn without_the_claims_there_is_no_scope() {
        assert_eq!(scope(&json!({"automation_id": "x", "scope": "read"})), Ok(None));
    }

    #[test]
    fn each_claim_restricts_its_own_part() {
        let everything = Scope {
            may_write: true,
            key_prefixes: None,
            operations: all(),
        };
        assert_eq!(scope(&json!({"access": "write"})), Ok(Some(everything.clone())));
        let read_only = Scope {
            may_write: false,
            ..everything.clone()
        };
        assert_eq!(scope(&json!({"access": "read"})), Ok(Some(read_only)));
        let of_keys = Scope {
            key_prefixes: Some(vec!["a:".to_string(), "b".to_string()]),
            ..everything.clone()
        };
        assert_eq!(scope(&json!({"keys": ["a:", "b"]})), Ok(Some(of_keys)));
        let of_operations = Scope {
            operations: OperationNames::LIST | OperationNames::SET,
            ..everything
        };
        assert_eq!(scope(&json!({"ops": ["set", "list", "set"]})), Ok(Some(of_operations)));
    }

    #[test]
    fn a_name_grants_what_is_part_of_it() {
        for (name, granted) in [
            ("get", vec!["get", "check"]),
            ("check", vec!["check"]),
            ("expire", vec!["expire", "persist"]),
            ("remove", vec!["remove", "prune"]),
            ("claim", vec!["claim"]),
        ] {
            let scope = scope(&json!({"ops": [name]})).unwrap().unwrap();
            assert_eq!(scope.operation_names(), granted);
        }
    }

    #[test]
    fn every_operation_of_the_engine_has_a_name() {
        let scope = scope(&json!({"ops": NAMES})).unwrap().unwrap();
        assert_eq!(scope.operations, all());
        assert_eq!(names(all()), NAMES);
    }

    #[test]
    fn what_cannot_be_understood_is_no_scope() {
        for claims in [
            json!({"access": null}),
            json!({"access": "READ"}),
            json!({"access": ["read"]}),
            json!({"access": ""}),
            json!({"keys": null}),
            json!({"keys": "a:"}),
            json!({"keys": {}}),
            json!({"keys": []}),
            json!({"keys": [""]}),
            json!({"keys": ["a", 1]}),
            json!({"keys": [null]}),
            json!({"keys": ["é".repeat(MAX_PREFIX_CHARS + 1)]}),
            json!({"keys": vec!["a"; MAX_PREFIXES + 1]}),
            json!({"ops": null}),
            json!({"ops": "get"}),
            json!({"ops": []}),
            json!({"ops": ["get", "GET"]}),
            json!({"ops": ["read"]}),
            json!({"ops": [["get"]]}),
            json!({"access": "read", "keys": ["a"], "ops": [1]}),
        ] {
            assert!(scope(&claims).is_err(), "{claims}");
        }
        let longest = json!({"keys": vec!["é".repeat(MAX_PREFIX_CHARS); MAX_PREFIXES]});
        assert!(scope(&longest).is_ok());
    }

    #[test]
    fn restrictions_become_the_claims_that_are_understood() {
        let restrictions = Restrictions {
            read_only: true,
            key_prefixes: vec!["a:".to_string()],
            operations: vec!["get".to_string()],
        };
        let expected = Scope {
            may_write: false,
            key_prefixes: Some(vec!["a:".to_string()]),
            operations: OperationNames::GET | OperationNames::CHECK,
        };
        assert_eq!(Scope::of_claims(&restrictions.claims()), Ok(Some(expected)));
        assert!(Restrictions::default().claims().is_empty());
    }
}
