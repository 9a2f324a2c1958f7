//! What the service is compared with: Redis and pgbench, from Debian's packages, on the same disk.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::drive::behind;
use super::postgres::{self, Cluster};

/// Reads of one key.
pub const GET: &str = "GET";
/// Increments of one key.
pub const INCR_ONE: &str = "INCR, one key";
/// Increments over many keys.
pub const INCR_MANY: &str = "INCR, 1,000 keys";

/// A Redis server that syncs every write before it answers.
pub struct Redis {
    server: Child,
    port: u16,
}

impl Redis {
    /// Starts one whose log is in a folder.
    pub fn start(folder: &Path) -> Self {
        let port = postgres::free_port();
        let server = Command::new("redis-server")
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""])
            .args(["--appendonly", "yes", "--appendfsync", "always", "--dir"])
            .arg(folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("missing: the program redis-server; run: make setup-bench");
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(10), "Redis does not start");
            std::thread::sleep(Duration::from_millis(10));
        }
        Self { server, port }
    }

    /// Operations a second of each kind.
    pub fn rates(&self, clients: usize) -> [(&'static str, f64); 3] {
        self.rate(clients, &["SET", "key", "value"]);
        [
            (GET, self.rate(clients, &["GET", "key"])),
            (INCR_ONE, self.rate(clients, &["INCR", "counter"])),
            (
                INCR_MANY,
                self.rate(clients, &["-r", "1000", "INCR", "counter:__rand_int__"]),
            ),
        ]
    }

    fn rate(&self, clients: usize, command: &[&str]) -> f64 {
        let output = behind("redis-benchmark")
            .args([
                "-p",
                &self.port.to_string(),
                "-c",
                &clients.to_string(),
                "-P",
                "1",
                "-n",
                "100000",
                "--csv",
            ])
            .args(command)
            .output()
            .expect("missing: the program redis-benchmark; run: make setup-bench");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        // The last line is `"INCR counter","54585.15",…`.
        let rate = text
            .lines()
            .last()
            .and_then(|line| line.split("\",\"").nth(1)?.trim_matches('"').parse().ok());
        rate.unwrap_or_else(|| panic!("redis-benchmark says: {text}"))
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// Updates of one row, as scripts of pgbench.
pub struct PgBench {
    url: String,
    counter: tempfile::NamedTempFile,
    large: tempfile::NamedTempFile,
}

/// Rows as large as a sealed state of 60 KB is: as many as the mix on large documents has automations.
const LARGE_TABLE: &str = "CREATE TABLE states (id int PRIMARY KEY, revision bigint NOT NULL, sealed text NOT NULL); \
     ALTER TABLE states ALTER COLUMN sealed SET STORAGE EXTERNAL; \
     INSERT INTO states SELECT id, 1, repeat('0123456789abcdef', 5000) FROM generate_series(1, 32) AS id;";

impl PgBench {
    /// Makes the tables in a database of their own.
    pub fn prepare(cluster: &Cluster) -> Self {
        const COUNTER: &str = "\\set id random(1, 1000)\nUPDATE counters SET n = n + 1 WHERE id = :id;\n";
        let database = cluster.new_database();
        cluster.sql(
            &database,
            "CREATE TABLE counters (id int PRIMARY KEY, n bigint NOT NULL)",
        );
        cluster.sql(
            &database,
            "INSERT INTO counters SELECT id, 0 FROM generate_series(1, 1000) AS id",
        );
        cluster.sql(&database, "VACUUM ANALYZE counters");
        for statement in LARGE_TABLE.split_inclusive(';') {
            cluster.sql(&database, statement);
        }
        let sealed = "0123456789abcdef".repeat(5000);
        let large = format!(
            "\\set id random(1, 32)\n\
             UPDATE states SET sealed = '{sealed}', revision = revision + 1 WHERE id = :id;\n"
        );
        Self {
            url: cluster.url(&database),
            counter: script(COUNTER),
            large: script(&large),
        }
    }

    /// Updates a second of one of 1,000 counters.
    pub fn rate(&self, clients: usize, seconds: u64) -> f64 {
        self.run(&self.counter, clients, seconds)
    }

    /// Updates a second of one of 32 rows with a text of 80 KB: what PostgreSQL has to do for a state of 60 KB, and nothing else.
    pub fn rate_of_large(&self, clients: usize, seconds: u64) -> f64 {
        self.run(&self.large, clients, seconds)
    }

    fn run(&self, script: &tempfile::NamedTempFile, clients: usize, seconds: u64) -> f64 {
        let output = behind(postgres::program("pgbench"))
            .args([
                "-n",
                "-j",
                "2",
                "-c",
                &clients.to_string(),
                "-T",
                &seconds.to_string(),
                "-f",
            ])
            .arg(script.path())
            .arg(&self.url)
            .output()
            .expect("pgbench");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let line = text.lines().find_map(|line| line.strip_prefix("tps = "));
        let rate = line.and_then(|rest| rest.split_whitespace().next()?.parse().ok());
        rate.unwrap_or_else(|| panic!("pgbench says: {text}"))
    }
}

fn script(text: &str) -> tempfile::NamedTempFile {
    let script = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(script.path(), text).expect("a script");
    script
}
