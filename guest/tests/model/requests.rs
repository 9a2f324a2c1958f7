//! Random requests: what they are, and how they are spelled. Everything random is made from its meaning, so the model
//! never has to read what the engine reads.

use automation_kv_engine::model::{self, Condition, ListEnd, Scope};
use serde_json::Value;

/// An operation whose arguments know what they mean.
#[derive(Debug, Clone)]
pub enum Operation {
    ListKeys {
        prefix: String,
        limit: Option<u32>,
        cursor: Cursor,
        values: bool,
    },
    Get {
        key: String,
        path: Option<Path>,
    },
    Check {
        key: String,
        path: Option<Path>,
        test: Test,
    },
    Set {
        key: String,
        value: Json,
        condition: Condition,
        expiry: Expiry,
    },
    Expire {
        key: String,
        expiry: Expiry,
    },
    Edit {
        key: String,
        steps: Vec<Step>,
        create: bool,
    },
    Delete {
        key: String,
    },
    Increment {
        key: String,
        by: By,
    },
    Decrement {
        key: String,
        by: By,
    },
    Push {
        key: String,
        value: Json,
        end: ListEnd,
        max_length: Option<u64>,
        expiry: Expiry,
    },
    Pop {
        key: String,
        end: ListEnd,
        count: u32,
    },
    Range {
        key: String,
        start: i64,
        stop: i64,
    },
    Trim {
        key: String,
        start: i64,
        stop: i64,
    },
    Remove {
        key: String,
        matching: Filter,
    },
    Length {
        key: String,
    },
    Claim {
        key: String,
        owner: String,
        milliseconds: u64,
    },
    Renew {
        key: String,
        owner: String,
        fence: Fence,
        milliseconds: u64,
    },
    Release {
        key: String,
        owner: String,
        fence: Fence,
    },
}

/// Where a listing goes on.
#[derive(Debug, Clone)]
pub enum Cursor {
    None,
    /// One that the engine gave in this run, counted from the latest; `None` if there is none yet.
    Recent(usize),
    /// The engine's cursor and the model's.
    Known {
        engine: String,
        model: String,
    },
    /// Text that nobody gave.
    Strange(String),
}

/// Which number a lease must have.
#[derive(Debug, Clone, Copy)]
pub enum Fence {
    Any,
    /// So far below the document's version, when it is asked for first.
    BelowCurrent(u64),
    Exactly(u64),
}

/// How long a key is to live.
#[derive(Debug, Clone, Copy)]
pub enum Expiry {
    Keep,
    Never,
    At(u64),
    /// At a time so far from now, when it is asked for first.
    FromNow(i64),
    After(u64),
}

#[derive(Debug, Clone)]
pub enum Test {
    Exists,
    Absent,
    Equals(Json),
    /// Versions so far below the document's, when it is asked for first.
    VersionsBelowCurrent(Vec<u64>),
    KeyVersion(Vec<u64>),
}

#[derive(Debug, Clone)]
pub enum Step {
    Set { at: Place, value: Json },
    Insert { at: Place, value: Json },
    Replace { at: Place, value: Json },
    Remove { at: Place, must_exist: bool },
    Append { at: Place, value: Json },
    Increment { at: Place, by: By },
    Merge { at: Place, value: Json },
    Move { source: Place, destination: Place },
    Copy { source: Place, destination: Place },
    Test { at: Place, value: Json },
}

/// A place within a value: a path whose text is spelled as its style says.
#[derive(Debug, Clone)]
pub struct Place {
    pub style: Style,
    pub path: Path,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Style {
    Path,
    Members,
    Pointer,
}

#[derive(Debug, Clone)]
pub enum Filter {
    Equals(Json),
    FieldEquals { field: Path, value: Json },
    OlderThan { field: Option<Path>, milliseconds: u64 },
}

/// The text of a value.
#[derive(Debug, Clone)]
pub enum Json {
    Value {
        text: String,
        value: Value,
    },
    /// JSON in form only; `stands_for` is its like for the checks that come before.
    Unkeepable {
        text: String,
        stands_for: Value,
    },
    Malformed(String),
}

/// The text of a counter's step.
#[derive(Debug, Clone)]
pub enum By {
    Integer { text: String, integer: i128 },
    NotAnInteger(String),
    Malformed(String),
}

/// The text of a path or pointer.
#[derive(Debug, Clone)]
pub enum Path {
    Hops { text: String, hops: Vec<Hop> },
    Malformed(String),
}

/// One segment of a path: a member's name, and what it may stand for in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Hop {
    pub name: String,
    pub index: Option<usize>,
    pub is_behind_last: bool,
}

/// Which version a request asks for, before there is one.
#[derive(Debug, Clone, Copy)]
pub enum Guard {
    None,
    FromCurrent(i64),
    Exactly(i64),
}

/// One thing to do with a session.
#[derive(Debug, Clone)]
pub enum Action {
    Request {
        operations: Vec<Operation>,
        guard: Guard,
        always_bump: bool,
        /// The key of `once`; the fingerprint is another one for each request.
        once: Option<String>,
        scope: Option<Scope>,
    },
    /// Sends an earlier request again, counted from the latest that had `once`, in another scope.
    Retry(usize, Option<Scope>),
    /// Requests that happen together: one version at most, or nothing.
    Transaction {
        requests: Vec<Vec<Operation>>,
        guard: Guard,
        always_bump: bool,
        once: Option<String>,
        scope: Option<Scope>,
        ends_well: bool,
    },
    Savepoint,
    Rollback(u32),
    /// Ends the session, with or without saving, and begins the next one at another time.
    Reopen {
        save: bool,
        limit_bytes: u64,
        value_limit_bytes: u64,
        clock_step_ms: i64,
    },
}

/// What an operation can only know when it is asked for.
pub struct Moment<'a> {
    pub now: u64,
    pub version: u64,
    /// The engine's cursors and the model's, latest last.
    pub cursors: &'a [(String, String)],
}

impl Operation {
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::ListKeys { .. } => None,
            Self::Get { key, .. }
            | Self::Check { key, .. }
            | Self::Set { key, .. }
            | Self::Expire { key, .. }
            | Self::Edit { key, .. }
            | Self::Delete { key }
            | Self::Increment { key, .. }
            | Self::Decrement { key, .. }
            | Self::Push { key, .. }
            | Self::Pop { key, .. }
            | Self::Range { key, .. }
            | Self::Trim { key, .. }
            | Self::Remove { key, .. }
            | Self::Length { key }
            | Self::Claim { key, .. }
            | Self::Renew { key, .. }
            | Self::Release { key, .. } => Some(key),
        }
    }

    /// The operation as it is asked for at some moment, and ever after.
    pub fn settled(&self, moment: &Moment) -> Self {
        let mut operation = self.clone();
        match &mut operation {
            Self::Set { expiry, .. } | Self::Expire { expiry, .. } | Self::Push { expiry, .. } => {
                if let Expiry::FromNow(offset) = *expiry {
                    *expiry = Expiry::At(moment.now.saturating_add_signed(offset));
                }
            }
            Self::Check { test, .. } => {
                if let Test::VersionsBelowCurrent(offsets) = test {
                    let versions = offsets.iter().map(|offset| moment.version.saturating_sub(*offset));
                    *test = Test::KeyVersion(versions.collect());
                }
            }
            Self::Renew { fence, .. } | Self::Release { fence, .. } => {
                if let Fence::BelowCurrent(offset) = *fence {
                    *fence = Fence::Exactly(moment.version.saturating_sub(offset));
                }
            }
            Self::ListKeys { cursor, .. } => {
                if let Cursor::Recent(age) = cursor {
                    let known = moment.cursors.iter().rev().nth(*age).cloned();
                    *cursor = known.map_or(Cursor::None, |(engine, model)| Cursor::Known { engine, model });
                }
            }
            _ => {}
        }
        operation
    }

    /// A settled operation as the engine gets it.
    pub fn spelled(&self) -> model::Operation {
        match self.clone() {
            Self::ListKeys {
                prefix,
                limit,
                cursor,
                values,
            } => model::Operation::ListKeys {
                prefix,
                limit,
                cursor: cursor.text(),
                values,
            },
            Self::Get { key, path } => {
                let path = path.map(Path::text);
                model::Operation::Get { key, path }
            }
            Self::Check { key, path, test } => model::Operation::Check {
                key,
                path: path.map(Path::text),
                test: test.spelled(),
            },
            Self::Set {
                key,
                value,
                condition,
                expiry,
            } => model::Operation::Set {
                key,
                value: value.text(),
                condition,
                expiry: expiry.spelled(),
            },
            Self::Expire { key, expiry } => model::Operation::Expire {
                key,
                expiry: expiry.spelled(),
            },
            Self::Edit { key, steps, create } => model::Operation::Edit {
                key,
                steps: steps.into_iter().map(Step::spelled).collect(),
                create,
            },
            Self::Delete { key } => model::Operation::Delete { key },
            Self::Increment { key, by } => model::Operation::Increment { key, by: by.text() },
            Self::Decrement { key, by } => model::Operation::Decrement { key, by: by.text() },
            Self::Push {
                key,
                value,
                end,
                max_length,
                expiry,
            } => model::Operation::Push {
                key,
                value: value.text(),
                end,
                max_length,
                expiry: expiry.spelled(),
            },
            Self::Pop { key, end, count } => model::Operation::Pop { key, end, count },
            Self::Range { key, start, stop } => model::Operation::Range { key, start, stop },
            Self::Trim { key, start, stop } => model::Operation::Trim { key, start, stop },
            Self::Remove { key, matching } => model::Operation::Remove {
                key,
                matching: matching.spelled(),
            },
            Self::Length { key } => model::Operation::Length { key },
            Self::Claim {
                key,
                owner,
                milliseconds,
            } => model::Operation::Claim {
                key,
                owner,
                milliseconds,
            },
            Self::Renew {
                key,
                owner,
                fence,
                milliseconds,
            } => model::Operation::Renew {
                key,
                owner,
                fence: fence.number(),
                milliseconds,
            },
            Self::Release { key, owner, fence } => model::Operation::Release {
                key,
                owner,
                fence: fence.number(),
            },
        }
    }
}

impl Cursor {
    fn text(self) -> Option<String> {
        match self {
            Self::None | Self::Recent(_) => None,
            Self::Known { engine, .. } => Some(engine),
            Self::Strange(text) => Some(text),
        }
    }
}

impl Test {
    fn spelled(self) -> model::Test {
        match self {
            Self::Exists => model::Test::Exists,
            Self::Absent => model::Test::Absent,
            Self::Equals(value) => model::Test::Equals(value.text()),
            Self::KeyVersion(versions) | Self::VersionsBelowCurrent(versions) => model::Test::KeyVersion(versions),
        }
    }
}

impl Filter {
    fn spelled(self) -> model::Filter {
        match self {
            Self::Equals(value) => model::Filter::Equals(value.text()),
            Self::FieldEquals { field, value } => model::Filter::FieldEquals {
                field: field.text(),
                value: value.text(),
            },
            Self::OlderThan { field, milliseconds } => model::Filter::OlderThan {
                field: field.map(Path::text),
                milliseconds,
            },
        }
    }
}

impl Fence {
    pub fn number(self) -> Option<u64> {
        match self {
            Self::Any => None,
            Self::Exactly(number) => Some(number),
            Self::BelowCurrent(_) => unreachable!("it is settled before"),
        }
    }
}

impl Expiry {
    fn spelled(self) -> model::Expiry {
        match self {
            Self::Keep => model::Expiry::Keep,
            Self::Never => model::Expiry::Never,
            Self::At(time) => model::Expiry::At(time),
            Self::After(milliseconds) => model::Expiry::After(milliseconds),
            Self::FromNow(_) => unreachable!("it is settled before"),
        }
    }
}

impl Step {
    fn spelled(self) -> model::Step {
        match self {
            Self::Set { at, value } => model::Step::Set {
                at: at.spelled(),
                value: value.text(),
            },
            Self::Insert { at, value } => model::Step::Insert {
                at: at.spelled(),
                value: value.text(),
            },
            Self::Replace { at, value } => model::Step::Replace {
                at: at.spelled(),
                value: value.text(),
            },
            Self::Remove { at, must_exist } => model::Step::Remove {
                at: at.spelled(),
                must_exist,
            },
            Self::Append { at, value } => model::Step::Append {
                at: at.spelled(),
                value: value.text(),
            },
            Self::Increment { at, by } => model::Step::Increment {
                at: at.spelled(),
                by: by.text(),
            },
            Self::Merge { at, value } => model::Step::Merge {
                at: at.spelled(),
                value: value.text(),
            },
            Self::Move { source, destination } => model::Step::Move {
                source: source.spelled(),
                destination: destination.spelled(),
            },
            Self::Copy { source, destination } => model::Step::Copy {
                source: source.spelled(),
                destination: destination.spelled(),
            },
            Self::Test { at, value } => model::Step::Test {
                at: at.spelled(),
                value: value.text(),
            },
        }
    }
}

impl Place {
    fn spelled(self) -> model::Place {
        let text = self.path.text();
        match self.style {
            Style::Path => model::Place::Path(text),
            Style::Members => model::Place::Members(text),
            Style::Pointer => model::Place::Pointer(text),
        }
    }
}

impl Json {
    /// What the value is. Malformed text has none and is refused before anyone asks.
    pub fn meaning(&self) -> &Value {
        match self {
            Self::Value { value, .. } => value,
            Self::Unkeepable { stands_for, .. } => stands_for,
            Self::Malformed(text) => unreachable!("{text} was let through"),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Value { text, .. } | Self::Unkeepable { text, .. } | Self::Malformed(text) => text,
        }
    }
}

impl By {
    /// The integer. What is none is refused before anyone asks.
    pub fn meaning(&self) -> i128 {
        match self {
            Self::Integer { integer, .. } => *integer,
            Self::NotAnInteger(text) | Self::Malformed(text) => unreachable!("{text} was let through"),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Integer { text, .. } | Self::NotAnInteger(text) | Self::Malformed(text) => text,
        }
    }
}

impl Path {
    fn text(self) -> String {
        match self {
            Self::Hops { text, .. } | Self::Malformed(text) => text,
        }
    }
}
