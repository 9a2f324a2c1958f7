//! The example plugins, as their users meet them: over HTTP, in batches, from the command line, in a dry run.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use support::http::{Connection, Request};
use support::plugins::{example, folder, sources};
use support::service::{self, Service, Setup, command};
use support::token;
use uuid::Uuid;

const EXAMPLES: [&str; 3] = ["rate-limiter", "feed-merger", "weighted-picker"];

fn start(plugins: &Path, work: &Path) -> Service {
    Setup::sqlite(work)
        .argument("--plugins")
        .argument(plugins.to_str().unwrap())
        .start()
}

/// One automation's way to the whole service.
struct Client {
    connection: Connection,
    authorization: String,
}

struct Answer {
    status: u16,
    text: String,
    body: Value,
}

impl Client {
    fn new(service: &Service, id: Uuid) -> Self {
        let token = token::valid(service::SECRET, &id.to_string());
        Self {
            connection: Connection::open(service.address()).unwrap(),
            authorization: format!("Bearer {token}"),
        }
    }

    fn get(&mut self, path: &str) -> Answer {
        self.send(Request::new("GET", path))
    }

    fn post(&mut self, path: &str, body: &Value) -> Answer {
        self.send(Request::new("POST", path).body(body.to_string()))
    }

    fn send(&mut self, request: Request) -> Answer {
        let request = request.header("Authorization", self.authorization.as_str());
        let response = self.connection.send(&request).unwrap();
        let text = response.text();
        Answer {
            status: response.status,
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        }
    }
}

fn call(client: &mut Client, plugin: &str, input: &Value) -> Value {
    let answer = client.post(&format!("/v1/plugins/{plugin}"), input);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body["output"].clone()
}

fn text(output: &Output) -> (String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (text(&output.stdout), text(&output.stderr))
}

#[test]
fn each_does_what_its_cases_say() {
    for name in EXAMPLES {
        let cases = sources(name).join("cases.json");
        let (component, cases) = (example(name), cases.to_str().unwrap().to_owned());
        let output = command(&["plugins", "test", component.to_str().unwrap(), &cases])
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output).0);
    }
}

#[test]
fn all_are_called_over_http() {
    let (plugins, work) = (folder(), service::folder());
    let service = start(plugins.path(), work.path());
    let mut client = Client::new(&service, Uuid::new_v4());
    let listed = client.get("/v1/plugins").body;
    let names: Vec<_> = listed["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .map(|plugin| &plugin["name"])
        .collect();
    assert_eq!(names, ["feed-merger", "rate-limiter", "weighted-picker"]);
    let limit = json!({"key": "calls", "limit": 2, "window_ms": 60_000});
    let allowed: Vec<_> = (0..3)
        .map(|_| call(&mut client, "rate-limiter", &limit)["allowed"].clone())
        .collect();
    assert_eq!(allowed, [true, true, false]);
    let items = json!({"key": "feed", "items": [{"id": "a", "published": 1}, {"id": "b", "published": 2}]});
    assert_eq!(
        call(&mut client, "feed-merger", &items),
        json!({"added": 2, "updated": 0, "kept": 2})
    );
    let weights = json!({"key": "turns", "weights": {"a": 2, "b": 1}});
    let picked: Vec<_> = (0..6)
        .map(|_| call(&mut client, "weighted-picker", &weights)["picked"].clone())
        .collect();
    assert_eq!(picked, ["a", "b", "a", "a", "b", "a"]);
    let info = client.get("/v1/info").body;
    for (told, listed) in info["plugins"]
        .as_array()
        .unwrap()
        .iter()
        .zip(listed["plugins"].as_array().unwrap())
    {
        assert_eq!(told["sha256"], listed["sha256"]);
    }
    let metrics = client.get("/metrics").text;
    assert!(
        metrics.contains("kv_plugin_call_seconds_count{plugin=\"rate-limiter\"} 3"),
        "{metrics}"
    );
}

#[test]
fn all_are_operations_of_a_batch() {
    let (plugins, work) = (folder(), service::folder());
    let service = start(plugins.path(), work.path());
    let mut client = Client::new(&service, Uuid::new_v4());
    let operations = json!([
        {"op": "call", "plugin": "rate-limiter", "input": {"key": "calls", "limit": 1, "window_ms": 60_000}},
        {"op": "incr", "key": "runs"},
        {"op": "call", "plugin": "feed-merger", "input": {"key": "feed", "items": [{"id": "a", "published": 1}]}},
        {"op": "call", "plugin": "weighted-picker", "input": {"key": "turns", "weights": {"a": 1}}},
        {"op": "read", "key": "turns"},
    ]);
    let answer = client.post("/v1/kv/batch", &json!({"operations": operations}));
    assert_eq!(
        (answer.status, answer.body),
        (
            200,
            json!({"version": 1, "results": [
                {"op": "call", "plugin": "rate-limiter", "success": true,
                 "output": {"allowed": true, "remaining": 0, "retry_after_ms": 60_000}},
                {"op": "incr", "key": "runs", "success": true, "value": 1},
                {"op": "call", "plugin": "feed-merger", "success": true, "output": {"added": 1, "updated": 0, "kept": 1}},
                {"op": "call", "plugin": "weighted-picker", "success": true, "output": {"picked": "a"}},
                {"op": "read", "key": "turns", "success": true, "value": {"a": 0}, "key_version": 1},
            ]})
        )
    );
    // One that fails takes all others with it.
    let operations = json!([
        {"op": "incr", "key": "runs"},
        {"op": "call", "plugin": "weighted-picker", "input": {"key": "runs", "weights": {"a": 1}}},
    ]);
    let answer = client.post("/v1/kv/batch", &json!({"operations": operations}));
    assert_eq!((answer.status, &answer.body["error"]), (409, &json!("plugin_conflict")));
    assert_eq!(answer.body["operation_index"], 1);
    assert_eq!(client.get("/v1/kv/runs").body["value"], 1);
}

#[test]
fn a_call_that_makes_no_sense_is_refused_with_the_field_named() {
    let (plugins, work) = (folder(), service::folder());
    let service = start(plugins.path(), work.path());
    let mut client = Client::new(&service, Uuid::new_v4());
    let limiter = "/v1/plugins/rate-limiter";
    let fine = json!({"key": "calls", "limit": 1, "window_ms": 1000});
    let cases = [
        (
            limiter,
            json!({"key": "calls", "limit": 0, "window_ms": 1000}),
            422,
            json!(["body", "limit"]),
        ),
        (limiter, json!({"key": "calls", "limit": 1}), 422, json!(["body"])),
        (limiter, json!([]), 422, json!(["body"])),
        (
            "/v1/plugins/rate-limiter?wait=1",
            fine.clone(),
            422,
            json!(["query", "wait"]),
        ),
        (
            "/v1/kv/batch",
            json!({"operations": [{"op": "call", "plugin": "rate-limiter", "input": {"key": "", "limit": 1, "window_ms": 1}}]}),
            422,
            json!(["body", "operations", 0, "input", "key"]),
        ),
        (
            "/v1/kv/batch",
            json!({"operations": [{"op": "call", "plugin": "rate-limiter", "input": fine, "key": "k"}]}),
            422,
            json!(["body", "operations", 0, "key"]),
        ),
    ];
    for (path, body, status, location) in cases {
        let answer = client.post(path, &body);
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.body);
        assert_eq!(answer.body["detail"][0]["loc"], location, "{}", answer.body);
    }
    let answer = client.post("/v1/plugins/no-such-plugin", &json!({}));
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (404, &json!("plugin_not_found"))
    );
    let operations = json!([{"op": "incr", "key": "n"}, {"op": "call", "plugin": "no-such-plugin"}]);
    let answer = client.post("/v1/kv/batch", &json!({"operations": operations}));
    assert_eq!(
        (answer.status, &answer.body["error"], &answer.body["operation_index"]),
        (404, &json!("plugin_not_found"), &json!(1))
    );
    let answer = client.post(&format!("{limiter}?if_version=7"), &fine);
    assert_eq!(
        (answer.status, &answer.body["error"]),
        (409, &json!("version_mismatch"))
    );
    assert_eq!(client.get("/v1/kv").body["count"], 0);
}

/// A call writes the time at which it was allowed. So whatever clients see, the windows can be counted.
#[test]
fn thirty_two_clients_are_never_allowed_more_than_the_limit() {
    const LIMIT: usize = 20;
    const WINDOW_MS: u64 = 200;
    let (plugins, work) = (folder(), service::folder());
    let service = start(plugins.path(), work.path());
    let id = Uuid::new_v4();
    let input = json!({"key": "calls", "limit": LIMIT, "window_ms": WINDOW_MS});
    let (begun, service, input) = (Instant::now(), &service, &input);
    let allowed: Vec<(Duration, Duration)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..32)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = Client::new(service, id);
                    let mut allowed = Vec::new();
                    while begun.elapsed() < Duration::from_secs(5) {
                        let asked = begun.elapsed();
                        if call(&mut client, "rate-limiter", input)["allowed"] == true {
                            allowed.push((asked, begun.elapsed()));
                        }
                    }
                    allowed
                })
            })
            .collect();
        clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
    });
    // Every call happened between its question and its answer. Those that surely happened within one window are counted.
    let window = Duration::from_millis(WINDOW_MS);
    for (start, _) in &allowed {
        let within = allowed
            .iter()
            .filter(|(asked, answered)| asked >= start && *answered < *start + window);
        assert!(
            within.count() <= LIMIT,
            "more than {LIMIT} calls within {WINDOW_MS} ms of {start:?}"
        );
    }
    let windows = begun.elapsed().as_millis() / u128::from(WINDOW_MS);
    assert!(
        allowed.len() >= LIMIT * 5 && allowed.len() as u128 <= LIMIT as u128 * (windows + 1),
        "{}",
        allowed.len()
    );
}

#[test]
fn the_command_line_calls_them() {
    let (plugins, work) = (folder(), service::folder());
    let service = start(plugins.path(), work.path());
    let token = token::valid(service::SECRET, &Uuid::new_v4().to_string());
    let call = |arguments: &[&str]| {
        let url = format!("http://{}", service.address());
        let output = command(arguments)
            .env("AUTOMATION_API_URL", url)
            .env("AUTOMATION_KV_TOKEN", &token)
            .output()
            .unwrap();
        (output.status.code(), text(&output))
    };
    let weights = r#"{"key":"turns","weights":{"a":1}}"#;
    let (code, (stdout, stderr)) = call(&["call", "weighted-picker", weights]);
    assert_eq!((code, &*stdout), (Some(0), "{\"picked\":\"a\"}\n"), "{stderr}");
    let (code, (_, stderr)) = call(&["call", "no-such-plugin"]);
    assert_eq!(code, Some(3), "{stderr}");
    let (code, (_, stderr)) = call(&["call", "weighted-picker", weights, "--if-version", "9"]);
    assert_eq!(code, Some(4), "{stderr}");
    let (code, (stdout, _)) = call(&["plugins", "list"]);
    assert_eq!(code, Some(0));
    assert!(stdout.contains("rate-limiter"), "{stdout}");
}

#[test]
fn a_dry_run_shows_what_a_call_would_change() {
    let plugins = folder();
    let script =
        r#"curl -sf -H "Authorization: Bearer $AUTOMATION_KV_TOKEN" -d "$2" "$AUTOMATION_API_URL/v1/plugins/$1""#;
    let cases = [
        ("rate-limiter", r#"{"key":"calls","limit":3,"window_ms":1000}"#, "calls"),
        (
            "feed-merger",
            r#"{"key":"feed","items":[{"id":"a","published":1}]}"#,
            "feed",
        ),
        ("weighted-picker", r#"{"key":"turns","weights":{"a":1}}"#, "turns"),
    ];
    for (name, input, key) in cases {
        let output = command(&[
            "dry-run",
            "--empty",
            "--plugins",
            plugins.path().to_str().unwrap(),
            "--output",
            "json",
        ])
        .args(["--", "sh", "-c", script, "sh", name, input])
        .output()
        .unwrap();
        let (stdout, stderr) = text(&output);
        assert!(output.status.success(), "{stderr}");
        let report: Value = serde_json::from_str(&stdout).unwrap();
        assert_eq!(report["difference"]["keys"][0]["key"], key, "{stdout}");
    }
}

#[test]
fn simulating_calls_gives_the_same_twice() {
    let plugins = folder();
    let work = service::folder();
    let batch = work.path().join("batch.json");
    let operations = json!([
        {"op": "call", "plugin": "rate-limiter", "input": {"key": "calls", "limit": 3, "window_ms": 1000}},
        {"op": "call", "plugin": "feed-merger", "input": {"key": "feed", "items": [{"id": "a", "published": 1}]}},
        {"op": "call", "plugin": "weighted-picker", "input": {"key": "turns", "weights": {"a": 1, "b": 2}}},
    ]);
    fs::write(&batch, json!({"operations": operations}).to_string()).unwrap();
    let run = |more: &[&str]| {
        let output = command(&[
            "simulate",
            "--plugins",
            plugins.path().to_str().unwrap(),
            "--output",
            "raw",
        ])
        .args(more)
        .arg(&batch)
        .output()
        .unwrap();
        (output.status.code(), text(&output))
    };
    let (code, (first, stderr)) = run(&[]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(first.contains(r#""turns": {"a":1,"b":-1}"#), "{first}");
    assert_eq!(run(&[]).1.0, first);
    let record = work.path().join("record.json");
    let (code, (_, stderr)) = run(&["--record", record.to_str().unwrap()]);
    assert_eq!(code, Some(2), "{stderr}");
    assert!(!record.exists());
}

/// Another plugin in the place of one that is called all the time, by a change of the folder and by SIGHUP.
#[test]
fn plugins_are_replaced_while_they_are_called() {
    let (plugins, work) = (folder(), service::folder());
    fs::remove_file(plugins.path().join("feed-merger.wasm")).unwrap();
    fs::remove_file(plugins.path().join("weighted-picker.wasm")).unwrap();
    let service = start(plugins.path(), work.path());
    let sha256 = |client: &mut Client| client.get("/v1/info").body["plugins"][0]["sha256"].clone();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                let mut client = Client::new(&service, Uuid::new_v4());
                let input = json!({"key": "calls", "limit": 100, "window_ms": 1000});
                while !stop.load(Ordering::Relaxed) {
                    call(&mut client, "rate-limiter", &input);
                }
            });
        }
        let mut client = Client::new(&service, Uuid::new_v4());
        let first = sha256(&mut client);
        // The same plugin with one more custom section, so another file.
        let mut component = fs::read(example("rate-limiter")).unwrap();
        component.extend_from_slice(b"\x00\x05\x01x...");
        replace(plugins.path(), &component);
        let second = wait(
            || Some(sha256(&mut client)).filter(|sha256| *sha256 != first),
            "the new plugin",
        );
        fs::write(plugins.path().join("rate-limiter.wasm"), b"broken").unwrap();
        wait(
            || service.log().contains("stay in use").then_some(()),
            "the log of the refusal",
        );
        assert_eq!(sha256(&mut client), second);
        replace(plugins.path(), &fs::read(example("rate-limiter")).unwrap());
        let hangup = std::process::Command::new("kill")
            .args(["-HUP", &service.id().to_string()])
            .status()
            .unwrap();
        assert!(hangup.success());
        wait(|| (sha256(&mut client) == first).then_some(()), "the old plugin");
        stop.store(true, Ordering::Relaxed);
    });
}

fn replace(folder: &Path, component: &[u8]) {
    let new = folder.join("new");
    fs::write(&new, component).unwrap();
    fs::rename(new, folder.join("rate-limiter.wasm")).unwrap();
}

fn wait<T>(mut look: impl FnMut() -> Option<T>, what: &str) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < Duration::from_mins(1), "{what} does not come");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn a_service_does_not_start_with_a_plugin_that_it_cannot_use() {
    let (plugins, work) = (tempfile::tempdir().unwrap(), service::folder());
    fs::write(plugins.path().join("broken.wasm"), b"no component").unwrap();
    let said = Setup::sqlite(work.path())
        .argument("--plugins")
        .argument(plugins.path().to_str().unwrap())
        .run_to_its_end();
    assert!(said.contains("broken.wasm is not a plugin"), "{said}");
}
