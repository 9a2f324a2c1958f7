//! What runs replaced first.

use std::sync::Arc;

use automation_kv::automation::{AutomationId, RunId};
use automation_kv::storage::{Kept, Place as Stands, RowCounts, Sealed, Swap};

use crate::helpers::{join_all, keep, keeping, kept, loaded, new_id, now_ms, run_id, sealed, soon, swap, versions};
use crate::place::Place;

pub async fn what_a_run_replaces_first_is_kept(place: Place) {
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

pub async fn a_save_that_is_lost_keeps_nothing(place: Place) {
    let (storage, id) = (place.open().await, new_id());
    swap(&storage, id, None, "one").await;
    swap(&storage, id, Some(1), "two").await;
    assert_eq!(keeping(&storage, id, None, "x", ("late", 0, 9)).await, Swap::Lost);
    assert_eq!(keeping(&storage, id, Some(1), "x", ("late", 1, 9)).await, Swap::Lost);
    assert_eq!(keeping(&storage, id, Some(3), "x", ("late", 1, 9)).await, Swap::Lost);
    assert_eq!(storage.archive().history(id).await.unwrap(), []);
    assert_eq!(loaded(&storage, id).await.sealed, b"two");
}

pub async fn of_each_automation_so_many_runs_are_kept(place: Place) {
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

pub async fn saves_with_and_without_something_to_keep_go_together(place: Place) {
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

pub async fn a_locked_row_is_kept_too(place: Place) {
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

pub async fn a_deleted_automation_has_no_history(place: Place) {
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

pub async fn the_history_is_listed_page_by_page(place: Place) {
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
