//! `automation-kv completions` and `man`

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use super::{CommandError, CommandLine, output};

#[derive(Debug, Args)]
pub(super) struct Completions {
    /// For which shell.
    shell: Shell,
}

#[derive(Debug, Args)]
pub(super) struct Man {
    /// The folder to write a page for each command to.
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
}

impl Completions {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut CommandLine::command(), "automation-kv", &mut script);
        output::print(script)
    }
}

impl Man {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let written = std::fs::create_dir_all(&self.folder)
            .and_then(|()| clap_mangen::generate_to(CommandLine::command(), &self.folder));
        written.map_err(|error| CommandError::new(format!("cannot write to {}: {error}", self.folder.display())))
    }
}
