//! What the contract says against a request without looking at the state. Texts are empty, but for those of keys.

use automation_kv_engine::model::{Once, Reason, TimestampMs};

use crate::reference::{MAX_LEVELS, invalid, levels, segments};
use crate::requests::{By, Expiry, Filter, Json, Operation, Place, Step, Test};

const MAX_KEY_CHARACTERS: usize = 255;
const END_OF_9999: u64 = 253_402_300_799_999;

pub fn once_problem(once: &Once) -> Option<Reason> {
    let fits = !once.key.is_empty() && once.key.len() <= 255 && once.fingerprint.len() <= 64;
    (!fits).then(|| invalid("once"))
}

/// What can be said against an argument without looking at keys.
pub fn argument_problem(operation: &Operation, now: TimestampMs) -> Option<Reason> {
    match operation {
        Operation::Set { value, expiry, .. } => json_problem(value).or_else(|| expiry_problem(*expiry, now)),
        Operation::Push {
            value,
            max_length,
            expiry,
            ..
        } => json_problem(value)
            .or_else(|| (*max_length == Some(0)).then(|| invalid("max-length")))
            .or_else(|| expiry_problem(*expiry, now)),
        Operation::Expire { expiry, .. } => expiry_problem(*expiry, now),
        Operation::Edit { steps, .. } => steps.iter().find_map(step_problem),
        Operation::Increment { by, .. } | Operation::Decrement { by, .. } => by_problem(by),
        Operation::Check {
            test: Test::Equals(value),
            ..
        }
        | Operation::Remove {
            matching: Filter::Equals(value) | Filter::FieldEquals { value, .. },
            ..
        } => json_problem(value),
        Operation::ListKeys { limit, .. } => (*limit == Some(0)).then(|| invalid("limit")),
        Operation::Pop { count, .. } => (*count == 0).then(|| invalid("count")),
        Operation::Claim {
            owner, milliseconds, ..
        } => {
            if (1..=255).contains(&owner.chars().count()) {
                lease_time_problem(*milliseconds, now)
            } else {
                Some(invalid("owner"))
            }
        }
        Operation::Renew { milliseconds, .. } => lease_time_problem(*milliseconds, now),
        _ => None,
    }
}

fn lease_time_problem(milliseconds: u64, now: TimestampMs) -> Option<Reason> {
    let fits = milliseconds > 0 && milliseconds <= END_OF_9999 - now;
    (!fits).then(|| invalid("milliseconds"))
}

fn step_problem(step: &Step) -> Option<Reason> {
    match step {
        Step::Set { value, .. }
        | Step::Insert { value, .. }
        | Step::Replace { value, .. }
        | Step::Append { value, .. }
        | Step::Merge { value, .. }
        | Step::Test { value, .. } => json_problem(value),
        Step::Increment { by, .. } => by_problem(by),
        Step::Remove { .. } | Step::Move { .. } | Step::Copy { .. } => None,
    }
}

fn json_problem(value: &Json) -> Option<Reason> {
    matches!(value, Json::Malformed(_)).then(|| Reason::InvalidJson(String::new()))
}

fn by_problem(by: &By) -> Option<Reason> {
    match by {
        By::Integer { .. } => None,
        By::NotAnInteger(_) => Some(invalid("by")),
        By::Malformed(_) => Some(Reason::InvalidJson(String::new())),
    }
}

fn expiry_problem(expiry: Expiry, now: TimestampMs) -> Option<Reason> {
    let is_too_late = match expiry {
        Expiry::At(time) => time > END_OF_9999,
        Expiry::After(milliseconds) => milliseconds > END_OF_9999 - now,
        _ => false,
    };
    is_too_late.then(|| invalid("expiry"))
}

pub fn key_problem(operation: &Operation) -> Option<Reason> {
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

/// Why a value that is JSON in form cannot be kept where the operation puts it, or compared with what is kept.
pub fn value_problem(operation: &Operation) -> Option<Reason> {
    match operation {
        Operation::Push { value, .. } => unfit(value, 1),
        Operation::Edit { steps, .. } => steps.iter().find_map(|step| match step {
            Step::Set { at, value }
            | Step::Insert { at, value }
            | Step::Replace { at, value }
            | Step::Merge { at, value } => unfit(value, levels_above(at)),
            Step::Append { at, value } => unfit(value, levels_above(at) + 1),
            Step::Test { value, .. } => unfit(value, 0),
            _ => None,
        }),
        Operation::Set { value, .. }
        | Operation::Check {
            test: Test::Equals(value),
            ..
        }
        | Operation::Remove {
            matching: Filter::Equals(value) | Filter::FieldEquals { value, .. },
            ..
        } => unfit(value, 0),
        _ => None,
    }
}

fn levels_above(place: &Place) -> usize {
    segments(&place.path).map_or(0, <[_]>::len)
}

fn unfit(value: &Json, levels_above: usize) -> Option<Reason> {
    let is_unfit = match value {
        Json::Unkeepable { .. } => true,
        _ => levels_above + levels(value.meaning()) > MAX_LEVELS,
    };
    is_unfit.then(|| Reason::InvalidValue(String::new()))
}
