//! The command line.

mod automations;
mod dev;
mod history;
mod knobs;
mod logging;
mod operator;
mod rotate;
mod serve;
mod token;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Encrypted, durable JSON key-value state for automations, over plain HTTP.
#[derive(Debug, Parser)]
#[command(name = "automation-kv", version, arg_required_else_help = true)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the REST API.
    Serve(serve::Serve),
    /// Print a token for one automation, and nothing else.
    Token(token::Token),
    /// List and delete automations, straight in the database.
    #[command(subcommand)]
    Automations(automations::Automations),
    /// List the states that an automation had before its latest runs wrote.
    History(history::History),
    /// Show how two states of an automation differ.
    Diff(history::Diff),
    /// Put an earlier state of an automation back, as a new version.
    Restore(history::Restore),
    /// Seal everything anew with the current secret, while services run.
    Rotate(rotate::Rotate),
}

/// Why a command failed: one line for stderr.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct CommandError(String);

impl CommandError {
    fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }
}

/// Runs the command that the process was started with. The exit code is 0 for success, 1 for failure, 2 for
/// wrong usage.
pub fn main() -> ExitCode {
    let result = match CommandLine::parse().command {
        Command::Serve(serve) => serve.run(),
        Command::Token(token) => token.run(),
        Command::Automations(automations) => automations.run(),
        Command::History(history) => history.run(),
        Command::Diff(diff) => diff.run(),
        Command::Restore(restore) => restore.run(),
        Command::Rotate(rotate) => rotate.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("automation-kv: {error}");
            ExitCode::FAILURE
        }
    }
}
