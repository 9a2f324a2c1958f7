//! `remove` and `prune`.

use automation_kv_client::{Call, Method};
use clap::{ArgGroup, Args};
use serde_json::json;

use super::super::CommandError;
use super::connection::Write;
use super::json;

#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").args(["value", "field"]).required(true)))]
#[command(group(ArgGroup::new("test").args(["equals", "older_than"]).requires("field")))]
pub(in crate::cli) struct Remove {
    /// The key.
    key: String,

    /// What is equal to this JSON value.
    #[arg(long, value_name = "JSON", allow_negative_numbers = true)]
    value: Option<String>,

    /// What has, at this path, what --equals or --older-than says.
    #[arg(long, value_name = "PATH", requires = "test")]
    field: Option<String>,

    /// A JSON value.
    #[arg(long, value_name = "JSON", allow_negative_numbers = true)]
    equals: Option<String>,

    /// A time more than so many seconds ago.
    #[arg(long, value_name = "SECONDS")]
    older_than: Option<f64>,

    #[command(flatten)]
    write: Write,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Prune {
    /// The key.
    key: String,

    /// Remove what has a time more than so many seconds ago.
    #[arg(long, value_name = "SECONDS")]
    older_than: f64,

    /// The path of that time; unless given, the item or member is the time itself.
    #[arg(long, value_name = "PATH")]
    field: Option<String>,

    #[command(flatten)]
    write: Write,
}

impl Remove {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let body = match (&self.value, &self.equals) {
            (Some(value), _) => format!(r#"{{"value":{}}}"#, json::read(value)?),
            (None, Some(equals)) => {
                let (field, equals) = (json!(self.field), json::read(equals)?);
                format!(r#"{{"where":{{"field":{field},"equals":{equals}}}}}"#)
            }
            (None, None) => json!({ "where": { "field": self.field, "older_than": self.older_than } }).to_string(),
        };
        let call = Call::on(&self.key, Method::POST, "remove").body(body);
        self.write.send(call, "removed").await
    }
}

impl Prune {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let mut body = json!({ "older_than": self.older_than });
        if let Some(field) = self.field {
            body["field"] = json!(field);
        }
        let call = Call::on(&self.key, Method::POST, "prune").body(body.to_string());
        self.write.send(call, "removed").await
    }
}
