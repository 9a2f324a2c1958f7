//! A disk that is full, or fails: growth is refused, reads and deletes go on, and the file stays sound.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection, Row};
use tempfile::TempDir;
use uuid::Uuid;

use support::service::{self, Service, Setup};

/// A small file system of its own; none where mounting is not allowed.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mount(mebibytes: u32) -> Option<Self> {
        let folder = service::folder();
        let options = format!("size={mebibytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(folder.path())
            .output();
        match mounted {
            Ok(output) if output.status.success() => Some(Self { folder }),
            Ok(output) => {
                println!("skipped: no small disk: {}", String::from_utf8_lossy(&output.stderr));
                None
            }
            Err(error) => {
                println!("skipped: no small disk: {error}");
                None
            }
        }
    }

    /// Leaves no byte free.
    fn fill(&self) {
        let mut filler = fs::File::create(self.folder.path().join("filler")).expect("a file");
        let page = [1; 4096];
        while filler.write_all(&page).is_ok() {}
    }

    fn resize(&self, mebibytes: u32) {
        let options = format!("remount,size={mebibytes}m");
        let resized = Command::new("mount")
            .args(["-o", &options])
            .arg(self.folder.path())
            .status();
        assert!(resized.expect("the command mount").success());
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.folder.path()).status();
    }
}

#[test]
fn on_a_full_disk_growth_is_507_and_reads_and_deletes_go_on() {
    let Some(disk) = SmallDisk::mount(28) else { return };
    let setup = Setup::sqlite(disk.folder.path());
    let service = setup.start();
    growth_is_507_and_reads_and_deletes_go_on(&disk, 28, &setup, service);
}

/// The service sees a large disk when it starts, and keeps a longer log there.
#[test]
fn on_a_large_disk_that_is_full_growth_is_507_and_reads_and_deletes_go_on() {
    let Some(disk) = SmallDisk::mount(1100) else { return };
    let setup = Setup::sqlite(disk.folder.path());
    let service = setup.start();
    disk.resize(80);
    growth_is_507_and_reads_and_deletes_go_on(&disk, 80, &setup, service);
}

/// A clean stop takes the log and its index away, and a start needs room for them.
#[test]
fn a_full_disk_keeps_no_service_from_starting() {
    let Some(disk) = SmallDisk::mount(28) else { return };
    let setup = Setup::sqlite(disk.folder.path());
    let id = Uuid::new_v4();
    let service = setup.start();
    assert_eq!(service.client(id).put("/k", &json!("x".repeat(50_000))).0, 201);
    service.stop();
    disk.fill();
    let service = setup.start();
    assert_eq!(service.client(id).get("/k").0, 200);
    assert_eq!(service.client(id).delete("/k").0, 200);
    service.kill();
    assert_eq!(integrity(disk.folder.path()), "ok");
}

/// The log is written over in place, so what lacks room first is its index.
#[test]
fn deletes_go_on_where_the_index_of_the_log_cannot_grow() {
    const FRAMES_OF_SMALL_INDEX: u64 = 4062;
    const FRAME_BYTES: u64 = 4096 + 24;
    let Some(disk) = SmallDisk::mount(64) else { return };
    let folder = disk.folder.path();
    let setup = Setup::sqlite(folder);
    let service = setup.start();
    let ids: Vec<Uuid> = (0..30).map(|_| Uuid::new_v4()).collect();
    let put_all = |service: &Service, letter: &str| {
        let large = json!(letter.repeat(50_000));
        let statuses = ids.iter().map(|id| service.client(*id).put("/big", &large).0);
        statuses.filter(|status| *status > 201).collect::<Vec<u16>>()
    };
    assert!(put_all(&service, "a").is_empty());
    let reader = Reader::of(folder);
    let log_bytes = || fs::metadata(folder.join("state.db-wal")).map_or(0, |log| log.len());
    while log_bytes() < (FRAMES_OF_SMALL_INDEX + 100) * FRAME_BYTES {
        assert!(put_all(&service, "b").is_empty());
    }
    drop(reader);
    // Written back, and begun anew.
    assert!(put_all(&service, "c").is_empty());
    service.kill();
    let service = setup.start();
    let _reader = Reader::of(folder);
    disk.fill();
    let refused = (0..50)
        .find_map(|_| Some(put_all(&service, "d")).filter(|refused| !refused.is_empty()))
        .expect("the disk is full");
    assert!(refused.iter().all(|status| [503, 507].contains(status)), "{refused:?}");
    for id in &ids {
        let (status, answer) = service.client(*id).delete("/big");
        assert_eq!(status, 200, "{answer}");
    }
    service.kill();
    assert_eq!(integrity(folder), "ok");
}

/// A transaction that reads, for as long as it lives: the log cannot be begun anew.
struct Reader {
    runtime: tokio::runtime::Runtime,
    connection: Option<SqliteConnection>,
}

impl Reader {
    fn of(folder: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let connection = runtime.block_on(async {
            let options = SqliteConnectOptions::new().filename(service::database_file(folder));
            let mut connection = SqliteConnection::connect_with(&options).await.expect("the database");
            for statement in ["BEGIN", "SELECT count(*) FROM automation_kv"] {
                let done = sqlx::query(statement).execute(&mut connection).await;
                done.expect("a transaction that reads");
            }
            connection
        });
        Self {
            runtime,
            connection: Some(connection),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            let _ = self.runtime.block_on(connection.close());
        }
    }
}

fn growth_is_507_and_reads_and_deletes_go_on(disk: &SmallDisk, mebibytes: u32, setup: &Setup, service: Service) {
    let folder = disk.folder.path();
    let large = json!("x".repeat(50_000));
    let mut kept: Vec<Uuid> = Vec::new();
    let refused = loop {
        let id = Uuid::new_v4();
        let mut client = service.client(id);
        let response = client.send("PUT", "/big", Some(&large)).expect("an answer");
        if response.status != 201 {
            break response;
        }
        kept.push(id);
        assert!(kept.len() < 2000, "the disk does not fill up");
    };
    assert_eq!(refused.status, 507, "{}", refused.text());
    assert!(refused.text().contains("storage_full") && refused.header("retry-after").is_some());
    assert!(kept.len() > 50, "only {} states fit", kept.len());
    // Whatever does not grow goes through, again and again.
    for round in 0..3 {
        let some: Vec<Uuid> = kept.iter().copied().skip(round * 10).take(10).collect();
        for id in &some {
            let mut client = service.client(*id);
            assert_eq!(client.get("/big").1["value"], large);
            let (status, answer) = client.delete("/big");
            assert_eq!((status, &answer["deleted"]), (200, &json!(true)), "{answer}");
            assert_eq!(client.get("").1["keys"], json!([]));
        }
        let growing = service.client(kept[40]).put("/more", &json!("x".repeat(10_000)));
        assert_eq!(growing.0, 507, "{}", growing.1);
    }
    kept.drain(..30);
    let deleted = kept.split_off(kept.len() - 80);
    // What was deleted makes room, here for a new automation.
    for id in &deleted {
        assert_eq!(service.client(*id).delete("/big").0, 200);
    }
    let begun = Instant::now();
    while service.client(deleted[0]).put("/big", &large).0 != 201 {
        assert!(begun.elapsed() < Duration::from_secs(20), "deleting makes no room");
        std::thread::sleep(Duration::from_millis(100));
    }
    disk.resize(mebibytes * 2);
    let begun = Instant::now();
    while service.client(Uuid::new_v4()).put("/big", &large).0 != 201 {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "there is room, and it is not used"
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    service.kill();
    assert_eq!(integrity(folder), "ok");
    let service = setup.start();
    for id in &kept {
        assert_eq!(service.client(*id).get("/big").1["value"], large);
    }
}

/// The service's files may not grow, and writing to them fails as on a broken disk.
#[test]
fn a_disk_that_fails_is_503_and_loses_nothing() {
    let folder = service::folder();
    let setup = Setup::sqlite(folder.path());
    let service = setup.through("trap '' XFSZ").start();
    let id = Uuid::new_v4();
    let mut client = service.client(id);
    for number in 0..20 {
        assert_eq!(client.put(&format!("/k{number}"), &json!(number)).0, 201);
    }
    let log_file = folder.path().join("state.db-wal");
    let size = fs::metadata(&log_file).expect("a write-ahead log").len();
    limit_file_size(service.id(), &size.to_string());
    let mut failures = 0;
    for number in 0..5 {
        let response = client
            .send("PUT", &format!("/k{number}"), Some(&json!("new")))
            .expect("an answer");
        assert_eq!(response.status, 503, "{}", response.text());
        assert!(response.header("retry-after").is_some());
        failures += 1;
        assert_eq!(client.get(&format!("/k{number}")).1["value"], json!(number));
    }
    assert_eq!(failures, 5);
    limit_file_size(service.id(), "unlimited");
    assert_eq!(client.put("/k0", &json!("new")).0, 200);
    service.kill();
    assert_eq!(integrity(folder.path()), "ok");
    let service = setup.start();
    assert_eq!(service.client(id).get("/k0").1["value"], json!("new"));
    assert_eq!(service.client(id).get("/k1").1["value"], json!(1));
}

fn limit_file_size(process: u32, bytes: &str) {
    let limited = Command::new("prlimit")
        .args(["--pid", &process.to_string(), &format!("--fsize={bytes}:")])
        .status();
    assert!(limited.expect("the command prlimit").success());
}

fn integrity(folder: &Path) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let options = SqliteConnectOptions::new().filename(service::database_file(folder));
        let mut connection = SqliteConnection::connect_with(&options).await.expect("the database");
        let row = sqlx::query("PRAGMA integrity_check").fetch_one(&mut connection).await;
        row.expect("an answer").get(0)
    })
}
