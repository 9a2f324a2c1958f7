//! Storages of the same states, one after the other and at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use automation_kv::automation::AutomationId;
use automation_kv::storage::{Place as Stands, Record, StorageError, Stored, Swap};

use crate::helpers::{
    count_up_together, join_all, keeping, kept, loaded, new_id, reseal, row, sealed, soon, swap, swap_until, versions,
};
use crate::place::Place;

pub async fn another_host_sees_the_history(place: Place) {
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

pub async fn a_run_of_several_hosts_is_kept_once(place: Place) {
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

pub async fn another_host_sees_what_is_due(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let id = new_id();
    swap_until(&one, id, None, "one", Some(100)).await;
    assert_eq!(other.expired(150, 10).await.unwrap(), [id]);
    let seen = Some(loaded(&other, id).await.revision);
    swap_until(&other, id, seen, "two", Some(200)).await;
    assert_eq!(one.expired(150, 10).await.unwrap(), []);
}

pub async fn first_saves_of_several_hosts_have_one_winner(place: Place) {
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

pub async fn a_state_survives_closing(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "one").await;
    let before = loaded(&storage, id).await;
    storage.close().await;
    assert_eq!(loaded(&place.open().await, id).await, before);
}

pub async fn a_closed_storage_says_so(place: Place) {
    let storage = place.open().await;
    storage.close().await;
    storage.close().await;
    let refused = storage.swap(new_id(), None, sealed("one", None), soon()).await;
    assert!(matches!(refused, Err(StorageError::Closed)), "{refused:?}");
    assert!(storage.load(new_id()).await.is_err());
}

pub async fn another_host_sees_every_save(place: Place) {
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

pub async fn another_host_loses_on_an_old_revision(place: Place) {
    let (one, other) = (place.open().await, place.open().await);
    let id = new_id();
    swap(&one, id, None, "one").await;
    assert_eq!(swap(&other, id, None, "first?").await, Swap::Lost);
    let seen = Some(loaded(&other, id).await.revision);
    assert_eq!(swap(&one, id, seen, "two").await, Swap::Saved);
    assert_eq!(swap(&other, id, seen, "three").await, Swap::Lost);
    assert_eq!(loaded(&other, id).await.sealed, b"two");
}

pub async fn racing_updates_of_several_hosts_all_count(place: Place) {
    let hosts = [place.open().await, place.open().await, place.open().await];
    let id = new_id();
    count_up_together(&hosts, id, 60).await;
    assert_eq!(loaded(&hosts[0], id).await.sealed, b"60");
}

pub async fn what_was_taken_is_finished_by_closing(place: Place) {
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
