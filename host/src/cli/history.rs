//! `automation-kv history`, `diff` and `restore`

use std::fmt::Write as _;
use std::time::Instant;

use clap::Args;
use serde_json::Value;
use uuid::Uuid;

use super::knobs::{DatabaseKnobs, HistoryKnobs, SecretKnobs};
use super::operator::{self, Output, failed, time};
use super::{CommandError, Exit, output};
use crate::automation::{AutomationId, RunId, Writer};
use crate::diff::{Attributes, Colour, Difference, Document, Entry};
use crate::service::{Earlier, Service, ServiceOptions, Snapshot};
use crate::storage::Kept;

#[derive(Debug, Args)]
pub(super) struct History {
    /// Which automation: its id, or the name that `run` was given.
    #[arg(value_name = "ID|NAME", value_parser = AutomationId::parse_or_name)]
    automation: AutomationId,

    /// How to show it.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

#[derive(Debug, Args)]
pub(super) struct Restore {
    /// Which automation: its id, or the name that `run` was given.
    #[arg(value_name = "ID|NAME", value_parser = AutomationId::parse_or_name)]
    automation: AutomationId,

    #[command(flatten)]
    earlier: WhichEarlier,

    #[command(flatten)]
    history: HistoryKnobs,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct WhichEarlier {
    /// To the state before this run first wrote.
    #[arg(long, value_name = "RUN", value_parser = RunId::parse)]
    before_run: Option<RunId>,

    /// To the state of this version, one that `history` lists.
    #[arg(long, value_name = "VERSION")]
    version: Option<u64>,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    /// Which automation: its id, or the name that `run` was given.
    #[arg(value_name = "ID|NAME", value_parser = AutomationId::parse_or_name)]
    automation: AutomationId,

    /// From which state: `current`, `before:RUN` or `version:N`.
    #[arg(value_name = "FROM", value_parser = moment)]
    from: Moment,

    /// To which state.
    #[arg(value_name = "TO", value_parser = moment)]
    to: Moment,

    /// Show values too. Without it keys, paths and kinds of changes are shown.
    #[arg(long)]
    values: bool,

    /// How to show it.
    #[arg(long, value_enum, default_value_t = Output::Table)]
    output: Output,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

/// A state: the present one, or one of the history.
#[derive(Debug, Clone)]
struct Moment(Option<Earlier>);

impl History {
    pub(super) fn run(self) -> Result<(), CommandError> {
        operator::run(async {
            let service = open(&self.secrets, &self.database).await?;
            let history = service.history(self.automation, Instant::now()).await;
            service.close().await;
            let history = history.map_err(|error| failed(&error))?;
            match self.output {
                Output::Table => output::print(table(&history)),
                Output::Raw => output::print(
                    history
                        .iter()
                        .map(|kept| kept.run.to_string() + "\n")
                        .collect::<String>(),
                ),
                Output::Json => output::print(history.iter().map(|kept| json(kept) + "\n").collect::<String>()),
            }
        })
    }
}

impl Restore {
    pub(super) fn run(self) -> Result<(), CommandError> {
        operator::run(async {
            let options = ServiceOptions {
                history_runs: self.history.history_runs,
                ..ServiceOptions::default()
            };
            let service = operator::service(&self.secrets, &self.database, options).await?;
            let restored = self.restore(&service).await;
            service.close().await;
            restored
        })
    }

    async fn restore(&self, service: &Service) -> Result<(), CommandError> {
        let run = RunId::parse(&format!("restore-{}", Uuid::new_v4())).ok();
        let writer = Writer {
            automation: self.automation,
            run: run.clone(),
        };
        let restored = service.restore(writer, &self.earlier.get()?, Instant::now()).await;
        let reply = restored.map_err(|error| failed(&error))?;
        let id = self.automation;
        let mut text = format!("restored {id}: version {}, {} bytes\n", reply.version, reply.size_bytes);
        if let Some(run) = run.filter(|_| self.history.history_runs > 0) {
            let _ = writeln!(text, "to take it back: automation-kv restore {id} --before-run {run}");
        }
        output::print(text)
    }
}

impl WhichEarlier {
    fn get(&self) -> Result<Earlier, CommandError> {
        match (&self.before_run, self.version) {
            (Some(run), _) => Ok(Earlier::Before(run.clone())),
            (None, Some(version)) => Ok(Earlier::Version(version)),
            (None, None) => Err(CommandError::with(
                Exit::Usage,
                "one of --before-run and --version is needed",
            )),
        }
    }
}

impl Diff {
    pub(super) fn run(self) -> Result<(), CommandError> {
        operator::run(async {
            let service = open(&self.secrets, &self.database).await?;
            let difference = self.difference(&service).await;
            service.close().await;
            self.print(&difference?)
        })
    }

    async fn difference(&self, service: &Service) -> Result<Difference, CommandError> {
        let snapshot = async |moment: &Moment| {
            let snapshot = service
                .snapshot(self.automation, moment.0.as_ref(), Instant::now())
                .await;
            snapshot.map(document).map_err(|error| failed(&error))
        };
        let (from, to) = (snapshot(&self.from).await?, snapshot(&self.to).await?);
        Difference::between(&from, &to).map_err(|error| failed(&error))
    }

    fn print(&self, difference: &Difference) -> Result<(), CommandError> {
        match self.output {
            Output::Json => {
                let json = if self.values {
                    serde_json::to_string(difference)
                } else {
                    without_values(difference).map(|json| json.to_string())
                };
                output::print(json.map_err(|error| failed(&error))? + "\n")
            }
            Output::Raw if self.values => output::print(difference.text(Colour::Never)),
            Output::Raw => output::print(difference.outline(Colour::Never)),
            Output::Table if self.values => output::print(difference.text(output::colour())),
            Output::Table => output::print(difference.outline(output::colour())),
        }
    }
}

async fn open(secrets: &SecretKnobs, database: &DatabaseKnobs) -> Result<Service, CommandError> {
    operator::service(secrets, database, ServiceOptions::default()).await
}

fn table(history: &[Kept]) -> String {
    const TITLE: &str = "BEFORE RUN";
    let runs = history.iter().map(|kept| kept.run.as_str().len());
    let width = runs.max().unwrap_or(0).max(TITLE.len());
    let mut text = format!("{TITLE:width$}  {:>8}  {:>10}  KEPT\n", "VERSION", "SIZE");
    for kept in history {
        let _ = writeln!(
            text,
            "{:width$}  {:>8}  {:>10}  {}",
            kept.run.as_str(),
            kept.version,
            kept.size_bytes,
            time(kept.kept_at)
        );
    }
    text
}

fn json(kept: &Kept) -> String {
    serde_json::json!({
        "run_id": kept.run.as_str(),
        "version": kept.version,
        "size_bytes": kept.size_bytes,
        "kept_at": time(kept.kept_at),
    })
    .to_string()
}

/// A snapshot, to compare and to keep.
pub(super) fn document(snapshot: Snapshot) -> Document {
    let entries = snapshot.keys.into_iter().map(|listed| Entry {
        key: listed.key,
        value: listed.value.unwrap_or_default(),
        attributes: Some(Attributes {
            version: listed.attributes.key_version,
            size_bytes: listed.attributes.size_bytes,
            created_at: listed.attributes.created_at,
            updated_at: listed.attributes.updated_at,
            expires_at: listed.attributes.expires_at,
        }),
    });
    Document {
        version: Some(snapshot.version),
        size_bytes: Some(snapshot.size_bytes),
        entries: entries.collect(),
    }
}

/// What an outline says, as JSON: no value, and of items how many.
fn without_values(difference: &Difference) -> serde_json::Result<Value> {
    let mut json = serde_json::to_value(difference)?;
    let keys = json["keys"].as_array_mut().into_iter().flatten();
    for key in keys.filter_map(Value::as_object_mut) {
        key.remove("value");
        let edits = key.get_mut("edits").and_then(Value::as_array_mut).into_iter().flatten();
        for edit in edits.filter_map(Value::as_object_mut) {
            edit.retain(|name, _| !matches!(name.as_str(), "value" | "before" | "after"));
            if let Some(items) = edit.get_mut("items") {
                *items = items.as_array().map_or(0, Vec::len).into();
            }
        }
    }
    Ok(json)
}

fn moment(text: &str) -> Result<Moment, String> {
    let earlier = match text.split_once(':') {
        None if text == "current" => None,
        Some(("before", run)) => Some(Earlier::Before(RunId::parse(run).map_err(|error| error.to_string())?)),
        Some(("version", number)) => {
            let version = number.parse().map_err(|_| "a version is a whole number".to_string())?;
            Some(Earlier::Version(version))
        }
        _ => return Err("must be current, before:RUN or version:N".to_string()),
    };
    Ok(Moment(earlier))
}
