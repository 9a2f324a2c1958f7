//! How numbers and texts are written one after another so that all of it stays UTF-8.
//!
//! A number is a sequence of bytes with six bits each, least significant first; 0x40 is set in all
//! but the last. Like this no byte of a number is above 0x7f, so the whole document is UTF-8 and
//! one check makes every slice of it a string.

use alloc::vec::Vec;
use core::ops::Range;

use super::Unreadable;

const BITS: u32 = 6;
const MORE: u8 = 1 << BITS;

/// Appends a number.
pub fn push_number(out: &mut Vec<u8>, mut number: u64) {
    while number >= u64::from(MORE) {
        out.push(MORE | low_byte(number & u64::from(MORE - 1)));
        number >>= BITS;
    }
    out.push(low_byte(number));
}

/// Appends a text and, before it, its length in bytes.
pub fn push_text(out: &mut Vec<u8>, text: &str) {
    push_number(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// Reads what was appended, in the same order.
pub struct Reader<'a> {
    base: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// Starts at a byte of a text.
    pub fn new(base: &'a str, at: usize) -> Self {
        Self { base, at }
    }

    /// The next number.
    pub fn number(&mut self) -> Result<u64, Unreadable> {
        let mut number = 0_u64;
        let mut shift = 0;
        loop {
            let byte = *self
                .base
                .as_bytes()
                .get(self.at)
                .ok_or(Unreadable("the document is cut off"))?;
            self.at += 1;
            number |= u64::from(byte & (MORE - 1)) << shift;
            if byte & MORE == 0 {
                return Ok(number);
            }
            shift += BITS;
            if shift >= u64::BITS {
                return Err(Unreadable("a number in the document is too long"));
            }
        }
    }

    /// The next number, of bytes or of things.
    pub fn length(&mut self) -> Result<usize, Unreadable> {
        usize::try_from(self.number()?).map_err(|_| Unreadable("a length in the document is too large"))
    }

    /// Where the next `length` bytes are.
    pub fn range(&mut self, length: usize) -> Result<Range<usize>, Unreadable> {
        let start = self.at;
        let end = start.saturating_add(length);
        if self.base.get(start..end).is_none() {
            return Err(Unreadable("the document is cut off"));
        }
        self.at = end;
        Ok(start..end)
    }

    /// The next text that has its length before it.
    pub fn text(&mut self) -> Result<&'a str, Unreadable> {
        let length = self.length()?;
        self.str(length)
    }

    /// The next `length` bytes.
    pub fn str(&mut self, length: usize) -> Result<&'a str, Unreadable> {
        let range = self.range(length)?;
        Ok(&self.base[range])
    }

    /// Whether everything was read.
    pub fn is_at_end(&self) -> bool {
        self.at == self.base.len()
    }
}
