//! PostgreSQL for tests: a throw-away cluster of the installed programs, run by an unprivileged user, that ends with
//! the process that started it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a start may take on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_mins(1);

/// Runs a server in the foreground until it ends by itself, or the pipe to this script's input closes.
const UNTIL_INPUT_CLOSES: &str = r#"
"$@" </dev/null &
server=$!
( cat >/dev/null; kill -INT $server 2>/dev/null ) <&3 &
wait $server
"#;

/// The cluster that tests share; each takes databases of its own.
pub static SHARED: LazyLock<Cluster> = LazyLock::new(|| Cluster::start(&[]));

/// A running cluster.
pub struct Cluster {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    server: Mutex<Option<Server>>,
}

/// A server process and the pipe that keeps it running.
pub struct Server {
    process: Child,
    keeping: Option<ChildStdin>,
}

/// A session of `psql`, which holds what it locked until it is dropped.
pub struct Session {
    process: Child,
    input: Option<ChildStdin>,
}

impl Cluster {
    /// Makes a cluster with additional settings (`name=value`) and starts it.
    pub fn start(settings: &[&str]) -> Self {
        let folder = unprivileged_folder("automation-kv-postgres-");
        let data = folder.path().join("data");
        let made = as_unprivileged(&program("initdb"))
            .args([
                "--auth=trust",
                "--username=postgres",
                "--encoding=UTF8",
                "--no-locale",
                "--no-sync",
                "-D",
            ])
            .arg(&data)
            .output()
            .expect("initdb");
        assert!(
            made.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let cluster = Self {
            folder,
            port: free_port(),
            settings: settings.iter().map(|&setting| setting.to_owned()).collect(),
            server: Mutex::new(None),
        };
        cluster.resume();
        cluster
    }

    /// Starts the server again after [`stop`](Self::stop).
    pub fn resume(&self) {
        let port = self.port.to_string();
        let socket = format!("unix_socket_directories={}", self.folder.path().display());
        let mut command = as_unprivileged(&program("postgres"));
        command
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-p", &port]);
        let own = [
            "listen_addresses=127.0.0.1",
            "max_connections=400",
            "shared_buffers=64MB",
            &socket,
        ];
        for setting in own.into_iter().chain(self.settings.iter().map(String::as_str)) {
            command.args(["-c", setting]);
        }
        let server = Server::run(&command, &self.folder.path().join("postgres.log"));
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(server);
        let begun = Instant::now();
        while !self.answers() {
            assert!(begun.elapsed() < PATIENCE, "PostgreSQL does not start: {}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Stops the server: `fast`, or `immediate`, which is a crash.
    pub fn stop(&self, mode: &str) {
        let stopped = as_unprivileged(&program("pg_ctl"))
            .args(["stop", "-w", "-m", mode, "-D"])
            .arg(self.folder.path().join("data"))
            .stdout(Stdio::null())
            .status();
        assert!(stopped.expect("pg_ctl").success());
        drop(self.server.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// A new database, empty: its URL.
    pub fn database(&self) -> String {
        self.url(&self.new_database())
    }

    /// A new database, empty: its name.
    pub fn new_database(&self) -> String {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("kv_{}", COUNT.fetch_add(1, Ordering::Relaxed));
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// The URL of a database.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// The port that the server listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The server's process id.
    pub fn process_id(&self) -> u32 {
        let file = self.folder.path().join("data/postmaster.pid");
        let text = fs::read_to_string(file).expect("the server's process id");
        text.lines()
            .next()
            .and_then(|line| line.parse().ok())
            .expect("a number")
    }

    /// Where the server keeps its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs statements, and gives what they print, unaligned.
    pub fn sql(&self, database: &str, statements: &str) -> String {
        let output = self.psql(database).args(["-c", statements]).output().expect("psql");
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{statements}: {problem}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Opens a session, runs statements in it, and leaves it as it is then.
    pub fn session(&self, database: &str, statements: &str) -> Session {
        let mut command = self.psql(database);
        let mut process = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql");
        let mut input = process.stdin.take().expect("a pipe");
        writeln!(input, "{statements}\n\\echo ready").expect("psql reads");
        let mut output = process.stdout.take().expect("a pipe");
        let mut seen = String::new();
        while !seen.contains("ready") {
            let mut some = [0; 1024];
            let count = output.read(&mut some).expect("psql answers");
            assert!(count > 0, "psql ended: {seen}");
            seen.push_str(&String::from_utf8_lossy(&some[..count]));
        }
        Session {
            process,
            input: Some(input),
        }
    }

    /// The server's log.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("postgres.log")).unwrap_or_default()
    }

    fn psql(&self, database: &str) -> Command {
        let mut command = Command::new(program("psql"));
        command.args(["-XqAt", "-v", "ON_ERROR_STOP=1", &self.url(database)]);
        command
    }

    fn answers(&self) -> bool {
        let mut command = self.psql("postgres");
        let asked = command.args(["-c", "SELECT 1"]).stderr(Stdio::null()).output();
        asked.is_ok_and(|asked| asked.status.success())
    }
}

impl Server {
    /// Runs a command in the foreground of a shell that ends it when this process ends, however it does.
    pub fn run(command: &Command, log: &Path) -> Self {
        let mut shell = as_unprivileged(Path::new("sh"));
        // The shell's own input is the pipe; what runs in its background would read from nowhere otherwise.
        shell.args(["-c", &format!("exec 3<&0\n{UNTIL_INPUT_CLOSES}"), "sh"]);
        shell.arg(command.get_program()).args(command.get_args());
        let log = fs::File::options().create(true).append(true).open(log).expect("a log");
        let mut process = shell
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("a shell");
        let keeping = process.stdin.take();
        Self { process, keeping }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.keeping.take());
        let _ = self.process.wait();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A folder that the unprivileged user owns.
pub fn unprivileged_folder(prefix: &str) -> TempDir {
    let folder = tempfile::Builder::new().prefix(prefix).tempdir().expect("a folder");
    if let Some((user, group)) = *UNPRIVILEGED {
        chown(folder.path(), Some(user), Some(group)).expect("a folder of ours");
    }
    folder
}

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A command that root has the user `postgres` run, since the servers refuse root.
pub fn as_unprivileged(program: &Path) -> Command {
    let mut command = Command::new(program);
    if let Some((user, group)) = *UNPRIVILEGED {
        command.uid(user).gid(group);
    }
    command.current_dir("/");
    command
}

/// User and group to run servers as; none if this process is not root's.
static UNPRIVILEGED: LazyLock<Option<(u32, u32)>> = LazyLock::new(|| {
    let id = |arguments: &[&str]| -> u32 {
        let output = Command::new("id").args(arguments).output().expect("the command id");
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        text.parse()
            .unwrap_or_else(|_| panic!("missing: the user postgres; run: make setup"))
    };
    (id(&["-u"]) == 0).then(|| (id(&["-u", "postgres"]), id(&["-g", "postgres"])))
});

/// A program of the newest PostgreSQL that is installed.
pub fn program(name: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut programs: Vec<PathBuf> = versions
        .map(|version| version.path().join("bin").join(name))
        .filter(|program| program.exists())
        .collect();
    programs.sort();
    programs
        .pop()
        .unwrap_or_else(|| panic!("missing: PostgreSQL's program {name} below /usr/lib/postgresql; run: make setup"))
}
