//! The engine's component in other hosts: in Python, in Node and in a page it leaves the same bytes as the service.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Mutex;

use fastrand::Rng;
use serde_json::{Value, json};

use support::knob;
use support::service::{self, BINARY, command};

const RUN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/embed/run");

/// The time at which everything happens.
const NOW: &str = "2026-01-31T08:00:00Z";

/// The hosts share a folder for what they install.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Sends each batch of a file to the service.
const SENDER: &str = r#"
import json, os, sys, urllib.error, urllib.request
headers = {"Authorization": "Bearer " + os.environ["AUTOMATION_KV_TOKEN"]}
for batch in json.load(open(sys.argv[1])):
    request = urllib.request.Request(os.environ["AUTOMATION_API_URL"] + "/v1/kv/batch", json.dumps(batch).encode(), headers)
    try:
        urllib.request.urlopen(request, timeout=60).read()
    except urllib.error.HTTPError as error:
        assert error.code in (400, 409, 413), error.read()
"#;

#[test]
fn ten_thousand_operations_leave_the_same_bytes_in_every_host() {
    const PER_BATCH: usize = 100;
    let operations = usize::try_from(knob("EMBED_OPERATIONS", 10_000)).expect("a number");
    let seed = knob("EMBED_SEED", fastrand::u64(..));
    println!("AUTOMATION_KV_TEST_EMBED_SEED={seed}");
    let mut random = Rng::with_seed(seed);
    let batches = operations.div_ceil(PER_BATCH) as u64;
    let sent: Vec<Value> = (0..batches)
        .map(|_| json!({"operations": (0..PER_BATCH).map(|_| operation(&mut random)).collect::<Vec<_>>()}))
        .collect();
    let folder = service::folder();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("ops.json"), Value::from(sent).to_string()).expect("a file");
    let common = ["--now", NOW, "--max-value-size", "262144", "--output", "raw"];
    let mut simulate = command(&[
        "simulate",
        "--save",
        &path("simulated"),
        "--record",
        &path("recording.json"),
    ]);
    let simulated = simulate
        .args(common)
        .arg(path("ops.json"))
        .output()
        .expect("the binary runs");
    let refused = |code| matches!(code, Some(0 | 1 | 4 | 5));
    assert!(
        refused(simulated.status.code()),
        "{}",
        String::from_utf8_lossy(&simulated.stderr)
    );
    let mut dry_run = command(&["dry-run", "--empty", "--save", &path("served")]);
    dry_run
        .args(common)
        .args(["--", "python3", "-c", SENDER, &path("ops.json")]);
    let served = dry_run.output().expect("the binary runs");
    assert!(served.status.success(), "{}", String::from_utf8_lossy(&served.stderr));
    let document = fs::read(path("simulated")).expect("a document");
    let state: Value = serde_json::from_slice(&simulated.stdout).expect("JSON");
    let accepted = state["$version"].as_u64().expect("a version");
    assert!(
        accepted * 5 > batches * 4,
        "only {accepted} of {batches} batches were accepted"
    );
    assert!(
        document == fs::read(path("served")).expect("a document"),
        "the service leaves other bytes"
    );
    assert_eq!(simulated.stdout, served.stdout);
    let told = run(&["play", &path("recording.json")]);
    assert_eq!(told.lines().filter(|line| line.contains(" same ")).count(), 2, "{told}");
}

#[test]
fn every_documented_command_plays_its_recording() {
    for host in ["python", "node"] {
        let told = run(&[host]);
        assert!(told.contains(" same ") && told.lines().count() == 1, "{told}");
    }
}

#[test]
fn the_page_plays_the_recording() {
    let _turn = ONE_AT_A_TIME.lock().expect("a turn");
    let mut serving = Command::new(RUN)
        .args(["page", "0"])
        .env("AUTOMATION_KV", BINARY)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .expect("the script runs");
    let mut line = String::new();
    BufReader::new(serving.stdout.as_mut().expect("a pipe"))
        .read_line(&mut line)
        .expect("a line");
    let url = line.split(['(', ')']).nth(1).unwrap_or_default().to_owned();
    let folder = service::folder();
    let page = chromium(folder.path(), &url);
    serving.kill().expect("a process");
    serving.wait().expect("an end");
    assert!(page.contains("class=\"same\""), "{line}{page}");
    assert!(page.contains("<code>100000000000000000041</code>"), "{page}");
}

/// The page as it is when its script has ended.
fn chromium(folder: &Path, url: &str) -> String {
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--virtual-time-budget=20000",
            "--dump-dom",
            url,
        ])
        .arg(format!("--user-data-dir={}", folder.display()))
        .env("HOME", folder)
        .output()
        .expect("chromium; make setup installs it");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn run(arguments: &[&str]) -> String {
    let _turn = ONE_AT_A_TIME.lock().expect("a turn");
    let output = Command::new(RUN)
        .args(arguments)
        .env("AUTOMATION_KV", BINARY)
        .output()
        .expect("the script runs");
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {problem}");
    String::from_utf8(output.stdout).expect("text")
}

/// Any operation, on one of a few keys. Hardly any is refused, since that would refuse its whole batch.
fn operation(random: &mut Rng) -> Value {
    let n = random.u8(0..6);
    let (counter, list, object, any) = (format!("n{n}"), format!("l{n}"), format!("o{n}"), format!("v{n}"));
    let value = value(random, 3);
    match random.u8(0..16) {
        0 | 1 => json!({"op": "incr", "key": counter, "by": random.i64(-1_000_000_000_000..1_000_000_000_000)}),
        2 => json!({"op": "decr", "key": counter, "by": format!("{}000000000000", random.u64(..))}),
        3 | 4 => json!({"op": "rpush", "key": list, "value": value, "max_len": 20}),
        5 => json!({"op": "lpush", "key": list, "value": value, "max_len": 20}),
        6 => json!({"op": "lpop", "key": list}),
        7 => json!({"op": "rpop", "key": list, "count": random.u8(1..4)}),
        8 => json!({"op": "set", "key": any, "value": value, "ex": random.u16(1..9999)}),
        9 | 10 => json!({"op": "set", "key": any, "value": value}),
        11 => json!({"op": "delete", "key": any}),
        12 => json!({"op": "patch", "key": object, "path": format!("a.b{n}"), "value": value}),
        13 => json!({"op": "patch", "key": object, "operations": [{"op": "append", "path": "log", "value": n}]}),
        14 => json!({"op": "claim", "key": format!("lease{n}"), "owner": "worker", "ttl_ms": random.u32(1..99_999)}),
        // One batch in some hundreds is refused as a whole.
        _ if random.u16(0..3000) == 0 => json!({"op": "incr", "key": list}),
        _ => json!({"op": "remove", "key": list, "value": n}),
    }
}

fn value(random: &mut Rng, depth: u8) -> Value {
    match random.u8(0..if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(random.bool()),
        2 => json!(random.i64(..)),
        3 => json!(random.f64() * 1e9),
        4 => json!((0..random.u8(0..12)).map(|_| random.char(..)).collect::<String>()),
        5 => json!(
            (0..random.u8(0..4))
                .map(|_| value(random, depth - 1))
                .collect::<Vec<_>>()
        ),
        _ => {
            let members = (0..random.u8(0..4)).map(|_| (random.lowercase().to_string(), value(random, depth - 1)));
            Value::Object(members.collect())
        }
    }
}
