//! What every storage promises, and the same suite over all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

mod support;

use automation_kv::automation::AutomationId;
use automation_kv::database::Database;
use automation_kv::storage::{Record, Sealed, Storage, StorageError, StorageOptions, Stored, Swap};
use tempfile::TempDir;
use uuid::Uuid;

type Opened = Arc<dyn Storage>;

/// A database for one test. Opening it more than once gives several hosts of the same states, except in memory.
struct Place {
    database: Database,
    _folder: TempDir,
}

impl Place {
    fn new(url: impl FnOnce(&Path) -> String) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            database: Database::parse(&url(folder.path())).unwrap(),
            _folder: folder,
        }
    }

    fn memory() -> Self {
        Self::new(|_| "memory:".to_owned())
    }

    fn sqlite() -> Self {
        Self::new(|folder| format!("sqlite://{}/state.db", folder.display()))
    }

    fn postgres() -> Self {
        Self::new(|_| support::postgres::SHARED.database())
    }

    async fn open(&self) -> Opened {
        self.database.open(&StorageOptions::default()).await.unwrap()
    }
}

macro_rules! suite {
    ($place:ident: $($test:ident)+) => {
        mod $place {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $test() {
                super::$test(super::Place::$place()).await;
            })+
        }
    };
}

/// What every storage does, and more of it where that is said.
macro_rules! everywhere {
    ($place:ident $($more:ident)*) => {
        suite! { $place:
            nothing_is_there_at_first
            a_saved_state_is_loaded_again
            the_first_save_has_one_winner
            a_save_on_an_old_revision_is_lost
            an_update_decides_on_what_is_stored
            an_update_that_gives_nothing_saves_nothing
            of_racing_saves_one_wins
            racing_updates_all_count
            automations_do_not_share_rows
            a_large_state_is_kept
            a_deleted_automation_stays_deleted
            deleting_beats_a_save_that_was_on_its_way
            automations_are_listed_page_by_page
            what_is_due_is_listed
            a_time_is_replaced_and_cleared
            an_update_saves_its_time
            a_deleted_automation_is_not_due
            $($more)*
        }
    };
}

/// What storages do that several hosts can open, one after the other and at once.
macro_rules! lasting {
    ($place:ident) => {
        everywhere! { $place
            a_state_survives_closing
            a_closed_storage_says_so
            another_host_sees_every_save
            another_host_sees_what_is_due
            another_host_loses_on_an_old_revision
            racing_updates_of_several_hosts_all_count
            first_saves_of_several_hosts_have_one_winner
            what_was_taken_is_finished_by_closing
        }
    };
}

everywhere! { memory }
lasting! { sqlite }
lasting! { postgres }

async fn nothing_is_there_at_first(place: Place) {
    let storage = place.open().await;
    assert_eq!(storage.load(new_id()).await.unwrap(), Stored::Absent);
    storage.check().await.unwrap();
}

async fn a_saved_state_is_loaded_again(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    assert_eq!(swap(&storage, id, None, "one").await, Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, b"one");
    let seen = Some(loaded(&storage, id).await.revision);
    assert_eq!(swap(&storage, id, seen, "two").await, Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, b"two");
}

async fn the_first_save_has_one_winner(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    assert_eq!(swap(&storage, id, None, "one").await, Swap::Saved);
    assert_eq!(swap(&storage, id, None, "two").await, Swap::Lost);
    assert_eq!(loaded(&storage, id).await.sealed, b"one");
}

async fn a_save_on_an_old_revision_is_lost(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "one").await;
    let seen = Some(loaded(&storage, id).await.revision);
    assert_eq!(swap(&storage, id, seen, "two").await, Swap::Saved);
    assert_eq!(swap(&storage, id, seen, "three").await, Swap::Lost);
    assert_eq!(swap(&storage, new_id(), seen, "nobody's").await, Swap::Lost);
    assert_eq!(loaded(&storage, id).await.sealed, b"two");
}

async fn an_update_decides_on_what_is_stored(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    count_up(&storage, id).await.unwrap();
    count_up(&storage, id).await.unwrap();
    assert_eq!(loaded(&storage, id).await.sealed, b"2");
}

async fn an_update_that_gives_nothing_saves_nothing(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    storage.update(id, Box::new(|_| None), soon()).await.unwrap();
    assert_eq!(storage.load(id).await.unwrap(), Stored::Absent);
    swap(&storage, id, None, "one").await;
    let before = loaded(&storage, id).await;
    storage.update(id, Box::new(|_| None), soon()).await.unwrap();
    assert_eq!(loaded(&storage, id).await, before);
}

async fn of_racing_saves_one_wins(place: Place) {
    const RACERS: usize = 16;
    let storage = place.open().await;
    for _ in 0..20 {
        let id = new_id();
        let wins = Arc::new(AtomicUsize::new(0));
        join_all((0..RACERS).map(|racer| {
            let (storage, wins) = (Arc::clone(&storage), Arc::clone(&wins));
            async move {
                if swap(&storage, id, None, &racer.to_string()).await == Swap::Saved {
                    wins.fetch_add(1, Ordering::Relaxed);
                }
            }
        }))
        .await;
        assert_eq!(wins.load(Ordering::Relaxed), 1);
    }
}

async fn racing_updates_all_count(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    count_up_together(std::slice::from_ref(&storage), id, 64).await;
    assert_eq!(loaded(&storage, id).await.sealed, b"64");
}

async fn automations_do_not_share_rows(place: Place) {
    const AUTOMATIONS: usize = 200;
    let storage = place.open().await;
    let ids: Vec<AutomationId> = (0..AUTOMATIONS).map(|_| new_id()).collect();
    join_all(ids.iter().map(|&id| {
        let storage = Arc::clone(&storage);
        async move { assert_eq!(swap(&storage, id, None, &id.to_string()).await, Swap::Saved) }
    }))
    .await;
    for id in ids {
        assert_eq!(loaded(&storage, id).await.sealed, id.to_string().into_bytes());
    }
}

async fn a_large_state_is_kept(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    let large = "gAAA".repeat(1 << 20);
    assert_eq!(swap(&storage, id, None, &large).await, Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, large.into_bytes());
}

async fn a_deleted_automation_stays_deleted(place: Place) {
    let (storage, id, other) = (place.open().await, new_id(), new_id());
    swap(&storage, id, None, "one").await;
    swap(&storage, other, None, "other").await;
    let seen = Some(loaded(&storage, id).await.revision);
    assert!(storage.delete(id, soon()).await.unwrap());
    assert!(!storage.delete(id, soon()).await.unwrap());
    assert_eq!(storage.load(id).await.unwrap(), Stored::Deleted);
    for seen in [None, seen, seen.map(|seen| seen + 1)] {
        assert_eq!(swap(&storage, id, seen, "again").await, Swap::Lost);
    }
    let step = |stored| {
        assert_eq!(stored, Stored::Deleted);
        None
    };
    storage.update(id, Box::new(step), soon()).await.unwrap();
    assert_eq!(storage.load(id).await.unwrap(), Stored::Deleted);
    assert_eq!(loaded(&storage, other).await.sealed, b"other");
    // One that never wrote is deleted too: its tokens may still be about.
    let silent = new_id();
    assert!(!storage.delete(silent, soon()).await.unwrap());
    assert_eq!(swap(&storage, silent, None, "late").await, Swap::Lost);
    assert_eq!(storage.load(silent).await.unwrap(), Stored::Deleted);
}

async fn deleting_beats_a_save_that_was_on_its_way(place: Place) {
    let storage = place.open().await;
    for _ in 0..20 {
        let id = new_id();
        swap(&storage, id, None, "one").await;
        let seen = Some(loaded(&storage, id).await.revision);
        let (saving, deleting) = (Arc::clone(&storage), Arc::clone(&storage));
        let save = tokio::spawn(async move { swap(&saving, id, seen, "two").await });
        let delete = tokio::spawn(async move { deleting.delete(id, soon()).await.unwrap() });
        save.await.unwrap();
        assert!(delete.await.unwrap());
        assert_eq!(storage.load(id).await.unwrap(), Stored::Deleted);
    }
}

async fn automations_are_listed_page_by_page(place: Place) {
    let storage = place.open().await;
    let mut ids: Vec<AutomationId> = (0..7).map(|_| new_id()).collect();
    ids.sort_unstable();
    for &id in &ids {
        swap(&storage, id, None, &id.to_string()).await;
    }
    storage.delete(ids[3], soon()).await.unwrap();
    ids.remove(3);
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = storage.list(after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.automation);
        assert!(page.len() <= 2);
        for listed in page {
            assert_eq!(listed.record.sealed, listed.automation.to_string().into_bytes());
            let age = now_ms().abs_diff(listed.updated_at);
            assert!(age < 60_000 && listed.created_at <= listed.updated_at, "{listed:?}");
            seen.push(listed.automation);
        }
    }
    assert_eq!(seen, ids);
}

async fn what_is_due_is_listed(place: Place) {
    let storage = place.open().await;
    let ids: Vec<AutomationId> = (0..6).map(|_| new_id()).collect();
    for (id, expires_at) in ids
        .iter()
        .zip([None, Some(300), Some(100), Some(1000), Some(200), Some(u64::MAX)])
    {
        swap_until(&storage, *id, None, "one", expires_at).await;
    }
    assert_eq!(storage.expired(99, 10).await.unwrap(), []);
    assert_eq!(storage.expired(100, 10).await.unwrap(), [ids[2]]);
    assert_eq!(storage.expired(999, 10).await.unwrap(), [ids[2], ids[4], ids[1]]);
    assert_eq!(storage.expired(999, 2).await.unwrap(), [ids[2], ids[4]]);
    // What else is kept does not change for it.
    assert_eq!(loaded(&storage, ids[2]).await.sealed, b"one");
}

async fn a_time_is_replaced_and_cleared(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    let mut seen = None;
    for (expires_at, due) in [
        (None, 0),
        (Some(100), 1),
        (Some(200), 0),
        (Some(50), 1),
        (None, 0),
        (Some(1), 1),
    ] {
        assert_eq!(swap_until(&storage, id, seen, "one", expires_at).await, Swap::Saved);
        seen = Some(loaded(&storage, id).await.revision);
        assert_eq!(storage.expired(150, 10).await.unwrap().len(), due, "{expires_at:?}");
    }
    // A save that is lost changes no time either.
    assert_eq!(swap_until(&storage, id, Some(1), "two", None).await, Swap::Lost);
    assert_eq!(storage.expired(150, 10).await.unwrap(), [id]);
    // Together with others, and large ones alone.
    let large = "gAAA".repeat(10_000);
    assert_eq!(swap_until(&storage, id, seen, &large, None).await, Swap::Saved);
    assert_eq!(storage.expired(150, 10).await.unwrap(), []);
}

async fn an_update_saves_its_time(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    for (expires_at, due) in [(Some(100), 1), (None, 0), (Some(100), 1)] {
        let step = Box::new(move |_| Some(sealed("one", expires_at)));
        assert_eq!(storage.update(id, step, soon()).await.unwrap(), Swap::Saved);
        assert_eq!(storage.expired(150, 10).await.unwrap().len(), due);
    }
}

async fn a_deleted_automation_is_not_due(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap_until(&storage, id, None, "one", Some(100)).await;
    storage.delete(id, soon()).await.unwrap();
    assert_eq!(storage.expired(150, 10).await.unwrap(), []);
}

async fn another_host_sees_what_is_due(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let id = new_id();
    swap_until(&one, id, None, "one", Some(100)).await;
    assert_eq!(other.expired(150, 10).await.unwrap(), [id]);
    let seen = Some(loaded(&other, id).await.revision);
    swap_until(&other, id, seen, "two", Some(200)).await;
    assert_eq!(one.expired(150, 10).await.unwrap(), []);
}

async fn first_saves_of_several_hosts_have_one_winner(place: Place) {
    let hosts = [place.open().await, place.open().await, place.open().await];
    for _ in 0..20 {
        let ids: Vec<AutomationId> = (0..8).map(|_| new_id()).collect();
        let wins = Arc::new(AtomicUsize::new(0));
        join_all((0..24).map(|racer| {
            let (host, wins, id) = (Arc::clone(&hosts[racer % 3]), Arc::clone(&wins), ids[racer / 3]);
            async move {
                if swap(&host, id, None, &racer.to_string()).await == Swap::Saved {
                    wins.fetch_add(1, Ordering::Relaxed);
                }
            }
        }))
        .await;
        assert_eq!(wins.load(Ordering::Relaxed), ids.len());
    }
}

async fn a_state_survives_closing(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "one").await;
    let before = loaded(&storage, id).await;
    storage.close().await;
    assert_eq!(loaded(&place.open().await, id).await, before);
}

async fn a_closed_storage_says_so(place: Place) {
    let storage = place.open().await;
    storage.close().await;
    storage.close().await;
    let refused = storage.swap(new_id(), None, sealed("one", None), soon()).await;
    assert!(matches!(refused, Err(StorageError::Closed)), "{refused:?}");
    assert!(storage.load(new_id()).await.is_err());
}

async fn another_host_sees_every_save(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let id = new_id();
    swap(&one, id, None, "0").await;
    for count in 1..50 {
        let (writer, reader) = if count % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let seen = Some(loaded(writer, id).await.revision);
        assert_eq!(swap(writer, id, seen, &count.to_string()).await, Swap::Saved);
        assert_eq!(loaded(reader, id).await.sealed, count.to_string().into_bytes());
    }
}

async fn another_host_loses_on_an_old_revision(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let id = new_id();
    swap(&one, id, None, "one").await;
    assert_eq!(swap(&other, id, None, "first?").await, Swap::Lost);
    let seen = Some(loaded(&other, id).await.revision);
    assert_eq!(swap(&one, id, seen, "two").await, Swap::Saved);
    assert_eq!(swap(&other, id, seen, "three").await, Swap::Lost);
    assert_eq!(loaded(&other, id).await.sealed, b"two");
}

async fn racing_updates_of_several_hosts_all_count(place: Place) {
    let hosts = [place.open().await, place.open().await, place.open().await];
    let id = new_id();
    count_up_together(&hosts, id, 60).await;
    assert_eq!(loaded(&hosts[0], id).await.sealed, b"60");
}

async fn what_was_taken_is_finished_by_closing(place: Place) {
    let storage = place.open().await;
    let ids: Vec<AutomationId> = (0..50).map(|_| new_id()).collect();
    let mut saves = Vec::new();
    for &id in &ids {
        let storage = Arc::clone(&storage);
        saves.push(tokio::spawn(async move {
            storage.swap(id, None, sealed("one", None), soon()).await
        }));
    }
    tokio::task::yield_now().await;
    storage.close().await;
    let reopened = place.open().await;
    for (save, id) in saves.into_iter().zip(ids) {
        let acknowledged = matches!(save.await.unwrap(), Ok(Swap::Saved));
        let is_there = reopened.load(id).await.unwrap() != Stored::Absent;
        assert_eq!(acknowledged, is_there);
    }
}

async fn count_up_together(hosts: &[Opened], id: AutomationId, updates: usize) {
    join_all((0..updates).map(|update| {
        let host = Arc::clone(&hosts[update % hosts.len()]);
        async move { count_up(&host, id).await.unwrap() }
    }))
    .await;
}

async fn count_up(storage: &Opened, id: AutomationId) -> Result<(), StorageError> {
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

async fn swap(storage: &Opened, id: AutomationId, seen: Option<i64>, text: &str) -> Swap {
    swap_until(storage, id, seen, text, None).await
}

async fn swap_until(
    storage: &Opened,
    id: AutomationId,
    seen: Option<i64>,
    text: &str,
    expires_at: Option<u64>,
) -> Swap {
    storage.swap(id, seen, sealed(text, expires_at), soon()).await.unwrap()
}

fn sealed(text: &str, expires_at: Option<u64>) -> Sealed {
    Sealed {
        bytes: text.as_bytes().to_vec(),
        expires_at,
    }
}

async fn loaded(storage: &Opened, id: AutomationId) -> Record {
    match storage.load(id).await.unwrap() {
        Stored::Present(record) => record,
        other => panic!("expected a record, got {other:?}"),
    }
}

/// Runs futures at the same time, on all threads.
async fn join_all<F: Future<Output = ()> + Send + 'static>(futures: impl Iterator<Item = F>) {
    let mut tasks: tokio::task::JoinSet<()> = futures.collect();
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
}

fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since_epoch.as_millis().try_into().unwrap()
}

fn new_id() -> AutomationId {
    Uuid::new_v4().into()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}
