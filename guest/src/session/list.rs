//! Lists: push, pop, range, trim, length.

use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::{Done, Session};
use crate::json::read;
use crate::model::{Expiry, Kind, ListEnd, Outcome};

impl Session {
    /// Adds an item at one end, and lets what is more than `max_length` fall off the other; an absent key makes the list.
    pub(super) fn push(
        &mut self,
        key: String,
        item: &str,
        end: ListEnd,
        max_length: Option<u64>,
        expiry: Expiry,
    ) -> Done {
        let place = self.document.find(&key);
        let list = match place {
            Some(place) => self.typed(place, Kind::List)?,
            None => "[]",
        };
        let before = read::items(list).count();
        // One place is for the new item.
        let kept = max_length.map_or(before, |most| before.min(to_usize(most.saturating_sub(1))));
        let others = match end {
            _ if kept == before => read::inside(list),
            ListEnd::Head => some_items(list, 0..kept),
            ListEnd::Tail => some_items(list, before - kept..before),
        };
        let list = match (others, end) {
            ("", _) => format!("[{item}]"),
            (others, ListEnd::Head) => format!("[{item},{others}]"),
            (others, ListEnd::Tail) => format!("[{others},{item}]"),
        };
        let expires_at = self.resolve(expiry, place);
        self.put_until(place, key, list, expires_at);
        Ok(Outcome::Length(kept as u64 + 1))
    }

    /// Takes items from one end; nothing there is no write.
    pub(super) fn pop(&mut self, key: String, end: ListEnd, count: u32) -> Done {
        let Some(place) = self.document.find(&key) else {
            return Ok(Outcome::Items(Vec::new()));
        };
        let list = self.typed(place, Kind::List)?;
        let count = to_usize(u64::from(count));
        let mut taken: Vec<Range<usize>> = match end {
            ListEnd::Head => read::items(list).take(count).collect(),
            ListEnd::Tail => last_items(list, count),
        };
        let (Some(first), Some(final_one)) = (taken.first(), taken.last()) else {
            return Ok(Outcome::Items(Vec::new()));
        };
        let rest = match end {
            ListEnd::Head => format!("[{}", list[final_one.end..].trim_start_matches(',')),
            ListEnd::Tail => format!("[{}]", list[1..first.start].trim_end_matches(',')),
        };
        if end == ListEnd::Tail {
            taken.reverse();
        }
        let items = taken.into_iter().map(|range| list[range].to_owned()).collect();
        self.put(Some(place), key, rest);
        Ok(Outcome::Items(items))
    }

    /// Some items of a list.
    pub(super) fn range(&self, key: &str, start: i64, stop: i64) -> Done {
        let list = self.typed(self.existing(key)?, Kind::List)?;
        let range = indexes(start, stop, read::items(list).count());
        let items = read::items(list).skip(range.start).take(range.len());
        Ok(Outcome::Items(items.map(|range| list[range].to_owned()).collect()))
    }

    /// Keeps some items of a list and drops the others; dropping none is no write.
    pub(super) fn trim(&mut self, key: String, start: i64, stop: i64) -> Done {
        let place = self.existing(&key)?;
        let list = self.typed(place, Kind::List)?;
        let length = read::items(list).count();
        let range = indexes(start, stop, length);
        let kept = range.len();
        if kept < length {
            let list = format!("[{}]", some_items(list, range));
            self.put(Some(place), key, list);
        }
        Ok(Outcome::Length(kept as u64))
    }

    /// How many items a list has.
    pub(super) fn length(&self, key: &str) -> Done {
        let list = self.typed(self.existing(key)?, Kind::List)?;
        Ok(Outcome::Length(read::items(list).count() as u64))
    }
}

/// What Redis means by the two ends of a range, for a list of some length.
fn indexes(start: i64, stop: i64, length: usize) -> Range<usize> {
    let signed = i64::try_from(length).unwrap_or(i64::MAX);
    let from_front = |index: i64| if index < 0 { index.saturating_add(signed) } else { index };
    let start = from_front(start).clamp(0, signed);
    let end = from_front(stop).saturating_add(1).clamp(start, signed);
    // Both are between 0 and the length now.
    to_usize(start.unsigned_abs())..to_usize(end.unsigned_abs())
}

/// The text of some items that are there, with the commas between them.
fn some_items(list: &str, range: Range<usize>) -> &str {
    let mut items = read::items(list).skip(range.start);
    let Some(last_behind_first) = range.len().checked_sub(1) else {
        return "";
    };
    let Some(first) = items.next() else {
        return "";
    };
    let end = match last_behind_first {
        0 => first.end,
        count => items.nth(count - 1).map_or(first.end, |last| last.end),
    };
    &list[first.start..end]
}

/// Where the last items are, at most `count`, first to last.
fn last_items(list: &str, count: usize) -> Vec<Range<usize>> {
    let mut window = VecDeque::new();
    for item in read::items(list) {
        if window.len() == count {
            window.pop_front();
        }
        window.push_back(item);
    }
    window.into()
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
