//! Which service, whose state, and how the answer is shown.

use std::time::Duration;

use automation_kv_client::{Call, Error, Kv, Refusal, Reply, Retry, Settings, TOKEN_VARIABLE, URL_VARIABLE};
use clap::Args;
use secrecy::SecretString;

use super::super::knobs;
use super::super::output::Format;
use super::super::{CommandError, Exit};

/// The service and the token.
#[derive(Debug, Args)]
pub(in crate::cli) struct Connection {
    /// The service: what stands before /v1/kv. Unless given, `AUTOMATION_API_URL`, `OPENHANDS_CLOUD_API_URL`, or the origin
    /// of `AUTOMATION_CALLBACK_URL` with /api/automation.
    #[arg(long, value_name = "URL", value_parser = knobs::api_url, help_heading = "Connection")]
    api_url: Option<String>,

    /// The token of an automation. Unless given, `AUTOMATION_KV_TOKEN`, which other users of the machine cannot see.
    #[arg(long, value_name = "TOKEN", help_heading = "Connection")]
    token: Option<SecretString>,

    /// How long to ask again while the state is busy or the service is away: 30s, 5m; 0s asks once.
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = knobs::duration, help_heading = "Connection")]
    patience: Duration,
}

/// How an answer is shown.
#[derive(Debug, Args)]
pub(super) struct Shown {
    /// How to show the result: as JSON, as a table, or raw (a text without its quotes).
    #[arg(long, value_enum, value_name = "FORMAT", help_heading = "Output")]
    pub(super) output: Option<Format>,

    /// Show all that the service tells, not only the result.
    #[arg(long, help_heading = "Output")]
    pub(super) meta: bool,
}

/// What a write can be made to depend on.
#[derive(Debug, Args)]
pub(super) struct Conditions {
    /// Only if the state has this version.
    #[arg(long, value_name = "VERSION", help_heading = "Conditions")]
    if_version: Option<u64>,

    /// Only if the key has this version; 0: does not exist.
    #[arg(long, value_name = "VERSION", help_heading = "Conditions")]
    if_key_version: Option<u64>,

    /// Do it once, however often it is sent with this text within 24 hours.
    #[arg(long, value_name = "TEXT", help_heading = "Conditions")]
    idempotency_key: Option<String>,
}

/// A read: of which service, and how its answer is shown.
#[derive(Debug, Args)]
pub(in crate::cli) struct Read {
    #[command(flatten)]
    shown: Shown,

    #[command(flatten)]
    connection: Connection,
}

/// A write: the same, and on what conditions.
#[derive(Debug, Args)]
pub(super) struct Write {
    #[command(flatten)]
    conditions: Conditions,

    #[command(flatten)]
    read: Read,
}

impl Read {
    /// Sends a call and shows the member of the answer that is its result.
    pub(in crate::cli) async fn send(&self, call: Call, result: &str) -> Result<(), CommandError> {
        self.shown.show(&self.connection.send(call).await?, result)
    }
}

impl Write {
    /// Sends a call and shows the member of the answer that is its result.
    pub(super) async fn send(&self, call: Call, result: &str) -> Result<(), CommandError> {
        self.show(&self.call(call).await?, result)
    }

    /// Sends a call.
    pub(super) async fn call(&self, call: Call) -> Result<Reply, CommandError> {
        self.read.connection.send(self.conditions.on(call)).await
    }

    /// Shows the member of an answer that is its result.
    pub(super) fn show(&self, reply: &Reply, result: &str) -> Result<(), CommandError> {
        self.read.shown.show(reply, result)
    }
}

impl Connection {
    /// Connects.
    pub(in crate::cli) fn kv(&self) -> Result<Kv, CommandError> {
        let settings = Settings::with(self.api_url.clone(), self.token.clone()).map_err(|error| {
            let is_set = std::env::var(TOKEN_VARIABLE).is_ok_and(|token| !token.trim().is_empty());
            let exit = if is_set || self.token.is_some() {
                Exit::Usage
            } else {
                Exit::Unauthorized
            };
            CommandError::with(exit, format!("{error} (or give --token and --api-url)"))
        })?;
        let retry = Retry {
            total: self.patience,
            ..Retry::default()
        };
        Ok(Kv::new(&settings).map_err(|error| failed(&error))?.with_retry(retry))
    }

    /// Sends a call.
    pub(super) async fn send(&self, call: Call) -> Result<Reply, CommandError> {
        self.kv()?.send(call).await.map_err(|error| failed(&error))
    }
}

impl Conditions {
    /// Adds them to a call.
    pub(super) fn on(&self, mut call: Call) -> Call {
        if let Some(version) = self.if_version {
            call = call.query("if_version", version.to_string());
        }
        if let Some(version) = self.if_key_version {
            call = call.query("if_key_version", version.to_string());
        }
        once(call, self.idempotency_key.as_deref())
    }
}

/// Makes a write one that is done once.
pub(super) fn once(call: Call, idempotency_key: Option<&str>) -> Call {
    match idempotency_key {
        Some(key) => call.without_idempotency_key().header("Idempotency-Key", key),
        None => call,
    }
}

/// What a refusal means to a command.
pub(super) fn failed(error: &Error) -> CommandError {
    match error {
        Error::Configuration(message) => CommandError::with(Exit::Usage, message),
        Error::OutcomeUnknown(_) => CommandError::new(error.to_string()),
        Error::Unreachable { .. } => CommandError::new(format!(
            "{error}; is the service running, and {URL_VARIABLE} its address?"
        )),
        _ => match error.refusal() {
            Some(refusal) => CommandError::with(exit(refusal), refusal.to_string()),
            None => CommandError::new(error.to_string()),
        },
    }
}

/// What a refusal is to a script: by the code, and for a batch by that of the operation that failed.
fn exit(refusal: &Refusal) -> Exit {
    let reason = refusal.body.get("reason").and_then(serde_json::Value::as_str);
    match (refusal.status, reason.unwrap_or(&refusal.code)) {
        (_, "key_not_found" | "automation_not_found" | "automation_deleted" | "plugin_not_found")
        | (404, "invalid_path") => Exit::NotFound,
        // Somebody was in the way all the time; nothing was decided.
        (_, "kv_store_busy") | (404, _) => Exit::Failure,
        (409 | 412, _) | (_, "check_failed" | "key_exists" | "key_not_exists" | "held" | "not_held") => Exit::Conflict,
        (401 | 403, _) => Exit::Unauthorized,
        (413, _) => Exit::TooLarge,
        _ => Exit::Failure,
    }
}
