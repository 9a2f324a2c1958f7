//! `call`.

use automation_kv_client::Call;
use clap::Args;

use super::super::CommandError;
use super::connection::{Connection, Shown, once};
use super::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct CallPlugin {
    /// The plugin, by its name.
    name: String,

    /// Its input: JSON; `-` for stdin, `@FILE` for a file. An empty object unless given.
    input: Option<String>,

    /// Only if the state has this version.
    #[arg(long, value_name = "VERSION", help_heading = "Conditions")]
    if_version: Option<u64>,

    /// Do it once, however often it is sent with this text within 24 hours.
    #[arg(long, value_name = "TEXT", help_heading = "Conditions")]
    idempotency_key: Option<String>,

    #[command(flatten)]
    shown: Shown,

    #[command(flatten)]
    connection: Connection,
}

impl CallPlugin {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let input = match &self.input {
            Some(input) => json::read(input)?.get().to_owned(),
            None => "{}".to_owned(),
        };
        let mut call = Call::on_plugin(&self.name).body(input);
        if let Some(version) = self.if_version {
            call = call.query("if_version", version.to_string());
        }
        let call = once(call, self.idempotency_key.as_deref());
        self.shown.show(&self.connection.send(call).await?, "output")
    }
}
