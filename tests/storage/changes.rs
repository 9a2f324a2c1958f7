//! Changes that are saved beside the whole state that they follow.

use std::sync::Arc;

use automation_kv::automation::AutomationId;
use automation_kv::storage::{Place as Stands, Record, Sealed, Stored, Swap};

use crate::helpers::{
    change, change_beside, join_all, keep, keeping, kept, loaded, new_id, reseal, row, sealed, soon, swap,
};
use crate::place::Place;

pub async fn a_change_beside_its_base_is_loaded_with_it(place: Place) {
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

pub async fn a_change_saved_with_its_base_is_followed_by_others(place: Place) {
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

pub async fn a_change_on_an_old_revision_is_lost(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "base").await;
    swap(&storage, id, Some(1), "other").await;
    assert_eq!(change_beside(&storage, id, 1, "base", ".one").await, Swap::Lost);
    assert_eq!(loaded(&storage, id).await.sealed, b"other");
}

pub async fn a_kept_state_has_the_change_beside_it(place: Place) {
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

pub async fn sealing_anew_replaces_base_and_change(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "base").await;
    change_beside(&storage, id, 1, "base", ".one").await;
    assert_eq!(
        reseal(&storage, vec![row(id, Stands::State(2), "BASE")]).await,
        [Swap::Saved]
    );
    assert_eq!(loaded(&storage, id).await.sealed, b"BASE");
}

pub async fn changes_and_whole_states_go_together(place: Place) {
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
