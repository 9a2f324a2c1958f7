//! `automation-kv serve`

use std::fmt::Write as _;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::signal::unix::{SignalKind, signal};

use super::knobs::{self, DatabaseKnobs, HistoryKnobs, SecretKnobs};
use super::limits::LimitKnobs;
use super::plugins::PluginKnobs;
use super::workers::{self, Workers};
use super::{CommandError, dev, listen, logging};
use crate::api::{Api, Stopped};
use crate::database::Database;
use crate::engine::{Engine, EngineOptions};
use crate::plugins::{PluginFolder, Plugins};
use crate::service::{Service, ServiceOptions};
use crate::threads::processors;
use crate::token::Tokens;
use crate::vault::Vault;

#[derive(Debug, Args)]
pub(super) struct Serve {
    /// Address and port to listen on; port 0 picks a free one.
    #[arg(
        long,
        env = "AUTOMATION_KV_LISTEN",
        default_value = "127.0.0.1:8420",
        value_name = "ADDRESS:PORT"
    )]
    listen: SocketAddr,

    /// Serve the API under this path too, beside the bare /v1/kv.
    #[arg(long, env = "AUTOMATION_KV_BASE_PATH", default_value = "/api/automation", value_name = "PATH", value_parser = knobs::base_path)]
    base_path: String,

    /// For trying things out: make a secret if none is set, keep it beside the database, print a token.
    #[arg(long)]
    dev: bool,

    #[command(flatten)]
    limits: LimitKnobs,

    /// The longest that a request waits for others, in milliseconds from its arrival; then it is 409 `kv_store_busy`.
    /// Longer means fewer refusals under load and slower ones.
    #[arg(long, env = "AUTOMATION_KV_LOCK_TIMEOUT_MS", default_value_t = 5000, value_name = "MILLISECONDS", value_parser = clap::value_parser!(u64).range(1..=3_600_000))]
    lock_timeout_ms: u64,

    /// Threads that serve. Unless given, one for each processor but the one that SQLite writes on; for half of the processors
    /// where a PostgreSQL server on this machine needs some of them too.
    #[arg(long, env = "AUTOMATION_KV_THREADS", value_name = "COUNT", value_parser = clap::value_parser!(u16).range(1..=1024))]
    threads: Option<u16>,

    /// Of several services on this machine with one PostgreSQL database and the same settings, let one carry out the
    /// requests of all, which is faster. `false` has each carry out its own.
    #[arg(long, env = "AUTOMATION_KV_NEIGHBOURS", default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    neighbours: bool,

    /// What to log: error, warn, info, debug (a line for every request) or trace, or a filter such as
    /// `automation_kv=debug`.
    #[arg(long, env = "AUTOMATION_LOG_LEVEL", default_value = "info", value_name = "LEVEL")]
    log_level: String,

    #[command(flatten)]
    plugins: PluginKnobs,

    #[command(flatten)]
    history: HistoryKnobs,

    #[command(flatten)]
    secrets: SecretKnobs,

    #[command(flatten)]
    database: DatabaseKnobs,
}

impl Serve {
    pub(super) fn run(self) -> Result<(), CommandError> {
        logging::start(&self.log_level)?;
        listen::allow_open_files();
        let threads = self.threads()?;
        workers::runtime()?.block_on(self.serve(threads))
    }

    async fn serve(self, threads: usize) -> Result<(), CommandError> {
        let database = self.database.database()?;
        let secret = dev::secret_of(&self.secrets, &database, self.dev)?;
        let listener = listen::listen(self.listen)
            .map_err(|error| CommandError::new(format!("cannot listen on {}: {error}", self.listen)))?;
        let address = listener
            .local_addr()
            .map_err(|error| CommandError::new(format!("cannot tell the address that was bound: {error}")))?;
        let folder = self.load_plugins().await?;
        let storage = database
            .open(&self.database.options(Duration::from_millis(self.lock_timeout_ms)))
            .await
            .map_err(|error| CommandError::new(error.to_string()))?;
        let Some(secret) = secret else {
            tracing::warn!("AUTOMATION_KV_SECRET is not set: every call on states is answered 503");
            self.announce(address, &database, None, None)?;
            let (workers, served) = self
                .serve_until_stopped(listener, Api::without_secret(), 1, drop)
                .await?;
            storage.close().await;
            workers.end();
            return served;
        };
        let previous = self.secrets.previous();
        let engine = Engine::built_in(match &folder {
            Some(_) => EngineOptions::default().beside_plugins(),
            None => EngineOptions::default(),
        });
        let engine = engine.map_err(|error| CommandError::new(format!("cannot start the engine: {error}")))?;
        let vault = Vault::new(&secret, &previous, self.database.adopt);
        let service = Service::new(storage, engine, vault, self.service_options());
        service.start_sweep();
        self.announce(address, &database, folder.as_ref(), Some(&Tokens::new(&secret, &[])))?;
        let plugins = folder.as_ref().map_or_else(Plugins::none, PluginFolder::plugins);
        let api = Api::new(service.clone(), Tokens::new(&secret, &previous)).with_plugins(plugins);
        reload_plugins(folder)?;
        let begun = |runtimes| {
            if self.neighbours {
                service.join_neighbours(runtimes);
            }
        };
        let (workers, served) = self.serve_until_stopped(listener, api, threads, begun).await?;
        service.close().await;
        workers.end();
        served?;
        tracing::info!("stopped");
        Ok(())
    }

    /// Serves on so many threads until a signal, then finishes what was taken. What was begun on the threads may go on until
    /// they are ended.
    async fn serve_until_stopped(
        &self,
        listener: TcpListener,
        api: Api,
        threads: usize,
        begun: impl FnOnce(Vec<Handle>),
    ) -> Result<(Workers, Result<(), CommandError>), CommandError> {
        let signal = stop_signal()?;
        let stop = async move {
            signal.await;
            tracing::info!("stopping: no new connections");
        };
        let (workers, served) = Workers::serve(listener, api, &self.base_path, threads, begun, stop).await?;
        if matches!(served, Ok(Stopped::Overtime)) {
            tracing::warn!("requests were still under way at the end of the shutdown timeout");
        }
        Ok((workers, served.map(drop)))
    }

    /// How many threads serve.
    fn threads(&self) -> Result<usize, CommandError> {
        Ok(match self.threads {
            Some(threads) => threads.into(),
            None => self.database.database()?.processors_left(processors()),
        })
    }

    /// The folder of plugins, if there is one. The compiler may take long, so it has a thread of its own.
    async fn load_plugins(&self) -> Result<Option<PluginFolder>, CommandError> {
        let plugins = self.plugins.clone();
        let loaded = tokio::task::spawn_blocking(move || plugins.open()).await;
        loaded.unwrap_or_else(|error| Err(CommandError::new(format!("loading the plugins failed: {error}"))))
    }

    fn service_options(&self) -> ServiceOptions {
        ServiceOptions {
            max_state_bytes: self.limits.max_state_bytes(),
            max_value_bytes: self.limits.max_value_size,
            lock_timeout: Duration::from_millis(self.lock_timeout_ms),
            history_runs: self.history.history_runs,
            ..ServiceOptions::default()
        }
    }

    /// Says on stdout where the service is, what it keeps where, and its limits.
    fn announce(
        &self,
        address: SocketAddr,
        database: &Database,
        plugins: Option<&PluginFolder>,
        tokens: Option<&Tokens>,
    ) -> Result<(), CommandError> {
        let size = |limit| match limit {
            0 => "none".to_string(),
            bytes => format!("{bytes} bytes"),
        };
        let mut sizes = format!("state size {}", size(self.limits.max_state_bytes()));
        if self.limits.max_state_bytes() != self.limits.max_value_size {
            let _ = write!(sizes, ", value size {}", size(self.limits.max_value_size));
        }
        println!(
            "listening on http://{address} (paths /v1/kv and {}/v1/kv)",
            self.base_path
        );
        println!("states in {database}");
        println!("limits: {sizes}, lock timeout {} ms", self.lock_timeout_ms);
        if let Some(plugins) = plugins {
            let plugins = plugins.plugins().all();
            let plugins = plugins.iter().map(|plugin| plugin.description());
            let plugins: Vec<_> = plugins
                .map(|plugin| format!("{} {}", plugin.name, plugin.version))
                .collect();
            println!(
                "plugins: {}",
                if plugins.is_empty() {
                    "none yet".to_string()
                } else {
                    plugins.join(", ")
                }
            );
        }
        if let Some(tokens) = tokens.filter(|_| self.dev) {
            println!("{}", dev::welcome(address, tokens)?);
        }
        Ok(())
    }
}

/// Loads plugins anew whenever their folder changes, and at once on SIGHUP. Without a folder, SIGHUP does nothing.
fn reload_plugins(folder: Option<PluginFolder>) -> Result<(), CommandError> {
    let mut hangups =
        signal(SignalKind::hangup()).map_err(|error| CommandError::new(format!("cannot catch signals: {error}")))?;
    if let Some(folder) = &folder {
        tokio::spawn(folder.clone().watch());
    }
    tokio::spawn(async move {
        while hangups.recv().await.is_some() {
            if let Some(folder) = &folder {
                folder.reload_in_background().await;
            }
        }
    });
    Ok(())
}

/// Ends with SIGTERM or SIGINT.
fn stop_signal() -> Result<impl Future<Output = ()> + Send + 'static, CommandError> {
    let catch = |kind| signal(kind).map_err(|error| CommandError::new(format!("cannot catch signals: {error}")));
    let mut terminate = catch(SignalKind::terminate())?;
    let mut interrupt = catch(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
