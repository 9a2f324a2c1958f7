//! The scripts in `examples/` do what they say.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::io::Write;
use std::process::{Child, Command, Stdio};

use serde_json::json;
use uuid::Uuid;

use support::service::{self, SECRET, Service, Setup};
use support::token;

const SLACK_LISTENER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/slack_listener.py");

#[test]
fn overlapping_slack_listeners_handle_each_message_once_and_forget_old_ones() {
    const RUNS: usize = 4;
    const MESSAGES: usize = 25;
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let id = Uuid::new_v4();
    let week_ago = token::now() - 8 * 86_400;
    service
        .client(id)
        .put("/seen", &json!({"C1.old": week_ago, "C1.recent": token::now()}));
    let messages: Vec<String> = (0..MESSAGES)
        .map(|number| format!("C1.{number} text of {number}\n"))
        .collect();
    let input = messages.concat() + "C1.recent text of an old one\n";
    let runs: Vec<Child> = (0..RUNS).map(|_| listen(&service, id, &input)).collect();
    let mut handled = Vec::new();
    for run in runs {
        let output = run.wait_with_output().expect("the script ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        handled.extend(
            String::from_utf8(output.stdout)
                .expect("text")
                .lines()
                .map(str::to_owned),
        );
    }
    handled.sort();
    let mut expected: Vec<String> = (0..MESSAGES).map(|number| format!("text of {number}")).collect();
    expected.sort();
    assert_eq!(handled, expected);
    let (_, seen) = service.client(id).get("/seen");
    let seen = seen["value"].as_object().expect("an object").clone();
    assert_eq!(seen.len(), MESSAGES + 1);
    assert!(!seen.contains_key("C1.old") && seen.contains_key("C1.recent"));
    let (_, keys) = service.client(id).get("");
    assert_eq!(keys["keys"], json!(["seen"]), "leases stayed");
}

fn listen(service: &Service, id: Uuid, input: &str) -> Child {
    let mut run = Command::new("python3")
        .arg(SLACK_LISTENER)
        .env("AUTOMATION_API_URL", format!("http://{}", service.address()))
        .env("AUTOMATION_KV_TOKEN", token::valid(SECRET, &id.to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut stdin = run.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).expect("a reader");
    run
}
