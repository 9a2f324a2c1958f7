//! A session: requests on one document, each all or nothing.

mod arguments;
mod counter;
mod edit;
mod journal;
mod lease;
mod list;
mod listing;
mod once;
mod remove;
mod restore;
mod scope;
mod size;
mod transaction;
mod tree;
mod value;

use alloc::string::String;
use alloc::vec::Vec;

use crate::document::{Document, Record};
use crate::json;
use crate::limits::MAX_ONCE_AGE_MS;
use crate::model::{Expiry, Kind, Limits, Operation, Outcome, Reason, Rejection, Reply, Request, Scope, TimestampMs};
use arguments::Checked;
use journal::{Journal, Point};
use size::Growth;
use transaction::Transaction;

/// A document being worked on.
#[derive(Debug)]
pub struct Session {
    document: Document,
    limits: Limits,
    now: TimestampMs,
    journal: Journal,
    savepoints: Vec<Point>,
    transaction: Option<Transaction>,
    growth: Growth,
    /// Whether keys were found whose time had come.
    has_expired: bool,
}

/// What an operation gives.
type Done = Result<Outcome, Reason>;

impl Session {
    /// Starts on a document, at a time that all requests of the session share. Keys whose time has come are taken out
    /// here and nowhere else, so that no operation can see one.
    pub fn new(mut document: Document, limits: Limits, now: TimestampMs) -> Self {
        let has_expired = document.remove_expired(now);
        document.forget_older_than(MAX_ONCE_AGE_MS, now);
        Self {
            document,
            limits,
            now,
            journal: Journal::default(),
            savepoints: Vec::new(),
            transaction: None,
            growth: Growth::default(),
            has_expired,
        }
    }

    /// Carries out a request, all of it or nothing of it. Of a transaction it is a part, which makes no version of its own.
    pub fn execute(&mut self, mut request: Request) -> Result<Reply, Rejection> {
        if self.transaction.is_some() {
            request = request.of_transaction();
        }
        scope::check(&request)?;
        let Request {
            operations,
            if_version,
            always_bump,
            once,
            scope,
        } = request;
        let scope = scope.as_ref();
        if let Some(once) = &once {
            arguments::check_once(once)?;
        }
        let operations = arguments::check(operations, self.now)?;
        // A retry must not fail because its own first run raised the version.
        if let Some(once) = &once
            && let Some(reply) = self.replay(once, &operations, scope)?
        {
            return Ok(reply);
        }
        self.check_version(if_version)?;
        let start = self.journal.point(&self.document);
        let outcomes = match self.carry_out(operations, scope) {
            Ok(outcomes) => outcomes,
            Err(rejection) => {
                self.journal.rewind(&mut self.document, &start);
                return Err(rejection);
            }
        };
        if self.transaction.is_none() {
            if always_bump || self.journal.has_changes_since(&start) {
                self.bump();
            }
            if let Some(once) = once {
                self.remember_outcomes(once, &outcomes);
            }
            self.forget_undo();
        }
        Ok(self.reply(outcomes))
    }

    /// Remembers this point.
    pub fn savepoint(&mut self) -> u32 {
        self.savepoints.push(self.journal.point(&self.document));
        u32::try_from(self.savepoints.len() - 1).unwrap_or(u32::MAX)
    }

    /// Undoes everything since a savepoint; an unknown one changes nothing.
    pub fn rollback(&mut self, savepoint: u32) {
        let savepoint = savepoint as usize;
        if let Some(point) = self.savepoints.get(savepoint) {
            self.journal.rewind(&mut self.document, point);
            self.transaction = self.transaction.take().filter(|begun| begun.has(savepoint));
            self.savepoints.truncate(savepoint + 1);
        }
    }

    /// The document to save, if anything changed or keys were found expired.
    pub fn changed(&self) -> Option<&Document> {
        (self.journal.is_dirty() || self.has_expired).then_some(&self.document)
    }

    /// Gives up the way back, unless somebody may still want to go it.
    fn forget_undo(&mut self) {
        if self.savepoints.is_empty() {
            self.journal.forget_undo();
        }
    }

    fn check_version(&self, if_version: Option<i64>) -> Result<(), Rejection> {
        let actual = self.document.version;
        match if_version {
            Some(expected) if u64::try_from(expected) != Ok(actual) => {
                Err(Rejection::whole(Reason::VersionMismatch { expected, actual }))
            }
            _ => Ok(()),
        }
    }

    /// Carries out operations that are within the scope and whose arguments were checked. A rejection leaves behind what was
    /// done before it.
    fn carry_out(&mut self, operations: Vec<Checked>, scope: Option<&Scope>) -> Result<Vec<Outcome>, Rejection> {
        self.growth = Growth::of(&self.document);
        let mut outcomes = Vec::with_capacity(operations.len());
        let mut unfit = None;
        for (index, Checked { operation, misfit }) in operations.into_iter().enumerate() {
            let done = self.operate(operation, scope);
            outcomes.push(done.map_err(|reason| Rejection::at(index, reason))?);
            if let Some(reason) = misfit {
                unfit.get_or_insert(Rejection::at(index, reason));
            }
        }
        self.check_size().map_err(Rejection::whole)?;
        match unfit {
            Some(rejection) => Err(rejection),
            None => Ok(outcomes),
        }
    }

    fn operate(&mut self, operation: Operation, scope: Option<&Scope>) -> Done {
        match operation {
            Operation::ListKeys {
                prefix,
                limit,
                cursor,
                values,
            } => self.list_keys(&prefix, limit, cursor.as_deref(), values, scope),
            Operation::Get { key, path } => self.get(&key, path.as_deref()),
            Operation::Check { key, path, test } => self.check(&key, path.as_deref(), &test),
            Operation::Set {
                key,
                value,
                condition,
                expiry,
            } => self.set(key, value, condition, expiry),
            Operation::Expire { key, expiry } => self.expire(&key, expiry),
            Operation::Edit { key, steps, create } => self.edit(key, &steps, create),
            Operation::Delete { key } => Ok(self.delete(&key)),
            Operation::Increment { key, by } => self.count(key, &by),
            Operation::Decrement { key, by } => self.count(key, &json::number::negate(&by)),
            Operation::Push {
                key,
                value,
                end,
                max_length,
                expiry,
            } => self.push(key, &value, end, max_length, expiry),
            Operation::Pop { key, end, count } => self.pop(key, end, count),
            Operation::Range { key, start, stop } => self.range(&key, start, stop),
            Operation::Trim { key, start, stop } => self.trim(key, start, stop),
            Operation::Remove { key, matching } => self.remove(key, &matching),
            Operation::Length { key } => self.length(&key),
            Operation::Claim {
                key,
                owner,
                milliseconds,
            } => self.claim(key, owner, milliseconds),
            Operation::Renew {
                key,
                owner,
                fence,
                milliseconds,
            } => self.renew(key, &owner, fence, milliseconds),
            Operation::Release { key, owner, fence } => self.release(&key, &owner, fence),
        }
    }

    fn bump(&mut self) {
        self.journal.set_dirty();
        if self.document.created_at == 0 {
            self.document.created_at = self.now;
        }
        self.document.updated_at = self.now;
        self.document.version += 1;
    }

    fn reply(&self, outcomes: Vec<Outcome>) -> Reply {
        Reply {
            outcomes,
            version: self.document.version,
            size_bytes: self.document.size_bytes(),
            limit_bytes: self.limits.state_bytes,
            is_replay: false,
            has_expired: self.has_expired,
        }
    }

    /// The place of a key that must exist.
    fn existing(&self, key: &str) -> Result<usize, Reason> {
        self.document.find(key).ok_or(Reason::KeyNotFound)
    }

    /// The value in a place, which must be of a kind.
    fn typed(&self, place: usize, expected: Kind) -> Result<&str, Reason> {
        let value = self.document.value(place);
        match json::read::kind(value) {
            found if found == expected => Ok(value),
            found => Err(Reason::TypeMismatch { expected, found }),
        }
    }

    /// When a key is to stop to exist, if it is.
    fn resolve(&self, expiry: Expiry, place: Option<usize>) -> Option<TimestampMs> {
        match expiry {
            Expiry::Keep => place.and_then(|place| self.document.record(place).expires_at),
            Expiry::Never => None,
            Expiry::At(time) => Some(time),
            Expiry::After(milliseconds) => Some(self.now.saturating_add(milliseconds)),
        }
    }

    /// Stores a value under a key, in its place or at the end, which keeps its time.
    fn put(&mut self, place: Option<usize>, key: String, value: String) {
        let expires_at = self.resolve(Expiry::Keep, place);
        self.put_until(place, key, value, expires_at);
    }

    /// Stores a value under a key, in its place or at the end. If the key's time has come already, all that is left to
    /// do is to take it out, which is a write like any other.
    fn put_until(&mut self, place: Option<usize>, key: String, value: String, expires_at: Option<TimestampMs>) {
        let is_over = expires_at.is_some_and(|at| at <= self.now);
        let size_before = self.document.size_bytes();
        match place {
            Some(place) if is_over => self.take_out(place),
            None if is_over => self.journal.touch(),
            Some(place) => {
                self.note_growth(&key, self.document.value(place).len(), value.len());
                let record = Record {
                    created_at: self.document.record(place).created_at,
                    expires_at,
                    ..self.written(value)
                };
                self.journal.replace(&mut self.document, place, record);
                self.note_size(place, size_before);
            }
            None => {
                self.note_growth(&key, 0, value.len());
                let record = Record {
                    expires_at,
                    ..self.written(value)
                };
                self.journal.append(&mut self.document, key, record);
                self.note_size(self.document.len() - 1, size_before);
            }
        }
    }

    /// Takes out the key in a place.
    fn take_out(&mut self, place: usize) {
        if self.limits.value_bytes > 0 {
            let key: String = self.document.key(place).into();
            self.note_growth(&key, self.document.value(place).len(), 0);
        }
        self.journal.remove(&mut self.document, place);
    }

    fn written(&self, value: String) -> Record {
        Record::new(value, self.now, self.document.version + 1)
    }
}

impl Rejection {
    fn at(index: usize, reason: Reason) -> Self {
        Self {
            operation: u32::try_from(index).ok(),
            reason,
        }
    }

    fn whole(reason: Reason) -> Self {
        Self {
            operation: None,
            reason,
        }
    }
}
