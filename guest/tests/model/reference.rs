//! The store as the contract describes it: a list of keys with values, a version, and nothing clever.
//!
//! It shares the vocabulary of `automation_kv_engine::model` with the engine and no code. A whole state is cloned
//! wherever something may have to be undone.

use automation_kv_engine::model::{
    Attributes, Condition, Entry, Kind, Lease, ListEnd, Listed, Once, Outcome, Page, Reason, Rejection, Reply, Scope,
    Stored, TimestampMs,
};
use serde_json::{Map, Value};

use crate::reference_arguments::{argument_problem, key_problem, once_problem, value_problem};
use crate::reference_edits;
use crate::reference_scope::{is_in_scope, scope_problem};
use crate::requests::{Cursor, Expiry, Fence, Filter, Hop, Json, Operation, Path, Step, Test};
use crate::worth;

pub const MAX_LEVELS: usize = 32;
const MAX_SEGMENTS: usize = 32;
const DAY_MS: u64 = 86_400_000;

/// One automation's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub version: u64,
    pub created_at: TimestampMs,
    pub updated_at: TimestampMs,
    /// How many keys were ever made.
    pub made: u64,
    pub entries: Vec<Kept>,
    pub remembered: Vec<Remembered>,
}

/// A key and what is under it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub key: String,
    pub value: Value,
    /// How many keys were made before it.
    pub ordinal: u64,
    pub version: u64,
    pub created_at: TimestampMs,
    pub updated_at: TimestampMs,
    pub expires_at: Option<TimestampMs>,
}

/// A request that is carried out only once.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    once: Once,
    at: TimestampMs,
    reply: Reply,
}

/// A request whose operations are settled.
#[derive(Debug, Clone)]
pub struct Asked {
    pub operations: Vec<Operation>,
    pub if_version: Option<i64>,
    pub always_bump: bool,
    pub once: Option<Once>,
    pub scope: Option<Scope>,
}

/// What all requests of a session share.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    pub limit_bytes: u64,
    pub value_limit_bytes: u64,
    pub now: TimestampMs,
    pub has_expired: bool,
}

/// A request being carried out on a copy of the state.
struct Attempt<'a> {
    state: State,
    scope: Option<&'a Scope>,
    circumstances: Circumstances,
    wrote: bool,
    /// The first key whose growth took the state over the limit.
    outgrown_by: Option<String>,
}

impl State {
    /// What a session finds at a time. Says whether there were keys whose time had come.
    pub fn opened(&self, now: TimestampMs) -> (Self, bool) {
        let mut state = self.clone();
        state.entries.retain(|kept| kept.expires_at.is_none_or(|at| at > now));
        state.remembered.retain(|before| before.at + DAY_MS > now);
        for before in &mut state.remembered {
            before.at = before.at.min(now);
        }
        let has_expired = state.entries.len() < self.entries.len();
        (state, has_expired)
    }

    /// Carries out a request, all of it or nothing of it. Texts in rejections are empty, but for those of keys.
    pub fn execute(&mut self, asked: &Asked, circumstances: Circumstances) -> Result<Reply, Rejection> {
        if let Some(rejection) = asked.scope.as_ref().and_then(|scope| scope_problem(asked, scope)) {
            return Err(rejection);
        }
        if let Some(reason) = asked.once.as_ref().and_then(once_problem) {
            return Err(whole(reason));
        }
        let operations = &asked.operations;
        first_problem(operations, |operation| argument_problem(operation, circumstances.now))?;
        first_problem(operations, key_problem)?;
        if let Some(once) = &asked.once
            && let Some(before) = self.remembered.iter().find(|before| before.once.key == once.key)
        {
            if before.once != *once {
                return Err(whole(Reason::OnceMismatch));
            }
            let mut reply = Reply {
                is_replay: true,
                limit_bytes: circumstances.limit_bytes,
                has_expired: circumstances.has_expired,
                ..before.reply.clone()
            };
            for outcome in &mut reply.outcomes {
                if let Outcome::Keys(page) = outcome {
                    page.keys
                        .retain(|listed| is_in_scope(&listed.key, asked.scope.as_ref()));
                }
            }
            return Ok(reply);
        }
        if let Some(expected) = asked.if_version
            && i128::from(expected) != i128::from(self.version)
        {
            let actual = self.version;
            return Err(whole(Reason::VersionMismatch { expected, actual }));
        }
        let (outcomes, wrote) = self.carry_out(asked, circumstances)?;
        Ok(self.conclude(asked, outcomes, wrote, circumstances))
    }

    /// Carries out operations, all or none, and makes no version. Gives whether something was written.
    pub fn carry_out(
        &mut self,
        asked: &Asked,
        circumstances: Circumstances,
    ) -> Result<(Vec<Outcome>, bool), Rejection> {
        let operations = &asked.operations;
        let mut attempt = Attempt {
            state: self.clone(),
            scope: asked.scope.as_ref(),
            circumstances,
            wrote: false,
            outgrown_by: None,
        };
        let mut outcomes = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            outcomes.push(attempt.operate(operation).map_err(|reason| at(index, reason))?);
        }
        attempt.check_size(self)?;
        first_problem(operations, value_problem)?;
        let wrote = attempt.wrote;
        *self = attempt.state;
        Ok((outcomes, wrote))
    }

    /// The same as a part of a transaction.
    pub fn carry_out_part(&mut self, asked: &Asked, circumstances: Circumstances) -> Result<(Reply, bool), Rejection> {
        if let Some(rejection) = asked.scope.as_ref().and_then(|scope| scope_problem(asked, scope)) {
            return Err(rejection);
        }
        let operations = &asked.operations;
        first_problem(operations, |operation| argument_problem(operation, circumstances.now))?;
        first_problem(operations, key_problem)?;
        let (outcomes, wrote) = self.carry_out(asked, circumstances)?;
        Ok((self.reply(outcomes, circumstances), wrote))
    }

    /// Makes the version that is due, and remembers what is to be.
    pub fn conclude(
        &mut self,
        asked: &Asked,
        outcomes: Vec<Outcome>,
        wrote: bool,
        circumstances: Circumstances,
    ) -> Reply {
        if wrote || asked.always_bump {
            self.bump(circumstances.now);
        }
        let reply = self.reply(outcomes, circumstances);
        if let Some(once) = asked.once.clone() {
            let (at, reply) = (circumstances.now, reply.clone());
            self.remembered.push(Remembered { once, at, reply });
        }
        reply
    }

    fn bump(&mut self, now: TimestampMs) {
        self.version += 1;
        self.updated_at = now;
        if self.version == 1 {
            self.created_at = now;
        }
    }

    fn reply(&self, outcomes: Vec<Outcome>, circumstances: Circumstances) -> Reply {
        Reply {
            outcomes,
            version: self.version,
            size_bytes: self.size_bytes(),
            limit_bytes: circumstances.limit_bytes,
            is_replay: false,
            has_expired: circumstances.has_expired,
        }
    }

    /// The size that the limit is about.
    pub fn size_bytes(&self) -> u64 {
        let members = self.entries.iter().map(|kept| (kept.key.clone(), kept.value.clone()));
        let object: Map<String, Value> = members.collect();
        Value::Object(object).to_string().len() as u64
    }

    fn find(&self, key: &str) -> Option<&Kept> {
        self.entries.iter().find(|kept| kept.key == key)
    }
}

impl Kept {
    pub fn attributes(&self) -> Attributes {
        let key = Value::from(self.key.as_str()).to_string();
        Attributes {
            size_bytes: (key.len() + self.value.to_string().len() + 2) as u64,
            key_version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
            expires_at: self.expires_at,
        }
    }
}

impl Attempt<'_> {
    fn operate(&mut self, operation: &Operation) -> Result<Outcome, Reason> {
        match operation {
            Operation::ListKeys {
                prefix,
                limit,
                cursor,
                values,
            } => self.list_keys(prefix, *limit, cursor, *values),
            Operation::Get { key, path } => {
                let kept = self.existing(key)?;
                let value = match path {
                    Some(path) => descend(&kept.value, segments(path)?).ok_or(Reason::PathNotFound)?,
                    None => &kept.value,
                };
                Ok(Outcome::Value(Entry {
                    value: value.to_string(),
                    attributes: kept.attributes(),
                }))
            }
            Operation::Check { key, path, test } => self.check(key, path.as_ref(), test),
            Operation::Set {
                key,
                value,
                condition,
                expiry,
            } => self.set(key, value, *condition, *expiry),
            Operation::Expire { key, expiry } => self.expire(key, *expiry),
            Operation::Edit { key, steps, create } => self.edit(key, steps, *create),
            Operation::Delete { key } => {
                let removed = self.take_out(key);
                self.wrote |= removed;
                Ok(Outcome::Removed(removed.into()))
            }
            Operation::Increment { key, by } => self.count(key, by.meaning()),
            Operation::Decrement { key, by } => self.count(key, -by.meaning()),
            Operation::Push {
                key,
                value,
                end,
                max_length,
                expiry,
            } => self.push(key, value.meaning(), *end, *max_length, *expiry),
            Operation::Pop { key, end, count } => self.pop(key, *end, *count),
            Operation::Range { key, start, stop } => {
                let items = self.existing_items(key)?;
                let range = items.iter().enumerate();
                let range = range.filter(|(index, _)| is_within(*index, *start, *stop, items.len()));
                Ok(Outcome::Items(range.map(|(_, item)| item.to_string()).collect()))
            }
            Operation::Trim { key, start, stop } => self.trim(key, *start, *stop),
            Operation::Remove { key, matching } => self.remove(key, matching),
            Operation::Length { key } => Ok(Outcome::Length(self.existing_items(key)?.len() as u64)),
            Operation::Claim {
                key,
                owner,
                milliseconds,
            } => self.claim(key, owner, *milliseconds),
            Operation::Renew {
                key,
                owner,
                fence,
                milliseconds,
            } => {
                let lease = self.held(key, owner, *fence)?;
                let expires_at = self.circumstances.now + milliseconds;
                let value = self.existing(key)?.value.clone();
                self.put_until(key, value, Some(expires_at));
                Ok(Outcome::Claimed(Lease { expires_at, ..lease }))
            }
            Operation::Release { key, owner, fence } => {
                self.held(key, owner, *fence)?;
                self.wrote |= self.take_out(key);
                Ok(Outcome::Removed(1))
            }
        }
    }

    fn list_keys(&self, prefix: &str, limit: Option<u32>, cursor: &Cursor, values: bool) -> Result<Outcome, Reason> {
        let behind = match cursor {
            Cursor::None | Cursor::Recent(_) => None,
            Cursor::Known { model, .. } => Some(self.resume(model, prefix).ok_or_else(|| invalid("cursor"))?),
            Cursor::Strange(_) => return Err(invalid("cursor")),
        };
        let entries = self.state.entries.iter();
        let mut matching: Vec<&Kept> = entries
            .filter(|kept| kept.key.starts_with(prefix) && is_in_scope(&kept.key, self.scope))
            .filter(|kept| behind.is_none_or(|ordinal| kept.ordinal > ordinal))
            .collect();
        let mut next = None;
        if let Some(limit) = limit
            && matching.len() > limit as usize
        {
            matching.truncate(limit as usize);
            let last = matching.last().expect("a limit is not 0");
            next = Some(format!("{} {} {prefix}", last.ordinal, self.state.created_at));
        }
        let listed = |kept: &Kept| Listed {
            key: kept.key.clone(),
            value: values.then(|| kept.value.to_string()),
            attributes: kept.attributes(),
        };
        let keys = matching.into_iter().map(listed).collect();
        Ok(Outcome::Keys(Page { keys, next }))
    }

    /// The ordinal of the last key of the page that ended with a cursor, if it is one of this state and prefix.
    fn resume(&self, cursor: &str, prefix: &str) -> Option<u64> {
        let (ordinal, rest) = cursor.split_once(' ')?;
        let (created_at, of_prefix) = rest.split_once(' ')?;
        let fits = created_at == self.state.created_at.to_string() && of_prefix == prefix;
        fits.then(|| ordinal.parse().expect("an ordinal"))
    }

    fn check(&self, key: &str, path: Option<&Path>, test: &Test) -> Result<Outcome, Reason> {
        let hops = path.map_or(Ok(&[][..]), segments)?;
        let kept = self.state.find(key);
        let found = kept.and_then(|kept| descend(&kept.value, hops));
        let holds = match test {
            Test::Exists => found.is_some(),
            Test::Absent => found.is_none(),
            Test::Equals(value) => found.is_some_and(|found| worth::is_equal(found, value.meaning())),
            Test::KeyVersion(versions) | Test::VersionsBelowCurrent(versions) => {
                kept.is_some_and(|kept| versions.contains(&kept.version))
            }
        };
        let key_version = kept.map(|kept| kept.version);
        holds
            .then_some(Outcome::Checked)
            .ok_or(Reason::CheckFailed { key_version })
    }

    fn set(&mut self, key: &str, value: &Json, condition: Condition, expiry: Expiry) -> Result<Outcome, Reason> {
        let exists = self.state.find(key).is_some();
        match condition {
            Condition::IfAbsent if exists => return Err(Reason::KeyExists),
            Condition::IfPresent if !exists => return Err(Reason::KeyAbsent),
            _ => {}
        }
        let expires_at = self.time_of(key, expiry);
        self.put_until(key, value.meaning().clone(), expires_at);
        Ok(Outcome::Stored(Stored {
            created: !exists,
            value: value.meaning().to_string(),
            updated_at: self.circumstances.now,
            expires_at,
        }))
    }

    fn expire(&mut self, key: &str, expiry: Expiry) -> Result<Outcome, Reason> {
        let kept = self.existing(key)?;
        let (value, before) = (kept.value.clone(), kept.expires_at);
        let expires_at = self.time_of(key, expiry);
        if expires_at != before {
            self.put_until(key, value, expires_at);
        }
        Ok(Outcome::Expires(expires_at))
    }

    fn edit(&mut self, key: &str, steps: &[Step], create: bool) -> Result<Outcome, Reason> {
        let kept = self.state.find(key);
        let mut value = match kept {
            Some(kept) => kept.value.clone(),
            None if create => Value::Object(Map::new()),
            None => return Err(Reason::KeyNotFound),
        };
        let key_version = kept.map(|kept| kept.version);
        let mut has_changed = false;
        let mut effects = Vec::new();
        for step in steps {
            let (effect, changes) = reference_edits::carry_out(&mut value, step, key_version)?;
            has_changed |= changes;
            effects.push(effect);
        }
        if has_changed {
            self.put(key, value);
        }
        Ok(Outcome::Edited(effects))
    }

    fn count(&mut self, key: &str, by: i128) -> Result<Outcome, Reason> {
        let current = match self.state.find(key).map(|kept| &kept.value) {
            None => 0,
            Some(value) if kind(value) == Kind::Integer => value.to_string().parse().expect("an integer of 128 bits"),
            Some(other) => return Err(mismatch(Kind::Integer, other)),
        };
        let sum = (current + by).to_string();
        self.put(key, serde_json::from_str(&sum).expect("an integer is JSON"));
        Ok(Outcome::Number(sum))
    }

    fn push(
        &mut self,
        key: &str,
        item: &Value,
        end: ListEnd,
        max_length: Option<u64>,
        expiry: Expiry,
    ) -> Result<Outcome, Reason> {
        let mut items = self.items(key)?.unwrap_or_default();
        match end {
            ListEnd::Head => items.insert(0, item.clone()),
            ListEnd::Tail => items.push(item.clone()),
        }
        while max_length.is_some_and(|most| items.len() as u64 > most) {
            match end {
                ListEnd::Head => items.pop(),
                ListEnd::Tail => Some(items.remove(0)),
            };
        }
        let length = items.len() as u64;
        let expires_at = self.time_of(key, expiry);
        self.put_until(key, Value::Array(items), expires_at);
        Ok(Outcome::Length(length))
    }

    fn pop(&mut self, key: &str, end: ListEnd, count: u32) -> Result<Outcome, Reason> {
        let mut items = self.items(key)?.unwrap_or_default();
        let mut taken = Vec::new();
        while !items.is_empty() && taken.len() < count as usize {
            let item = match end {
                ListEnd::Head => items.remove(0),
                ListEnd::Tail => items.remove(items.len() - 1),
            };
            taken.push(item.to_string());
        }
        if !taken.is_empty() {
            self.put(key, Value::Array(items));
        }
        Ok(Outcome::Items(taken))
    }

    fn trim(&mut self, key: &str, start: i64, stop: i64) -> Result<Outcome, Reason> {
        let mut items = self.existing_items(key)?;
        let before = items.len();
        let mut index = 0..;
        items.retain(|_| is_within(index.next().expect("no end"), start, stop, before));
        let length = items.len();
        if length < before {
            self.put(key, Value::Array(items));
        }
        Ok(Outcome::Length(length as u64))
    }

    fn remove(&mut self, key: &str, matching: &Filter) -> Result<Outcome, Reason> {
        let Some(mut value) = self.state.find(key).map(|kept| kept.value.clone()) else {
            return Ok(Outcome::Removed(0));
        };
        if !value.is_array() && !value.is_object() {
            return Err(mismatch(Kind::Object, &value));
        }
        let field = match matching {
            Filter::Equals(_) => None,
            Filter::FieldEquals { field, .. } => Some(field),
            Filter::OlderThan { field, .. } => field.as_ref(),
        };
        let now = i128::from(self.circumstances.now);
        let is_meant = |found: &Value| match matching {
            Filter::Equals(value) | Filter::FieldEquals { value, .. } => worth::is_equal(found, value.meaning()),
            Filter::OlderThan { milliseconds, .. } => worth::is_before(found, now - i128::from(*milliseconds)),
        };
        let hops = field.map_or(Ok(&[][..]), segments)?;
        let mut removed = 0;
        let mut stays = |part: &Value| {
            let goes = descend(part, hops).is_some_and(is_meant);
            removed += u64::from(goes);
            !goes
        };
        match &mut value {
            Value::Array(items) => items.retain(|item| stays(item)),
            Value::Object(members) => members.retain(|_, member| stays(member)),
            _ => {}
        }
        if removed > 0 {
            self.put(key, value);
        }
        Ok(Outcome::Removed(removed))
    }

    fn claim(&mut self, key: &str, owner: &str, milliseconds: u64) -> Result<Outcome, Reason> {
        let mut fence = self.state.version + 1;
        if let Some(kept) = self.state.find(key) {
            let lease = lease(kept).ok_or(Reason::NotALease)?;
            if lease.owner != owner {
                return Err(Reason::Held(lease));
            }
            fence = lease.fence;
        }
        let expires_at = self.circumstances.now + milliseconds;
        let members = [("owner".to_owned(), owner.into()), ("fence".to_owned(), fence.into())];
        self.put_until(key, Value::Object(Map::from_iter(members)), Some(expires_at));
        Ok(Outcome::Claimed(Lease {
            owner: owner.to_owned(),
            fence,
            expires_at,
        }))
    }

    /// The lease that an owner has, with a number if one is named.
    fn held(&self, key: &str, owner: &str, fence: Fence) -> Result<Lease, Reason> {
        let kept = self.state.find(key).ok_or(Reason::NotHeld)?;
        let lease = lease(kept).ok_or(Reason::NotALease)?;
        let is_theirs = lease.owner == owner && fence.number().is_none_or(|fence| fence == lease.fence);
        is_theirs.then_some(lease).ok_or(Reason::NotHeld)
    }

    /// The items of the list under a key, or none if there is no such key.
    fn items(&self, key: &str) -> Result<Option<Vec<Value>>, Reason> {
        match self.state.find(key).map(|kept| &kept.value) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items.clone())),
            Some(other) => Err(mismatch(Kind::List, other)),
        }
    }

    fn existing_items(&self, key: &str) -> Result<Vec<Value>, Reason> {
        self.items(key)?.ok_or(Reason::KeyNotFound)
    }

    fn existing(&self, key: &str) -> Result<&Kept, Reason> {
        self.state.find(key).ok_or(Reason::KeyNotFound)
    }

    fn time_of(&self, key: &str, expiry: Expiry) -> Option<TimestampMs> {
        match expiry {
            Expiry::Keep => self.state.find(key).and_then(|kept| kept.expires_at),
            Expiry::Never => None,
            Expiry::At(time) => Some(time),
            Expiry::After(milliseconds) => Some(self.circumstances.now + milliseconds),
            Expiry::FromNow(_) => unreachable!("it is settled before"),
        }
    }

    fn put(&mut self, key: &str, value: Value) {
        let expires_at = self.time_of(key, Expiry::Keep);
        self.put_until(key, value, expires_at);
    }

    fn put_until(&mut self, key: &str, value: Value, expires_at: Option<TimestampMs>) {
        let now = self.circumstances.now;
        self.wrote = true;
        if expires_at.is_some_and(|at| at <= now) {
            self.take_out(key);
            return;
        }
        let size_before = self.state.size_bytes();
        let written = Kept {
            key: key.to_owned(),
            value,
            ordinal: self.state.made,
            version: self.state.version + 1,
            created_at: now,
            updated_at: now,
            expires_at,
        };
        match self.state.entries.iter_mut().find(|kept| kept.key == key) {
            Some(kept) => {
                let (ordinal, created_at) = (kept.ordinal, kept.created_at);
                *kept = Kept {
                    ordinal,
                    created_at,
                    ..written
                };
            }
            None => {
                self.state.made += 1;
                self.state.entries.push(written);
            }
        }
        let size = self.state.size_bytes();
        if self.outgrown_by.is_none() && size > size_before && size > self.circumstances.limit_bytes {
            self.outgrown_by = Some(key.to_owned());
        }
    }

    fn take_out(&mut self, key: &str) -> bool {
        let before = self.state.entries.len();
        self.state.entries.retain(|kept| kept.key != key);
        self.state.entries.len() < before
    }

    fn check_size(&self, before: &State) -> Result<(), Rejection> {
        let limit_bytes = self.circumstances.limit_bytes;
        let (current_bytes, size_bytes) = (before.size_bytes(), self.state.size_bytes());
        if limit_bytes > 0 && size_bytes > limit_bytes && size_bytes > current_bytes {
            let key = self.outgrown_by.clone().expect("something grew");
            return Err(whole(Reason::TooLarge {
                key,
                current_bytes,
                size_bytes,
                limit_bytes,
            }));
        }
        let limit_bytes = self.circumstances.value_limit_bytes;
        for kept in &self.state.entries {
            let size_bytes = kept.value.to_string().len() as u64;
            let size_before = before
                .find(&kept.key)
                .map_or(0, |kept| kept.value.to_string().len() as u64);
            if limit_bytes > 0 && size_bytes > limit_bytes && size_bytes > size_before {
                return Err(whole(Reason::ValueTooLarge {
                    key: kept.key.clone(),
                    size_bytes,
                    limit_bytes,
                }));
            }
        }
        Ok(())
    }
}

fn first_problem(operations: &[Operation], problem: impl Fn(&Operation) -> Option<Reason>) -> Result<(), Rejection> {
    let mut problems = operations.iter().enumerate();
    let first = problems.find_map(|(index, operation)| problem(operation).map(|reason| at(index, reason)));
    first.map_or(Ok(()), Err)
}

fn lease(kept: &Kept) -> Option<Lease> {
    let members = kept.value.as_object().filter(|members| members.len() == 2)?;
    Some(Lease {
        owner: members.get("owner")?.as_str()?.to_owned(),
        fence: members.get("fence")?.as_number()?.to_string().parse().ok()?,
        expires_at: kept.expires_at?,
    })
}

/// Whether an index belongs to a range as Redis has it.
fn is_within(index: usize, start: i64, stop: i64, length: usize) -> bool {
    let length = i128::try_from(length).expect("a short list");
    let index = i128::try_from(index).expect("a short list");
    let from_front = |end: i64| i128::from(end) + if end < 0 { length } else { 0 };
    from_front(start) <= index && index <= from_front(stop)
}

fn descend<'v>(value: &'v Value, hops: &[Hop]) -> Option<&'v Value> {
    hops.iter().try_fold(value, |value, hop| match value {
        Value::Object(members) => members.get(&hop.name),
        Value::Array(items) => hop.index.and_then(|index| items.get(index)),
        _ => None,
    })
}

pub fn levels(value: &Value) -> usize {
    let inside = match value {
        Value::Array(items) => items.iter().map(levels).max(),
        Value::Object(members) => members.values().map(levels).max(),
        _ => None,
    };
    1 + inside.unwrap_or(0)
}

pub fn segments(path: &Path) -> Result<&[Hop], Reason> {
    match path {
        Path::Hops { hops, .. } if hops.len() <= MAX_SEGMENTS => Ok(hops),
        _ => Err(Reason::InvalidPath(String::new())),
    }
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Null => Kind::Null,
        Value::Bool(_) => Kind::Boolean,
        // `NaN` and `Infinity` are floats, as long as they are there.
        Value::Number(number) if number.to_string().contains(['.', 'e', 'E', 'N', 'I']) => Kind::Float,
        Value::Number(_) => Kind::Integer,
        Value::String(_) => Kind::Text,
        Value::Array(_) => Kind::List,
        Value::Object(_) => Kind::Object,
    }
}

pub fn mismatch(expected: Kind, value: &Value) -> Reason {
    let found = kind(value);
    Reason::TypeMismatch { expected, found }
}

pub fn invalid(name: &'static str) -> Reason {
    let message = String::new();
    Reason::InvalidArgument { name, message }
}

pub fn at(index: usize, reason: Reason) -> Rejection {
    Rejection {
        operation: Some(u32::try_from(index).expect("a short request")),
        reason,
    }
}

pub fn whole(reason: Reason) -> Rejection {
    Rejection {
        operation: None,
        reason,
    }
}
