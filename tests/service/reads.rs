//! Reads: who goes together, and what they see.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use automation_kv::engine::{Engine, EngineOptions};
use automation_kv::service::{ServiceError, ServiceOptions};
use automation_kv::storage::Storage;
use automation_kv_test_guests::{MISBEHAVING, Misdeed};

use crate::setup::{Setup, get, increment, new_id, number};

#[tokio::test(flavor = "multi_thread")]
async fn reads_do_not_wait_for_writes() {
    let setup = Setup::new(
        Engine::built_in(EngineOptions::default()).unwrap(),
        ServiceOptions::default(),
    );
    let id = new_id();
    let write = setup.spawn(id, increment("n"));
    setup.storage.wait_for_a_save().await;
    let read = setup.service.read(id, get("n"), Instant::now()).await.unwrap();
    assert!(read.is_err(), "a write that is not committed was seen");
    setup.storage.gate.add_permits(1);
    write.await.unwrap().unwrap().unwrap();
    assert!(setup.service.read(id, get("n"), Instant::now()).await.unwrap().is_ok());
}

#[tokio::test]
async fn reads_that_come_together_share_a_load() {
    let (setup, id) = Setup::with_a_number().await;
    let before = setup.storage.loads.load(Ordering::SeqCst);
    let reads: Vec<_> = (0..10).map(|_| setup.spawn_read(id, get("n"))).collect();
    let others: Vec<_> = (0..3).map(|_| setup.spawn_read(new_id(), get("n"))).collect();
    for read in reads {
        assert_eq!(number(read.await.unwrap()), "1");
    }
    for other in others {
        assert!(other.await.unwrap().unwrap().is_err(), "a number of another automation");
    }
    assert_eq!(setup.storage.loads.load(Ordering::SeqCst) - before, 1 + 3);
}

#[tokio::test]
async fn a_read_that_goes_away_takes_none_with_it_that_came_together_with_it() {
    let (setup, id) = Setup::with_a_number().await;
    // Before it took the others along.
    let leader = setup.spawn_read(id, get("n"));
    tokio::task::yield_now().await;
    let others: Vec<_> = (0..3).map(|_| setup.spawn_read(id, get("n"))).collect();
    leader.abort();
    for other in others {
        assert_eq!(number(other.await.unwrap()), "1");
    }
    let again = setup.service.read(id, get("n"), Instant::now());
    let again = tokio::time::timeout(Duration::from_secs(5), again).await;
    assert_eq!(number(again.expect("a place without a leader")), "1");
    // While it loads.
    let held = setup.storage.loading.write().await;
    let mut reads: Vec<_> = (0..10).map(|_| setup.spawn_read(id, get("n"))).collect();
    setup.settle().await;
    reads.remove(0).abort();
    setup.settle().await;
    drop(held);
    for read in reads {
        assert_eq!(number(read.await.unwrap()), "1");
    }
}

#[tokio::test]
async fn a_read_sees_what_was_written_before_it_whoever_it_comes_together_with() {
    let (setup, id) = Setup::with_a_number().await;
    let before = setup.storage.loads.load(Ordering::SeqCst);
    let early = setup.spawn_read(id, get("n"));
    tokio::task::yield_now().await;
    let deadline = Instant::now() + Duration::from_secs(5);
    assert!(setup.storage.inner.delete(id, deadline).await.unwrap());
    let late = setup.service.read(id, get("n"), Instant::now()).await;
    assert!(matches!(late, Err(ServiceError::Deleted)), "{late:?}");
    early.await.unwrap().unwrap_err();
    // One for the leader, and one for the other, since what fails is done alone.
    assert_eq!(setup.storage.loads.load(Ordering::SeqCst) - before, 2);
}

#[tokio::test]
async fn one_bad_read_takes_none_down_that_came_together_with_it() {
    let options = EngineOptions {
        call_deadline: Duration::from_millis(100),
        ..EngineOptions::default()
    };
    let setup = Setup::new(Engine::new(MISBEHAVING, options).unwrap(), ServiceOptions::default());
    let id = new_id();
    // So that the next one leads.
    setup
        .service
        .read(id, get("good"), Instant::now())
        .await
        .unwrap()
        .unwrap();
    for bad in [Misdeed::TRAP, Misdeed::LOOP, Misdeed::MEMORY] {
        for keys in [[bad, "good", "good"], ["good", bad, "good"], ["good", "good", bad]] {
            let reads = keys.map(|key| setup.spawn_read(id, get(key)));
            for (key, read) in keys.into_iter().zip(reads) {
                assert_eq!(read.await.unwrap().is_ok(), key == "good", "{key} of {keys:?}");
            }
        }
    }
}
