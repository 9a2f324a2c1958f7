//! One session: what is stored in, answers and the next state out. Nothing here waits.

use std::sync::Arc;
use std::time::Instant;

use super::{Answer, ServiceError, Shared, metrics};
use crate::automation::AutomationId;
use crate::engine::types::Request;
use crate::engine::{Input, Session};
use crate::storage::{Revision, Sealed, Stored};

/// What a session over a group of requests gave.
pub(super) struct Execution {
    /// One for each request, in order.
    pub(super) answers: Vec<Answer>,
    /// The revision that the session started from.
    pub(super) seen: Option<Revision>,
    /// The state to save, if anything changed.
    pub(super) next: Option<Sealed>,
}

/// What a session over a request that only reads gave.
pub(super) struct Reading {
    pub(super) answer: Answer,
    /// Whether keys were found whose time had come. Their bytes are still in what is stored.
    pub(super) has_expired: bool,
}

impl Shared {
    /// Carries out requests one after another, each all or nothing.
    pub(super) fn execute(
        &self,
        automation: AutomationId,
        stored: Stored,
        requests: &[Arc<Request>],
    ) -> Result<Execution, ServiceError> {
        let begun = Instant::now();
        let (mut session, seen) = self.session(automation, stored)?;
        let answers = requests
            .iter()
            .map(|request| session.execute(request))
            .collect::<Result<_, _>>()?;
        let next = session.commit()?;
        self.metrics.session_seconds.observe(metrics::seconds(begun.elapsed()));
        Ok(Execution { answers, seen, next })
    }

    /// Carries out one request and forgets what it would have written.
    pub(super) fn read(
        &self,
        automation: AutomationId,
        stored: Stored,
        request: &Request,
    ) -> Result<Reading, ServiceError> {
        let begun = Instant::now();
        let (mut session, _) = self.session(automation, stored)?;
        let answer = session.execute(request)?;
        let has_expired = match &answer {
            Ok(reply) => reply.has_expired,
            // A refusal does not say so, but may come from a key that is gone.
            Err(_) => session.has_expired()?,
        };
        self.metrics.session_seconds.observe(metrics::seconds(begun.elapsed()));
        Ok(Reading { answer, has_expired })
    }

    fn session(&self, automation: AutomationId, stored: Stored) -> Result<(Session, Option<Revision>), ServiceError> {
        let record = match stored {
            Stored::Absent => None,
            Stored::Present(record) => Some(record),
            Stored::Deleted => return Err(ServiceError::Deleted),
            Stored::Unknown => return Err(ServiceError::UnknownAutomation),
        };
        let seen = record.as_ref().map(|record| record.revision);
        let session = self.engine.open(Input {
            sealed: record.map(|record| record.sealed),
            vault: self.vault.for_automation(automation),
            max_state_bytes: self.options.max_state_bytes,
            max_value_bytes: self.options.max_value_bytes,
            now: self.clock.now(),
        })?;
        Ok((session, seen))
    }
}
