//! Which plugins there are, and what they may use up.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::super::CommandError;
use crate::engine::plugin::{PluginEngine, PluginOptions};
use crate::plugins::{PluginFolder, Plugins};

/// A folder of plugins.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct PluginKnobs {
    /// A folder of plugins: all its files whose names end in .wasm.
    #[arg(long, env = "AUTOMATION_KV_PLUGINS", value_name = "FOLDER", help_heading = "Plugins")]
    plugins: Option<PathBuf>,

    #[command(flatten)]
    sandbox: SandboxKnobs,
}

/// What a plugin may use up.
#[derive(Debug, Clone, Args)]
pub(in crate::cli) struct SandboxKnobs {
    /// Admit plugins that import WASI. They get a WASI in which there is nothing but the request's time and random numbers.
    #[arg(long, env = "AUTOMATION_KV_ALLOW_WASI", help_heading = "Plugins")]
    allow_wasi: bool,

    /// The longest that one call of a plugin may run, in milliseconds.
    #[arg(long, env = "AUTOMATION_KV_PLUGIN_DEADLINE_MS", default_value_t = 1000, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(1..=60_000), help_heading = "Plugins")]
    plugin_deadline_ms: u64,

    /// The most memory of one call, in bytes.
    #[arg(
        long,
        env = "AUTOMATION_KV_PLUGIN_MEMORY",
        default_value_t = 128 << 20,
        value_name = "BYTES",
        help_heading = "Plugins"
    )]
    plugin_memory: usize,

    /// The most instructions of one call, roughly (wasmtime's fuel).
    #[arg(
        long,
        env = "AUTOMATION_KV_PLUGIN_FUEL",
        default_value_t = 1_000_000_000,
        value_name = "INSTRUCTIONS",
        help_heading = "Plugins"
    )]
    plugin_fuel: u64,

    /// A folder for compiled plugins that nobody else can enter. Unless given, `automation-kv` in the user's cache.
    #[arg(
        long,
        env = "AUTOMATION_KV_PLUGIN_CACHE",
        value_name = "FOLDER",
        help_heading = "Plugins"
    )]
    plugin_cache: Option<PathBuf>,
}

impl PluginKnobs {
    /// The folder with all its plugins loaded, if there is to be one. Takes as long as the compiler does.
    pub(in crate::cli) fn open(&self) -> Result<Option<PluginFolder>, CommandError> {
        let Some(folder) = &self.plugins else {
            return Ok(None);
        };
        let opened = PluginFolder::open(folder.clone(), self.sandbox.engine()?);
        opened.map(Some).map_err(|error| CommandError::new(error.to_string()))
    }

    /// The plugins of the folder; none without one.
    pub(in crate::cli) fn load(&self) -> Result<Plugins, CommandError> {
        Ok(self.open()?.map_or_else(Plugins::none, |folder| folder.plugins()))
    }

    /// Whether there is to be a folder.
    pub(in crate::cli) fn are_wanted(&self) -> bool {
        self.plugins.is_some()
    }
}

impl SandboxKnobs {
    /// An engine for plugins.
    pub(super) fn engine(&self) -> Result<PluginEngine, CommandError> {
        let options = PluginOptions {
            deadline: Duration::from_millis(self.plugin_deadline_ms),
            fuel: self.plugin_fuel,
            memory_bytes: self.plugin_memory,
            allows_wasi: self.allow_wasi,
            cache: self.plugin_cache.clone(),
        };
        PluginEngine::new(options).map_err(|error| CommandError::new(error.to_string()))
    }
}
