//! What the commands share that work straight in the database, beside running services.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;

use super::knobs::{DatabaseKnobs, SecretKnobs};
use super::{CommandError, Exit, runtime};
use crate::engine::Engine;
use crate::report::Chain;
use crate::service::{HistoryError, Service, ServiceError, ServiceOptions};
use crate::storage::{Storage, StorageOptions};
use crate::vault::Vault;

/// How long a command waits for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

/// How to show things.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// Columns for people.
    Table,
    /// JSON, one object to a line.
    Json,
    /// The names alone, for a shell; of what has none, the bare text.
    Raw,
}

/// Runs a command to its end.
pub(super) fn run(command: impl Future<Output = Result<(), CommandError>>) -> Result<(), CommandError> {
    runtime()?.block_on(command)
}

/// Opens a database that is there and up to date, with the secrets to open what is in it: to look at it must not change it
/// for the services that run on it.
pub(super) async fn storage(
    secrets: &SecretKnobs,
    database: &DatabaseKnobs,
) -> Result<(Arc<dyn Storage>, Vault), CommandError> {
    let options = StorageOptions {
        existing: true,
        ..database.options(LOCK_TIMEOUT)
    };
    opened(secrets, database, &options).await
}

async fn opened(
    secrets: &SecretKnobs,
    database: &DatabaseKnobs,
    options: &StorageOptions,
) -> Result<(Arc<dyn Storage>, Vault), CommandError> {
    let secret = secrets.current()?.ok_or_else(|| {
        let message = "AUTOMATION_KV_SECRET is not set; states are opened with the secret of the service";
        CommandError::with(Exit::Unauthorized, message)
    })?;
    let vault = Vault::new(&secret, &secrets.previous(), database.adopt);
    let storage = database.database()?.open(options).await;
    let storage = storage.map_err(|error| CommandError::new(error.to_string()))?;
    Ok((storage, vault))
}

/// The same, and an engine to look into states.
pub(super) async fn service(
    secrets: &SecretKnobs,
    database: &DatabaseKnobs,
    options: ServiceOptions,
) -> Result<Service, CommandError> {
    let (storage, vault) = storage(secrets, database).await?;
    Ok(Service::new(storage, Engine::of_command()?, vault, options))
}

/// The same on a database that may have to be made.
pub(super) async fn service_on_any(
    secrets: &SecretKnobs,
    database: &DatabaseKnobs,
    options: ServiceOptions,
) -> Result<Service, CommandError> {
    let (storage, vault) = opened(secrets, database, &database.options(LOCK_TIMEOUT)).await?;
    Ok(Service::new(storage, Engine::of_command()?, vault, options))
}

/// What went wrong, with all its causes.
pub(super) fn failed(error: &(dyn std::error::Error + 'static)) -> CommandError {
    match (
        error.downcast_ref::<HistoryError>(),
        error.downcast_ref::<ServiceError>(),
    ) {
        (Some(HistoryError::Service(service)), _) | (None, Some(service)) => service.clone().into(),
        (Some(HistoryError::NotKept { .. }), _) => CommandError::with(Exit::NotFound, error.to_string()),
        (Some(HistoryError::Changed { .. }), _) => CommandError::with(Exit::Conflict, error.to_string()),
        (Some(HistoryError::Tampered { .. } | HistoryError::Unfit { .. }), _) => CommandError::new(error.to_string()),
        (None, None) => CommandError::new(Chain(error).to_string()),
    }
}

/// A time for people and programs: RFC 3339, to the millisecond.
pub(super) fn time(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    let time = jiff::Timestamp::from_millisecond(ms);
    time.map_or_else(|_| "?".to_string(), |time| format!("{time:.3}"))
}
