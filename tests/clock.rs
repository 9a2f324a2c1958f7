//! A system clock that jumps by a day, forth and back: nothing is lost, refused, reordered or brought back to life for it.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, json};
use uuid::Uuid;

use support::client::Client;
use support::service::{self, SECRET, Service, Setup};
use support::token;

const DAY_SECONDS: i64 = 86_400;

#[test]
fn jumps_of_the_clock_change_nothing_but_times() {
    let folder = service::folder();
    let offset = folder.path().join("offset");
    let service = with_clock(folder.path(), &offset);
    let id = Uuid::new_v4();
    let mut client = lasting_client(&service, id);
    let mut days = Vec::new();
    for (version, jump) in ["+0", "+1d", "-1d", "+0", "+1d"].into_iter().enumerate() {
        jump_to(&offset, jump);
        let begun = Instant::now();
        let (status, answer) = client.post("/n/incr", &json!({}));
        assert_eq!(
            (status, &answer["version"]),
            (200, &json!(version + 1)),
            "{jump}: {answer}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(3),
            "{jump}: {:?}",
            begun.elapsed()
        );
        let (_, meta) = client.get("/n?meta=true");
        assert_eq!(meta["value"], json!(version + 1));
        days.push(meta["updated_at"].as_str().expect("a time")[..10].to_owned());
        // Tokens go by the clock, and say so.
        let ordinary = service.client(id).get("/n");
        match jump {
            "+1d" => assert_eq!((ordinary.0, &ordinary.1["error"]), (401, &json!("token_expired"))),
            "-1d" => assert_eq!((ordinary.0, &ordinary.1["error"]), (401, &json!("invalid_token"))),
            _ => assert_eq!(ordinary.0, 200),
        }
    }
    // The time that requests happen at goes forth with the clock, and never back.
    assert!(days[0] < days[1], "the clock did not jump: {days:?}");
    assert!(days[1..].iter().all(|day| *day == days[1]), "{days:?}");
    drop(client);
    assert!(service.stop().success());
    // The state of a clock that was ahead opens under one that is right.
    let service = Setup::sqlite(folder.path()).start();
    assert_eq!(service.client(id).get("/n").1["value"], json!(5));
}

#[test]
fn what_was_said_to_be_gone_stays_gone_when_the_clock_is_set_back() {
    let folder = service::folder();
    let offset = folder.path().join("offset");
    let service = with_clock(folder.path(), &offset);
    let id = Uuid::new_v4();
    let mut client = lasting_client(&service, id);
    for key in ["read", "listed", "kept"] {
        let until = if key == "kept" { "" } else { "?ex=3600" };
        assert_eq!(client.put(&format!("/{key}{until}"), &json!(key)).0, 201);
    }
    let other = Uuid::new_v4();
    let mut others = lasting_client(&service, other);
    assert_eq!(others.put("/untouched?ex=3600", &json!(1)).0, 201);
    jump_to(&offset, "+1d");
    assert_eq!(client.get("/read").0, 404);
    assert_eq!(client.get("").1["keys"], json!(["kept"]));
    jump_to(&offset, "+0");
    assert_eq!(client.get("/read").0, 404);
    assert_eq!(client.get("/listed").0, 404);
    // What is to live for a moment ends all the same.
    assert_eq!(client.put("/brief?px=200", &json!(1)).0, 201);
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(client.get("/brief").0, 404);
    drop((client, others));
    assert!(service.stop().success());
    // Another process knows nothing of the clock that was ahead.
    let service = Setup::sqlite(folder.path()).start();
    let (status, answer) = service.client(id).get("");
    assert_eq!((status, &answer["keys"]), (200, &json!(["kept"])));
    // Nobody was told that this one is gone, and it is not.
    assert_eq!(service.client(other).get("/untouched").0, 200);
}

/// A service whose clock goes by an offset in a file.
fn with_clock(folder: &Path, offset: &Path) -> Service {
    fs::write(offset, "+0").expect("a file");
    Setup::sqlite(folder)
        .environment("LD_PRELOAD", &libfaketime().display().to_string())
        .environment("FAKETIME_TIMESTAMP_FILE", &offset.display().to_string())
        .environment("FAKETIME_NO_CACHE", "1")
        .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .start()
}

/// A client whose token is good for all the days that the clock will show.
fn lasting_client(service: &Service, id: Uuid) -> Client {
    let mut claims = token::claims(&id.to_string());
    claims.insert("iat".to_owned(), json!(token::now() - 10 * DAY_SECONDS));
    claims.insert("exp".to_owned(), json!(token::now() + 10 * DAY_SECONDS));
    let lasting = token::mint(SECRET, &claims.into(), &Map::new());
    Client::new(service.address(), &lasting)
}

fn jump_to(file: &Path, offset: &str) {
    let new = file.with_extension("new");
    fs::write(&new, offset).expect("a file");
    fs::rename(new, file).expect("a file in its place");
}

fn libfaketime() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    let found = folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.exists());
    found.unwrap_or_else(|| panic!("missing: libfaketime; run: make setup"))
}
