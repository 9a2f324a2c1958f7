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

/// The bytes that [`push_string`] would append.
pub fn string_len(text: &str) -> usize {
    // Hardly any text needs escapes, and finding that out has no branch for each byte.
    let needs_escape = |byte: u8| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\');
    let escapes = if text.bytes().fold(0, |any, byte| any | needs_escape(byte)) != 0 {
        text.bytes().map(escape_len).sum()
    } else {
        0
    };
    text.len() + escapes + 2
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
