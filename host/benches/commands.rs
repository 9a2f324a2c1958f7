//! How long commands take as a whole, process and all: `simulate` with 100 operations, and what `dry-run` adds to the command
//! that it runs. Prints medians of many runs.

#![allow(clippy::unwrap_used, reason = "a benchmark that fails stops")]

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_automation-kv");
const RUNS: usize = 40;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let operations: Vec<_> = (0..100)
        .map(|number| serde_json::json!({"op": "rpush", "key": format!("list{}", number % 10), "value": {"number": number}}))
        .collect();
    let file = folder.path().join("ops.json");
    std::fs::write(&file, serde_json::json!({"operations": operations}).to_string()).unwrap();
    let database = format!("sqlite://{}", folder.path().join("state.db").display());
    let automation = "00000000-0000-4000-8000-000000000001";
    let first = median(
        1,
        || {
            let mut command = Command::new(BINARY);
            command.args(["run", "--automation", automation, "--", "true"]);
            command
        },
        &database,
    );
    println!("first `run`, which makes the database, and compiles what the cache does not hold: {first:?}");
    let simulate = || {
        let mut command = Command::new(BINARY);
        command.arg("simulate").arg(&file);
        command
    };
    println!(
        "`simulate` of 100 operations, whole process: {:?}",
        median(RUNS, simulate, &database)
    );
    let bare = median(RUNS, || Command::new("true"), &database);
    let dry_run = || {
        let mut command = Command::new(BINARY);
        command.args(["dry-run", "--automation", automation, "--", "true"]);
        command
    };
    let whole = median(RUNS, dry_run, &database);
    println!(
        "`dry-run`, beyond the command's own {bare:?}: {:?}",
        whole.saturating_sub(bare)
    );
}

fn median(runs: usize, command: impl Fn() -> Command, database: &str) -> Duration {
    let mut times: Vec<Duration> = (0..runs).map(|_| timed(command(), database)).collect();
    times.sort_unstable();
    times[times.len() / 2]
}

fn timed(mut command: Command, database: &str) -> Duration {
    command
        .env("AUTOMATION_KV_SECRET", "a secret for benchmarks")
        .env("AUTOMATION_DB_URL", database)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let begun = Instant::now();
    assert!(command.status().unwrap().success());
    begun.elapsed()
}
