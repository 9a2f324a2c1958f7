//! What the history costs: a write by a run that has written before, with the history on and off, in turns (A B B A …), and
//! the first write of a run. Prints the figures of `docs/performance.md`.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use automation_kv::automation::{AutomationId, RunId, Writer};
use automation_kv::database::Database;
use automation_kv::engine::types::{Condition, CountOperation, Expiry, Operation, Request, SetOperation};
use automation_kv::engine::{Engine, EngineOptions};
use automation_kv::service::{Service, ServiceOptions};
use automation_kv::storage::StorageOptions;
use automation_kv::vault::Vault;

/// The service's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const ROUNDS: usize = 41;
const TURN: Duration = Duration::from_millis(100);

/// Writers at a time, each to an automation of its own.
const WRITERS: [usize; 2] = [1, 32];

/// What else is in a state, in bytes.
const SIZES: [usize; 2] = [1_000, 60_000];

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    println!("| state | writers | off | on | on / off, at most 1.1 | first write of a run / off |");
    println!("|---|---|---|---|---|---|");
    for bytes in SIZES {
        for writers in WRITERS {
            runtime.block_on(compare(bytes, writers));
        }
    }
}

async fn compare(bytes: usize, writers: usize) {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = Engine::built_in(EngineOptions::default()).expect("an engine");
    // A file for each, so that none pays for what another has left in its write-ahead log.
    let off = service(&folder.path().join("off.db"), &engine, 0).await;
    let on = service(&folder.path().join("on.db"), &engine, 10).await;
    let new = service(&folder.path().join("new.db"), &engine, 10).await;
    let automations: Vec<AutomationId> = (0..writers).map(|_| AutomationId::random()).collect();
    for service in [&off, &on, &new] {
        for automation in &automations {
            fill(service, *automation, bytes).await;
        }
    }
    let mut turns = Vec::new();
    for round in 0..ROUNDS {
        let mut turn = [0.0; 3];
        // In the one order and in the other.
        for at in 0..turn.len() {
            let part = if round % 2 == 0 { at } else { turn.len() - 1 - at };
            turn[part] = match part {
                0 => micros(&off, &automations, known_run).await,
                1 => micros(&on, &automations, known_run).await,
                _ => micros(&new, &automations, new_run).await,
            };
        }
        turns.push(turn);
    }
    let [micros_off, micros_on] = [0, 1].map(|part| median(turns.iter().map(|turn| turn[part])));
    let [by_known, by_new] = [1, 2].map(|part| median(turns.iter().map(|turn| turn[part] / turn[0])));
    println!(
        "| {:.0} KB | {writers} | {micros_off:.0} µs | {micros_on:.0} µs | {by_known:.2} | {by_new:.2} |",
        bytes as f64 / 1000.0
    );
    for service in [off, on, new] {
        service.close().await;
    }
}

async fn service(file: &Path, engine: &Engine, history_runs: u32) -> Service {
    let database = Database::parse(&format!("sqlite://{}", file.display())).expect("a URL");
    let storage = database.open(&StorageOptions::default()).await.expect("a database");
    let vault = Vault::new(&"a secret for benchmarks".into(), &[], false);
    let options = ServiceOptions {
        history_runs,
        ..ServiceOptions::default()
    };
    Service::new(storage, engine.clone(), vault, options)
}

/// The mean time that a write takes of all of them.
async fn micros(service: &Service, automations: &[AutomationId], run: fn() -> RunId) -> f64 {
    let begun = Instant::now();
    let tasks: Vec<_> = automations
        .iter()
        .map(|&automation| {
            let service = service.clone();
            tokio::spawn(async move {
                let mut count = 0_u32;
                while begun.elapsed() < TURN {
                    let writer = Writer {
                        automation,
                        run: Some(run()),
                    };
                    let answer = service.write(writer, increment(), Instant::now()).await;
                    answer.expect("an answer").expect("a reply");
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut total = 0.0;
    for task in tasks {
        total += f64::from(task.await.expect("a writer"));
    }
    begun.elapsed().as_secs_f64() * 1e6 / total
}

fn known_run() -> RunId {
    RunId::parse("2f1c7a1e-6d0a-4d6e-9d53-0d4f7f0d9a11").expect("a run")
}

fn new_run() -> RunId {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    RunId::parse(&format!("run-{number}")).expect("a run")
}

async fn fill(service: &Service, automation: AutomationId, bytes: usize) {
    let set = SetOperation {
        key: "else".to_owned(),
        value: format!("\"{}\"", "x".repeat(bytes)),
        condition: Condition::Always,
        expiry: Expiry::Never,
    };
    let request = Request::of(vec![Operation::Set(set)]);
    let answer = service.write(automation, request, Instant::now()).await;
    answer.expect("an answer").expect("a reply");
}

fn increment() -> Request {
    let count = CountOperation {
        key: "n".to_owned(),
        by: "1".to_owned(),
    };
    Request::of(vec![Operation::Increment(count)])
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
