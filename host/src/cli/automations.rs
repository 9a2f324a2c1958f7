//! `automation-kv automations`

use std::time::{Duration, Instant};

use clap::{Args, Subcommand, ValueEnum};

use super::knobs::{DatabaseKnobs, SecretKnobs};
use super::{CommandError, Exit, runtime};
use crate::automation::AutomationId;
use crate::engine::{Engine, EngineOptions};
use crate::service::{AutomationSummary, Service, ServiceOptions};
use crate::vault::Vault;

/// How long a command waits for a lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, Subcommand)]
pub(super) enum Automations {
    /// Show id, version, size and last write of automations, a page at a time.
    List(List),
    /// Remove an automation's state for good. Its tokens get 410 from then on.
    Delete(Delete),
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// Automations in a page.
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,

    /// Show those after this one: the last of the page before.
    #[arg(long, value_name = "UUID", value_parser = AutomationId::parse)]
    after: Option<AutomationId>,

    /// How to show them.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

#[derive(Debug, Args)]
pub(super) struct Delete {
    /// Which automation.
    #[arg(value_name = "UUID", value_parser = AutomationId::parse)]
    automation: AutomationId,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Output {
    /// Columns for people.
    Table,
    /// One JSON object for each automation, one to a line.
    Json,
}

impl Automations {
    pub(super) fn run(self) -> Result<(), CommandError> {
        runtime()?.block_on(async {
            match self {
                Self::List(list) => list.run().await,
                Self::Delete(delete) => delete.run().await,
            }
        })
    }
}

impl List {
    async fn run(self) -> Result<(), CommandError> {
        let service = open(&self.secrets, &self.database).await?;
        let listed = service.automations(self.after, self.limit).await;
        service.close().await;
        let listed = listed?;
        match self.output {
            Output::Table => print_table(&listed),
            Output::Json => listed.iter().for_each(|summary| println!("{}", json(summary))),
        }
        if let Some(last) = listed.last().filter(|_| listed.len() == self.limit as usize) {
            eprintln!("for more: --after {}", last.automation);
        }
        Ok(())
    }
}

impl Delete {
    async fn run(self) -> Result<(), CommandError> {
        let service = open(&self.secrets, &self.database).await?;
        let deleted = service.delete_automation(self.automation, Instant::now()).await;
        service.close().await;
        if deleted? {
            println!("deleted {}", self.automation);
        } else {
            println!("{} had no state; its tokens are of no use from now on", self.automation);
        }
        Ok(())
    }
}

async fn open(secrets: &SecretKnobs, database: &DatabaseKnobs) -> Result<Service, CommandError> {
    let secret = secrets.current()?.ok_or_else(|| {
        let message = "AUTOMATION_KV_SECRET is not set; states are opened with the secret of the service";
        CommandError::with(Exit::Unauthorized, message)
    })?;
    let storage = database.database()?.open(&database.options(LOCK_TIMEOUT)).await;
    let storage = storage.map_err(|error| CommandError::new(error.to_string()))?;
    let engine = Engine::built_in(EngineOptions::default())
        .map_err(|error| CommandError::new(format!("cannot start the engine: {error}")))?;
    let vault = Vault::new(&secret, &secrets.previous(), database.adopt);
    Ok(Service::new(storage, engine, vault, ServiceOptions::default()))
}

fn print_table(listed: &[AutomationSummary]) {
    println!(
        "{:36}  {:>8}  {:>10}  {:24}",
        "AUTOMATION", "VERSION", "SIZE", "LAST WRITE"
    );
    for summary in listed {
        let (version, size) = match summary.state {
            Some((version, bytes)) => (version.to_string(), bytes.to_string()),
            None => ("?".to_string(), "?".to_string()),
        };
        println!(
            "{}  {version:>8}  {size:>10}  {}",
            summary.automation,
            time(summary.updated_at)
        );
    }
}

fn json(summary: &AutomationSummary) -> String {
    serde_json::json!({
        "automation_id": summary.automation.to_string(),
        "version": summary.state.map(|(version, _)| version),
        "size_bytes": summary.state.map(|(_, bytes)| bytes),
        "stored_bytes": summary.stored_bytes,
        "created_at": time(summary.created_at),
        "updated_at": time(summary.updated_at),
    })
    .to_string()
}

fn time(ms: u64) -> String {
    let ms = i64::try_from(ms).unwrap_or(i64::MAX);
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| "?".to_string(), |time| time.to_string())
}
