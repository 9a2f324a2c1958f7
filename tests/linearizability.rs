//! Many clients, all operations at random, few automations: whatever is answered, one engine working alone could have
//! answered it.
//!
//! `AUTOMATION_KV_TEST_OPERATIONS` and `AUTOMATION_KV_TEST_SEED` make the runs longer, or the same again.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use automation_kv::engine::types::{Condition, Expiry, ListEnd, PopOperation};
use automation_kv::engine::types::{CountOperation, GetOperation, Operation, Request, SetOperation};
use serde_json::{Value, json};
use uuid::Uuid;

use support::client::Client;
use support::history::check::{Checked, check};
use support::history::operation::{self, Author};
use support::history::{self, Event, Reply};
use support::postgres::{Cluster, SHARED};
use support::service::{self, SECRET, Service, Setup};
use support::{knob, token};

const CLIENTS: usize = 12;
const AUTOMATIONS: usize = 3;
const OPERATIONS: u64 = 100_000;

#[test]
fn one_host_on_sqlite_is_linearizable() {
    let folder = service::folder();
    let host = Setup::sqlite(folder.path()).start();
    let events = run(&[&host], knob("OPERATIONS", OPERATIONS));
    verify(&events, "one host on SQLite");
}

#[test]
fn three_hosts_on_one_postgres_are_linearizable() {
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database());
    let hosts = [setup.start(), setup.start(), setup.start()];
    let events = run(&[&hosts[0], &hosts[1], &hosts[2]], knob("OPERATIONS", OPERATIONS));
    verify(&events, "three hosts on PostgreSQL");
}

/// The same where each carries out its own writes, as hosts of different machines do.
#[test]
fn three_hosts_that_keep_apart_are_linearizable() {
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database()).argument("--neighbours=false");
    let hosts = [setup.start(), setup.start(), setup.start()];
    let events = run(&[&hosts[0], &hosts[1], &hosts[2]], knob("OPERATIONS", OPERATIONS));
    verify(&events, "three hosts on PostgreSQL that keep apart");
}

/// The same while an administrator cuts connections in the middle of whatever they are doing.
#[test]
fn cut_connections_leave_it_linearizable() {
    run_with_cuts("--neighbours=true", "two hosts whose connections are cut");
}

/// The same again, of hosts that each do something on their own.
#[test]
fn cut_connections_of_hosts_that_keep_apart_leave_it_linearizable() {
    run_with_cuts(
        "--neighbours=false",
        "two hosts that keep apart whose connections are cut",
    );
}

/// Verifies a tenth of the operations on two hosts whose connections are cut ten times a second.
fn run_with_cuts(argument: &str, setup_name: &str) {
    let cluster = Cluster::start(&[]);
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &cluster.database()).argument(argument);
    let hosts = [setup.start(), setup.start()];
    let done = AtomicBool::new(false);
    let (events, cuts) = std::thread::scope(|scope| {
        let cutting = scope.spawn(|| {
            let mut cuts = 0_u32;
            while !done.load(Ordering::Relaxed) {
                const CUT: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                                   WHERE application_name = 'automation-kv' AND random() < 0.5";
                cuts += cluster.sql("postgres", CUT).parse::<u32>().expect("a number");
                std::thread::sleep(Duration::from_millis(100));
            }
            cuts
        });
        let events = run(&[&hosts[0], &hosts[1]], knob("OPERATIONS", OPERATIONS) / 10);
        done.store(true, Ordering::Relaxed);
        (events, cutting.join().expect("the cutter"))
    });
    println!("{setup_name}: {cuts}");
    assert!(cuts > 10, "only {cuts} connections were cut");
    verify(&events, setup_name);
}

/// Runs clients until they have sent so many requests; the events of each automation.
fn run(hosts: &[&Service], operations: u64) -> BTreeMap<Uuid, Vec<Event>> {
    let seed = knob("SEED", token::now().unsigned_abs());
    println!("AUTOMATION_KV_TEST_SEED={seed}");
    let automations: Vec<Uuid> = (0..AUTOMATIONS).map(|_| Uuid::new_v4()).collect();
    let start = Instant::now();
    let each = operations / CLIENTS as u64;
    let events: Vec<(Uuid, Event)> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let automations = &automations;
                scope.spawn(move || run_client(hosts, automations, seed.wrapping_add(number as u64), each, start))
            })
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().expect("a client"))
            .collect()
    });
    let mut by_automation: BTreeMap<Uuid, Vec<Event>> = BTreeMap::new();
    for (automation, event) in events {
        by_automation.entry(automation).or_default().push(event);
    }
    by_automation
}

/// A client that asks another host each time.
fn run_client(
    hosts: &[&Service],
    automations: &[Uuid],
    seed: u64,
    operations: u64,
    start: Instant,
) -> Vec<(Uuid, Event)> {
    let mut author = Author::new(seed);
    let mut random = fastrand::Rng::with_seed(!seed);
    let mut versions: BTreeMap<Uuid, u64> = BTreeMap::new();
    let mut connections: BTreeMap<(usize, Uuid), Client> = BTreeMap::new();
    let mut events = Vec::new();
    for _ in 0..operations {
        let automation = automations[random.usize(..automations.len())];
        let host = random.usize(..hosts.len());
        let client = connections
            .entry((host, automation))
            .or_insert_with(|| Client::new(hosts[host].address(), &token::valid(SECRET, &automation.to_string())));
        let request = author.request(versions.get(&automation).copied().unwrap_or(0));
        let event = history::record(start, request, |request| operation::send(client, request).ok());
        if let Reply::Answered(_, body) = &event.reply
            && let Some(version) = body["version"].as_u64()
        {
            versions.insert(automation, version);
        }
        if matches!(event.reply, Reply::Unknown) {
            connections.remove(&(host, automation));
        }
        events.push((automation, event));
    }
    events
}

fn verify(events: &BTreeMap<Uuid, Vec<Event>>, setup: &str) {
    let mut total = Checked::default();
    let mut unanswered = 0;
    for (automation, events) in events {
        let checked = check(events).unwrap_or_else(|problem| panic!("{automation}: {problem}"));
        total.writes += checked.writes;
        total.reads += checked.reads;
        total.rejections += checked.rejections;
        total.found += checked.found;
        unanswered += events
            .iter()
            .filter(|event| !matches!(event.reply, Reply::Answered(..)))
            .count();
        let failed = events
            .iter()
            .find(|event| matches!(event.reply, Reply::Answered(500.., _)));
        assert!(failed.is_none(), "{failed:?}");
    }
    println!(
        "{setup}: {} writes, {} reads, {} rejections, {unanswered} without an answer of which {} happened; no violation",
        total.writes, total.reads, total.rejections, total.found
    );
}

/// The checker finds what it is there to find.
mod the_checker_bites {
    use super::*;

    #[test]
    fn a_good_history_passes() {
        let events = [
            event(increment(), (0, 10), 200, json!({"value": 1, "version": 1})),
            event(get(), (5, 12), 404, json!({"error": "key_not_found"})),
            event(get(), (20, 30), 200, json!({"value": 1, "version": 1})),
            event(increment(), (20, 40), 200, json!({"value": 2, "version": 2})),
            event(pop(), (50, 60), 200, json!({"value": null, "version": 2})),
        ];
        let checked = check(&events).unwrap();
        assert_eq!((checked.writes, checked.reads, checked.rejections), (2, 2, 1));
    }

    #[test]
    fn a_lost_update_is_found() {
        let events = [
            event(increment(), (0, 10), 200, json!({"value": 1, "version": 1})),
            event(increment(), (5, 15), 200, json!({"value": 1, "version": 1})),
        ];
        assert_violation(&events, "two writes made version 1");
        // Also where the versions look innocent.
        let events = [
            event(increment(), (0, 10), 200, json!({"value": 1, "version": 1})),
            event(increment(), (5, 15), 200, json!({"value": 1, "version": 2})),
        ];
        assert_violation(&events, "the engine answers 200");
    }

    #[test]
    fn a_stale_read_is_found() {
        let events = [
            event(increment(), (0, 10), 200, json!({"value": 1, "version": 1})),
            event(increment(), (20, 30), 200, json!({"value": 2, "version": 2})),
            event(get(), (40, 50), 200, json!({"value": 1, "version": 1})),
        ];
        assert_violation(&events, "a stale read");
        // A rejection that only an old state explains is one too.
        let events = [
            event(increment(), (0, 10), 200, json!({"value": 1, "version": 1})),
            event(get(), (40, 50), 404, json!({"error": "key_not_found"})),
        ];
        assert_violation(&events, "no state from version 1 to 1 explains");
    }

    #[test]
    fn a_duplicate_winner_is_found() {
        let events = [
            event(
                set_if_absent("1"),
                (0, 10),
                201,
                json!({"value": 1, "created": true, "version": 1}),
            ),
            event(
                set_if_absent("2"),
                (0, 10),
                201,
                json!({"value": 2, "created": true, "version": 2}),
            ),
        ];
        assert_violation(&events, "the engine answers 409");
    }

    #[test]
    fn a_write_that_vanished_is_found() {
        let events = [
            event(increment(), (0, 10), 200, json!({"value": 1, "version": 1})),
            event(increment(), (20, 30), 200, json!({"value": 3, "version": 3})),
        ];
        assert_violation(&events, "nothing is known to have made version 2");
    }

    #[test]
    fn an_order_against_real_time_is_found() {
        let events = [
            event(increment(), (0, 10), 200, json!({"value": 2, "version": 2})),
            event(increment(), (20, 30), 200, json!({"value": 1, "version": 1})),
        ];
        assert_violation(&events, "was made after version 2 had been acknowledged");
    }

    #[test]
    fn an_unknown_outcome_may_fill_a_gap_and_only_with_what_fits() {
        let unknown = |request| Event {
            reply: Reply::Unknown,
            ..event(request, (12, 18), 0, Value::Null)
        };
        let first = event(increment(), (0, 10), 200, json!({"value": 1, "version": 1}));
        let third = event(increment(), (20, 30), 200, json!({"value": 3, "version": 3}));
        let events = [
            first.clone(),
            unknown(set_if_absent("7")),
            unknown(increment()),
            third.clone(),
        ];
        assert_eq!(check(&events).unwrap().found, 1);
        let events = [first.clone(), unknown(set("7")), unknown(increment()), third.clone()];
        assert_eq!(check(&events).unwrap().found, 1);
        assert_violation(&[first.clone(), unknown(set("7")), third], "the engine answers 200");
        // It may also have come to nothing.
        assert_eq!(check(&[first, unknown(increment())]).unwrap().found, 0);
    }

    fn assert_violation(events: &[Event], message: &str) {
        let problem = check(events).unwrap_err();
        assert!(problem.contains(message), "{problem}");
    }

    fn event(request: Request, (invoked, returned): (u64, u64), status: u16, body: Value) -> Event {
        Event {
            request,
            invoked: Duration::from_millis(invoked),
            returned: Duration::from_millis(returned),
            reply: Reply::Answered(status, body),
        }
    }

    fn increment() -> Request {
        single(Operation::Increment(CountOperation {
            key: "n".to_owned(),
            by: "1".to_owned(),
        }))
    }

    fn get() -> Request {
        single(Operation::Get(GetOperation {
            key: "n".to_owned(),
            path: None,
        }))
    }

    fn pop() -> Request {
        single(Operation::Pop(PopOperation {
            key: "l".to_owned(),
            end: ListEnd::Head,
            count: 1,
        }))
    }

    fn set(value: &str) -> Request {
        put(value, Condition::Always)
    }

    fn set_if_absent(value: &str) -> Request {
        put(value, Condition::IfAbsent)
    }

    fn put(value: &str, condition: Condition) -> Request {
        single(Operation::Set(SetOperation {
            key: "n".to_owned(),
            value: value.to_owned(),
            condition,
            expiry: Expiry::Never,
        }))
    }

    fn single(operation: Operation) -> Request {
        Request::of(vec![operation])
    }
}
