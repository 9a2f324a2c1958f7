//! What a request may ask for. This is looked at before anything else, and without the document: so nobody learns anything
//! about what is outside their scope.

use alloc::string::String;

use crate::model::{
    Expiry, Filter, Forbidden, ListEnd, Operation, OperationNames, Outcome, Reason, Rejection, Request, Scope, Step,
};

/// Refuses a request that asks for more than its scope: names the first operation that does.
pub fn check(request: &Request) -> Result<(), Rejection> {
    let Some(scope) = &request.scope else {
        return Ok(());
    };
    for (index, operation) in request.operations.iter().enumerate() {
        scope
            .check(operation)
            .map_err(|forbidden| Rejection::at(index, Reason::Forbidden(forbidden)))?;
    }
    // Both leave something behind even if no operation does.
    let writes_anyway = request.always_bump || request.once.is_some();
    if writes_anyway && !scope.may_write {
        return Err(Rejection::whole(Reason::Forbidden(Forbidden::Write)));
    }
    Ok(())
}

impl Scope {
    /// Whether a key is within it.
    pub(super) fn has_key(&self, key: &str) -> bool {
        self.key_prefixes
            .as_ref()
            .is_none_or(|prefixes| prefixes.iter().any(|prefix| key.starts_with(prefix.as_str())))
    }

    /// Takes the keys that are not within it out of what was found in another scope.
    pub(super) fn hide_keys(&self, outcomes: &mut [Outcome]) {
        for outcome in outcomes {
            if let Outcome::Keys(page) = outcome {
                page.keys.retain(|listed| self.has_key(&listed.key));
            }
        }
    }

    fn check(&self, operation: &Operation) -> Result<(), Forbidden> {
        if !self.may_write && operation.writes() {
            return Err(Forbidden::Write);
        }
        let needed = [
            Some(operation.name()),
            operation.tests().then_some(OperationNames::CHECK),
        ];
        if let Some(missing) = needed
            .into_iter()
            .flatten()
            .find(|name| !self.operations.contains(*name))
        {
            return Err(Forbidden::Operation(missing));
        }
        match operation {
            Operation::ListKeys { prefix, .. } if !self.has_keys_below(prefix) => Err(Forbidden::Key(prefix.clone())),
            operation => match operation.key() {
                Some(key) if !self.has_key(key) => Err(Forbidden::Key(key.into())),
                _ => Ok(()),
            },
        }
    }

    /// Whether a key that starts with this can be within it.
    fn has_keys_below(&self, start: &str) -> bool {
        let is_below = |prefix: &String| prefix.starts_with(start) || start.starts_with(prefix.as_str());
        self.key_prefixes
            .as_ref()
            .is_none_or(|prefixes| prefixes.iter().any(is_below))
    }
}

impl Operation {
    /// What it is called.
    fn name(&self) -> OperationNames {
        match self {
            Self::ListKeys { .. } => OperationNames::LIST,
            Self::Get { .. } => OperationNames::GET,
            Self::Check { .. } => OperationNames::CHECK,
            Self::Set { .. } => OperationNames::SET,
            Self::Edit { .. } => OperationNames::PATCH,
            Self::Delete { .. } => OperationNames::DELETE,
            Self::Expire {
                expiry: Expiry::Never, ..
            } => OperationNames::PERSIST,
            Self::Expire { .. } => OperationNames::EXPIRE,
            Self::Increment { .. } => OperationNames::INCR,
            Self::Decrement { .. } => OperationNames::DECR,
            Self::Push { end: ListEnd::Head, .. } => OperationNames::LPUSH,
            Self::Push { end: ListEnd::Tail, .. } => OperationNames::RPUSH,
            Self::Pop { end: ListEnd::Head, .. } => OperationNames::LPOP,
            Self::Pop { end: ListEnd::Tail, .. } => OperationNames::RPOP,
            Self::Length { .. } => OperationNames::LEN,
            Self::Range { .. } => OperationNames::RANGE,
            Self::Trim { .. } => OperationNames::TRIM,
            Self::Remove {
                matching: Filter::OlderThan { .. },
                ..
            } => OperationNames::PRUNE,
            Self::Remove { .. } => OperationNames::REMOVE,
            Self::Claim { .. } => OperationNames::CLAIM,
            Self::Renew { .. } => OperationNames::RENEW,
            Self::Release { .. } => OperationNames::RELEASE,
        }
    }

    /// Whether it tells what a value is equal to, as a check does.
    fn tests(&self) -> bool {
        matches!(self, Self::Edit { steps, .. } if steps.iter().any(|step| matches!(step, Step::Test { .. })))
    }

    /// Whether it may change something.
    fn writes(&self) -> bool {
        !matches!(
            self,
            Self::ListKeys { .. } | Self::Get { .. } | Self::Check { .. } | Self::Range { .. } | Self::Length { .. }
        )
    }
}
