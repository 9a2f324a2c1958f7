//! The states that runs found before they first wrote: keeping them, looking at them, going back to one.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use lru::LruCache;

use super::mailbox::{Restoring, Work};
use super::{Service, ServiceError, Shared};
use crate::automation::{AutomationId, RunId, Writer};
use crate::clear;
use crate::engine::types::{Condition, Expiry, Listed, Operation, Outcome, Reason, Reply, Request, SetOperation};
use crate::storage::{Keep, Kept, Record, Stored};
use crate::vault::TimestampMs;

/// The most runs that are remembered to have one kept: some 10 MB.
const MAX_REMEMBERED: NonZeroUsize = NonZeroUsize::new(131_072).unwrap();

/// Which runs have a state kept already, as far as this process knows. Of the others it is found out when they write.
#[derive(Debug)]
pub(super) struct KeptRuns {
    /// Of how many runs of an automation one is kept; 0 for none.
    limit: u32,
    runs: Mutex<LruCache<(AutomationId, RunId), ()>>,
}

/// Names a state of the history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Earlier {
    /// As it was before a run first wrote.
    Before(RunId),
    /// As it was at a version; the history has it only if a run began to write then.
    Version(u64),
}

/// All that a state holds.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its version; 0 if there is none.
    pub version: u64,
    /// Its size, in bytes of compact JSON.
    pub size_bytes: u64,
    /// Its keys with their values, oldest first.
    pub keys: Vec<Listed>,
}

/// Why there is no such state.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// Nothing is kept for it, or no longer.
    #[error(
        "the history of {automation} has no state {earlier}; `automation-kv history {automation}` lists those it has"
    )]
    NotKept {
        /// Whose history.
        automation: AutomationId,
        /// Which state.
        earlier: Earlier,
    },
    /// What is kept is not what it is kept as.
    #[error(
        "what the history of {automation} has as the state {earlier} is another one: the database was tampered with"
    )]
    Tampered {
        /// Whose history.
        automation: AutomationId,
        /// Which state.
        earlier: Earlier,
    },
    /// A value or a key breaks a rule of the API.
    #[error("key {key:?} cannot be stored: {problem}")]
    Unfit {
        /// The key.
        key: String,
        /// The rule.
        problem: String,
    },
    /// Somebody wrote in between.
    #[error("the state of {automation} was written to meanwhile; nothing was changed")]
    Changed {
        /// Whose state.
        automation: AutomationId,
    },
    /// The service failed.
    #[error(transparent)]
    Service(#[from] ServiceError),
}

impl KeptRuns {
    pub(super) fn new(limit: u32) -> Self {
        Self {
            limit,
            runs: Mutex::new(LruCache::new(MAX_REMEMBERED)),
        }
    }

    /// Whether something may have to be kept if a run writes.
    pub(super) fn is_new(&self, automation: AutomationId, run: &RunId) -> bool {
        self.limit > 0 && self.runs().get(&(automation, run.clone())).is_none()
    }

    /// As what to keep the state that a run is about to replace.
    pub(super) fn keep(&self, run: RunId, before: &Reply) -> Keep {
        Keep {
            run,
            version: before.version,
            size_bytes: before.size_bytes,
            runs: self.limit,
        }
    }

    /// Notes that it was kept.
    pub(super) fn note(&self, automation: AutomationId, run: RunId) {
        self.runs().put((automation, run), ());
    }

    fn runs(&self) -> MutexGuard<'_, LruCache<(AutomationId, RunId), ()>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service {
    /// What is kept of an automation, latest first.
    pub async fn history(&self, automation: AutomationId, arrival: Instant) -> Result<Vec<Kept>, ServiceError> {
        let deadline = arrival + self.shared.options.lock_timeout;
        match self.shared.load(automation, deadline).await? {
            Stored::Absent | Stored::Present(_) => {}
            Stored::Deleted => return Err(ServiceError::Deleted),
            Stored::Unknown => return Err(ServiceError::UnknownAutomation),
        }
        Ok(self.shared.storage.archive().history(automation).await?)
    }

    /// All that a state holds: the present one, or one of the history as it was then, with keys that have expired since.
    pub async fn snapshot(
        &self,
        automation: AutomationId,
        earlier: Option<&Earlier>,
        arrival: Instant,
    ) -> Result<Snapshot, HistoryError> {
        let shared = &self.shared;
        match earlier {
            Some(earlier) => {
                let (stored, kept) = self.find(automation, earlier, arrival).await?;
                self.kept_as_told(automation, stored, &kept, earlier)
            }
            None => {
                let stored = shared.load(automation, arrival + shared.options.lock_timeout).await?;
                Ok(shared.look(automation, stored, self.now())?)
            }
        }
    }

    /// Puts what a state of the history held in the place of what the automation's state holds, in the turn of its writes
    /// and as one new version. It is a write of the run that `writer` names, so the state before it may be kept too.
    pub async fn restore(&self, writer: Writer, earlier: &Earlier, arrival: Instant) -> Result<Reply, HistoryError> {
        let (stored, kept) = self.find(writer.automation, earlier, arrival).await?;
        // What does not open is found here, and not together with requests of others.
        self.kept_as_told(writer.automation, stored.clone(), &kept, earlier)?;
        let sealed = match stored {
            Stored::Present(record) => Some(record.sealed.into()),
            _ => None,
        };
        self.put(writer, sealed, None, arrival).await
    }

    /// Puts a document in the clear in the place of what the automation's state holds, as [`restore`](Self::restore) does, if
    /// the state has that version. What the API would refuse to store is refused.
    pub async fn import(
        &self,
        writer: Writer,
        plain: &[u8],
        if_version: u64,
        arrival: Instant,
    ) -> Result<Reply, HistoryError> {
        let vault = self.shared.vault.for_automation(writer.automation);
        let sealed = vault.seal(plain);
        let document = self
            .shared
            .look(writer.automation, present(sealed.clone()), self.now())?;
        self.shared.check_rules(writer.automation, document)?;
        self.put(writer, Some(sealed.into()), Some(if_version), arrival).await
    }

    /// The same for a document that was sealed for this automation.
    pub async fn import_sealed(
        &self,
        writer: Writer,
        sealed: Vec<u8>,
        if_version: u64,
        arrival: Instant,
    ) -> Result<Reply, HistoryError> {
        // What does not open is found here, and not together with requests of others.
        self.shared
            .look(writer.automation, present(sealed.clone()), self.now())?;
        self.put(writer, Some(sealed.into()), Some(if_version), arrival).await
    }

    async fn put(
        &self,
        writer: Writer,
        earlier: Option<Arc<[u8]>>,
        if_version: Option<u64>,
        arrival: Instant,
    ) -> Result<Reply, HistoryError> {
        let automation = writer.automation;
        let restoring = Restoring { earlier, if_version };
        let worked = self.shared.write(writer, Work::Restore(restoring), arrival).await?;
        let answer = worked.of_request()?;
        // Nothing else is asked for that could be refused.
        answer.map_err(|_| HistoryError::Changed { automation })
    }

    /// What a state of the history holds. Its version is sealed with it, so a row cannot pass for another one.
    fn kept_as_told(
        &self,
        automation: AutomationId,
        stored: Stored,
        kept: &Kept,
        earlier: &Earlier,
    ) -> Result<Snapshot, HistoryError> {
        let snapshot = self.shared.look(automation, stored, kept.kept_at)?;
        if snapshot.version != kept.version {
            let earlier = earlier.clone();
            return Err(HistoryError::Tampered { automation, earlier });
        }
        Ok(snapshot)
    }

    /// A state of the history as it was stored, and as what.
    async fn find(
        &self,
        automation: AutomationId,
        earlier: &Earlier,
        arrival: Instant,
    ) -> Result<(Stored, Kept), HistoryError> {
        let history = self.history(automation, arrival).await?;
        let is_it = |kept: &&Kept| match earlier {
            Earlier::Before(run) => kept.run == *run,
            Earlier::Version(version) => kept.version == *version,
        };
        if let Some(kept) = history.iter().find(is_it) {
            let archive = self.shared.storage.archive();
            let found = archive.kept(automation, &kept.run).await.map_err(ServiceError::from)?;
            if let Some(sealed) = found {
                let stored = sealed.map_or(Stored::Absent, |sealed| Stored::Present(Record { revision: 0, sealed }));
                return Ok((stored, kept.clone()));
            }
        }
        Err(HistoryError::NotKept {
            automation,
            earlier: earlier.clone(),
        })
    }
}

impl Shared {
    /// All that a state held at a time.
    fn look(&self, automation: AutomationId, stored: Stored, at: TimestampMs) -> Result<Snapshot, ServiceError> {
        let answer = self.read(automation, stored, &clear::listing(), at)?.answer;
        match answer.map(|reply| (reply.version, reply.size_bytes, reply.outcomes.into_iter().next())) {
            Ok((version, size_bytes, Some(Outcome::Keys(page)))) => Ok(Snapshot {
                version,
                size_bytes,
                keys: page.keys,
            }),
            // Listing all keys is never refused.
            _ => Err(ServiceError::Dropped),
        }
    }
}

impl Shared {
    /// Whether the engine would store each key with its value.
    fn check_rules(&self, automation: AutomationId, document: Snapshot) -> Result<(), HistoryError> {
        for listed in document.keys {
            let set = Operation::Set(SetOperation {
                key: listed.key.clone(),
                value: listed.value.unwrap_or_default(),
                condition: Condition::Always,
                expiry: Expiry::Never,
            });
            let tried = self.read(automation, Stored::Absent, &Request::of(vec![set]), self.clock.now())?;
            // How large it may be is another matter: what is restored is not measured either.
            let Some(Reason::InvalidKey(problem) | Reason::InvalidJson(problem) | Reason::InvalidValue(problem)) =
                tried.answer.err().map(|rejection| rejection.reason)
            else {
                continue;
            };
            let key = listed.key;
            return Err(HistoryError::Unfit { key, problem });
        }
        Ok(())
    }
}

fn present(sealed: Vec<u8>) -> Stored {
    Stored::Present(Record { revision: 0, sealed })
}

impl fmt::Display for Earlier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Before(run) => write!(f, "before run {run}"),
            Self::Version(version) => write!(f, "of version {version}"),
        }
    }
}
