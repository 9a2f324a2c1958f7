//! Many clients at once over real HTTP: nothing is lost, nobody wins twice, nothing stale is read, nothing is a 5xx.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use uuid::Uuid;

use support::client::Client;
use support::service::{self, Service, Setup};

#[test]
fn sixteen_clients_lose_no_increment() {
    const CLIENTS: usize = 16;
    const INCREMENTS: usize = 200;
    with_service(|service| {
        let id = Uuid::new_v4();
        together(CLIENTS, |_| {
            let mut client = service.client(id);
            let mut last = 0;
            for _ in 0..INCREMENTS {
                let (status, answer) = client.post("/n/incr", &json!({}));
                assert_eq!(status, 200, "{answer}");
                let value = answer["value"].as_i64().expect("a number");
                assert!(value > last, "{value} after {last}");
                last = value;
                let (_, read) = client.get("/n");
                assert!(
                    read["value"].as_i64().expect("a number") >= value,
                    "a stale read: {read} after {value}"
                );
            }
        });
        let (_, answer) = service.client(id).get("/n");
        assert_eq!(answer["value"], json!(CLIENTS * INCREMENTS));
    });
}

#[test]
fn racing_claims_have_one_winner() {
    const CLIENTS: usize = 16;
    const ROUNDS: usize = 200;
    with_service(|service| {
        let id = Uuid::new_v4();
        let start = Barrier::new(CLIENTS);
        let wins: Vec<AtomicUsize> = (0..ROUNDS).map(|_| AtomicUsize::new(0)).collect();
        together(CLIENTS, |number| {
            let mut client = service.client(id);
            for (round, wins) in wins.iter().enumerate() {
                start.wait();
                let (status, answer) = client.put(&format!("/claim-{}?nx=true", round % 100), &json!(number));
                match status {
                    200 | 201 => drop(wins.fetch_add(1, Ordering::Relaxed)),
                    409 => {}
                    _ => panic!("{status} {answer}"),
                }
                if start.wait().is_leader() {
                    client.delete(&format!("/claim-{}", round % 100));
                }
            }
        });
        let wins: Vec<usize> = wins.iter().map(|wins| wins.load(Ordering::Relaxed)).collect();
        assert_eq!(wins, vec![1; ROUNDS]);
    });
}

#[test]
fn compare_and_set_lets_one_through_for_each_version() {
    const CLIENTS: usize = 8;
    const SUCCESSES: usize = 25;
    with_service(|service| {
        let id = Uuid::new_v4();
        service.client(id).put("/n", &json!(0));
        together(CLIENTS, |_| {
            let mut client = service.client(id);
            let mut successes = 0;
            while successes < SUCCESSES {
                let (_, read) = client.get("/n?meta=true");
                let next = read["value"].as_i64().expect("a number") + 1;
                let (status, _) = client.put(&format!("/n?if_version={}", read["version"]), &json!(next));
                successes += usize::from(status == 200);
                assert!(status == 200 || status == 409 || status == 412, "{status}");
            }
        });
        assert_eq!(service.client(id).get("/n").1["value"], json!(CLIENTS * SUCCESSES));
    });
}

#[test]
fn mixed_operations_on_fifty_automations_stay_apart() {
    const AUTOMATIONS: usize = 50;
    const CLIENTS: usize = 16;
    const ROUNDS: usize = 60;
    with_service(|service| {
        let ids: Vec<Uuid> = (0..AUTOMATIONS).map(|_| Uuid::new_v4()).collect();
        together(CLIENTS, |number| {
            for round in 0..ROUNDS {
                let id = ids[(number * 7 + round) % AUTOMATIONS];
                let mut client = service.client(id);
                for (status, answer) in mixed(&mut client, &id.to_string()) {
                    assert!(status < 400, "{status} {answer}");
                }
            }
        });
        let total = CLIENTS * ROUNDS;
        let counted: i64 = ids
            .iter()
            .map(|&id| check(&mut service.client(id), &id.to_string()))
            .sum();
        assert_eq!(counted, i64::try_from(total).expect("a small number"));
    });
}

/// One round of every kind of write, the automation's own name in each.
fn mixed(client: &mut Client, name: &str) -> Vec<(u16, Value)> {
    vec![
        client.post("/count/incr", &json!({"by": 1})),
        client.put("/name", &json!({"is": name})),
        client
            .call("PATCH", "/name", Some(&json!({"path": "seen", "value": true})))
            .expect("an answer"),
        client.post("/log/rpush", &json!({"value": name})),
        client.get("/name"),
        client.get("/log/len"),
        client.post(
            "/batch",
            &json!({"operations": [
                {"op": "incr", "key": "batched"},
                {"op": "set", "key": "own", "value": name},
                {"op": "delete", "key": "gone"},
            ]}),
        ),
        client.get(""),
    ]
}

/// How often [`mixed`] ran on an automation, by each of its traces.
fn check(client: &mut Client, name: &str) -> i64 {
    let count = client.get("/count").1["value"].as_i64().expect("a number");
    assert_eq!(client.get("/batched").1["value"], json!(count));
    assert_eq!(client.get("/log/len").1["length"], json!(count));
    assert_eq!(client.get("/own").1["value"], json!(name));
    let log = client.get("/log").1;
    assert!(
        log["value"]
            .as_array()
            .expect("a list")
            .iter()
            .all(|entry| entry == name)
    );
    count
}

/// Starts a service, and checks at the end that it answered nothing with a 5xx.
fn with_service(test: impl FnOnce(&Service)) {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    test(&service);
    assert!(!service.log().contains("ERROR"), "{}", service.log());
}

/// Runs as many clients at once.
fn together(clients: usize, client: impl Fn(usize) + Sync) {
    std::thread::scope(|scope| {
        for number in 0..clients {
            let client = &client;
            scope.spawn(move || client(number));
        }
    });
}
