//! `batch`.

use automation_kv_client::{Call, Method};
use clap::Args;

use super::super::CommandError;
use super::connection::{Connection, Shown, once};
use super::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct Batch {
    /// A list of operations such as [{"op":"incr","key":"runs"}], or a whole body {"operations":[…]}; `-` for stdin, `@FILE`
    /// for a file.
    operations: String,

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

impl Batch {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let operations = json::read(&self.operations)?;
        let operations = operations.get().trim();
        let body = match self.if_version {
            _ if operations.starts_with('{') && self.if_version.is_some() => {
                return Err(CommandError::with(
                    super::super::Exit::Usage,
                    "--if-version goes with a list of operations; a whole body has its own if_version",
                ));
            }
            _ if operations.starts_with('{') => operations.to_owned(),
            Some(version) => format!(r#"{{"operations":{operations},"if_version":{version}}}"#),
            None => format!(r#"{{"operations":{operations}}}"#),
        };
        let call = Call::on_state(Method::POST, "batch").body(body);
        let call = once(call, self.idempotency_key.as_deref());
        self.shown.show(&self.connection.send(call).await?, "results")
    }
}
