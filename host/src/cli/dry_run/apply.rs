//! Making the changes of a dry run in the database, unless the state has changed there meanwhile.

use std::sync::Arc;
use std::time::Instant;

use uuid::Uuid;

use super::super::output;
use super::super::{CommandError, Exit};
use super::DryRun;
use super::overlay::Overlay;
use crate::automation::RunId;
use crate::clear;
use crate::diff::{Difference, Document};
use crate::engine::Engine;
use crate::service::{Service, ServiceOptions};
use crate::storage::{Keep, Revision, Sealed, Storage, StorageError, Stored, Swap};
use crate::vault::Vault;

/// How often the row may be another one without being another version: sealed anew, or rid of what has expired.
const TRIES: u32 = 3;

/// Saves what the overlay holds as the next state, with the versions that it has: as if the command had run on the database.
/// That takes place only if the state still has the version that the command began with.
pub(super) async fn apply(
    options: &DryRun,
    overlay: &Overlay,
    before: &Document,
    after: &Document,
) -> Result<(), CommandError> {
    let (Some(sealed), true) = (overlay.sealed().await?, before.version != after.version) else {
        eprintln!("automation-kv: there is nothing to apply");
        return Ok(());
    };
    let storage_options = options.database.options(ServiceOptions::default().lock_timeout);
    let storage = options.database.database()?.open(&storage_options).await;
    let storage = storage.map_err(|error| CommandError::new(error.to_string()))?;
    let next = Sealed {
        bytes: sealed,
        // What is stored may have been sealed anew in the meantime.
        keeps_base: false,
        expires_at: after
            .entries
            .iter()
            .filter_map(|entry| entry.attributes?.expires_at)
            .min(),
        keep: kept_before(options, before),
    };
    let applied = swap(options, overlay, before, &storage, &next).await;
    storage.close().await;
    applied?;
    eprintln!("automation-kv: applied as version {}", after.version.unwrap_or(0));
    Ok(())
}

/// So that what is applied can be undone like a run.
fn kept_before(options: &DryRun, before: &Document) -> Option<Keep> {
    let runs = options.history.history_runs;
    let run = RunId::parse(&format!("dry-run-{}", Uuid::new_v4())).ok()?;
    (runs > 0).then(|| Keep {
        run,
        version: before.version.unwrap_or(0),
        size_bytes: before.size_bytes.unwrap_or(0),
        runs,
    })
}

async fn swap(
    options: &DryRun,
    overlay: &Overlay,
    before: &Document,
    storage: &Arc<dyn Storage>,
    next: &Sealed,
) -> Result<(), CommandError> {
    let failed = |error: StorageError| CommandError::new(crate::report::Chain(&error).to_string());
    let mut seen = overlay.seen;
    for _ in 0..TRIES {
        let deadline = Instant::now() + ServiceOptions::default().lock_timeout;
        let swapped = storage.swap(overlay.automation, seen, next.clone(), deadline).await;
        if swapped.map_err(failed)? == Swap::Saved {
            return Ok(());
        }
        let (revision, now) = stored(options, overlay, storage).await?;
        if now.version != before.version {
            return Err(changed(before, &now));
        }
        seen = revision;
    }
    Err(CommandError::with(
        Exit::Conflict,
        "the state is being written to all the time; nothing was applied",
    ))
}

/// What is stored now.
async fn stored(
    options: &DryRun,
    overlay: &Overlay,
    storage: &Arc<dyn Storage>,
) -> Result<(Option<Revision>, Document), CommandError> {
    let loaded = storage.load(overlay.automation).await;
    let revision = match loaded.map_err(|error| CommandError::new(error.to_string()))? {
        Stored::Present(record) => Some(record.revision),
        _ => None,
    };
    let secret = options.secrets.current()?.unwrap_or_default();
    let vault = Vault::new(&secret, &options.secrets.previous(), options.database.adopt);
    let service = Service::new(
        Arc::clone(storage),
        Engine::of_command()?,
        vault,
        ServiceOptions::default(),
    );
    let answer = service
        .read(overlay.automation, clear::listing(), Instant::now())
        .await?;
    let document = answer.ok().and_then(|reply| clear::document(&reply));
    let document = document.ok_or_else(|| CommandError::new("the engine gave an answer that makes no sense"))?;
    Ok((revision, document))
}

/// Shows what somebody else changed.
fn changed(before: &Document, now: &Document) -> CommandError {
    if let Ok(difference) = Difference::between(before, now) {
        eprint!("changed meanwhile: {}", difference.text(output::colour()));
    }
    let version = |document: &Document| document.version.unwrap_or(0);
    CommandError::with(
        Exit::Conflict,
        format!(
            "the state has gone from version {} to {} since the dry run began; nothing was applied",
            version(before),
            version(now)
        ),
    )
}
