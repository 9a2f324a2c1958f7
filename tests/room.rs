//! How large states and values may become, and what tells how much room is left.

#![allow(clippy::expect_used, reason = "a panic is how a test fails")]

mod support;

use serde_json::{Value, json};
use uuid::Uuid;

use support::service::{self, Setup};

const STATE_SIZE: &str = "AUTOMATION_KV_MAX_STATE_SIZE";

#[test]
fn a_state_may_be_larger_than_its_values() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).environment(STATE_SIZE, "200000").start();
    assert!(
        service
            .printed_until("limits:")
            .contains("limits: state size 200000 bytes, value size 65536 bytes, lock timeout")
    );
    let mut client = service.client(Uuid::new_v4());
    for key in ["a", "b", "c"] {
        assert_eq!(client.put(&format!("/{key}"), &text(60_000)).0, 201);
    }
    let (status, answer) = client.put("/d", &text(60_000));
    assert_eq!((status, &answer["error"]), (413, &json!("state_too_large")));
    assert_eq!((&answer["key"], &answer["limit_bytes"]), (&json!("d"), &json!(200_000)));
    let (status, answer) = client.put("/a", &text(65_535));
    assert_eq!((status, &answer["error"]), (413, &json!("value_too_large")));
    assert_eq!(
        (&answer["key"], &answer["size_bytes"], &answer["limit_bytes"]),
        (&json!("a"), &json!(65_537), &json!(65_536))
    );
    // A value that grows bit by bit meets the same limit.
    assert_eq!(client.put("/a", &json!([text(60_000)])).0, 200);
    let (status, answer) = client.post("/a/rpush", &json!({"value": text(6_000)}));
    assert_eq!((status, &answer["error"]), (413, &json!("value_too_large")));
    let (_, room) = client.get("?meta=true");
    let size = room["size_bytes"].as_u64().expect("a number");
    assert_eq!(room["limit_bytes"], json!(200_000));
    assert_eq!(room["free_bytes"], json!(200_000 - size));
    let entries = room["entries"].as_array().expect("a list");
    let sizes = entries
        .iter()
        .map(|entry| entry["size_bytes"].as_u64().expect("a number"));
    // Only the braces are of no key, less the comma that the last one needs not.
    assert!(sizes.sum::<u64>().abs_diff(size) <= 2, "{size}");
}

#[test]
fn without_a_state_limit_only_values_are_limited() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).environment(STATE_SIZE, "0").start();
    let mut client = service.client(Uuid::new_v4());
    for number in 0..5 {
        assert_eq!(client.put(&format!("/{number}"), &text(60_000)).0, 201);
    }
    assert_eq!(client.put("/large", &text(66_000)).1["error"], json!("value_too_large"));
    let (_, room) = client.get("?meta=true");
    assert_eq!(
        (&room["limit_bytes"], &room["free_bytes"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn the_limit_of_a_state_is_that_of_a_value_unless_given() {
    let folder = service::folder();
    let service = Setup::sqlite(folder.path()).start();
    let mut client = service.client(Uuid::new_v4());
    let (status, answer) = client.put("/large", &text(66_000));
    assert_eq!((status, &answer["error"]), (413, &json!("state_too_large")));
    assert_eq!(client.get("?meta=true").1["free_bytes"], json!(65_536 - 2));
}

#[test]
fn more_than_16_mib_is_refused() {
    let folder = service::folder();
    for size in ["16777217", "1MiB"] {
        let refused = Setup::sqlite(folder.path())
            .environment(STATE_SIZE, size)
            .run_to_its_end();
        assert!(refused.contains("--max-state-size"), "{refused}");
    }
}

fn text(characters: usize) -> Value {
    "x".repeat(characters).into()
}
