//! Sealing anew what is stored.

use std::time::Duration;

use automation_kv::storage::{Place as Stands, Record, Sealed, Stored, Swap};

use crate::helpers::{keep, keeping, kept, loaded, new_id, reseal, row, run_id, sealed, soon, swap};
use crate::place::Place;

pub async fn sealing_anew_changes_the_seal_alone(place: Place) {
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

pub async fn a_state_that_moved_on_is_not_sealed_anew(place: Place) {
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
