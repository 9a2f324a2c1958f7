//! JSON as the store keeps it: compact text that is normalized once, when it comes in, and from
//! then on moved as bytes and read only as deep as an operation must.

mod decimal;
pub mod equal;
mod normalize;
pub mod number;
pub mod read;
pub mod time;

pub use normalize::{Normalized, Problem, SyntaxError, depth_of, normalize};

use alloc::string::String;

/// Appends `text` as a JSON string with only the escapes that RFC 8259 demands.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut copied = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte < 0x20 || byte == b'"' || byte == b'\\' {
            out.push_str(&text[copied..at]);
            push_escaped(out, byte);
            copied = at + 1;
        }
    }
    out.push_str(&text[copied..]);
    out.push('"');
}

/// The bytes that [`push_string`] would append for a text of these bytes.
pub fn string_len(text: &[u8]) -> usize {
    // Hardly any text needs escapes.
    let escapes = if may_need_escapes(text) {
        text.iter().copied().map(escape_len).sum()
    } else {
        0
    };
    text.len() + escapes + 2
}

/// Whether a byte is a control character, a quote or a backslash. Looks at eight bytes at a time.
fn may_need_escapes(bytes: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH_BITS: u64 = 0x8080_8080_8080_8080;
    // The high bit of the lowest byte that is less than a limit, of 128 at most, and maybe of some above it.
    let less_than = |word: u64, limit: u8| word.wrapping_sub(ONES * u64::from(limit)) & !word;
    let is = |word: u64, byte: u8| less_than(word ^ (ONES * u64::from(byte)), 1);
    let needs = |word: u64| (less_than(word, b' ') | is(word, b'"') | is(word, b'\\')) & HIGH_BITS;
    let (words, rest) = bytes.as_chunks::<8>();
    let any = words.iter().fold(0, |any, word| any | needs(u64::from_le_bytes(*word)));
    // The last eight bytes, if there are as many; some of them once more.
    match bytes.last_chunk::<8>() {
        Some(last) => any | needs(u64::from_le_bytes(*last)) != 0,
        None => rest.iter().any(|&byte| escape_len(byte) > 0),
    }
}

/// The bytes that an escape takes beyond the one that it stands for.
fn escape_len(byte: u8) -> usize {
    match byte {
        b'"' | b'\\' | 0x08 | 0x09 | 0x0a | 0x0c | 0x0d => 1,
        0..0x20 => 5,
        _ => 0,
    }
}

/// The text that a normalized JSON string, quotes included, stands for; none if it is not one.
pub fn unescape(quoted: &str) -> Option<String> {
    let mut rest = quoted.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(rest.len());
    while let Some((plain, escape)) = rest.split_once('\\') {
        out.push_str(plain);
        let mut characters = escape.chars();
        let character = match characters.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => {
                let unit = u32::from_str_radix(escape.get(1..5)?, 16).ok()?;
                characters = escape.get(5..)?.chars();
                char::from_u32(unit)?
            }
            same => same,
        };
        out.push(character);
        rest = characters.as_str();
    }
    out.push_str(rest);
    Some(out)
}

/// Appends one ASCII character that JSON demands to be escaped.
fn push_escaped(out: &mut String, byte: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push('\\');
    match byte {
        b'"' | b'\\' => out.push(char::from(byte)),
        0x08 => out.push('b'),
        0x09 => out.push('t'),
        0x0a => out.push('n'),
        0x0c => out.push('f'),
        0x0d => out.push('r'),
        _ => {
            out.push_str("u00");
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;
    use proptest::prelude::*;

    fn assert_length(text: &str) {
        let mut written = String::new();
        push_string(&mut written, text);
        assert_eq!(string_len(text.as_bytes()), written.len(), "{text:?}");
    }

    proptest! {
        #[test]
        fn a_string_takes_the_bytes_that_are_written(text in prop_oneof![any::<String>(), "[ -~]{0,40}", "[\0-\u{7f}]{0,20}"]) {
            assert_length(&text);
        }
    }

    #[test]
    fn an_escape_is_counted_wherever_it_is() {
        for length in 1..20 {
            for at in 0..length {
                for byte in 0..128_u8 {
                    let mut text = "x".repeat(length);
                    text.replace_range(at..=at, &char::from(byte).to_string());
                    assert_length(&text);
                }
            }
        }
    }
}
