//! How a request, or everything since a savepoint, is undone.

use alloc::vec::Vec;

use crate::document::{Document, Record, Slot};
use crate::model::TimestampMs;

/// Every change of the document's records since the session, or the last undisturbed request, began.
#[derive(Debug, Default)]
pub struct Journal {
    undo: Vec<Undo>,
    dirty: bool,
}

/// How one change is taken back.
#[derive(Debug)]
enum Undo {
    Remove { place: usize },
    Replace { place: usize, record: Record },
    Insert { place: usize, slot: Slot },
}

/// A state of the document to come back to.
#[derive(Debug)]
pub struct Point {
    changes: usize,
    dirty: bool,
    version: u64,
    created_at: TimestampMs,
    updated_at: TimestampMs,
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
        }
    }

    /// Takes back every change since a point.
    pub fn rewind(&mut self, document: &mut Document, point: &Point) {
        for undo in self.undo.drain(point.changes..).rev() {
            match undo {
                Undo::Remove { place } => drop(document.remove(place)),
                Undo::Replace { place, record } => drop(document.replace(place, record)),
                Undo::Insert { place, slot } => document.insert(place, slot),
            }
        }
        self.dirty = point.dirty;
        document.version = point.version;
        document.created_at = point.created_at;
        document.updated_at = point.updated_at;
    }

    /// Whether a record changed since a point.
    pub fn has_changes_since(&self, point: &Point) -> bool {
        self.undo.len() > point.changes
    }

    /// Gives up the way back to before now; nobody holds a point.
    pub fn forget_undo(&mut self) {
        self.undo.clear();
    }

    /// Whether the document differs from what the session began with, as far as versions tell.
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Says that it does.
    pub fn set_dirty(&mut self) {
        self.dirty = true;
    }

    /// Adds a key at the end.
    pub fn append(&mut self, document: &mut Document, slot: Slot) {
        let place = document.len();
        document.insert(place, slot);
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
}
