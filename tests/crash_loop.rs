//! The service killed with SIGKILL at random moments, again and again, while clients write: whatever was acknowledged is
//! there after the next start, and everything that is there opens.
//!
//! `AUTOMATION_KV_TEST_CYCLES` makes the runs longer.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::json;
use uuid::Uuid;

use support::client::Client;
use support::knob;
use support::postgres::{Cluster, SHARED};
use support::service::{self, SECRET, Service, Setup};
use support::token;

const CYCLES: u64 = 200;
const CLIENTS: usize = 8;

/// Two clients share an automation, so that their writes meet.
const AUTOMATIONS: usize = CLIENTS / 2;

#[test]
fn kills_lose_nothing_that_was_acknowledged_on_sqlite() {
    let folder = service::folder();
    crash_loop(&Setup::sqlite(folder.path()), knob("CYCLES", CYCLES), |_| ());
}

#[test]
fn kills_lose_nothing_that_was_acknowledged_on_postgres() {
    let folder = service::folder();
    crash_loop(
        &Setup::on(folder.path(), &SHARED.database()),
        knob("CYCLES", CYCLES),
        |_| (),
    );
}

/// The database server crashes beside the service.
#[test]
fn crashes_of_service_and_database_lose_nothing_that_was_acknowledged() {
    let cluster = Cluster::start(&[]);
    let folder = service::folder();
    crash_loop(
        &Setup::on(folder.path(), &cluster.database()),
        knob("CYCLES", CYCLES) / 20,
        |_| {
            cluster.stop("immediate");
            cluster.resume();
        },
    );
}

/// What one client was told, and what it cannot know: kept by this process, which nobody kills.
#[derive(Default)]
struct Ledger {
    acknowledged: AtomicU64,
}

fn crash_loop(setup: &Setup, cycles: u64, between: impl Fn(u64)) {
    let ids: Vec<Uuid> = (0..AUTOMATIONS).map(|_| Uuid::new_v4()).collect();
    let ledgers: Vec<Ledger> = (0..CLIENTS).map(|_| Ledger::default()).collect();
    let mut total = 0;
    for cycle in 0..cycles {
        let service = setup.start();
        total += verify(&service, &ids, &ledgers, cycle);
        if cycle == 0 {
            make_large(&service, &ids);
        }
        let address = service.address();
        std::thread::scope(|scope| {
            for (number, ledger) in ledgers.iter().enumerate() {
                let token = token::valid(SECRET, &ids[number % AUTOMATIONS].to_string());
                scope.spawn(move || {
                    if let Ok(client) = Client::try_new(address, &token) {
                        write_until_it_dies(client, number, &ledger.acknowledged);
                    }
                });
            }
            std::thread::sleep(Duration::from_micros(fastrand::u64(5_000..150_000)));
            service.kill();
        });
        between(cycle);
    }
    let service = setup.start();
    total += verify(&service, &ids, &ledgers, cycles);
    assert!(service.stop().success());
    println!("{cycles} kills, {total} acknowledged writes, all there");
    assert!(total > cycles, "hardly anything was written: {total}");
}

/// Makes every other state so large that what has changed is stored beside it.
fn make_large(service: &Service, ids: &[Uuid]) {
    for id in ids.iter().step_by(2) {
        let (status, answer) = service.client(*id).put("/ballast", &json!("x".repeat(30_000)));
        assert_eq!(status, 201, "{answer}");
    }
}

/// Counts up, and keeps each count in a list too, in one batch.
fn write_until_it_dies(mut client: Client, number: usize, acknowledged: &AtomicU64) {
    let batch = json!({"operations": [
        {"op": "incr", "key": format!("n{number}")},
        {"op": "rpush", "key": format!("log{number}"), "value": "x"},
    ]});
    while let Ok((status, answer)) = client.call("POST", "/batch", Some(&batch)) {
        assert_eq!(status, 200, "{answer}");
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

/// Compares what is stored with what was acknowledged since the last start, and empties both. Gives how much it was.
fn verify(service: &Service, ids: &[Uuid], ledgers: &[Ledger], cycle: u64) -> u64 {
    let mut total = 0;
    for (number, ledger) in ledgers.iter().enumerate() {
        let mut client = service.client(ids[number % AUTOMATIONS]);
        let (status, answer) = client.get("");
        assert_eq!(status, 200, "cycle {cycle}: a row that does not open: {answer}");
        let stored = client.get(&format!("/n{number}")).1["value"].as_u64().unwrap_or(0);
        let length = client.get(&format!("/log{number}/len")).1["length"]
            .as_u64()
            .unwrap_or(0);
        assert_eq!(stored, length, "cycle {cycle}: half of a batch");
        let promised = ledger.acknowledged.swap(0, Ordering::Relaxed);
        // One more may have been committed whose answer never arrived.
        assert!(
            (promised..=promised + 1).contains(&stored),
            "cycle {cycle}: {stored} stored, {promised} acknowledged"
        );
        total += promised;
        client.delete(&format!("/n{number}"));
        client.delete(&format!("/log{number}"));
    }
    total
}
