//! The steps of `edit` as the contract describes them, on values of `serde_json`.

use automation_kv_engine::model::{Effect, Kind, Reason};
use serde_json::{Map, Value};

use crate::reference::{MAX_LEVELS, levels, mismatch, segments};
use crate::requests::{Hop, Json, Place, Step, Style};
use crate::worth;

/// Carries out a step. Gives what it did, and whether it changed something.
pub fn carry_out(root: &mut Value, step: &Step, key_version: Option<u64>) -> Result<(Effect, bool), Reason> {
    let effect = match step {
        Step::Set { at, value } => {
            *make(root, at)?.0 = value.meaning().clone();
            placed(value)
        }
        Step::Insert { at, value } => {
            insert(root, at, value.meaning().clone())?;
            placed(value)
        }
        Step::Replace { at, value } => {
            *find(root, at)? = value.meaning().clone();
            placed(value)
        }
        Step::Remove { at, must_exist } => {
            let removed = remove(root, at)?.is_some();
            if *must_exist && !removed {
                return Err(Reason::PathNotFound);
            }
            return Ok((Effect::Removed(removed), removed));
        }
        Step::Append { at, value } => {
            let (list, existed) = make(root, at)?;
            if !existed {
                *list = Value::Array(Vec::new());
            }
            let found = mismatch(Kind::List, list);
            let items = list.as_array_mut().ok_or(found)?;
            items.push(value.meaning().clone());
            Effect::Length(items.len() as u64)
        }
        Step::Increment { at, by } => {
            let (number, existed) = make(root, at)?;
            if !existed {
                *number = 0.into();
            }
            let current: i128 = match mismatch(Kind::Integer, number) {
                Reason::TypeMismatch {
                    found: Kind::Integer, ..
                } => number.to_string().parse().expect("an integer of 128 bits"),
                other => return Err(other),
            };
            let sum = (current + by.meaning()).to_string();
            *number = serde_json::from_str(&sum).expect("an integer is JSON");
            Effect::Number(sum)
        }
        Step::Merge { at, value } => {
            let patch = value.meaning();
            check_levels(hops(root, at)?.len() + levels(patch))?;
            let (target, existed) = make(root, at)?;
            if !existed {
                *target = Value::Object(Map::new());
            }
            merge(target, patch);
            Effect::Done
        }
        Step::Move { source, destination } => {
            relocate(root, source, destination)?;
            Effect::Done
        }
        Step::Copy { source, destination } => {
            let copied = find(root, source)?.clone();
            check_levels(hops(root, destination)?.len() + levels(&copied))?;
            insert(root, destination, copied)?;
            Effect::Done
        }
        Step::Test { at, value } => {
            if !worth::is_equal(find(root, at)?, value.meaning()) {
                return Err(Reason::CheckFailed { key_version });
            }
            return Ok((Effect::Done, false));
        }
    };
    Ok((effect, true))
}

fn placed(value: &Json) -> Effect {
    Effect::Placed(value.meaning().to_string())
}

fn relocate(root: &mut Value, source: &Place, destination: &Place) -> Result<(), Reason> {
    let levels = levels(find(root, source)?);
    let (from, to) = (hops(root, source)?, hops(root, destination)?);
    let is_within = to.len() > from.len() && from.iter().zip(to).all(|(from, to)| from.name == to.name);
    if is_within {
        return Err(no_way());
    }
    check_levels(to.len() + levels)?;
    if !from.is_empty() {
        let moved = remove(root, source)?.expect("it was found");
        insert(root, destination, moved)?;
    }
    Ok(())
}

/// RFC 7396, section 2.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let object = target.as_object_mut().expect("it is one now");
    for (name, value) in members {
        if value.is_null() {
            object.shift_remove(name);
        } else {
            merge(object.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

fn hops<'p>(root: &Value, place: &'p Place) -> Result<&'p [Hop], Reason> {
    if place.style == Style::Members && !root.is_object() {
        return Err(mismatch(Kind::Object, root));
    }
    segments(&place.path)
}

fn enter<'v>(value: &'v mut Value, hop: &Hop, style: Style) -> Result<Option<&'v mut Value>, Reason> {
    match value {
        Value::Object(members) => Ok(members.get_mut(&hop.name)),
        Value::Array(items) if style != Style::Members => Ok(hop.index.and_then(|index| items.get_mut(index))),
        _ => Err(no_way()),
    }
}

/// What is in a place.
fn find<'v>(root: &'v mut Value, place: &Place) -> Result<&'v mut Value, Reason> {
    let hops = hops(root, place)?;
    hops.iter().try_fold(root, |value, hop| {
        enter(value, hop, place.style)?.ok_or(Reason::PathNotFound)
    })
}

/// What is in a place, and whether it was there; else it is a `null` that was put there, with all objects on the way.
fn make<'v>(root: &'v mut Value, place: &Place) -> Result<(&'v mut Value, bool), Reason> {
    let mut value = &mut *root;
    let mut existed = true;
    let hops = hops(value, place)?;
    for (at, hop) in hops.iter().enumerate() {
        if let Value::Object(members) = value
            && !members.contains_key(&hop.name)
        {
            existed = false;
            let is_last = at + 1 == hops.len();
            let missing = if is_last { Value::Null } else { Map::new().into() };
            members.insert(hop.name.clone(), missing);
        }
        value = enter(value, hop, place.style)?.ok_or(Reason::PathNotFound)?;
    }
    Ok((value, existed))
}

/// What the last hop to a place is about, if it is there.
fn parent<'v, 'p>(root: &'v mut Value, place: &'p Place) -> Result<Option<(Option<&'v mut Value>, &'p Hop)>, Reason> {
    let Some((last, way)) = hops(root, place)?.split_last() else {
        return Ok(None);
    };
    let mut value = root;
    for hop in way {
        match enter(value, hop, place.style)? {
            Some(inside) => value = inside,
            None => return Ok(Some((None, last))),
        }
    }
    enter(value, last, place.style)?;
    Ok(Some((Some(value), last)))
}

fn insert(root: &mut Value, place: &Place, new: Value) -> Result<(), Reason> {
    let Some((container, last)) = parent(root, place)? else {
        *root = new;
        return Ok(());
    };
    match container.ok_or(Reason::PathNotFound)? {
        Value::Object(members) => {
            members.insert(last.name.clone(), new);
        }
        Value::Array(items) => {
            let index = if last.is_behind_last {
                Some(items.len())
            } else {
                last.index
            };
            let index = index.filter(|&index| index <= items.len());
            items.insert(index.ok_or(Reason::PathNotFound)?, new);
        }
        _ => return Err(no_way()),
    }
    Ok(())
}

fn remove(root: &mut Value, place: &Place) -> Result<Option<Value>, Reason> {
    let (container, last) = parent(root, place)?.ok_or_else(no_way)?;
    Ok(match container {
        Some(Value::Object(members)) => members.shift_remove(&last.name),
        Some(Value::Array(items)) => {
            let index = last.index.filter(|&index| index < items.len());
            index.map(|index| items.remove(index))
        }
        _ => None,
    })
}

fn check_levels(levels: usize) -> Result<(), Reason> {
    if levels > MAX_LEVELS {
        return Err(Reason::InvalidValue(String::new()));
    }
    Ok(())
}

fn no_way() -> Reason {
    Reason::InvalidPath(String::new())
}
