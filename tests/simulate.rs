//! `automation-kv simulate`: batches through the engine alone, the same each time.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};

use support::service::{self, BINARY, command};

#[test]
fn answers_are_those_of_the_api_and_what_changed_is_shown() {
    let folder = service::folder();
    write(folder.path(), "state.json", r#"{"count": 41, "log": ["a"]}"#);
    let batch = r#"{"operations": [{"op": "incr", "key": "count"}, {"op": "rpush", "key": "log", "value": 1.0}]}"#;
    write(folder.path(), "ops.json", batch);
    let output = simulate(folder.path(), &["--state", "state.json", "ops.json"]);
    let expected = "\
200 {\"version\":1,\"results\":[{\"op\":\"incr\",\"key\":\"count\",\"success\":true,\"value\":42},\
{\"op\":\"rpush\",\"key\":\"log\",\"success\":true,\"length\":2}]}
2 keys differ (version 0 -> 1, 24 -> 28 bytes)
~ count  (version 0 -> 1, 11 bytes)
    41 -> 42
~ log  (version 0 -> 1, 12 -> 16 bytes)
    appended 1 item: 1.0
";
    assert_eq!(stdout(&output), expected, "{}", stderr(&output));
    let output = simulate(
        folder.path(),
        &["--output", "json", "--state", "state.json", "ops.json"],
    );
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["answers"][0]["status"], json!(200));
    assert_eq!(report["answers"][0]["body"]["results"][0]["value"], json!(42));
    assert_eq!(report["difference"]["keys"][1]["edits"][0]["change"], json!("appended"));
}

#[test]
fn a_list_of_batches_is_carried_out_in_turn_and_a_refused_one_changes_nothing() {
    let folder = service::folder();
    let set = |key: &str| json!({"operations": [{"op": "set", "key": key, "value": 1}]});
    let refused = json!({"if_version": 7, "operations": [{"op": "set", "key": "never", "value": 1}]});
    let unreadable = json!({"operations": [{"op": "nothing", "key": "never"}]});
    write(
        folder.path(),
        "ops.json",
        &json!([set("a"), refused, unreadable, set("b")]).to_string(),
    );
    let output = simulate(folder.path(), &["--output", "json", "ops.json"]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let statuses: Vec<&Value> = report["answers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|answer| &answer["status"])
        .collect();
    assert_eq!(statuses, [&json!(200), &json!(409), &json!(422), &json!(200)]);
    let output = simulate(folder.path(), &["--output", "raw", "ops.json"]);
    let state: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(state["$version"], json!(2));
    assert!(state.get("never").is_none());
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let folder = service::folder();
    write(
        folder.path(),
        "ops.json",
        r#"{"operations": [{"op": "set", "key": "a", "value": 1, "ex": 60}]}"#,
    );
    let mut outputs = Vec::new();
    for _ in 0..2 {
        let output = simulate(
            folder.path(),
            &["--save", "saved", "--record", "recording.json", "ops.json"],
        );
        assert!(
            stdout(&output).contains("expires 1970-01-01T00:01:00Z"),
            "{}",
            stdout(&output)
        );
        let file = |name: &str| fs::read(folder.path().join(name)).expect("a file");
        outputs.push((output.stdout, file("saved"), file("recording.json")));
    }
    assert_eq!(outputs[0], outputs[1]);
}

#[test]
fn time_is_that_of_the_latest_write_unless_told() {
    let folder = service::folder();
    write(
        folder.path(),
        "state.json",
        r#"{"old": 1, "young": 2, "$version": 2, "$keys": {
            "old": {"updated_at": "2026-01-31T08:00:00Z", "expires_at": "2026-01-31T09:00:00Z"},
            "young": {"updated_at": "2026-01-31T08:30:00Z"}}}"#,
    );
    write(
        folder.path(),
        "ops.json",
        r#"{"operations": [{"op": "set", "key": "a", "value": 1, "ex": 60}]}"#,
    );
    let output = simulate(folder.path(), &["--state", "state.json", "ops.json"]);
    assert!(
        stdout(&output).contains("expires 2026-01-31T08:31:00Z"),
        "{}",
        stdout(&output)
    );
    let later = [
        "--now",
        "2026-01-31T10:00:00Z",
        "--output",
        "raw",
        "--state",
        "state.json",
        "ops.json",
    ];
    let state: Value = serde_json::from_slice(&simulate(folder.path(), &later).stdout).expect("JSON");
    assert!(state.get("old").is_none() && state.get("young").is_some(), "{state}");
}

#[test]
fn what_is_wrong_is_one_line_and_an_exit_code() {
    let folder = service::folder();
    write(folder.path(), "text", "no JSON");
    write(
        folder.path(),
        "ops.json",
        r#"{"operations": [{"op": "incr", "key": "a"}]}"#,
    );
    write(
        folder.path(),
        "large.json",
        &json!({"operations": [{"op": "set", "key": "a", "value": "x".repeat(99)}]}).to_string(),
    );
    for (arguments, code, message) in [
        (&["text"][..], 1, "text is neither a batch nor a list of batches"),
        (&["missing"], 3, "cannot read missing"),
        (
            &["--state", "text", "ops.json"],
            1,
            "text is not a state: unknown document format",
        ),
        (&["--state", "missing", "ops.json"], 3, "cannot read missing"),
        (&["--now", "soon", "ops.json"], 2, "soon"),
        (&[], 2, "OPS.json"),
    ] {
        let output = simulate(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", stderr(&output));
        assert!(stderr(&output).contains(message), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    let output = simulate(folder.path(), &["--max-value-size", "50", "large.json"]);
    assert_eq!(output.status.code(), Some(5), "{}", stdout(&output));
}

#[test]
fn colour_is_for_terminals_only_and_only_if_wanted() {
    const ESCAPE: char = '\u{1b}';
    let folder = service::folder();
    write(
        folder.path(),
        "ops.json",
        r#"{"operations": [{"op": "incr", "key": "a"}]}"#,
    );
    let on_terminal = |environment: &[(&str, &str)]| {
        let mut script = Command::new("script");
        script
            .args([
                "--quiet",
                "--return",
                "--command",
                &format!("{BINARY} simulate ops.json"),
                "/dev/null",
            ])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .envs(environment.iter().copied());
        stdout(&script.output().expect("script"))
    };
    assert!(on_terminal(&[]).contains(ESCAPE));
    assert!(!on_terminal(&[("NO_COLOR", "1")]).contains(ESCAPE));
    assert!(!on_terminal(&[("TERM", "dumb")]).contains(ESCAPE));
    assert!(!stdout(&simulate(folder.path(), &["ops.json"])).contains(ESCAPE));
}

#[test]
fn the_engine_is_exported_as_it_is_told() {
    let folder = service::folder();
    let exported = command(&["engine", "export", "engine.wasm"])
        .current_dir(folder.path())
        .status();
    assert!(exported.expect("the binary runs").success());
    let file = fs::read(folder.path().join("engine.wasm")).expect("a file");
    assert_eq!(file, automation_kv::engine::BUILT_IN_COMPONENT);
    let sum = Command::new("sha256sum")
        .arg("engine.wasm")
        .current_dir(folder.path())
        .output();
    let sum = String::from_utf8(sum.expect("sha256sum").stdout).expect("text");
    let sum = sum.split_whitespace().next().expect("a hash");
    let version = command(&["version", "--output", "json"])
        .output()
        .expect("the binary runs");
    let version: Value = serde_json::from_slice(&version.stdout).expect("JSON");
    assert_eq!(version["engine"]["sha256"], json!(sum));
    let package = concat!(env!("CARGO_MANIFEST_DIR"), "/../wit/engine.wit");
    let package = fs::read_to_string(package).expect("the WIT package");
    let wit = version["engine"]["wit"].as_str().expect("a package");
    assert!(package.starts_with(&format!("package {wit};")));
}

fn simulate(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = command(&["simulate"]);
    command
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary runs")
}

fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).expect("a file");
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
