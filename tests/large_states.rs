//! Large states, of which little changes at a time: what is stored is an earlier state and what has changed since, and
//! whoever opens it, on whichever storage, finds all of it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use automation_kv::automation::{AutomationId, RunId, Writer};
use automation_kv::database::Database;
use automation_kv::engine::types::{Condition, CountOperation, Expiry, Operation, Request, SetOperation};
use automation_kv::engine::{Engine, EngineOptions};
use automation_kv::service::{Earlier, Service, ServiceOptions};
use automation_kv::storage::{MemoryStorage, Storage, StorageOptions, Stored};
use automation_kv::vault::Vault;
use tempfile::TempDir;

use support::knob;
use support::postgres::SHARED;
use support::service;

/// Compiled once: the hosts of all tests share it.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::built_in(EngineOptions::default()).unwrap());

/// Keys, each with a value of a kilobyte at first.
const KEYS: usize = 30;

const STEPS: u64 = 400;

/// After so many steps, another run writes.
const STEPS_OF_A_RUN: u64 = 25;

macro_rules! everywhere {
    ($($place:ident)+: $tests:tt) => {
        $(everywhere! { @$place $tests })+
    };
    (@$place:ident { $($test:ident)+ }) => {
        mod $place {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(super::Hosts::$place()).await;
            })+
        }
    };
}

everywhere! { memory sqlite postgres: {
    random_changes_leave_what_a_model_has
    changes_by_several_hosts_at_once_all_count
}}

/// What the state has to be, and what it had to be when each run began.
type Model = BTreeMap<String, String>;

async fn random_changes_leave_what_a_model_has(hosts: Hosts) {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (storage, id) = (hosts.storage().await, AutomationId::random());
    let services = [hosts.service().await, hosts.service().await];
    let mut model = Model::new();
    let mut before_runs = Vec::new();
    let mut bases = BTreeSet::new();
    for key in 0..KEYS {
        let operation = set(&mut model, key, &"x".repeat(1000));
        write(&services[0], id, "first", operation).await;
    }
    let steps = knob("STEPS", STEPS);
    for step in 0..steps {
        let run = format!("run-{}", step / STEPS_OF_A_RUN);
        if step % STEPS_OF_A_RUN == 0 {
            before_runs.push((run.clone(), model.clone()));
        }
        // Now and then a host that has seen nothing.
        let service = match random.u8(..10) {
            0 => hosts.service().await,
            _ => services[random.usize(..2)].clone(),
        };
        let key = random.usize(..KEYS);
        let operation = match random.u8(..20) {
            0 => delete(&mut model, key),
            1..4 => {
                let letter = random.alphanumeric().to_string();
                set(&mut model, key, &letter.repeat(random.usize(..2000)))
            }
            _ => increment(&mut model, key),
        };
        write(&service, id, &run, operation).await;
        bases.insert(base(&*storage, id).await);
        if step % 7 == 0 {
            assert_eq!(current(&service, id).await, model, "step {step}");
        }
    }
    assert!(
        bases.len() < usize::try_from(steps).unwrap() / 2,
        "{} bases",
        bases.len()
    );
    let service = hosts.service().await;
    assert_eq!(current(&service, id).await, model);
    for (run, model) in &before_runs {
        let earlier = Earlier::Before(RunId::parse(run).unwrap());
        let snapshot = service.snapshot(id, Some(&earlier), Instant::now()).await.unwrap();
        assert_eq!(as_model(snapshot.keys), *model, "before {run}");
    }
    let (run, model) = &before_runs[1];
    let earlier = Earlier::Before(RunId::parse(run).unwrap());
    service
        .restore(by(id, "restored"), &earlier, Instant::now())
        .await
        .unwrap();
    assert_eq!(current(&services[0], id).await, *model);
}

async fn changes_by_several_hosts_at_once_all_count(hosts: Hosts) {
    const EACH: usize = 30;
    let id = AutomationId::random();
    let services = [hosts.service().await, hosts.service().await, hosts.service().await];
    let mut model = Model::new();
    for key in 0..KEYS {
        let operation = set(&mut model, key, &"x".repeat(1000));
        write(&services[0], id, "first", operation).await;
    }
    let mut writers = tokio::task::JoinSet::new();
    for (number, service) in services.iter().cycle().take(9).cloned().enumerate() {
        writers.spawn(async move {
            let own = format!("n{number}");
            for _ in 0..EACH {
                write(&service, id, "first", count("n")).await;
                write(&service, id, "first", count(&own)).await;
            }
        });
    }
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    model.insert("n".to_owned(), (9 * EACH).to_string());
    model.extend((0..9).map(|number| (format!("n{number}"), EACH.to_string())));
    for service in &services {
        assert_eq!(current(service, id).await, model);
    }
}

/// A database that any number of services can be opened on, except in memory, where all share one storage.
struct Hosts {
    database: Option<Database>,
    memory: Arc<MemoryStorage>,
    _folder: TempDir,
}

impl Hosts {
    fn memory() -> Self {
        Self::on(None, service::folder())
    }

    fn sqlite() -> Self {
        let folder = service::folder();
        let url = format!("sqlite://{}", service::database_file(folder.path()).display());
        Self::on(Some(&url), folder)
    }

    fn postgres() -> Self {
        Self::on(Some(&SHARED.database()), service::folder())
    }

    fn on(url: Option<&str>, folder: TempDir) -> Self {
        Self {
            database: url.map(|url| Database::parse(url).unwrap()),
            memory: Arc::default(),
            _folder: folder,
        }
    }

    async fn storage(&self) -> Arc<dyn Storage> {
        match &self.database {
            Some(database) => database.open(&StorageOptions::default()).await.unwrap(),
            None => Arc::<MemoryStorage>::clone(&self.memory),
        }
    }

    /// A host with a vault of its own, so that it knows nothing of what others have opened.
    async fn service(&self) -> Service {
        let options = ServiceOptions {
            history_runs: 1000,
            ..ServiceOptions::default()
        };
        let vault = Vault::new(&"secret".into(), &[], false);
        Service::new(self.storage().await, ENGINE.clone(), vault, options)
    }
}

/// The part of what is stored that stays as it is.
async fn base(storage: &dyn Storage, id: AutomationId) -> Vec<u8> {
    match storage.load(id).await.unwrap() {
        Stored::Present(record) => record.sealed.split(|byte| *byte == b'.').next().unwrap().to_vec(),
        other => panic!("{other:?}"),
    }
}

async fn write(service: &Service, id: AutomationId, run: &str, operation: Operation) {
    let request = Request::of(vec![operation]);
    let answer = service.write(by(id, run), request, Instant::now()).await;
    answer.unwrap().unwrap();
}

async fn current(service: &Service, id: AutomationId) -> Model {
    as_model(service.snapshot(id, None, Instant::now()).await.unwrap().keys)
}

fn as_model(keys: Vec<automation_kv::engine::types::Listed>) -> Model {
    keys.into_iter()
        .map(|listed| (listed.key, listed.value.unwrap()))
        .collect()
}

/// Sets a text.
fn set(model: &mut Model, key: usize, text: &str) -> Operation {
    let (key, value) = (format!("text-{key}"), format!("\"{text}\""));
    model.insert(key.clone(), value.clone());
    Operation::Set(SetOperation {
        key,
        value,
        condition: Condition::Always,
        expiry: Expiry::Keep,
    })
}

fn delete(model: &mut Model, key: usize) -> Operation {
    let key = format!("text-{key}");
    model.remove(&key);
    Operation::Delete(key)
}

fn increment(model: &mut Model, key: usize) -> Operation {
    let key = format!("number-{key}");
    let number: u64 = model.get(&key).map_or(0, |number| number.parse().unwrap());
    model.insert(key.clone(), (number + 1).to_string());
    count(&key)
}

fn count(key: &str) -> Operation {
    Operation::Increment(CountOperation {
        key: key.to_owned(),
        by: "1".to_owned(),
    })
}

fn by(automation: AutomationId, run: &str) -> Writer {
    Writer {
        automation,
        run: Some(RunId::parse(run).unwrap()),
    }
}
