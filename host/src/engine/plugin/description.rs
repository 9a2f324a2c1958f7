//! What a plugin says of itself.

use super::admission::Inadmissible;
use super::generated::exports::automation::kv::operation_plugin;

/// The longest name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// The longest version, in bytes.
const MAX_VERSION_BYTES: usize = 64;

/// The longest documentation, in bytes.
const MAX_DOCUMENTATION_BYTES: usize = 16 << 10;

/// What a plugin is, for people and for validation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// The name that it is called by: 1 to 64 lower-case letters, digits and hyphens, a letter first.
    pub name: String,
    /// Its own version.
    pub version: String,
    /// What it does.
    pub documentation: String,
    /// JSON Schema of the input, JSON text.
    pub input_schema: String,
    /// JSON Schema of the output, JSON text.
    pub output_schema: String,
    /// Whether it ever writes.
    pub writes: bool,
}

/// Takes a description that keeps to the rules.
pub(super) fn check(described: operation_plugin::Description) -> Result<Description, Inadmissible> {
    let operation_plugin::Description {
        name,
        version,
        documentation,
        input_schema,
        output_schema,
        writes,
    } = described;
    let wrong = |field, problem: String| Err(Inadmissible::Description { field, problem });
    if !is_name(&name) {
        let problem = "must have 1 to 64 lower-case letters, digits and hyphens, a letter first";
        return wrong("name", format!("{:?} {problem}", shortened(&name)));
    }
    if version.is_empty() || version.len() > MAX_VERSION_BYTES || version.chars().any(char::is_control) {
        return wrong(
            "version",
            format!("must have 1 to {MAX_VERSION_BYTES} bytes and no control characters"),
        );
    }
    if documentation.len() > MAX_DOCUMENTATION_BYTES {
        return wrong(
            "documentation",
            format!("must have at most {MAX_DOCUMENTATION_BYTES} bytes"),
        );
    }
    Ok(Description {
        name,
        version,
        documentation,
        input_schema,
        output_schema,
        writes,
    })
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    name.len() <= MAX_NAME_CHARS
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_plain)
}

fn shortened(name: &str) -> String {
    name.chars().take(MAX_NAME_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_fit_for_a_path() {
        for name in ["a", "rate-limiter", "v2", &"x".repeat(MAX_NAME_CHARS)] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "",
            "-a",
            "1a",
            "A",
            "a b",
            "a/b",
            "a.b",
            "é",
            &"x".repeat(MAX_NAME_CHARS + 1),
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
