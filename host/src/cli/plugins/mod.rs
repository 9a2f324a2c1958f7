//! `automation-kv plugins`

mod cases;
mod check;
mod knobs;
mod list;
mod new;
mod test;

use std::process::ExitCode;

use clap::Subcommand;

use super::{CommandError, runtime};
use crate::engine::plugin::{CallReport, Level, Plugin};

pub(super) use knobs::PluginKnobs;

/// Plugins: operations of your own, which run within a state's transaction.
#[derive(Debug, Subcommand)]
pub(super) enum Plugins {
    /// Begin a plugin: write a project that builds and tests.
    New(new::New),
    /// Look whether a service would admit a component, and show what it says of itself.
    Check(check::Check),
    /// Call a plugin on states of your choice, and compare what comes of it with what should.
    Test(test::Test),
    /// List the plugins of a service.
    List(list::List),
}

impl Plugins {
    pub(super) fn run(self) -> Result<ExitCode, CommandError> {
        let done = |()| ExitCode::SUCCESS;
        match self {
            Self::New(new) => new.run().map(done),
            Self::Check(check) => check.run().map(done),
            Self::Test(test) => test.run(),
            Self::List(list) => runtime()?.block_on(list.run()).map(done),
        }
    }
}

/// Shows on stderr what a plugin wrote to the log, and how it failed.
pub(super) fn show(plugin: &Plugin, report: &CallReport) {
    let name = &plugin.description().name;
    for line in &report.lines {
        eprintln!("plugin {name} {}: {}", level(line.level), line.message.escape_debug());
    }
    if let Some((_, cause)) = &report.fault {
        eprintln!("plugin {name} was stopped: {cause}");
    }
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Debug => "debug",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    }
}
