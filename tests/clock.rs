//! A system clock that jumps by a day, forth and back: nothing is lost, refused or reordered for it.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Map, json};
use uuid::Uuid;

use support::client::Client;
use support::service::{self, SECRET, Setup};
use support::token;

const DAY_SECONDS: i64 = 86_400;

#[test]
fn jumps_of_the_clock_change_nothing_but_times() {
    let folder = service::folder();
    let offset = folder.path().join("offset");
    fs::write(&offset, "+0").expect("a file");
    let service = Setup::sqlite(folder.path())
        .environment("LD_PRELOAD", &libfaketime().display().to_string())
        .environment("FAKETIME_TIMESTAMP_FILE", &offset.display().to_string())
        .environment("FAKETIME_NO_CACHE", "1")
        .environment("FAKETIME_DONT_FAKE_MONOTONIC", "1")
        .start();
    let id = Uuid::new_v4();
    // Good for all the days that the clock will show.
    let mut claims = token::claims(&id.to_string());
    claims.insert("iat".to_owned(), json!(token::now() - 10 * DAY_SECONDS));
    claims.insert("exp".to_owned(), json!(token::now() + 10 * DAY_SECONDS));
    let lasting = token::mint(SECRET, &claims.into(), &Map::new());
    let mut client = Client::new(service.address(), &lasting);
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
    assert!(
        days[2] < days[0] && days[0] < days[1],
        "the clock did not jump: {days:?}"
    );
    assert_eq!(days[0], days[3]);
    drop(client);
    assert!(service.stop().success());
    // The state of a clock that was ahead opens under one that is right.
    let service = Setup::sqlite(folder.path()).start();
    assert_eq!(service.client(id).get("/n").1["value"], json!(5));
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
