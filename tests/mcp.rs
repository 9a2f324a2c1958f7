//! The tools for agents, called by the protocol's own library for Python.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use uuid::Uuid;

use support::service::{self, BINARY, SECRET, Service, Setup};
use support::token;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What came back for each call: `ok`, `error` or `refused`, and the result. The first is the list of tools.
fn play(service: &Service, automation: Uuid, arguments: &[&str], calls: &[(&str, Value)]) -> Vec<(String, Value)> {
    let mut client = Command::new(format!("{ROOT}/target/clients/venv/bin/python"))
        .arg(format!("{ROOT}/tests/mcp_client.py"))
        .arg(BINARY)
        .args(arguments)
        .env("AUTOMATION_API_URL", format!("http://{}", service.address()))
        .env("AUTOMATION_KV_TOKEN", token::valid(SECRET, &automation.to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("what `make setup` installs");
    let mut stdin = client.stdin.take().expect("a pipe");
    for (tool, arguments) in calls {
        writeln!(stdin, "{}", json!({"tool": tool, "arguments": arguments})).expect("a client that reads");
    }
    drop(stdin);
    let output = client.wait_with_output().expect("an end");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let lines = String::from_utf8(output.stdout).expect("text");
    let results: Vec<_> = lines
        .lines()
        .map(|line| line.split_once(' ').expect("two parts"))
        .map(|(kind, result)| (kind.to_owned(), serde_json::from_str(result).expect("JSON")))
        .collect();
    assert_eq!(results.len(), calls.len() + 1, "{lines}{errors}");
    results
}

#[test]
fn an_agent_reads_and_writes_with_tools() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let results = play(
        &service,
        Uuid::new_v4(),
        &[],
        &[
            ("kv_set", json!({"key": "config", "value": {"limit": 10}})),
            ("kv_get", json!({"key": "config", "path": "limit"})),
            ("kv_incr", json!({"key": "runs", "by": 41})),
            ("kv_incr", json!({"key": "runs", "by": 1, "if_version": 9})),
            ("kv_rpush", json!({"key": "log", "value": "a", "max_len": 10})),
            ("kv_list", json!({"values": true})),
            ("kv_claim", json!({"key": "leader", "owner": "agent", "ttl_ms": 30000})),
            (
                "kv_batch",
                json!({"operations": [{"op": "incr", "key": "runs"}, {"op": "lpop", "key": "log"}]}),
            ),
            ("kv_get", json!({"key": "missing"})),
            ("kv_incr", json!({"key": "config"})),
            ("kv_incr", json!({"key": "runs", "amount": 1})),
            ("kv_nothing", json!({})),
        ],
    );
    let (kinds, values): (Vec<String>, Vec<Value>) = results.into_iter().unzip();
    assert_eq!(values[0].as_array().unwrap().len(), 22);
    assert_eq!(values[1]["created"], json!(true));
    assert_eq!(values[2]["value"], json!(10));
    assert_eq!(values[3], json!({"key": "runs", "value": 41, "version": 2}));
    assert_eq!(
        (kinds[4].as_str(), &values[4]["error"]),
        ("error", &json!("version_mismatch"))
    );
    assert_eq!(values[5]["length"], json!(1));
    assert_eq!(
        values[6]["values"],
        json!({"config": {"limit": 10}, "runs": 41, "log": ["a"]})
    );
    assert_eq!(values[7]["owner"], json!("agent"));
    assert_eq!(values[8]["results"][0]["value"], json!(42));
    assert_eq!(
        (kinds[9].as_str(), &values[9]["error"]),
        ("error", &json!("key_not_found"))
    );
    assert_eq!(values[10]["error"], json!("type_mismatch"));
    assert_eq!(
        (kinds[11].as_str(), &values[11]["error"]),
        ("error", &json!("invalid_request"))
    );
    assert_eq!(kinds[12], "refused");
}

#[test]
fn a_dry_run_tells_the_difference_and_writes_nothing() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let automation = Uuid::new_v4();
    service.client(automation).put("/log", &json!(["a"]));
    let results = play(
        &service,
        automation,
        &[],
        &[
            ("kv_rpush", json!({"key": "log", "value": "b", "dry_run": true})),
            ("kv_incr", json!({"key": "log", "dry_run": true})),
            ("kv_get", json!({"key": "log"})),
        ],
    );
    let difference = &results[1].1["difference"];
    assert_eq!(results[1].1["answer"]["results"][0]["length"], json!(2));
    assert_eq!(difference["keys"][0]["key"], json!("log"), "{difference}");
    assert_eq!(
        (results[2].0.as_str(), &results[2].1["answer"]["reason"]),
        ("error", &json!("type_mismatch"))
    );
    assert_eq!(results[3].1["value"], json!(["a"]));
}

#[test]
fn a_read_only_server_offers_no_tool_that_writes() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let results = play(
        &service,
        Uuid::new_v4(),
        &["--read-only"],
        &[("kv_set", json!({"key": "k", "value": 1})), ("kv_list", json!({}))],
    );
    assert_eq!(results[0].1, json!(["kv_list", "kv_get", "kv_len", "kv_range"]));
    assert_eq!(results[1].0, "refused");
    assert_eq!(results[2].1["keys"], json!([]));
}
