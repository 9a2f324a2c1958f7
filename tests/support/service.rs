//! The service under test: the real binary, in a process of its own, ended with the value.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use automation_kv_checks::Target;
use tempfile::TempDir;
use uuid::Uuid;

use super::client::Client;
use super::token;

/// The secret of every service that is not given another.
pub const SECRET: &str = "a secret for tests, and for nothing else";

/// The binary.
pub const BINARY: &str = env!("CARGO_BIN_EXE_automation-kv");

/// How long a start may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(30);

/// How to start a service.
#[derive(Clone)]
pub struct Setup {
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    /// What a shell does first.
    first: Option<String>,
    folder: PathBuf,
}

/// A running service.
pub struct Service {
    process: Child,
    address: SocketAddr,
    /// What it wrote to stdout.
    printed: Arc<Mutex<String>>,
    log: PathBuf,
}

/// A command of the binary with nothing of the tests' own environment that could change what it does.
pub fn command(arguments: &[&str]) -> Command {
    let mut command = without_settings(Command::new(BINARY));
    command.args(arguments);
    command
}

fn without_settings(mut command: Command) -> Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AUTOMATION_") {
            command.env_remove(name);
        }
    }
    command
}

impl Setup {
    /// On a SQLite file in a folder. Two threads serve, on a small machine too: one alone races with nobody.
    pub fn sqlite(folder: &Path) -> Self {
        Self::on(folder, &format!("sqlite://{}", database_file(folder).display()))
            .environment("AUTOMATION_KV_THREADS", "2")
    }

    /// On any database; logs go to the folder.
    pub fn on(folder: &Path, database_url: &str) -> Self {
        Self {
            arguments: Vec::new(),
            environment: Vec::new(),
            first: None,
            folder: folder.to_owned(),
        }
        .environment("AUTOMATION_DB_URL", database_url)
        .environment("AUTOMATION_KV_SECRET", SECRET)
    }

    /// With one more argument for `serve`.
    #[must_use]
    pub fn argument(mut self, argument: &str) -> Self {
        self.arguments.push(argument.to_owned());
        self
    }

    /// With one more environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.retain(|(own, _)| own != name);
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Without an environment variable that it would have otherwise.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.environment.retain(|(own, _)| own != name);
        self
    }

    /// Runs it where it is refused, and gives what it says.
    pub fn run_to_its_end(&self) -> String {
        let output = self.command().output().expect("the binary runs");
        assert!(!output.status.success(), "it was not refused");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// With a shell that does something first and then becomes the service.
    pub fn through(&self, first: &str) -> Self {
        let mut setup = self.clone();
        setup.first = Some(first.to_owned());
        setup
    }

    fn command(&self) -> Command {
        let mut command = command(&["serve", "--listen", "127.0.0.1:0"]);
        if let Some(first) = &self.first {
            let script = format!("{first}; exec \"$0\" \"$@\"");
            let mut shell = Command::new("sh");
            shell.args(["-c", &script, BINARY]).args(command.get_args());
            command = without_settings(shell);
        }
        command
            .args(&self.arguments)
            .envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Starts it and waits until it listens.
    pub fn start(&self) -> Service {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let log = self
            .folder
            .join(format!("service-{}.log", COUNT.fetch_add(1, Ordering::Relaxed)));
        let mut process = self
            .command()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).expect("a log file"))
            .process_group(0)
            .spawn()
            .expect("the binary starts");
        let stdout = process.stdout.take().expect("a pipe");
        let printed = Arc::new(Mutex::new(String::new()));
        let reading = Arc::clone(&printed);
        // All of it must be read, or the service would one day wait for room in the pipe.
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let mut printed = reading.lock().expect("a reader");
                printed.push_str(&line);
                printed.push('\n');
            }
        });
        let mut service = Service {
            process,
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            printed,
            log,
        };
        service.address = address_in(&service.printed_line("listening on http://"));
        service
    }
}

impl Service {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything that it printed up to a line that begins with `start`, which it waits for.
    pub fn printed_until(&self, start: &str) -> String {
        let begun = Instant::now();
        loop {
            let printed = self.printed.lock().expect("a reader").clone();
            if printed.lines().any(|line| line.starts_with(start)) {
                return printed;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "no line {start:?} in {printed:?}; log: {}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The line that begins with `start`.
    fn printed_line(&self, start: &str) -> String {
        let printed = self.printed_until(start);
        printed
            .lines()
            .find(|line| line.starts_with(start))
            .unwrap_or_default()
            .to_owned()
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// It, as the target of recorded cases.
    pub fn target(&self, prefix: &str) -> Target {
        Target::with_secret(self.address, prefix, SECRET.into())
    }

    /// A client with a token for an automation.
    pub fn client(&self, automation: Uuid) -> Client {
        Client::new(self.address, &token::valid(SECRET, &automation.to_string()))
    }

    /// Everything that it logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).expect("a log")
    }

    /// Kills it: no destructor runs, nothing is flushed.
    pub fn kill(mut self) {
        self.process.kill().expect("a process that can be killed");
        self.process.wait().expect("a process that ends");
    }

    /// Asks it to stop.
    pub fn terminate(&self) {
        let id = self.process.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &id]).status();
        assert!(sent.expect("the command kill").success());
    }

    /// Asks it to stop and waits for it.
    pub fn stop(mut self) -> ExitStatus {
        self.terminate();
        self.process.wait().expect("a process that ends")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder that goes away with the value.
pub fn folder() -> TempDir {
    tempfile::Builder::new()
        .prefix("automation-kv-")
        .tempdir()
        .expect("a temporary folder")
}

/// Where [`Setup::sqlite`] keeps its states.
pub fn database_file(folder: &Path) -> PathBuf {
    folder.join("state.db")
}

fn address_in(line: &str) -> SocketAddr {
    let address = line
        .trim_start_matches("listening on http://")
        .split_whitespace()
        .next();
    address.and_then(|address| address.parse().ok()).expect("an address")
}
