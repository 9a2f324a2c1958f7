//! What PostgreSQL alone does.

use automation_kv::storage::{Sealed, StorageOptions, Swap};

use crate::helpers::{change, change_beside, keep, loaded, new_id, soon, swap};
use crate::place::Place;
use crate::support;

/// A standby that took over without the latest writes may give their revisions out again.
#[tokio::test]
async fn a_change_beside_another_base_of_the_same_revision_is_lost() {
    let server = &support::postgres::SHARED;
    let database = server.new_database();
    let (storage, id) = (Place::new(|_| server.url(&database)).open().await, new_id());
    swap(&storage, id, None, "base").await;
    server.sql(&database, "UPDATE automation_kv SET state_encrypted = 'other'");
    assert_eq!(change_beside(&storage, id, 1, "base", ".one").await, Swap::Lost);
    let keeping = Sealed {
        keep: Some(keep("run", 1, 9)),
        ..change("base", ".one")
    };
    assert_eq!(storage.swap(id, Some(1), keeping, soon()).await.unwrap(), Swap::Lost);
    assert_eq!(loaded(&storage, id).await.sealed, b"other");
    assert_eq!(change_beside(&storage, id, 1, "other", ".one").await, Swap::Saved);
    assert_eq!(loaded(&storage, id).await.sealed, b"other.one");
}

/// The function's statements are planned once for a connection, maybe while the table has one row.
#[tokio::test]
async fn rows_are_found_by_their_ids_however_few_there_were_when_that_was_planned() {
    let server = &support::postgres::SHARED;
    let database = server.new_database();
    let storage = Place::new(|_| server.url(&database)).open().await;
    for skip_locked in [false, true] {
        for rows in [0, 1, 5] {
            let looked_at = server.sql(
                &database,
                &format!(
                    "DELETE FROM automation_kv; \
                     INSERT INTO automation_kv (id, automation_id, state_encrypted) \
                     SELECT gen_random_uuid(), gen_random_uuid(), '' FROM generate_series(1, {rows}); \
                     ANALYZE automation_kv; \
                     SELECT automation_kv_replace('{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', {skip_locked}); \
                     INSERT INTO automation_kv (id, automation_id, state_encrypted) \
                     SELECT gen_random_uuid(), gen_random_uuid(), '' FROM generate_series(1, 2000); \
                     WITH next AS (SELECT automation_id AS id FROM automation_kv LIMIT 10) \
                     SELECT count(automation_kv_replace) FROM (SELECT automation_kv_replace(\
                     array_agg(id), array_agg(1::bigint), array_agg('new'::text), array_agg(NULL::text), \
                     array_agg(NULL::text), array_agg(NULL::bigint), {skip_locked}) FROM next) AS saved; \
                     SELECT idx_tup_fetch FROM pg_stat_xact_user_tables WHERE relname = 'automation_kv'"
                ),
            );
            let looked_at: u32 = looked_at.lines().last().unwrap().parse().unwrap();
            assert!((10..100).contains(&looked_at), "{looked_at} rows looked at for 10");
        }
    }
    storage.close().await;
}

#[tokio::test]
async fn tables_without_the_function_are_refused() {
    let server = &support::postgres::SHARED;
    let database = server.new_database();
    let place = Place::new(|_| server.url(&database));
    place.open().await.close().await;
    server.sql(&database, "DROP FUNCTION automation_kv_replace");
    let refused = place.database.open(&StorageOptions::default()).await.err().unwrap();
    assert!(
        refused.to_string().contains("no function automation_kv_replace"),
        "{refused}"
    );
}
