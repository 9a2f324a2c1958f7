//! A service on a storage that can be held up, and requests for it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use automation_kv::automation::AutomationId;
use automation_kv::engine::types::{CountOperation, GetOperation, Operation, Outcome, Request};
use automation_kv::engine::{Engine, EngineOptions};
use automation_kv::plugins::Plugins;
use automation_kv::service::{Answer, Service, ServiceError, ServiceOptions};
use automation_kv::storage::Storage;
use automation_kv::vault::Vault;
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::gated::Gated;

/// A service on a storage that can be held up.
pub struct Setup {
    pub service: Service,
    pub storage: Arc<Gated>,
}

impl Setup {
    pub fn new(engine: Engine, options: ServiceOptions) -> Self {
        let storage = Arc::new(Gated::default());
        let vault = Vault::new(&"secret".into(), &[], false);
        let service = Service::new(Arc::clone(&storage) as Arc<dyn Storage>, engine, vault, options);
        Self { service, storage }
    }

    /// One that nothing holds up.
    pub fn writing(has_costly_loads: bool) -> (Self, AutomationId) {
        let storage = Arc::new(Gated {
            has_costly_loads,
            ..Gated::default()
        });
        storage.gate.add_permits(1000);
        let service = Self::service_on(&storage);
        (Self { service, storage }, new_id())
    }

    pub fn service_on(storage: &Arc<Gated>) -> Service {
        let engine = Engine::built_in(EngineOptions::small()).unwrap();
        let vault = Vault::new(&"secret".into(), &[], false);
        let storage = Arc::clone(storage) as Arc<dyn Storage>;
        Service::new(storage, engine, vault, ServiceOptions::default())
    }

    pub async fn increment(&self, id: AutomationId) -> usize {
        let answer = self.service.write(id, increment("n"), Instant::now()).await;
        number(answer).parse().unwrap()
    }

    /// With a state that has been written and read.
    pub async fn with_a_number() -> (Self, AutomationId) {
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

    pub fn spawn_read(&self, id: AutomationId, request: Request) -> JoinHandle<Result<Answer, ServiceError>> {
        let service = self.service.clone();
        tokio::spawn(async move { service.read(id, request, Instant::now()).await })
    }

    pub fn spawn(&self, id: AutomationId, request: Request) -> JoinHandle<Result<Answer, ServiceError>> {
        let service = self.service.clone();
        tokio::spawn(async move { service.write(id, request, Instant::now()).await })
    }

    /// How many sessions there were that could write.
    pub fn sessions(&self) -> u32 {
        let metrics = self.service.metrics(&Plugins::none());
        let count = metrics
            .lines()
            .find_map(|line| line.strip_prefix("kv_engine_session_seconds_count "));
        count.unwrap().parse().unwrap()
    }

    /// Lets tasks that were just spawned get to where they wait.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

pub fn increment(key: &str) -> Request {
    let count = CountOperation {
        key: key.to_owned(),
        by: "1".to_owned(),
    };
    single(Operation::Increment(count))
}

pub fn get(key: &str) -> Request {
    let get = GetOperation {
        key: key.to_owned(),
        path: None,
    };
    single(Operation::Get(get))
}

pub fn single(operation: Operation) -> Request {
    Request::of(vec![operation])
}

/// The number that a request was answered with.
pub fn number(answer: Result<Answer, ServiceError>) -> String {
    match answer.unwrap().unwrap().outcomes.remove(0) {
        Outcome::Number(number) => number,
        Outcome::Value(entry) => entry.value,
        other => panic!("expected a number, got {other:?}"),
    }
}

pub fn new_id() -> AutomationId {
    Uuid::new_v4().into()
}
