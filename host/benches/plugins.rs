//! What a plugin costs: one that reads a key and writes two, against the same three operations as one request, in turns
//! (A B A B …), so that a noisy machine hits both alike. On a session, and on a service with everything but HTTP and disk.
//!
//! Prints the table of `docs/performance.md`.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

mod support;

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use automation_kv::automation::AutomationId;
use automation_kv::engine::plugin::{Plugin, PluginEngine, PluginOptions};
use automation_kv::engine::types::{Condition, Expiry, GetOperation, Operation, Request, SetOperation};
use automation_kv::engine::{Engine, EngineOptions, Step, Transaction};
use automation_kv::service::{Service, ServiceOptions};
use automation_kv::storage::{MemoryStorage, Sealed, Storage};
use automation_kv::vault::Vault;
use automation_kv_test_plugin::{Deed, Kind, component};
use support::{SIZES, Subject};
use uuid::Uuid;

/// Turns of each part.
const ROUNDS: usize = 40;

/// How long a part runs in one turn.
const TURN: Duration = Duration::from_millis(20);

fn main() {
    let engine = PluginEngine::new(PluginOptions::default()).expect("an engine");
    let plugin = Arc::new(engine.load(&component(Kind::Writing)).expect("a plugin"));
    println!("one key read and two written; microseconds are medians of {ROUNDS} turns, ratios medians within a turn");
    println!();
    println!("| document | batch | plugin | plugin / batch | through the service: batch | plugin | plugin / batch |");
    println!("|---|---|---|---|---|---|---|");
    for (bytes, name) in SIZES {
        let subject = Subject::new(bytes);
        let [batch, call, ratio] = turns(
            || {
                subject.transact(|session| {
                    black_box(session.execute(&batch()).expect("a call").expect("a reply"));
                });
            },
            || subject.transaction(&transaction(&plugin)),
        );
        let served = Served::new(&subject);
        let [served_batch, served_call, served_ratio] = turns(|| served.batch(), || served.call(&plugin));
        println!(
            "| {name} | {batch:.0} | {call:.0} | {ratio:.2} | {served_batch:.0} | {served_call:.0} | {served_ratio:.2} |"
        );
    }
}

/// A service on one state in memory.
struct Served {
    runtime: tokio::runtime::Runtime,
    service: Service,
    id: AutomationId,
}

impl Served {
    fn new(subject: &Subject) -> Self {
        let id: AutomationId = Uuid::new_v4().into();
        let vault = Vault::new(&"a secret for benchmarks".into(), &[], false);
        let sealed = Sealed {
            bytes: vault.for_automation(id).seal(subject.plain()),
            ..Sealed::default()
        };
        let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::holding(id, sealed));
        let engine = Engine::built_in(EngineOptions::default().beside_plugins()).expect("an engine");
        Self {
            runtime: tokio::runtime::Runtime::new().expect("a runtime"),
            service: Service::new(storage, engine, vault, ServiceOptions::default()),
            id,
        }
    }

    fn batch(&self) {
        let written = self.service.write(self.id, batch(), Instant::now());
        black_box(self.runtime.block_on(written))
            .expect("an answer")
            .expect("a reply");
    }

    fn call(&self, plugin: &Arc<Plugin>) {
        let called = self.service.transact(self.id, transaction(plugin), Instant::now());
        black_box(self.runtime.block_on(called))
            .expect("an answer")
            .expect("an output");
    }
}

fn batch() -> Request {
    let set = |key: &str, value: &str| {
        Operation::Set(SetOperation {
            key: key.to_owned(),
            value: value.to_owned(),
            condition: Condition::Always,
            expiry: Expiry::Keep,
        })
    };
    let get = GetOperation {
        key: "a".to_owned(),
        path: None,
    };
    Request::of(vec![Operation::Get(get), set("b", "1"), set("c", "1")])
}

fn transaction(plugin: &Arc<Plugin>) -> Transaction {
    Transaction {
        steps: vec![Step::Call {
            plugin: Arc::clone(plugin),
            input: format!("\"{}\"", Deed::THREE_OPERATIONS),
        }],
        if_version: None,
        always_bump: false,
        once: None,
        scope: None,
    }
}

/// The medians of two parts in microseconds, and of the second divided by the first.
fn turns(first: impl Fn(), second: impl Fn()) -> [f64; 3] {
    let turns: Vec<[f64; 2]> = (0..ROUNDS).map(|_| [micros(&first), micros(&second)]).collect();
    [
        median(turns.iter().map(|turn| turn[0])),
        median(turns.iter().map(|turn| turn[1])),
        median(turns.iter().map(|turn| turn[1] / turn[0])),
    ]
}

fn micros(part: &impl Fn()) -> f64 {
    let begun = Instant::now();
    let mut runs = 0_u32;
    while begun.elapsed() < TURN {
        part();
        runs += 1;
    }
    begun.elapsed().as_secs_f64() * 1e6 / f64::from(runs)
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
