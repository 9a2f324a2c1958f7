//! Keys whose time has come: gone at once for everybody, and soon from the storage too, touched or not.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use automation_kv::automation::AutomationId;
use automation_kv::engine::types::{
    Condition, Expiry, GetOperation, Operation, Outcome, Reason, Rejection, Request, SetOperation,
};
use automation_kv::engine::{Engine, EngineOptions};
use automation_kv::plugins::Plugins;
use automation_kv::service::{Service, ServiceOptions};
use automation_kv::storage::{
    Archive, Listed, MemoryStorage, Revision, Sealed, Step, Storage, StorageError, Stored, Swap,
};
use automation_kv::vault::Vault;
use uuid::Uuid;

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_touches_is_swept() {
    let setup = Setup::new(Duration::from_millis(20));
    setup.service.start_sweep();
    // More than the sweep takes at once.
    let ids: Vec<AutomationId> = (0..150).map(|_| new_id()).collect();
    for &id in &ids {
        setup.put(id, "lasting", Expiry::Never).await;
        setup.put(id, "short-lived", Expiry::After(200)).await;
    }
    let begun = Instant::now();
    for &id in &ids {
        while setup.plain(id).await.contains("short-lived") {
            assert!(begun.elapsed() < PATIENCE, "it was not swept");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert!(setup.plain(id).await.contains("lasting"));
    }
    assert_eq!(setup.storage.inner.expired(u64::MAX, 10).await.unwrap(), []);
    // It is counted right after the answer.
    let swept = format!("kv_swept_total {}", ids.len());
    while !setup.service.metrics(&Plugins::none()).contains(&swept) {
        assert!(
            begun.elapsed() < PATIENCE,
            "{}",
            setup.service.metrics(&Plugins::none())
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    setup.service.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_leaves_versions_and_what_is_not_due_alone() {
    let setup = Setup::new(Duration::from_millis(20));
    setup.service.start_sweep();
    let id = new_id();
    setup.put(id, "later", Expiry::After(3_600_000)).await;
    setup.put(id, "short-lived", Expiry::After(30)).await;
    let begun = Instant::now();
    while setup.plain(id).await.contains("short-lived") {
        assert!(begun.elapsed() < PATIENCE, "it was not swept");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let reply = setup
        .service
        .read(id, get("later"), Instant::now())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(reply.version, 2);
    let saved = setup.revision(id).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(setup.revision(id).await, saved, "it was swept again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_goes_on_behind_states_that_cannot_be_saved() {
    let setup = Setup::new(Duration::from_millis(20));
    let stuck: Vec<AutomationId> = (0..100).map(|_| new_id()).collect();
    for &id in &stuck {
        // Not a state at all, and due before all others.
        let sealed = Sealed {
            bytes: b"rubbish".to_vec(),
            expires_at: Some(1),
            ..Sealed::default()
        };
        setup.storage.inner.swap(id, None, sealed, soon()).await.unwrap();
    }
    let id = new_id();
    setup.put(id, "short-lived", Expiry::After(1)).await;
    setup.service.start_sweep();
    let begun = Instant::now();
    while setup.plain(id).await.contains("short-lived") {
        assert!(begun.elapsed() < PATIENCE, "it was not swept");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_finds_a_key_expired_removes_it_first() {
    let setup = Setup::new(Duration::from_hours(1));
    for reads in [get("gone"), get("lasting")] {
        let id = new_id();
        setup.put(id, "lasting", Expiry::Never).await;
        setup.put(id, "gone", Expiry::After(1)).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
        let before = setup.revision(id).await;
        let answer = setup.service.read(id, reads.clone(), Instant::now()).await.unwrap();
        assert_eq!(answer.is_ok(), reads == get("lasting"));
        assert!(!setup.plain(id).await.contains("gone"));
        // Once; from then on it is a read like any other.
        let after = setup.revision(id).await;
        assert_eq!(after, before + 1);
        drop(setup.service.read(id, reads, Instant::now()).await.unwrap());
        assert_eq!(setup.revision(id).await, after);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storage_that_takes_no_writes_still_lets_read() {
    let setup = Setup::new(Duration::from_hours(1));
    let id = new_id();
    setup.put(id, "lasting", Expiry::Never).await;
    setup.put(id, "gone", Expiry::After(1)).await;
    tokio::time::sleep(Duration::from_millis(5)).await;
    setup.storage.is_read_only.store(true, Ordering::SeqCst);
    let found = setup
        .service
        .read(id, get("lasting"), Instant::now())
        .await
        .unwrap()
        .unwrap();
    assert!(matches!(found.outcomes.as_slice(), [Outcome::Value(_)]));
    let gone = setup.service.read(id, get("gone"), Instant::now()).await.unwrap();
    let Err(Rejection { reason, .. }) = gone else {
        panic!("{gone:?}")
    };
    assert_eq!(reason, Reason::KeyNotFound);
    assert!(setup.plain(id).await.contains("gone"));
}

/// A service on a storage in memory that can be made read-only.
struct Setup {
    service: Service,
    storage: Arc<Lockable>,
    vault: Vault,
}

impl Setup {
    fn new(sweep_interval: Duration) -> Self {
        let storage = Arc::new(Lockable::default());
        let vault = Vault::new(&"secret".into(), &[], false);
        let options = ServiceOptions {
            sweep_interval,
            ..ServiceOptions::default()
        };
        let engine = Engine::built_in(EngineOptions::default()).unwrap();
        let service = Service::new(Arc::clone(&storage) as Arc<dyn Storage>, engine, vault.clone(), options);
        Self {
            service,
            storage,
            vault,
        }
    }

    async fn put(&self, id: AutomationId, key: &str, expiry: Expiry) {
        let set = SetOperation {
            key: key.to_owned(),
            value: "1".to_owned(),
            condition: Condition::Always,
            expiry,
        };
        let request = Request::of(vec![Operation::Set(set)]);
        self.service.write(id, request, Instant::now()).await.unwrap().unwrap();
    }

    /// What is stored, opened, as far as it is text.
    async fn plain(&self, id: AutomationId) -> String {
        let Stored::Present(record) = self.storage.load(id).await.unwrap() else {
            return String::new();
        };
        let opened = self.vault.for_automation(id).open(&record.sealed).unwrap();
        String::from_utf8_lossy(&opened.plain).into_owned()
    }

    async fn revision(&self, id: AutomationId) -> Revision {
        match self.storage.load(id).await.unwrap() {
            Stored::Present(record) => record.revision,
            other => panic!("{other:?}"),
        }
    }
}

#[derive(Default)]
struct Lockable {
    inner: MemoryStorage,
    is_read_only: AtomicBool,
}

impl Lockable {
    fn check_writes(&self) -> Result<(), StorageError> {
        if self.is_read_only.load(Ordering::SeqCst) {
            return Err(StorageError::Unavailable(Arc::new(std::io::Error::other("read-only"))));
        }
        Ok(())
    }
}

#[async_trait]
impl Storage for Lockable {
    async fn load(&self, automation: AutomationId) -> Result<Stored, StorageError> {
        self.inner.load(automation).await
    }

    async fn swap(
        &self,
        automation: AutomationId,
        seen: Option<Revision>,
        sealed: Sealed,
        deadline: Instant,
    ) -> Result<Swap, StorageError> {
        self.check_writes()?;
        self.inner.swap(automation, seen, sealed, deadline).await
    }

    async fn update(&self, automation: AutomationId, step: Step, deadline: Instant) -> Result<Swap, StorageError> {
        self.check_writes()?;
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

    async fn check(&self) -> Result<(), StorageError> {
        self.inner.check().await
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}

fn get(key: &str) -> Request {
    let get = GetOperation {
        key: key.to_owned(),
        path: None,
    };
    Request::of(vec![Operation::Get(get)])
}

fn new_id() -> AutomationId {
    Uuid::new_v4().into()
}

fn soon() -> Instant {
    Instant::now() + PATIENCE
}
