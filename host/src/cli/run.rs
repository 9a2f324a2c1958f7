//! `automation-kv run`: what the platform's dispatcher does, for one run.

use std::ffi::OsString;
use std::process::{ExitCode, Stdio};
use std::time::Duration;

use clap::Args;

use super::child::Run;
use super::embedded::Embedded;
use super::knobs::{self, DatabaseKnobs, HistoryKnobs, SecretKnobs};
use super::limits::LimitKnobs;
use super::{CommandError, Exit, dev, runtime};
use crate::api::Api;
use crate::automation::AutomationId;
use crate::engine::Engine;
use crate::service::{Service, ServiceOptions};
use crate::token::Tokens;
use crate::vault::Vault;

#[derive(Debug, Args)]
pub(super) struct RunCommand {
    /// The automation that runs: its id, or a name, which stands for an id that is always the same.
    #[arg(long, value_name = "ID|NAME", value_parser = AutomationId::parse_or_name)]
    automation: AutomationId,

    /// A service that is there already. Unless given, one is started on a free port of this machine, over the database, for as
    /// long as the command runs.
    #[arg(long, value_name = "URL", value_parser = knobs::api_url)]
    api_url: Option<String>,

    /// How long the command's token lives, as in 90s, 15m, 24h, 7d; 366d at most.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = knobs::duration)]
    expires_in: Duration,

    /// For trying things out: use the secret that `serve --dev` keeps beside the database, or make one, if none is set.
    #[arg(long)]
    dev: bool,

    #[command(flatten)]
    limits: LimitKnobs,

    #[command(flatten)]
    history: HistoryKnobs,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,

    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl RunCommand {
    pub(super) fn run(self) -> Result<ExitCode, CommandError> {
        runtime()?.block_on(self.start())
    }

    async fn start(self) -> Result<ExitCode, CommandError> {
        let database = self.database.database()?;
        let secret = dev::secret_of(&self.secrets, &database, self.dev)?.ok_or_else(|| {
            CommandError::with(
                Exit::Unauthorized,
                "AUTOMATION_KV_SECRET is not set; the run's token is signed with the secret of the service (or use --dev)",
            )
        })?;
        let tokens = Tokens::new(&secret, &[]);
        let Some(url) = &self.api_url else {
            let options = self.database.options(ServiceOptions::default().lock_timeout);
            let storage = database.open(&options).await;
            let storage = storage.map_err(|error| CommandError::new(error.to_string()))?;
            let previous = self.secrets.previous();
            let vault = Vault::new(&secret, &previous, self.database.adopt);
            let service = Service::new(storage, Engine::of_command()?, vault, self.service_options());
            service.start_sweep();
            let embedded = Embedded::start(Api::new(service.clone(), Tokens::new(&secret, &previous)))?;
            let code = self.command(&embedded.url, &tokens).await;
            embedded.stop().await;
            service.close().await;
            return code;
        };
        self.command(url, &tokens).await
    }

    async fn command(&self, url: &str, tokens: &Tokens) -> Result<ExitCode, CommandError> {
        let run = Run {
            command: &self.command,
            automation: self.automation,
            url,
            tokens,
            lifetime: self.expires_in,
            stdout: Stdio::inherit(),
        };
        run.until_it_ends().await.map(ExitCode::from)
    }

    fn service_options(&self) -> ServiceOptions {
        ServiceOptions {
            max_state_bytes: self.limits.max_state_bytes(),
            max_value_bytes: self.limits.max_value_size,
            history_runs: self.history.history_runs,
            ..ServiceOptions::default()
        }
    }
}
