//! The command line.

mod automations;
mod check;
mod child;
mod client;
mod dev;
mod doctor;
mod dry_run;
mod embedded;
mod engine;
mod exit;
mod history;
mod inspect;
mod knobs;
mod limits;
mod listen;
mod logging;
mod manual;
mod mcp;
mod migrate;
mod openapi;
mod operator;
mod output;
mod plugins;
mod rotate;
mod run;
mod serve;
mod simulate;
mod token;
mod transfer;
mod version;
mod workers;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

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
    #[command(flatten)]
    Client(client::Client),
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
    /// Plugins: operations of your own, which run within a state's transaction.
    #[command(subcommand)]
    Plugins(plugins::Plugins),
    /// Get at the engine component.
    #[command(subcommand)]
    Engine(engine::Engine),
    /// Show the version, and the engine's hash and WIT package.
    Version(version::Version),
    /// List the states that an automation had before its latest runs wrote.
    History(history::History),
    /// Show how two states of an automation differ.
    Diff(history::Diff),
    /// Put an earlier state of an automation back, as a new version.
    Restore(history::Restore),
    /// Seal everything anew with the current secret, while services run.
    Rotate(rotate::Rotate),
    /// Test a running service from outside, whoever wrote it: ours, or another one of the same contract.
    Check(check::Check),
    /// Show the keys of an automation: sizes, versions, ages, and the room that is left.
    Inspect(inspect::Inspect),
    /// Write an automation's state to a file.
    Export(transfer::Export),
    /// Put a state from a file in the place of an automation's, as a new version.
    Import(transfer::Import),
    /// Bring a database up to date, as every start of a service does.
    Migrate(migrate::Migrate),
    /// Look whether all is well: secret, database, states, clock, engine, a write and a read.
    Doctor(doctor::Doctor),
    /// Offer the store to an agent as tools (Model Context Protocol), over stdin and stdout.
    Mcp(mcp::Mcp),
    /// Print completions for a shell.
    Completions(manual::Completions),
    /// Write the manual pages.
    Man(manual::Man),
    /// Print the description of the REST API in OpenAPI 3.1.
    Openapi(openapi::Openapi),
}

/// Runs the command that the process was started with. The exit codes are those of `docs/cli.md`.
pub fn main() -> ExitCode {
    let done = |()| ExitCode::SUCCESS;
    let result = match CommandLine::parse().command {
        Command::Client(client) => client.run().map(done),
        Command::Serve(serve) => serve.run().map(done),
        Command::Token(token) => token.run().map(done),
        Command::Automations(automations) => automations.run().map(done),
        Command::Run(run) => run.run(),
        Command::DryRun(dry_run) => dry_run.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Plugins(plugins) => plugins.run(),
        Command::Engine(engine) => engine.run().map(done),
        Command::Version(version) => version.run().map(done),
        Command::History(history) => history.run().map(done),
        Command::Diff(diff) => diff.run().map(done),
        Command::Restore(restore) => restore.run().map(done),
        Command::Rotate(rotate) => rotate.run().map(done),
        Command::Check(check) => check.run(),
        Command::Inspect(inspect) => inspect.run().map(done),
        Command::Export(export) => export.run().map(done),
        Command::Import(import) => import.run().map(done),
        Command::Migrate(migrate) => migrate.run().map(done),
        Command::Doctor(doctor) => doctor.run().map(done),
        Command::Mcp(mcp) => mcp.run().map(done),
        Command::Completions(completions) => completions.run().map(done),
        Command::Man(man) => man.run().map(done),
        Command::Openapi(openapi) => openapi.run().map(done),
    };
    result.unwrap_or_else(|error| {
        eprintln!("automation-kv: {error}");
        error.exit.into()
    })
}

fn runtime() -> Result<Runtime, CommandError> {
    build(Builder::new_multi_thread())
}

/// What every runtime of ours has, on whatever threads.
fn build(mut builder: Builder) -> Result<Runtime, CommandError> {
    builder
        // Whoever else could run goes first, and what comes of that need not wake this thread: a wake-up costs more than a turn.
        .on_thread_park(std::thread::yield_now)
        .enable_all()
        .build()
        .map_err(|error| CommandError::new(format!("cannot start the runtime: {error}")))
}
