//! What a state was before a run first wrote: which runs have it kept, that it is exactly that, and going back to it.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use automation_kv::automation::{AutomationId, RunId, Writer};
use automation_kv::database::Database;
use automation_kv::engine::types::{Condition, Expiry};
use automation_kv::engine::types::{CountOperation, Operation, Reply, Request, SetOperation};
use automation_kv::engine::{Engine, EngineOptions};
use automation_kv::service::{Earlier, HistoryError, Service, ServiceError, ServiceOptions, Snapshot};
use automation_kv::storage::{Kept, MemoryStorage, Storage, StorageOptions};
use automation_kv::vault::Vault;
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use support::client::Client;
use support::http::{Request as HttpRequest, exchange};
use support::postgres::SHARED;
use support::service::{self, SECRET, Setup, command};
use support::token;

/// Compiled once: the hosts of all tests share it.
static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::built_in(EngineOptions::default()).unwrap());

/// More runs than any test here has.
const MANY: u32 = 1000;

macro_rules! suite {
    ($place:ident: $($test:ident)+) => {
        mod $place {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $test() {
                super::$test(super::Hosts::$place().await).await;
            })+
        }
    };
}

macro_rules! everywhere {
    ($($test:ident)+) => {
        suite! { memory: $($test)+ }
        suite! { sqlite: $($test)+ }
        suite! { postgres: $($test)+ }
    };
}

everywhere! {
    each_run_has_the_state_kept_that_it_found
    runs_that_wait_together_have_exactly_what_they_found
    only_writes_count
    a_restore_is_one_new_version_that_can_be_taken_back
    a_restore_under_traffic_loses_no_write
    a_deleted_automation_has_neither_history_nor_a_way_back
    what_is_not_kept_is_refused
    a_host_that_was_started_later_keeps_no_second_state_of_a_run
}

async fn each_run_has_the_state_kept_that_it_found(hosts: Hosts) {
    let (service, id) = (hosts.service(3).await, AutomationId::random());
    for run in 1..=5 {
        for _ in 0..3 {
            write(&service, id, &format!("run-{run}")).await;
        }
        let history = history(&service, id).await;
        assert!(history.len() <= 3, "more is kept than is to be");
    }
    let history = history(&service, id).await;
    let facts: Vec<_> = history.iter().map(|kept| (kept.run.as_str(), kept.version)).collect();
    assert_eq!(facts, [("run-5", 12), ("run-4", 9), ("run-3", 6)]);
    for kept in &history {
        let snapshot = before(&service, id, kept.run.as_str()).await;
        assert_eq!((snapshot.version, snapshot.size_bytes), (kept.version, kept.size_bytes));
        assert_eq!(value_of_n(&snapshot), Some(kept.version));
    }
    // Fewer are kept as soon as the next run writes.
    let service = hosts.service(1).await;
    write(&service, id, "run-6").await;
    assert_eq!(versions(&service, id).await, [15]);
    // With 0 nothing is kept, and what there is stays.
    let service = hosts.service(0).await;
    write(&service, id, "run-7").await;
    assert_eq!(versions(&service, id).await, [15]);
}

/// Requests of many runs meet in one mailbox, on several hosts. Each is answered with the version that it made, and its
/// run must have the version before its first one kept.
async fn runs_that_wait_together_have_exactly_what_they_found(hosts: Hosts) {
    const RUNS: usize = 40;
    const WRITES: usize = 4;
    let (services, id) = (hosts.services(MANY).await, AutomationId::random());
    let mut tasks = tokio::task::JoinSet::new();
    for turn in 0..RUNS * WRITES {
        // Some of the writes are refused, and some have no run.
        let (service, number) = (services[turn % services.len()].clone(), turn % RUNS);
        tasks.spawn(async move {
            let run = (number % 8 != 7).then(|| format!("run-{number}"));
            let writer = Writer {
                automation: id,
                run: run.as_deref().map(run_id),
            };
            let request = if turn % 5 == 3 { refused() } else { increment() };
            loop {
                match service.write(writer.clone(), request.clone(), Instant::now()).await {
                    Ok(answer) => return (run, answer.ok().map(|reply| reply.version)),
                    Err(ServiceError::Busy) => {}
                    Err(error) => panic!("{error:?}"),
                }
            }
        });
    }
    let mut firsts: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    while let Some(done) = tasks.join_next().await {
        if let (Some(run), Some(version)) = done.unwrap() {
            let first = firsts.entry(run).or_insert(version);
            *first = version.min(*first);
        }
    }
    let history = history(&services[0], id).await;
    assert_eq!(history.len(), firsts.len());
    for kept in history {
        assert_eq!(kept.version, firsts[kept.run.as_str()] - 1, "{}", kept.run);
        let snapshot = before(&services[0], id, kept.run.as_str()).await;
        assert_eq!(snapshot.version, kept.version, "{}", kept.run);
        assert_eq!(value_of_n(&snapshot).unwrap_or(0), kept.version);
    }
}

async fn only_writes_count(hosts: Hosts) {
    let (service, id) = (hosts.service(10).await, AutomationId::random());
    write(&service, id, "first").await;
    for request in [
        refused(),
        Request::of(Vec::new()),
        Request::of(vec![Operation::Delete("x".to_owned())]),
    ] {
        drop(service.write(by(id, "idle"), request, Instant::now()).await.unwrap());
    }
    write(&service, id, "first").await;
    assert_eq!(versions(&service, id).await, [0]);
    // A write at last: what it found is what the others have left.
    write(&service, id, "idle").await;
    assert_eq!(versions(&service, id).await, [2, 0]);
    // Nobody knows the run.
    service.write(id, increment(), Instant::now()).await.unwrap().unwrap();
    assert_eq!(versions(&service, id).await, [2, 0]);
}

async fn a_restore_is_one_new_version_that_can_be_taken_back(hosts: Hosts) {
    let (service, id) = (hosts.service(10).await, AutomationId::random());
    write(&service, id, "good").await;
    set(&service, id, "good", "config", "{\"limit\":10}").await;
    set(&service, id, "bad", "config", "{}").await;
    write(&service, id, "bad").await;
    let reply = restore(&service, id, "repair", &Earlier::Before(run_id("bad"))).await;
    assert_eq!((reply.version, reply.is_replay), (5, false));
    let now = service.snapshot(id, None, Instant::now()).await.unwrap();
    let then = before(&service, id, "bad").await;
    assert_eq!(values(&now), values(&then));
    assert_eq!(now.version, 5);
    // The restore is a run like any other.
    assert_eq!(versions(&service, id).await, [4, 2, 0]);
    let undone = restore(&service, id, "undo", &Earlier::Before(run_id("repair"))).await;
    assert_eq!(undone.version, 6);
    let now = service.snapshot(id, None, Instant::now()).await.unwrap();
    assert_eq!(
        values(&now),
        [("n".to_owned(), "2".to_owned()), ("config".to_owned(), "{}".to_owned())]
    );
    // By version, and to before there was anything.
    restore(&service, id, "undo", &Earlier::Version(2)).await;
    assert_eq!(
        values(&service.snapshot(id, None, Instant::now()).await.unwrap()),
        values(&then)
    );
    let reply = restore(&service, id, "undo", &Earlier::Before(run_id("good"))).await;
    assert_eq!((reply.version, reply.size_bytes), (8, 2));
    assert_eq!(write(&service, id, "next").await, 9);
}

async fn a_restore_under_traffic_loses_no_write(hosts: Hosts) {
    let (services, id) = (hosts.services(10).await, AutomationId::random());
    set(&services[0], id, "first", "kept", "1").await;
    set(&services[0], id, "bad", "kept", "2").await;
    let is_over = Arc::new(AtomicBool::new(false));
    let writers: Vec<_> = (0..6)
        .map(|number| {
            let (service, is_over) = (services[number % services.len()].clone(), Arc::clone(&is_over));
            tokio::spawn(async move {
                let mut versions = Vec::new();
                while !is_over.load(Ordering::SeqCst) {
                    match service.write(by(id, "traffic"), increment(), Instant::now()).await {
                        Ok(answer) => versions.push(answer.unwrap().version),
                        Err(ServiceError::Busy) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
                versions
            })
        })
        .collect();
    let mut versions = vec![1, 2];
    for _ in 0..10 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let last = services.last().unwrap();
        versions.push(
            restore(last, id, "repair", &Earlier::Before(run_id("bad")))
                .await
                .version,
        );
    }
    is_over.store(true, Ordering::SeqCst);
    for writer in writers {
        versions.extend(writer.await.unwrap());
    }
    // Each write and each restore made a version of its own, and there is none besides.
    versions.sort_unstable();
    assert_eq!(versions, (1..=versions.len() as u64).collect::<Vec<_>>());
    let now = services[0].snapshot(id, None, Instant::now()).await.unwrap();
    assert_eq!(now.version, versions.len() as u64);
    assert_eq!(values(&now)[0], ("kept".to_owned(), "1".to_owned()));
}

async fn a_deleted_automation_has_neither_history_nor_a_way_back(hosts: Hosts) {
    let (service, id) = (hosts.service(10).await, AutomationId::random());
    write(&service, id, "first").await;
    write(&service, id, "second").await;
    service.delete_automation(id, Instant::now()).await.unwrap();
    assert_eq!(hosts.storage().await.archive().history(id).await.unwrap(), []);
    let history = service.history(id, Instant::now()).await;
    assert!(matches!(history, Err(ServiceError::Deleted)), "{history:?}");
    let earlier = Earlier::Before(run_id("second"));
    let restored = service.restore(by(id, "repair"), &earlier, Instant::now()).await;
    assert!(
        matches!(restored, Err(HistoryError::Service(ServiceError::Deleted))),
        "{restored:?}"
    );
}

async fn what_is_not_kept_is_refused(hosts: Hosts) {
    let (service, id) = (hosts.service(10).await, AutomationId::random());
    write(&service, id, "first").await;
    write(&service, id, "first").await;
    for earlier in [
        Earlier::Before(run_id("second")),
        Earlier::Version(1),
        Earlier::Version(7),
    ] {
        let restored = service.restore(by(id, "repair"), &earlier, Instant::now()).await;
        let Err(HistoryError::NotKept { earlier: named, .. }) = restored else {
            panic!("{restored:?}")
        };
        assert_eq!(named, earlier);
    }
    assert_eq!(write(&service, id, "first").await, 3);
    assert_eq!(history(&service, AutomationId::random()).await, []);
}

async fn a_host_that_was_started_later_keeps_no_second_state_of_a_run(hosts: Hosts) {
    let id = AutomationId::random();
    let service = hosts.service(10).await;
    write(&service, id, "first").await;
    write(&service, id, "second").await;
    let later = hosts.service(10).await;
    for run in ["first", "second", "first"] {
        write(&later, id, run).await;
    }
    assert_eq!(versions(&later, id).await, [1, 0]);
    assert_eq!(value_of_n(&before(&later, id, "second").await), Some(1));
}

/// A key whose time comes after it was kept.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_has_expired_since_is_seen_in_the_history_and_does_not_come_back() {
    let hosts = Hosts::memory().await;
    let (service, id) = (hosts.service(10).await, AutomationId::random());
    set_until(&service, id, "first", "short", "1", Expiry::After(50)).await;
    set(&service, id, "second", "long", "1").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let snapshot = before(&service, id, "second").await;
    assert_eq!(values(&snapshot), [("short".to_owned(), "1".to_owned())]);
    restore(&service, id, "repair", &Earlier::Before(run_id("second"))).await;
    assert_eq!(values(&service.snapshot(id, None, Instant::now()).await.unwrap()), []);
}

#[test]
fn the_history_is_served_beside_a_key_of_its_name() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let id = Uuid::new_v4();
    let mut first = client(&service, id, Some(json!("run-1")));
    first.put("/history", &json!("a key like any other"));
    assert_eq!(first.get("/history").1["value"], json!("a key like any other"));
    client(&service, id, Some(json!("run-2"))).post("/n/incr", &json!({}));
    // Without a run nothing is kept.
    for run in [None, Some(json!(7)), Some(json!("it's"))] {
        client(&service, id, run).post("/n/incr", &json!({}));
    }
    let token = token::valid(SECRET, &id.to_string());
    for path in ["/v1/history", "/v1/history/", "/api/automation/v1/history"] {
        let (status, body) = get(&service, path, &token);
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["count"], json!(2));
        let facts = |at: usize| {
            let kept = &body["history"][at];
            (
                kept["run_id"].clone(),
                kept["version"].clone(),
                kept["size_bytes"].clone(),
            )
        };
        assert_eq!(
            facts(0),
            (
                json!("run-2"),
                json!(1),
                json!(r#"{"history":"a key like any other"}"#.len())
            )
        );
        assert_eq!(facts(1), (json!("run-1"), json!(0), json!(2)));
        assert!(body["history"][0]["kept_at"].as_str().unwrap().ends_with("+00:00"));
        assert!(!body.to_string().contains("like any other"), "a value was shown");
    }
    assert_eq!(get(&service, "/v1/history?limit=1", &token).0, 422);
    assert_eq!(get(&service, "/v1/history", "rubbish").0, 401);
    let admin = json!({"admin": true, "exp": token::now() + 60});
    let admin = token::mint(SECRET, &admin, &Map::new());
    assert_eq!(get(&service, "/v1/history", &admin).0, 403);
    let path = format!("/v1/automations/{id}");
    let request = HttpRequest::new("DELETE", path.as_str()).header("Authorization", format!("Bearer {admin}"));
    assert_eq!(exchange(service.address(), &request).unwrap().status, 200);
    assert_eq!(get(&service, "/v1/history", &token).0, 410);
}

#[test]
fn an_operator_finds_a_bad_run_and_takes_it_back_while_the_service_runs() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let id = Uuid::new_v4();
    let text_id = id.to_string();
    let mut good = client(&service, id, Some(json!("good")));
    good.put("/config", &json!({"limit": 10}));
    good.put("/seen", &json!(["a"]));
    let mut bad = client(&service, id, Some(json!("bad")));
    bad.put("/config", &json!({"limit": 0}));
    bad.post("/seen/rpush", &json!({"value": "secret-item"}));
    bad.delete("/nothing");
    bad.put("/junk", &json!(1));
    let history = printed(&run(folder.path(), &["history", &text_id]));
    assert!(history.starts_with("BEFORE RUN"), "{history}");
    let json_lines = printed(&run(folder.path(), &["history", &text_id, "--output", "json"]));
    let runs: Vec<Value> = json_lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["run_id"].clone())
        .collect();
    assert_eq!(runs, ["bad", "good"]);
    let outline = printed(&run(folder.path(), &["diff", &text_id, "before:bad", "current"]));
    for line in ["~ config", "~ seen", "+ junk", "limit: changed", "appended 1 item"] {
        assert!(outline.contains(line), "{outline}");
    }
    assert!(!outline.contains("secret-item") && !outline.contains("10"), "{outline}");
    let hidden = printed(&run(
        folder.path(),
        &["diff", &text_id, "before:bad", "current", "--output", "json"],
    ));
    assert!(!hidden.contains("secret-item"), "{hidden}");
    let shown = printed(&run(
        folder.path(),
        &["diff", &text_id, "version:2", "current", "--values"],
    ));
    assert!(shown.contains("secret-item") && shown.contains("10 -> 0"), "{shown}");
    let restored = printed(&run(folder.path(), &["restore", &text_id, "--before-run", "bad"]));
    assert!(
        restored.starts_with(&format!("restored {id}: version 6, ")),
        "{restored}"
    );
    assert_eq!(good.get("/config").1["value"], json!({"limit": 10}));
    assert_eq!(good.get("/junk").0, 404);
    assert_eq!(good.post("/n/incr", &json!({})).1["version"], json!(7));
    let same = printed(&run(folder.path(), &["diff", &text_id, "before:bad", "version:2"]));
    assert!(same.starts_with("no difference"), "{same}");
    // And back again, as it says.
    let back = restored
        .lines()
        .nth(1)
        .unwrap()
        .split_once("automation-kv ")
        .unwrap()
        .1
        .to_owned();
    let back: Vec<&str> = back.split_whitespace().collect();
    printed(&run(folder.path(), &back));
    assert_eq!(good.get("/junk").1["value"], json!(1));
    assert_eq!(good.get("/n").0, 404);
}

#[test]
fn wrong_commands_say_what_is_wrong() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let id = Uuid::new_v4();
    client(&service, id, Some(json!("good"))).put("/a", &json!(1));
    let id = id.to_string();
    for (arguments, code, says) in [
        (vec!["restore", &id], 2, "--before-run"),
        (
            vec!["restore", &id, "--before-run", "a", "--version", "1"],
            2,
            "cannot be used with",
        ),
        (vec!["restore", &id, "--before-run", "it's"], 2, "visible ASCII"),
        (
            vec!["restore", &id, "--before-run", "nobody"],
            3,
            "has no state before run nobody",
        ),
        (vec!["restore", &id, "--version", "9"], 3, "has no state of version 9"),
        (
            vec!["diff", &id, "yesterday", "current"],
            2,
            "must be current, before:RUN or version:N",
        ),
        (vec!["diff", &id, "version:x", "current"], 2, "whole number"),
        (vec!["history", ""], 2, "ID|NAME"),
    ] {
        let output = run(folder.path(), &arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        let told = String::from_utf8_lossy(&output.stderr);
        assert!(told.contains(says), "{arguments:?}: {told}");
    }
    let other = run_with(
        folder.path(),
        "another secret",
        &["diff", &id, "current", "before:good"],
    );
    assert_eq!(other.status.code(), Some(6));
    assert!(String::from_utf8_lossy(&other.stderr).contains("does not open"));
    drop(service);
}

/// A database that any number of services can be opened on, except in memory, where all share one storage.
struct Hosts {
    database: Option<Database>,
    shared: Arc<dyn Storage>,
    _folder: Option<TempDir>,
}

impl Hosts {
    #[expect(clippy::unused_async, reason = "the others are")]
    async fn memory() -> Self {
        Self {
            database: None,
            shared: Arc::new(MemoryStorage::default()),
            _folder: None,
        }
    }

    async fn sqlite() -> Self {
        let folder = service::folder();
        let url = format!("sqlite://{}", service::database_file(folder.path()).display());
        Self::on(&url, Some(folder)).await
    }

    async fn postgres() -> Self {
        Self::on(&SHARED.database(), None).await
    }

    async fn on(url: &str, folder: Option<TempDir>) -> Self {
        let database = Database::parse(url).unwrap();
        Self {
            shared: database.open(&StorageOptions::default()).await.unwrap(),
            database: Some(database),
            _folder: folder,
        }
    }

    async fn storage(&self) -> Arc<dyn Storage> {
        match &self.database {
            Some(database) => database.open(&StorageOptions::default()).await.unwrap(),
            None => Arc::clone(&self.shared),
        }
    }

    /// A host that keeps something of so many runs.
    async fn service(&self, history_runs: u32) -> Service {
        let options = ServiceOptions {
            history_runs,
            max_waiting: 10_000,
            ..ServiceOptions::default()
        };
        let vault = Vault::new(&"secret".into(), &[], false);
        Service::new(self.storage().await, ENGINE.clone(), vault, options)
    }

    async fn services(&self, history_runs: u32) -> Vec<Service> {
        let mut services = Vec::new();
        for _ in 0..3 {
            services.push(self.service(history_runs).await);
        }
        services
    }
}

async fn write(service: &Service, id: AutomationId, run: &str) -> u64 {
    let answer = service.write(by(id, run), increment(), Instant::now()).await;
    answer.unwrap().unwrap().version
}

async fn set(service: &Service, id: AutomationId, run: &str, key: &str, value: &str) {
    set_until(service, id, run, key, value, Expiry::Keep).await;
}

async fn set_until(service: &Service, id: AutomationId, run: &str, key: &str, value: &str, expiry: Expiry) {
    let request = Request::of(vec![set_operation(key, value, Condition::Always, expiry)]);
    service
        .write(by(id, run), request, Instant::now())
        .await
        .unwrap()
        .unwrap();
}

async fn restore(service: &Service, id: AutomationId, run: &str, earlier: &Earlier) -> Reply {
    loop {
        match service.restore(by(id, run), earlier, Instant::now()).await {
            Ok(reply) => {
                assert_eq!(reply.outcomes, []);
                return reply;
            }
            Err(HistoryError::Service(ServiceError::Busy)) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

async fn history(service: &Service, id: AutomationId) -> Vec<Kept> {
    service.history(id, Instant::now()).await.unwrap()
}

async fn versions(service: &Service, id: AutomationId) -> Vec<u64> {
    history(service, id).await.iter().map(|kept| kept.version).collect()
}

async fn before(service: &Service, id: AutomationId, run: &str) -> Snapshot {
    let earlier = Earlier::Before(run_id(run));
    service.snapshot(id, Some(&earlier), Instant::now()).await.unwrap()
}

fn values(snapshot: &Snapshot) -> Vec<(String, String)> {
    let keys = snapshot.keys.iter();
    keys.map(|listed| (listed.key.clone(), listed.value.clone().unwrap()))
        .collect()
}

fn value_of_n(snapshot: &Snapshot) -> Option<u64> {
    let values = values(snapshot);
    let n = values.iter().find(|(key, _)| key == "n");
    n.map(|(_, value)| value.parse().unwrap())
}

fn by(automation: AutomationId, run: &str) -> Writer {
    Writer {
        automation,
        run: Some(run_id(run)),
    }
}

fn run_id(text: &str) -> RunId {
    RunId::parse(text).unwrap()
}

fn increment() -> Request {
    let count = CountOperation {
        key: "n".to_owned(),
        by: "1".to_owned(),
    };
    Request::of(vec![Operation::Increment(count)])
}

/// A request that is refused whatever the state is.
fn refused() -> Request {
    Request::of(vec![
        set_operation("n", "0", Condition::Always, Expiry::Keep),
        set_operation("never", "0", Condition::IfPresent, Expiry::Keep),
    ])
}

fn set_operation(key: &str, value: &str, condition: Condition, expiry: Expiry) -> Operation {
    Operation::Set(SetOperation {
        key: key.to_owned(),
        value: value.to_owned(),
        condition,
        expiry,
    })
}

fn client(service: &support::service::Service, id: Uuid, run: Option<Value>) -> Client {
    let mut claims = token::claims(&id.to_string());
    match run {
        Some(run) => drop(claims.insert("run_id".to_owned(), run)),
        None => drop(claims.remove("run_id")),
    }
    Client::new(service.address(), &token::mint(SECRET, &claims.into(), &Map::new()))
}

fn get(service: &support::service::Service, path: &str, token: &str) -> (u16, Value) {
    let request = HttpRequest::new("GET", path).header("Authorization", format!("Bearer {token}"));
    let response = exchange(service.address(), &request).unwrap();
    (response.status, serde_json::from_slice(&response.body).unwrap())
}

fn run(folder: &Path, arguments: &[&str]) -> Output {
    run_with(folder, SECRET, arguments)
}

fn run_with(folder: &Path, secret: &str, arguments: &[&str]) -> Output {
    let url = format!("sqlite://{}", service::database_file(folder).display());
    command(arguments)
        .env("AUTOMATION_KV_SECRET", secret)
        .env("AUTOMATION_DB_URL", url)
        .output()
        .unwrap()
}

fn printed(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}
