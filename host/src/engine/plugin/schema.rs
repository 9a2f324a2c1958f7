//! JSON Schemas of inputs and outputs.

use jsonschema::{PatternOptions, Validator};
use serde_json::Value;

use super::admission::Inadmissible;
use super::schema_parts;

/// The most that is said about one value.
const MAX_MISFITS: usize = 10;

/// A schema that was understood.
pub(super) struct Schema {
    validator: Validator,
}

/// One thing in a value that its schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    /// Where: the steps of a JSON Pointer.
    pub path: Vec<String>,
    /// What, for people.
    pub message: String,
}

impl Schema {
    /// Reads the schema of `what`, which must stand for itself and be of a
    /// reasonable size; its patterns have neither backreferences nor looks ahead.
    pub(super) fn new(what: &'static str, text: &str) -> Result<Self, Inadmissible> {
        let field = match what {
            "input" => "input-schema",
            _ => "output-schema",
        };
        let wrong = |problem: String| Inadmissible::Description { field, problem };
        let schema: Value = serde_json::from_str(text).map_err(|error| wrong(format!("is not JSON: {error}")))?;
        schema_parts::check(&schema).map_err(wrong)?;
        // Of the engines for patterns this one never goes back.
        let options = jsonschema::options().with_pattern_options(PatternOptions::regex());
        let validator = options
            .build(&schema)
            .map_err(|error| wrong(format!("is no JSON Schema: {error}")))?;
        Ok(Self { validator })
    }

    /// Whether a JSON text fits; some of what is wrong with it if not.
    pub(super) fn check(&self, text: &str) -> Result<(), Vec<Misfit>> {
        let value =
            serde_json::from_str(text).map_err(|error| vec![Misfit::of_all(format!("is not JSON: {error}"))])?;
        self.check_value(&value)
    }

    /// The same for a value.
    pub(super) fn check_value(&self, value: &Value) -> Result<(), Vec<Misfit>> {
        let misfits: Vec<_> = self.validator.iter_errors(value).take(MAX_MISFITS).collect();
        if misfits.is_empty() {
            return Ok(());
        }
        Err(misfits
            .into_iter()
            .map(|misfit| Misfit {
                path: steps(misfit.instance_path().as_str()),
                message: shortened(&misfit.to_string()),
            })
            .collect())
    }
}

impl Misfit {
    fn of_all(message: String) -> Self {
        Self {
            path: Vec::new(),
            message,
        }
    }
}

impl std::fmt::Display for Misfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path.join("."))?;
        }
        f.write_str(&self.message)
    }
}

/// The steps of a JSON Pointer (RFC 6901).
fn steps(pointer: &str) -> Vec<String> {
    let steps = pointer.split('/').skip(1);
    steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect()
}

/// Messages repeat the value, which may be large.
fn shortened(message: &str) -> String {
    const MAX_CHARS: usize = 500;
    match message.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_told_with_its_place() {
        let schema = Schema::new(
            "input",
            r#"{"type":"object","properties":{"a/b":{"type":"array","items":{"type":"integer"}}},"additionalProperties":false}"#,
        )
        .unwrap();
        assert_eq!(schema.check(r#"{"a/b":[1,2]}"#), Ok(()));
        let misfits = schema.check(r#"{"a/b":[1,"x"]}"#).unwrap_err();
        assert_eq!(misfits[0].path, ["a/b", "1"]);
        let misfits = schema.check(r#"{"other":1}"#).unwrap_err();
        assert!(misfits[0].message.contains("other"), "{misfits:?}");
        assert!(schema.check("{").unwrap_err()[0].message.contains("not JSON"));
    }

    #[test]
    fn numbers_are_compared_as_they_are_written() {
        let schema = Schema::new("input", r#"{"type":"integer","maximum":9007199254740992}"#).unwrap();
        assert!(schema.check("9007199254740992").is_ok());
        assert!(schema.check("9007199254740993").is_err());
    }

    #[test]
    fn a_pattern_takes_no_longer_than_its_text() {
        let schema = Schema::new("input", r#"{"type":"string","pattern":"^(a+)+$"}"#).unwrap();
        assert!(schema.check(&format!("\"{}!\"", "a".repeat(50_000))).is_err());
        assert!(Schema::new("input", r#"{"pattern":"(?=a)b"}"#).is_err());
    }

    #[test]
    fn a_schema_stands_for_itself() {
        for schema in [
            "{",
            r#"{"type":"nonsense"}"#,
            r#"{"$ref":"http://127.0.0.1/schema"}"#,
            r#"{"$ref":"file:///etc/passwd"}"#,
        ] {
            assert!(Schema::new("input", schema).is_err(), "{schema}");
        }
    }
}
