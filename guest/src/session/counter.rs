//! Counters: exact integers of any size.

use alloc::string::String;

use super::{Done, Session};
use crate::json::number;
use crate::model::{Kind, Outcome};

impl Session {
    /// Adds an integer, as decimal text, to the one under a key; an absent key counts from 0.
    pub(super) fn count(&mut self, key: String, by: &str) -> Done {
        let place = self.document.find(&key);
        let current = match place {
            Some(place) => self.typed(place, Kind::Integer)?,
            None => "0",
        };
        let sum = number::add(current, by);
        self.put(place, key, sum.clone());
        Ok(Outcome::Number(sum))
    }
}
