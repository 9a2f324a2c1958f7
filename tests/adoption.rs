//! A database that the Python service made is taken over: nothing is lost, its own tables stay as they are.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::json;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor, Row};
use uuid::Uuid;

use support::postgres::SHARED;
use support::service::{self, Service, Setup};
use support::token;

/// What the state was sealed with.
const SECRET: &str = "vector-secret";

/// `{"k": {"é": [1, 2.0, null]}, "$version": 7}`, sealed by Python's `cryptography` with the SHA-256 of the secret.
const SEALED: &str = "gAAAAABlU_EAAAECAwQFBgcICQoLDA0OD8X6jo3eXsLxIwcmIqzaNv8bhc1UZ2QQyN_T_-Ca34tbXqGNOmDBR5YVH-JEsV4b2WzR-ls28hC7AmnrGXLtEKoe2Z0q3IhrsTfkIG2RpB1_";

const POSTGRES_SCHEMA: &str = "
    CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY);
    INSERT INTO alembic_version VALUES ('007');
    CREATE TABLE automations (id uuid PRIMARY KEY, name text NOT NULL);
    CREATE TABLE automation_kv (
        id uuid PRIMARY KEY,
        automation_id uuid NOT NULL UNIQUE REFERENCES automations (id) ON DELETE CASCADE,
        state_encrypted text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP,
        updated_at timestamptz NOT NULL DEFAULT CURRENT_TIMESTAMP
    );
    CREATE UNIQUE INDEX ix_automation_kv_automation_id ON automation_kv (automation_id);";

const SQLITE_SCHEMA: &str = "
    CREATE TABLE automations (id CHAR(32) NOT NULL PRIMARY KEY, name TEXT NOT NULL);
    CREATE TABLE automation_kv (
        id CHAR(32) NOT NULL,
        automation_id CHAR(32) NOT NULL,
        state_encrypted TEXT NOT NULL,
        created_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL,
        updated_at DATETIME DEFAULT CURRENT_TIMESTAMP NOT NULL,
        PRIMARY KEY (id),
        UNIQUE (automation_id),
        FOREIGN KEY (automation_id) REFERENCES automations (id) ON DELETE CASCADE
    );
    CREATE UNIQUE INDEX ix_automation_kv_automation_id ON automation_kv (automation_id);";

#[test]
fn a_postgres_database_of_the_python_service_is_taken_over() {
    let database = SHARED.new_database();
    let (old, new) = (Uuid::new_v4(), Uuid::new_v4());
    SHARED.sql(&database, POSTGRES_SCHEMA);
    SHARED.sql(
        &database,
        &format!(
            "INSERT INTO automations VALUES ('{old}', 'old'), ('{new}', 'new'); \
             INSERT INTO automation_kv (id, automation_id, state_encrypted) VALUES ('{}', '{old}', '{SEALED}')",
            Uuid::new_v4()
        ),
    );
    let folder = service::folder();
    let setup = Setup::on(folder.path(), &SHARED.url(&database)).environment("AUTOMATION_KV_SECRET", SECRET);
    let refused = setup.run_to_its_end();
    assert!(refused.contains("AUTOMATION_KV_ADOPT=true"), "{refused}");
    assert_eq!(SHARED.sql(&database, "SELECT to_regclass('_sqlx_migrations')"), "");
    let service = setup.environment("AUTOMATION_KV_ADOPT", "true").start();
    takes_over(&service, old, new);
    assert_eq!(SHARED.sql(&database, "SELECT version_num FROM alembic_version"), "007");
    assert_eq!(SHARED.sql(&database, "SELECT count(*) FROM automations"), "2");
    let sealed = SHARED.sql(
        &database,
        &format!("SELECT revision, state_encrypted = '{SEALED}' FROM automation_kv WHERE automation_id = '{old}'"),
    );
    assert_eq!(sealed, "2|f");
    // The platform deletes an automation: its state goes too, and it is unknown from then on.
    SHARED.sql(&database, &format!("DELETE FROM automations WHERE id = '{old}'"));
    unknown(&service, old);
}

#[test]
fn a_sqlite_database_of_the_python_service_is_taken_over() {
    let folder = service::folder();
    let (old, new) = (Uuid::new_v4(), Uuid::new_v4());
    execute(folder.path(), SQLITE_SCHEMA);
    execute(
        folder.path(),
        &format!(
            "INSERT INTO automations VALUES ('{0}', 'old'), ('{1}', 'new'); \
             INSERT INTO automation_kv (id, automation_id, state_encrypted) VALUES ('{2}', '{0}', '{SEALED}')",
            old.simple(),
            new.simple(),
            Uuid::new_v4().simple()
        ),
    );
    let before = fs::read(service::database_file(folder.path())).expect("a database");
    let setup = Setup::sqlite(folder.path()).environment("AUTOMATION_KV_SECRET", SECRET);
    let refused = setup.run_to_its_end();
    assert!(refused.contains("AUTOMATION_KV_ADOPT=true"), "{refused}");
    assert!(
        before == fs::read(service::database_file(folder.path())).expect("a database"),
        "the file was changed"
    );
    let service = setup.environment("AUTOMATION_KV_ADOPT", "true").start();
    takes_over(&service, old, new);
    assert_eq!(count(folder.path(), "SELECT count(*) FROM automations"), 2);
}

/// Reads the old state, writes it, makes a new one, and meets ids that the platform does not know.
fn takes_over(service: &Service, old: Uuid, new: Uuid) {
    let mut client = client(service, old);
    let (status, answer) = client.get("/k?meta=true");
    assert_eq!(
        (status, &answer["value"], &answer["version"]),
        (200, &json!({"é": [1, 2.0, null]}), &json!(7))
    );
    assert_eq!(client.post("/n/incr", &json!({})).1["version"], json!(8));
    assert_eq!(client.get("").1["keys"], json!(["k", "n"]));
    assert_eq!(client.get("/k").1["value"], json!({"é": [1, 2.0, null]}));
    let mut client = self::client(service, new);
    assert_eq!(client.get("").1["keys"], json!([]));
    assert_eq!(client.put("/a", &json!(1)).0, 201);
    unknown(service, Uuid::new_v4());
}

fn unknown(service: &Service, id: Uuid) {
    let mut client = client(service, id);
    for (status, answer) in [
        client.get(""),
        client.get("/k"),
        client.put("/k", &json!(1)),
        client.post("/n/incr", &json!({})),
    ] {
        assert_eq!(
            (status, &answer["error"]),
            (404, &json!("automation_not_found")),
            "{answer}"
        );
    }
}

fn client(service: &Service, id: Uuid) -> support::client::Client {
    support::client::Client::new(service.address(), &token::valid(SECRET, &id.to_string()))
}

fn execute(folder: &Path, sql: &str) {
    runtime().block_on(async {
        let mut connection = connect(folder).await;
        let done = connection.execute(AssertSqlSafe(sql.to_owned())).await;
        done.expect("a statement");
        connection.close().await.expect("a closed connection");
    });
}

fn count(folder: &Path, sql: &'static str) -> i64 {
    runtime().block_on(async {
        let mut connection = connect(folder).await;
        let row = sqlx::query(sql).fetch_one(&mut connection).await.expect("a row");
        row.get(0)
    })
}

async fn connect(folder: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(service::database_file(folder))
        .create_if_missing(true);
    SqliteConnection::connect_with(&options).await.expect("the database")
}

fn runtime() -> tokio::runtime::Runtime {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime")
}
