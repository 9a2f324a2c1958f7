//! Rotation of secrets: all rows are sealed anew beside running services, nobody notices, and it may be cut short.
//!
//! `AUTOMATION_KV_TEST_STATES` makes the runs longer.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use automation_kv::automation::{AutomationId, RunId};
use automation_kv::database::Database;
use automation_kv::engine::types::{CountOperation, GetOperation, Operation, Outcome, Request};
use automation_kv::engine::{Engine, EngineOptions, Input};
use automation_kv::rotation::Rotation;
use automation_kv::service::{Service, ServiceOptions};
use automation_kv::storage::{Keep, MemoryStorage, Sealed, Storage, StorageOptions, Swap};
use automation_kv::vault::Vault;
use serde_json::{Value, json};
use uuid::Uuid;

use support::client::Client;
use support::knob;
use support::postgres::SHARED;
use support::service::{self, SECRET as NEW, Setup, command};
use support::token;

/// What everything is sealed with at first.
const OLD: &str = "the former secret of these tests";

const STATES: u64 = 10_000;
const CLIENTS: usize = 4;

/// How long a rotation may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(2);

#[test]
fn a_rotation_under_load_that_is_killed_and_started_again_leaves_nothing_behind_on_sqlite() {
    let folder = service::folder();
    let url = format!("sqlite://{}", service::database_file(folder.path()).display());
    rotation_under_load(&Setup::on(folder.path(), &url), &url);
}

#[test]
fn a_rotation_under_load_that_is_killed_and_started_again_leaves_nothing_behind_on_postgres() {
    let folder = service::folder();
    let url = SHARED.database();
    rotation_under_load(&Setup::on(folder.path(), &url), &url);
}

fn rotation_under_load(setup: &Setup, url: &str) {
    let ids: Vec<Uuid> = (0..knob("STATES", STATES)).map(|_| Uuid::new_v4()).collect();
    runtime().block_on(fill(url, &ids));
    let service = setup.clone().environment("AUTOMATION_KV_SECRET_PREVIOUS", OLD).start();
    let counts: Vec<AtomicU64> = ids.iter().map(|_| AtomicU64::new(1)).collect();
    let (is_over, failures) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let tokens: Vec<String> = ids.iter().map(|id| token::valid(NEW, &id.to_string())).collect();
                let client = Client::new(service.address(), &tokens[0]);
                write_until_over(client, &tokens, &counts, &is_over, &failures);
            });
        }
        let begun = Instant::now();
        let mut first = start_rotation(url);
        let told = BufReader::new(first.stderr.take().expect("a pipe"));
        let half = told.lines().map_while(Result::ok).find(|line| is_half_way(line));
        assert!(half.is_some(), "the rotation ended before half of it was done");
        first.kill().expect("a process that can be killed");
        first.wait().expect("a process that ends");
        let left = census(url);
        assert!(left["previous 1"].0 > 0, "it was done already: {left:?}");
        assert!(left["current"].0 > 0, "nothing of it was done: {left:?}");
        let second = run(url, &["rotate"]);
        assert!(second.status.success(), "{}", text(&second.stderr));
        assert!(begun.elapsed() < PATIENCE, "{:?}", begun.elapsed());
        println!(
            "{} states, killed half-way: {:?} in all; {}",
            ids.len(),
            begun.elapsed(),
            text(&second.stdout).trim()
        );
        is_over.store(true, Ordering::SeqCst);
    });
    assert_eq!(
        failures.load(Ordering::SeqCst),
        0,
        "requests failed; log: {}",
        service.log()
    );
    let writes: u64 = counts.iter().map(|count| count.load(Ordering::SeqCst) - 1).sum();
    assert!(writes > 100, "hardly any load: {writes}");
    let left = census(url);
    assert_eq!((left["previous 1"], left["unreadable"]), ((0, 0), (0, 0)));
    assert_eq!(left["current"].0, ids.len() as u64);
    assert!(left["current"].1 > 0, "no history was kept meanwhile");
    println!("{writes} writes meanwhile, none failed");
    assert!(service.stop().success());
    // Nothing needs the former secret any more, and nothing was lost.
    let service = setup.start();
    let mut client: Option<Client> = None;
    for (id, count) in ids.iter().zip(&counts).step_by(7) {
        let token = token::valid(NEW, &id.to_string());
        let mut own = match client.take() {
            Some(client) => client.with_token(&token),
            None => Client::new(service.address(), &token),
        };
        let (status, answer) = own.get("/n");
        let expected = count.load(Ordering::SeqCst);
        assert_eq!((status, &answer["value"]), (200, &json!(expected)), "{id}: {answer}");
        assert_eq!(answer["version"], json!(expected), "sealing anew is no new version");
        client = Some(own);
    }
}

/// Increments one automation after another, and notes what was answered.
fn write_until_over(
    mut client: Client,
    tokens: &[String],
    counts: &[AtomicU64],
    is_over: &AtomicBool,
    failures: &AtomicU64,
) {
    while !is_over.load(Ordering::SeqCst) {
        let at = fastrand::usize(..tokens.len());
        client = client.with_token(&tokens[at]);
        match client.call("POST", "/n/incr", Some(&json!({}))) {
            Ok((200, _)) => counts[at].fetch_add(1, Ordering::SeqCst),
            Ok((status, answer)) => {
                eprintln!("{status} {answer}");
                failures.fetch_add(1, Ordering::SeqCst)
            }
            Err(error) => {
                eprintln!("{error}");
                failures.fetch_add(1, Ordering::SeqCst);
                return;
            }
        };
    }
}

/// `5000 of 10000 rows: pass 1, …`
fn is_half_way(line: &str) -> bool {
    let mut numbers = line.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
    let (Some(seen), Some(total)) = (numbers.next(), numbers.next()) else {
        return false;
    };
    seen * 10 >= total * 4
}

/// A state for each automation, and something in the history of some, all sealed with the former secret.
async fn fill(url: &str, ids: &[Uuid]) {
    let storage = Database::parse(url)
        .unwrap()
        .open(&StorageOptions::default())
        .await
        .unwrap();
    let vault = Vault::new(&OLD.into(), &[], false);
    let plain = plain_state(&vault);
    let mut saves = tokio::task::JoinSet::new();
    for (number, &id) in ids.iter().enumerate() {
        let (storage, id) = (Arc::clone(&storage), AutomationId::from(id));
        let keys = vault.for_automation(id);
        let (first, second) = (keys.seal(&plain), keys.seal(&plain));
        saves.spawn(async move {
            save(storage.as_ref(), id, None, first, None).await;
            if number % 10 == 0 {
                save(storage.as_ref(), id, Some(1), second, Some(keep("earlier"))).await;
            }
        });
        if saves.len() >= 500 {
            saves.join_next().await.unwrap().unwrap();
        }
    }
    while let Some(saved) = saves.join_next().await {
        saved.unwrap();
    }
    storage.close().await;
}

async fn save(storage: &dyn Storage, id: AutomationId, seen: Option<i64>, bytes: Vec<u8>, keep: Option<Keep>) {
    let sealed = Sealed {
        bytes,
        keep,
        ..Sealed::default()
    };
    let deadline = Instant::now() + PATIENCE;
    assert_eq!(storage.swap(id, seen, sealed, deadline).await.unwrap(), Swap::Saved);
}

fn keep(run: &str) -> Keep {
    Keep {
        run: RunId::parse(run).unwrap(),
        version: 1,
        size_bytes: 7,
        runs: 10,
    }
}

/// `{"n":1}` as the engine writes it.
fn plain_state(vault: &Vault) -> Vec<u8> {
    let id = AutomationId::random();
    let engine = Engine::built_in(EngineOptions::default()).unwrap();
    let mut session = engine
        .open(Input {
            sealed: None,
            vault: vault.for_automation(id),
            max_state_bytes: 0,
            max_value_bytes: 0,
            now: 1_700_000_000_000,
        })
        .unwrap();
    session.execute(&increment()).unwrap().unwrap();
    let sealed = session.commit().unwrap().unwrap();
    vault.for_automation(id).open(&sealed.bytes).unwrap().plain
}

/// A service holds the last state that it saved, and SQLite's rows beside it: neither survives the row's sealing anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_holds_rows_in_memory_sees_them_sealed_anew() {
    let folder = service::folder();
    let url = format!("sqlite://{}", service::database_file(folder.path()).display());
    for url in [url, SHARED.database()] {
        let database = Database::parse(&url).unwrap();
        let (serving, rotating) = (
            database.open(&StorageOptions::default()).await.unwrap(),
            database.open(&StorageOptions::default()).await.unwrap(),
        );
        let former = Vault::new(&OLD.into(), &[], false);
        let both = Vault::new(&NEW.into(), &[OLD.into()], false);
        let engine = Engine::built_in(EngineOptions::default()).unwrap();
        let id = AutomationId::random();
        let old = Service::new(Arc::clone(&serving), engine.clone(), former, ServiceOptions::default());
        write(&old, id).await;
        let service = Service::new(Arc::clone(&serving), engine, both.clone(), ServiceOptions::default());
        assert_eq!(read(&service, id).await, "1");
        // Writes go on all the time, so that the mailbox never empties and its runner keeps its base.
        let is_over = Arc::new(AtomicBool::new(false));
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let (service, is_over) = (service.clone(), Arc::clone(&is_over));
                tokio::spawn(async move {
                    let mut count = 0_u64;
                    while !is_over.load(Ordering::SeqCst) {
                        write(&service, id).await;
                        count += 1;
                    }
                    count
                })
            })
            .collect();
        // The other way round, so that each rotation finds something to do.
        let swapped = Vault::new(&OLD.into(), &[NEW.into()], false);
        for vault in [&both, &swapped, &both, &swapped, &both] {
            Rotation::new(Arc::clone(&rotating), vault.clone())
                .rotate(|_| ())
                .await
                .unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
        let mut expected = 1;
        for writer in writers {
            expected += writer.await.unwrap();
        }
        assert_eq!(read(&service, id).await, expected.to_string());
        rotating.close().await;
        service.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_of_what_is_current_already_changes_nothing() {
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::default());
    let (former, vault) = (
        Vault::new(&OLD.into(), &[], false),
        Vault::new(&NEW.into(), &[OLD.into()], false),
    );
    let ids: Vec<AutomationId> = (0..100).map(|_| AutomationId::random()).collect();
    for (number, id) in ids.iter().enumerate() {
        let with = if number % 2 == 0 { &former } else { &vault };
        save(storage.as_ref(), *id, None, with.for_automation(*id).seal(b"x"), None).await;
    }
    let rotation = Rotation::new(Arc::clone(&storage), vault);
    let mut told = Vec::new();
    let rotated = rotation.rotate(|progress| told.push(progress)).await.unwrap();
    assert_eq!((rotated.resealed, rotated.passes, rotated.is_complete), (50, 2, true));
    let (last, first) = (told.last().unwrap(), told.first().unwrap());
    assert_eq!((last.seen, last.total, last.resealed), (100, 100, 50));
    assert!(first.seen < first.total);
    let before = storage.list(None, 1000).await.unwrap();
    let again = rotation.rotate(|_| ()).await.unwrap();
    assert_eq!((again.resealed, again.passes), (0, 1));
    assert_eq!(storage.list(None, 1000).await.unwrap(), before);
}

#[test]
fn what_does_not_open_is_named_and_left_alone() {
    let folder = service::folder();
    let url = format!("sqlite://{}", service::database_file(folder.path()).display());
    let (good, lost) = (Uuid::new_v4(), Uuid::new_v4());
    let lost_bytes = runtime().block_on(async {
        let storage = Database::parse(&url).unwrap();
        let storage = storage.open(&StorageOptions::default()).await.unwrap();
        let old = Vault::new(&OLD.into(), &[], false);
        let other = Vault::new(&"nobody knows this one".into(), &[], false);
        let plain = plain_state(&old);
        let good = AutomationId::from(good);
        save(
            storage.as_ref(),
            good,
            None,
            old.for_automation(good).seal(&plain),
            None,
        )
        .await;
        let lost = AutomationId::from(lost);
        let bytes = other.for_automation(lost).seal(&plain);
        save(storage.as_ref(), lost, None, bytes.clone(), None).await;
        let next = other.for_automation(lost).seal(&plain);
        save(storage.as_ref(), lost, Some(1), next.clone(), Some(keep("earlier"))).await;
        storage.close().await;
        next
    });
    let expected = |current, previous| {
        HashMap::from([
            ("current".to_owned(), (current, 0)),
            ("previous 1".to_owned(), (previous, 0)),
            ("unreadable".to_owned(), (1, 1)),
        ])
    };
    assert_eq!(census(&url), expected(0, 1));
    for resealed in [1, 0] {
        let rotated = run(&url, &["rotate", "--output", "json"]);
        assert_eq!(rotated.status.code(), Some(1));
        let told = text(&rotated.stderr);
        assert!(told.contains(&format!("{lost}: the state does not open")), "{told}");
        assert!(told.contains(&format!("{lost}, kept before run earlier: ")), "{told}");
        assert!(!told.contains(&good.to_string()), "{told}");
        assert!(told.contains("2 rows could not be opened"), "{told}");
        let line: Value = serde_json::from_slice(&rotated.stdout).unwrap();
        assert_eq!((&line["resealed"], &line["unreadable"]), (&json!(resealed), &json!(2)));
    }
    assert_eq!(census(&url), expected(1, 0));
    let stored = runtime().block_on(async {
        let storage = Database::parse(&url).unwrap();
        let storage = storage.open(&StorageOptions::default()).await.unwrap();
        let listed = storage.list(None, 10).await.unwrap();
        storage.close().await;
        listed.into_iter().find(|row| row.automation == lost.into()).unwrap()
    });
    assert_eq!(stored.record.sealed, lost_bytes);
}

/// Their keys' times are that of their sealing, so it must not change with the seal.
#[test]
fn states_of_the_python_service_become_ours_and_keep_their_times() {
    /// `{"k": {"é": [1, 2.0, null]}, "$version": 7}`, sealed by Python's `cryptography` with the SHA-256 of the secret.
    const SEALED: &[u8] = b"gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD8X6jo3eXsLxIwcmIqzaNv8bhc1UZ2QQyN_T_-Ca34tbXqGNOmDBR5YVH-JEsV4b2WzR-ls28hC7AmnrGXLtEKoe2Z0q3IhrsTfkIG2RpB1_";
    const PYTHON_SECRET: &str = "vector-secret";
    let folder = service::folder();
    let url = format!("sqlite://{}", service::database_file(folder.path()).display());
    let id = Uuid::new_v4();
    runtime().block_on(async {
        let storage = Database::parse(&url).unwrap();
        let storage = storage.open(&StorageOptions::default()).await.unwrap();
        save(storage.as_ref(), id.into(), None, SEALED.to_vec(), None).await;
        storage.close().await;
    });
    let rotate = |arguments: &[&str]| {
        command(arguments)
            .env("AUTOMATION_DB_URL", &url)
            .env("AUTOMATION_KV_SECRET", NEW)
            .env("AUTOMATION_KV_SECRET_PREVIOUS", PYTHON_SECRET)
            .output()
            .unwrap()
    };
    let refused = rotate(&["rotate"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("AUTOMATION_KV_ADOPT=true"));
    let before = text(&rotate(&["rotate", "--check", "--adopt"]).stdout);
    assert_eq!(states_of(&before, "previous 1, Python service"), Some("1"), "{before}");
    assert!(rotate(&["rotate", "--adopt"]).status.success());
    let after = text(&rotate(&["rotate", "--check", "--adopt"]).stdout);
    assert_eq!(states_of(&after, "previous 1, Python service"), Some("0"), "{after}");
    let service = Setup::sqlite(folder.path()).start();
    let answer = service.client(id).get("/k?meta=true").1;
    assert_eq!(
        (&answer["value"], &answer["version"]),
        (&json!({"é": [1, 2.0, null]}), &json!(7))
    );
    assert_eq!(answer["created_at"], json!("2023-11-14T22:13:20.000+00:00"));
}

#[test]
fn the_check_is_a_table_and_shows_no_secret() {
    let folder = service::folder();
    let url = format!("sqlite://{}", service::database_file(folder.path()).display());
    runtime().block_on(fill(&url, &[Uuid::new_v4(), Uuid::new_v4()]));
    let checked = run(&url, &["rotate", "--check"]);
    let table = text(&checked.stdout);
    let lines: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(
        lines,
        [
            vec!["SECRET", "STATES", "HISTORY"],
            vec!["current", "0", "0"],
            vec!["previous", "1", "2", "1"],
            vec!["unreadable", "0", "0"],
        ]
    );
    assert!(!table.contains(OLD) && !table.contains(NEW));
    let unset = command(&["rotate"]).env("AUTOMATION_DB_URL", &url).output().unwrap();
    assert_eq!(unset.status.code(), Some(6));
    assert!(text(&unset.stderr).contains("AUTOMATION_KV_SECRET is not set"));
}

/// How many states a table gives to a secret.
fn states_of<'a>(table: &'a str, secret: &str) -> Option<&'a str> {
    let rest = table.lines().find_map(|line| line.strip_prefix(secret))?;
    rest.split_whitespace().next()
}

/// States and history of each secret.
fn census(url: &str) -> HashMap<String, (u64, u64)> {
    let output = run(url, &["rotate", "--check", "--output", "json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            let number = |name: &str| line[name].as_u64().unwrap();
            let secret = line["secret"].as_str().unwrap().to_owned();
            (secret, (number("states"), number("history")))
        })
        .collect()
}

fn run(url: &str, arguments: &[&str]) -> Output {
    command(arguments)
        .env("AUTOMATION_DB_URL", url)
        .env("AUTOMATION_KV_SECRET", NEW)
        .env("AUTOMATION_KV_SECRET_PREVIOUS", OLD)
        .output()
        .unwrap()
}

fn start_rotation(url: &str) -> Child {
    command(&["rotate"])
        .env("AUTOMATION_DB_URL", url)
        .env("AUTOMATION_KV_SECRET", NEW)
        .env("AUTOMATION_KV_SECRET_PREVIOUS", OLD)
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

async fn write(service: &Service, id: AutomationId) {
    service.write(id, increment(), Instant::now()).await.unwrap().unwrap();
}

async fn read(service: &Service, id: AutomationId) -> String {
    let get = GetOperation {
        key: "n".to_owned(),
        path: None,
    };
    let request = Request::of(vec![Operation::Get(get)]);
    let reply = service.read(id, request, Instant::now()).await.unwrap().unwrap();
    match reply.outcomes.into_iter().next() {
        Some(Outcome::Value(entry)) => entry.value,
        other => panic!("{other:?}"),
    }
}

fn increment() -> Request {
    let count = CountOperation {
        key: "n".to_owned(),
        by: "1".to_owned(),
    };
    Request::of(vec![Operation::Increment(count)])
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
