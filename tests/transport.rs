//! TLS between the service and PostgreSQL, mode by mode.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use uuid::Uuid;

use support::postgres::{self, Cluster};
use support::service::{self, Setup};

/// Certificates: one authority and a server's for `localhost`, and another authority.
struct Certificates {
    folder: tempfile::TempDir,
}

impl Certificates {
    fn make() -> Self {
        let certificates = Self {
            folder: postgres::unprivileged_folder("automation-kv-tls-"),
        };
        for authority in ["ours", "theirs"] {
            let subject = format!("/CN={authority}");
            certificates.openssl(&[
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                &subject,
                "-keyout",
                &format!("{authority}.key"),
                "-out",
                &format!("{authority}.pem"),
            ]);
        }
        certificates.openssl(&[
            "req",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-keyout",
            "server.key",
            "-out",
            "server.csr",
        ]);
        fs::write(certificates.file("names"), "subjectAltName=DNS:localhost\n").expect("a file");
        certificates.openssl(&[
            "x509",
            "-req",
            "-in",
            "server.csr",
            "-CA",
            "ours.pem",
            "-CAkey",
            "ours.key",
            "-CAcreateserial",
            "-days",
            "2",
            "-extfile",
            "names",
            "-out",
            "server.pem",
        ]);
        let owner = fs::metadata(certificates.folder.path()).expect("a folder");
        let key = certificates.file("server.key");
        chown(&key, Some(owner.uid()), Some(owner.gid())).expect("a key of the server");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).expect("a private key");
        certificates
    }

    fn openssl(&self, arguments: &[&str]) {
        let made = Command::new("openssl")
            .args(arguments)
            .current_dir(self.folder.path())
            .output();
        let made = made.expect("missing: the program openssl; run: make setup");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

#[test]
fn each_mode_of_tls_does_what_it_says() {
    let certificates = Certificates::make();
    let setting = |name: &str, file: &Path| format!("{name}={}", file.display());
    let cluster = Cluster::start(&[
        "ssl=on",
        &setting("ssl_cert_file", &certificates.file("server.pem")),
        &setting("ssl_key_file", &certificates.file("server.key")),
    ]);
    let database = cluster.new_database();
    let url = |host: &str, mode: &str, root: Option<&str>| {
        let root = root.map(|root| format!("&sslrootcert={}", certificates.file(root).display()));
        format!(
            "postgres://postgres@{host}:{}/{database}?sslmode={mode}{}",
            cluster.port(),
            root.unwrap_or_default()
        )
    };
    let folder = service::folder();
    for (url, encrypted) in [
        (url("localhost", "disable", None), "f"),
        (url("localhost", "prefer", None), "t"),
        (url("127.0.0.1", "require", None), "t"),
        (url("127.0.0.1", "verify-ca", Some("ours.pem")), "t"),
        (url("localhost", "verify-full", Some("ours.pem")), "t"),
    ] {
        const USED: &str = "SELECT DISTINCT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                            WHERE application_name = 'automation-kv'";
        let service = Setup::on(folder.path(), &url).start();
        assert_eq!(service.client(Uuid::new_v4()).put("/a", &json!(1)).0, 201, "{url}");
        assert_eq!(cluster.sql("postgres", USED), encrypted, "{url}");
        assert!(service.stop().success());
    }
    for url in [
        url("localhost", "verify-full", Some("theirs.pem")),
        url("127.0.0.1", "verify-full", Some("ours.pem")),
        url("localhost", "verify-ca", Some("missing.pem")),
    ] {
        let message = Setup::on(folder.path(), &url).run_to_its_end();
        assert!(
            message.contains("cannot open the database") && message.lines().count() == 1,
            "{url}: {message}"
        );
    }
}
