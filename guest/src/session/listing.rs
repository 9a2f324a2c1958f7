//! Naming keys, a page at a time.

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::arguments::invalid;
use super::{Done, Session};
use crate::model::{Listed, Outcome, Page, Scope, TimestampMs};

impl Session {
    /// Keys within the scope that start with a prefix, oldest first.
    pub(super) fn list_keys(
        &self,
        prefix: &str,
        limit: Option<u32>,
        cursor: Option<&str>,
        values: bool,
        scope: Option<&Scope>,
    ) -> Done {
        let mut place = match cursor {
            Some(cursor) => self.resume(prefix, cursor)?,
            None => 0,
        };
        let most = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut keys = Vec::new();
        let mut last_place = 0;
        let mut next = None;
        while place < self.document.len() {
            let key = self.document.key(place);
            if key.starts_with(prefix) && scope.is_none_or(|scope| scope.has_key(key)) {
                if keys.len() == most {
                    next = Some(Cursor::new(
                        self.document.ordinal(last_place),
                        self.document.created_at,
                        prefix,
                    ));
                    break;
                }
                keys.push(Listed {
                    key: key.to_owned(),
                    value: values.then(|| self.document.value(place).to_owned()),
                    attributes: self.attributes(place),
                });
                last_place = place;
            }
            place += 1;
        }
        let next = next.map(|cursor| cursor.write());
        Ok(Outcome::Keys(Page { keys, next }))
    }

    /// The place behind the last key of the page that ended with a cursor.
    fn resume(&self, prefix: &str, cursor: &str) -> Result<usize, crate::model::Reason> {
        Cursor::read(cursor)
            .filter(|cursor| *cursor == Cursor::new(cursor.ordinal, self.document.created_at, prefix))
            .map(|cursor| self.document.place_behind(cursor.ordinal))
            .ok_or_else(|| invalid("cursor", "is not one that this state gave for this prefix".to_string()))
    }
}

/// Where a page ended. Ordinals are never used again, so it means the same after any key is made or deleted.
#[derive(PartialEq)]
struct Cursor {
    /// Of the page's last key.
    ordinal: u64,
    /// The document's: another state has another one.
    created_at: TimestampMs,
    /// Of all that and the prefix, so that neither can be mixed up. It keeps nobody out.
    checksum: u64,
}

impl Cursor {
    /// The alphabet of base64url: six bits for each character.
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const CHARACTERS_OF_A_NUMBER: usize = 11;

    fn new(ordinal: u64, created_at: TimestampMs, prefix: &str) -> Self {
        let numbers = [ordinal, created_at].map(u64::to_le_bytes);
        let bytes = numbers.iter().flatten().copied().chain(prefix.bytes());
        Self {
            ordinal,
            created_at,
            checksum: fnv_1a(bytes),
        }
    }

    fn write(&self) -> String {
        let mut text = String::with_capacity(3 * Self::CHARACTERS_OF_A_NUMBER);
        for number in [self.ordinal, self.created_at, self.checksum] {
            for character in 0..Self::CHARACTERS_OF_A_NUMBER {
                let six_bits = (number >> (6 * character)).to_le_bytes()[0] & 63;
                text.push(char::from(Self::ALPHABET[usize::from(six_bits)]));
            }
        }
        text
    }

    fn read(text: &str) -> Option<Self> {
        let mut numbers = [0; 3];
        if text.len() != numbers.len() * Self::CHARACTERS_OF_A_NUMBER {
            return None;
        }
        let characters = text.as_bytes().chunks(Self::CHARACTERS_OF_A_NUMBER);
        for (number, characters) in numbers.iter_mut().zip(characters) {
            for (at, character) in characters.iter().enumerate() {
                let six_bits = Self::ALPHABET.iter().position(|letter| letter == character)?;
                *number |= (six_bits as u64) << (6 * at);
            }
        }
        let [ordinal, created_at, checksum] = numbers;
        let cursor = Self {
            ordinal,
            created_at,
            checksum,
        };
        // Of the last character of a number only four bits count: the others must not make a second spelling.
        (cursor.write() == text).then_some(cursor)
    }
}

/// The hash function FNV-1a.
fn fnv_1a(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
