//! A service in memory with the plugin of the tests.

use std::sync::Arc;
use std::time::{Duration, Instant};

use automation_kv::automation::AutomationId;
use automation_kv::engine::plugin::{CallError, Plugin, PluginEngine, PluginOptions};
use automation_kv::engine::types::{
    Condition, CountOperation, Expiry, GetOperation, Operation, Outcome, Request, SetOperation,
};
use automation_kv::engine::{Carried, Done, Engine, EngineOptions, Refusal, Step, Transaction};
use automation_kv::service::{Service, ServiceOptions, TransactionAnswer};
use automation_kv::storage::{MemoryStorage, Storage, Stored};
use automation_kv::vault::Vault;
use automation_kv_test_plugin::{Kind, component};
use uuid::Uuid;

/// Short, so that tests are, and long enough for a busy machine.
pub const DEADLINE: Duration = Duration::from_millis(500);

pub struct Setup {
    pub service: Service,
    pub storage: Arc<MemoryStorage>,
    pub plugin: Arc<Plugin>,
    pub id: AutomationId,
}

pub fn options() -> PluginOptions {
    PluginOptions {
        deadline: DEADLINE,
        ..PluginOptions::default()
    }
}

pub fn load(kind: Kind) -> Arc<Plugin> {
    load_with(kind, options())
}

pub fn load_with(kind: Kind, options: PluginOptions) -> Arc<Plugin> {
    let engine = PluginEngine::new(options).unwrap();
    Arc::new(engine.load(&component(kind)).unwrap())
}

impl Setup {
    pub fn new() -> Self {
        Self::with(load(Kind::Writing))
    }

    pub fn with(plugin: Arc<Plugin>) -> Self {
        Self::with_options(plugin, ServiceOptions::default())
    }

    pub fn with_options(plugin: Arc<Plugin>, options: ServiceOptions) -> Self {
        let storage = Arc::new(MemoryStorage::default());
        let shared: Arc<dyn Storage> = Arc::<MemoryStorage>::clone(&storage);
        let engine = Engine::built_in(EngineOptions::default().beside_plugins()).unwrap();
        let vault = Vault::new(&"a secret for tests".into(), &[], false);
        Self {
            service: Service::new(shared, engine, vault, options),
            storage,
            plugin,
            id: Uuid::new_v4().into(),
        }
    }

    /// A call by itself.
    pub async fn call(&self, deed: &str) -> Result<Carried, Refusal> {
        self.transact(transaction(vec![self.step(deed)])).await
    }

    pub async fn transact(&self, transaction: Transaction) -> TransactionAnswer {
        self.service
            .transact(self.id, transaction, Instant::now())
            .await
            .unwrap()
    }

    pub fn step(&self, deed: &str) -> Step {
        Step::Call {
            plugin: Arc::clone(&self.plugin),
            input: format!("\"{deed}\""),
        }
    }

    pub async fn write(&self, operation: Operation) -> u64 {
        let request = Request::of(vec![operation]);
        let answer = self.service.write(self.id, request, Instant::now()).await;
        answer.unwrap().unwrap().version
    }

    /// A value; none if there is no such key.
    pub async fn value(&self, key: &str) -> Option<String> {
        let answer = self
            .service
            .read(self.id, Request::of(vec![get(key)]), Instant::now())
            .await;
        match answer.unwrap().ok()?.outcomes.remove(0) {
            Outcome::Value(entry) => Some(entry.value),
            other => panic!("{other:?} is no value"),
        }
    }

    pub async fn version(&self) -> u64 {
        let answer = self
            .service
            .read(self.id, Request::of(Vec::new()), Instant::now())
            .await;
        answer.unwrap().unwrap().version
    }

    /// What is stored, byte for byte.
    pub async fn stored(&self) -> Stored {
        self.storage.load(self.id).await.unwrap()
    }
}

pub fn transaction(steps: Vec<Step>) -> Transaction {
    Transaction {
        steps,
        if_version: None,
        always_bump: false,
        once: None,
        scope: None,
    }
}

/// The output of a transaction that ends with a call.
pub fn output(answer: TransactionAnswer) -> String {
    match answer.unwrap().done.pop() {
        Some(Done::Output(output)) => output,
        other => panic!("{other:?} is no output"),
    }
}

/// Why the call of a transaction was refused.
pub fn call_error(answer: TransactionAnswer) -> CallError {
    match answer {
        Err(Refusal::Call { error, .. }) => error,
        other => panic!("{other:?} is no refused call"),
    }
}

/// The name of the plugin's fault.
pub fn fault(answer: TransactionAnswer) -> &'static str {
    match call_error(answer) {
        CallError::Fault(fault) => fault.name(),
        other => panic!("{other:?} is no fault"),
    }
}

pub fn get(key: &str) -> Operation {
    Operation::Get(GetOperation {
        key: key.to_owned(),
        path: None,
    })
}

pub fn set(key: &str, value: &str) -> Operation {
    set_until(key, value, Expiry::Keep)
}

pub fn set_until(key: &str, value: &str, expiry: Expiry) -> Operation {
    Operation::Set(SetOperation {
        key: key.to_owned(),
        value: value.to_owned(),
        condition: Condition::Always,
        expiry,
    })
}

pub fn increment(key: &str) -> Operation {
    Operation::Increment(CountOperation {
        key: key.to_owned(),
        by: "1".to_owned(),
    })
}
