//! Writes that need no load, since nobody else writes.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use automation_kv::service::ServiceError;
use automation_kv::storage::Storage;

use crate::setup::{Setup, get, increment, number};

#[tokio::test]
async fn who_writes_alone_needs_no_load_for_it_where_loads_are_costly() {
    for (is_costly, loads_of_the_last) in [(true, 0), (false, 1)] {
        let (setup, id) = Setup::writing(is_costly);
        for _ in 0..10 {
            setup.increment(id).await;
        }
        let before = setup.storage.loads.load(Ordering::SeqCst);
        assert_eq!(setup.increment(id).await, 11);
        assert_eq!(setup.storage.loads.load(Ordering::SeqCst) - before, loads_of_the_last);
        // Reads trust nothing that they did not load.
        assert_eq!(number(setup.service.read(id, get("n"), Instant::now()).await), "11");
        assert_eq!(
            setup.storage.loads.load(Ordering::SeqCst) - before,
            loads_of_the_last + 1
        );
    }
}

#[tokio::test]
async fn what_others_write_is_not_lost_where_writes_need_no_load() {
    let (setup, id) = Setup::writing(true);
    let other = Setup {
        service: Setup::service_on(&setup.storage),
        storage: Arc::clone(&setup.storage),
    };
    let hosts = [&setup, &other];
    for count in 1..=60_usize {
        // By turns of one, then of ten.
        let host = hosts[if count <= 20 { count % 2 } else { count / 10 % 2 }];
        assert_eq!(host.increment(id).await, count);
    }
}

#[tokio::test]
async fn who_writes_alone_learns_that_its_automation_was_deleted_elsewhere() {
    let (setup, id) = Setup::writing(true);
    for _ in 0..10 {
        setup.increment(id).await;
    }
    let deadline = Instant::now() + Duration::from_secs(5);
    assert!(setup.storage.inner.delete(id, deadline).await.unwrap());
    let answer = setup.service.write(id, increment("n"), Instant::now()).await;
    assert!(matches!(answer, Err(ServiceError::Deleted)), "{answer:?}");
}

#[tokio::test]
async fn a_write_that_changes_nothing_is_decided_on_what_is_stored() {
    let (setup, id) = Setup::writing(true);
    let other = Setup::service_on(&setup.storage);
    for _ in 0..10 {
        setup.increment(id).await;
    }
    assert!(other.write(id, increment("n"), Instant::now()).await.unwrap().is_ok());
    assert_eq!(number(setup.service.write(id, get("n"), Instant::now()).await), "11");
}
