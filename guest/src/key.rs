//! The one rule for keys, wherever they come from.

use alloc::format;
use alloc::string::{String, ToString};

use crate::limits::MAX_KEY_CHARS;

/// Checks a key: 1 to 255 characters, not only white space, no `$` first, no control characters.
/// The error says what is wrong, and where.
pub fn check(key: &str) -> Result<(), String> {
    if key.is_empty() {
        return Err("key cannot be empty".to_string());
    }
    if key.chars().all(is_white_space) {
        return Err("key cannot be whitespace-only".to_string());
    }
    if key.starts_with('$') {
        return Err("keys starting with '$' are reserved for system use".to_string());
    }
    // No key has more characters than bytes, so short ones need no counting.
    if key.len() > MAX_KEY_CHARS {
        let chars = key.chars().count();
        if chars > MAX_KEY_CHARS {
            return Err(format!("key exceeds {MAX_KEY_CHARS} chars ({chars} given)"));
        }
    }
    match key.chars().enumerate().find(|(_, c)| c.is_ascii_control()) {
        Some((position, control)) => Err(format!(
            "control character \\x{:02x} at position {position}",
            u32::from(control)
        )),
        None => Ok(()),
    }
}

/// White space as Unicode and Python have it, which count U+001C to U+001F in.
fn is_white_space(character: char) -> bool {
    character.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_counts_characters() {
        assert_eq!(check(&"é".repeat(255)), Ok(()));
        assert_eq!(
            check(&"é".repeat(256)),
            Err("key exceeds 255 chars (256 given)".to_string())
        );
    }

    #[test]
    fn each_rule_has_its_own_message() {
        for (key, message) in [
            ("", "key cannot be empty"),
            (" \u{85}\u{3000}\u{1c}", "key cannot be whitespace-only"),
            ("$version", "keys starting with '$' are reserved for system use"),
            ("é\nb", "control character \\x0a at position 1"),
            ("abc\u{7f}", "control character \\x7f at position 3"),
        ] {
            assert_eq!(check(key), Err(message.to_string()));
        }
    }

    #[test]
    fn odd_but_harmless_keys_are_fine() {
        for key in [
            "a/b",
            "a b",
            " c ",
            "price$",
            ".",
            "..",
            "e\u{301}",
            "a\u{85}b",
            "🚀",
            "__proto__",
        ] {
            assert_eq!(check(key), Ok(()), "{key}");
        }
    }
}
