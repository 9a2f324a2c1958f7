//! `automation-kv dry-run`: everything works, and nothing of it reaches the real state.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use uuid::Uuid;

use support::postgres;
use support::service::{self, SECRET, Setup, command, database_file};

/// Two writes and a read.
const SCRIPT: &str = r#"
kv() { curl -sS -o /dev/null -H "Authorization: Bearer $AUTOMATION_KV_TOKEN" "$@"; }
kv -X POST "$AUTOMATION_API_URL/v1/kv/count/incr"
kv "$AUTOMATION_API_URL/api/automation/v1/kv/count?meta=true"
kv -X POST "$AUTOMATION_API_URL/v1/kv/list/rpush" -d '{"value": "new"}'
"#;

#[test]
fn what_the_command_would_have_changed_is_shown_and_the_database_stays_byte_for_byte() {
    let folder = service::folder();
    let id = Uuid::new_v4();
    let service = Setup::sqlite(folder.path()).start();
    service.client(id).put("/count", &json!(41));
    service.client(id).put("/list", &json!(["old"]));
    // While a service runs, with its write-ahead log; after it crashed; and after one has stopped.
    shows_two_changes_and_makes_none(folder.path(), id);
    service.kill();
    shows_two_changes_and_makes_none(folder.path(), id);
    assert!(Setup::sqlite(folder.path()).start().stop().success());
    shows_two_changes_and_makes_none(folder.path(), id);
}

fn shows_two_changes_and_makes_none(folder: &Path, id: Uuid) {
    let before = bytes(folder);
    let output = dry_run(folder, &["--automation", &id.to_string()], SCRIPT);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(
        stdout(&output).lines().collect::<Vec<_>>(),
        [
            "2 keys differ (version 2 -> 4, 27 -> 33 bytes)",
            "~ count  (version 1 -> 3, 11 bytes)",
            "    41 -> 42",
            "~ list  (version 2 -> 4, 15 -> 21 bytes)",
            "    appended 1 item: \"new\"",
        ]
    );
    assert_eq!(bytes(folder), before);
}

#[test]
fn a_command_that_is_killed_leaves_the_database_as_it_was() {
    let folder = service::folder();
    let id = Uuid::new_v4();
    let service = Setup::sqlite(folder.path()).start();
    service.client(id).put("/count", &json!(41));
    assert!(service.stop().success());
    let before = bytes(folder.path());
    let killed = format!("{SCRIPT}\nkill -KILL $$");
    let output = dry_run(folder.path(), &["--apply", "--automation", &id.to_string()], &killed);
    assert_eq!(output.status.code(), Some(128 + 9));
    assert!(stdout(&output).contains("41 -> 42") && stderr(&output).contains("nothing was applied"));
    assert_eq!(bytes(folder.path()), before);
    // And so does one that is killed with the dry run itself.
    let ready = folder.path().join("ready");
    let waiting = format!("{SCRIPT}\ntouch {}; sleep 600", ready.display());
    let mut running = prepared(folder.path(), &["--apply", "--automation", &id.to_string()], &waiting)
        .stdout(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("the binary runs");
    wait_for(&ready);
    let group = format!("-{}", running.id());
    let sent = Command::new("kill").args(["-KILL", "--", &group]).status();
    assert!(sent.expect("the command kill").success());
    running.wait().expect("an end");
    assert_eq!(bytes(folder.path()), before);
}

#[test]
fn keys_that_are_found_expired_are_not_removed_from_the_database() {
    let folder = service::folder();
    let id = Uuid::new_v4();
    let service = Setup::sqlite(folder.path()).start();
    service.client(id).put("/short?ex=3600", &json!(1));
    assert!(service.stop().success());
    let before = bytes(folder.path());
    let later = ["--now", "2200-01-01T00:00:00Z", "--automation", &id.to_string()];
    let output = dry_run(folder.path(), &later, SCRIPT);
    assert!(!stdout(&output).contains("short"), "{}", stdout(&output));
    assert!(stdout(&output).contains("+ count"), "{}", stdout(&output));
    assert_eq!(bytes(folder.path()), before);
}

#[test]
fn a_postgresql_database_is_only_read() {
    let database = postgres::SHARED.new_database();
    let url = postgres::SHARED.url(&database);
    let folder = service::folder();
    let id = Uuid::new_v4();
    let service = Setup::on(folder.path(), &url).start();
    service.client(id).put("/count", &json!(41));
    let row = "SELECT revision, state_encrypted, updated_at, xmin FROM automation_kv";
    let before = postgres::SHARED.sql(&database, row);
    let id = id.to_string();
    let run = |arguments: &[&str]| {
        let mut command = prepared(folder.path(), arguments, SCRIPT);
        command
            .env("AUTOMATION_DB_URL", &url)
            .output()
            .expect("the binary runs")
    };
    let output = run(&["--automation", &id]);
    assert!(stdout(&output).contains("41 -> 42"), "{}", stderr(&output));
    assert_eq!(postgres::SHARED.sql(&database, row), before);
    let output = run(&["--apply", "--automation", &id]);
    assert!(stderr(&output).contains("applied as version 3"), "{}", stderr(&output));
    let id = id.parse().expect("an id");
    assert_eq!(service.client(id).get("/count").1["value"], json!(42));
}

#[test]
fn apply_makes_the_changes_that_were_shown() {
    let folder = service::folder();
    let id = Uuid::new_v4();
    let service = Setup::sqlite(folder.path()).start();
    service.client(id).put("/count", &json!(41));
    let output = dry_run(folder.path(), &["--apply", "--automation", &id.to_string()], SCRIPT);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).ends_with("automation-kv: applied as version 3\n"),
        "{}",
        stderr(&output)
    );
    let (_, count) = service.client(id).get("/count");
    assert_eq!((&count["value"], &count["version"]), (&json!(42), &json!(3)));
    // And on an automation that never wrote.
    let output = dry_run(folder.path(), &["--apply", "--automation", "new"], SCRIPT);
    assert!(stderr(&output).contains("applied as version 2"), "{}", stderr(&output));
    let output = dry_run(folder.path(), &["--apply", "--automation", "new"], "true");
    assert!(stderr(&output).contains("nothing to apply"), "{}", stderr(&output));
}

#[test]
fn apply_tells_what_somebody_else_changed_meanwhile_and_changes_nothing() {
    let folder = service::folder();
    let id = Uuid::new_v4();
    let service = Setup::sqlite(folder.path()).start();
    service.client(id).put("/count", &json!(41));
    let ready = folder.path().join("ready");
    let go = folder.path().join("go");
    let script = format!(
        "{SCRIPT}\ntouch {}; while ! test -e {}; do sleep 0.02; done",
        ready.display(),
        go.display()
    );
    let running = prepared(folder.path(), &["--apply", "--automation", &id.to_string()], &script)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    wait_for(&ready);
    service.client(id).put("/count", &json!(7));
    fs::write(&go, "").expect("a file");
    let output = running.wait_with_output().expect("an end");
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let message = stderr(&output);
    assert!(
        message.contains("changed meanwhile: 1 key differs (version 1 -> 2"),
        "{message}"
    );
    assert!(
        message.contains("    41 -> 7\n") && message.contains("nothing was applied"),
        "{message}"
    );
    assert_eq!(service.client(id).get("/count").1["value"], json!(7));
}

#[test]
fn calls_are_listed_without_the_token() {
    let folder = service::folder();
    let output = dry_run(folder.path(), &["--empty", "--trace"], SCRIPT);
    let text = stdout(&output);
    let calls: Vec<&str> = text.lines().skip_while(|line| !line.ends_with("calls")).collect();
    assert_eq!(
        calls,
        [
            "3 calls",
            "  POST   /v1/kv/count/incr  200  version 1",
            "  GET    /api/automation/v1/kv/count?meta=true  200  version 1",
            "  POST   /v1/kv/list/rpush  200  version 2",
        ]
    );
    let output = dry_run(folder.path(), &["--empty", "--trace", "--output", "json"], SCRIPT);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["exit_code"], json!(0));
    assert_eq!(report["calls"][0]["path"], json!("/v1/kv/count/incr"));
    assert_eq!(report["difference"]["keys"][0]["key"], json!("count"));
    assert_eq!(report["difference"]["version"], json!({"before": 0, "after": 2}));
}

#[test]
fn injected_faults_are_answered_as_the_service_does() {
    let folder = service::folder();
    let call =
        r#"curl -sS -i -X PUT -d 1 -H "Authorization: Bearer $AUTOMATION_KV_TOKEN" "$AUTOMATION_API_URL/v1/kv/a" >&2"#;
    let output = dry_run(folder.path(), &["--empty", "--fail-rate", "409=1", "--trace"], call);
    let answer = stderr(&output).to_lowercase();
    assert!(
        answer.contains("409 conflict") && answer.contains("retry-after: 1"),
        "{answer}"
    );
    assert!(answer.contains(r#""error":"kv_store_busy""#), "{answer}");
    assert!(stdout(&output).starts_with("no difference"), "{}", stdout(&output));
    assert!(stdout(&output).contains("409  injected"), "{}", stdout(&output));
    let read = call.replace("-X PUT -d 1", "");
    let output = dry_run(folder.path(), &["--empty", "--fail-rate", "409=1"], &read);
    assert!(
        stderr(&output).contains("404"),
        "reads are never busy: {}",
        stderr(&output)
    );
    let output = dry_run(
        folder.path(),
        &["--empty", "--fail-rate", "503=1", "--fail-rate", "409=0"],
        &read,
    );
    assert!(stderr(&output).contains("storage_unavailable"), "{}", stderr(&output));
}

#[test]
fn the_clock_stands_where_it_is_told() {
    let folder = service::folder();
    let script =
        r#"curl -sS -X PUT -d 1 -H "Authorization: Bearer $AUTOMATION_KV_TOKEN" "$AUTOMATION_API_URL/v1/kv/a?ex=60""#;
    let arguments = ["--empty", "--now", "2026-01-31T08:00:00Z"];
    let first = dry_run(folder.path(), &arguments, script);
    assert!(
        stdout(&first).contains("expires 2026-01-31T08:01:00Z"),
        "{}",
        stdout(&first)
    );
    assert_eq!(dry_run(folder.path(), &arguments, script).stdout, first.stdout);
}

#[test]
fn a_state_in_a_file_is_read_in_any_form_and_left_alone() {
    let folder = service::folder();
    let plain = folder.path().join("plain.json");
    fs::write(&plain, r#"{"count": 41, "list": []}"#).expect("a file");
    let plain = plain.display().to_string();
    let saved = folder.path().join("saved").display().to_string();
    let arguments = [
        "--now",
        "1700000000",
        "--save",
        &saved,
        "--output",
        "raw",
        "--state",
        &plain,
    ];
    let output = dry_run(folder.path(), &arguments, SCRIPT);
    let clear = stdout(&output);
    let value: Value = serde_json::from_str(&clear).expect("JSON");
    assert_eq!((&value["count"], &value["$version"]), (&json!(42), &json!(2)));
    // The clear form and the engine's own are the same state.
    let of_clear = folder.path().join("clear.json").display().to_string();
    fs::write(&of_clear, &clear).expect("a file");
    for file in [&of_clear, &saved] {
        let output = dry_run(folder.path(), &["--output", "raw", "--state", file], "true");
        assert_eq!(stdout(&output), clear, "{}", stderr(&output));
    }
    assert_eq!(
        fs::read_to_string(plain).expect("a file"),
        r#"{"count": 41, "list": []}"#
    );
}

#[test]
fn what_is_wrong_is_one_line_and_an_exit_code() {
    let folder = service::folder();
    let id = Uuid::new_v4();
    let service = Setup::sqlite(folder.path()).start();
    service.client(id).put("/a", &json!(1));
    let deleted = Uuid::new_v4();
    let deleting = command(&["automations", "delete", &deleted.to_string()])
        .env("AUTOMATION_KV_SECRET", SECRET)
        .env("AUTOMATION_DB_URL", url(folder.path()))
        .status();
    assert!(deleting.expect("the binary runs").success());
    let (id, deleted) = (id.to_string(), deleted.to_string());
    let text = folder.path().join("text").display().to_string();
    fs::write(&text, "no state").expect("a file");
    let other = ("AUTOMATION_KV_SECRET", "another secret");
    let elsewhere = ("AUTOMATION_DB_URL", "sqlite://missing.db");
    for (arguments, variable, code, message) in [
        (
            &["--automation", &*id][..],
            other,
            6,
            "does not open with AUTOMATION_KV_SECRET",
        ),
        (
            &["--automation", &id],
            ("AUTOMATION_KV_SECRET", ""),
            1,
            "AUTOMATION_KV_SECRET is empty",
        ),
        (&["--automation", &id], elsewhere, 1, "there is no such file"),
        (&["--automation", &deleted], ("", ""), 3, "the automation was deleted"),
        (
            &["--state", &text],
            ("", ""),
            1,
            "is not a state: unknown document format",
        ),
        (&["--state", "missing.json"], ("", ""), 3, "cannot read missing.json"),
    ] {
        let mut command = prepared(folder.path(), arguments, "true");
        if !variable.0.is_empty() {
            command.env(variable.0, variable.1);
        }
        let output = command.output().expect("the binary runs");
        let said = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(
            said.contains(message) && said.lines().count() == 1,
            "{arguments:?}: {said}"
        );
        assert!(output.stdout.is_empty());
    }
    for arguments in [
        &[][..],
        &["--empty", "--automation", "a"],
        &["--empty", "--apply"],
        &["--automation", "a", "--apply", "--now", "0"],
        &["--empty", "--fail-rate", "404=1"],
        &["--empty", "--now", "yesterday"],
    ] {
        let output = dry_run(folder.path(), arguments, "true");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
    assert!(!folder.path().join("missing.db").exists());
}

fn dry_run(folder: &Path, arguments: &[&str], script: &str) -> Output {
    prepared(folder, arguments, script).output().expect("the binary runs")
}

fn prepared(folder: &Path, arguments: &[&str], script: &str) -> Command {
    let mut command = command(&["dry-run"]);
    command
        .args(arguments)
        .args(["--", "sh", "-c", script])
        .current_dir(folder)
        .stdin(Stdio::null())
        .env("AUTOMATION_KV_SECRET", SECRET)
        .env("AUTOMATION_DB_URL", url(folder));
    command
}

fn url(folder: &Path) -> String {
    format!("sqlite://{}", database_file(folder).display())
}

/// Everything beside and in the database but the index of the write-ahead log, in which readers note that they read.
fn bytes(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path());
    let named = files.filter_map(|file| {
        let name = file.file_name()?.to_string_lossy().into_owned();
        let is_of_database = name.starts_with("state.db") && !name.ends_with("-shm");
        is_of_database.then(|| (name, fs::read(&file).expect("a file")))
    });
    named.collect()
}

fn wait_for(file: &Path) {
    let begun = Instant::now();
    while !file.exists() {
        assert!(
            begun.elapsed() < Duration::from_secs(30),
            "the command does not come so far"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
