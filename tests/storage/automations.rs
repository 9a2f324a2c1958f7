//! What is deleted, listed, or due.

use std::sync::Arc;

use automation_kv::automation::AutomationId;
use automation_kv::storage::{Stored, Swap};

use crate::helpers::{loaded, new_id, now_ms, sealed, soon, swap, swap_until};
use crate::place::Place;

pub async fn a_deleted_automation_stays_deleted(place: Place) {
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

pub async fn deleting_beats_a_save_that_was_on_its_way(place: Place) {
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

pub async fn automations_are_listed_page_by_page(place: Place) {
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

pub async fn what_is_due_is_listed(place: Place) {
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

pub async fn a_time_is_replaced_and_cleared(place: Place) {
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

pub async fn an_update_saves_its_time(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    for (expires_at, due) in [(Some(100), 1), (None, 0), (Some(100), 1)] {
        let step = Box::new(move |_| Some(sealed("one", expires_at)));
        assert_eq!(storage.update(id, step, soon()).await.unwrap(), Swap::Saved);
        assert_eq!(storage.expired(150, 10).await.unwrap().len(), due);
    }
}

pub async fn a_deleted_automation_is_not_due(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap_until(&storage, id, None, "one", Some(100)).await;
    storage.delete(id, soon()).await.unwrap();
    assert_eq!(storage.expired(150, 10).await.unwrap(), []);
}
