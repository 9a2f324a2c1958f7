//! A session: requests on one document, each all or nothing.

mod counter;
mod journal;
mod list;
mod patch;
mod value;

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::document::{Document, Record, Slot};
use crate::json::{self, Normalized};
use crate::key;
use crate::limits::MAX_DEPTH_LEVELS;
use crate::model::{Kind, Limits, Operation, Outcome, Reason, Rejection, Reply, Request, TimestampMs};
use crate::path;
use journal::{Journal, Point};

/// A document being worked on.
#[derive(Debug)]
pub struct Session {
    document: Document,
    limits: Limits,
    now: TimestampMs,
    journal: Journal,
    savepoints: Vec<Point>,
    /// The first key whose growth left the document over the limit in this request.
    outgrown_by: Option<String>,
}

/// What an operation gives: its outcome, and whether it wrote.
type Done = Result<Outcome, Reason>;

impl Session {
    /// Starts on a document, at a time that all requests of the session share.
    pub fn new(document: Document, limits: Limits, now: TimestampMs) -> Self {
        Self {
            document,
            limits,
            now,
            journal: Journal::default(),
            savepoints: Vec::new(),
            outgrown_by: None,
        }
    }

    /// Carries out a request, all of it or nothing of it.
    pub fn execute(&mut self, request: Request) -> Result<Reply, Rejection> {
        let operations = check_arguments(request.operations)?;
        self.check_version(request.if_version)?;
        let start = self.journal.point(&self.document);
        let size_before = self.document.size_bytes();
        self.outgrown_by = None;
        let mut problem = None;
        let mut outcomes = Vec::with_capacity(operations.len());
        for (
            index,
            Checked {
                operation,
                value,
                misfit,
            },
        ) in operations.into_iter().enumerate()
        {
            match self.operate(operation, value) {
                Ok(outcome) => outcomes.push(outcome),
                Err(reason) => {
                    self.journal.rewind(&mut self.document, &start);
                    return Err(Rejection::at(index, reason));
                }
            }
            if let Some(reason) = misfit {
                problem.get_or_insert(Rejection::at(index, reason));
            }
        }
        let refused = self.check_size(size_before).err().or(problem);
        if let Some(rejection) = refused {
            self.journal.rewind(&mut self.document, &start);
            return Err(rejection);
        }
        if request.always_bump || self.journal.has_changes_since(&start) {
            self.bump();
        }
        if self.savepoints.is_empty() {
            self.journal.forget_undo();
        }
        Ok(Reply {
            outcomes,
            version: self.document.version,
            size_bytes: self.document.size_bytes(),
        })
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
            self.savepoints.truncate(savepoint + 1);
        }
    }

    /// The document to save, if anything changed.
    pub fn changed(&self) -> Option<&Document> {
        self.journal.is_dirty().then_some(&self.document)
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

    /// Only what the request leaves behind counts, and only if it is more than what it found.
    fn check_size(&mut self, current_bytes: u64) -> Result<(), Rejection> {
        let limit_bytes = self.limits.state_bytes;
        let size_bytes = self.document.size_bytes();
        if limit_bytes == 0 || size_bytes <= limit_bytes || size_bytes <= current_bytes {
            return Ok(());
        }
        Err(Rejection::whole(Reason::TooLarge {
            key: self.outgrown_by.take().unwrap_or_default(),
            current_bytes,
            size_bytes,
            limit_bytes,
        }))
    }

    fn bump(&mut self) {
        self.journal.set_dirty();
        if self.document.created_at == 0 {
            self.document.created_at = self.now;
        }
        self.document.updated_at = self.now;
        self.document.version += 1;
    }

    /// Carries out one operation whose arguments were checked; `value` is its value argument.
    fn operate(&mut self, operation: Operation, value: String) -> Done {
        match operation {
            Operation::ListKeys => Ok(Outcome::Keys(self.document.keys().map(ToString::to_string).collect())),
            Operation::Get { key, path } => self.get(&key, path.as_deref()),
            Operation::Set { key, condition, .. } => self.set(key, value, condition),
            Operation::Patch { key, path, create, .. } => self.patch(key, &path, value, create),
            Operation::Delete { key } => Ok(self.delete(&key)),
            Operation::Increment { key, .. } => self.count(key, &value),
            Operation::Decrement { key, .. } => self.count(key, &json::number::negate(&value)),
            Operation::Push { key, end, .. } => self.push(key, &value, end),
            Operation::Pop { key, end } => self.pop(&key, end),
            Operation::Length { key } => self.length(&key),
        }
    }

    /// The value under a key that must exist.
    fn existing(&self, key: &str) -> Result<usize, Reason> {
        self.document.find(key).ok_or(Reason::KeyNotFound)
    }

    /// The place of a key whose value must be of a kind.
    fn typed(&self, place: usize, expected: Kind) -> Result<&str, Reason> {
        let value = self.document.value(place);
        match json::read::kind(value) {
            found if found == expected => Ok(value),
            found => Err(Reason::TypeMismatch { expected, found }),
        }
    }

    /// Stores a value under a key, in its place or at the end.
    fn put(&mut self, place: Option<usize>, key: String, value: String) {
        let version = self.document.version + 1;
        let size_before = self.document.size_bytes();
        match place {
            Some(place) => {
                let created_at = self.document.record(place).created_at;
                let record = Record {
                    created_at,
                    ..Record::new(value, self.now, version)
                };
                self.journal.replace(&mut self.document, place, record);
            }
            None => {
                let slot = Slot::new(key, value, self.now, version);
                self.journal.append(&mut self.document, slot);
            }
        }
        let size = self.document.size_bytes();
        if self.outgrown_by.is_none() && size > size_before && size > self.limits.state_bytes {
            let place = place.unwrap_or(self.document.len() - 1);
            self.outgrown_by = Some(self.document.key(place).to_string());
        }
    }
}

/// An operation whose arguments are in order.
struct Checked {
    operation: Operation,
    /// Its value argument, normalized; of a counter, the integer to add or take.
    value: String,
    /// Why the value cannot be kept, if so: reported only if nothing else is wrong.
    misfit: Option<Reason>,
}

/// Everything that can be said against a request without looking at the document, first
/// malformed JSON and arguments of the wrong type, then keys.
fn check_arguments(operations: Vec<Operation>) -> Result<Vec<Checked>, Rejection> {
    let mut checked = Vec::with_capacity(operations.len());
    for (index, operation) in operations.into_iter().enumerate() {
        checked.push(check_value(operation).map_err(|reason| Rejection::at(index, reason))?);
    }
    for (index, Checked { operation, .. }) in checked.iter().enumerate() {
        if let Some(Err(message)) = operation.key().map(key::check) {
            return Err(Rejection::at(index, Reason::InvalidKey(message)));
        }
    }
    Ok(checked)
}

fn check_value(operation: Operation) -> Result<Checked, Reason> {
    let mut checked = Checked {
        operation,
        value: String::new(),
        misfit: None,
    };
    let (value, levels_above) = match &checked.operation {
        Operation::Set { value, .. } => (value, 0),
        Operation::Push { value, .. } => (value, 1),
        // A malformed path is found when its turn comes, after the key's existence and type.
        Operation::Patch { value, path, .. } => (value, path::parse(path).map_or(0, |path| path.len())),
        Operation::Increment { by, .. } | Operation::Decrement { by, .. } => {
            checked.value = check_by(by)?;
            return Ok(checked);
        }
        _ => return Ok(checked),
    };
    let Normalized { text, depth, problem } = normalize(value)?;
    checked.misfit = match problem {
        Some(problem) => Some(Reason::InvalidValue(problem.message())),
        None => check_depth(levels_above + depth).err(),
    };
    checked.value = text;
    Ok(checked)
}

fn normalize(text: &str) -> Result<Normalized, Reason> {
    json::normalize(text).map_err(|error| Reason::InvalidJson(error.to_string()))
}

fn check_by(by: &str) -> Result<String, Reason> {
    json::number::parse_by(&normalize(by)?.text).map_err(|message| Reason::InvalidArgument {
        name: "by",
        message: message.to_string(),
    })
}

/// Checks how deep a value reaches.
fn check_depth(levels: usize) -> Result<(), Reason> {
    if levels > MAX_DEPTH_LEVELS {
        let message = alloc::format!("Value exceeds maximum nesting depth of {MAX_DEPTH_LEVELS}");
        return Err(Reason::InvalidValue(message));
    }
    Ok(())
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

impl Operation {
    fn key(&self) -> Option<&str> {
        match self {
            Self::ListKeys => None,
            Self::Get { key, .. }
            | Self::Set { key, .. }
            | Self::Patch { key, .. }
            | Self::Delete { key }
            | Self::Increment { key, .. }
            | Self::Decrement { key, .. }
            | Self::Push { key, .. }
            | Self::Pop { key, .. }
            | Self::Length { key } => Some(key),
        }
    }
}
