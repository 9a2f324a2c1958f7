//! What the contract says of scopes.

use automation_kv_engine::model::{Forbidden, ListEnd, OperationNames, Reason, Rejection, Scope};

use crate::reference::{Asked, at, whole};
use crate::requests::{Expiry, Filter, Operation, Step};

/// The first thing that a request asks for outside its scope.
pub fn scope_problem(asked: &Asked, scope: &Scope) -> Option<Rejection> {
    let mut operations = asked.operations.iter().enumerate();
    let first = operations.find_map(|(index, operation)| {
        let forbidden = operation_problem(operation, scope)?;
        Some(at(index, Reason::Forbidden(forbidden)))
    });
    let leaves_something = asked.always_bump || asked.once.is_some();
    first.or_else(|| {
        let forbidden = Reason::Forbidden(Forbidden::Write);
        (leaves_something && !scope.may_write).then(|| whole(forbidden))
    })
}

/// Whether a key may be named.
pub fn is_in_scope(key: &str, scope: Option<&Scope>) -> bool {
    match scope.and_then(|scope| scope.key_prefixes.as_ref()) {
        None => true,
        Some(prefixes) => prefixes.iter().any(|prefix| key.starts_with(prefix.as_str())),
    }
}

fn operation_problem(operation: &Operation, scope: &Scope) -> Option<Forbidden> {
    let (name, only_reads) = name(operation);
    let is_missing = |name: OperationNames| !scope.operations.contains(name);
    if !only_reads && !scope.may_write {
        return Some(Forbidden::Write);
    }
    if is_missing(name) {
        return Some(Forbidden::Operation(name));
    }
    if tests(operation) && is_missing(OperationNames::CHECK) {
        return Some(Forbidden::Operation(OperationNames::CHECK));
    }
    match operation {
        Operation::ListKeys { prefix, .. } => {
            // All keys that there could be start with the longer one of two prefixes that agree.
            let agrees = |allowed: &String| {
                let shorter = allowed.len().min(prefix.len());
                allowed.as_bytes()[..shorter] == prefix.as_bytes()[..shorter]
            };
            let is_fine = scope
                .key_prefixes
                .as_ref()
                .is_none_or(|prefixes| prefixes.iter().any(agrees));
            (!is_fine).then(|| Forbidden::Key(prefix.clone()))
        }
        other => {
            let key = other.key()?;
            (!is_in_scope(key, Some(scope))).then(|| Forbidden::Key(key.to_owned()))
        }
    }
}

fn tests(operation: &Operation) -> bool {
    match operation {
        Operation::Edit { steps, .. } => steps.iter().any(|step| matches!(step, Step::Test { .. })),
        _ => false,
    }
}

/// What an operation is called, and whether it only reads.
fn name(operation: &Operation) -> (OperationNames, bool) {
    let name = match operation {
        Operation::ListKeys { .. } => "LIST",
        Operation::Get { .. } => "GET",
        Operation::Check { .. } => "CHECK",
        Operation::Set { .. } => "SET",
        Operation::Edit { .. } => "PATCH",
        Operation::Delete { .. } => "DELETE",
        Operation::Expire { expiry, .. } => match expiry {
            Expiry::Never => "PERSIST",
            _ => "EXPIRE",
        },
        Operation::Increment { .. } => "INCR",
        Operation::Decrement { .. } => "DECR",
        Operation::Push { end, .. } => match end {
            ListEnd::Head => "LPUSH",
            ListEnd::Tail => "RPUSH",
        },
        Operation::Pop { end, .. } => match end {
            ListEnd::Head => "LPOP",
            ListEnd::Tail => "RPOP",
        },
        Operation::Length { .. } => "LEN",
        Operation::Range { .. } => "RANGE",
        Operation::Trim { .. } => "TRIM",
        Operation::Remove { matching, .. } => match matching {
            Filter::OlderThan { .. } => "PRUNE",
            _ => "REMOVE",
        },
        Operation::Claim { .. } => "CLAIM",
        Operation::Renew { .. } => "RENEW",
        Operation::Release { .. } => "RELEASE",
    };
    let only_reads = ["LIST", "GET", "CHECK", "LEN", "RANGE"].contains(&name);
    (OperationNames::from_name(name).expect("a name"), only_reads)
}
