//! Everything that can be said against a request without looking at the document.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::json::{self, Normalized};
use crate::key;
use crate::limits::{
    MAX_DEPTH_LEVELS, MAX_FINGERPRINT_BYTES, MAX_ONCE_KEY_BYTES, MAX_OWNER_CHARS, MAX_STEPS, MAX_TIMESTAMP_MS,
};
use crate::model::{Expiry, Filter, Once, Operation, Place, Reason, Rejection, Step, Test, TimestampMs};
use crate::path;

/// An operation whose arguments are in order: texts of values are normalized, and `by` is an integer.
pub struct Checked {
    /// The operation.
    pub operation: Operation,
    /// Why one of its values cannot be kept, if so: reported only if nothing else is wrong.
    pub misfit: Option<Reason>,
}

/// First malformed JSON and arguments of the wrong type, then keys.
pub fn check(operations: Vec<Operation>, now: TimestampMs) -> Result<Vec<Checked>, Rejection> {
    let mut checked = Vec::with_capacity(operations.len());
    for (index, mut operation) in operations.into_iter().enumerate() {
        match check_operation(&mut operation, now) {
            Ok(misfit) => checked.push(Checked { operation, misfit }),
            Err(reason) => return Err(Rejection::at(index, reason)),
        }
    }
    for (index, Checked { operation, .. }) in checked.iter().enumerate() {
        if let Some(Err(message)) = operation.key().map(key::check) {
            return Err(Rejection::at(index, Reason::InvalidKey(message)));
        }
    }
    Ok(checked)
}

/// Checks what names a request and tells it from others.
pub fn check_once(once: &Once) -> Result<(), Rejection> {
    let is_fine = (1..=MAX_ONCE_KEY_BYTES).contains(&once.key.len()) && once.fingerprint.len() <= MAX_FINGERPRINT_BYTES;
    if is_fine {
        return Ok(());
    }
    let message = format!("must have 1 to {MAX_ONCE_KEY_BYTES} bytes");
    Err(Rejection::whole(invalid("once", message)))
}

/// Gives why a value cannot be kept, if there is a reason.
fn check_operation(operation: &mut Operation, now: TimestampMs) -> Result<Option<Reason>, Reason> {
    let mut misfit = None;
    match operation {
        Operation::Set { value, expiry, .. } => {
            misfit = take_value(value, 0)?;
            check_expiry(*expiry, now)?;
        }
        Operation::Push {
            value,
            max_length,
            expiry,
            ..
        } => {
            misfit = take_value(value, 1)?;
            if *max_length == Some(0) {
                return Err(at_least_1("max-length"));
            }
            check_expiry(*expiry, now)?;
        }
        Operation::Edit { steps, .. } => {
            if steps.len() > MAX_STEPS {
                return Err(invalid("steps", format!("must be at most {MAX_STEPS}")));
            }
            for step in steps {
                let unfit = check_step(step)?;
                misfit = misfit.or(unfit);
            }
        }
        Operation::Increment { by, .. } | Operation::Decrement { by, .. } => take_integer(by)?,
        Operation::Check {
            test: Test::Equals(value),
            ..
        }
        | Operation::Remove {
            matching: Filter::Equals(value) | Filter::FieldEquals { value, .. },
            ..
        } => misfit = take_value(value, 0)?,
        Operation::Expire { expiry, .. } => check_expiry(*expiry, now)?,
        Operation::ListKeys { limit: Some(0), .. } => return Err(at_least_1("limit")),
        Operation::Pop { count: 0, .. } => return Err(at_least_1("count")),
        Operation::Claim {
            owner, milliseconds, ..
        } => {
            check_owner(owner)?;
            check_lease_time(*milliseconds, now)?;
        }
        Operation::Renew { milliseconds, .. } => check_lease_time(*milliseconds, now)?,
        Operation::ListKeys { .. }
        | Operation::Get { .. }
        | Operation::Check { .. }
        | Operation::Delete { .. }
        | Operation::Pop { .. }
        | Operation::Range { .. }
        | Operation::Trim { .. }
        | Operation::Remove { .. }
        | Operation::Length { .. }
        | Operation::Release { .. } => {}
    }
    Ok(misfit)
}

/// As [`check_operation`]; a value starts below the place where it goes.
fn check_step(step: &mut Step) -> Result<Option<Reason>, Reason> {
    match step {
        Step::Set { at, value }
        | Step::Insert { at, value }
        | Step::Replace { at, value }
        | Step::Merge { at, value } => take_value(value, levels_above(at)),
        Step::Append { at, value } => take_value(value, levels_above(at) + 1),
        Step::Test { value, .. } => take_value(value, 0),
        Step::Increment { by, .. } => take_integer(by).map(|()| None),
        Step::Remove { .. } | Step::Move { .. } | Step::Copy { .. } => Ok(None),
    }
}

/// A malformed place is found when its turn comes, after the key's existence and type.
fn levels_above(place: &Place) -> usize {
    match place {
        Place::Path(text) | Place::Members(text) => path::parse(text),
        Place::Pointer(text) => path::pointer::parse(text),
    }
    .map_or(0, |segments| segments.len())
}

/// Normalizes the text of a value that is to start so many levels down.
fn take_value(value: &mut String, levels_above: usize) -> Result<Option<Reason>, Reason> {
    let Normalized { text, depth, problem } = normalize(value)?;
    *value = text;
    Ok(match problem {
        Some(problem) => Some(Reason::InvalidValue(problem.message())),
        None => check_depth(levels_above + depth).err(),
    })
}

/// Reads the text of the argument `by`, and leaves the integer that it stands for.
fn take_integer(by: &mut String) -> Result<(), Reason> {
    *by = json::number::parse_by(&normalize(by)?.text).map_err(|message| invalid("by", message.to_string()))?;
    Ok(())
}

fn normalize(text: &str) -> Result<Normalized, Reason> {
    json::normalize(text).map_err(|error| Reason::InvalidJson(error.to_string()))
}

/// Checks how deep a value reaches.
pub fn check_depth(levels: usize) -> Result<(), Reason> {
    if levels > MAX_DEPTH_LEVELS {
        let message = format!("Value exceeds maximum nesting depth of {MAX_DEPTH_LEVELS}");
        return Err(Reason::InvalidValue(message));
    }
    Ok(())
}

fn check_expiry(expiry: Expiry, now: TimestampMs) -> Result<(), Reason> {
    let time = match expiry {
        Expiry::Keep | Expiry::Never => return Ok(()),
        Expiry::At(time) => time,
        Expiry::After(milliseconds) => now.saturating_add(milliseconds),
    };
    check_time("expiry", time)
}

fn check_owner(owner: &str) -> Result<(), Reason> {
    if owner.is_empty() || owner.chars().count() > MAX_OWNER_CHARS {
        return Err(invalid("owner", format!("must have 1 to {MAX_OWNER_CHARS} characters")));
    }
    Ok(())
}

fn check_lease_time(milliseconds: u64, now: TimestampMs) -> Result<(), Reason> {
    if milliseconds == 0 {
        return Err(at_least_1("milliseconds"));
    }
    check_time("milliseconds", now.saturating_add(milliseconds))
}

fn check_time(name: &'static str, time: TimestampMs) -> Result<(), Reason> {
    if time > MAX_TIMESTAMP_MS {
        return Err(invalid(name, "must not be after the year 9999".to_string()));
    }
    Ok(())
}

fn at_least_1(name: &'static str) -> Reason {
    invalid(name, "must be at least 1".to_string())
}

/// An argument is not what the operation takes.
pub fn invalid(name: &'static str, message: String) -> Reason {
    Reason::InvalidArgument { name, message }
}

impl Operation {
    /// The key that it is about.
    pub(super) fn key(&self) -> Option<&str> {
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
}
