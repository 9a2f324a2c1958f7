//! Logs go to stderr: for people on a terminal, as JSON lines anywhere else.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use super::CommandError;

/// Starts logging at a level (`error`, `warn`, `info`, `debug`, `trace`, in any case) or by a filter such as
/// `automation_kv=debug,sqlx=warn`.
pub(super) fn start(level: &str) -> Result<(), CommandError> {
    let directives = match level.to_ascii_lowercase().as_str() {
        // The names that Python's logging has beside ours.
        "warning" => "warn".to_string(),
        "critical" => "error".to_string(),
        level @ ("error" | "warn" | "info" | "debug" | "trace" | "off") => {
            format!("{level},sqlx=warn,hyper=warn,cranelift_codegen=warn,regalloc2=warn")
        }
        _ => level.to_string(),
    };
    let misspelled = |error: &dyn std::error::Error| {
        CommandError::new(format!(
            "AUTOMATION_LOG_LEVEL {level:?} is not a level or filter: {error}"
        ))
    };
    if directives.contains('[') {
        write(EnvFilter::try_new(directives).map_err(|error| misspelled(&error))?);
    } else {
        // The same without filters by spans, which cost every request a look-up whenever it goes on.
        let targets: Targets = directives.parse().map_err(|error| misspelled(&error))?;
        write(targets);
    }
    Ok(())
}

/// Writes what a filter lets through.
fn write(filter: impl Layer<Registry> + Send + Sync) {
    let lines = tracing_subscriber::fmt::layer()
        .with_span_events(FmtSpan::NONE)
        // It would be logged to stderr with a panic if that fails too, as it does where logs are on a full disk.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if std::io::stderr().is_terminal() {
        registry.with(lines).init();
    } else {
        registry.with(lines.json()).init();
    }
}
