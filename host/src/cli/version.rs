//! `automation-kv version`

use clap::Args;

use super::CommandError;
use super::output::{self, Format};
use crate::engine;

#[derive(Debug, Args)]
pub(super) struct Version {
    /// How to show it; raw is the version alone.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,
}

impl Version {
    pub(super) fn run(self) -> Result<(), CommandError> {
        const VERSION: &str = env!("CARGO_PKG_VERSION");
        let (sha256, wit) = (engine::built_in_sha256(), engine::WIT_PACKAGE);
        match self.output {
            Format::Table => output::print(format!("automation-kv {VERSION}\nengine sha256 {sha256}\nwit {wit}\n")),
            Format::Json => {
                output::print_json(&serde_json::json!({"version": VERSION, "engine": {"sha256": sha256, "wit": wit}}))
            }
            Format::Raw => output::print(format!("{VERSION}\n")),
        }
    }
}
