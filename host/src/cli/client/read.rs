//! `get` and `ls`.

use automation_kv_client::{Call, Method};
use clap::Args;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::super::CommandError;
use super::super::output::{self, Format};
use super::connection::{Connection, Shown, failed};
use super::show::{Members, columns};

#[derive(Debug, Args)]
pub(in crate::cli) struct Get {
    /// The key.
    key: String,

    /// A path into the value, as in who.name, items[0].
    #[arg(long, value_name = "PATH")]
    path: Option<String>,

    #[command(flatten)]
    shown: Shown,

    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Ls {
    /// Only keys that start with this.
    #[arg(default_value = "")]
    prefix: String,

    /// Show the values too.
    #[arg(long)]
    values: bool,

    /// At most so many keys.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: Option<u32>,

    /// Go on after a page that ended with this `next_cursor`.
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,

    #[command(flatten)]
    shown: Shown,

    #[command(flatten)]
    connection: Connection,
}

/// What a list tells of a key.
#[derive(Deserialize)]
struct Listed {
    key: String,
    #[serde(default)]
    value: Box<RawValue>,
    size_bytes: u64,
    key_version: u64,
    updated_at: String,
    expires_at: Option<String>,
}

impl Get {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let mut call = Call::on(&self.key, Method::GET, "");
        if let Some(path) = self.path {
            call = call.query("path", path);
        }
        if self.shown.meta {
            call = call.query("meta", "true");
        }
        self.shown.show(&self.connection.send(call).await?, "value")
    }
}

impl Ls {
    pub(super) async fn run(self) -> Result<(), CommandError> {
        let format = self.shown.output.unwrap_or(Format::Table);
        let mut call = Call::on_state(Method::GET, "");
        if !self.prefix.is_empty() {
            call = call.query("prefix", &self.prefix);
        }
        if let Some(limit) = self.limit {
            call = call.query("limit", limit.to_string());
        }
        if let Some(cursor) = &self.cursor {
            call = call.query("cursor", cursor);
        }
        if self.values {
            call = call.query("values", "true");
        }
        if self.shown.meta {
            call = call.query("meta", "true");
        }
        let reply = self.connection.send(call).await?;
        match format {
            Format::Json if self.values => self.shown.show(&reply, "values"),
            Format::Json => self.shown.show(&reply, "keys"),
            Format::Table if self.shown.meta => {
                table(&reply.read::<Entries>().map_err(|error| failed(&error))?, self.values)
            }
            Format::Table if self.values => {
                let members = Members::of(&reply.body)?;
                output::print(Members::of(members.get("values").unwrap_or("{}"))?.table())
            }
            Format::Table | Format::Raw => {
                let keys = reply.read::<Keys>().map_err(|error| failed(&error))?.keys;
                output::print(keys.into_iter().map(|key| key + "\n").collect::<String>())
            }
        }
    }
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<String>,
}

#[derive(Deserialize)]
struct Entries {
    entries: Vec<Listed>,
}

fn table(entries: &Entries, with_values: bool) -> Result<(), CommandError> {
    let mut head = vec!["KEY", "BYTES", "VERSION", "UPDATED", "EXPIRES"];
    head.extend(with_values.then_some("VALUE"));
    let mut rows = vec![head.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(entries.entries.iter().map(|entry| {
        let mut row = vec![
            entry.key.clone(),
            entry.size_bytes.to_string(),
            entry.key_version.to_string(),
            entry.updated_at.clone(),
            entry.expires_at.clone().unwrap_or_else(|| "-".to_owned()),
        ];
        row.extend(with_values.then(|| entry.value.get().to_owned()));
        row
    }));
    output::print(columns(&rows))
}
