//! What SQLite alone does.

use automation_kv::database::Database;
use automation_kv::storage::{StorageError, StorageOptions, Stored, Swap};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection, Executor};

use crate::helpers::{new_id, sealed, soon, swap};

/// What SQLite keeps beside a database is beside the file that a link leads to.
#[tokio::test]
async fn a_linked_file_has_its_log_and_its_reserve_beside_it() {
    let (data, links) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (file, link) = (data.path().join("state.db"), links.path().join("link.db"));
    std::os::unix::fs::symlink(&file, &link).unwrap();
    let database = Database::parse(&format!("sqlite://{}", link.display())).unwrap();
    let options = StorageOptions::default();
    let (storage, id) = (database.open(&options).await.unwrap(), new_id());
    swap(&storage, id, None, "in the log").await;
    match database.peek(id, &options).await.unwrap() {
        Stored::Present(record) => assert_eq!(record.sealed, b"in the log"),
        other => panic!("{other:?}"),
    }
    assert!(data.path().join("state.db-reserve").exists());
    assert_eq!(std::fs::read_dir(links.path()).unwrap().count(), 1);
    storage.close().await;
}

/// What the database refuses did not happen, and whoever asked is told so; only of what may have happened that is unknown.
#[tokio::test]
async fn a_save_that_sqlite_refuses_has_failed_for_certain() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.db");
    let database = Database::parse(&format!("sqlite://{}", file.display())).unwrap();
    let storage = database.open(&StorageOptions::default()).await.unwrap();
    let (refused, other) = (new_id(), new_id());
    for id in [refused, other] {
        swap(&storage, id, None, "before").await;
    }
    let options = SqliteConnectOptions::new().filename(file);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    let trigger = format!(
        "CREATE TRIGGER refuses BEFORE UPDATE ON automation_kv WHEN new.automation_id = '{}'
        BEGIN SELECT RAISE(ABORT, 'as meant'); END",
        refused.to_string().replace('-', "")
    );
    connection.execute(AssertSqlSafe(trigger)).await.unwrap();
    let saved = storage.swap(refused, Some(1), sealed("after", None), soon()).await;
    assert!(matches!(saved, Err(StorageError::Unavailable(_))), "{saved:?}");
    let saved = storage.swap(other, Some(1), sealed("after", None), soon()).await;
    assert!(matches!(saved, Ok(Swap::Saved)), "{saved:?}");
    connection.close().await.unwrap();
    storage.close().await;
}
