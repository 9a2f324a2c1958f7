//! `automation-kv run`: a command gets what the platform's dispatcher would give it, and nothing that it must not know.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use uuid::Uuid;

use support::service::{self, SECRET, Setup, command, database_file};

/// Counts a run, and prints the answer.
const COUNT: &str = "curl -sS -X POST -H \"Authorization: Bearer $AUTOMATION_KV_TOKEN\" \
                     \"$AUTOMATION_API_URL/v1/kv/runs/incr\"";

#[test]
fn without_a_service_one_is_started_for_the_run_over_the_database() {
    let folder = service::folder();
    for count in [1, 2] {
        let output = run(folder.path(), &["--automation", "poller"], &["sh", "-c", COUNT]);
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(answer["value"], json!(count), "{}", stderr(&output));
        assert_eq!(output.status.code(), Some(0));
    }
    // The state is where any service finds it, under the id that the name stands for.
    let id = of_name("poller");
    let service = Setup::sqlite(folder.path()).start();
    assert_eq!(service.client(id).get("/runs").1["value"], json!(2));
}

#[test]
fn with_a_service_its_url_is_handed_on() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let id = Uuid::new_v4();
    let url = format!("http://{}", service.address());
    let elsewhere = service::folder();
    let output = run(
        elsewhere.path(),
        &["--automation", &id.to_string(), "--api-url", &url],
        &["sh", "-c", COUNT],
    );
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(service.client(id).get("/runs").1["value"], json!(1));
    assert!(!database_file(elsewhere.path()).exists());
}

#[test]
fn the_command_knows_its_run_and_no_secret() {
    let folder = service::folder();
    let output = run(folder.path(), &["--automation", "a"], &["env"]);
    let environment = String::from_utf8(output.stdout.clone()).expect("text");
    let value = |name: &str| {
        let line = environment.lines().find(|line| line.starts_with(&format!("{name}=")));
        line.map(|line| line[name.len() + 1..].to_owned())
    };
    assert!(value("AUTOMATION_RUN_ID").expect("a run").parse::<Uuid>().is_ok());
    assert!(
        value("AUTOMATION_API_URL")
            .expect("a URL")
            .starts_with("http://127.0.0.1:")
    );
    assert_eq!(value("AUTOMATION_KV_TOKEN").expect("a token").split('.').count(), 3);
    assert!(
        !environment.contains(SECRET) && !environment.contains("AUTOMATION_DB_URL"),
        "{environment}"
    );
}

#[test]
fn the_exit_code_is_the_commands() {
    let folder = service::folder();
    for code in [0, 1, 7, 255] {
        let script = format!("exit {code}");
        let output = run(folder.path(), &["--automation", "a"], &["sh", "-c", &script]);
        assert_eq!(output.status.code(), Some(code), "{}", stderr(&output));
    }
    let output = run(folder.path(), &["--automation", "a"], &["sh", "-c", "kill -KILL $$"]);
    assert_eq!(output.status.code(), Some(128 + 9));
}

#[test]
fn signals_reach_the_command() {
    for (signal, code) in [("INT", 41), ("TERM", 42), ("HUP", 43)] {
        let folder = service::folder();
        let ready = folder.path().join("ready");
        let script = format!(
            "trap 'exit 41' INT; trap 'exit 42' TERM; trap 'exit 43' HUP; touch {}; while :; do sleep 0.05; done",
            ready.display()
        );
        let mut running = prepared(folder.path(), &["--automation", "a"], &["sh", "-c", &script])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the binary runs");
        let begun = Instant::now();
        while !ready.exists() {
            assert!(begun.elapsed() < Duration::from_secs(30), "the command does not start");
            std::thread::sleep(Duration::from_millis(5));
        }
        let sent = Command::new("kill")
            .args(["-s", signal, &running.id().to_string()])
            .status();
        assert!(sent.expect("the command kill").success());
        assert_eq!(running.wait().expect("an end").code(), Some(code), "{signal}");
    }
}

#[test]
fn what_cannot_be_run_is_one_line_and_the_shells_exit_code() {
    let folder = service::folder();
    let output = run(folder.path(), &["--automation", "a"], &["no-such-command"]);
    assert_eq!(output.status.code(), Some(127));
    assert_eq!(stderr(&output), "automation-kv: no-such-command: command not found\n");
    let plain = folder.path().join("plain");
    std::fs::write(&plain, "not a program").expect("a file");
    let output = run(folder.path(), &["--automation", "a"], &[&plain.display().to_string()]);
    assert_eq!(output.status.code(), Some(126), "{}", stderr(&output));
}

#[test]
fn wrong_usage_is_refused_before_anything_starts() {
    let folder = service::folder();
    let mut without_secret = prepared(folder.path(), &["--automation", "a"], &["true"]);
    let output = without_secret
        .env_remove("AUTOMATION_KV_SECRET")
        .output()
        .expect("an end");
    assert_eq!(output.status.code(), Some(6));
    assert!(
        stderr(&output).starts_with("automation-kv: AUTOMATION_KV_SECRET is not set"),
        "{}",
        stderr(&output)
    );
    for arguments in [
        &["--automation", ""][..],
        &[],
        &["--automation", "a", "--api-url", "localhost:8420"],
        &["--automation", "a", "--expires-in", "soon"],
        &["--automation", "a", "--expires-in", "9999d"],
    ] {
        let output = run(folder.path(), arguments, &["true"]);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
}

fn run(folder: &Path, arguments: &[&str], program: &[&str]) -> Output {
    prepared(folder, arguments, program).output().expect("the binary runs")
}

fn prepared(folder: &Path, arguments: &[&str], program: &[&str]) -> Command {
    let mut command = command(&["run"]);
    command
        .args(arguments)
        .arg("--")
        .args(program)
        .current_dir(folder)
        .env("AUTOMATION_KV_SECRET", SECRET)
        .env(
            "AUTOMATION_DB_URL",
            format!("sqlite://{}", database_file(folder).display()),
        );
    command
}

fn of_name(name: &str) -> Uuid {
    automation_kv::automation::AutomationId::of_name(name).uuid()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
