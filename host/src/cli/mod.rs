//! The command line.

mod automations;
mod dev;
mod knobs;
mod logging;
mod openapi;
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
    /// Print the description of the REST API in OpenAPI 3.1.
    Openapi(openapi::Openapi),
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
        Command::Openapi(openapi) => openapi.run(),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("automation-kv: {error}");
            ExitCode::FAILURE
        }
    }
}
