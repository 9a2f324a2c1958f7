//! `automation-kv dry-run`: a command on a copy of a state that is thrown away.
//!
//! The copy is a storage in memory that begins with the row as it is stored, under a service and an API of its own. The
//! database is read once, in a way that changes nothing, and written to by `--apply` alone, when all is over.

mod apply;
mod overlay;
mod report;

use std::ffi::OsString;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use secrecy::SecretString;
use uuid::Uuid;

use super::child::Run;
use super::embedded::Embedded;
use super::knobs::{self, DatabaseKnobs, HistoryKnobs, SecretKnobs};
use super::limits::LimitKnobs;
use super::output::{self, Format};
use super::plugins::PluginKnobs;
use super::{CommandError, Exit, logging, runtime};
use crate::api::{Api, Fault, Trial};
use crate::automation::AutomationId;
use crate::diff::Difference;
use crate::plugins::Plugins;
use crate::token::Tokens;
use crate::vault::TimestampMs;
use overlay::Overlay;
use report::Report;

/// How long the command's token lives: longer than anybody waits.
const TOKEN_LIFETIME: Duration = Duration::from_hours(24);

/// What plugins write to the log, and how they fail, is for their author.
const PLUGINS_LOG: &str = "warn,automation_kv::service::plugins=debug";

#[derive(Debug, Args)]
pub(super) struct DryRun {
    #[command(flatten)]
    source: Source,

    /// List the calls that the command made.
    #[arg(long)]
    trace: bool,

    /// When the command has ended well, make its changes in the database, if the state is still the one that it began with.
    #[arg(long, conflicts_with_all = ["state", "empty", "now"])]
    apply: bool,

    /// The time that it is for every call: RFC 3339 text, or seconds since 1970. The system's clock unless given.
    #[arg(long, value_name = "TIME", value_parser = knobs::time)]
    now: Option<TimestampMs>,

    /// Answer a share of the calls with an error, as in 409=0.2: 409 (`kv_store_busy`, writes only) or 503
    /// (`storage_unavailable`). Can be given for both.
    #[arg(long, value_name = "STATUS=SHARE", value_parser = knobs::fault)]
    fail_rate: Vec<(Fault, f64)>,

    /// Write the state that the command leaves to a file, as the engine keeps it.
    #[arg(long, value_name = "FILE")]
    save: Option<String>,

    /// How to show what changed: as text, as JSON, or (raw) the state that the command leaves, in the clear.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    output: Format,

    #[command(flatten)]
    limits: LimitKnobs,

    #[command(flatten)]
    plugins: PluginKnobs,

    #[command(flatten)]
    history: HistoryKnobs,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,

    /// The command and its arguments. What it prints goes to stderr.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// What to begin with.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Source {
    /// The state of an automation in the database, by its id or name. Needs the secret.
    #[arg(long, value_name = "ID|NAME", value_parser = AutomationId::parse_or_name)]
    automation: Option<AutomationId>,

    /// A state in a file: JSON, or as the engine keeps it; `-` for stdin.
    #[arg(long, value_name = "FILE")]
    state: Option<String>,

    /// No state.
    #[arg(long)]
    empty: bool,
}

impl DryRun {
    pub(super) fn run(self) -> Result<ExitCode, CommandError> {
        let plugins = self.plugins.load()?;
        if self.plugins.are_wanted() {
            logging::start(PLUGINS_LOG)?;
        }
        runtime()?.block_on(self.try_out(plugins))
    }

    async fn try_out(self, plugins: Plugins) -> Result<ExitCode, CommandError> {
        let overlay = self.overlay().await?;
        let before = overlay.document().await?;
        let trial = Arc::new(Trial::new(self.fail_rate.clone()));
        let code = self.command(&overlay, &trial, plugins).await?;
        let after = overlay.document().await?;
        let difference = Difference::between(&before, &after).map_err(|error| CommandError::new(error.to_string()))?;
        if let Some(file) = &self.save {
            self.save(file, &overlay).await?;
        }
        let report = Report {
            exit_code: code,
            difference: &difference,
            after: &after,
            calls: self.trace.then(|| trial.calls()),
        };
        report.print(self.output)?;
        if self.apply && code == 0 {
            apply::apply(&self, &overlay, &before, &after).await?;
        } else if self.apply {
            eprintln!("automation-kv: nothing was applied, since the command ended with {code}");
        }
        Ok(ExitCode::from(code))
    }

    async fn overlay(&self) -> Result<Overlay, CommandError> {
        match (&self.source.automation, &self.source.state) {
            (Some(automation), _) => Overlay::on_database(self, *automation).await,
            (None, Some(file)) => Overlay::on_state(self, Some(output::read(file)?)),
            (None, None) => Overlay::on_state(self, None),
        }
    }

    /// Runs the command on an API of its own: tokens of the real service do not open it, nor does its token open that.
    async fn command(&self, overlay: &Overlay, trial: &Arc<Trial>, plugins: Plugins) -> Result<u8, CommandError> {
        let secret = SecretString::from(Uuid::new_v4().to_string());
        let tokens = || Tokens::new(&secret, &[]);
        let api = Api::new(overlay.service.clone(), tokens())
            .on_trial(Arc::clone(trial))
            .with_plugins(plugins);
        let embedded = Embedded::start(api)?;
        let run = Run {
            command: &self.command,
            automation: overlay.automation,
            url: &embedded.url,
            tokens: &tokens(),
            lifetime: TOKEN_LIFETIME,
            stdout: Stdio::from(std::io::stderr()),
        };
        let code = run.until_it_ends().await;
        embedded.stop().await;
        code
    }

    async fn save(&self, file: &str, overlay: &Overlay) -> Result<(), CommandError> {
        match overlay.plain().await? {
            Some(plain) => output::write(file, &plain),
            None => Err(CommandError::with(
                Exit::NotFound,
                format!("there is no state to write to {file}: the command wrote nothing"),
            )),
        }
    }
}
