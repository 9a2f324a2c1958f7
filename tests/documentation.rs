//! Every command of `docs/api.md` runs as it is printed, and is answered as it is printed.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use serde_json::{Map, Value};

use support::service::{self, Setup, command};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/api.md");

/// Whose token `serve --dev` prints.
const AUTOMATION: &str = "00000000-0000-4000-8000-0000000000de";

/// What stands between the outputs of two commands.
const MARK: &str = "=== next command ===";

/// Members that differ from run to run.
const VOLATILE: [&str; 5] = ["ttl_ms", "next_cursor", "stored_bytes", "run_id", "sha256"];

/// What the commands must call, all together, behind `/v1`.
const CALLS: [&str; 29] = [
    "$U\n",
    "-X PUT $U/",
    "-X PATCH $U/",
    "-X DELETE $U/",
    "/incr",
    "/decr",
    "/lpush",
    "/rpush",
    "/lpop",
    "/rpop",
    "/len",
    "/range",
    "/trim",
    "/remove",
    "/prune",
    "/expire",
    "/persist",
    "/claim",
    "/renew",
    "/release",
    "/batch",
    "/history",
    "/automations?",
    "/automations/",
    "/info",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
];

/// A command, and the lines that it is answered with.
struct Example {
    command: String,
    answer: Vec<String>,
}

#[test]
fn every_command_of_the_api_s_document_is_answered_as_printed() {
    let document = fs::read_to_string(DOCUMENT).expect("the document");
    let (preparations, examples) = read(&document);
    let outputs = run(&preparations, &examples);
    assert_eq!(outputs.len(), examples.len(), "a command ended the shell: {outputs:?}");
    let mut problems = String::new();
    for (example, output) in examples.iter().zip(&outputs) {
        if let Err(problem) = compare(&example.answer, output) {
            let _ = writeln!(problems, "$ {}\n{problem}\nis answered: {output}", example.command);
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn every_call_has_a_command() {
    let document = fs::read_to_string(DOCUMENT).expect("the document");
    let (_, examples) = read(&document);
    let commands = examples
        .iter()
        .fold(String::new(), |commands, example| commands + &example.command + "\n");
    for call in CALLS {
        assert!(commands.contains(call), "nothing calls {call:?}");
    }
}

/// The lines that prepare the shell, and the examples. Both are indented.
fn read(document: &str) -> (Vec<String>, Vec<Example>) {
    let mut preparations = Vec::new();
    let mut examples: Vec<Example> = Vec::new();
    let mut is_open = false;
    for line in document.lines() {
        let Some(code) = line.strip_prefix("    ") else {
            is_open &= line.is_empty();
            continue;
        };
        if let Some(command) = code.strip_prefix("$ ") {
            let command = command.to_owned();
            let answer = Vec::new();
            examples.push(Example { command, answer });
            is_open = true;
        } else if let Some(example) = examples.last_mut().filter(|_| is_open) {
            example.answer.push(code.trim().to_owned());
        } else if code.starts_with("U=") || code.starts_with("alias ") {
            preparations.push(code.to_owned());
        }
    }
    (preparations, examples)
}

/// Runs all commands in one shell, against `serve --dev` on a new database.
fn run(preparations: &[String], examples: &[Example]) -> Vec<String> {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path())
        .without("AUTOMATION_KV_SECRET")
        .argument("--dev")
        .start();
    let printed = service.printed_until("curl ");
    let export = printed.lines().find(|line| line.starts_with("export "));
    let secret = fs::read_to_string(folder.path().join("state.db.secret")).expect("a secret");
    let token = |arguments: &[&str]| {
        let mut command = command(&["token"]);
        command.args(arguments).env("AUTOMATION_KV_SECRET", secret.trim());
        let output = command.output().expect("the binary runs");
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    let scoped = [
        "--automation",
        AUTOMATION,
        "--read-only",
        "--keys",
        "cursor:*",
        "--ops",
        "get,list",
    ];
    let mut script = String::from("shopt -s expand_aliases\n");
    let _ = writeln!(script, "{}", export.expect("an export line"));
    for preparation in preparations {
        let _ = writeln!(script, "{preparation}");
    }
    for example in examples {
        let _ = writeln!(script, "{}\necho; echo '{MARK}'", example.command);
    }
    let output = Command::new("bash")
        .args(["-c", &script])
        .env("ADMIN_TOKEN", token(&["--admin"]))
        .env("SCOPED_TOKEN", token(&scoped))
        .output()
        .expect("bash");
    let output = String::from_utf8(output.stdout).expect("text");
    let mut outputs: Vec<String> = output.split(MARK).map(|output| output.trim().to_owned()).collect();
    outputs.pop();
    outputs
}

fn compare(answer: &[String], output: &str) -> Result<(), String> {
    let output = output.replace('\r', "");
    let is_with_head = answer.first().is_some_and(|line| line.starts_with("HTTP/"));
    if !is_with_head {
        return compare_bodies(&answer.concat(), &output);
    }
    let is_body = |line: &String| line.starts_with('{');
    let (head, body) = answer.split_at(answer.iter().position(is_body).unwrap_or(answer.len()));
    let (given_head, given_body) = output.split_once("\n\n").unwrap_or((&output, ""));
    for line in head {
        if !given_head.lines().any(|given| given.eq_ignore_ascii_case(line)) {
            return Err(format!("expected the line {line:?}"));
        }
    }
    compare_bodies(&body.concat(), given_body)
}

fn compare_bodies(expected: &str, given: &str) -> Result<(), String> {
    let parsed = (
        serde_json::from_str::<Value>(expected),
        serde_json::from_str::<Value>(given),
    );
    let is_same = match parsed {
        (Ok(expected), Ok(given)) => is_alike(&expected, &given),
        _ => expected.trim() == given.trim(),
    };
    if is_same {
        Ok(())
    } else {
        Err(format!("expected {expected}"))
    }
}

/// Whether two values are the same but for times and what else differs from run to run.
fn is_alike(expected: &Value, given: &Value) -> bool {
    match (expected, given) {
        (Value::Object(expected), Value::Object(given)) => are_alike(expected, given),
        (Value::Array(expected), Value::Array(given)) => {
            expected.len() == given.len() && expected.iter().zip(given).all(|(one, other)| is_alike(one, other))
        }
        (Value::String(expected), Value::String(given)) => expected == given || (is_time(expected) && is_time(given)),
        _ => expected == given,
    }
}

fn are_alike(expected: &Map<String, Value>, given: &Map<String, Value>) -> bool {
    expected.keys().eq(given.keys())
        && expected.iter().zip(given).all(|((name, expected), (_, given))| {
            let is_volatile = VOLATILE.contains(&name.as_str());
            is_alike(expected, given) || (is_volatile && !expected.is_null() && !given.is_null())
        })
}

fn is_time(text: &str) -> bool {
    text.parse::<jiff::Timestamp>().is_ok()
}
