//! Requests that are found out one by one and happen together.

use alloc::string::String;
use alloc::vec::Vec;

use super::journal::Point;
use super::{Session, arguments, scope};
use crate::model::{Once, Rejection, RememberedAnswer, Reply, Request, Terms};

/// A transaction that has begun.
#[derive(Debug)]
pub struct Transaction {
    start: Point,
    savepoints_before: usize,
    always_bump: bool,
    once: Option<Once>,
}

impl Transaction {
    /// Whether it had begun when a savepoint was made.
    pub fn has(&self, savepoint: usize) -> bool {
        savepoint >= self.savepoints_before
    }
}

impl Request {
    /// The same as a part of a transaction, whose terms count instead.
    pub(super) fn of_transaction(self) -> Self {
        Self {
            operations: self.operations,
            if_version: None,
            always_bump: false,
            once: None,
            scope: self.scope,
        }
    }
}

impl Session {
    /// Begins a transaction, if its terms hold and it was not carried out before.
    pub fn begin(&mut self, terms: Terms) -> Result<Option<RememberedAnswer>, Rejection> {
        self.abandon();
        let Terms {
            if_version,
            always_bump,
            once,
            scope,
        } = terms;
        let empty = Request {
            operations: Vec::new(),
            if_version,
            always_bump,
            once,
            scope,
        };
        scope::check(&empty)?;
        let Request { once, .. } = empty;
        if let Some(once) = &once {
            arguments::check_once(once)?;
            if let Some(before) = self.remembered(once)? {
                let answer = self.document.text(&before.outcomes).into();
                let reply = self.replayed(before, Vec::new());
                return Ok(Some(RememberedAnswer { answer, reply }));
            }
        }
        self.check_version(if_version)?;
        self.transaction = Some(Transaction {
            start: self.journal.point(&self.document),
            savepoints_before: self.savepoints.len(),
            always_bump,
            once,
        });
        Ok(None)
    }

    /// Ends the transaction, if there is one: what it did counts from now on, as one version at most.
    pub fn finish(&mut self, answer: String) -> Reply {
        if let Some(transaction) = self.transaction.take() {
            if transaction.always_bump || self.journal.has_changes_since(&transaction.start) {
                self.bump();
            }
            if let Some(once) = transaction.once {
                self.remember(once, answer);
            }
            self.forget_undo();
        }
        self.reply(Vec::new())
    }

    /// Undoes all that the transaction did and ends it, if there is one.
    pub fn abandon(&mut self) {
        if let Some(transaction) = self.transaction.take() {
            self.journal.rewind(&mut self.document, &transaction.start);
        }
    }
}
