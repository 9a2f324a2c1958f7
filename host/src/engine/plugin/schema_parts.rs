//! How large a schema is when it is written out in full.
//!
//! A validator follows a reference wherever one stands, so a few lines that refer to each other can make work without end for
//! whoever checks a value. Schemas here come from people whom nobody knows.

use serde_json::Value;

/// The most parts of a schema that is written out in full.
const MAX_PARTS: usize = 1_000;

/// What refers to another place of the schema.
const REFERENCE: &str = "$ref";

/// What would make references mean something else, or needs more than this file understands.
const NOT_TAKEN: [&str; 5] = ["$dynamicRef", "$recursiveRef", "$dynamicAnchor", "$anchor", "$id"];

/// Refuses a schema that has too many parts, leads in a circle, or refers to anything but a place within itself.
pub(super) fn check(schema: &Value) -> Result<(), String> {
    let mut counting = Counting {
        root: schema,
        left: MAX_PARTS,
        followed: Vec::new(),
    };
    counting.count(schema)
}

struct Counting<'a> {
    root: &'a Value,
    left: usize,
    /// The references that led to where it is.
    followed: Vec<&'a str>,
}

impl<'a> Counting<'a> {
    fn count(&mut self, part: &'a Value) -> Result<(), String> {
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| format!("has more than {MAX_PARTS} parts, references written out in full"))?;
        match part {
            Value::Object(members) => members.iter().try_for_each(|(name, value)| self.member(name, value)),
            Value::Array(items) => items.iter().try_for_each(|item| self.count(item)),
            _ => Ok(()),
        }
    }

    fn member(&mut self, name: &'a str, value: &'a Value) -> Result<(), String> {
        match (name, value) {
            // A property may be called like a keyword; then its value is a schema, and no text.
            (REFERENCE, Value::String(reference)) => self.follow(reference),
            (name, Value::String(_)) if NOT_TAKEN.contains(&name) => Err(format!("may not have {name}")),
            // What is defined counts where it is referred to.
            ("$defs" | "definitions", Value::Object(_)) => Ok(()),
            (_, value) => self.count(value),
        }
    }

    fn follow(&mut self, reference: &'a str) -> Result<(), String> {
        if self.followed.contains(&reference) {
            return Err(format!("refers to {reference} in a circle"));
        }
        let pointer = reference
            .strip_prefix('#')
            .ok_or_else(|| format!("may only refer to places within itself, not to {reference}"))?;
        let target = self.root.pointer(pointer);
        let target = target.ok_or_else(|| format!("refers to {reference}, which is not there"))?;
        self.followed.push(reference);
        let counted = self.count(target);
        self.followed.pop();
        counted
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    fn checked(text: &str) -> Result<(), String> {
        check(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn places_within_itself_may_be_referred_to() {
        let schema = r##"{"$defs":{"a/b":{"type":"string"}},"properties":{"x":{"$ref":"#/$defs/a~1b"},"y":{"$ref":"#/$defs/a~1b"}}}"##;
        assert_eq!(checked(schema), Ok(()));
        assert_eq!(checked(r#"{"properties":{"$ref":{"type":"string"},"$id":{}}}"#), Ok(()));
    }

    #[test]
    fn references_may_not_lead_in_a_circle_or_outside() {
        for schema in [
            r##"{"$ref":"#"}"##,
            r##"{"properties":{"next":{"$ref":"#"}}}"##,
            r##"{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"anyOf":[{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}"##,
            r#"{"$ref":"http://127.0.0.1/schema"}"#,
            r#"{"$ref":"other.json"}"#,
            r##"{"$ref":"#/nowhere"}"##,
            r##"{"$dynamicRef":"#x"}"##,
            r#"{"$id":"http://here/"}"#,
        ] {
            assert!(checked(schema).is_err(), "{schema}");
        }
    }

    /// Each definition refers to the next one twice.
    #[test]
    fn what_grows_without_bounds_is_refused() {
        let mut definitions = String::from(r#""d40":{}"#);
        for number in 0..40 {
            let next = number + 1;
            let _ = write!(
                definitions,
                r##","d{number}":{{"allOf":[{{"$ref":"#/$defs/d{next}"}},{{"$ref":"#/$defs/d{next}"}}]}}"##
            );
        }
        let schema = format!(r##"{{"$defs":{{{definitions}}},"$ref":"#/$defs/d0"}}"##);
        let problem = checked(&schema).unwrap_err();
        assert!(problem.contains("parts"), "{problem}");
    }
}
