//! The commands that call a service, as a shell script would use them.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::io::{BufRead, BufReader, Write as _};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use uuid::Uuid;

use support::service::{self, SECRET, Service, Setup};
use support::token;

/// A shell inside an automation.
struct Shell {
    service: Service,
    token: String,
    folder: tempfile::TempDir,
}

impl Shell {
    fn new() -> Self {
        let folder = service::folder();
        Self {
            service: Setup::sqlite(folder.path()).start(),
            token: token::valid(SECRET, &Uuid::new_v4().to_string()),
            folder,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = service::command(arguments);
        command
            .env("AUTOMATION_KV_TOKEN", &self.token)
            .env("AUTOMATION_API_URL", format!("http://{}", self.service.address()))
            .stdout(Stdio::piped());
        command
    }

    fn output(&self, arguments: &[&str], stdin: &str) -> Output {
        let mut process = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        // A command that does not read it closes it.
        let _ = process.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
        process.wait_with_output().expect("an end")
    }

    /// What a command prints; it must succeed.
    fn run(&self, line: &str) -> String {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = self.output(&arguments, "");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line}: {errors}");
        assert!(errors.is_empty(), "{line}: {errors}");
        String::from_utf8(output.stdout)
            .unwrap()
            .trim_end_matches('\n')
            .to_owned()
    }

    /// The exit code and the one line on stderr of a command that must fail.
    fn fail(&self, line: &str) -> (i32, String) {
        let arguments: Vec<&str> = line.split(' ').collect();
        let output = self.output(&arguments, "");
        assert!(!output.status.success(), "{line} succeeded");
        let errors = String::from_utf8(output.stderr).unwrap();
        (output.status.code().unwrap(), errors)
    }
}

#[test]
fn every_command_prints_its_result() {
    let shell = Shell::new();
    for (line, expected) in [
        (r#"set config {"limit":1.0,"who":{"name":"Ada"}}"#, "1"),
        ("get config", r#"{"limit":1.0,"who":{"name":"Ada"}}"#),
        ("get config --path who.name", r#""Ada""#),
        ("get config --path who.name --output raw", "Ada"),
        ("set name --text Grace", "2"),
        ("get name", r#""Grace""#),
        ("patch config who.role \"admin\"", "3"),
        (r#"patch config --operations [{"op":"incr","path":"limit2"}]"#, "4"),
        (r#"patch config --merge {"limit2":null}"#, "5"),
        (r#"patch config --json-patch [{"op":"remove","path":"/who/role"}]"#, "6"),
        ("get config", r#"{"limit":1.0,"who":{"name":"Ada"}}"#),
        ("incr runs", "1"),
        ("incr runs 41", "42"),
        ("incr runs -2", "40"),
        ("decr runs 10", "30"),
        ("incr runs 100000000000000000000", "100000000000000000030"),
        ("push queue 1", "1"),
        ("push queue 2 --left", "2"),
        ("push queue 3 --max-len 2", "2"),
        ("len queue", "2"),
        ("range queue", "[1,3]"),
        ("range queue -1 -1", "[3]"),
        ("trim queue 0 0", "1"),
        ("pop queue", "1"),
        (r#"set seen {"a":1,"b":4102444800}"#, "17"),
        ("prune seen --older-than 60", "1"),
        (r#"set jobs [{"id":1,"done":true},{"id":2}]"#, "19"),
        ("remove jobs --field done --equals true", "1"),
        ("get jobs", r#"[{"id":2}]"#),
        ("persist name", "20"),
        ("claim leader --owner run-1 --ttl 30s", "21"),
        ("renew leader --owner run-1 --ttl 30s --fence 21", "21"),
        ("release leader --owner run-1", "true"),
        ("set balance -5", "24"),
        ("push deltas -1.5", "1"),
        ("remove deltas --value -1.5", "1"),
        (
            "batch [{\"op\":\"delete\",\"key\":\"balance\"},{\"op\":\"delete\",\"key\":\"deltas\"}] --output raw",
            r#"[{"op":"delete","key":"balance","success":true,"deleted":true},{"op":"delete","key":"deltas","success":true,"deleted":true}]"#,
        ),
        ("ls", "config\nname\nruns\nqueue\nseen\njobs"),
        ("ls na", "name"),
        ("ls --output json", r#"["config","name","runs","queue","seen","jobs"]"#),
        ("ls na --values", "name  Grace"),
        ("del seen", "true"),
        ("del seen", "false"),
        (
            r#"batch [{"op":"incr","key":"n"},{"op":"read","key":"name"}] --output json"#,
            r#"[{"op":"incr","key":"n","success":true,"value":1},{"op":"read","key":"name","success":true,"value":"Grace","key_version":2}]"#,
        ),
    ] {
        assert_eq!(shell.run(line), expected, "{line}");
    }
    let expires_at = shell.run("expire name --ex 60");
    assert!(expires_at.starts_with("\"20"), "{expires_at}");
    let meta: Value = serde_json::from_str(&shell.run("get name --meta")).unwrap();
    assert!(meta["ttl_ms"].as_u64().unwrap() > 50_000, "{meta}");
    let table = shell.run("ls --meta");
    assert!(table.starts_with("KEY") && table.contains("EXPIRES"), "{table}");
}

#[test]
fn values_come_from_stdin_and_files() {
    let shell = Shell::new();
    let file = shell.folder.path().join("value.json");
    std::fs::write(&file, "[1,\n 2]").unwrap();
    let output = shell.output(&["set", "a", "-"], "{\"from\": \"stdin\"}\n");
    assert!(output.status.success());
    shell.run(&format!("set b @{}", file.display()));
    assert_eq!(
        shell.run("ls --values --output json"),
        r#"{"a":{"from":"stdin"},"b":[1,2]}"#
    );
}

#[test]
fn failures_are_one_line_and_have_their_codes() {
    let shell = Shell::new();
    shell.run("set taken 1");
    let big = format!("set big {}", json!("x".repeat(70_000)));
    for (line, code, said) in [
        ("get missing", 3, "key_not_found"),
        ("get taken --path a", 3, "invalid_path"),
        ("pop missing", 3, "nothing in \"missing\""),
        ("set taken 2 --nx", 4, "key_exists"),
        ("set missing 2 --xx", 4, "key_not_exists"),
        ("set taken 2 --if-version 9", 4, "version_mismatch"),
        ("set taken 2 --if-key-version 9", 4, "key_version_mismatch"),
        (&big, 5, "state_too_large"),
        (
            r#"batch [{"op":"check","key":"taken","equals":2}]"#,
            4,
            "operation_failed",
        ),
        ("set taken nonsense", 2, "--text"),
        ("set taken @/nowhere", 3, "/nowhere"),
        ("push taken 1", 1, "type_mismatch"),
        ("get taken --token nonsense", 6, "invalid_token"),
        ("set taken 1 --nx --xx", 2, "cannot be used with"),
        ("set taken 1 --ex 1 --px 1", 2, "cannot be used with"),
        ("get taken --api-url ftp://x", 2, "http"),
        (
            "get taken --api-url http://127.0.0.1:1 --patience 0s",
            1,
            "is the service running",
        ),
    ] {
        let (exit, error) = shell.fail(line);
        assert_eq!(exit, code, "{line}: {error}");
        assert!(error.contains(said), "{line}: {error}");
        if exit != 2 {
            assert_eq!(error.lines().count(), 1, "{line}: {error}");
        }
    }
    let output = service::command(&["get", "x"]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(6), "{error}");
    assert!(error.contains("AUTOMATION_KV_TOKEN is not set"), "{error}");
}

#[test]
fn a_watched_key_is_shown_whenever_it_changes() {
    let shell = Shell::new();
    let mut watching = shell
        .command(&["watch", "cursor", "--count", "3", "--interval", "1s"])
        .stdin(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let mut lines = BufReader::new(watching.stdout.take().expect("a pipe")).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON") };
    assert_eq!(next(), json!({"key": "cursor", "exists": false}));
    shell.run("set cursor 17");
    assert_eq!(next()["value"], json!(17));
    shell.run("del cursor");
    assert_eq!(next(), json!({"key": "cursor", "exists": false}));
    assert!(watching.wait().expect("an end").success());
}
