//! Going back to an earlier state, which is a write like any other.

use alloc::vec::Vec;

use super::Session;
use crate::document::Document;
use crate::limits::MAX_ONCE_AGE_MS;
use crate::model::Reply;

impl Session {
    /// Puts what an earlier state held in the place of all that the document holds, as one new version. Keys whose time
    /// has come are left out. Sizes are not looked at: what fitted once comes back, whatever the limit is now. A transaction that has
    /// not ended is abandoned.
    pub fn restore(&mut self, mut earlier: Document) -> Reply {
        self.abandon();
        earlier.remove_expired(self.now);
        earlier.forget_older_than(MAX_ONCE_AGE_MS, self.now);
        earlier.follow(&self.document, self.now);
        self.journal.replace_all(&mut self.document, earlier);
        self.bump();
        self.forget_undo();
        self.reply(Vec::new())
    }
}
