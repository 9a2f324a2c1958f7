//! Automations as a whole: which there are, and getting rid of one.

use std::sync::Arc;
use std::time::Instant;

use super::{Service, ServiceError, Shared};
use crate::automation::AutomationId;
use crate::engine::types::Request;
use crate::report::Chain;
use crate::storage::{Listed, Stored};
use crate::vault::TimestampMs;

/// An automation with a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AutomationSummary {
    /// Which.
    pub automation: AutomationId,
    /// The state's version and its size in bytes of compact JSON; none if the state does not open.
    pub state: Option<(u64, u64)>,
    /// What the sealed state takes in the database, in bytes.
    pub stored_bytes: u64,
    /// When it first wrote.
    pub created_at: TimestampMs,
    /// When it last wrote.
    pub updated_at: TimestampMs,
}

impl Service {
    /// At most `limit` automations with a state whose ids come after `after`, in the order of their ids.
    pub async fn automations(
        &self,
        after: Option<AutomationId>,
        limit: u32,
    ) -> Result<Vec<AutomationSummary>, ServiceError> {
        let listed = self.shared.storage.list(after, limit).await?;
        let mut summaries = Vec::with_capacity(listed.len());
        for row in listed {
            summaries.push(self.shared.summary(row).await?);
            // A page of them is a thousand sessions.
            tokio::task::yield_now().await;
        }
        Ok(summaries)
    }

    /// Removes an automation's state for good; its tokens are of no use from then on. Gives whether there was a state.
    pub async fn delete_automation(&self, automation: AutomationId, arrival: Instant) -> Result<bool, ServiceError> {
        let deadline = arrival + self.shared.options.lock_timeout;
        Ok(self.shared.storage.delete(automation, deadline).await?)
    }
}

impl Shared {
    async fn summary(self: &Arc<Self>, row: Listed) -> Result<AutomationSummary, ServiceError> {
        let stored_bytes = row.record.sealed.len() as u64;
        let nothing = Arc::new(Request::of(Vec::new()));
        let deadline = Instant::now() + self.options.lock_timeout;
        let stored = Stored::Present(row.record);
        let reading = self
            .read_anywhere(row.automation, stored, &nothing, Vec::new(), deadline)
            .await;
        let state = match reading.map(|reading| reading.answer) {
            Ok(Ok(reply)) => Some((reply.version, reply.size_bytes)),
            Ok(Err(_)) => None,
            // That there was no time to open it says nothing of the state.
            Err(error @ ServiceError::TimedOut) => return Err(error),
            Err(error) => {
                tracing::warn!(automation = %row.automation, error = %Chain(&error), "a state does not open");
                None
            }
        };
        Ok(AutomationSummary {
            automation: row.automation,
            state,
            stored_bytes,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }
}
