//! Steps that tests take, and values that they use.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use automation_kv::automation::{AutomationId, RunId};
use automation_kv::storage::{Keep, Place as Stands, Record, Sealed, SealedRow, StorageError, Stored, Swap};
use uuid::Uuid;

use crate::place::Opened;

pub async fn swap(storage: &Opened, id: AutomationId, seen: Option<i64>, text: &str) -> Swap {
    swap_until(storage, id, seen, text, None).await
}

pub async fn swap_until(
    storage: &Opened,
    id: AutomationId,
    seen: Option<i64>,
    text: &str,
    expires_at: Option<u64>,
) -> Swap {
    storage.swap(id, seen, sealed(text, expires_at), soon()).await.unwrap()
}

/// Saves for a run, given with the version before it and how many runs to keep.
pub async fn keeping(
    storage: &Opened,
    id: AutomationId,
    seen: Option<i64>,
    text: &str,
    (run, version, runs): (&str, u64, u32),
) -> Swap {
    let sealed = Sealed {
        keep: Some(keep(run, version, runs)),
        ..sealed(text, None)
    };
    storage.swap(id, seen, sealed, soon()).await.unwrap()
}

pub async fn change_beside(storage: &Opened, id: AutomationId, seen: i64, base: &str, text: &str) -> Swap {
    storage.swap(id, Some(seen), change(base, text), soon()).await.unwrap()
}

pub async fn kept(storage: &Opened, id: AutomationId, run: &str) -> Option<Option<Vec<u8>>> {
    storage.archive().kept(id, &run_id(run)).await.unwrap()
}

pub async fn versions(storage: &Opened, id: AutomationId) -> Vec<u64> {
    let history = storage.archive().history(id).await.unwrap();
    history.iter().map(|kept| kept.version).collect()
}

pub async fn loaded(storage: &Opened, id: AutomationId) -> Record {
    match storage.load(id).await.unwrap() {
        Stored::Present(record) => record,
        other => panic!("expected a record, got {other:?}"),
    }
}

pub async fn reseal(storage: &Opened, rows: Vec<SealedRow>) -> Vec<Swap> {
    storage.archive().reseal(rows, soon()).await.unwrap()
}

pub async fn count_up_together(hosts: &[Opened], id: AutomationId, updates: usize) {
    join_all((0..updates).map(|update| {
        let host = Arc::clone(&hosts[update % hosts.len()]);
        async move { count_up(&host, id).await.unwrap() }
    }))
    .await;
}

pub async fn count_up(storage: &Opened, id: AutomationId) -> Result<(), StorageError> {
    let step = |stored| {
        let count: usize = match stored {
            Stored::Present(record) => String::from_utf8(record.sealed).unwrap().parse().unwrap(),
            _ => 0,
        };
        Some(sealed(&(count + 1).to_string(), None))
    };
    let begun = Instant::now();
    loop {
        match storage.update(id, Box::new(step), soon()).await {
            Ok(Swap::Saved) => return Ok(()),
            // Somebody made the row first, or all connections for locked rows were taken.
            Ok(Swap::Lost) | Err(StorageError::Busy) if begun.elapsed() < Duration::from_secs(20) => {}
            Ok(Swap::Lost) => return Err(StorageError::Busy),
            Err(error) => return Err(error),
        }
    }
}

/// Runs futures at the same time, on all threads.
pub async fn join_all<F: Future<Output = ()> + Send + 'static>(futures: impl Iterator<Item = F>) {
    let mut tasks: tokio::task::JoinSet<()> = futures.collect();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

pub fn sealed(text: &str, expires_at: Option<u64>) -> Sealed {
    Sealed {
        bytes: text.as_bytes().to_vec(),
        expires_at,
        ..Sealed::default()
    }
}

/// A state whose base is stored already.
pub fn change(base: &str, change: &str) -> Sealed {
    Sealed {
        keeps_base: true,
        ..sealed(&format!("{base}{change}"), None)
    }
}

pub fn keep(run: &str, version: u64, runs: u32) -> Keep {
    Keep {
        run: run_id(run),
        version,
        size_bytes: 7,
        runs,
    }
}

pub fn run_id(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

pub fn row(automation: AutomationId, place: Stands, sealed: &str) -> SealedRow {
    SealedRow {
        automation,
        place,
        sealed: sealed.as_bytes().to_vec(),
    }
}

pub fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since_epoch.as_millis().try_into().unwrap()
}

pub fn new_id() -> AutomationId {
    Uuid::new_v4().into()
}

pub fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}
