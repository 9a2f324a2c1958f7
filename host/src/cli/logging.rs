//! Logs go to stderr: for people on a terminal, as JSON lines anywhere else.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

use super::CommandError;

/// Starts logging at a level (`error`, `warn`, `info`, `debug`, `trace`, in any case) or by a filter such as
/// `automation_kv=debug,sqlx=warn`.
pub(super) fn start(level: &str) -> Result<(), CommandError> {
    let directives = match level.to_ascii_lowercase().as_str() {
        // The names that Python's logging has beside ours.
        "warning" => "warn".to_string(),
        "critical" => "error".to_string(),
        level @ ("error" | "warn" | "info" | "debug" | "trace" | "off") => format!("{level},sqlx=warn,hyper=warn"),
        _ => level.to_string(),
    };
    let filter = EnvFilter::try_new(directives).map_err(|error| {
        CommandError::new(format!(
            "AUTOMATION_LOG_LEVEL {level:?} is not a level or filter: {error}"
        ))
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_span_events(FmtSpan::NONE)
        // It would be logged to stderr with a panic if that fails too, as it does where logs are on a full disk.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        builder.init();
    } else {
        builder.json().init();
    }
    Ok(())
}
