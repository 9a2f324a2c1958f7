//! `automation-kv export` and `import`

use std::time::Instant;

use clap::Args;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::history::document;
use super::knobs::{DatabaseKnobs, HistoryKnobs, SecretKnobs};
use super::operator::{self, failed};
use super::output;
use super::{CommandError, Exit};
use crate::automation::{AutomationId, RunId, Writer};
use crate::clear;
use crate::engine::EngineError;
use crate::engine::types::Reply;
use crate::service::{HistoryError, Service, ServiceError, ServiceOptions};
use crate::storage::Stored;

#[derive(Debug, Args)]
pub(super) struct Export {
    /// Which automation: its id, or the name that `run` was given.
    #[arg(value_name = "ID|NAME", value_parser = AutomationId::parse_or_name)]
    automation: AutomationId,

    /// Write the state as it is stored: it can be read only with the secret, and only be put back to the same automation.
    #[arg(long)]
    sealed: bool,

    /// The file to write.
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    file: String,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

#[derive(Debug, Args)]
pub(super) struct Import {
    /// Which automation: its id, or the name that `run` was given.
    #[arg(value_name = "ID|NAME", value_parser = AutomationId::parse_or_name)]
    automation: AutomationId,

    /// The file: what `export` wrote, with or without --sealed, or any JSON object of keys and values; `-` for stdin.
    #[arg(value_name = "FILE")]
    file: String,

    /// Go ahead although the automation has a state.
    #[arg(long)]
    replace: bool,

    #[command(flatten)]
    history: HistoryKnobs,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

/// A state as it is stored.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    /// Whose it is: only the same automation's key opens it.
    automation_id: String,
    /// The sealed state, as it is stored.
    sealed: String,
}

impl Export {
    pub(super) fn run(self) -> Result<(), CommandError> {
        operator::run(async {
            let bytes = if self.sealed {
                self.bundle().await
            } else {
                self.clear().await
            };
            output::write(&self.file, &bytes?)
        })
    }

    async fn clear(&self) -> Result<Vec<u8>, CommandError> {
        let service = operator::service(&self.secrets, &self.database, ServiceOptions::default()).await?;
        let snapshot = service.snapshot(self.automation, None, Instant::now()).await;
        service.close().await;
        let document = document(snapshot.map_err(|error| failed(&error))?);
        if document.version == Some(0) {
            return Err(self.nothing());
        }
        Ok(clear::json(&document).into_bytes())
    }

    async fn bundle(&self) -> Result<Vec<u8>, CommandError> {
        let (storage, _) = operator::storage(&self.secrets, &self.database).await?;
        let stored = storage.load(self.automation).await;
        storage.close().await;
        let record = match stored.map_err(|error| failed(&error))? {
            Stored::Present(record) => record,
            Stored::Absent => return Err(self.nothing()),
            Stored::Deleted => return Err(ServiceError::Deleted.into()),
            Stored::Unknown => return Err(ServiceError::UnknownAutomation.into()),
        };
        let bundle = Bundle {
            automation_id: self.automation.to_string(),
            sealed: String::from_utf8_lossy(&record.sealed).into_owned(),
        };
        let mut json = serde_json::to_vec_pretty(&bundle).map_err(|error| CommandError::new(error.to_string()))?;
        json.push(b'\n');
        Ok(json)
    }

    fn nothing(&self) -> CommandError {
        CommandError::with(Exit::NotFound, format!("{} has no state", self.automation))
    }
}

impl Import {
    pub(super) fn run(self) -> Result<(), CommandError> {
        operator::run(async {
            let bytes = output::read(&self.file)?;
            let options = ServiceOptions {
                history_runs: self.history.history_runs,
                ..ServiceOptions::default()
            };
            let service = operator::service_on_any(&self.secrets, &self.database, options).await?;
            let imported = self.import(&service, &bytes).await;
            service.close().await;
            let reply = imported?;
            eprintln!(
                "automation-kv: imported into {} as version {}, {} bytes",
                self.automation, reply.version, reply.size_bytes
            );
            Ok(())
        })
    }

    async fn import(&self, service: &Service, bytes: &[u8]) -> Result<Reply, CommandError> {
        let now = Instant::now();
        let present = service.snapshot(self.automation, None, now).await;
        let present = present.map_err(|error| failed(&error))?;
        if present.version > 0 && !self.replace {
            return Err(CommandError::with(
                Exit::Conflict,
                format!(
                    "{} has a state, of version {}; --replace replaces it",
                    self.automation, present.version
                ),
            ));
        }
        let writer = Writer {
            automation: self.automation,
            run: RunId::parse(&format!("import-{}", Uuid::new_v4())).ok(),
        };
        let imported = match serde_json::from_slice::<Bundle>(bytes) {
            Ok(bundle) if AutomationId::parse(&bundle.automation_id) != Ok(self.automation) => {
                return Err(CommandError::new(format!(
                    "{} holds the sealed state of {}, which opens for no other automation; export it without --sealed",
                    self.file, bundle.automation_id
                )));
            }
            Ok(bundle) => {
                service
                    .import_sealed(writer, bundle.sealed.into_bytes(), present.version, now)
                    .await
            }
            Err(_) => service.import(writer, bytes, present.version, now).await,
        };
        imported.map_err(|error| match &error {
            HistoryError::Service(ServiceError::Engine(engine)) => match &**engine {
                EngineError::Unreadable(problem) => {
                    CommandError::new(format!("{} is not a state: {problem}", self.file))
                }
                _ => failed(&error),
            },
            _ => failed(&error),
        })
    }
}
