//! What many clients of one automation gain from going together, what the service takes of memory, and how long it
//! takes to start. Prints the figures of `docs/performance.md`.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::cast_precision_loss,
    dead_code,
    reason = "a benchmark"
)]

#[path = "load/drive.rs"]
mod drive;
#[path = "load/host.rs"]
mod host;

use std::sync::Arc;
use std::time::{Duration, Instant};

use automation_kv::automation::AutomationId;
use automation_kv::database::Database;
use automation_kv::engine::types::{CountOperation, Operation, Request};
use automation_kv::engine::{Engine, EngineOptions};
use automation_kv::service::{Service, ServiceOptions};
use automation_kv::storage::StorageOptions;
use automation_kv::token::Tokens;
use automation_kv::vault::Vault;
use drive::{Requests, Until, drive};
use host::Host;
use uuid::Uuid;

const MANY: usize = 64;
const TURN: Duration = Duration::from_secs(1);
const ROUNDS: usize = 5;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        combining_at_the_service_layer().await;
        combining_over_http().await;
        memory().await;
    });
    starting();
}

async fn combining_at_the_service_layer() {
    let folder = tempfile::tempdir().expect("a folder");
    let database = Database::parse(&format!("sqlite://{}/state.db", folder.path().display())).expect("a URL");
    let storage = database.open(&StorageOptions::default()).await.expect("a database");
    let engine = Engine::built_in(EngineOptions::default()).expect("an engine");
    let vault = Vault::new(&host::SECRET.into(), &[], false);
    let service = Service::new(storage, engine, vault, ServiceOptions::default());
    let id = AutomationId::from(Uuid::new_v4());
    let mut turns = Vec::new();
    for _ in 0..ROUNDS {
        turns.push((writes(&service, id, 1).await, writes(&service, id, MANY).await));
    }
    print("service layer", &turns);
}

/// Increments a second.
async fn writes(service: &Service, id: AutomationId, clients: usize) -> f64 {
    let begun = Instant::now();
    let tasks: Vec<_> = (0..clients)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move {
                let mut count = 0_u32;
                while begun.elapsed() < TURN {
                    let answer = service.write(id, increment(), Instant::now()).await;
                    answer.expect("an answer").expect("a reply");
                    count += 1;
                }
                count
            })
        })
        .collect();
    let mut total = 0.0;
    for task in tasks {
        total += f64::from(task.await.expect("a client"));
    }
    total / begun.elapsed().as_secs_f64()
}

async fn combining_over_http() {
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::sqlite(folder.path());
    let requests = increments(&tokens(1));
    let mut turns = Vec::new();
    for _ in 0..ROUNDS {
        let one = drive(&[host.address], 1, Until::Time(TURN), &requests).await;
        let many = drive(&[host.address], MANY, Until::Time(TURN), &requests).await;
        assert_eq!(
            one.failed() + many.failed(),
            0,
            "{:?} {:?}",
            one.failures,
            many.failures
        );
        turns.push((one.rate(), many.rate()));
    }
    print("HTTP", &turns);
}

fn print(layer: &str, turns: &[(f64, f64)]) {
    let mut turns = turns.to_vec();
    turns.sort_by(|a, b| (a.1 / a.0).total_cmp(&(b.1 / b.0)));
    let (one, many) = turns[turns.len() / 2];
    println!(
        "{layer}: 1 client {one:.0}/s, {MANY} clients on the same automation {many:.0}/s: {:.1} times",
        many / one
    );
}

async fn memory() {
    const REQUESTS: usize = 100_000;
    const AUTOMATIONS: usize = 2000;
    const CLIENTS: usize = 32;
    let folder = tempfile::tempdir().expect("a folder");
    let host = Host::sqlite(folder.path());
    let before = host.resident_mib().0;
    let requests = increments(&tokens(AUTOMATIONS));
    let report = drive(&[host.address], CLIENTS, Until::Each(REQUESTS / CLIENTS), &requests).await;
    assert_eq!(report.failed(), 0, "{:?}", report.failures);
    let (after, highest) = host.resident_mib();
    println!(
        "memory: {before} MiB at first, {after} MiB after {} requests over {AUTOMATIONS} automations, {highest} MiB at most",
        report.micros.len()
    );
}

fn starting() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut times: Vec<Duration> = (0..ROUNDS).map(|_| Host::sqlite(folder.path()).started_in).collect();
    times.sort();
    println!(
        "start: {} ms from the process to its address",
        times[times.len() / 2].as_millis()
    );
}

fn increments(tokens: &[String]) -> Requests {
    let list: Vec<_> = tokens
        .iter()
        .map(|token| drive::request("POST", "/v1/kv/n/incr", token, ""))
        .collect();
    Arc::new(move |client, turn| Arc::clone(&list[(client * 997 + turn) % list.len()]))
}

fn tokens(count: usize) -> Vec<String> {
    let tokens = Tokens::new(&host::SECRET.into(), &[]);
    let mint = |_| {
        tokens
            .mint(Uuid::new_v4().into(), Uuid::new_v4(), Duration::from_hours(1))
            .expect("a token")
    };
    (0..count).map(mint).collect()
}

fn increment() -> Request {
    let count = CountOperation {
        key: "n".to_owned(),
        by: "1".to_owned(),
    };
    Request::of(vec![Operation::Increment(count)])
}
