//! Lists: push, pop, length.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};

use super::{Done, Session};
use crate::json::read;
use crate::model::{Kind, ListEnd, Outcome};

impl Session {
    /// Adds an item at one end; an absent key makes the list.
    pub(super) fn push(&mut self, key: String, item: &str, end: ListEnd) -> Done {
        let place = self.document.find(&key);
        let list = match place {
            Some(place) => self.typed(place, Kind::List)?,
            None => "[]",
        };
        let inner = &list[1..list.len() - 1];
        let length = read::items(list).count() as u64 + 1;
        let list = match (inner, end) {
            ("", _) => format!("[{item}]"),
            (inner, ListEnd::Head) => format!("[{item},{inner}]"),
            (inner, ListEnd::Tail) => format!("[{inner},{item}]"),
        };
        self.put(place, key, list);
        Ok(Outcome::Length(length))
    }

    /// Takes an item from one end; nothing there is no write.
    pub(super) fn pop(&mut self, key: &str, end: ListEnd) -> Done {
        let Some(place) = self.document.find(key) else {
            return Ok(Outcome::Popped(None));
        };
        let list = self.typed(place, Kind::List)?;
        let item = match end {
            ListEnd::Head => read::items(list).next(),
            ListEnd::Tail => read::last_item(list),
        };
        let Some(item) = item else {
            return Ok(Outcome::Popped(None));
        };
        let rest = match end {
            ListEnd::Head => list[item.end..].strip_prefix(',').unwrap_or(&list[item.end..]),
            ListEnd::Tail => list[1..item.start].trim_end_matches(','),
        };
        let rest = match end {
            ListEnd::Head => format!("[{rest}"),
            ListEnd::Tail => format!("[{rest}]"),
        };
        let popped = list[item].to_string();
        self.put(Some(place), key.to_owned(), rest);
        Ok(Outcome::Popped(Some(popped)))
    }

    /// How many items a list has.
    pub(super) fn length(&self, key: &str) -> Done {
        let list = self.typed(self.existing(key)?, Kind::List)?;
        Ok(Outcome::Length(read::items(list).count() as u64))
    }
}
