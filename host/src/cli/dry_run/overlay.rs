//! The copy that a command works on.

use std::sync::Arc;
use std::time::Instant;

use super::super::{CommandError, Exit};
use super::DryRun;
use crate::automation::AutomationId;
use crate::clear;
use crate::diff::Document;
use crate::engine::{Engine, EngineError};
use crate::service::{Service, ServiceError, ServiceOptions};
use crate::storage::{MemoryStorage, Revision, Sealed, Storage, StorageError, Stored};
use crate::vault::{TimestampMs, Vault};

/// A state in memory, and a service on it.
pub(super) struct Overlay {
    pub(super) automation: AutomationId,
    pub(super) service: Service,
    /// The revision in the database that it began with.
    pub(super) seen: Option<Revision>,
    storage: Arc<MemoryStorage>,
    vault: Vault,
    /// What a state that cannot be read is called.
    source: String,
}

impl Overlay {
    /// On what is stored for an automation.
    pub(super) async fn on_database(options: &DryRun, automation: AutomationId) -> Result<Self, CommandError> {
        let secret = options.secrets.current()?.ok_or_else(|| {
            let message = "AUTOMATION_KV_SECRET is not set; states are opened with the secret of the service";
            CommandError::with(Exit::Unauthorized, message)
        })?;
        let database = options.database.database()?;
        let storage_options = options.database.options(ServiceOptions::default().lock_timeout);
        let stored = database.peek(automation, &storage_options).await;
        let record = match stored.map_err(|error| CommandError::new(error.to_string()))? {
            Stored::Absent => None,
            Stored::Present(record) => Some(record),
            Stored::Deleted => return Err(ServiceError::Deleted.into()),
            Stored::Unknown => return Err(ServiceError::UnknownAutomation.into()),
        };
        if record.is_none() {
            eprintln!("automation-kv: {automation} has no state in the {database}; beginning without one");
        }
        let vault = Vault::new(&secret, &options.secrets.previous(), options.database.adopt);
        let seen = record.as_ref().map(|record| record.revision);
        let source = format!("the state of {automation}");
        let sealed = record.map(|record| record.sealed);
        Self::new(options, automation, sealed, vault, source).map(|overlay| Self { seen, ..overlay })
    }

    /// On a state in the clear.
    pub(super) fn on_state(options: &DryRun, plain: Option<Vec<u8>>) -> Result<Self, CommandError> {
        let vault = Vault::clear(options.now.unwrap_or_else(system_ms));
        let source = options.source.state.clone().unwrap_or_default();
        Self::new(options, AutomationId::random(), plain, vault, source)
    }

    fn new(
        options: &DryRun,
        automation: AutomationId,
        sealed: Option<Vec<u8>>,
        vault: Vault,
        source: String,
    ) -> Result<Self, CommandError> {
        // When keys expire is for the sweep, of which there is none here.
        let expires_at = None;
        let holding = |bytes| {
            let sealed = Sealed {
                bytes,
                expires_at,
                ..Sealed::default()
            };
            MemoryStorage::holding(automation, sealed)
        };
        let storage = Arc::new(sealed.map_or_else(MemoryStorage::default, holding));
        let service_options = ServiceOptions {
            max_state_bytes: options.limits.max_state_bytes(),
            max_value_bytes: options.limits.max_value_size,
            fixed_now: options.now,
            ..ServiceOptions::default()
        };
        let shared: Arc<dyn Storage> = Arc::<MemoryStorage>::clone(&storage);
        Ok(Self {
            automation,
            service: Service::new(shared, Engine::of_command()?, vault.clone(), service_options),
            seen: None,
            storage,
            vault,
            source,
        })
    }

    /// The state as it is now.
    pub(super) async fn document(&self) -> Result<Document, CommandError> {
        let answer = self
            .service
            .read(self.automation, clear::listing(), Instant::now())
            .await;
        let reply = answer.map_err(|error| self.unreadable(error))?;
        let document = reply.ok().and_then(|reply| clear::document(&reply));
        document.ok_or_else(|| CommandError::new("the engine gave an answer that makes no sense"))
    }

    /// The sealed state as it is now; none if there is none.
    pub(super) async fn sealed(&self) -> Result<Option<Vec<u8>>, CommandError> {
        let stored = self.storage.load(self.automation).await;
        match stored.map_err(|error: StorageError| CommandError::new(error.to_string()))? {
            Stored::Present(record) => Ok(Some(record.sealed)),
            _ => Ok(None),
        }
    }

    /// The state as the engine keeps it.
    pub(super) async fn plain(&self) -> Result<Option<Vec<u8>>, CommandError> {
        let Some(sealed) = self.sealed().await? else {
            return Ok(None);
        };
        let opened = self.vault.for_automation(self.automation).open(&sealed);
        opened
            .map(|opened| Some(opened.plain))
            .map_err(|error| CommandError::with(Exit::Unauthorized, error.to_string()))
    }

    fn unreadable(&self, error: ServiceError) -> CommandError {
        match &error {
            ServiceError::Engine(engine) => match &**engine {
                EngineError::Unreadable(problem) => {
                    CommandError::new(format!("{} is not a state: {problem}", self.source))
                }
                _ => error.into(),
            },
            _ => error.into(),
        }
    }
}

fn system_ms() -> TimestampMs {
    let since_epoch = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    u64::try_from(since_epoch.unwrap_or_default().as_millis()).unwrap_or(u64::MAX)
}
