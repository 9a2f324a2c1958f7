//! `automation-kv engine`

use clap::{Args, Subcommand};

use super::{CommandError, output};
use crate::engine;

#[derive(Debug, Subcommand)]
pub(super) enum Engine {
    /// Write the engine's WebAssembly component, the very one that this binary runs, to a file.
    Export(Export),
}

#[derive(Debug, Args)]
pub(super) struct Export {
    /// The file; `-` for stdout.
    #[arg(value_name = "FILE")]
    file: String,
}

impl Engine {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let Self::Export(Export { file }) = self;
        output::write(&file, engine::BUILT_IN_COMPONENT)
    }
}
