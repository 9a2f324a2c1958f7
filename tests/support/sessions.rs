//! Documents whose commands run as they are printed, and print what is printed below them.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};

use regex::Regex;

use super::service::{self, BINARY};

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples");

/// What stands between the outputs of two commands.
const MARK: &str = "=== next command ===";

/// What would change how and where a command of a document builds.
const OF_THE_BUILD: [&str; 5] = [
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
    "CARGO_ENCODED_RUSTFLAGS",
    "CARGO_TARGET_DIR",
    "RUSTFLAGS",
];

/// What differs from run to run, and what stands for it.
const VOLATILE: [(&str, &str); 3] = [
    (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r"\b[0-9a-f]{64}\b", "HASH"),
    (r"[ \t]+\n", "\n"),
];

/// A command, and what it printed.
pub struct Session {
    pub command: String,
    pub output: String,
}

/// The indented lines: each begins with `$` or was printed by the command before. What stands in a fence is not run.
pub fn read(document: &str) -> Vec<Session> {
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

/// Runs a document's commands, and fails where one prints something else than the document says.
pub fn assert_they_print_what_is_printed(document: &str) {
    let sessions = read(document);
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
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("AUTOMATION_") || OF_THE_BUILD.contains(&name.as_str()) {
            shell.env_remove(name);
        }
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
