//! What every storage promises, and the same suite over all of them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

mod support;

use automation_kv::automation::{AutomationId, RunId};
use automation_kv::database::Database;
use automation_kv::storage::{
    Keep, Kept, Place as Stands, Record, RowCounts, Sealed, SealedRow, Storage, StorageError, StorageOptions, Stored,
    Swap,
};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
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
            a_change_beside_its_base_is_loaded_with_it
            a_change_saved_with_its_base_is_followed_by_others
            a_change_on_an_old_revision_is_lost
            a_kept_state_has_the_change_beside_it
            sealing_anew_replaces_base_and_change
            changes_and_whole_states_go_together
            a_deleted_automation_stays_deleted
            deleting_beats_a_save_that_was_on_its_way
            automations_are_listed_page_by_page
            what_is_due_is_listed
            a_time_is_replaced_and_cleared
            an_update_saves_its_time
            a_deleted_automation_is_not_due
            what_a_run_replaces_first_is_kept
            a_save_that_is_lost_keeps_nothing
            of_each_automation_so_many_runs_are_kept
            saves_with_and_without_something_to_keep_go_together
            a_locked_row_is_kept_too
            a_deleted_automation_has_no_history
            the_history_is_listed_page_by_page
            sealing_anew_changes_the_seal_alone
            a_state_that_moved_on_is_not_sealed_anew
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
            another_host_sees_the_history
            a_run_of_several_hosts_is_kept_once
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

async fn a_change_beside_its_base_is_loaded_with_it(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    let base = "gAAA".repeat(20_000);
    swap(&storage, id, None, &base).await;
    for (seen, change) in [(1, ".one"), (2, ".another"), (3, ".")] {
        assert_eq!(change_beside(&storage, id, seen, &base, change).await, Swap::Saved);
        let expected = format!("{base}{change}").into_bytes();
        assert_eq!(loaded(&storage, id).await.sealed, expected);
        assert_eq!(storage.list(None, 10).await.unwrap()[0].record.sealed, expected);
    }
    assert_eq!(swap(&storage, id, Some(4), "whole").await, Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, b"whole");
}

async fn a_change_saved_with_its_base_is_followed_by_others(place: Place) {
    let (storage, id, other) = (place.open().await, new_id(), new_id());
    swap(&storage, id, None, "first").await;
    swap(&storage, id, Some(1), "base.one").await;
    swap(&storage, other, None, "base.one").await;
    for (id, seen) in [(id, 2), (other, 1)] {
        assert_eq!(loaded(&storage, id).await.sealed, b"base.one");
        assert_eq!(change_beside(&storage, id, seen, "base", ".two").await, Swap::Saved);
        assert_eq!(loaded(&storage, id).await.sealed, b"base.two");
    }
    let step = |stored| {
        assert!(matches!(stored, Stored::Present(Record { sealed, .. }) if sealed == b"base.two"));
        Some(change("base", ".three"))
    };
    assert_eq!(storage.update(id, Box::new(step), soon()).await.unwrap(), Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, b"base.three");
}

async fn a_change_on_an_old_revision_is_lost(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "base").await;
    swap(&storage, id, Some(1), "other").await;
    assert_eq!(change_beside(&storage, id, 1, "base", ".one").await, Swap::Lost);
    assert_eq!(loaded(&storage, id).await.sealed, b"other");
}

/// A standby that took over without the latest writes may give their revisions out again.
#[tokio::test]
async fn a_change_beside_another_base_of_the_same_revision_is_lost() {
    let server = &support::postgres::SHARED;
    let database = server.new_database();
    let (storage, id) = (Place::new(|_| server.url(&database)).open().await, new_id());
    swap(&storage, id, None, "base").await;
    server.sql(&database, "UPDATE automation_kv SET state_encrypted = 'other'");
    assert_eq!(change_beside(&storage, id, 1, "base", ".one").await, Swap::Lost);
    let keeping = Sealed {
        keep: Some(keep("run", 1, 9)),
        ..change("base", ".one")
    };
    assert_eq!(storage.swap(id, Some(1), keeping, soon()).await.unwrap(), Swap::Lost);
    assert_eq!(loaded(&storage, id).await.sealed, b"other");
    assert_eq!(change_beside(&storage, id, 1, "other", ".one").await, Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, b"other.one");
}

/// The function's statements are planned once for a connection, maybe while the table has one row.
#[tokio::test]
async fn rows_are_found_by_their_ids_however_few_there_were_when_that_was_planned() {
    let server = &support::postgres::SHARED;
    let database = server.new_database();
    let storage = Place::new(|_| server.url(&database)).open().await;
    for skip_locked in [false, true] {
        for rows in [0, 1, 5] {
            let looked_at = server.sql(
                &database,
                &format!(
                    "DELETE FROM automation_kv; \
                     INSERT INTO automation_kv (id, automation_id, state_encrypted) \
                     SELECT gen_random_uuid(), gen_random_uuid(), '' FROM generate_series(1, {rows}); \
                     ANALYZE automation_kv; \
                     SELECT automation_kv_replace('{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', {skip_locked}); \
                     INSERT INTO automation_kv (id, automation_id, state_encrypted) \
                     SELECT gen_random_uuid(), gen_random_uuid(), '' FROM generate_series(1, 2000); \
                     WITH next AS (SELECT automation_id AS id FROM automation_kv LIMIT 10) \
                     SELECT count(automation_kv_replace) FROM (SELECT automation_kv_replace(\
                     array_agg(id), array_agg(1::bigint), array_agg('new'::text), array_agg(NULL::text), \
                     array_agg(NULL::text), array_agg(NULL::bigint), {skip_locked}) FROM next) AS saved; \
                     SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'automation_kv'"
                ),
            );
            let looked_at: u32 = looked_at.lines().last().unwrap().parse().unwrap();
            assert!((10..100).contains(&looked_at), "{looked_at} rows looked at for 10");
        }
    }
    storage.close().await;
}

#[tokio::test]
async fn tables_without_the_function_are_refused() {
    let server = &support::postgres::SHARED;
    let database = server.new_database();
    let place = Place::new(|_| server.url(&database));
    place.open().await.close().await;
    server.sql(&database, "DROP FUNCTION automation_kv_replace");
    let refused = place.database.open(&StorageOptions::default()).await.err().unwrap();
    assert!(
        refused.to_string().contains("no function automation_kv_replace"),
        "{refused}"
    );
}

async fn a_kept_state_has_the_change_beside_it(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "base").await;
    change_beside(&storage, id, 1, "base", ".one").await;
    let two = Sealed {
        keep: Some(keep("second", 2, 9)),
        ..change("base", ".two")
    };
    assert_eq!(storage.swap(id, Some(2), two, soon()).await.unwrap(), Swap::Saved);
    keeping(&storage, id, Some(3), "whole", ("third", 3, 9)).await;
    assert_eq!(loaded(&storage, id).await.sealed, b"whole");
    for (run, expected) in [("second", "base.one"), ("third", "base.two")] {
        assert_eq!(
            kept(&storage, id, run).await,
            Some(Some(expected.as_bytes().to_vec())),
            "{run}"
        );
    }
}

async fn sealing_anew_replaces_base_and_change(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "base").await;
    change_beside(&storage, id, 1, "base", ".one").await;
    assert_eq!(
        reseal(&storage, vec![row(id, Stands::State(2), "BASE")]).await,
        [Swap::Saved]
    );
    assert_eq!(loaded(&storage, id).await.sealed, b"BASE");
}

async fn changes_and_whole_states_go_together(place: Place) {
    const AUTOMATIONS: usize = 60;
    let storage = place.open().await;
    let ids: Vec<AutomationId> = (0..AUTOMATIONS).map(|_| new_id()).collect();
    let base = |number: usize| {
        format!(
            "{number}{}",
            "gAAA".repeat(if number.is_multiple_of(7) { 12_000 } else { 10 })
        )
    };
    // All of them have a base after the first round.
    let is_whole = |number: usize, round: usize| round == 0 || (number + round).is_multiple_of(3);
    for round in 0..5 {
        join_all(ids.iter().copied().enumerate().map(|(number, id)| {
            let (storage, base) = (Arc::clone(&storage), base(number));
            async move {
                let seen = i64::try_from(round).ok().filter(|&seen| seen > 0);
                let sealed = if is_whole(number, round) {
                    sealed(&base, None)
                } else {
                    change(&base, &format!(".{round}"))
                };
                let sealed = Sealed {
                    keep: number
                        .is_multiple_of(2)
                        .then(|| keep(&format!("run-{round}"), round as u64, 9)),
                    ..sealed
                };
                assert_eq!(storage.swap(id, seen, sealed, soon()).await.unwrap(), Swap::Saved);
            }
        }))
        .await;
        for (number, &id) in ids.iter().enumerate() {
            let change = if is_whole(number, round) {
                String::new()
            } else {
                format!(".{round}")
            };
            let expected = format!("{}{change}", base(number)).into_bytes();
            assert_eq!(loaded(&storage, id).await.sealed, expected, "{number} in round {round}");
        }
    }
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

async fn what_a_run_replaces_first_is_kept(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    assert_eq!(keeping(&storage, id, None, "one", ("first", 0, 9)).await, Swap::Saved);
    assert_eq!(
        keeping(&storage, id, Some(1), "two", ("second", 1, 9)).await,
        Swap::Saved
    );
    // What a run has kept already stays, whatever it writes later.
    assert_eq!(
        keeping(&storage, id, Some(2), "three", ("first", 2, 9)).await,
        Swap::Saved
    );
    assert_eq!(
        keeping(&storage, id, Some(3), "four", ("second", 3, 9)).await,
        Swap::Saved
    );
    assert_eq!(loaded(&storage, id).await.sealed, b"four");
    let history = storage.archive().history(id).await.unwrap();
    let facts: Vec<_> = history.iter().map(|kept| (kept.run.as_str(), kept.version)).collect();
    assert_eq!(facts, [("second", 1), ("first", 0)]);
    for Kept {
        size_bytes, kept_at, ..
    } in &history
    {
        assert_eq!(*size_bytes, 7);
        assert!(now_ms().abs_diff(*kept_at) < 60_000);
    }
    assert_eq!(kept(&storage, id, "first").await, Some(None));
    assert_eq!(kept(&storage, id, "second").await, Some(Some(b"one".to_vec())));
    assert_eq!(kept(&storage, id, "third").await, None);
    assert_eq!(kept(&storage, new_id(), "first").await, None);
}

async fn a_save_that_is_lost_keeps_nothing(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "one").await;
    swap(&storage, id, Some(1), "two").await;
    assert_eq!(keeping(&storage, id, None, "x", ("late", 0, 9)).await, Swap::Lost);
    assert_eq!(keeping(&storage, id, Some(1), "x", ("late", 1, 9)).await, Swap::Lost);
    assert_eq!(keeping(&storage, id, Some(3), "x", ("late", 1, 9)).await, Swap::Lost);
    assert_eq!(storage.archive().history(id).await.unwrap(), []);
    assert_eq!(loaded(&storage, id).await.sealed, b"two");
}

async fn of_each_automation_so_many_runs_are_kept(place: Place) {
    let (storage, id, other) = (place.open().await, new_id(), new_id());
    keeping(&storage, other, None, "other", ("run-0", 0, 3)).await;
    for number in 0..8_i64 {
        let run = format!("run-{number}");
        let seen = Some(number).filter(|&seen| seen > 0);
        let version = number.unsigned_abs();
        keeping(&storage, id, seen, &number.to_string(), (&run, version, 3)).await;
        assert!(storage.archive().history(id).await.unwrap().len() <= 3);
    }
    assert_eq!(versions(&storage, id).await, [7, 6, 5]);
    // Fewer from now on.
    keeping(&storage, id, Some(8), "8", ("run-8", 8, 1)).await;
    assert_eq!(versions(&storage, id).await, [8]);
    assert_eq!(kept(&storage, id, "run-8").await, Some(Some(b"7".to_vec())));
    assert_eq!(versions(&storage, other).await, [0]);
}

async fn saves_with_and_without_something_to_keep_go_together(place: Place) {
    const AUTOMATIONS: u64 = 60;
    let storage = place.open().await;
    let ids: Vec<AutomationId> = (0..AUTOMATIONS).map(|_| new_id()).collect();
    for round in 0..4_u64 {
        join_all(ids.iter().zip(0..AUTOMATIONS).map(|(&id, number)| {
            let storage = Arc::clone(&storage);
            async move {
                let seen = i64::try_from(round).ok().filter(|&seen| seen > 0);
                let text = format!("{round} {}", "gAAA".repeat(if number % 7 == 0 { 6000 } else { 10 }));
                let run = format!("run-{round}");
                let saved = if (number + round) % 3 == 0 {
                    swap(&storage, id, seen, &text).await
                } else {
                    keeping(&storage, id, seen, &text, (&run, round, 9)).await
                };
                assert_eq!(saved, Swap::Saved);
            }
        }))
        .await;
    }
    for (&id, number) in ids.iter().zip(0..AUTOMATIONS) {
        let expected: Vec<u64> = (0..4).rev().filter(|round| (number + round) % 3 != 0).collect();
        assert_eq!(versions(&storage, id).await, expected);
        for version in expected {
            let before = kept(&storage, id, &format!("run-{version}")).await.unwrap();
            let before = before.map(|sealed| String::from_utf8(sealed).unwrap());
            match version {
                0 => assert_eq!(before, None),
                version => assert!(before.unwrap().starts_with(&format!("{} ", version - 1))),
            }
        }
    }
}

async fn a_locked_row_is_kept_too(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    for (number, text) in ["one", "two"].into_iter().enumerate() {
        let keep = keep(&format!("run-{number}"), number as u64, 9);
        let step = move |_| {
            Some(Sealed {
                keep: Some(keep),
                ..sealed(text, None)
            })
        };
        assert_eq!(storage.update(id, Box::new(step), soon()).await.unwrap(), Swap::Saved);
    }
    assert_eq!(versions(&storage, id).await, [1, 0]);
    assert_eq!(kept(&storage, id, "run-0").await, Some(None));
    assert_eq!(kept(&storage, id, "run-1").await, Some(Some(b"one".to_vec())));
}

async fn a_deleted_automation_has_no_history(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    keeping(&storage, id, None, "one", ("first", 0, 9)).await;
    keeping(&storage, id, Some(1), "two", ("second", 1, 9)).await;
    storage.delete(id, soon()).await.unwrap();
    assert_eq!(storage.archive().history(id).await.unwrap(), []);
    assert_eq!(kept(&storage, id, "second").await, None);
    assert_eq!(storage.archive().count().await.unwrap(), RowCounts::default());
    assert_eq!(keeping(&storage, id, Some(2), "x", ("third", 2, 9)).await, Swap::Lost);
    assert_eq!(storage.archive().history(id).await.unwrap(), []);
}

async fn the_history_is_listed_page_by_page(place: Place) {
    let storage = place.open().await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        let id = new_id();
        for (number, run) in ["b", "a", "B", "c"].into_iter().enumerate() {
            let seen = i64::try_from(number).ok().filter(|&seen| seen > 0);
            let text = format!("{id} {number}");
            keeping(&storage, id, seen, &text, (run, number as u64, 9)).await;
            if number > 0 {
                let sealed = format!("{id} {}", number - 1).into_bytes();
                expected.push((id, run_id(run), number as u64, sealed));
            }
        }
    }
    expected.sort();
    let counts = storage.archive().count().await.unwrap();
    assert_eq!((counts.states, counts.history), (3, 9));
    let mut seen = Vec::new();
    loop {
        let after = seen.last().map(|(id, run, ..): &(_, RunId, _, _)| (*id, run.clone()));
        let page = storage.archive().kept_page(after, 2).await.unwrap();
        if page.is_empty() {
            break;
        }
        assert!(page.len() <= 2);
        seen.extend(page.into_iter().map(|row| match row.place {
            Stands::History(run, version) => (row.automation, run, version, row.sealed),
            Stands::State(_) => panic!("a state is not history"),
        }));
    }
    assert_eq!(seen, expected);
}

async fn sealing_anew_changes_the_seal_alone(place: Place) {
    let (storage, id, other) = (place.open().await, new_id(), new_id());
    keeping(&storage, id, None, "one", ("first", 0, 9)).await;
    let two = Sealed {
        keep: Some(keep("second", 1, 9)),
        ..sealed("two", Some(100))
    };
    storage.swap(id, Some(1), two, soon()).await.unwrap();
    swap(&storage, other, None, "other").await;
    let before = storage.list(None, 10).await.unwrap();
    let history = storage.archive().history(id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5)).await;
    let rows = vec![
        row(id, Stands::State(2), "TWO"),
        row(id, Stands::History(run_id("second"), 1), "ONE"),
    ];
    assert_eq!(reseal(&storage, rows).await, [Swap::Saved, Swap::Saved]);
    assert_eq!(
        loaded(&storage, id).await,
        Record {
            revision: 3,
            sealed: b"TWO".to_vec()
        }
    );
    assert_eq!(kept(&storage, id, "second").await, Some(Some(b"ONE".to_vec())));
    assert_eq!(kept(&storage, id, "first").await, Some(None));
    assert_eq!(storage.archive().history(id).await.unwrap(), history);
    assert_eq!(storage.expired(150, 10).await.unwrap(), [id]);
    for (before, after) in before.iter().zip(storage.list(None, 10).await.unwrap()) {
        assert_eq!(
            (before.created_at, before.updated_at),
            (after.created_at, after.updated_at)
        );
    }
    // Whoever had loaded it before loses, and writes on what is there then.
    assert_eq!(swap(&storage, id, Some(2), "three").await, Swap::Lost);
    assert_eq!(swap(&storage, id, Some(3), "three").await, Swap::Saved);
    assert_eq!(loaded(&storage, other).await.sealed, b"other");
}

async fn a_state_that_moved_on_is_not_sealed_anew(place: Place) {
    let (storage, id, gone) = (place.open().await, new_id(), new_id());
    keeping(&storage, id, None, "one", ("first", 0, 9)).await;
    keeping(&storage, id, Some(1), "two", ("second", 1, 9)).await;
    let other = new_id();
    swap(&storage, other, None, "other").await;
    swap(&storage, gone, None, "gone").await;
    storage.delete(gone, soon()).await.unwrap();
    let rows = vec![
        row(id, Stands::State(1), "old"),
        row(gone, Stands::State(2), "old"),
        row(new_id(), Stands::State(1), "old"),
        row(id, Stands::History(run_id("second"), 5), "old"),
        row(id, Stands::History(run_id("first"), 0), "old"),
        row(id, Stands::History(run_id("third"), 1), "old"),
        row(other, Stands::State(1), "OTHER"),
    ];
    let swaps = reseal(&storage, rows).await;
    let (last, others) = swaps.split_last().unwrap();
    assert_eq!(*last, Swap::Saved);
    assert!(others.iter().all(|swap| *swap == Swap::Lost), "{others:?}");
    assert_eq!(loaded(&storage, other).await.sealed, b"OTHER");
    assert_eq!(loaded(&storage, id).await.sealed, b"two");
    assert_eq!(kept(&storage, id, "second").await, Some(Some(b"one".to_vec())));
    assert_eq!(kept(&storage, id, "first").await, Some(None));
    let mut rows = vec![row(id, Stands::State(2), "TWO")];
    rows.extend((0..3).map(|_| row(new_id(), Stands::State(2), "nobody's")));
    assert_eq!(reseal(&storage, rows).await[0], Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, b"TWO");
    assert_eq!(storage.load(gone).await.unwrap(), Stored::Deleted);
}

async fn another_host_sees_the_history(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let id = new_id();
    keeping(&one, id, None, "one", ("first", 0, 9)).await;
    keeping(&other, id, Some(1), "two", ("second", 1, 9)).await;
    assert_eq!(versions(&one, id).await, [1, 0]);
    assert_eq!(loaded(&one, id).await.revision, 2);
    // Sealed anew by one, seen by the other, whatever it remembers of the row.
    assert_eq!(
        reseal(&other, vec![row(id, Stands::State(2), "TWO")]).await,
        [Swap::Saved]
    );
    assert_eq!(
        loaded(&one, id).await,
        Record {
            revision: 3,
            sealed: b"TWO".to_vec()
        }
    );
}

async fn a_run_of_several_hosts_is_kept_once(place: Place) {
    let hosts = [place.open().await, place.open().await, place.open().await];
    let id = new_id();
    keeping(&hosts[0], id, None, "0", ("run-0", 0, 99)).await;
    join_all((1..=30_u64).map(|update| {
        let host = Arc::clone(&hosts[usize::try_from(update % 3).unwrap()]);
        async move {
            loop {
                let Record { revision, sealed } = loaded(&host, id).await;
                let version = revision.unsigned_abs();
                let run = format!("run-{}", update % 5);
                let text = format!("{}", String::from_utf8(sealed).unwrap().parse::<u64>().unwrap() + 1);
                let keep = (run.as_str(), version, 99);
                if keeping(&host, id, Some(revision), &text, keep).await == Swap::Saved {
                    break;
                }
            }
        }
    }))
    .await;
    assert_eq!(loaded(&hosts[0], id).await.sealed, b"30");
    let history = hosts[1].archive().history(id).await.unwrap();
    assert_eq!(history.len(), 5);
    for kept_one in history {
        // The count before a run's first save, which is one below its revision.
        let sealed = kept(&hosts[2], id, kept_one.run.as_str()).await.unwrap();
        let expected = (kept_one.version > 0).then(|| (kept_one.version - 1).to_string().into_bytes());
        assert_eq!(sealed, expected, "{}", kept_one.run);
    }
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

/// Saves for a run, given with the version before it and how many runs to keep.
async fn keeping(
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

/// What SQLite keeps beside a database is beside the file that a link leads to.
#[tokio::test]
async fn a_linked_file_has_its_log_and_its_reserve_beside_it() {
    let (data, links) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (file, link) = (data.path().join("state.db"), links.path().join("link.db"));
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let database = Database::parse(&format!("sqlite://{}", link.display())).unwrap();
    let options = StorageOptions::default();
    let (storage, id) = (database.open(&options).await.unwrap(), new_id());
    swap(&storage, id, None, "in the log").await;
    match database.peek(id, &options).await.unwrap() {
        Stored::Present(record) => assert_eq!(record.sealed, b"in the log"),
        other => panic!("{other:?}"),
    }
    assert!(data.path().join("state.db-reserve").exists());
    assert_eq!(std::fs::read_dir(links.path()).unwrap().count(), 1);
    storage.close().await;
}

/// What the database refuses did not happen, and whoever asked is told so; only of what may have happened that is unknown.
#[tokio::test]
async fn a_save_that_sqlite_refuses_has_failed_for_certain() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let database = Database::parse(&format!("sqlite://{}", file.display())).unwrap();
    let storage = database.open(&StorageOptions::default()).await.unwrap();
    let (refused, other) = (new_id(), new_id());
    for id in [refused, other] {
        swap(&storage, id, None, "before").await;
    }
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let trigger = format!(
        "CREATE TRIGGER refuses BEFORE UPDATE ON automation_kv WHEN new.automation_id = '{}'
        BEGIN SELECT RAISE(ABORT, 'as meant'); END",
        refused.to_string().replace('-', "")
    );
    connection.execute(AssertSqlSafe(trigger)).await.unwrap();
    let saved = storage.swap(refused, Some(1), sealed("after", None), soon()).await;
    assert!(matches!(saved, Err(StorageError::Unavailable(_))), "{saved:?}");
    let saved = storage.swap(other, Some(1), sealed("after", None), soon()).await;
    assert!(matches!(saved, Ok(Swap::Saved)), "{saved:?}");
    connection.close().await.unwrap();
    storage.close().await;
}

fn keep(run: &str, version: u64, runs: u32) -> Keep {
    Keep {
        run: run_id(run),
        version,
        size_bytes: 7,
        runs,
    }
}

fn run_id(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

async fn kept(storage: &Opened, id: AutomationId, run: &str) -> Option<Option<Vec<u8>>> {
    storage.archive().kept(id, &run_id(run)).await.unwrap()
}

async fn versions(storage: &Opened, id: AutomationId) -> Vec<u64> {
    let history = storage.archive().history(id).await.unwrap();
    history.iter().map(|kept| kept.version).collect()
}

fn row(automation: AutomationId, place: Stands, sealed: &str) -> SealedRow {
    SealedRow {
        automation,
        place,
        sealed: sealed.as_bytes().to_vec(),
    }
}

async fn reseal(storage: &Opened, rows: Vec<SealedRow>) -> Vec<Swap> {
    storage.archive().reseal(rows, soon()).await.unwrap()
}

fn sealed(text: &str, expires_at: Option<u64>) -> Sealed {
    Sealed {
        bytes: text.as_bytes().to_vec(),
        expires_at,
        ..Sealed::default()
    }
}

/// A state whose base is stored already.
fn change(base: &str, change: &str) -> Sealed {
    Sealed {
        keeps_base: true,
        ..sealed(&format!("{base}{change}"), None)
    }
}

async fn change_beside(storage: &Opened, id: AutomationId, seen: i64, base: &str, text: &str) -> Swap {
    storage.swap(id, Some(seen), change(base, text), soon()).await.unwrap()
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
