//! Schemathesis sends requests that the OpenAPI document allows, and requests that it does not, and compares the answers
//! with what the document says.
//!
//! The same requests each time, unless `SCHEMATHESIS_EXAMPLES` says how many to make for an operation: then random ones.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Map, Value, json};
use uuid::Uuid;

use support::service::{self, BINARY, SECRET, Service, Setup};
use support::token;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/schemathesis");

/// Requests for each operation and phase, unless told otherwise.
const EXAMPLES: &str = "40";

/// The largest state, so that no request is refused for what others have left.
const NO_LIMIT: &str = "16777216";

#[test]
fn states_are_served_as_the_document_says() {
    let folder = service::folder();
    let service = start(folder.path());
    let token = token::valid(SECRET, &Uuid::new_v4().to_string());
    run(
        &service,
        folder.path(),
        &token,
        &["--exclude-path-regex", "^/v1/automations"],
    );
}

/// Apart from the states, since deleting automations is among the calls.
#[test]
fn automations_are_served_as_the_document_says() {
    let folder = service::folder();
    let service = start(folder.path());
    for _ in 0..3 {
        service.client(Uuid::new_v4()).put("/a", &json!(1));
    }
    let mut claims = token::claims(&Uuid::nil().to_string());
    claims.insert("admin".to_owned(), json!(true));
    let token = token::mint(SECRET, &Value::from(claims), &Map::new());
    run(
        &service,
        folder.path(),
        &token,
        &["--include-path-regex", "^/v1/automations"],
    );
}

#[test]
fn the_document_is_valid_openapi() {
    let document = format!("{FOLDER}/../../docs/openapi.json");
    let output = Command::new(program("openapi-spec-validator"))
        .arg(document)
        .output()
        .expect("openapi-spec-validator");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

fn start(folder: &Path) -> Service {
    Setup::sqlite(folder)
        .environment("AUTOMATION_KV_MAX_VALUE_SIZE", NO_LIMIT)
        .environment("AUTOMATION_KV_MAX_STATE_SIZE", NO_LIMIT)
        .start()
}

/// Runs schemathesis on the document that a service serves, in a folder where it can leave what it wants.
fn run(service: &Service, folder: &Path, token: &str, filter: &[&str]) {
    let examples = std::env::var("SCHEMATHESIS_EXAMPLES").ok();
    let mut command = Command::new(program("schemathesis"));
    command
        .args(["--config-file", &format!("{FOLDER}/schemathesis.toml"), "run"])
        .arg(format!("http://{}/openapi.json", service.address()))
        .args(["--no-color", "--generation-database", "none"])
        .args(["--max-examples", examples.as_deref().unwrap_or(EXAMPLES)])
        .args(filter);
    if examples.is_none() {
        command.arg("--generation-deterministic");
    }
    let output = command
        .current_dir(folder)
        .env("TOKEN", token)
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("PYTHONPATH", FOLDER)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_PROXY", "*")
        .output()
        .expect("schemathesis");
    let report = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{report}\n{}\nlog of the service:\n{}",
        String::from_utf8_lossy(&output.stderr),
        service.log()
    );
    let selected = report.lines().find(|line| line.contains("Selected:"));
    println!("{}", selected.expect("operations were tested"));
}

/// A program of the environment that `make setup` makes.
fn program(name: &str) -> PathBuf {
    let target = Path::new(BINARY)
        .ancestors()
        .nth(2)
        .expect("the folder of what is built");
    let program = target.join("schemathesis/bin").join(name);
    assert!(
        fs::exists(&program).unwrap_or_default(),
        "{} is missing; run: make setup",
        program.display()
    );
    program
}
