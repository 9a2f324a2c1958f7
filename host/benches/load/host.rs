//! A service of our own to drive: the binary as it is shipped, in a process of its own.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The secret of services that are started here.
pub const SECRET: &str = "a secret for benchmarks";

/// The binary of the profile `dist`, which is built first if need be; another one, if `AUTOMATION_KV_BINARY` names it.
static BINARY: LazyLock<PathBuf> = LazyLock::new(|| {
    if let Some(binary) = std::env::var_os("AUTOMATION_KV_BINARY") {
        return binary.into();
    }
    // Cargo puts each profile's binaries into a folder of its own, beside that of this program's.
    let own = Path::new(env!("CARGO_BIN_EXE_automation-kv"));
    let target = own.ancestors().nth(2).expect("a folder for what is built");
    let build = ["build", "--profile", "dist", "--locked", "--bin", "automation-kv"];
    let built = Command::new(env!("CARGO"))
        .args(build)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .env("CARGO_TARGET_DIR", target)
        .status();
    assert!(built.is_ok_and(|built| built.success()), "cargo {}", build.join(" "));
    target.join("dist/automation-kv")
});

/// A running service; it ends with the value.
pub struct Host {
    process: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From its start to its first line.
    pub started_in: Duration,
}

impl Host {
    /// Starts it on a database.
    pub fn start(database_url: &str) -> Self {
        LazyLock::force(&BINARY);
        let begun = Instant::now();
        let mut process = Command::new(&*BINARY)
            .args(["serve", "--listen", "127.0.0.1:0", "--database-url", database_url])
            .env("AUTOMATION_KV_SECRET", SECRET)
            .env("AUTOMATION_LOG_LEVEL", "warn")
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(process.stdout.take().expect("a pipe"));
        let mut line = String::new();
        lines.read_line(&mut line).expect("a line");
        let address = line.trim_start_matches("listening on http://").split(' ').next();
        let address = address.and_then(|address| address.parse().ok()).expect("an address");
        std::thread::spawn(move || std::io::copy(&mut lines, &mut std::io::sink()));
        Self {
            process,
            address,
            started_in: begun.elapsed(),
        }
    }

    /// On a SQLite file in a folder.
    pub fn sqlite(folder: &Path) -> Self {
        Self::start(&format!("sqlite://{}/state.db", folder.display()))
    }

    /// Memory in use, in MiB: now, and at its highest.
    pub fn resident_mib(&self) -> (u64, u64) {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap_or_default();
        let mib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kib: Option<u64> = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
            kib.unwrap_or(0) / 1024
        };
        (mib("VmRSS:"), mib("VmHWM:"))
    }

    /// Processor time that it used so far.
    pub fn processor_time(&self) -> Duration {
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.process.id())).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |at: usize| {
            fields
                .get(at)
                .and_then(|field| field.parse::<f64>().ok())
                .unwrap_or(0.0)
        };
        Duration::from_secs_f64((ticks(11) + ticks(12)) / TICKS_PER_SECOND)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
