//! Every command of `docs/cli.md` runs as it is printed, and prints what is printed below it.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;

use support::service;
use support::sessions::{self, Session};

const DOCUMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md");

#[test]
fn every_command_of_the_document_prints_what_is_printed() {
    sessions::assert_they_print_what_is_printed(&fs::read_to_string(DOCUMENT).expect("the document"));
}

#[test]
fn every_command_is_in_the_document() {
    let sessions = sessions::read(&fs::read_to_string(DOCUMENT).expect("the document"));
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
