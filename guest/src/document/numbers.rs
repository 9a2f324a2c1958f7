//! How numbers and texts are written one after another so that all of it stays UTF-8.
//!
//! A number is a sequence of bytes with six bits each, least significant first; 0x40 is set in all
//! but the last. Like this no byte of a number is above 0x7f, so the whole document is UTF-8 and
//! one check makes every slice of it a string.
//!
//! A difference between two numbers is written as the number that is twice as large, or, where it is negative, as twice
//! its size less one: like this small differences are short whatever their sign.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::Unreadable;

const BITS: u32 = 6;
const MORE: u8 = 1 << BITS;

/// The text of a document. Most are ASCII, which takes a fraction of the time to find out that UTF-8 does.
#[allow(unsafe_code, reason = "the check that it would do again was done")]
pub fn text(bytes: Vec<u8>) -> Result<String, Unreadable> {
    if is_ascii(&bytes) {
        // SAFETY: ASCII is UTF-8.
        return Ok(unsafe { String::from_utf8_unchecked(bytes) });
    }
    String::from_utf8(bytes).map_err(|_| Unreadable("the document is not UTF-8"))
}

/// As the one of the standard library, but in vectors of 128 bits, which the compiler would not make of it.
#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, reason = "vectors are loaded through pointers")]
fn is_ascii(bytes: &[u8]) -> bool {
    use core::arch::wasm32::{i8x16_bitmask, i8x16_splat, v128_load, v128_or};
    const VECTOR_BYTES: usize = 16;
    let (blocks, rest) = bytes.as_chunks::<{ 4 * VECTOR_BYTES }>();
    let all = blocks.iter().fold(i8x16_splat(0), |all, block| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|number| {
            // SAFETY: the vector lies within the block, and need not be aligned.
            unsafe { v128_load(block.as_ptr().add(number * VECTOR_BYTES).cast()) }
        });
        v128_or(all, v128_or(v128_or(a, b), v128_or(c, d)))
    });
    i8x16_bitmask(all) == 0 && rest.is_ascii()
}

#[cfg(not(target_arch = "wasm32"))]
fn is_ascii(bytes: &[u8]) -> bool {
    bytes.is_ascii()
}

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

/// The number that tells how to come from one number to another.
pub fn difference(from: u64, to: u64) -> u64 {
    let difference = to.wrapping_sub(from);
    let sign = 0_u64.wrapping_sub(difference >> 63);
    (difference << 1) ^ sign
}

/// The number that a difference leads to.
fn at_difference(from: u64, difference: u64) -> u64 {
    let sign = 0_u64.wrapping_sub(difference & 1);
    from.wrapping_add((difference >> 1) ^ sign)
}

fn low_byte(number: u64) -> u8 {
    number.to_le_bytes()[0]
}

/// Reads what was appended, in the same order.
pub struct Reader<'a> {
    base: &'a str,
    at: usize,
}

#[allow(
    clippy::inline_always,
    reason = "calls are a third of the time that it takes to read a large index"
)]
impl<'a> Reader<'a> {
    /// Starts at a byte of a text.
    pub fn new(base: &'a str, at: usize) -> Self {
        Self { base, at }
    }

    /// The next number.
    #[inline(always)]
    pub fn number(&mut self) -> Result<u64, Unreadable> {
        // Most have one byte or two.
        match self.base.as_bytes().get(self.at..) {
            Some(&[byte, ..]) if byte < MORE => {
                self.at += 1;
                Ok(u64::from(byte))
            }
            Some(&[low, high, ..]) if low < 2 * MORE && high < MORE => {
                self.at += 2;
                Ok(u64::from(low & (MORE - 1)) | u64::from(high) << BITS)
            }
            _ => self.long_number(),
        }
    }

    #[inline(never)]
    fn long_number(&mut self) -> Result<u64, Unreadable> {
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

    /// The next number, which is written as the difference to another.
    #[inline(always)]
    pub fn number_from(&mut self, from: u64) -> Result<u64, Unreadable> {
        Ok(at_difference(from, self.number()?))
    }

    /// The next number, of bytes or of things.
    #[inline(always)]
    pub fn length(&mut self) -> Result<usize, Unreadable> {
        usize::try_from(self.number()?).map_err(|_| Unreadable("a length in the document is too large"))
    }

    /// Where the next `length` bytes are.
    #[inline(always)]
    pub fn range(&mut self, length: usize) -> Result<Range<usize>, Unreadable> {
        let range = self.at..self.at.saturating_add(length);
        if !self.base.is_char_boundary(range.start) || !self.base.is_char_boundary(range.end) {
            return Err(Unreadable("the document is cut off"));
        }
        self.at = range.end;
        Ok(range)
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

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use proptest::prelude::*;

    #[test]
    fn small_differences_are_small_whatever_their_sign() {
        for (from, to, expected) in [(5, 5, 0), (5, 4, 1), (5, 6, 2), (0, u64::MAX, 1), (u64::MAX, 0, 2)] {
            assert_eq!(difference(from, to), expected);
        }
    }

    proptest! {
        #[test]
        fn what_is_appended_is_read_back(numbers in prop::collection::vec(any::<u64>(), 0..9), text in any::<String>()) {
            let mut out = Vec::new();
            let mut before = 0;
            for number in &numbers {
                push_number(&mut out, *number);
                push_number(&mut out, difference(before, *number));
                before = *number;
            }
            push_text(&mut out, &text);
            let out = String::from_utf8(out).unwrap();
            let mut reader = Reader::new(&out, 0);
            let mut before = 0;
            for number in numbers {
                prop_assert_eq!(reader.number(), Ok(number));
                prop_assert_eq!(reader.number_from(before), Ok(number));
                before = number;
            }
            prop_assert_eq!(reader.text(), Ok(text.as_str()));
            prop_assert!(reader.is_at_end());
        }
    }
}
