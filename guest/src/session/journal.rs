//! How a request, or everything since a savepoint, is undone.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::document::{Document, Record, Remembered, Slot};
use crate::model::TimestampMs;

/// Every change of the document since the session, or the last undisturbed request, began.
#[derive(Debug, Default)]
pub struct Journal {
    undo: Vec<Undo>,
    dirty: bool,
}

/// How one change is taken back.
#[derive(Debug)]
enum Undo {
    Nothing,
    All(Box<Document>),
    Remove { place: usize },
    Replace { place: usize, record: Record },
    Insert { place: usize, slot: Slot },
    Forget { index: usize },
    Remember { index: usize, request: Remembered },
}

/// A state of the document to come back to.
#[derive(Debug)]
pub struct Point {
    changes: usize,
    dirty: bool,
    version: u64,
    created_at: TimestampMs,
    updated_at: TimestampMs,
    next_ordinal: u64,
}

impl Journal {
    /// This point.
    pub fn point(&self, document: &Document) -> Point {
        Point {
            changes: self.undo.len(),
            dirty: self.dirty,
            version: document.version,
            created_at: document.created_at,
            updated_at: document.updated_at,
            next_ordinal: document.next_ordinal,
        }
    }

    /// Takes back every change since a point.
    pub fn rewind(&mut self, document: &mut Document, point: &Point) {
        for undo in self.undo.drain(point.changes..).rev() {
            match undo {
                Undo::Nothing => {}
                Undo::All(before) => *document = *before,
                Undo::Remove { place } => drop(document.remove(place)),
                Undo::Replace { place, record } => drop(document.replace(place, record)),
                Undo::Insert { place, slot } => document.insert(place, slot),
                Undo::Forget { index } => drop(document.forget(index)),
                Undo::Remember { index, request } => document.remember(index, request),
            }
        }
        self.dirty = point.dirty;
        document.version = point.version;
        document.created_at = point.created_at;
        document.updated_at = point.updated_at;
        document.next_ordinal = point.next_ordinal;
    }

    /// Whether a record changed since a point.
    pub fn has_changes_since(&self, point: &Point) -> bool {
        self.undo.len() > point.changes
    }

    /// Gives up the way back to before now; nobody holds a point.
    pub fn forget_undo(&mut self) {
        self.undo.clear();
    }

    /// Whether the document differs from what the session began with, as far as versions and what is remembered tell.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Says that it does.
    pub fn set_dirty(&mut self) {
        self.dirty = true;
    }

    /// Counts as a change although nothing is to be undone.
    pub fn touch(&mut self) {
        self.undo.push(Undo::Nothing);
    }

    /// Adds a key at the end.
    pub fn append(&mut self, document: &mut Document, key: String, record: Record) {
        let place = document.len();
        document.append(key, record);
        self.undo.push(Undo::Remove { place });
    }

    /// Changes what is under the key in a place.
    pub fn replace(&mut self, document: &mut Document, place: usize, record: Record) {
        let record = document.replace(place, record);
        self.undo.push(Undo::Replace { place, record });
    }

    /// Takes the key in a place out.
    pub fn remove(&mut self, document: &mut Document, place: usize) {
        let slot = document.remove(place);
        self.undo.push(Undo::Insert { place, slot });
    }

    /// Puts another document in the place of this one.
    pub fn replace_all(&mut self, document: &mut Document, next: Document) {
        let before = core::mem::replace(document, next);
        self.undo.push(Undo::All(Box::new(before)));
    }

    /// Adds a request to those that are remembered.
    pub fn remember(&mut self, document: &mut Document, request: Remembered) {
        let index = document.remembered().len();
        document.remember(index, request);
        self.undo.push(Undo::Forget { index });
    }

    /// Takes the oldest request out that is remembered.
    pub fn forget_oldest(&mut self, document: &mut Document) {
        let request = document.forget(0);
        self.undo.push(Undo::Remember { index: 0, request });
    }
}
