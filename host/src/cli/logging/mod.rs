//! Logs go to stderr: for people on a terminal, as JSON lines anywhere else.

mod lines;

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{self, FmtSpan, JsonFields};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use super::CommandError;
use lines::{Lines, into_json, into_text};

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
    let targets: Targets = directives.parse().map_err(|error| {
        CommandError::new(format!(
            "AUTOMATION_LOG_LEVEL {level:?} is not a level or filter: {error}"
        ))
    })?;
    write(targets);
    Ok(())
}

/// Writes what a filter lets through.
fn write(filter: Targets) {
    let lines = tracing_subscriber::fmt::layer()
        .with_span_events(FmtSpan::NONE)
        // It would be logged to stderr with a panic if that fails too, as it does where logs are on a full disk.
        .log_internal_errors(false)
        .with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if std::io::stderr().is_terminal() {
        let format = format::format().with_ansi(std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()));
        let insert = into_text;
        registry.with(lines.event_format(Lines { format, insert })).init();
    } else {
        let format = format::format().json();
        let insert = into_json;
        let lines = lines.fmt_fields(JsonFields::new());
        registry.with(lines.event_format(Lines { format, insert })).init();
    }
}
