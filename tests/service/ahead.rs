//! What is carried out while another write of the automation is being saved.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use automation_kv::automation::AutomationId;
use automation_kv::engine::{Engine, EngineOptions};
use automation_kv::service::{Answer, ServiceError, ServiceOptions};
use tokio::task::JoinHandle;

use crate::setup::{Setup, get, increment, new_id, number};

#[tokio::test]
async fn what_was_carried_out_ahead_is_answered_after_its_own_save_and_not_carried_out_again() {
    let (setup, _, mut writes) = looking_ahead(Duration::ZERO).await;
    setup.storage.gate.add_permits(1);
    assert_eq!(number(writes.remove(0).await.unwrap()), "1");
    setup.storage.wait_for_a_save().await;
    setup.settle().await;
    assert!(writes.iter().all(|write| !write.is_finished()));
    setup.storage.gate.add_permits(1000);
    assert_eq!(numbers(writes).await, [2, 3, 4]);
    assert_eq!(setup.sessions(), 2);
}

#[tokio::test]
async fn what_was_carried_out_long_ago_is_carried_out_again() {
    let (setup, _, writes) = looking_ahead(Duration::from_millis(200)).await;
    setup.storage.gate.add_permits(1000);
    assert_eq!(numbers(writes).await, [1, 2, 3, 4]);
    assert_eq!(setup.sessions(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_carried_out_ahead_of_a_lost_save_is_carried_out_again() {
    let (setup, id, writes) = looking_ahead(Duration::ZERO).await;
    // Another host's write comes in between.
    let other = Setup::service_on(&setup.storage);
    setup.storage.gate.add_permits(1000);
    let theirs = number(other.write(id, increment("n"), Instant::now()).await);
    let mut all = numbers(writes).await;
    all.push(theirs.parse().unwrap());
    all.sort_unstable();
    assert_eq!(all, [1, 2, 3, 4, 5]);

    let (setup, _, writes) = looking_ahead(Duration::ZERO).await;
    setup.storage.losses.store(1, Ordering::SeqCst);
    setup.storage.gate.add_permits(1000);
    assert_eq!(numbers(writes).await, [1, 2, 3, 4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_comes_of_what_was_carried_out_ahead_of_a_save_that_fails() {
    let (setup, id, mut writes) = looking_ahead(Duration::ZERO).await;
    setup.storage.failures.store(1, Ordering::SeqCst);
    setup.storage.gate.add_permits(1000);
    let failed = writes.remove(0).await.unwrap();
    assert!(matches!(failed, Err(ServiceError::Storage(_))), "{failed:?}");
    assert_eq!(numbers(writes).await, [1, 2, 3]);
    assert_eq!(number(setup.service.read(id, get("n"), Instant::now()).await), "3");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_gave_up_is_not_written_though_it_was_carried_out_ahead() {
    const TIMEOUT: Duration = Duration::from_millis(300);
    let options = ServiceOptions {
        lock_timeout: TIMEOUT,
        ..ServiceOptions::default()
    };
    let setup = Setup::new(Engine::built_in(EngineOptions::default()).unwrap(), options);
    let id = new_id();
    let first = setup.spawn(id, increment("n"));
    setup.storage.wait_for_a_save().await;
    let second = setup.spawn(id, increment("n"));
    tokio::time::sleep(TIMEOUT / 2).await;
    assert_eq!(setup.sessions(), 2);
    let third = setup.spawn(id, increment("n"));
    let given_up = second.await.unwrap();
    assert!(matches!(given_up, Err(ServiceError::Busy)), "{given_up:?}");
    setup.storage.gate.add_permits(1000);
    assert_eq!(number(first.await.unwrap()), "1");
    assert_eq!(number(third.await.unwrap()), "2");
}

/// One whose first write is being saved, with three more that were carried out on it meanwhile, so long ago.
async fn looking_ahead(since: Duration) -> (Setup, AutomationId, Vec<JoinHandle<Result<Answer, ServiceError>>>) {
    let engine = Engine::built_in(EngineOptions::default()).unwrap();
    let (setup, id) = (Setup::new(engine, ServiceOptions::default()), new_id());
    let mut writes = vec![setup.spawn(id, increment("n"))];
    setup.storage.wait_for_a_save().await;
    writes.extend((0..3).map(|_| setup.spawn(id, increment("n"))));
    let begun = Instant::now();
    while setup.sessions() < 2 {
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "nothing was carried out ahead"
        );
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::sleep(since).await;
    (setup, id, writes)
}

/// What writes were answered with, in order, once they were saved.
async fn numbers(writes: Vec<JoinHandle<Result<Answer, ServiceError>>>) -> Vec<u32> {
    let mut numbers = Vec::new();
    for write in writes {
        numbers.push(number(write.await.unwrap()).parse().unwrap());
    }
    numbers.sort_unstable();
    numbers
}
