//! Our own steps: `{"op": "set" | "remove" | "append" | "incr" | "merge", "path", …}`.

use crate::api::fields::Fields;
use crate::api::kv::action::{DEFAULT_BY, NamedStep};
use crate::engine::types::{CountStep, Place, PlacedValue, RemoveStep, Step};

/// The most steps of one request.
pub(in crate::api::kv) const MAX_STEPS: usize = 100;

/// Reads the member `operations`.
pub(super) fn read(fields: &mut Fields<'_>) -> (Vec<Step>, Vec<NamedStep>) {
    let mut steps = Vec::new();
    for mut inner in fields.operations("operations", MAX_STEPS) {
        let name = inner.required_string("op");
        match step(&name, &mut inner) {
            Some(step) => {
                steps.push(step);
                fields.absorb(inner.finish());
            }
            None => {
                if !name.is_empty() {
                    inner.problem("op", "must be one of set, remove, append, incr, merge", "literal_error");
                }
                // Without a known name, no other member can be judged.
                fields.absorb(inner.finish_leniently());
            }
        }
    }
    steps.into_iter().unzip()
}

fn step(name: &str, fields: &mut Fields<'_>) -> Option<(Step, NamedStep)> {
    let name = match name {
        "set" => "set",
        "remove" => "remove",
        "append" => "append",
        "incr" => "incr",
        "merge" => "merge",
        _ => return None,
    };
    let path = match name {
        "merge" => fields.optional_string("path"),
        _ => Some(fields.required_string("path")),
    };
    let at = match &path {
        Some(path) => Place::Path(path.clone()),
        None => Place::Pointer(String::new()),
    };
    let step = match name {
        "set" => Step::Set(placed(at, fields)),
        "append" => Step::Append(placed(at, fields)),
        "merge" => Step::Merge(placed(at, fields)),
        "remove" => Step::Remove(RemoveStep { at, must_exist: false }),
        _ => Step::Increment(CountStep {
            at,
            by: fields.take("by").unwrap_or(DEFAULT_BY).to_string(),
        }),
    };
    Some((step, NamedStep { name, path }))
}

fn placed(at: Place, fields: &mut Fields<'_>) -> PlacedValue {
    PlacedValue {
        at,
        value: fields.required("value").to_string(),
    }
}
