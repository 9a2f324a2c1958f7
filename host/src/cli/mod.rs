//! The command line.

mod automations;
mod child;
mod dev;
mod dry_run;
mod embedded;
mod engine;
mod exit;
mod knobs;
mod limits;
mod logging;
mod output;
mod run;
mod serve;
mod simulate;
mod token;
mod version;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::Runtime;

use exit::{CommandError, Exit};

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
    /// Run a command as the platform would: with a token, and a service to talk to.
    Run(run::RunCommand),
    /// Run a command on a copy of a state that is thrown away, and show what it would have changed.
    DryRun(dry_run::DryRun),
    /// Carry out batches on a state without network, database and secret: same input, same output.
    Simulate(simulate::Simulate),
    /// Get at the engine component.
    #[command(subcommand)]
    Engine(engine::Engine),
    /// Show the version, and the engine's hash and WIT package.
    Version(version::Version),
}

/// Runs the command that the process was started with. The exit codes are those of `docs/cli.md`.
pub fn main() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let result = match CommandLine::parse().command {
        Command::Serve(serve) => serve.run().map(done),
        Command::Token(token) => token.run().map(done),
        Command::Automations(automations) => automations.run().map(done),
        Command::Run(run) => run.run(),
        Command::DryRun(dry_run) => dry_run.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Engine(engine) => engine.run().map(done),
        Command::Version(version) => version.run().map(done),
    };
    result.unwrap_or_else(|error| {
        eprintln!("automation-kv: {error}");
        error.exit.into()
    })
}

fn runtime() -> Result<Runtime, CommandError> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(format!("cannot start the runtime: {error}")))
}
