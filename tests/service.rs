//! The service between API and storage: who waits, who goes together, and who is told what.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use automation_kv::automation::AutomationId;
use automation_kv::engine::types::{CountOperation, GetOperation, Operation, Outcome, Request};
use automation_kv::engine::{Engine, EngineOptions};
use automation_kv::plugins::Plugins;
use automation_kv::service::{Answer, Service, ServiceError, ServiceOptions};
use automation_kv::storage::{
    Archive, Listed, MemoryStorage, Revision, Sealed, Step, Storage, StorageError, Stored, Swap,
};
use automation_kv::vault::Vault;
use automation_kv_test_guests::{MISBEHAVING, Misdeed};
use tokio::sync::{RwLock, Semaphore};
use tokio::task::JoinHandle;
use uuid::Uuid;

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

/// A service on a storage that can be held up.
struct Setup {
    service: Service,
    storage: Arc<Gated>,
}

impl Setup {
    fn new(engine: Engine, options: ServiceOptions) -> Self {
        let storage = Arc::new(Gated::default());
        let vault = Vault::new(&"secret".into(), &[], false);
        let service = Service::new(Arc::clone(&storage) as Arc<dyn Storage>, engine, vault, options);
        Self { service, storage }
    }

    /// One that nothing holds up.
    fn writing(has_costly_loads: bool) -> (Self, AutomationId) {
        let storage = Arc::new(Gated {
            has_costly_loads,
            ..Gated::default()
        });
        storage.gate.add_permits(1000);
        let service = Self::service_on(&storage);
        (Self { service, storage }, new_id())
    }

    fn service_on(storage: &Arc<Gated>) -> Service {
        let engine = Engine::built_in(EngineOptions::small()).unwrap();
        let vault = Vault::new(&"secret".into(), &[], false);
        let storage = Arc::clone(storage) as Arc<dyn Storage>;
        Service::new(storage, engine, vault, ServiceOptions::default())
    }

    async fn increment(&self, id: AutomationId) -> usize {
        let answer = self.service.write(id, increment("n"), Instant::now()).await;
        number(answer).parse().unwrap()
    }

    /// With a state that has been written and read.
    async fn with_a_number() -> (Self, AutomationId) {
        let engine = Engine::built_in(EngineOptions::small()).unwrap();
        let (setup, id) = (Self::new(engine, ServiceOptions::default()), new_id());
        setup.storage.gate.add_permits(1);
        setup
            .service
            .write(id, increment("n"), Instant::now())
            .await
            .unwrap()
            .unwrap();
        setup.service.read(id, get("n"), Instant::now()).await.unwrap().unwrap();
        (setup, id)
    }

    fn spawn_read(&self, id: AutomationId, request: Request) -> JoinHandle<Result<Answer, ServiceError>> {
        let service = self.service.clone();
        tokio::spawn(async move { service.read(id, request, Instant::now()).await })
    }

    fn spawn(&self, id: AutomationId, request: Request) -> JoinHandle<Result<Answer, ServiceError>> {
        let service = self.service.clone();
        tokio::spawn(async move { service.write(id, request, Instant::now()).await })
    }

    /// How many sessions there were that could write.
    fn sessions(&self) -> u32 {
        let metrics = self.service.metrics(&Plugins::none());
        let count = metrics
            .lines()
            .find_map(|line| line.strip_prefix("kv_engine_session_seconds_count "));
        count.unwrap().parse().unwrap()
    }

    /// Lets tasks that were just spawned get to where they wait.
    async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// A storage in memory whose saves wait for permits, and fail or lose their race on demand.
struct Gated {
    inner: MemoryStorage,
    has_costly_loads: bool,
    /// Loads wait while it is held.
    loading: RwLock<()>,
    loads: AtomicU32,
    gate: Semaphore,
    began: Semaphore,
    saves: AtomicU32,
    losses: AtomicU32,
    failures: AtomicU32,
}

impl Default for Gated {
    fn default() -> Self {
        Self {
            inner: MemoryStorage::default(),
            has_costly_loads: false,
            loading: RwLock::default(),
            loads: AtomicU32::new(0),
            gate: Semaphore::new(0),
            began: Semaphore::new(0),
            saves: AtomicU32::new(0),
            losses: AtomicU32::new(0),
            failures: AtomicU32::new(0),
        }
    }
}

impl Gated {
    async fn wait_for_a_save(&self) {
        self.began.acquire().await.unwrap().forget();
    }

    async fn pass(&self) -> Result<(), StorageError> {
        self.began.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        if take_one(&self.failures) {
            return Err(StorageError::Unavailable(Arc::new(std::io::Error::other("on demand"))));
        }
        self.saves.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

#[async_trait]
impl Storage for Gated {
    async fn load(&self, automation: AutomationId) -> Result<Stored, StorageError> {
        let _free = self.loading.read().await;
        self.loads.fetch_add(1, Ordering::SeqCst);
        self.inner.load(automation).await
    }

    async fn swap(
        &self,
        automation: AutomationId,
        seen: Option<Revision>,
        sealed: Sealed,
        deadline: Instant,
    ) -> Result<Swap, StorageError> {
        self.pass().await?;
        if take_one(&self.losses) {
            return Ok(Swap::Lost);
        }
        self.inner.swap(automation, seen, sealed, deadline).await
    }

    async fn update(&self, automation: AutomationId, step: Step, deadline: Instant) -> Result<Swap, StorageError> {
        self.pass().await?;
        self.inner.update(automation, step, deadline).await
    }

    async fn delete(&self, automation: AutomationId, deadline: Instant) -> Result<bool, StorageError> {
        self.inner.delete(automation, deadline).await
    }

    async fn list(&self, after: Option<AutomationId>, limit: u32) -> Result<Vec<Listed>, StorageError> {
        self.inner.list(after, limit).await
    }

    async fn expired(&self, now_ms: u64, limit: u32) -> Result<Vec<AutomationId>, StorageError> {
        self.inner.expired(now_ms, limit).await
    }

    fn archive(&self) -> &dyn Archive {
        self.inner.archive()
    }

    fn has_costly_loads(&self) -> bool {
        self.has_costly_loads
    }

    async fn check(&self) -> Result<(), StorageError> {
        self.inner.check().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

fn take_one(count: &AtomicU32) -> bool {
    count
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1))
        .is_ok()
}

fn increment(key: &str) -> Request {
    let count = CountOperation {
        key: key.to_owned(),
        by: "1".to_owned(),
    };
    single(Operation::Increment(count))
}

fn get(key: &str) -> Request {
    let get = GetOperation {
        key: key.to_owned(),
        path: None,
    };
    single(Operation::Get(get))
}

fn single(operation: Operation) -> Request {
    Request::of(vec![operation])
}

/// The number that a request was answered with.
fn number(answer: Result<Answer, ServiceError>) -> String {
    match answer.unwrap().unwrap().outcomes.remove(0) {
        Outcome::Number(number) => number,
        Outcome::Value(entry) => entry.value,
        other => panic!("expected a number, got {other:?}"),
    }
}

fn new_id() -> AutomationId {
    Uuid::new_v4().into()
}
