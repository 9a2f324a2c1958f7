//! The commands that work straight on the database, beside a running service.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use uuid::Uuid;

use support::postgres::SHARED;
use support::service::{self, SECRET, Setup};

/// A command on a database, with the secret.
fn command(database_url: &str, arguments: &[&str]) -> Command {
    let mut command = service::command(arguments);
    command
        .env("AUTOMATION_DB_URL", database_url)
        .env("AUTOMATION_KV_SECRET", SECRET);
    command
}

/// What it prints; it must succeed.
fn run(database_url: &str, arguments: &[&str]) -> String {
    let output = command(database_url, arguments).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and what it says, where it must fail.
fn fail(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), said)
}

fn databases(folder: &Path) -> [String; 2] {
    [
        format!("sqlite://{}", service::database_file(folder).display()),
        SHARED.database(),
    ]
}

#[test]
fn a_state_is_looked_at_and_moved_beside_a_running_service() {
    let folder = service::folder();
    for url in databases(folder.path()) {
        let service = Setup::on(folder.path(), &url).start();
        let (id, other) = (Uuid::new_v4(), Uuid::new_v4());
        let mut client = service.client(id);
        client.put("/config", &json!({"secret": "swordfish"}));
        client.put("/n?ex=3600", &json!(1));

        let (id_text, other_text) = (id.to_string(), other.to_string());
        let table = run(&url, &["inspect", &id_text]);
        assert!(table.contains("config") && table.contains("free"), "{table}");
        assert!(!table.contains("swordfish"), "{table}");
        let shown: Value =
            serde_json::from_str(&run(&url, &["inspect", &id_text, "--values", "--output", "json"])).unwrap();
        assert_eq!(shown["keys"][0]["value"], json!({"secret": "swordfish"}));
        assert_eq!(shown["limit_bytes"], json!(65536));

        let file = folder.path().join("state.json");
        let file = file.to_str().unwrap();
        run(&url, &["export", &id_text, "--file", file]);
        run(&url, &["import", &other_text, file]);
        let mut copy = service.client(other);
        assert_eq!(copy.get("/config").1["value"], json!({"secret": "swordfish"}));
        assert!(copy.get("/n?meta=true").1["ttl_ms"].as_u64().unwrap() > 3_000_000);

        let (exit, said) = fail(&mut command(&url, &["import", &other_text, file]));
        assert_eq!(exit, 4, "{said}");
        assert!(said.contains("--replace"), "{said}");
        copy.put("/more", &json!(1));
        run(&url, &["import", &other_text, file, "--replace"]);
        assert_eq!(copy.get("/more").0, 404);
        assert_eq!(copy.get("/config").1["version"], json!(3));

        run(&url, &["export", &id_text, "--sealed", "--file", file]);
        let bundle = std::fs::read_to_string(file).unwrap();
        assert!(!bundle.contains("swordfish") && bundle.contains("gAAAA"), "{bundle}");
        client.put("/config", &json!("changed"));
        run(&url, &["import", &id_text, file, "--replace"]);
        assert_eq!(client.get("/config").1["value"], json!({"secret": "swordfish"}));
        let (exit, said) = fail(&mut command(&url, &["import", &other_text, file, "--replace"]));
        assert_eq!(exit, 1, "{said}");
        assert!(said.contains("opens for no other automation"), "{said}");
    }
}

#[test]
fn what_is_not_there_or_not_a_state_is_said_in_one_line() {
    let folder = service::folder();
    let [url, _] = databases(folder.path());
    let nobody = Uuid::new_v4().to_string();
    let file = folder.path().join("bad.json");
    std::fs::write(&file, "[1, 2]").unwrap();
    let file = file.to_str().unwrap();
    run(&url, &["migrate"]);
    for (arguments, code, text) in [
        (vec!["inspect", &nobody], 3, "has no state"),
        (vec!["export", &nobody], 3, "has no state"),
        (vec!["import", &nobody, file], 1, "is not a state"),
        (vec!["import", &nobody, "/nowhere"], 3, "/nowhere"),
        (vec!["inspect", ""], 2, ""),
    ] {
        let (exit, said) = fail(&mut command(&url, &arguments));
        assert_eq!(exit, code, "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said}");
    }
    let (exit, said) = fail(command(&url, &["inspect", &nobody]).env_remove("AUTOMATION_KV_SECRET"));
    assert_eq!(exit, 6, "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_doctor_tells_a_wrong_secret_and_a_database_that_is_away() {
    let folder = service::folder();
    for url in databases(folder.path()) {
        let service = Setup::on(folder.path(), &url).start();
        service.client(Uuid::new_v4()).put("/k", &json!(1));
        let healthy = run(&url, &["doctor"]);
        assert_eq!(
            healthy.lines().filter(|line| line.starts_with("ok")).count(),
            6,
            "{healthy}"
        );
        let findings: Value = serde_json::from_str(&run(&url, &["doctor", "--json"])).unwrap();
        assert!(
            findings
                .as_array()
                .unwrap()
                .iter()
                .all(|finding| finding["ok"] == json!(true))
        );

        let mut wrong = command(&url, &["doctor"]);
        let output = wrong.env("AUTOMATION_KV_SECRET", "another one").output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains("FAILED  states"), "{text}");
    }
    let away = command("postgres://nobody@127.0.0.1:1/nothing", &["doctor"])
        .output()
        .unwrap();
    assert_eq!(away.status.code(), Some(1));
    assert!(String::from_utf8(away.stdout).unwrap().contains("FAILED  database"));
}

#[test]
fn looking_at_a_database_makes_none() {
    let folder = service::folder();
    let url = format!("sqlite://{}", folder.path().join("mistyped.db").display());
    for command_line in [
        &["inspect", "x"][..],
        &["rotate", "--check"],
        &["automations", "list"],
        &["history", "x"],
    ] {
        let (exit, said) = fail(&mut command(&url, command_line));
        assert_eq!(exit, 1, "{said}");
        assert!(said.contains("automation-kv migrate"), "{said}");
    }
    assert!(!folder.path().join("mistyped.db").exists());
}

#[test]
fn what_the_api_would_refuse_is_not_imported() {
    let folder = service::folder();
    let [url, _] = databases(folder.path());
    run(&url, &["migrate"]);
    let file = folder.path().join("state.json");
    for (state, problem) in [(r#"{"a": NaN}"#, "\"a\""), (r#"{"c\n": 1}"#, "\"c\\n\"")] {
        std::fs::write(&file, state).unwrap();
        let (exit, said) = fail(&mut command(&url, &["import", "target", file.to_str().unwrap()]));
        assert_eq!(exit, 1, "{state}: {said}");
        assert!(said.contains(problem), "{state}: {said}");
    }
}

#[test]
fn a_doctor_with_a_wrong_secret_does_no_harm() {
    let folder = service::folder();
    for url in databases(folder.path()) {
        run(&url, &["migrate"]);
        let mut wrong = command(&url, &["doctor"]);
        // An empty database cannot tell.
        assert!(wrong.env("AUTOMATION_KV_SECRET", "wrong").status().unwrap().success());
        run(&url, &["doctor"]);
    }
}

#[test]
fn completions_and_manual_pages_come_with_the_binary() {
    for shell in ["bash", "zsh", "fish"] {
        let output = service::command(&["completions", shell]).output().unwrap();
        assert!(String::from_utf8(output.stdout).unwrap().contains("dry-run"));
    }
    let folder = service::folder();
    let pages = folder.path().join("man");
    let written = service::command(&["man", pages.to_str().unwrap()]).status().unwrap();
    assert!(written.success());
    for page in ["automation-kv.1", "automation-kv-get.1", "automation-kv-dry-run.1"] {
        assert!(pages.join(page).exists(), "{page}");
    }
}
