//! Cases for a plugin: states, inputs, and what should come of them. The format is that of `docs/plugins.md`.

use std::path::Path;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::{CommandError, knobs, output};
use crate::vault::TimestampMs;

/// All cases of a file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Cases {
    pub(super) cases: Vec<Case>,
}

/// One call, and what should come of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    /// What it shows.
    pub(super) name: String,
    /// The time of the call: RFC 3339 text, or seconds since 1970, which it is unless given.
    #[serde(default, deserialize_with = "time")]
    pub(super) now: TimestampMs,
    /// The state before; none unless given.
    #[serde(default)]
    pub(super) before: Option<State>,
    /// The input; an empty object unless given.
    #[serde(default)]
    pub(super) input: Option<Box<RawValue>>,
    /// The state afterwards; the one before unless given.
    #[serde(default)]
    pub(super) after: Option<State>,
    /// The output that there should be.
    #[serde(default, deserialize_with = "present")]
    pub(super) output: Option<Value>,
    /// The error that there should be.
    #[serde(default)]
    pub(super) error: Option<ErrorKind>,
    /// What its text should hold.
    #[serde(default)]
    pub(super) error_contains: Option<String>,
    /// The fault that there should be, by its name.
    #[serde(default)]
    pub(super) fault: Option<String>,
}

/// A state: keys with their values, or the name of a file that `automation-kv export` made.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum State {
    File(String),
    Keys(Map<String, Value>),
}

/// The cases of the WIT variant `plugin-error`, and an input that the schema refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ErrorKind {
    /// By the schema, or by the plugin.
    InvalidInput,
    Conflict,
    Rejected,
    Failed,
}

impl Cases {
    /// Reads a file.
    pub(super) fn read(file: &str) -> Result<Self, CommandError> {
        let bytes = output::read(file)?;
        let cases: Self = serde_json::from_slice(&bytes)
            .map_err(|error| CommandError::new(format!("{file} holds no cases of a plugin: {error}")))?;
        let expects_one = |case: &&Case| {
            let expected = [case.output.is_some(), case.error.is_some(), case.fault.is_some()];
            expected.into_iter().filter(|is_expected| *is_expected).count() != 1
        };
        match cases.cases.iter().find(expects_one) {
            Some(case) => Err(CommandError::new(format!(
                "{file}: the case {:?} must have one of output, error and fault",
                case.name
            ))),
            None => Ok(cases),
        }
    }
}

impl State {
    /// The document as the engine reads it. A file's name is relative to the folder.
    pub(super) fn document(&self, folder: &Path) -> Result<Vec<u8>, CommandError> {
        match self {
            Self::File(name) => output::read(&folder.join(name).to_string_lossy()),
            Self::Keys(keys) => serde_json::to_vec(keys).map_err(|error| CommandError::new(error.to_string())),
        }
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TimestampMs, D::Error> {
    let text = match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        number => number.to_string(),
    };
    knobs::time(&text).map_err(|problem| serde::de::Error::custom(format!("now: {problem}")))
}

/// A value that is there, also if it is `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
