//! PgBouncer in transaction mode before a cluster, with fewer connections behind it than before it.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::postgres::{self, Cluster, Server};

/// A running pooler.
pub struct PgBouncer {
    port: u16,
    _server: Server,
    _folder: TempDir,
}

impl PgBouncer {
    /// Starts it before all databases of a cluster.
    pub fn before(cluster: &Cluster) -> Self {
        let folder = postgres::unprivileged_folder("automation-kv-pgbouncer-");
        let port = postgres::free_port();
        let users = folder.path().join("users.txt");
        fs::write(&users, "\"postgres\" \"\"\n").expect("a file");
        let configuration = folder.path().join("pgbouncer.ini");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 4\n\
             max_client_conn = 200\n",
            cluster.port(),
            users.display()
        );
        fs::write(&configuration, text).expect("a file");
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"]
            .into_iter()
            .map(Path::new)
            .find(|program| program.exists())
            .unwrap_or_else(|| panic!("missing: the program pgbouncer; run: make setup"));
        let mut command = postgres::as_unprivileged(program);
        command.arg(&configuration);
        let log = folder.path().join("pgbouncer.log");
        let server = Server::run(&command, &log);
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let said = fs::read_to_string(&log).unwrap_or_default();
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "PgBouncer does not start: {said}"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Self {
            port,
            _server: server,
            _folder: folder,
        }
    }

    /// The URL of a database of the cluster, by way of the pooler.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}
