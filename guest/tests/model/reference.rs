//! The store as the contract describes it: a list of keys with values, a version, and nothing clever.
//!
//! It shares the vocabulary of `automation_kv_engine::model` with the engine and no code. A whole state is cloned
//! wherever something may have to be undone.

use automation_kv_engine::model::{Condition, Entry, Kind, ListEnd, Outcome, Reason, Rejection, Reply, TimestampMs};
use serde_json::{Map, Value};

use crate::requests::{By, Json, Operation, Path, Step};

const MAX_KEY_CHARACTERS: usize = 255;
const MAX_LEVELS: usize = 32;
const MAX_SEGMENTS: usize = 32;

/// One automation's state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    pub version: u64,
    pub created_at: TimestampMs,
    pub updated_at: TimestampMs,
    pub entries: Vec<Kept>,
}

/// A key and what is under it.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    pub key: String,
    pub value: Value,
    pub version: u64,
    pub created_at: TimestampMs,
    pub updated_at: TimestampMs,
}

/// What all requests of a session share.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances {
    pub limit_bytes: u64,
    pub now: TimestampMs,
}

/// A request being carried out on a copy of the state.
struct Attempt {
    state: State,
    circumstances: Circumstances,
    wrote: bool,
    /// The first key whose growth took the state over the limit.
    outgrown_by: Option<String>,
}

impl State {
    /// Carries out a request, all of it or nothing of it. Texts in rejections are empty, but for those of keys.
    pub fn execute(
        &mut self,
        operations: &[Operation],
        if_version: Option<i64>,
        always_bump: bool,
        circumstances: Circumstances,
    ) -> Result<Reply, Rejection> {
        first_problem(operations, argument_problem)?;
        first_problem(operations, key_problem)?;
        if let Some(expected) = if_version
            && i128::from(expected) != i128::from(self.version)
        {
            let actual = self.version;
            return Err(whole(Reason::VersionMismatch { expected, actual }));
        }
        let mut attempt = Attempt {
            state: self.clone(),
            circumstances,
            wrote: false,
            outgrown_by: None,
        };
        let mut outcomes = Vec::new();
        for (index, operation) in operations.iter().enumerate() {
            outcomes.push(attempt.operate(operation).map_err(|reason| at(index, reason))?);
        }
        attempt.check_size(self.size_bytes())?;
        first_problem(operations, value_problem)?;
        if attempt.wrote || always_bump {
            attempt.bump();
        }
        *self = attempt.state;
        Ok(Reply {
            outcomes,
            version: self.version,
            size_bytes: self.size_bytes(),
        })
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

impl Attempt {
    fn operate(&mut self, operation: &Operation) -> Result<Outcome, Reason> {
        match operation {
            Operation::ListKeys => {
                let keys = self.state.entries.iter().map(|kept| kept.key.clone());
                Ok(Outcome::Keys(keys.collect()))
            }
            Operation::Get { key, path } => self.get(key, path.as_ref()),
            Operation::Set { key, value, condition } => self.set(key, value, *condition),
            Operation::Patch {
                key,
                path,
                value,
                create,
            } => self.patch(key, path, value.meaning(), *create),
            Operation::Delete { key } => Ok(self.delete(key)),
            Operation::Increment { key, by } => self.count(key, by.meaning()),
            Operation::Decrement { key, by } => self.count(key, -by.meaning()),
            Operation::Push { key, value, end } => self.push(key, value.meaning(), *end),
            Operation::Pop { key, end } => self.pop(key, *end),
            Operation::Length { key } => match &self.existing(key)?.value {
                Value::Array(items) => Ok(Outcome::Length(items.len() as u64)),
                other => Err(mismatch(Kind::List, other)),
            },
        }
    }

    fn get(&self, key: &str, path: Option<&Path>) -> Result<Outcome, Reason> {
        let kept = self.existing(key)?;
        let mut value = &kept.value;
        if let Some(path) = path {
            for step in segments(path)? {
                let inside = match value {
                    Value::Object(members) => members.get(&step.name),
                    Value::Array(items) => step.index.and_then(|index| items.get(index)),
                    _ => None,
                };
                value = inside.ok_or(Reason::PathNotFound)?;
            }
        }
        Ok(Outcome::Value(Entry {
            value: value.to_string(),
            key_version: kept.version,
            created_at: kept.created_at,
            updated_at: kept.updated_at,
        }))
    }

    fn set(&mut self, key: &str, value: &Json, condition: Condition) -> Result<Outcome, Reason> {
        let exists = self.state.find(key).is_some();
        match condition {
            Condition::IfAbsent if exists => return Err(Reason::KeyExists),
            Condition::IfPresent if !exists => return Err(Reason::KeyAbsent),
            _ => {}
        }
        self.put(key, value.meaning().clone());
        Ok(Outcome::Stored {
            created: !exists,
            value: value.meaning().to_string(),
            updated_at: self.circumstances.now,
        })
    }

    fn patch(&mut self, key: &str, path: &Path, value: &Value, create: bool) -> Result<Outcome, Reason> {
        let mut root = match self.state.find(key).map(|kept| kept.value.clone()) {
            Some(Value::Object(members)) => Value::Object(members),
            Some(other) => return Err(mismatch(Kind::Object, &other)),
            None if create => Value::Object(Map::new()),
            None => return Err(Reason::KeyNotFound),
        };
        let (last, way) = segments(path)?.split_last().expect("no path is without segments");
        let mut inside = &mut root;
        for step in way {
            let members = inside.as_object_mut().ok_or_else(cannot_set)?;
            inside = members.entry(step.name.clone()).or_insert_with(|| Map::new().into());
        }
        let members = inside.as_object_mut().ok_or_else(cannot_set)?;
        members.insert(last.name.clone(), value.clone());
        self.put(key, root);
        Ok(Outcome::Patched(value.to_string()))
    }

    fn delete(&mut self, key: &str) -> Outcome {
        let before = self.state.entries.len();
        self.state.entries.retain(|kept| kept.key != key);
        let deleted = self.state.entries.len() < before;
        self.wrote |= deleted;
        Outcome::Deleted(deleted)
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

    fn push(&mut self, key: &str, item: &Value, end: ListEnd) -> Result<Outcome, Reason> {
        let mut items = self.items(key)?.unwrap_or_default();
        match end {
            ListEnd::Head => items.insert(0, item.clone()),
            ListEnd::Tail => items.push(item.clone()),
        }
        let length = items.len() as u64;
        self.put(key, Value::Array(items));
        Ok(Outcome::Length(length))
    }

    fn pop(&mut self, key: &str, end: ListEnd) -> Result<Outcome, Reason> {
        let mut items = self.items(key)?.unwrap_or_default();
        if items.is_empty() {
            return Ok(Outcome::Popped(None));
        }
        let item = match end {
            ListEnd::Head => items.remove(0),
            ListEnd::Tail => items.remove(items.len() - 1),
        };
        self.put(key, Value::Array(items));
        Ok(Outcome::Popped(Some(item.to_string())))
    }

    /// The items of the list under a key, or none if there is no such key.
    fn items(&self, key: &str) -> Result<Option<Vec<Value>>, Reason> {
        match self.state.find(key).map(|kept| &kept.value) {
            None => Ok(None),
            Some(Value::Array(items)) => Ok(Some(items.clone())),
            Some(other) => Err(mismatch(Kind::List, other)),
        }
    }

    fn existing(&self, key: &str) -> Result<&Kept, Reason> {
        self.state.find(key).ok_or(Reason::KeyNotFound)
    }

    fn put(&mut self, key: &str, value: Value) {
        let size_before = self.state.size_bytes();
        let now = self.circumstances.now;
        let version = self.state.version + 1;
        let written = Kept {
            key: key.to_owned(),
            value,
            version,
            created_at: now,
            updated_at: now,
        };
        match self.state.entries.iter_mut().find(|kept| kept.key == key) {
            Some(kept) => {
                let created_at = kept.created_at;
                *kept = Kept { created_at, ..written };
            }
            None => self.state.entries.push(written),
        }
        self.wrote = true;
        let size = self.state.size_bytes();
        if self.outgrown_by.is_none() && size > size_before && size > self.circumstances.limit_bytes {
            self.outgrown_by = Some(key.to_owned());
        }
    }

    fn check_size(&self, current_bytes: u64) -> Result<(), Rejection> {
        let limit_bytes = self.circumstances.limit_bytes;
        let size_bytes = self.state.size_bytes();
        if limit_bytes == 0 || size_bytes <= limit_bytes || size_bytes <= current_bytes {
            return Ok(());
        }
        let key = self.outgrown_by.clone().expect("something grew");
        Err(whole(Reason::TooLarge {
            key,
            current_bytes,
            size_bytes,
            limit_bytes,
        }))
    }

    fn bump(&mut self) {
        let now = self.circumstances.now;
        self.state.version += 1;
        self.state.updated_at = now;
        if self.state.version == 1 {
            self.state.created_at = now;
        }
    }
}

fn first_problem(operations: &[Operation], problem: impl Fn(&Operation) -> Option<Reason>) -> Result<(), Rejection> {
    let mut problems = operations.iter().enumerate();
    let first = problems.find_map(|(index, operation)| problem(operation).map(|reason| at(index, reason)));
    first.map_or(Ok(()), Err)
}

/// What can be said against an argument without looking at keys or the state.
fn argument_problem(operation: &Operation) -> Option<Reason> {
    match operation {
        Operation::Set { value, .. } | Operation::Patch { value, .. } | Operation::Push { value, .. } => {
            matches!(value, Json::Malformed(_)).then(|| Reason::InvalidJson(String::new()))
        }
        Operation::Increment { by, .. } | Operation::Decrement { by, .. } => match by {
            By::Integer { .. } => None,
            By::NotAnInteger(_) => Some(Reason::InvalidArgument {
                name: "by",
                message: String::new(),
            }),
            By::Malformed(_) => Some(Reason::InvalidJson(String::new())),
        },
        _ => None,
    }
}

fn key_problem(operation: &Operation) -> Option<Reason> {
    let key = operation.key()?;
    let characters: Vec<char> = key.chars().collect();
    let blank = |character: &char| character.is_whitespace() || matches!(character, '\u{1c}'..='\u{1f}');
    let message = if characters.is_empty() {
        "key cannot be empty".to_owned()
    } else if characters.iter().all(blank) {
        "key cannot be whitespace-only".to_owned()
    } else if characters[0] == '$' {
        "keys starting with '$' are reserved for system use".to_owned()
    } else if characters.len() > MAX_KEY_CHARACTERS {
        format!("key exceeds 255 chars ({} given)", characters.len())
    } else {
        let position = characters.iter().position(char::is_ascii_control)?;
        let code = u32::from(characters[position]);
        format!("control character \\x{code:02x} at position {position}")
    };
    Some(Reason::InvalidKey(message))
}

/// Why a value that is JSON in form cannot be kept where the operation puts it.
fn value_problem(operation: &Operation) -> Option<Reason> {
    let (value, levels_above) = match operation {
        Operation::Set { value, .. } => (value, 0),
        Operation::Push { value, .. } => (value, 1),
        Operation::Patch { value, path, .. } => (value, segments(path).map_or(0, <[Step]>::len)),
        _ => return None,
    };
    let unfit = match value {
        Json::Unkeepable { .. } => true,
        _ => levels_above + levels(value.meaning()) > MAX_LEVELS,
    };
    unfit.then(|| Reason::InvalidValue(String::new()))
}

fn levels(value: &Value) -> usize {
    let inside = match value {
        Value::Array(items) => items.iter().map(levels).max(),
        Value::Object(members) => members.values().map(levels).max(),
        _ => None,
    };
    1 + inside.unwrap_or(0)
}

fn segments(path: &Path) -> Result<&[Step], Reason> {
    match path {
        Path::Steps { steps, .. } if steps.len() <= MAX_SEGMENTS => Ok(steps),
        _ => Err(Reason::InvalidPath(String::new())),
    }
}

fn kind(value: &Value) -> Kind {
    match value {
        Value::Null => Kind::Null,
        Value::Bool(_) => Kind::Boolean,
        Value::Number(number) if number.to_string().contains(['.', 'e', 'E']) => Kind::Float,
        Value::Number(_) => Kind::Integer,
        Value::String(_) => Kind::Text,
        Value::Array(_) => Kind::List,
        Value::Object(_) => Kind::Object,
    }
}

fn mismatch(expected: Kind, value: &Value) -> Reason {
    let found = kind(value);
    Reason::TypeMismatch { expected, found }
}

fn cannot_set() -> Reason {
    Reason::InvalidPath(String::new())
}

fn at(index: usize, reason: Reason) -> Rejection {
    Rejection {
        operation: Some(u32::try_from(index).expect("a short request")),
        reason,
    }
}

fn whole(reason: Reason) -> Rejection {
    Rejection {
        operation: None,
        reason,
    }
}
