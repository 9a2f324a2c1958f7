//! JSON on the command line.

use super::super::output;
use super::super::{CommandError, Exit};
use serde_json::value::RawValue;

/// A JSON text from an argument: the text itself, `-` for stdin, or `@FILE` for a file.
pub(super) fn read(argument: &str) -> Result<Box<RawValue>, CommandError> {
    parse(text(argument)?)
}

/// The same, or with `is_text` whatever there is, as a JSON string.
pub(super) fn value(argument: &str, is_text: bool) -> Result<Box<RawValue>, CommandError> {
    if is_text {
        return string(&text(argument)?);
    }
    read(argument).map_err(|error| match argument {
        "-" => error,
        argument if argument.starts_with('@') => error,
        _ => CommandError::with(Exit::Usage, format!("{error}; with --text it is stored as a text")),
    })
}

fn text(argument: &str) -> Result<String, CommandError> {
    let bytes = match argument {
        "-" => output::read("-")?,
        argument => match argument.strip_prefix('@') {
            Some(file) => output::read(file)?,
            None => return Ok(argument.to_owned()),
        },
    };
    String::from_utf8(bytes).map_err(|_| CommandError::with(Exit::Usage, format!("{argument} is not UTF-8")))
}

fn parse(text: String) -> Result<Box<RawValue>, CommandError> {
    let shown: String = text.chars().take(40).collect();
    RawValue::from_string(text)
        .map_err(|error| CommandError::with(Exit::Usage, format!("{shown:?} is not JSON ({error})")))
}

fn string(text: &str) -> Result<Box<RawValue>, CommandError> {
    serde_json::value::to_raw_value(text).map_err(|error| CommandError::new(error.to_string()))
}
