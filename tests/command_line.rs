//! The binary as its operator meets it: what it prints, what it refuses, and that a refusal changes nothing.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;
use uuid::Uuid;

use support::client::Client;
use support::service::{self, SECRET, Setup, command};

#[test]
fn token_prints_a_token_that_works_and_nothing_else() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let id = Uuid::new_v4();
    let output = command(&["token", "--automation", &id.to_string()])
        .env("AUTOMATION_KV_SECRET", SECRET)
        .output();
    let output = output.expect("the binary runs");
    assert!(output.status.success() && output.stderr.is_empty());
    let printed = String::from_utf8(output.stdout).expect("text");
    let token = printed.strip_suffix('\n').expect("one line");
    assert_eq!(Client::new(service.address(), token).put("/a", &json!(1)).0, 201);
    assert_eq!(service.client(id).get("/a").1["value"], json!(1));
}

#[test]
fn dev_prints_a_command_that_works_and_keeps_its_secret() {
    let folder = service::folder();
    let setup = Setup::sqlite(folder.path())
        .without("AUTOMATION_KV_SECRET")
        .argument("--dev");
    for expected in [1, 2] {
        let service = setup.start();
        let printed = service.printed_until("curl ");
        let lines: Vec<&str> = printed.lines().collect();
        let export = lines
            .iter()
            .position(|line| line.starts_with("export "))
            .expect("an export line");
        let script = format!(
            "{}\n{}",
            lines[export],
            lines[export + 1].replace("curl", "curl --silent --show-error")
        );
        let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        assert_eq!(answer["value"], json!(expected), "{answer}");
        let secret = folder.path().join("state.db.secret");
        assert_eq!(
            fs::metadata(secret).expect("a secret").permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn a_database_that_is_not_ours_is_refused_unchanged() {
    let folder = service::folder();
    let foreign = folder.path().join("foreign.db");
    let made = Command::new("python3")
        .args([
            "-c",
            "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute('create table users(id)'); c.commit()",
        ])
        .arg(&foreign)
        .status();
    assert!(made.expect("python3").success());
    let text = folder.path().join("text.db");
    fs::write(
        &text,
        "This is no database at all, only a text that is longer than a header.\n".repeat(40),
    )
    .expect("a file");
    for file in [foreign, text] {
        let before = fs::read(&file).expect("a file");
        let output = serve(&[("AUTOMATION_DB_URL", &url(&file))]);
        refused(&output, &file.display().to_string());
        assert_eq!(fs::read(&file).expect("a file"), before);
    }
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        2,
        "nothing was put beside them"
    );
}

#[test]
fn a_place_that_cannot_hold_a_database_is_refused() {
    let folder = service::folder();
    refused(
        &serve(&[("AUTOMATION_DB_URL", &url(folder.path()))]),
        "cannot open the database",
    );
    let missing = folder.path().join("missing/state.db");
    refused(&serve(&[("AUTOMATION_DB_URL", &url(&missing))]), "missing/state.db");
    // Not even the administrator may write here.
    refused(
        &serve(&[("AUTOMATION_DB_URL", "sqlite:///proc/state.db")]),
        "/proc/state.db",
    );
    assert!(!missing.exists());
}

#[test]
fn a_port_in_use_is_refused_before_the_database_is_touched() {
    let folder = service::folder();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let file = folder.path().join("state.db");
    let output = serve(&[("AUTOMATION_KV_LISTEN", &address), ("AUTOMATION_DB_URL", &url(&file))]);
    refused(&output, &address);
    assert!(!file.exists());
}

#[test]
fn an_empty_secret_is_refused() {
    for secret in ["", "   "] {
        refused(
            &serve(&[("AUTOMATION_KV_SECRET", secret)]),
            "AUTOMATION_KV_SECRET is empty",
        );
    }
}

#[test]
fn a_malformed_knob_is_refused_by_its_value() {
    for (name, value) in [
        ("AUTOMATION_DB_URL", "mysql://localhost/kv"),
        ("AUTOMATION_DB_URL", "sqlite://"),
        ("AUTOMATION_KV_LISTEN", "8420"),
        ("AUTOMATION_KV_LISTEN", "127.0.0.1:99999"),
        ("AUTOMATION_KV_LOCK_TIMEOUT_MS", "5s"),
        ("AUTOMATION_KV_LOCK_TIMEOUT_MS", "0"),
        ("AUTOMATION_KV_THREADS", "0"),
        ("AUTOMATION_KV_THREADS", "5000"),
        ("AUTOMATION_KV_MAX_VALUE_SIZE", "64k"),
        ("AUTOMATION_KV_BASE_PATH", "api/automation"),
        ("AUTOMATION_KV_ADOPT", "perhaps"),
        ("AUTOMATION_LOG_LEVEL", "lou=d=er"),
    ] {
        refused(&serve(&[(name, value)]), value);
    }
}

#[test]
fn a_token_needs_a_secret_an_automation_and_a_sane_lifetime() {
    let id = Uuid::new_v4().to_string();
    let run = |arguments: &[&str], secret: Option<&str>| {
        let mut command = command(&["token"]);
        command
            .args(arguments)
            .envs(secret.map(|secret| ("AUTOMATION_KV_SECRET", secret)));
        command.output().expect("the binary runs")
    };
    refused(&run(&["--automation", &id], None), "AUTOMATION_KV_SECRET is not set");
    refused(&run(&["--automation", &id], Some("")), "AUTOMATION_KV_SECRET is empty");
    refused(&run(&["--automation", "not-a-uuid"], Some(SECRET)), "not-a-uuid");
    refused(&run(&["--automation", &id, "--expires-in", "1w"], Some(SECRET)), "1w");
    refused(
        &run(&["--automation", &id, "--expires-in", "9999d"], Some(SECRET)),
        "366",
    );
    refused(&run(&["--automation", &id, "--run", "7"], Some(SECRET)), "7");
}

#[test]
fn a_restricted_token_does_what_it_was_made_for_and_nothing_else() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let id = Uuid::new_v4();
    let mut all = service.client(id);
    all.put("/cursor:a", &json!(1));
    all.put("/config", &json!(2));
    let client = |arguments: &[&str]| {
        let mut command = command(&["token", "--automation", &id.to_string()]);
        let output = command.args(arguments).env("AUTOMATION_KV_SECRET", SECRET).output();
        let output = output.expect("the binary runs");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let token = String::from_utf8(output.stdout).expect("text");
        Client::new(service.address(), token.trim())
    };
    let mut reader = client(&["--read-only", "--keys", "cursor:*,queue*", "--ops", "get,list"]);
    assert_eq!(reader.get("/cursor:a").0, 200);
    assert_eq!(reader.get("").1["keys"], json!(["cursor:a"]));
    assert_eq!(reader.get("/config").1["claim"], json!("keys"));
    assert_eq!(reader.get("/cursor:a/len").1["claim"], json!("ops"));
    assert_eq!(reader.put("/cursor:a", &json!(3)).1["claim"], json!("access"));
    let mut counter = client(&["--keys", "n*", "--keys", "m*", "--ops", "incr", "--ops", "decr"]);
    for (path, status) in [
        ("/n/incr", 200),
        ("/m/decr", 200),
        ("/config/incr", 403),
        ("/n/lpop", 403),
    ] {
        assert_eq!(counter.post(path, &json!({})).0, status, "{path}");
    }
    assert_eq!(client(&["--read-only"]).get("/config").1["value"], json!(2));
}

#[test]
fn restrictions_that_mean_nothing_are_refused() {
    let id = Uuid::new_v4().to_string();
    let run = |arguments: &[&str]| {
        let mut command = command(&["token"]);
        command.args(arguments).env("AUTOMATION_KV_SECRET", SECRET);
        command.output().expect("the binary runs")
    };
    for pattern in ["cursor:", "*", "a*b", "*a", "a*b*", ""] {
        refused(&run(&["--automation", &id, "--keys", pattern]), "--keys");
    }
    for name in ["read", "GET", "", "get list"] {
        refused(
            &run(&["--automation", &id, "--ops", name]),
            "possible values: list, get, check",
        );
    }
    let many = vec!["a*"; 65].join(",");
    refused(&run(&["--automation", &id, "--keys", &many]), "1 to 64 prefixes");
    let long = format!("{}*", "a".repeat(256));
    refused(&run(&["--automation", &id, "--keys", &long]), "1 to 255 characters");
    for restriction in [&["--read-only"][..], &["--keys", "a*"], &["--ops", "get"]] {
        refused(&run(&[&["--admin"], restriction].concat()), "--admin");
    }
}

/// Runs `serve` with these variables until it ends by itself, as it should.
fn serve(environment: &[(&str, &str)]) -> Output {
    let folder = service::folder();
    let mut command = Command::new("timeout");
    command
        .args(["20", service::BINARY, "serve"])
        .current_dir(folder.path());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AUTOMATION_")) {
        command.env_remove(name);
    }
    command
        .env("AUTOMATION_KV_LISTEN", "127.0.0.1:0")
        .env("AUTOMATION_KV_SECRET", SECRET);
    command.envs(environment.iter().copied());
    let output = command.output().expect("the binary runs");
    assert_eq!(
        fs::read_dir(folder.path()).expect("a folder").count(),
        0,
        "something was written"
    );
    output
}

/// A refusal: a failure, nothing on stdout, and on stderr why.
fn refused(output: &Output, why: &str) {
    const TIMED_OUT: i32 = 124;
    let message = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code();
    assert!(
        code.is_some_and(|code| code != 0 && code != TIMED_OUT),
        "{code:?}: {message}"
    );
    assert!(message.contains(why), "{why:?} is not in {message:?}");
    assert!(output.stdout.is_empty(), "{}", String::from_utf8_lossy(&output.stdout));
    assert!(!message.contains("panicked") && !message.contains(SECRET), "{message}");
}

fn url(file: &Path) -> String {
    format!("sqlite://{}", file.display())
}
