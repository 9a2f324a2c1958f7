//! Patch documents of the standards: JSON Patch (RFC 6902) and JSON Merge Patch (RFC 7396).

use super::steps::MAX_STEPS;
use crate::api::error::ApiError;
use crate::api::fields::{self, Fields};
use crate::api::kv::action::NamedStep;
use crate::engine::types::{Place, PlacedValue, RemoveStep, Step, TwoPlaces};

/// The step that a merge patch is: an object is merged, anything else takes the value's place.
pub(super) fn merge(body: String) -> Step {
    let is_object = body.trim_start().starts_with('{');
    let whole = PlacedValue {
        at: Place::Pointer(String::new()),
        value: body,
    };
    if is_object {
        Step::Merge(whole)
    } else {
        Step::Set(whole)
    }
}

/// Reads a JSON Patch.
pub(super) fn steps(body: &str) -> Result<(Vec<Step>, Vec<NamedStep>), ApiError> {
    let list = fields::operations_of_body(body, MAX_STEPS);
    let (operations, mut problems) = list.map_err(|problem| ApiError::invalid_request(&[problem]))?;
    let mut steps = Vec::with_capacity(operations.len());
    for mut fields in operations {
        steps.extend(step(&mut fields));
        // Members that an operation does not have are to be ignored, says the standard.
        problems.extend(fields.finish_leniently());
    }
    if problems.is_empty() {
        Ok(steps.into_iter().unzip())
    } else {
        Err(ApiError::invalid_request(&problems))
    }
}

fn step(fields: &mut Fields<'_>) -> Option<(Step, NamedStep)> {
    let name = match fields.required_string("op").as_str() {
        "add" => "add",
        "remove" => "remove",
        "replace" => "replace",
        "move" => "move",
        "copy" => "copy",
        "test" => "test",
        "" => return None,
        _ => {
            let message = "must be one of add, remove, replace, move, copy, test";
            fields.problem("op", message, "literal_error");
            return None;
        }
    };
    let path = pointer(fields, "path");
    let at = Place::Pointer(path.clone());
    let step = match name {
        "add" => Step::Insert(placed(at, fields)),
        "replace" => Step::Replace(placed(at, fields)),
        "test" => Step::Test(placed(at, fields)),
        "remove" => Step::Remove(RemoveStep { at, must_exist: true }),
        "move" => Step::Move(two_places(at, fields)),
        _ => Step::Copy(two_places(at, fields)),
    };
    Some((step, NamedStep { name, path: Some(path) }))
}

fn placed(at: Place, fields: &mut Fields<'_>) -> PlacedValue {
    PlacedValue {
        at,
        value: fields.required("value").to_string(),
    }
}

fn two_places(destination: Place, fields: &mut Fields<'_>) -> TwoPlaces {
    TwoPlaces {
        source: Place::Pointer(pointer(fields, "from")),
        destination,
    }
}

/// A JSON Pointer (RFC 6901).
fn pointer(fields: &mut Fields<'_>, name: &str) -> String {
    let pointer = fields.required_string(name);
    if !is_pointer(&pointer) {
        let message = "must be a JSON Pointer: empty, or segments with / before each, where ~ is ~0 and / is ~1";
        fields.problem(name, message, "pointer_parsing");
    }
    pointer
}

fn is_pointer(text: &str) -> bool {
    let is_rooted = text.is_empty() || text.starts_with('/');
    is_rooted && text.split('~').skip(1).all(|behind| behind.starts_with(['0', '1']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pointers_are_rooted_and_escaped() {
        for pointer in ["", "/", "/a/0", "/a~0b~1c", "/-"] {
            assert!(is_pointer(pointer), "{pointer}");
        }
        for text in ["a", "/a~", "/a~2", "#/a"] {
            assert!(!is_pointer(text), "{text}");
        }
    }
}
