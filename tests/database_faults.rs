//! PostgreSQL stopped, started, frozen, locked, full of connections, read-only: what callers are told meanwhile, and that it
//! heals by itself.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use support::client::Client;
use support::http::{Request, Response, exchange};
use support::postgres::Cluster;
use support::service::{self, Service, Setup};

const LOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// How long healing may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);

/// A cluster of its own, a service on it, and a database that has something in it.
struct Stage {
    cluster: Cluster,
    database: String,
    service: Service,
    id: Uuid,
    _folder: tempfile::TempDir,
    _turn: Turn,
}

/// Most of these tests may run beside each other; one that compares times must not.
enum Turn {
    Beside(#[expect(dead_code, reason = "held, not looked at")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held, not looked at")] RwLockWriteGuard<'static, ()>),
}

static TURNS: RwLock<()> = RwLock::new(());

impl Stage {
    fn new() -> Self {
        Self::at_its_turn(Turn::Beside(TURNS.read().unwrap_or_else(PoisonError::into_inner)))
    }

    fn alone() -> Self {
        Self::at_its_turn(Turn::Alone(TURNS.write().unwrap_or_else(PoisonError::into_inner)))
    }

    fn at_its_turn(turn: Turn) -> Self {
        let cluster = Cluster::start(&[]);
        let database = cluster.new_database();
        let folder = service::folder();
        let service = Setup::on(folder.path(), &cluster.url(&database))
            .environment("AUTOMATION_KV_LOCK_TIMEOUT_MS", &LOCK_TIMEOUT.as_millis().to_string())
            .start();
        let id = Uuid::new_v4();
        assert_eq!(service.client(id).put("/n", &json!(1)).0, 201);
        Self {
            cluster,
            database,
            service,
            id,
            _folder: folder,
            _turn: turn,
        }
    }

    fn client(&self) -> Client {
        self.service.client(self.id)
    }

    fn ready(&self) -> u16 {
        self.at("/readyz").status
    }

    fn at(&self, path: &str) -> Response {
        exchange(self.service.address(), &Request::new("GET", path)).expect("an answer")
    }

    /// Cuts the service's connections, so that it has to log in again.
    fn cut(&self) {
        const CUT: &str =
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'automation-kv'";
        self.cluster.sql("postgres", CUT);
    }

    /// Waits until writes go through again, without a restart.
    fn heals(&self) {
        let begun = Instant::now();
        while self.client().post("/n/incr", &json!({})).0 != 200 || self.ready() != 200 {
            assert!(begun.elapsed() < PATIENCE, "it does not heal: {}", self.service.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// 503 that says when to try again.
fn assert_unavailable(response: &Response) {
    let text = response.text();
    assert_eq!(response.status, 503, "{text}");
    assert!(text.contains("storage_unavailable"), "{text}");
    assert_eq!(response.header("retry-after"), Some("1"), "{text}");
}

#[test]
fn a_database_that_stops_is_503_until_it_is_back() {
    let stage = Stage::new();
    for mode in ["fast", "immediate"] {
        stage.cluster.stop(mode);
        for (method, path) in [("GET", "/n"), ("POST", "/n/incr"), ("GET", ""), ("PUT", "/new")] {
            let begun = Instant::now();
            let response = stage.client().send(method, path, Some(&json!({}))).expect("an answer");
            assert_unavailable(&response);
            assert!(begun.elapsed() < 2 * LOCK_TIMEOUT, "{:?}", begun.elapsed());
        }
        assert_eq!((stage.ready(), stage.at("/healthz").status), (503, 200));
        stage.cluster.resume();
        stage.heals();
    }
    let log = stage.service.log();
    assert!(log.contains("the database is not available"), "{log}");
    let metrics = stage.at("/metrics").text();
    assert!(metrics.contains("kv_storage_failures_total "), "{metrics}");
}

#[test]
fn connections_cut_in_flight_lose_and_repeat_nothing() {
    const CLIENTS: usize = 8;
    let stage = Stage::new();
    let done = AtomicBool::new(false);
    let counts: Vec<(AtomicU64, AtomicU64)> = (0..CLIENTS).map(|_| Default::default()).collect();
    std::thread::scope(|scope| {
        for (number, (acknowledged, unknown)) in counts.iter().enumerate() {
            let (stage, done) = (&stage, &done);
            scope.spawn(move || {
                let mut client = stage.client();
                while !done.load(Ordering::Relaxed) {
                    let (status, answer) = client.post(&format!("/c{number}/incr"), &json!({}));
                    match (status, answer["error"].as_str()) {
                        (200, _) => acknowledged.fetch_add(1, Ordering::Relaxed),
                        (503, Some("outcome_unknown")) => unknown.fetch_add(1, Ordering::Relaxed),
                        (503, Some("storage_unavailable")) | (409, Some("kv_store_busy")) => continue,
                        _ => panic!("{status} {answer}"),
                    };
                }
            });
        }
        for _ in 0..40 {
            stage.cut();
            std::thread::sleep(Duration::from_millis(50));
        }
        done.store(true, Ordering::Relaxed);
    });
    stage.heals();
    let mut total = 0;
    for (number, (acknowledged, unknown)) in counts.iter().enumerate() {
        let stored = stage.client().get(&format!("/c{number}")).1["value"]
            .as_u64()
            .unwrap_or(0);
        let (sure, perhaps) = (acknowledged.load(Ordering::Relaxed), unknown.load(Ordering::Relaxed));
        assert!(
            (sure..=sure + perhaps).contains(&stored),
            "{stored} stored, {sure} acknowledged, {perhaps} unknown"
        );
        total += sure;
    }
    assert!(total > 50, "hardly anything was written: {total}");
}

/// More rows are held than there are connections for waiting on them, and still nobody else notices.
#[test]
fn locked_rows_are_409_in_time_and_nobody_else_notices() {
    const LOCKED: usize = 6;
    const WAITERS: usize = 4;
    // What else the machine does spoils a turn or two; what the rows do would spoil all.
    const TURNS: usize = 4;
    let stage = Stage::alone();
    let locked: Vec<Uuid> = (0..LOCKED).map(|_| Uuid::new_v4()).collect();
    for id in &locked {
        stage.service.client(*id).put("/n", &json!(1));
    }
    let ids: Vec<String> = locked.iter().map(|id| format!("'{id}'")).collect();
    let hold = format!(
        "BEGIN; SELECT 1 FROM automation_kv WHERE automation_id IN ({}) FOR UPDATE;",
        ids.join(",")
    );
    let mut turns = Vec::new();
    let is_unnoticed = |(quiet, disturbed): &(Duration, Duration)| *disturbed <= *quiet * 2;
    while turns.len() < TURNS && !turns.iter().any(is_unnoticed) {
        let quiet = others_p99(&stage, Duration::from_secs(2));
        let session = stage.cluster.session(&stage.database, &hold);
        let since = Instant::now();
        let disturbed = std::thread::scope(|scope| {
            let waiters: Vec<_> = (0..LOCKED * WAITERS)
                .map(|number| {
                    let (stage, id) = (&stage, locked[number % LOCKED]);
                    scope.spawn(move || wait_in_vain(stage, id, since))
                })
                .collect();
            let disturbed = others_p99(&stage, 3 * LOCK_TIMEOUT);
            for waiter in waiters {
                waiter.join().expect("a waiter");
            }
            disturbed
        });
        drop(session);
        for id in &locked {
            let begun = Instant::now();
            while stage.service.client(*id).put("/n", &json!(1)).0 != 200 {
                assert!(begun.elapsed() < PATIENCE, "the lock is gone, and it is still busy");
            }
        }
        println!("p99 of others: {quiet:?} quiet, {disturbed:?} beside locked rows");
        turns.push((quiet, disturbed));
    }
    assert!(
        turns.iter().any(is_unnoticed),
        "quiet and beside locked rows: {turns:?}"
    );
}

/// Writes until the lock was held for three times the timeout; each answer is 409, in time. Reads go on.
fn wait_in_vain(stage: &Stage, id: Uuid, since: Instant) {
    let mut client = stage.service.client(id);
    while since.elapsed() < 2 * LOCK_TIMEOUT {
        let begun = Instant::now();
        let response = client.send("POST", "/n/incr", Some(&json!({}))).expect("an answer");
        let took = begun.elapsed();
        assert_eq!(response.status, 409, "{}", response.text());
        assert!(response.text().contains("kv_store_busy"), "{}", response.text());
        assert_eq!(response.header("retry-after"), Some("1"));
        let late = took.saturating_sub(LOCK_TIMEOUT);
        assert!(
            took + Duration::from_millis(50) > LOCK_TIMEOUT && late < Duration::from_millis(250),
            "{took:?}"
        );
        assert_eq!(client.get("/n").1["value"], json!(1));
    }
}

/// What 99 of 100 reads and writes of four other automations take at most.
fn others_p99(stage: &Stage, time: Duration) -> Duration {
    let begun = Instant::now();
    let mut took: Vec<Duration> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = stage.service.client(Uuid::new_v4());
                    let mut took = Vec::new();
                    while begun.elapsed() < time {
                        let sent = Instant::now();
                        assert_eq!(client.post("/n/incr", &json!({})).0, 200);
                        assert_eq!(client.get("/n").0, 200);
                        took.push(sent.elapsed());
                    }
                    took
                })
            })
            .collect();
        clients
            .into_iter()
            .flat_map(|client| client.join().expect("a client"))
            .collect()
    });
    took.sort_unstable();
    took[took.len() * 99 / 100]
}

#[test]
fn a_table_that_is_locked_uses_up_all_connections_and_no_more() {
    const COUNT: &str = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'automation-kv'";
    let stage = Stage::new();
    let session = stage.cluster.session(
        &stage.database,
        "BEGIN; LOCK TABLE automation_kv IN ACCESS EXCLUSIVE MODE;",
    );
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..40)
            .map(|number| {
                let stage = &stage;
                scope.spawn(move || {
                    let begun = Instant::now();
                    let mut client = stage.service.client(Uuid::new_v4());
                    let (method, path) = if number % 2 == 0 {
                        ("GET", "/n")
                    } else {
                        ("POST", "/n/incr")
                    };
                    let response = client.send(method, path, Some(&json!({}))).expect("an answer");
                    assert!(
                        begun.elapsed() < LOCK_TIMEOUT + Duration::from_secs(1),
                        "{:?}",
                        begun.elapsed()
                    );
                    response
                })
            })
            .collect();
        callers
            .into_iter()
            .map(|caller| caller.join().expect("a caller"))
            .collect()
    });
    for answer in &answers {
        assert!(matches!(answer.status, 409 | 503), "{}", answer.text());
        assert_eq!(answer.header("retry-after"), Some("1"));
    }
    drop(session);
    stage.heals();
    let connections: u32 = stage.cluster.sql("postgres", COUNT).parse().expect("a number");
    assert!(connections <= 20, "{connections} connections");
}

#[test]
fn a_server_that_takes_no_connection_is_503_until_it_does() {
    let stage = Stage::new();
    let allow = |allowed: bool| {
        let statement = format!("ALTER DATABASE {} ALLOW_CONNECTIONS {allowed}", stage.database);
        stage.cluster.sql("postgres", &statement);
    };
    allow(false);
    stage.cut();
    assert_unavailable(&stage.client().send("GET", "/n", None).expect("an answer"));
    assert_unavailable(&stage.client().send("POST", "/n/incr", None).expect("an answer"));
    assert_eq!(stage.ready(), 503);
    allow(true);
    stage.heals();
}

#[test]
fn a_read_only_database_is_read() {
    let stage = Stage::new();
    let set = |setting: &str| {
        let statement = format!("ALTER DATABASE {} {setting}", stage.database);
        stage.cluster.sql("postgres", &statement);
        stage.cut();
    };
    set("SET default_transaction_read_only = on");
    assert_eq!(stage.client().get("/n").1["value"], json!(1));
    // The first one is sent on a connection that was cut, and what became of it cannot be made sure of.
    let first = stage.client().send("POST", "/n/incr", None).expect("an answer");
    assert_eq!(
        (first.status, first.header("retry-after")),
        (503, Some("1")),
        "{}",
        first.text()
    );
    assert_unavailable(&stage.client().send("POST", "/n/incr", None).expect("an answer"));
    assert_unavailable(&stage.client().send("PUT", "/new", Some(&json!(1))).expect("an answer"));
    assert_eq!(stage.client().get("/n").1["value"], json!(1));
    set("RESET default_transaction_read_only");
    stage.heals();
    assert_eq!(stage.client().get("/n").1["value"], json!(2));
}

#[test]
fn a_frozen_server_keeps_nobody_waiting_beyond_the_deadline() {
    let stage = Stage::new();
    signal_all(&stage.cluster, "-STOP");
    let begun = Instant::now();
    let read = stage.client().send("GET", "/n", None).expect("an answer");
    let read_took = begun.elapsed();
    let begun = Instant::now();
    let write = stage.client().send("POST", "/n/incr", None).expect("an answer");
    let write_took = begun.elapsed();
    signal_all(&stage.cluster, "-CONT");
    assert_unavailable(&read);
    assert_unavailable(&write);
    for took in [read_took, write_took] {
        assert!(took < LOCK_TIMEOUT + Duration::from_millis(500), "{took:?}");
    }
    stage.heals();
    let value = stage.client().get("/n").1["value"].clone();
    assert!(matches!(&value, Value::Number(_)), "{value}");
}

fn signal_all(cluster: &Cluster, signal: &str) {
    let pattern = cluster.folder().display().to_string();
    let mut processes = vec![cluster.process_id()];
    let children = Command::new("pgrep")
        .args(["-P", &cluster.process_id().to_string()])
        .output();
    let children = String::from_utf8(children.expect("pgrep").stdout).expect("text");
    processes.extend(children.lines().map(|id| id.parse::<u32>().expect("an id")));
    for process in processes {
        let sent = Command::new("kill").args([signal, &process.to_string()]).status();
        assert!(sent.expect("the command kill").success(), "{pattern}");
    }
}
