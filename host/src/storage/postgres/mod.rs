//! States in PostgreSQL, for any number of hosts at once: no state in any of them.
//!
//! Every message is a simple query, so no prepared statement has to survive anywhere and a pooler in transaction mode
//! may stand in between; each is one round trip, and a transaction of its own. What waits at the same time goes in one
//! message: loads together, saves together.

mod crowd;
mod history;
mod lane;
mod locked;
mod open;
mod outcome;
mod peek;
mod queue;
mod reader;
mod sql;
mod url;
mod wariness;
mod writer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::oneshot;

use super::text;
use super::{
    Archive, Connections, Listed, OpenError, Revision, Sealed, Step, Storage, StorageError, StorageOptions, Stored,
    Swap,
};
use crate::automation::AutomationId;
use lane::{Connector, Lane};
use locked::LockedRows;
use open::Prepared;
use queue::Queue;
use wariness::Wariness;

pub use url::PostgresUrl;

/// How long a load may take, waiting for a connection included.
const LOAD_TIME: Duration = Duration::from_secs(5);

/// A storage in a PostgreSQL database. Other hosts may use the database too.
pub struct PostgresStorage {
    connector: Arc<Connector>,
    loads: Queue<reader::Load>,
    saves: Queue<writer::Save>,
    locked: LockedRows,
    identity: String,
}

impl PostgresStorage {
    /// Connects, brings the tables up to date and starts the lanes.
    pub async fn open(url: &PostgresUrl, options: &StorageOptions) -> Result<Self, OpenError> {
        let Prepared { registry, made } = open::prepare(url, options).await?;
        let connector = Arc::new(Connector::new(url.options(), options.lock_timeout, registry));
        let share = Share::of(options.connections);
        let lane = || Lane::new(Arc::clone(&connector));
        let wariness = Arc::new(Wariness::none());
        Ok(Self {
            loads: Queue::start(share.loads, |jobs| reader::run(lane(), jobs)),
            saves: Queue::start(share.saves, |jobs| writer::run(lane(), jobs, Arc::clone(&wariness))),
            locked: LockedRows::new(Arc::clone(&connector), share.locks),
            connector,
            identity: format!("{} {made}", url.place()),
        })
    }

    /// What is stored for an automation, read in a transaction that cannot write.
    pub async fn peek(url: &PostgresUrl, automation: AutomationId) -> Result<Stored, OpenError> {
        peek::peek(url, automation).await
    }

    async fn read<T>(
        &self,
        load: impl FnOnce(oneshot::Sender<Result<T, StorageError>>) -> reader::Work,
    ) -> Result<T, StorageError> {
        let (answer, answered) = oneshot::channel();
        let load = reader::Load {
            work: load(answer),
            deadline: Instant::now() + LOAD_TIME,
        };
        self.loads.push(load).await?;
        answered.await.map_err(|_| StorageError::Closed)?
    }
}

#[async_trait]
impl Storage for PostgresStorage {
    async fn load(&self, automation: AutomationId) -> Result<Stored, StorageError> {
        self.read(|answer| reader::Work::One { automation, answer }).await
    }

    async fn swap(
        &self,
        automation: AutomationId,
        seen: Option<Revision>,
        sealed: Sealed,
        deadline: Instant,
    ) -> Result<Swap, StorageError> {
        let (answer, answered) = oneshot::channel();
        let save = writer::Save {
            automation,
            seen,
            text: sql::quotable(sealed)?,
            deadline,
            answer,
        };
        self.saves.push(save).await?;
        answered.await.map_err(|_| StorageError::Closed)?
    }

    async fn update(&self, automation: AutomationId, step: Step, deadline: Instant) -> Result<Swap, StorageError> {
        self.locked.update(automation, step, deadline).await
    }

    async fn delete(&self, automation: AutomationId, deadline: Instant) -> Result<bool, StorageError> {
        self.locked.delete(automation, deadline).await
    }

    async fn list(&self, after: Option<AutomationId>, limit: u32) -> Result<Vec<Listed>, StorageError> {
        self.read(|answer| reader::Work::Page { after, limit, answer }).await
    }

    async fn expired(&self, now_ms: u64, limit: u32) -> Result<Vec<AutomationId>, StorageError> {
        let now_ms = text::column(now_ms);
        self.read(|answer| reader::Work::Expired { now_ms, limit, answer })
            .await
    }

    fn archive(&self) -> &dyn Archive {
        self
    }

    /// Where the Python service's tables are beside ours, it might still be at work, and it raises no revision.
    fn has_costly_loads(&self) -> bool {
        self.connector.registry.is_none()
    }

    fn identity(&self) -> Option<&str> {
        Some(&self.identity)
    }

    fn connections(&self) -> Connections {
        self.connector.connections()
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.read(|answer| reader::Work::Check { answer }).await
    }

    async fn close(&self) {
        self.saves.close().await;
        self.loads.close().await;
        self.locked.close().await;
    }
}

/// How the connections are shared out. Waiting for locked rows has connections of its own, so that it can never hold up
/// the others.
struct Share {
    loads: u32,
    saves: u32,
    locks: u32,
}

impl Share {
    fn of(connections: u32) -> Self {
        let connections = connections.max(3);
        let locks = (connections / 4).max(1);
        let saves = ((connections - locks) / 2).max(1);
        Self {
            loads: connections - locks - saves,
            saves,
            locks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_work_has_a_connection_and_no_more_are_made() {
        for connections in 0..50 {
            let share = Share::of(connections);
            assert!(share.loads.min(share.saves).min(share.locks) >= 1);
            assert_eq!(share.loads + share.saves + share.locks, connections.max(3));
        }
    }
}
