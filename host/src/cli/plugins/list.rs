//! `automation-kv plugins list`

use automation_kv_client::Call;
use clap::Args;

use super::super::CommandError;
use super::super::client::Read;

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    read: Read,
}

impl List {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        self.read.send(Call::plugins(), "plugins").await
    }
}
