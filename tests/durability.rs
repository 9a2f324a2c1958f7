//! What is on disk: every acknowledged write, whatever ends the process, and no byte of plaintext.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};
use uuid::Uuid;

use support::client::Client;
use support::http::{Request, exchange};
use support::postgres::Cluster;
use support::service::{self, SECRET, Service, Setup};
use support::token;

#[test]
fn state_survives_a_restart() {
    let folder = service::folder();
    let setup = Setup::sqlite(folder.path());
    let id = Uuid::new_v4();
    let service = setup.start();
    let mut client = service.client(id);
    client.put("/cursor", &json!({"page": 7}));
    let before = client.get("/cursor?meta=true");
    drop(client);
    assert!(service.stop().success());
    assert_eq!(setup.start().client(id).get("/cursor?meta=true"), before);
}

#[test]
fn stopping_finishes_what_was_taken() {
    const CLIENTS: usize = 8;
    let folder = service::folder();
    let setup = Setup::sqlite(folder.path());
    let id = Uuid::new_v4();
    let acknowledged: Vec<AtomicU64> = (0..CLIENTS).map(|_| AtomicU64::new(0)).collect();
    let service = setup.start();
    let address = service.address();
    std::thread::scope(|scope| {
        for (number, count) in acknowledged.iter().enumerate() {
            let token = token::valid(SECRET, &id.to_string());
            scope.spawn(move || count_until_it_dies(address, &token, number, count));
        }
        std::thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        assert!(service.stop().success());
        assert!(begun.elapsed() < Duration::from_secs(10), "{:?}", begun.elapsed());
    });
    let service = setup.start();
    for (number, count) in acknowledged.iter().enumerate() {
        let (_, answer) = service.client(id).get(&format!("/n{number}"));
        let stored = answer["value"].as_u64().unwrap_or(0);
        assert_eq!(stored, count.load(Ordering::Relaxed), "an answer got lost");
    }
}

#[test]
fn no_plaintext_reaches_the_disk_or_the_log() {
    let folder = service::folder();
    let (service, token) = leave_needles(&Setup::sqlite(folder.path()));
    let looked_at = assert_no_needles(folder.path(), &token);
    assert!(looked_at >= 3, "the database, its WAL and the log were expected");
    let metrics = exchange(service.address(), &Request::new("GET", "/metrics")).expect("an answer");
    assert_eq!(metrics.status, 200);
    for needle in NEEDLES {
        assert!(
            !contains(&metrics.body, needle.as_bytes()),
            "{needle} is in the metrics"
        );
    }
    // The test itself would find something.
    let log = fs::read(folder.path().join("state.db-wal")).expect("a write-ahead log");
    assert!(contains(&log, b"automation_kv"));
}

/// Also where the server logs every statement.
#[test]
fn no_plaintext_reaches_a_postgresql_server() {
    let folder = service::folder();
    let cluster = Cluster::start(&["log_statement=all"]);
    let (_service, token) = leave_needles(&Setup::on(folder.path(), &cluster.database()));
    assert_no_needles(folder.path(), &token);
    assert_no_needles(cluster.folder(), &token);
    assert!(
        cluster.log().contains("UPDATE automation_kv"),
        "no statement was logged"
    );
}

const NEEDLES: [&str; 4] = [
    "needle-in-a-key",
    "needle-in-a-value",
    "needle-in-a-list",
    "needle-in-a-member",
];

/// Starts a service that logs all it can and has it store marked texts. Gives it, and the token that was used.
fn leave_needles(setup: &Setup) -> (Service, String) {
    let service = setup.clone().environment("AUTOMATION_LOG_LEVEL", "trace").start();
    let id = Uuid::new_v4();
    let token = token::mint(SECRET, &restricted(id), &Map::new());
    let mut client = Client::new(service.address(), &token);
    // What is changed in a large state is stored in another way.
    client.put("/ballast", &json!("x".repeat(30_000)));
    client.put(&format!("/{}", NEEDLES[0]), &json!(NEEDLES[1]));
    client.post("/list/rpush", &json!({"value": NEEDLES[2]}));
    client.put("/object", &json!({NEEDLES[3]: 1}));
    client.post(&format!("/{}/incr", NEEDLES[0]), &json!({}));
    client
        .call(
            "POST",
            "/broken/rpush",
            Some(&json!({"value": 1, NEEDLES[3]: NEEDLES[1]})),
        )
        .expect("an answer");
    assert_eq!(client.get("/object").1["value"][NEEDLES[3]], json!(1));
    assert_eq!(client.put("/outside", &json!(1)).0, 403);
    drop(client);
    (service, token)
}

/// The claims of a token that may use the marked keys, and the others of the test.
fn restricted(id: Uuid) -> Value {
    let mut claims = token::claims(&id.to_string());
    claims.insert(
        "keys".to_owned(),
        json!([NEEDLES[0], "ballast", "list", "object", "broken"]),
    );
    claims.into()
}

/// Looks for what was marked, the secret and the token, in all files of a folder. Gives how many there are.
fn assert_no_needles(folder: &Path, token: &str) -> usize {
    let mut looked_at = 0;
    for entry in fs::read_dir(folder).expect("a folder") {
        let entry = entry.expect("an entry");
        let (kind, path) = (entry.file_type().expect("a kind"), entry.path());
        if kind.is_dir() {
            looked_at += assert_no_needles(&path, token);
        }
        if !kind.is_file() {
            continue;
        }
        // A server may remove a file of its own meanwhile.
        let Ok(bytes) = fs::read(&path) else { continue };
        for needle in NEEDLES.into_iter().chain([SECRET, token]) {
            assert!(
                !contains(&bytes, needle.as_bytes()),
                "{needle} is in {}",
                path.display()
            );
        }
        looked_at += 1;
    }
    looked_at
}

#[test]
fn a_row_that_was_copied_onto_another_automation_is_refused() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let (victim, thief) = (Uuid::new_v4(), Uuid::new_v4());
    service.client(victim).put("/secret", &json!("sauce"));
    service.client(thief).put("/own", &json!(1));
    execute(
        folder.path(),
        &format!(
            "UPDATE automation_kv SET state_encrypted = (SELECT state_encrypted FROM automation_kv WHERE automation_id = '{}') \
             WHERE automation_id = '{}'",
            victim.simple(),
            thief.simple()
        ),
    );
    for path in ["/secret", "/own", ""] {
        let (status, answer) = service.client(thief).get(path);
        assert_eq!((status, &answer["error"]), (500, &json!("decrypt_failed")), "{answer}");
        assert!(!answer.to_string().contains("sauce"));
    }
    let (status, _) = service.client(thief).put("/own", &json!(2));
    assert_eq!(status, 500);
    assert_eq!(service.client(victim).get("/secret").1["value"], json!("sauce"));
}

/// This is what does not hold: nothing outside the database knows which row is the newest.
#[test]
fn an_older_row_that_was_put_back_opens_and_brings_its_version_back() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let id = Uuid::new_v4();
    let mut client = service.client(id);
    client.put("/n", &json!("old"));
    execute(
        folder.path(),
        "CREATE TABLE kept AS SELECT state_encrypted FROM automation_kv",
    );
    client.put("/n", &json!("new"));
    assert_eq!(client.get("/n").1["version"], json!(2));
    execute(
        folder.path(),
        "UPDATE automation_kv SET state_encrypted = (SELECT state_encrypted FROM kept)",
    );
    let (status, answer) = client.get("/n");
    assert_eq!(
        (status, &answer["value"], &answer["version"]),
        (200, &json!("old"), &json!(1))
    );
    // Who remembers the version notices; who remembers the older one does not.
    assert_eq!(client.put("/n?if_version=2", &json!("mine")).0, 409);
    assert_eq!(client.put("/n?if_version=1", &json!("mine")).0, 200);
}

/// So is this.
#[test]
fn a_row_that_was_removed_reads_as_a_state_that_never_was() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let mut client = service.client(Uuid::new_v4());
    client.put("/n", &json!(1));
    execute(folder.path(), "DELETE FROM automation_kv");
    let (status, answer) = client.get("");
    assert_eq!(
        (status, &answer["keys"], &answer["version"]),
        (200, &json!([]), &json!(0))
    );
}

#[test]
fn a_row_that_was_changed_is_refused_and_never_written_over() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let mut client = service.client(Uuid::new_v4());
    client.put("/n", &json!(1));
    let length = "length(state_encrypted)";
    for (part, place) in [
        ("a time", "6".to_owned()),
        ("the state", format!("{length} / 2")),
        ("the seal", format!("{length} - 9")),
    ] {
        let other = format!("CASE substr(state_encrypted, {place}, 1) WHEN 'A' THEN 'B' ELSE 'A' END");
        execute(
            folder.path(),
            &format!(
                "DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT state_encrypted FROM automation_kv; \
                 UPDATE automation_kv SET state_encrypted = \
                 substr(state_encrypted, 1, {place} - 1) || {other} || substr(state_encrypted, {place} + 1)"
            ),
        );
        for (status, answer) in [client.get("/n"), client.put("/n", &json!(2)), client.delete("/n")] {
            assert_eq!((status, &answer["error"]), (500, &json!("decrypt_failed")), "{part}");
        }
        execute(
            folder.path(),
            "UPDATE automation_kv SET state_encrypted = (SELECT state_encrypted FROM kept)",
        );
        assert_eq!(client.get("/n").1["value"], json!(1), "{part}");
    }
}

#[test]
fn two_services_on_one_file_lose_nothing() {
    const CLIENTS: usize = 8;
    const INCREMENTS: usize = 50;
    let folder = service::folder();
    let setup = Setup::sqlite(folder.path());
    let services = [setup.start(), setup.start()];
    let id = Uuid::new_v4();
    std::thread::scope(|scope| {
        for number in 0..CLIENTS {
            let service: &Service = &services[number % 2];
            scope.spawn(move || {
                let mut client = service.client(id);
                for _ in 0..INCREMENTS {
                    let (status, answer) = client.post("/n/incr", &json!({}));
                    assert_eq!(status, 200, "{answer}");
                    let read = client.get("/n").1["value"].as_i64();
                    assert!(
                        read >= answer["value"].as_i64(),
                        "a stale read: {read:?} after {answer}"
                    );
                }
            });
        }
    });
    for service in &services {
        assert_eq!(service.client(id).get("/n").1["value"], json!(CLIENTS * INCREMENTS));
    }
}

#[test]
fn a_lock_that_another_process_holds_is_409_within_the_timeout() {
    const TIMEOUT: Duration = Duration::from_millis(500);
    let folder = service::folder();
    let service = Setup::sqlite(folder.path())
        .environment("AUTOMATION_KV_LOCK_TIMEOUT_MS", "500")
        .start();
    let id = Uuid::new_v4();
    let mut client = service.client(id);
    assert_eq!(client.put("/n", &json!(1)).0, 201);
    runtime().block_on(async {
        let mut other = connect(folder.path()).await;
        other.execute("BEGIN IMMEDIATE").await.expect("the lock");
        let begun = Instant::now();
        let response = client.send("POST", "/n/incr", Some(&json!({}))).expect("an answer");
        assert_eq!(response.status, 409, "{}", response.text());
        assert!(response.text().contains("kv_store_busy") && response.header("retry-after").is_some());
        assert!(
            begun.elapsed() < TIMEOUT + Duration::from_millis(500),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(client.get("/n").1["value"], json!(1));
        other.execute("ROLLBACK").await.expect("the lock back");
    });
    assert_eq!(client.post("/n/incr", &json!({})).1["value"], json!(2));
}

/// Counts the automation's `n<number>` up, and every answer, until the connection breaks.
fn count_until_it_dies(address: std::net::SocketAddr, token: &str, number: usize, acknowledged: &AtomicU64) {
    let Ok(mut client) = Client::try_new(address, token) else {
        return;
    };
    while let Ok((status, answer)) = client.call("POST", &format!("/n{number}/incr"), Some(&json!({}))) {
        assert_eq!(status, 200, "{answer}");
        acknowledged.fetch_add(1, Ordering::Relaxed);
    }
}

fn execute(folder: &Path, sql: &str) {
    runtime().block_on(async {
        let mut connection = connect(folder).await;
        connection
            .execute(AssertSqlSafe(sql.to_owned()))
            .await
            .expect("a statement");
        connection.close().await.expect("a closed connection");
    });
}

async fn connect(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(service::database_file(folder));
    SqliteConnection::connect_with(&options).await.expect("the database")
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
}

fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}
