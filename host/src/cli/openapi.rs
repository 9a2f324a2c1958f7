//! `automation-kv openapi`

use clap::Args;

use super::{CommandError, knobs, output};
use crate::api;

#[derive(Debug, Args)]
pub(super) struct Openapi {
    /// The path that the service serves its API under too.
    #[arg(long, env = "AUTOMATION_KV_BASE_PATH", default_value = "/api/automation", value_name = "PATH", value_parser = knobs::base_path)]
    base_path: String,
}

impl Openapi {
    pub(super) fn run(self) -> Result<(), CommandError> {
        output::print(api::openapi_document(&self.base_path))
    }
}
