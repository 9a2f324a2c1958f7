//! Every command of `docs/cli.md` runs as it is printed, and prints what is printed below it.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use regex::Regex;

use support::service::{self, BINARY};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");
const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

/// What stands between the outputs of two commands.
const MARK: &str = "=== next command ===";

/// What differs from run to run, and what stands for it.
const VOLATILE: [(&str, &str); 3] = [
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\b[0-9a-f]{64}\b", "HASH"),
    (r"[ \t]+\n", "\n"),
];

/// A command, and what it printed.
struct Session {
    command: String,
    output: String,
}

#[test]
fn every_command_of_the_document_prints_what_is_printed() {
    let sessions = read(&fs::read_to_string(DOCUMENT).expect("the document"));
    let outputs = run(&sessions);
    assert_eq!(outputs.len(), sessions.len(), "a command ended the shell: {outputs:?}");
    let mut problems = String::new();
    for (session, output) in sessions.iter().zip(&outputs) {
        if without_volatile(&session.output) != without_volatile(output) {
            let _ = writeln!(problems, "$ {}\n{}prints\n{output}", session.command, session.output);
        }
    }
    assert!(problems.is_empty(), "{problems}");
}

#[test]
fn every_command_is_in_the_document() {
    let sessions = read(&fs::read_to_string(DOCUMENT).expect("the document"));
    let help = service::command(&["help"]).output().expect("the binary runs");
    let help = String::from_utf8(help.stdout).expect("text");
    let listed = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty());
    let commands: Vec<&str> = listed
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next())
        .collect();
    assert!(commands.contains(&"dry-run"), "{help}");
    for command in commands
        .into_iter()
        .filter(|command| !["", "help", "serve"].contains(command))
    {
        let called = format!("automation-kv {command} ");
        let is_there = |session: &Session| format!("{} ", session.command).contains(&called);
        assert!(sessions.iter().any(is_there), "nothing calls {command}");
    }
}

/// The indented lines: each begins with `$` or was printed by the command before. What stands in a fence is not run.
fn read(document: &str) -> Vec<Session> {
    let mut sessions: Vec<Session> = Vec::new();
    let unfenced = document.split("```").step_by(2).flat_map(str::lines);
    for line in unfenced.filter_map(|line| line.strip_prefix("    ")) {
        match (line.strip_prefix("$ "), sessions.last_mut()) {
            (Some(command), _) => sessions.push(Session {
                command: command.to_owned(),
                output: String::new(),
            }),
            (None, Some(session)) => {
                let _ = writeln!(session.output, "{line}");
            }
            (None, None) => panic!("no command printed {line:?}"),
        }
    }
    sessions
}

/// Runs all commands in one shell, in a folder of its own.
fn run(sessions: &[Session]) -> Vec<String> {
    let folder = service::folder();
    let programs = folder.path().join("bin");
    fs::create_dir(&programs).expect("a folder");
    symlink(BINARY, programs.join("automation-kv")).expect("a link");
    let work = folder.path().join("work");
    fs::create_dir(&work).expect("a folder");
    symlink(EXAMPLES, work.join("examples")).expect("a link");
    let mut script = String::from("exec 2>&1\n");
    for session in sessions {
        let _ = writeln!(script, "{}\necho '{MARK}'", session.command);
    }
    let mut shell = Command::new("bash");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("AUTOMATION_")) {
        shell.env_remove(name);
    }
    let path = std::env::var("PATH").expect("a path");
    let output = shell
        .args(["-c", &script])
        .current_dir(&work)
        .env("PATH", format!("{}:{path}", programs.display()))
        .stdin(Stdio::null())
        .output()
        .expect("bash");
    let output = String::from_utf8(output.stdout).expect("text");
    let mut outputs: Vec<String> = output.split(&format!("{MARK}\n")).map(str::to_owned).collect();
    outputs.pop();
    outputs
}

fn without_volatile(output: &str) -> String {
    let mut output = format!("{}\n", output.trim_end());
    for (pattern, name) in VOLATILE {
        let pattern = Regex::new(pattern).expect("a pattern");
        output = pattern.replace_all(&output, name).into_owned();
    }
    output
}
