//! `automation-kv inspect`

use std::time::Instant;

use clap::Args;
use serde::Serialize;
use serde_json::value::RawValue;

use super::client::columns;
use super::history::document;
use super::knobs::{DatabaseKnobs, SecretKnobs};
use super::limits::LimitKnobs;
use super::operator::{self, Output, failed, time};
use super::output;
use super::{CommandError, Exit};
use crate::automation::AutomationId;
use crate::diff::{Document, Entry};
use crate::service::ServiceOptions;

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// Which automation: its id, or the name that `run` was given.
    #[arg(value_name = "ID|NAME", value_parser = AutomationId::parse_or_name)]
    automation: AutomationId,

    /// Show the values too.
    #[arg(long)]
    values: bool,

    /// How to show it.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,

    #[command(flatten)]
    limits: LimitKnobs,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

/// What there is to see of a state.
#[derive(Serialize)]
struct Shown {
    automation_id: String,
    version: u64,
    size_bytes: u64,
    limit_bytes: Option<u64>,
    free_bytes: Option<u64>,
    keys: Vec<ShownKey>,
}

#[derive(Serialize)]
struct ShownKey {
    key: String,
    size_bytes: u64,
    key_version: u64,
    created_at: String,
    updated_at: String,
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Box<RawValue>>,
}

impl Inspect {
    pub(super) fn run(self) -> Result<(), CommandError> {
        operator::run(async {
            let service = operator::service(&self.secrets, &self.database, ServiceOptions::default()).await?;
            let snapshot = service.snapshot(self.automation, None, Instant::now()).await;
            service.close().await;
            let document = document(snapshot.map_err(|error| failed(&error))?);
            if document.version == Some(0) {
                let message = format!("{} has no state", self.automation);
                return Err(CommandError::with(Exit::NotFound, message));
            }
            let shown = self.shown(&document);
            match self.output {
                Output::Table => output::print(table(&shown, self.values)),
                Output::Json => output::print_json(&shown),
                Output::Raw => output::print(shown.keys.iter().map(|key| key.key.clone() + "\n").collect::<String>()),
            }
        })
    }

    fn shown(&self, document: &Document) -> Shown {
        let size_bytes = document.size_bytes.unwrap_or(0);
        let limit_bytes = Some(self.limits.max_state_bytes()).filter(|limit| *limit > 0);
        Shown {
            automation_id: self.automation.to_string(),
            version: document.version.unwrap_or(0),
            size_bytes,
            limit_bytes,
            free_bytes: limit_bytes.map(|limit| limit.saturating_sub(size_bytes)),
            keys: document.entries.iter().filter_map(|entry| self.key(entry)).collect(),
        }
    }

    fn key(&self, entry: &Entry) -> Option<ShownKey> {
        let attributes = entry.attributes?;
        let value = RawValue::from_string(entry.value.clone()).ok();
        Some(ShownKey {
            key: entry.key.clone(),
            size_bytes: attributes.size_bytes,
            key_version: attributes.version,
            created_at: time(attributes.created_at),
            updated_at: time(attributes.updated_at),
            expires_at: attributes.expires_at.map(time),
            value: value.filter(|_| self.values),
        })
    }
}

fn table(shown: &Shown, with_values: bool) -> String {
    let room = match (shown.limit_bytes, shown.free_bytes) {
        (Some(limit), Some(free)) => format!("{} of {limit} bytes, {free} free", shown.size_bytes),
        _ => format!("{} bytes, no limit", shown.size_bytes),
    };
    let head = columns(&[
        vec!["automation".to_owned(), shown.automation_id.clone()],
        vec!["version".to_owned(), shown.version.to_string()],
        vec!["size".to_owned(), room],
    ]);
    let mut names = vec!["KEY", "BYTES", "VERSION", "CREATED", "UPDATED", "EXPIRES"];
    names.extend(with_values.then_some("VALUE"));
    let mut rows = vec![names.into_iter().map(str::to_owned).collect::<Vec<_>>()];
    rows.extend(shown.keys.iter().map(|key| {
        let mut row = vec![
            key.key.clone(),
            key.size_bytes.to_string(),
            key.key_version.to_string(),
            key.created_at.clone(),
            key.updated_at.clone(),
            key.expires_at.clone().unwrap_or_else(|| "-".to_owned()),
        ];
        row.extend(key.value.as_ref().map(|value| value.get().to_owned()));
        row
    }));
    format!("{head}\n{}", columns(&rows))
}
