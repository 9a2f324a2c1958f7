//! Writes: who goes together, who waits, and who is told what.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use automation_kv::engine::{Engine, EngineOptions};
use automation_kv::service::{ServiceError, ServiceOptions};
use automation_kv_test_guests::{MISBEHAVING, Misdeed};

use crate::setup::{Setup, get, increment, new_id, number};

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_wait_share_one_commit() {
    let setup = Setup::new(
        Engine::built_in(EngineOptions::default()).unwrap(),
        ServiceOptions::default(),
    );
    let id = new_id();
    let first = setup.spawn(id, increment("n"));
    setup.storage.wait_for_a_save().await;
    let rest: Vec<_> = (0..100).map(|_| setup.spawn(id, increment("n"))).collect();
    setup.settle().await;
    setup.storage.gate.add_permits(1000);
    assert_eq!(number(first.await.unwrap()), "1");
    let mut counts: Vec<u32> = Vec::new();
    for task in rest {
        counts.push(number(task.await.unwrap()).parse().unwrap());
    }
    counts.sort_unstable();
    assert_eq!(counts, (2..=101).collect::<Vec<_>>());
    // What had come when the first save was looked ahead of may be a group of its own.
    let saves = setup.storage.saves.load(Ordering::SeqCst);
    assert!((2..=3).contains(&saves), "{saves}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_answered_before_the_commit() {
    let setup = Setup::new(
        Engine::built_in(EngineOptions::default()).unwrap(),
        ServiceOptions::default(),
    );
    let id = new_id();
    let write = setup.spawn(id, increment("n"));
    setup.storage.wait_for_a_save().await;
    setup.settle().await;
    assert!(!write.is_finished());
    setup.storage.gate.add_permits(1);
    assert_eq!(number(write.await.unwrap()), "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_waits_past_the_lock_timeout_is_busy_and_never_runs() {
    const TIMEOUT: Duration = Duration::from_millis(200);
    let options = ServiceOptions {
        lock_timeout: TIMEOUT,
        ..ServiceOptions::default()
    };
    let setup = Setup::new(Engine::built_in(EngineOptions::default()).unwrap(), options);
    let id = new_id();
    let first = setup.spawn(id, increment("n"));
    setup.storage.wait_for_a_save().await;
    let begun = Instant::now();
    let late = setup.service.write(id, increment("n"), begun).await;
    assert!(matches!(late, Err(ServiceError::Busy)), "{late:?}");
    assert!(
        begun.elapsed() >= TIMEOUT && begun.elapsed() < 10 * TIMEOUT,
        "{:?}",
        begun.elapsed()
    );
    setup.storage.gate.add_permits(1000);
    assert_eq!(number(first.await.unwrap()), "1");
    assert_eq!(
        number(setup.service.write(id, increment("n"), Instant::now()).await),
        "2"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_mailbox_refuses_and_others_go_on() {
    let options = ServiceOptions {
        max_waiting: 3,
        ..ServiceOptions::default()
    };
    let setup = Setup::new(Engine::built_in(EngineOptions::default()).unwrap(), options);
    let (id, other) = (new_id(), new_id());
    let first = setup.spawn(id, increment("n"));
    setup.storage.wait_for_a_save().await;
    let waiting: Vec<_> = (0..3).map(|_| setup.spawn(id, increment("n"))).collect();
    setup.settle().await;
    let refused = setup.service.write(id, increment("n"), Instant::now()).await;
    assert!(matches!(refused, Err(ServiceError::Overloaded)), "{refused:?}");
    let elsewhere = setup.spawn(other, increment("n"));
    setup.storage.gate.add_permits(1000);
    assert_eq!(number(elsewhere.await.unwrap()), "1");
    assert_eq!(number(first.await.unwrap()), "1");
    for task in waiting {
        task.await.unwrap().unwrap().unwrap();
    }
    assert_eq!(
        number(setup.service.write(id, increment("n"), Instant::now()).await),
        "5"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_caller_went_away_still_happens_completely() {
    let setup = Setup::new(
        Engine::built_in(EngineOptions::default()).unwrap(),
        ServiceOptions::default(),
    );
    let id = new_id();
    let abandoned = setup.spawn(id, increment("n"));
    setup.storage.wait_for_a_save().await;
    abandoned.abort();
    setup.storage.gate.add_permits(1000);
    assert_eq!(
        number(setup.service.write(id, increment("n"), Instant::now()).await),
        "2"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_race_is_run_again_on_what_is_stored_now() {
    let setup = Setup::new(
        Engine::built_in(EngineOptions::default()).unwrap(),
        ServiceOptions::default(),
    );
    let id = new_id();
    setup.storage.gate.add_permits(1000);
    assert_eq!(
        number(setup.service.write(id, increment("n"), Instant::now()).await),
        "1"
    );
    for losses in [1, 2, 5] {
        setup.storage.losses.store(losses, Ordering::SeqCst);
        let before = number(setup.service.read(id, get("n"), Instant::now()).await);
        let after = number(setup.service.write(id, increment("n"), Instant::now()).await);
        assert_eq!(after.parse::<u32>().unwrap(), before.parse::<u32>().unwrap() + 1);
        setup.storage.losses.store(0, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_failure_is_told_to_everybody_who_waited_and_to_nobody_else() {
    let setup = Setup::new(
        Engine::built_in(EngineOptions::default()).unwrap(),
        ServiceOptions::default(),
    );
    let id = new_id();
    let first = setup.spawn(id, increment("n"));
    setup.storage.wait_for_a_save().await;
    setup.storage.failures.store(1, Ordering::SeqCst);
    setup.storage.gate.add_permits(1000);
    let failed = first.await.unwrap();
    assert!(matches!(failed, Err(ServiceError::Storage(_))), "{failed:?}");
    assert_eq!(
        number(setup.service.write(id, increment("n"), Instant::now()).await),
        "1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_request_takes_no_other_of_its_group_down() {
    let options = EngineOptions {
        call_deadline: Duration::from_millis(100),
        ..EngineOptions::default()
    };
    let setup = Setup::new(Engine::new(MISBEHAVING, options).unwrap(), ServiceOptions::default());
    setup.storage.gate.add_permits(1000);
    let id = new_id();
    // The first keeps the runner busy until the others wait together.
    let first = setup.spawn(id, get(Misdeed::LOOP));
    tokio::time::sleep(Duration::from_millis(30)).await;
    let group: Vec<_> = ["good", Misdeed::TRAP, "good", Misdeed::MEMORY, "good"]
        .map(|key| setup.spawn(id, get(key)))
        .into();
    assert!(matches!(first.await.unwrap(), Err(ServiceError::Engine(_))));
    let mut ends = Vec::new();
    for task in group {
        ends.push(task.await.unwrap().is_ok());
    }
    assert_eq!(ends, [true, false, true, false, true]);
}
