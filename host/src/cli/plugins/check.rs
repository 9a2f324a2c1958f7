//! `automation-kv plugins check`

use std::fmt::Write as _;

use clap::Args;
use serde::Serialize;
use serde_json::Value;

use super::super::output::{self, Format};
use super::super::{CommandError, Exit};
use super::knobs::SandboxKnobs;
use crate::engine::plugin::Plugin;

#[derive(Debug, Args)]
pub(in crate::cli) struct Check {
    #[command(flatten)]
    sandbox: SandboxKnobs,

    /// How to show what the plugins are.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,

    /// The components.
    #[arg(required = true, value_name = "FILE.wasm")]
    files: Vec<String>,
}

/// What is known of a plugin before it is called.
#[derive(Serialize)]
struct Checked<'a> {
    file: &'a str,
    name: &'a str,
    version: &'a str,
    documentation: &'a str,
    writes: bool,
    sha256: &'a str,
    imports: &'a [String],
    input_schema: Value,
    output_schema: Value,
}

impl Check {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let engine = self.sandbox.engine()?;
        for file in &self.files {
            let plugin = engine.load(&output::read(file)?).map_err(|reason| {
                CommandError::with(
                    Exit::Failure,
                    format!("{file} is not a plugin that can be used: {reason}"),
                )
            })?;
            Checked::of(file, &plugin).print(self.output)?;
        }
        Ok(())
    }
}

impl<'a> Checked<'a> {
    fn of(file: &'a str, plugin: &'a Plugin) -> Self {
        let description = plugin.description();
        // They were read when the plugin was loaded.
        let schema = |text: &str| serde_json::from_str(text).unwrap_or_default();
        Self {
            file,
            name: &description.name,
            version: &description.version,
            documentation: &description.documentation,
            writes: description.writes,
            sha256: plugin.sha256(),
            imports: plugin.imports(),
            input_schema: schema(&description.input_schema),
            output_schema: schema(&description.output_schema),
        }
    }

    fn print(&self, format: Format) -> Result<(), CommandError> {
        match format {
            Format::Json => output::print_json(self),
            Format::Raw => output::print(format!("{}\n", self.name)),
            Format::Table => output::print(self.table()),
        }
    }

    fn table(&self) -> String {
        let mut text = String::new();
        let rows = [
            ("plugin", format!("{} {}", self.name, self.version)),
            ("does", self.documentation.to_string()),
            ("writes", if self.writes { "yes" } else { "no" }.to_string()),
            ("imports", self.imports.join(", ")),
            ("input", self.input_schema.to_string()),
            ("output", self.output_schema.to_string()),
            ("sha256", self.sha256.to_string()),
        ];
        for (name, value) in rows {
            // Writing to a string does not fail.
            let _ = writeln!(text, "{name:<8} {value}");
        }
        text
    }
}
