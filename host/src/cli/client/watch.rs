//! `watch`.

use std::time::Duration;

use automation_kv_client::{Entry, Kv};
use clap::Args;
use serde_json::json;
use serde_json::value::RawValue;

use super::super::output::{self, Format, Reader};
use super::super::{CommandError, knobs};
use super::connection::{Connection, failed};
use super::show::{bare, line};

#[derive(Debug, Args)]
pub(in crate::cli) struct Watch {
    /// The key.
    key: String,

    /// How often to look.
    #[arg(long, value_name = "DURATION", default_value = "1s", value_parser = knobs::interval)]
    interval: Duration,

    /// End after so many lines.
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,

    /// How to show a change: as JSON, or raw (the value alone, an empty line where there is none).
    #[arg(long, value_enum, value_name = "FORMAT", default_value_t = Format::Json)]
    output: Format,

    #[command(flatten)]
    connection: Connection,
}

type Seen = Option<Entry<Box<RawValue>>>;

impl Watch {
    /// Prints a line for what is there, and one whenever that has changed.
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let kv = self.connection.kv()?;
        let mut left = self.count.unwrap_or(u64::MAX);
        let mut last = None;
        while left > 0 {
            let seen = self.look(&kv).await?;
            let key_version = seen.as_ref().map_or(0, |entry| entry.key_version);
            if last != Some(key_version) {
                last = Some(key_version);
                if self.show(&seen)? == Reader::Gone {
                    break;
                }
                left -= 1;
            }
            if left > 0 {
                tokio::time::sleep(self.interval).await;
            }
        }
        Ok(())
    }

    async fn look(&self, kv: &Kv) -> Result<Seen, CommandError> {
        kv.entry(&self.key).await.map_err(|error| failed(&error))
    }

    fn show(&self, seen: &Seen) -> Result<Reader, CommandError> {
        let key = json!(self.key);
        output::offer(match (seen, self.output) {
            (Some(entry), Format::Raw) => line(&bare(entry.value.get())),
            (None, Format::Raw) => line(""),
            (Some(entry), _) => line(&format!(
                r#"{{"key":{key},"value":{},"key_version":{},"version":{}}}"#,
                entry.value, entry.key_version, entry.version
            )),
            (None, _) => line(&format!(r#"{{"key":{key},"exists":false}}"#)),
        })
    }
}
