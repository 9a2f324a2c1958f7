//! Saving, updating and loading a state.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use automation_kv::automation::AutomationId;
use automation_kv::storage::{Stored, Swap};

use crate::helpers::{count_up, count_up_together, join_all, loaded, new_id, soon, swap};
use crate::place::Place;

pub async fn nothing_is_there_at_first(place: Place) {
    let storage = place.open().await;
    assert_eq!(storage.load(new_id()).await.unwrap(), Stored::Absent);
    storage.check().await.unwrap();
}

pub async fn a_saved_state_is_loaded_again(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    assert_eq!(swap(&storage, id, None, "one").await, Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, b"one");
    let seen = Some(loaded(&storage, id).await.revision);
    assert_eq!(swap(&storage, id, seen, "two").await, Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, b"two");
}

pub async fn the_first_save_has_one_winner(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    assert_eq!(swap(&storage, id, None, "one").await, Swap::Saved);
    assert_eq!(swap(&storage, id, None, "two").await, Swap::Lost);
    assert_eq!(loaded(&storage, id).await.sealed, b"one");
}

pub async fn a_save_on_an_old_revision_is_lost(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "one").await;
    let seen = Some(loaded(&storage, id).await.revision);
    assert_eq!(swap(&storage, id, seen, "two").await, Swap::Saved);
    assert_eq!(swap(&storage, id, seen, "three").await, Swap::Lost);
    assert_eq!(swap(&storage, new_id(), seen, "nobody's").await, Swap::Lost);
    assert_eq!(loaded(&storage, id).await.sealed, b"two");
}

pub async fn an_update_decides_on_what_is_stored(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    count_up(&storage, id).await.unwrap();
    count_up(&storage, id).await.unwrap();
    assert_eq!(loaded(&storage, id).await.sealed, b"2");
}

pub async fn an_update_that_gives_nothing_saves_nothing(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    storage.update(id, Box::new(|_| None), soon()).await.unwrap();
    assert_eq!(storage.load(id).await.unwrap(), Stored::Absent);
    swap(&storage, id, None, "one").await;
    let before = loaded(&storage, id).await;
    storage.update(id, Box::new(|_| None), soon()).await.unwrap();
    assert_eq!(loaded(&storage, id).await, before);
}

pub async fn of_racing_saves_one_wins(place: Place) {
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

pub async fn racing_updates_all_count(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    count_up_together(std::slice::from_ref(&storage), id, 64).await;
    assert_eq!(loaded(&storage, id).await.sealed, b"64");
}

pub async fn automations_do_not_share_rows(place: Place) {
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

pub async fn a_large_state_is_kept(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    let large = "gAAA".repeat(1 << 20);
    assert_eq!(swap(&storage, id, None, &large).await, Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, large.into_bytes());
}
