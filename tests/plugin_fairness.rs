//! Plugins that use up all they may do not keep others waiting.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use automation_kv_test_plugin::{Deed, Kind, component};
use serde_json::json;
use support::http::{Connection, Request};
use support::service::{self, Service, Setup};
use support::{knob, token};
use uuid::Uuid;

/// Automations that do nothing wrong.
const HONEST: usize = 16;

/// Those that call one plugin after another that runs for ever, or takes all memory.
const DISHONEST: usize = 4;

/// How often it is measured at most.
const ATTEMPTS: usize = 3;

/// How much longer the slowest hundredth of requests may take.
const MOST: f64 = 2.0;

#[test]
fn the_slowest_requests_of_others_take_at_most_twice_as_long() {
    let turn = Duration::from_millis(knob("FAIRNESS_TURN_MS", 2_000));
    let turns = knob("FAIRNESS_TURNS", 4);
    let (plugins, work) = (tempfile::tempdir().unwrap(), service::folder());
    fs::write(plugins.path().join("test.wasm"), component(Kind::Writing)).unwrap();
    let service = Setup::sqlite(work.path())
        .argument("--plugins")
        .argument(plugins.path().to_str().unwrap())
        .start();
    let automations: Vec<Uuid> = (0..HONEST).map(|_| Uuid::new_v4()).collect();
    measure(&service, &automations, turn);
    // What else the machine does can only make it worse.
    let is_fair = |_| ratio(&service, &automations, turn, turns) <= MOST;
    assert!(
        (0..ATTEMPTS).any(is_fair),
        "the slowest requests take more than {MOST} times as long"
    );
}

/// How many times as long the slowest requests take beside the others, by the medians of turns.
fn ratio(service: &Service, automations: &[Uuid], turn: Duration, turns: u64) -> f64 {
    let mut undisturbed = Vec::new();
    let mut disturbed = Vec::new();
    for _ in 0..turns {
        undisturbed.push(measure(service, automations, turn));
        disturbed.push(while_others_misbehave(service, || measure(service, automations, turn)));
    }
    println!("the slowest hundredth, alone {undisturbed:?}, beside plugins that use up all they may {disturbed:?}");
    let ratio = median(disturbed).as_secs_f64() / median(undisturbed).as_secs_f64();
    println!("ratio of the medians: {ratio:.2}");
    ratio
}

/// The time within which 99 of 100 requests are answered.
fn measure(service: &Service, automations: &[Uuid], turn: Duration) -> Duration {
    let end = Instant::now() + turn;
    let mut times: Vec<Duration> = thread::scope(|scope| {
        let clients: Vec<_> = automations
            .iter()
            .map(|id| {
                scope.spawn(move || {
                    let mut client = service.client(*id);
                    let mut times = Vec::new();
                    while Instant::now() < end {
                        let asked = Instant::now();
                        let (status, body) = client.post("/n/incr", &json!({}));
                        assert_eq!(status, 200, "{body}");
                        times.push(asked.elapsed());
                    }
                    times
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    times.sort_unstable();
    times[times.len() * 99 / 100]
}

fn while_others_misbehave<T>(service: &Service, work: impl FnOnce() -> T) -> T {
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..DISHONEST {
            let stop = &stop;
            scope.spawn(move || {
                let deed = [Deed::LOOP, Deed::MEMORY][number % 2];
                let token = token::valid(service::SECRET, &Uuid::new_v4().to_string());
                let mut connection = Connection::open(service.address()).unwrap();
                while !stop.load(Ordering::Relaxed) {
                    let request = Request::new("POST", "/v1/plugins/test")
                        .header("Authorization", format!("Bearer {token}"))
                        .body(format!("\"{deed}\""));
                    let response = connection.send(&request).unwrap();
                    // Who is greedy comes less and less to its turn.
                    assert!([409, 500].contains(&response.status), "{}", response.text());
                }
            });
        }
        let result = work();
        stop.store(true, Ordering::Relaxed);
        result
    })
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
