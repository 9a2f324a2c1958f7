//! Requests, from WIT to the model.

use super::automation::kv::types;
use super::exports::automation::kv::engine;
use crate::model;

impl From<types::Request> for model::Request {
    fn from(request: types::Request) -> Self {
        Self {
            operations: request.operations.into_iter().map(Into::into).collect(),
            if_version: request.if_version,
            always_bump: request.always_bump,
            once: request.once.map(Into::into),
            scope: request.scope.map(Into::into),
        }
    }
}

impl From<engine::Terms> for model::Terms {
    fn from(terms: engine::Terms) -> Self {
        Self {
            if_version: terms.if_version,
            always_bump: terms.always_bump,
            once: terms.once.map(Into::into),
            scope: terms.scope.map(Into::into),
        }
    }
}

impl From<types::Once> for model::Once {
    fn from(once: types::Once) -> Self {
        Self {
            key: once.key,
            fingerprint: once.fingerprint,
        }
    }
}

impl From<types::Scope> for model::Scope {
    fn from(scope: types::Scope) -> Self {
        Self {
            may_write: scope.may_write,
            key_prefixes: scope.key_prefixes,
            operations: model::OperationNames::from_bits_truncate(scope.operations.bits()),
        }
    }
}

impl From<types::Operation> for model::Operation {
    fn from(operation: types::Operation) -> Self {
        match operation {
            types::Operation::ListKeys(list) => Self::ListKeys {
                prefix: list.prefix,
                limit: list.limit,
                cursor: list.cursor,
                values: list.values,
            },
            types::Operation::Get(get) => Self::Get {
                key: get.key,
                path: get.path,
            },
            types::Operation::Check(check) => Self::Check {
                key: check.key,
                path: check.path,
                test: check.test.into(),
            },
            types::Operation::Set(set) => Self::Set {
                key: set.key,
                value: set.value,
                condition: set.condition.into(),
                expiry: set.expiry.into(),
            },
            types::Operation::Expire(expire) => Self::Expire {
                key: expire.key,
                expiry: expire.expiry.into(),
            },
            types::Operation::Edit(edit) => Self::Edit {
                key: edit.key,
                steps: edit.steps.into_iter().map(Into::into).collect(),
                create: edit.create,
            },
            types::Operation::Delete(key) => Self::Delete { key },
            types::Operation::Increment(count) => Self::Increment {
                key: count.key,
                by: count.by,
            },
            types::Operation::Decrement(count) => Self::Decrement {
                key: count.key,
                by: count.by,
            },
            types::Operation::Push(push) => Self::Push {
                key: push.key,
                value: push.value,
                end: push.end.into(),
                max_length: push.max_length,
                expiry: push.expiry.into(),
            },
            types::Operation::Pop(pop) => Self::Pop {
                key: pop.key,
                end: pop.end.into(),
                count: pop.count,
            },
            types::Operation::Range(range) => Self::Range {
                key: range.key,
                start: range.start,
                stop: range.stop,
            },
            types::Operation::Trim(range) => Self::Trim {
                key: range.key,
                start: range.start,
                stop: range.stop,
            },
            types::Operation::Remove(remove) => Self::Remove {
                key: remove.key,
                matching: remove.matching.into(),
            },
            types::Operation::Length(key) => Self::Length { key },
            types::Operation::Claim(claim) => Self::Claim {
                key: claim.key,
                owner: claim.owner,
                milliseconds: claim.milliseconds,
            },
            types::Operation::Renew(renew) => Self::Renew {
                key: renew.key,
                owner: renew.owner,
                fence: renew.fence,
                milliseconds: renew.milliseconds,
            },
            types::Operation::Release(release) => Self::Release {
                key: release.key,
                owner: release.owner,
                fence: release.fence,
            },
        }
    }
}

impl From<types::Step> for model::Step {
    fn from(step: types::Step) -> Self {
        match step {
            types::Step::Set(types::PlacedValue { at, value }) => Self::Set { at: at.into(), value },
            types::Step::Insert(types::PlacedValue { at, value }) => Self::Insert { at: at.into(), value },
            types::Step::Replace(types::PlacedValue { at, value }) => Self::Replace { at: at.into(), value },
            types::Step::Remove(types::RemoveStep { at, must_exist }) => Self::Remove {
                at: at.into(),
                must_exist,
            },
            types::Step::Append(types::PlacedValue { at, value }) => Self::Append { at: at.into(), value },
            types::Step::Increment(types::CountStep { at, by }) => Self::Increment { at: at.into(), by },
            types::Step::Merge(types::PlacedValue { at, value }) => Self::Merge { at: at.into(), value },
            types::Step::Move(types::TwoPlaces { source, destination }) => Self::Move {
                source: source.into(),
                destination: destination.into(),
            },
            types::Step::Copy(types::TwoPlaces { source, destination }) => Self::Copy {
                source: source.into(),
                destination: destination.into(),
            },
            types::Step::Test(types::PlacedValue { at, value }) => Self::Test { at: at.into(), value },
        }
    }
}

impl From<types::Place> for model::Place {
    fn from(place: types::Place) -> Self {
        match place {
            types::Place::Path(text) => Self::Path(text),
            types::Place::Members(text) => Self::Members(text),
            types::Place::Pointer(text) => Self::Pointer(text),
        }
    }
}

impl From<types::Test> for model::Test {
    fn from(test: types::Test) -> Self {
        match test {
            types::Test::Exists => Self::Exists,
            types::Test::Absent => Self::Absent,
            types::Test::Equals(value) => Self::Equals(value),
            types::Test::KeyVersion(versions) => Self::KeyVersion(versions),
        }
    }
}

impl From<types::Filter> for model::Filter {
    fn from(filter: types::Filter) -> Self {
        match filter {
            types::Filter::Equals(value) => Self::Equals(value),
            types::Filter::FieldEquals(types::FieldValue { field, value }) => Self::FieldEquals { field, value },
            types::Filter::OlderThan(types::Age { field, milliseconds }) => Self::OlderThan { field, milliseconds },
        }
    }
}

impl From<types::Condition> for model::Condition {
    fn from(condition: types::Condition) -> Self {
        match condition {
            types::Condition::Always => Self::Always,
            types::Condition::IfAbsent => Self::IfAbsent,
            types::Condition::IfPresent => Self::IfPresent,
        }
    }
}

impl From<types::Expiry> for model::Expiry {
    fn from(expiry: types::Expiry) -> Self {
        match expiry {
            types::Expiry::Keep => Self::Keep,
            types::Expiry::Never => Self::Never,
            types::Expiry::At(time) => Self::At(time),
            types::Expiry::After(milliseconds) => Self::After(milliseconds),
        }
    }
}

impl From<types::ListEnd> for model::ListEnd {
    fn from(end: types::ListEnd) -> Self {
        match end {
            types::ListEnd::Head => Self::Head,
            types::ListEnd::Tail => Self::Tail,
        }
    }
}
