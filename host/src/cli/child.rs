//! Starting the command of a run, as the platform's dispatcher does, and ending with it.

use std::ffi::OsString;
use std::future::Future;
use std::io::{self, ErrorKind, IsTerminal};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{CommandError, Exit};
use crate::automation::AutomationId;
use crate::token::Tokens;

/// What a script has no business to know.
const SECRET_VARIABLES: [&str; 2] = ["AUTOMATION_KV_SECRET", "AUTOMATION_KV_SECRET_PREVIOUS"];
const DATABASE_VARIABLES: &str = "AUTOMATION_DB_";

/// Signals that are passed on.
const SIGNALS: [(SignalKind, Signal); 4] = [
    (SignalKind::interrupt(), Signal::INT),
    (SignalKind::terminate(), Signal::TERM),
    (SignalKind::hangup(), Signal::HUP),
    (SignalKind::quit(), Signal::QUIT),
];

/// A run of an automation: a command and what it is given.
pub(super) struct Run<'a> {
    pub(super) command: &'a [OsString],
    pub(super) automation: AutomationId,
    /// Where the API is, without `/v1/kv`.
    pub(super) url: &'a str,
    pub(super) tokens: &'a Tokens,
    /// How long its token lives.
    pub(super) lifetime: Duration,
    pub(super) stdout: Stdio,
}

impl Run<'_> {
    /// Runs it to its end and gives its exit code: 128 and the signal's number if a signal ended it.
    pub(super) async fn until_it_ends(self) -> Result<u8, CommandError> {
        let signals = passed_on()?;
        let child = self.started()?;
        let status = ended(child, signals).await;
        status
            .map(code)
            .map_err(|error| CommandError::new(format!("cannot wait for the command: {error}")))
    }

    fn started(self) -> Result<std::process::Child, CommandError> {
        let (program, arguments) = self
            .command
            .split_first()
            .ok_or_else(|| CommandError::with(Exit::Usage, "there is no command behind --"))?;
        let run = Uuid::new_v4();
        let token = self
            .tokens
            .mint(self.automation, run, self.lifetime)
            .map_err(|error| CommandError::with(Exit::Usage, error.to_string()))?;
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if SECRET_VARIABLES.contains(&&*name) || name.starts_with(DATABASE_VARIABLES) {
                command.env_remove(&*name);
            }
        }
        command
            .args(arguments)
            .env("AUTOMATION_KV_TOKEN", token)
            .env("AUTOMATION_API_URL", self.url)
            .env("AUTOMATION_RUN_ID", run.to_string())
            .stdout(self.stdout);
        command.spawn().map_err(|error| {
            let name = program.to_string_lossy();
            match error.kind() {
                ErrorKind::NotFound => CommandError::with(Exit::NoSuchCommand, format!("{name}: command not found")),
                _ => CommandError::with(Exit::NotExecutable, format!("cannot run {name}: {error}")),
            }
        })
    }
}

/// The signals that come from now on.
fn passed_on() -> Result<mpsc::Receiver<Signal>, CommandError> {
    const WAITING: usize = 16;
    let (sender, receiver) = mpsc::channel(WAITING);
    for (kind, passed) in SIGNALS {
        let mut caught = signal(kind).map_err(|error| CommandError::new(format!("cannot catch signals: {error}")))?;
        // A terminal sends Ctrl-C and Ctrl-\ to the command as well, which should get each once.
        let is_from_terminal = matches!(passed, Signal::INT | Signal::QUIT) && io::stdin().is_terminal();
        let sender = sender.clone();
        tokio::spawn(async move {
            while caught.recv().await.is_some() {
                if !is_from_terminal && sender.send(passed).await.is_err() {
                    break;
                }
            }
        });
    }
    Ok(receiver)
}

fn ended(
    mut child: std::process::Child,
    mut signals: mpsc::Receiver<Signal>,
) -> impl Future<Output = io::Result<ExitStatus>> {
    let id = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    let waiting = tokio::task::spawn_blocking(move || child.wait());
    async move {
        tokio::pin!(waiting);
        loop {
            tokio::select! {
                biased;
                status = &mut waiting => return status.map_err(io::Error::other)?,
                Some(signal) = signals.recv() => {
                    // It may have ended just now.
                    let _ = id.map(|id| kill_process(id, signal));
                }
            }
        }
    }
}

/// As shells tell it.
fn code(status: ExitStatus) -> u8 {
    const SIGNALLED: i32 = 128;
    let code = status.code().or_else(|| Some(SIGNALLED + status.signal()?));
    code.and_then(|code| u8::try_from(code).ok())
        .unwrap_or(Exit::Failure as u8)
}
