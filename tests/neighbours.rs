//! Services of one machine on one PostgreSQL database: one carries out the requests of all, whichever ends how.
//!
//! `AUTOMATION_KV_TEST_CYCLES` makes the run with kills longer.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use support::http::{Request, exchange};
use support::knob;
use support::postgres::SHARED;
use support::service::{self, SECRET, Service, Setup};
use support::token;

/// How long services may take to find each other.
const PATIENCE: Duration = Duration::from_secs(20);

#[test]
fn one_carries_out_what_all_are_asked_for() {
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database()).environment("AUTOMATION_KV_THREADS", "2");
    let hosts = [setup.start(), setup.start(), setup.start()];
    let id = Uuid::new_v4();
    wait_until(|| {
        for host in &hosts {
            assert!(increment(host, id).is_some());
        }
        hosts.iter().filter(|host| handed_on(host) > 0).count() == 2
    });
    let leaders: Vec<_> = hosts.iter().filter(|host| handed_on(host) == 0).collect();
    assert_eq!(leaders.len(), 1);
    let all: u64 = hosts.iter().map(handed_on).sum();
    assert_eq!(
        metric(
            leaders[0],
            "kv_neighbour_requests_total{direction=\"from\",kind=\"write\"}"
        ),
        all
    );
    let before = increment(&hosts[0], id).expect("an answer");
    let counts = hosts.each_ref().map(|host| increment(host, id).expect("an answer"));
    assert_eq!(counts, [before + 1, before + 2, before + 3]);
    // Nobody has to load what another has written, or comes too late.
    let races: u64 = hosts
        .iter()
        .map(|host| metric(host, "kv_conflict_total{reason=\"lost_race\"}"))
        .sum();
    assert!(races <= 3, "{races} lost races");
}

#[test]
fn refusals_come_back_as_they_are() {
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database());
    let hosts = [setup.start(), setup.start()];
    let id = Uuid::new_v4();
    meet(&hosts[0], &hosts[1], id);
    let answers = hosts.each_ref().map(|host| {
        let mut client = host.client(id);
        assert!(client.put("/text", &json!({"value": "no number"})).0 < 300);
        client.post("/text/incr", &json!({}))
    });
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].0, 400, "{}", answers[0].1);
}

#[test]
fn services_of_other_settings_keep_apart() {
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database());
    let hosts = [
        setup.start(),
        setup.clone().argument("--max-value-size=1000").start(),
        setup.clone().argument("--neighbours=false").start(),
        setup
            .clone()
            .environment("AUTOMATION_KV_SECRET_PREVIOUS", "former")
            .start(),
        Setup::on(folder.path(), &SHARED.database()).start(),
    ];
    let id = Uuid::new_v4();
    let until = Instant::now() + Duration::from_secs(1);
    while Instant::now() < until {
        for host in &hosts {
            assert!(increment(host, id).is_some());
        }
    }
    assert_eq!(hosts.each_ref().map(handed_on), [0; 5]);
}

/// Also those of automations that nobody else is asked for: together they are saved in larger groups.
#[test]
fn every_request_of_a_follower_is_handed_on() {
    const REQUESTS: u64 = 20;
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database());
    let (leader, follower) = (setup.start(), setup.start());
    meet(&leader, &follower, Uuid::new_v4());
    let before = (handed_on(&follower), reads_handed_on(&follower));
    for _ in 0..REQUESTS {
        for host in [&follower, &leader] {
            let id = Uuid::new_v4();
            assert_eq!(increment(host, id), Some(1));
            assert_eq!(count(host, id), 1);
        }
    }
    assert_eq!(handed_on(&follower), before.0 + REQUESTS);
    assert_eq!(reads_handed_on(&follower), before.1 + REQUESTS);
    assert_eq!((handed_on(&leader), reads_handed_on(&leader)), (0, 0));
}

/// Whichever stops: every request is answered, and every increment is there once.
#[test]
fn who_stops_leaves_no_request_of_another_without_its_answer() {
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database());
    let id = Uuid::new_v4();
    let mut leader = setup.start();
    let mut expected = 0;
    for _ in 0..8 {
        let follower = setup.start();
        expected += meet(&leader, &follower, id);
        let done = AtomicBool::new(false);
        let counted: u64 = std::thread::scope(|scope| {
            let clients: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let mut counted = 0;
                        while !done.load(Ordering::Relaxed) {
                            increment(&follower, id).expect("every request is answered");
                            counted += 1;
                        }
                        counted
                    })
                })
                .collect();
            std::thread::sleep(Duration::from_millis(100));
            leader.stop();
            std::thread::sleep(Duration::from_millis(50));
            done.store(true, Ordering::Relaxed);
            clients.into_iter().map(|client| client.join().expect("a client")).sum()
        });
        expected += counted;
        assert_eq!(count(&follower, id), expected);
        leader = follower;
    }
}

/// The leader is killed again and again: what was acknowledged is there, what was not may be, and the others go on.
#[test]
fn a_killed_leader_takes_no_acknowledged_write_along() {
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database());
    let id = Uuid::new_v4();
    let mut hosts = vec![setup.start(), setup.start(), setup.start()];
    let (acknowledged, unknown) = (AtomicU64::new(0), AtomicU64::new(0));
    let mut handed = 0;
    for _ in 0..knob("CYCLES", 20) {
        // The oldest one leads, or will.
        let leader = hosts.remove(0);
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            for host in &hosts {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let mut client = host.client(id);
                        while !done.load(Ordering::Relaxed) {
                            let (status, answer) = client.post("/n/incr", &json!({}));
                            match status {
                                200 => acknowledged.fetch_add(1, Ordering::Relaxed),
                                503 => {
                                    assert_eq!(answer["error"], "outcome_unknown", "{answer}");
                                    unknown.fetch_add(1, Ordering::Relaxed)
                                }
                                status => panic!("{status}: {answer}"),
                            };
                        }
                    });
                }
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        let (status, answer) = host.client(id).get("/n");
                        assert!(
                            status == 200 || answer["error"] == "key_not_found",
                            "{status}: {answer}"
                        );
                    }
                });
            }
            std::thread::sleep(Duration::from_millis(100));
            leader.kill();
            std::thread::sleep(Duration::from_millis(100));
            done.store(true, Ordering::Relaxed);
        });
        let (acknowledged, unknown) = (acknowledged.load(Ordering::Relaxed), unknown.load(Ordering::Relaxed));
        let count = count(&hosts[0], id);
        assert!(
            (acknowledged..=acknowledged + unknown).contains(&count),
            "{count} were counted, {acknowledged} acknowledged, {unknown} unknown"
        );
        handed += hosts.iter().map(handed_on).sum::<u64>();
        hosts.push(setup.start());
    }
    println!(
        "{} increments acknowledged, {} unknown",
        acknowledged.load(Ordering::Relaxed),
        unknown.load(Ordering::Relaxed)
    );
    assert!(handed > 0, "nobody led");
}

/// A leader that neither answers nor ends holds up what it was given, and nothing else.
#[test]
fn a_leader_that_hangs_is_left() {
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database()).argument("--lock-timeout-ms=300");
    let leader = setup.start();
    let follower = setup.start();
    let id = Uuid::new_v4();
    meet(&leader, &follower, id);
    signal(&leader, "-STOP");
    let begun = Instant::now();
    let (status, answer) = follower.client(id).post("/n/incr", &json!({}));
    assert_eq!((status, &answer["error"]), (503, &json!("outcome_unknown")));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    for _ in 0..20 {
        assert!(increment(&follower, id).is_some());
    }
    signal(&leader, "-CONT");
    assert!(increment(&leader, id).is_some());
}

/// What it was given waits for it, and has happened once if it goes on.
#[test]
fn a_leader_that_hangs_holds_up_no_writes_that_come_later() {
    const LATER: u64 = 20;
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database());
    let (leader, follower) = (setup.start(), setup.start());
    let id = Uuid::new_v4();
    let before = meet(&leader, &follower, id);
    signal(&leader, "-STOP");
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let first = scope.spawn(|| increment(&follower, id));
        std::thread::sleep(Duration::from_millis(1500));
        for later in 1..=LATER {
            assert_eq!(increment(&follower, id), Some(before + later));
        }
        assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
        signal(&leader, "-CONT");
        assert_eq!(first.join().expect("a client"), Some(before + LATER + 1));
    });
    let handed = handed_on(&follower);
    wait_until(|| {
        increment(&follower, id);
        handed_on(&follower) > handed
    });
}

/// Whatever the leader does, what is stored can be read.
#[test]
fn a_leader_that_hangs_holds_up_no_reads() {
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database());
    let (leader, follower) = (setup.start(), setup.start());
    let id = Uuid::new_v4();
    let expected = meet(&leader, &follower, id);
    signal(&leader, "-STOP");
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(count(&follower, id), expected);
    }
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
    let before = reads_handed_on(&follower);
    signal(&leader, "-CONT");
    wait_until(|| {
        assert_eq!(count(&follower, id), expected);
        reads_handed_on(&follower) > before
    });
}

/// A client that sends the body of its request when all its time is over takes nobody else's answers along.
#[test]
fn a_slow_sender_keeps_nobody_from_the_leader() {
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.database()).argument("--lock-timeout-ms=300");
    let (leader, follower) = (setup.start(), setup.start());
    let id = Uuid::new_v4();
    meet(&leader, &follower, id);
    let mut slow = TcpStream::connect(follower.address()).expect("a connection");
    let token = token::valid(SECRET, &id.to_string());
    write!(
        slow,
        "POST /v1/kv/n/incr HTTP/1.1\r\nHost: kv\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n"
    )
    .expect("a head");
    std::thread::sleep(Duration::from_secs(2));
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    while !done.load(Ordering::Relaxed) {
                        let (_, answer) = follower.client(id).post("/n/incr", &json!({}));
                        assert_ne!(answer["error"], "outcome_unknown", "{answer}");
                    }
                })
            })
            .collect();
        slow.write_all(b"{}").expect("a body");
        let mut answer = String::new();
        slow.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 409 "), "{answer}");
        std::thread::sleep(Duration::from_millis(50));
        done.store(true, Ordering::Relaxed);
        for client in clients {
            client.join().expect("a client");
        }
    });
}

/// Has both count until the follower hands its increments on; gives how many there were.
fn meet(leader: &Service, follower: &Service, id: Uuid) -> u64 {
    let mut increments = 0;
    wait_until(|| {
        for host in [leader, follower] {
            assert!(increment(host, id).is_some());
            increments += 1;
        }
        handed_on(follower) > 0
    });
    increments
}

/// What the counter is then, if there is an answer.
fn increment(host: &Service, id: Uuid) -> Option<u64> {
    let (status, answer) = host.client(id).post("/n/incr", &json!({}));
    (status == 200).then(|| answer["value"].as_u64().expect("a number"))
}

fn count(host: &Service, id: Uuid) -> u64 {
    host.client(id).get("/n").1["value"].as_u64().expect("a number")
}

/// Writes that it has handed on.
fn handed_on(host: &Service) -> u64 {
    metric(host, "kv_neighbour_requests_total{direction=\"to\",kind=\"write\"}")
}

fn reads_handed_on(host: &Service) -> u64 {
    metric(host, "kv_neighbour_requests_total{direction=\"to\",kind=\"read\"}")
}

fn metric(host: &Service, name: &str) -> u64 {
    let metrics = exchange(host.address(), &Request::new("GET", "/metrics")).expect("an answer");
    let text = String::from_utf8(metrics.body).expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.map_or(0, |value| value.trim().parse().expect("a number"))
}

fn signal(host: &Service, signal: &str) {
    let sent = Command::new("kill").args([signal, &host.id().to_string()]).status();
    assert!(sent.expect("the command kill").success());
}

fn wait_until(mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < PATIENCE, "it did not come about");
        std::thread::sleep(Duration::from_millis(10));
    }
}
