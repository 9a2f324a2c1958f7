//! `automation-kv automations`

use std::fmt::Write as _;
use std::time::Instant;

use clap::{Args, Subcommand};

use super::knobs::{DatabaseKnobs, SecretKnobs};
use super::operator::{self, Output, time};
use super::{CommandError, output};
use crate::automation::AutomationId;
use crate::service::{AutomationSummary, Service, ServiceOptions};

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

impl Automations {
    pub(super) fn run(self) -> Result<(), CommandError> {
        operator::run(async {
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
            Output::Table => output::print(table(&listed))?,
            Output::Raw => output::print(
                listed
                    .iter()
                    .map(|listed| listed.automation.to_string() + "\n")
                    .collect::<String>(),
            )?,
            Output::Json => output::print(listed.iter().map(|summary| json(summary) + "\n").collect::<String>())?,
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
            output::print(format!("deleted {}\n", self.automation))
        } else {
            let id = self.automation;
            output::print(format!("{id} had no state; its tokens are of no use from now on\n"))
        }
    }
}

async fn open(secrets: &SecretKnobs, database: &DatabaseKnobs) -> Result<Service, CommandError> {
    operator::service(secrets, database, ServiceOptions::default()).await
}

fn table(listed: &[AutomationSummary]) -> String {
    let mut text = format!(
        "{:36}  {:>8}  {:>10}  {:24}\n",
        "AUTOMATION", "VERSION", "SIZE", "LAST WRITE"
    );
    for summary in listed {
        let (version, size) = match summary.state {
            Some((version, bytes)) => (version.to_string(), bytes.to_string()),
            None => ("?".to_string(), "?".to_string()),
        };
        let _ = writeln!(
            text,
            "{}  {version:>8}  {size:>10}  {}",
            summary.automation,
            time(summary.updated_at)
        );
    }
    text
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
